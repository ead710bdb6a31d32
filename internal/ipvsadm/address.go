package ipvsadm

import (
	"net/netip"
	"strconv"
	"strings"

	"vigil/confparse"
)

// Resolver knows the names of hosts and services, as gethostbyname(3), getservbyname(3) and their inverses do.
type Resolver interface {
	// Address returns the IPv4 address of a host.
	Address(host string) (netip.Addr, bool)
	// Host returns the name of an address.
	Host(netip.Addr) (string, bool)
	// Port returns the port of a service.
	Port(service string, p confparse.Protocol) (uint16, bool)
	// Service returns the name of a port.
	Service(port uint16, p confparse.Protocol) (string, bool)
}

// endpoint is host[:port] as it was written.
type endpoint struct {
	addr    netip.Addr
	port    uint16
	hasPort bool
}

// parseEndpoint reads host[:port]: an IPv4 address in any of its notations or the name of a host with one, or an IPv6
// address, in brackets if a port follows; the port as a number or by its name. A port after an IPv4 address in brackets is
// passed over.
func parseEndpoint(s string, p confparse.Protocol, names Resolver) (endpoint, bool) {
	host, port, hasPort := s, "", false
	switch {
	case strings.HasPrefix(s, "["):
		inside, rest, closed := strings.Cut(s[1:], "]")
		if !closed || !strings.HasPrefix(rest, ":") {
			return endpoint{}, false
		}
		if a, ok := parseIPv4(inside); ok {
			return endpoint{addr: a}, true
		}
		if !strings.Contains(inside, ":") {
			return endpoint{}, false
		}
		host, port, hasPort = inside, rest[1:], true
	case strings.Count(s, ":") == 1:
		host, port, hasPort = strings.Cut(s, ":")
	}
	e := endpoint{hasPort: hasPort}
	var ok bool
	if e.addr, ok = parseHost(host, names); !ok {
		return endpoint{}, false
	}
	if hasPort {
		e.port, ok = parsePort(port, p, names)
	}
	return e, ok
}

func parseHost(s string, names Resolver) (netip.Addr, bool) {
	if strings.Contains(s, ":") {
		a, err := netip.ParseAddr(s)
		return a, err == nil && a.Is6() && a.Zone() == ""
	}
	if a, ok := parseIPv4(s); ok {
		return a, true
	}
	if s == "" {
		return netip.Addr{}, false
	}
	return names.Address(s)
}

func parsePort(s string, p confparse.Protocol, names Resolver) (uint16, bool) {
	if n, ok := number(s, 0, 65535); ok {
		return uint16(n), true
	}
	return names.Port(s, p)
}

// parseIPv4 reads an address as inet_aton(3) does: one to four numbers, decimal, octal or hexadecimal, of which the last
// fills what is left; what follows white space is passed over.
func parseIPv4(s string) (netip.Addr, bool) {
	if i := strings.IndexAny(s, " \t\n\v\f\r"); i >= 0 {
		s = s[:i]
	}
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var b [4]byte
	for i, part := range parts {
		if part == "" || strings.ContainsAny(part, "_+-") || strings.ContainsAny(part[:1], "bBoO") {
			return netip.Addr{}, false
		}
		if len(part) > 1 && part[0] == '0' && strings.ContainsAny(part[1:2], "bBoO") {
			return netip.Addr{}, false // Go's notations, not C's
		}
		n, err := strconv.ParseUint(part, 0, 32)
		if err != nil {
			return netip.Addr{}, false
		}
		if i < len(parts)-1 {
			if n > 255 {
				return netip.Addr{}, false
			}
			b[i] = byte(n)
			continue
		}
		if n>>(8*(4-uint(i))) != 0 {
			return netip.Addr{}, false
		}
		for j := 3; j >= i; j-- {
			b[j] = byte(n)
			n >>= 8
		}
	}
	return netip.AddrFrom4(b), true
}
