package integration

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

// TestFullNAT: servers that have no route to the clients answer them, over both families, from the local address that the director has
// given the client; one by NAT does not. A reload that makes NAT of it takes the firewall's table away, and so does the end.
func TestFullNAT(t *testing.T) {
	testlan.RequireIPVS(t)
	t.Parallel()
	j := judge{t, true}
	lab := testlan.ForTest(t)
	hosts := make(map[string]*testlan.Host)
	for _, name := range []string{"client", "director", "server"} {
		h, err := lab.Host(name)
		j.must(err)
		hosts[name] = h
	}
	attach := func(segment string, addresses map[string][]string) {
		s, err := lab.Segment(segment)
		j.must(err)
		for name, list := range addresses {
			var all []netip.Prefix
			for _, a := range list {
				all = append(all, netip.MustParsePrefix(a))
			}
			_, err := hosts[name].Attach(s, segment, all...)
			j.must(err)
		}
	}
	attach("front", map[string][]string{"client": {"10.8.0.1/24", "fd00:8::1/64"}, "director": {"10.8.0.2/24", "fd00:8::2/64", "10.8.0.100/32", "fd00:8::100/128"}})
	attach("back", map[string][]string{"server": {"10.7.0.1/24", "fd00:7::1/64"},
		"director": {"10.7.0.2/24", "fd00:7::2/64", "10.7.0.20/24", "10.7.0.21/24", "fd00:7::20/64"}})
	director := hosts["director"]
	j.must(errors.Join(director.Sysctl("net/ipv4/ip_forward", "1"), director.Sysctl("net/ipv6/conf/all/forwarding", "1")))
	for _, at := range []string{"10.7.0.1:8080", "[fd00:7::1]:8080"} {
		j.must(hosts["server"].Do(func() error {
			l, err := net.Listen("tcp", at)
			if err == nil {
				t.Cleanup(func() { l.Close() })
				go tellPeer(l)
			}
			return err
		}))
	}

	text := func(method string) string {
		var b strings.Builder
		b.WriteString("laddr_group L {\n10.7.0.20-21\nfd00:7::20\n}\n")
		for _, s := range [][2]string{{"10.8.0.100", "10.7.0.1"}, {"fd00:8::100", "fd00:7::1"}} {
			fmt.Fprintf(&b, "virtual_server %s 80 {\nlb_algo rr\nlvs_method %s\nladdr_group L\nprotocol TCP\nreal_server %s 8080 {\n}\n}\n", s[0], method, s[1])
		}
		return b.String()
	}
	d, err := labkit.NewDirector(lab, director, program(t, "vigil"))
	j.must(err)
	before, err := director.ReadSysctl("net/ipv4/vs/conntrack")
	j.must(err)
	j.must(d.Configure(text("FNAT")))
	j.must(d.Start())
	defer d.Kill()
	tables := func() string {
		list, err := director.Output(wait(j), "nft", "list", "tables")
		j.must(err)
		return list
	}
	for _, c := range []struct{ virtual, local string }{{"10.8.0.100:80", "10.7.0.2"}, {"[fd00:8::100]:80", "fd00:7::20"}} {
		j.must(until(wait(j), func() error {
			seen, err := peerSeen(hosts["client"], c.virtual, time.Second)
			if err == nil && !strings.HasPrefix(seen, c.local) { // 20 or 21 of IPv4
				j.Fatalf("the server of %s has seen %s, want %s", c.virtual, seen, c.local)
			}
			return err
		}))
		first, err := peerSeen(hosts["client"], c.virtual, time.Minute)
		j.must(err)
		for range 10 {
			if seen, err := peerSeen(hosts["client"], c.virtual, time.Minute); err != nil || seen != first {
				j.Errorf("the server of %s has seen %s after %s, %v", c.virtual, seen, first, err)
			}
		}
	}
	j.must(d.Configure(text("NAT")))
	j.must(d.Reload())
	j.must(until(wait(j), func() error {
		if list := tables(); list != "" {
			return errors.New(list)
		}
		return nil
	}))
	if seen, err := peerSeen(hosts["client"], "10.8.0.100:80", time.Second); !errors.Is(err, os.ErrDeadlineExceeded) {
		j.Errorf("by NAT the server has seen %s, %v", seen, err)
	}
	j.must(d.Configure(text("FNAT")))
	j.must(d.Reload())
	j.must(until(wait(j), func() error {
		_, err := peerSeen(hosts["client"], "10.8.0.100:80", time.Second)
		return err
	}))
	j.must(d.Stop())
	if after, err := director.ReadSysctl("net/ipv4/vs/conntrack"); err != nil || after != before || tables() != "" {
		j.Errorf("left behind: conntrack %s, was %s; %v; %s", after, before, err, tables())
	}
}

// tellPeer tells everyone who connects which address he has.
func tellPeer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		fmt.Fprint(c, c.RemoteAddr().(*net.TCPAddr).IP)
		c.Close()
	}
}

// peerSeen connects from a host and returns which address the server saw. An error that comes of the time being over is
// os.ErrDeadlineExceeded.
func peerSeen(from *testlan.Host, to string, limit time.Duration) (string, error) {
	var c net.Conn
	err := from.Do(func() (err error) {
		c, err = net.DialTimeout("tcp", to, limit)
		return err
	})
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return "", os.ErrDeadlineExceeded
	}
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return string(b), err
}
