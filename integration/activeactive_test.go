package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigil/integration/debian"
	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// site is the network of examples/active-active: a client behind a router, which has two directors and two servers on its other
// side.
type site struct {
	j         judge
	lab       *testlan.Lab
	client    *testlan.Host
	router    *testlan.Host
	directors [2]*labkit.Director
	cables    [2]*testlan.Cable
	birds     []*testlan.Process
}

// siteVIP is what the directors announce, with the port.
var siteVIP = netip.MustParseAddrPort("198.51.100.80:443")

// TestActiveActive runs the example as it is, but for the places of bird's files: two directors share connections, and whatever ends
// one of them, or brings it back, breaks none.
func TestActiveActive(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	j := judge{t, true}
	s := newSite(j)
	for _, d := range s.directors {
		j.must(d.Start())
		defer d.Kill()
	}
	s.routes(2)
	held := s.hold(40)
	for i, d := range s.directors {
		if n := connections(j, d.Host); n == 0 {
			t.Errorf("director %d has none of the connections", i+1)
		}
	}
	held.live("from the start")

	j.must(s.directors[0].Stop())
	s.routes(1)
	held.live("one director has stopped")
	j.must(s.directors[0].Start())
	s.routes(2)
	held.live("it is back")

	// To one director the servers are gone, and so is its quorum.
	for _, to := range []string{"10.0.0.11/32", "10.0.0.12/32"} {
		_, err := s.directors[1].Host.Output(wait(j), "ip", "route", "add", "unreachable", to)
		j.must(err)
	}
	s.routes(1)
	held.live("one director has no servers")
	for _, to := range []string{"10.0.0.11/32", "10.0.0.12/32"} {
		_, err := s.directors[1].Host.Output(wait(j), "ip", "route", "del", "unreachable", to)
		j.must(err)
	}
	s.routes(2)
	held.live("it has them again")

	j.must(s.cables[0].Cut())
	s.routes(1)
	held.live("one cable is cut")
	j.must(s.cables[0].Mend())
	s.routes(2)
	held.live("it is mended")
	held.close()
}

// newSite builds the network, with servers and bird at work.
func newSite(j judge) *site {
	j.Helper()
	bird, err := debian.LookPath("bird")
	if err != nil {
		testlan.RequirePeer(j.TB, err)
	}
	s := &site{j: j, lab: testlan.ForTest(j.TB)}
	front, err := s.lab.Segment("front")
	j.must(err)
	back, err := s.lab.Segment("back")
	j.must(err)
	host := func(name string, at *testlan.Segment, link, address, gateway string) (*testlan.Host, *testlan.Cable) {
		h, err := s.lab.Host(name)
		j.must(err)
		cable, err := h.Attach(at, link, netip.MustParsePrefix(address))
		j.must(err)
		if gateway != "" {
			j.must(h.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr(gateway)))
		}
		return h, cable
	}
	s.client, _ = host("client", front, "eth0", "203.0.113.2/24", "203.0.113.1")
	s.router, _ = host("router", front, "eth0", "203.0.113.1/24", "")
	_, err = s.router.Attach(back, "eth1", netip.MustParsePrefix("10.0.0.1/24"))
	j.must(err)
	j.must(errors.Join(s.router.Sysctl("net/ipv4/ip_forward", "1"), s.router.Sysctl("net/ipv4/fib_multipath_hash_policy", "1")))
	for i := range 2 {
		server, _ := host(fmt.Sprintf("server%d", i+1), back, "eth0", fmt.Sprintf("10.0.0.%d/24", 11+i), "10.0.0.1")
		j.must(errors.Join(server.Sysctl("net/ipv4/conf/all/arp_ignore", "1"), server.Sysctl("net/ipv4/conf/all/arp_announce", "2"),
			server.AddAddress("lo", netip.PrefixFrom(siteVIP.Addr(), 32))))
		j.must(server.Do(func() error {
			l, err := net.Listen("tcp4", "0.0.0.0:443")
			if err == nil {
				j.Cleanup(func() { l.Close() })
				go echo(l, server.Name)
			}
			return err
		}))
	}
	example := func(file string) string {
		text, err := os.ReadFile(filepath.Join("../examples/active-active", file))
		j.must(err)
		return string(text)
	}
	startBird := func(h *testlan.Host, text string) {
		config := filepath.Join(s.lab.Dir(), h.Name+"-bird.conf")
		j.must(os.WriteFile(config, []byte(text), 0o600))
		p, err := h.Start("bird", nil, bird, "-f", "-c", config, "-s", filepath.Join(s.lab.Dir(), h.Name+"-bird.ctl"), "-P", filepath.Join(s.lab.Dir(), h.Name+"-bird.pid"))
		j.must(err)
		s.birds = append(s.birds, p)
	}
	startBird(s.router, example("bird-router.conf"))
	for i := range s.directors {
		h, cable := host(fmt.Sprintf("director%d", i+1), back, "eth0", fmt.Sprintf("10.0.0.%d/24", 2+i), "10.0.0.1")
		_, err := h.Output(wait(j), "ip", "link", "add", "dummy0", "type", "dummy")
		j.must(err)
		_, err = h.Output(wait(j), "ip", "link", "set", "dummy0", "up")
		j.must(err)
		own := strings.NewReplacer("router id 10.0.0.2", fmt.Sprintf("router id 10.0.0.%d", 2+i), "local as 65001", fmt.Sprintf("local as 6500%d", 1+i))
		startBird(h, own.Replace(example("bird-director.conf")))
		d, err := labkit.NewDirector(s.lab, h, program(j.TB, "vigil"))
		j.must(err)
		j.must(d.Configure(example("director.conf")))
		s.directors[i], s.cables[i] = d, cable
	}
	return s
}

// routes waits until the router has so many ways to the address.
func (s *site) routes(want int) {
	s.j.Helper()
	err := testlan.Until(wait(s.j), fmt.Sprintf("%d ways", want), func() error {
		text, err := s.router.Output(wait(s.j), "ip", "route", "show", siteVIP.Addr().String())
		if n := strings.Count(text, "via "); err == nil && n != want {
			err = fmt.Errorf("%d: %s", n, text)
		}
		return err
	})
	if err != nil {
		for _, b := range s.birds {
			s.j.Log(b.Name, b.Log.Tail(10))
		}
		for _, h := range []*testlan.Host{s.router, s.directors[0].Host, s.directors[1].Host} {
			text, err := h.Output(wait(s.j), "sh", "-c", "ip -br addr; ip route; ip neigh")
			s.j.Log(h.Name, text, err)
		}
		for _, d := range s.directors {
			s.j.Log(d.Running())
		}
	}
	s.j.must(err)
}

// connections is how many connections a director's kernel has.
func connections(j judge, h *testlan.Host) (n int) {
	j.must(h.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/ip_vs_conn")
		n = strings.Count(string(b), "ESTABLISHED")
		return err
	}))
	return n
}

// echo answers every line that comes by a connection with the line and a name.
func echo(l net.Listener, name string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for in := bufio.NewScanner(c); in.Scan(); {
				if _, err := fmt.Fprintf(c, "%s %s\n", in.Text(), name); err != nil {
					return
				}
			}
		}()
	}
}

// heldLine is a connection that is held, and the server that it is with.
type heldLine struct {
	net.Conn
	in     *bufio.Reader
	server string
}

type heldLines struct {
	j    judge
	list []*heldLine
}

// hold opens connections through the router.
func (s *site) hold(n int) *heldLines {
	s.j.Helper()
	held := &heldLines{j: s.j}
	for range n {
		var c net.Conn
		s.j.must(s.client.Do(func() (err error) {
			c, err = new(net.Dialer).DialContext(context.Background(), "tcp4", siteVIP.String())
			return err
		}))
		held.list = append(held.list, &heldLine{Conn: c, in: bufio.NewReader(c)})
	}
	return held
}

// live says something by every connection, and checks that the same server as before answers.
func (h *heldLines) live(when string) {
	h.j.Helper()
	failed := make(chan error, len(h.list))
	for i, c := range h.list {
		go func() {
			deadline, _ := wait(h.j).Deadline()
			_ = c.SetDeadline(deadline)
			line := fmt.Sprintf("%d %s", i, strings.ReplaceAll(when, " ", "_"))
			_, err := fmt.Fprintln(c, line)
			if err == nil {
				var got string
				if got, err = c.in.ReadString('\n'); err == nil {
					server, ok := strings.CutPrefix(strings.TrimSpace(got), line+" ")
					if !ok || c.server != "" && server != c.server {
						err = fmt.Errorf("%q of %s", got, c.server)
					}
					c.server = server
				}
			}
			failed <- err
		}()
	}
	dead := 0
	var first error
	for range h.list {
		if err := <-failed; err != nil {
			dead, first = dead+1, err
		}
	}
	if dead > 0 {
		h.j.Errorf("%s: %d of %d are dead, such as one by %v", when, dead, len(h.list), first)
	}
	h.j.Logf("%s: %d of %d live", when, len(h.list)-dead, len(h.list))
}

func (h *heldLines) close() {
	for _, c := range h.list {
		c.Close()
	}
}
