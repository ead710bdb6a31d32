package ipvsadm

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"vigil/confparse"
)

// SystemNames are the names that this machine knows: of hosts by /etc/hosts and DNS, of services by /etc/services.
type SystemNames struct {
	once     sync.Once
	services []service
}

// service is one line of /etc/services.
type service struct {
	names []string
	port  uint16
	proto string
}

// Address implements Resolver.
func (*SystemNames) Address(host string) (netip.Addr, bool) {
	if strings.ContainsAny(host, " \t") {
		return netip.Addr{}, false
	}
	found, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip4", host)
	if err != nil || len(found) == 0 {
		return netip.Addr{}, false
	}
	return found[0].Unmap(), true
}

// Host implements Resolver.
func (*SystemNames) Host(a netip.Addr) (string, bool) {
	names, err := net.DefaultResolver.LookupAddr(context.Background(), a.String())
	if err != nil || len(names) == 0 {
		return "", false
	}
	return strings.TrimSuffix(names[0], "."), true
}

// Port implements Resolver.
func (n *SystemNames) Port(name string, p confparse.Protocol) (uint16, bool) {
	for _, s := range n.known() {
		if s.proto != p.String() {
			continue
		}
		for _, own := range s.names {
			if own == name {
				return s.port, true
			}
		}
	}
	return 0, false
}

// Service implements Resolver.
func (n *SystemNames) Service(port uint16, p confparse.Protocol) (string, bool) {
	for _, s := range n.known() {
		if s.port == port && s.proto == p.String() {
			return s.names[0], true
		}
	}
	return "", false
}

func (n *SystemNames) known() []service {
	n.once.Do(func() {
		f, err := os.Open("/etc/services")
		if err != nil {
			return // services have no names then
		}
		defer f.Close()
		n.services = parseServices(f)
	})
	return n.services
}

// parseServices reads services(5): name, port/protocol, further names, and comments after #.
func parseServices(r io.Reader) []service {
	var out []service
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		f := strings.Fields(text)
		if len(f) < 2 {
			continue
		}
		number, proto, _ := strings.Cut(f[1], "/")
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			continue
		}
		out = append(out, service{append(f[:1:1], f[2:]...), uint16(port), proto})
	}
	return out
}
