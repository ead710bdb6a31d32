package healthcheck

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"vigil/confparse"
)

// everyKind returns a check of each kind that opens sockets, on servers where each of them passes.
func everyKind(t *testing.T, tcp, mail, datagrams netip.AddrPort) map[string]Checker {
	t.Helper()
	to := func(a netip.AddrPort) dial { return dial{target: a, timeout: time.Minute} }
	return map[string]Checker{
		"TCP_CHECK":  tcpCheck{to(tcp)},
		"SMTP_CHECK": smtpCheck{to(mail), "me"},
		"DNS_CHECK":  dnsCheck{to(datagrams), dnsQuestion{".", dnsmessage.TypeSOA}},
		"UDP_CHECK":  udpCheck{to(datagrams), udpAsk(confparse.UDPDetail{RequireReply: true, MaxLength: 255})},
		"PING_CHECK": pingCheck{to(tcp), &echoSockets{}},
	}
}

// answersAll answers a query with a response, and anything else with itself.
func answersAll(b []byte) [][]byte { return [][]byte{reply(append(b, make([]byte, 4)...), 0x8180)} }

// outcomes compares the outcome of each check with the one that is wanted, which some may differ from.
func outcomes(t *testing.T, when string, checks map[string]Checker, want Outcome, but map[string]Outcome) {
	t.Helper()
	for kind, c := range checks {
		r, want := c.Check(t.Context()), want
		if o, ok := but[kind]; ok {
			want = o
		}
		if r.Outcome != want {
			t.Errorf("%s: %s: %v, %q, %v; want %v", when, kind, r.Outcome, r.Reason, r.Err, want)
		}
	}
}

// TestNoDescriptors: a process that may open no more files says nothing of its servers, and finds them up when it may.
func TestNoDescriptors(t *testing.T) {
	needEchoes(t)
	mail := mailServer(t, nil, "220 ok\r\n", "250 ok\r\n", "221 bye\r\n")
	checks := everyKind(t, listen(t, "127.0.0.1:0", nil), mail, datagramServer(t, "127.0.0.1:0", answersAll))
	outcomes(t, "before", checks, Passed, nil)

	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	lower := limit
	lower.Cur = 200
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lower); err != nil {
		t.Fatal(err)
	}
	var taken []int
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	outcomes(t, "at the limit", checks, Postponed, nil)
	for _, fd := range taken {
		unix.Close(fd)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	outcomes(t, "after", checks, Passed, nil)
}

// TestNoPorts: with the ephemeral ports used up no connection can be made, which says nothing of the servers. An echo
// request needs none.
func TestNoPorts(t *testing.T) {
	lan := newLAN(t)
	if err := lan.director.Sysctl("net/ipv4/ip_local_port_range", "40000 40001"); err != nil {
		t.Fatal(err)
	}
	lan.do(t, func() {
		mail := mailServerAt(t, "127.0.0.1:25", nil, "220 ok\r\n", "250 ok\r\n", "221 bye\r\n")
		tcp := listen(t, "127.0.0.1:80", nil)
		checks := everyKind(t, tcp, mail, datagramServer(t, "127.0.0.1:53", answersAll))
		var taken []io.Closer
		take := func(network string, open func() (io.Closer, error)) {
			for range 2 {
				c, err := open()
				if err != nil {
					t.Fatalf("take a port of %s: %v", network, err)
				}
				taken = append(taken, c)
			}
		}
		// A port that is bound without SO_REUSEADDR is nobody else's.
		take("tcp", func() (io.Closer, error) { return listenExclusively(t) })
		take("udp", func() (io.Closer, error) { return net.ListenUDP("udp4", nil) })
		outcomes(t, "without ports", checks, Postponed, map[string]Outcome{"PING_CHECK": Passed})
		for _, c := range taken {
			c.Close()
		}
		outcomes(t, "after", checks, Passed, nil)
	})
}

// TestRoutesOfOurOwn: that there is no way to the server, or none that is open, is the network's word on it; that we may not
// go there is not.
func TestRoutesOfOurOwn(t *testing.T) {
	lan := newLAN(t)
	for i, route := range []struct {
		kind string
		want Outcome
	}{{"unreachable", Failed}, {"prohibit", Postponed}} {
		words := fmt.Sprintf("ip route add %s 10.8.%d.0/24", route.kind, i)
		if _, err := lan.director.Output(t.Context(), strings.Fields(words)...); err != nil {
			t.Fatal(err)
		}
		lan.do(t, func() {
			to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 8, byte(i), 1}), 9)
			outcomes(t, route.kind, everyKind(t, to, to, to), route.want, nil)
		})
	}
	lan.do(t, func() {
		to := netip.MustParseAddrPort("10.7.0.1:9")
		outcomes(t, "no route", everyKind(t, to, to, to), Failed, nil)
	})
}

// listenExclusively takes an ephemeral TCP port.
func listenExclusively(t *testing.T) (io.Closer, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "taken")
	if err := unix.Bind(fd, &unix.SockaddrInet4{}); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
