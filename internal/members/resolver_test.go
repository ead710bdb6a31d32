package members

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"vigil/confparse"
)

// zone is name servers in memory. Its records are by "NAME TYPE"; a name without any does not exist.
type zone struct {
	mu      sync.Mutex
	records map[string][]string
	failure map[string]error // of names, or of servers by their address
	asked   []string
}

func (z *zone) set(question string, records ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.records == nil {
		z.records, z.failure = make(map[string][]string), make(map[string]error)
	}
	z.records[question] = records
}

func (z *zone) fail(what string, err error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.failure[what] = err; err == nil {
		delete(z.failure, what)
	}
}

func (z *zone) log() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	all := z.asked
	z.asked = nil
	return all
}

// errSilent is that of a server that never answers.
var errSilent = errors.New("silent")

func (z *zone) exchange(ctx context.Context, server netip.AddrPort, stream bool, query []byte, matches func([]byte) bool) ([]byte, error) {
	z.mu.Lock()
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil {
		panic(err)
	}
	q, err := p.Question()
	if err != nil {
		panic(err)
	}
	name := canonical(q.Name)
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	z.asked = append(z.asked, fmt.Sprintf("%s %s %s %v", server.Addr(), name, kind, stream))
	records, known := z.records[name+" "+kind]
	for question := range z.records {
		known = known || strings.HasPrefix(question, name+" ")
	}
	for _, what := range []string{server.Addr().String(), name} {
		if err = z.failure[what]; err != nil {
			break
		}
	}
	z.mu.Unlock()
	if errors.Is(err, errSilent) {
		<-ctx.Done()
		return nil, plain(ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	b := reply(h.ID, name, q.Type, func(h *dnsmessage.Header) {
		if !known {
			h.RCode = dnsmessage.RCodeNameError
		}
		h.Truncated = !stream && len(records) > 20
	}, records...)
	if !matches(b) {
		return nil, errors.New("no match")
	}
	return b, nil
}

// conf is a resolv.conf with name servers.
func conf(t testing.TB, servers ...string) string {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	write(t, path, "nameserver "+strings.Join(servers, "\nnameserver ")+"\n")
	return path
}

func TestNameServersOfTheHost(t *testing.T) {
	text := "# nameserver 192.0.2.9\nsearch example.org\nnameserver\nnameserver x\n nameserver 192.0.2.1\nnameserver fe80::1%eth0 # router\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n"
	if got := fmt.Sprint(nameServers(strings.NewReader(text))); got != "[192.0.2.1:53 [fe80::1%eth0]:53 192.0.2.3:53]" {
		t.Error(got)
	}
	path := filepath.Join(t.TempDir(), "resolv.conf")
	r := newResolver(nil, path)
	if _, err := r.servers(); err == nil {
		t.Error("no resolv.conf is no error")
	}
	write(t, path, "\n")
	if got, err := r.servers(); fmt.Sprint(got) != "[127.0.0.1:53]" || err != nil {
		t.Error(got, err)
	}
}

func TestMembersOfNames(t *testing.T) {
	z := new(zone)
	z.set("web A", "web 30 A 192.0.2.2", "web 30 A 192.0.2.1", "web 30 A 192.0.2.1")
	z.set("web AAAA", "web 10 AAAA 2001:db8::1")
	z.set("v4 A", "v4 30 A 192.0.2.7")
	z.set("bad A", "bad 30 A 192.0.2.7", "bad 30 A 224.0.0.1")
	z.set("mapped AAAA", "mapped 30 AAAA ::ffff:192.0.2.1")
	z.set("_http._tcp.web SRV", "_http._tcp.web 50 SRV 1,3,8080,web", "_http._tcp.web 50 SRV 1,0,8081,v4", "_http._tcp.web 50 SRV 2,9,80,v4", "_http._tcp.web 50 SRV 1,4,8080,web")
	z.set("_x._tcp SRV", "_x._tcp 5 SRV 1,3,8080,gone")
	z.set("_none._tcp SRV", "_none._tcp 5 SRV 0,0,0,")
	var many []string
	for i := range 21 {
		many = append(many, fmt.Sprintf("many 30 A 10.0.0.%d", i))
	}
	z.set("many A", many...)
	for _, tt := range []struct {
		rule string
		from confparse.Source
		want string
	}{
		{"A", confparse.Source{Name: "web", IPv4: true}, "192.0.2.1:0 192.0.2.2:0 for 30s"},
		{"AAAA", confparse.Source{Name: "web", IPv6: true, Port: 80}, "2001:db8::1:80 for 10s"},
		{"both, and the shorter TTL", confparse.Source{Name: "web", IPv4: true, IPv6: true}, "192.0.2.1:0 192.0.2.2:0 2001:db8::1:0 for 10s"},
		{"one of both is enough", confparse.Source{Name: "v4", IPv4: true, IPv6: true}, "192.0.2.7:0 for 30s"},
		{"a name without any", confparse.Source{Name: "v4", IPv6: true}, "v4: the name has no address (AAAA)"},
		{"no such name", confparse.Source{Name: "gone", IPv4: true}, "gone: there is no such name (NXDOMAIN)"},
		{"an address that is none of a server", confparse.Source{Name: "bad", IPv4: true}, "bad: 224.0.0.1 is not the address of a server; write that of a single one"},
		{"of IPv4 in IPv6", confparse.Source{Name: "mapped", IPv6: true}, "mapped: ::ffff:192.0.2.1 is an address of IPv4; write it as 192.0.2.1"},
		{"the services of the lowest priority, with weights that are not 0", confparse.Source{Name: "_http._tcp.web", IPv4: true},
			"192.0.2.1:8080*7 192.0.2.2:8080*7 192.0.2.7:8081*1 for 30s"},
		{"a service that leads nowhere", confparse.Source{Name: "_x._tcp", IPv4: true}, "gone: there is no such name (NXDOMAIN)"},
		{"no such service (RFC 2782)", confparse.Source{Name: "_none._tcp", IPv4: true}, "_none._tcp: the name has no service (SRV)"},
	} {
		r := newResolver(z.exchange, conf(t, "192.0.2.53"))
		list, ttl, err := r.of(tt.from).ask(t.Context())
		got := fmt.Sprintf("%s for %v", shown(list), ttl)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
	}
	z.log()
	list, _, err := newResolver(z.exchange, conf(t, "192.0.2.53")).of(confparse.Source{Name: "many", IPv4: true}).ask(t.Context())
	if got := z.log(); len(list) != 21 || err != nil || !slices.Equal(got, []string{"192.0.2.53 many A false", "192.0.2.53 many A true"}) {
		t.Errorf("%d members, %v, %q", len(list), err, got)
	}
}

// TestOtherServersAreAsked: in their order, twice; what one knows is what is so.
func TestOtherServersAreAsked(t *testing.T) {
	z := new(zone)
	z.set("web A", "web 30 A 192.0.2.1")
	z.fail("192.0.2.53", errors.New("connection refused"))
	r := newResolver(z.exchange, conf(t, "192.0.2.53", "192.0.2.54"))
	if got, err := r.lookup(t.Context(), "web", dnsmessage.TypeA); len(got.addrs) != 1 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := r.lookup(t.Context(), "gone", dnsmessage.TypeA); !errors.Is(err, errNoName) {
		t.Error(err)
	}
	z.log()
	z.fail("192.0.2.54", errors.New("network is unreachable"))
	_, err := r.lookup(t.Context(), "web", dnsmessage.TypeA)
	if err == nil || err.Error() != "192.0.2.53: connection refused; 192.0.2.54: network is unreachable" {
		t.Error(err)
	}
	if got := z.log(); len(got) != 4 {
		t.Errorf("%q", got)
	}
}

// TestExchangeOnTheNetwork: by UDP what is no reply to the question is passed over, and by TCP a message may have any length.
func TestExchangeOnTheNetwork(t *testing.T) {
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer datagrams.Close()
	at := datagrams.LocalAddr().(*net.UDPAddr).AddrPort()
	streams, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Skip("the port is taken: ", err)
	}
	defer streams.Close()
	var records []string
	for i := range 3000 {
		records = append(records, fmt.Sprintf("web 30 A 10.0.%d.%d", i>>8, i&255))
	}
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := datagrams.ReadFrom(b)
			if err != nil {
				return
			}
			id := binary.BigEndian.Uint16(b[:n])
			for _, r := range [][]byte{nil, reply(id+1, "web", dnsmessage.TypeA, nil, "web 30 A 192.0.2.66"), reply(id, "www", dnsmessage.TypeA, nil),
				reply(id, "web", dnsmessage.TypeA, func(h *dnsmessage.Header) { h.Truncated = true })} {
				_, _ = datagrams.WriteTo(r, from)
			}
		}
	}()
	go func() {
		for {
			c, err := streams.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 512)
			if _, err := io.ReadFull(c, b[:2]); err == nil {
				_, err = io.ReadFull(c, b[:binary.BigEndian.Uint16(b)])
				r := reply(binary.BigEndian.Uint16(b), "web", dnsmessage.TypeA, nil, records...)
				if err == nil {
					_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(r))), r...))
				}
			}
			c.Close()
		}
	}()
	got, err := newResolver(nil, "").query(t.Context(), at, "web", dnsmessage.TypeA)
	if len(got.addrs) != 3000 || err != nil {
		t.Errorf("%d addresses, %v", len(got.addrs), err)
	}
	must(t, datagrams.Close())
	must(t, streams.Close())
	if _, err := newResolver(nil, "").query(t.Context(), at, "web", dnsmessage.TypeA); err == nil || strings.Contains(err.Error(), at.String()) {
		t.Error(err)
	}
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := newResolver(nil, "").query(ctx, silent.LocalAddr().(*net.UDPAddr).AddrPort(), "web", dnsmessage.TypeA); err == nil || err.Error() != "it does not answer" {
		t.Error(err)
	}
}
