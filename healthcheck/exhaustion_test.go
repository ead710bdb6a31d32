package healthcheck

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/script"
)

// sites are servers on which a check of each kind passes that asks over the network.
type sites struct{ web, secure, rpc, mail, datagrams netip.AddrPort }

// newSites starts the servers on this host, on ports below the ephemeral ones, or on free ports.
func newSites(t *testing.T, free bool) sites {
	t.Helper()
	at := func(port int) string {
		if free {
			port = 0
		}
		return fmt.Sprintf("127.0.0.1:%d", port)
	}
	const page = "HTTP/1.0 200 OK\r\n\r\n"
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	serving := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		w.Write(framed(8, healthServing))
		w.Header().Set("Grpc-Status", "0")
	})
	return sites{
		web: listen(t, at(80), func(c *net.TCPConn) {
			readRequest(c)
			io.WriteString(c, page)
		}),
		secure: listen(t, at(443), func(c *net.TCPConn) {
			session := tls.Server(c, config)
			readRequest(session)
			io.WriteString(session, page)
		}),
		rpc:       serveHTTP2At(t, at(800), serving, nil),
		mail:      mailServerAt(t, at(25), nil, "220 ok\r\n", "250 ok\r\n", "221 bye\r\n"),
		datagrams: datagramServer(t, at(53), answersAll),
	}
}

// everyKind returns a check of each kind that is asked, of the servers that it would pass on if they were at s, and of a
// program that passes.
func everyKind(t *testing.T, s sites) map[string]Checker {
	t.Helper()
	to := func(a netip.AddrPort) dial { return dial{target: a, timeout: time.Minute} }
	page := urlSpec{path: "/", status: statuses(200, 299)}
	runner := script.NewRunner(script.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return map[string]Checker{
		"TCP_CHECK":  tcpCheck{to(s.web)},
		"HTTP_GET":   httpCheck{dial: to(s.web), url: page, limits: replyLimit},
		"SSL_GET":    httpCheck{dial: to(s.secure), url: page, limits: replyLimit, tls: tlsConfig()},
		"GRPC_CHECK": grpcCheck{with: means{via: to(s.rpc)}},
		"SMTP_CHECK": smtpCheck{to(s.mail), "me"},
		"DNS_CHECK":  dnsCheck{to(s.datagrams), dnsQuestion{".", dnsmessage.TypeSOA}},
		"UDP_CHECK":  udpCheck{to(s.datagrams), udpAsk(confparse.UDPDetail{RequireReply: true, MaxLength: 255})},
		"PING_CHECK": pingCheck{to(s.web), &echoSockets{}},
		"MISC_CHECK": miscCheck{runner, miscSpec{argv: "/bin/true\x00",
			as: script.Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}}},
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
	checks := everyKind(t, newSites(t, true))
	outcomes(t, "before", checks, Passed, nil)

	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0 // what is open stays open
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	outcomes(t, "at the limit", checks, Postponed, nil)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	outcomes(t, "after", checks, Passed, nil)
}

// TestNoPorts: with the ephemeral ports used up no connection can be made, which says nothing of the servers. An echo
// request needs none, and neither does a program.
func TestNoPorts(t *testing.T) {
	lan := newLAN(t)
	if err := lan.director.Sysctl("net/ipv4/ip_local_port_range", "40000 40001"); err != nil {
		t.Fatal(err)
	}
	lan.do(t, func() {
		checks := everyKind(t, newSites(t, false))
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
		outcomes(t, "without ports", checks, Postponed, map[string]Outcome{"PING_CHECK": Passed, "MISC_CHECK": Passed})
		for _, c := range taken {
			c.Close()
		}
		outcomes(t, "after", checks, Passed, nil)
	})
}

// TestRoutesOfOurOwn: that there is no way to the server, or none that is open, is the network's word on it; that we may not
// go there is not.
func TestRoutesOfOurOwn(t *testing.T) {
	programs := map[string]Outcome{"MISC_CHECK": Passed}
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
			outcomes(t, route.kind, everyKind(t, sites{to, to, to, to, to}), route.want, programs)
		})
	}
	lan.do(t, func() {
		to := netip.MustParseAddrPort("10.7.0.1:9")
		outcomes(t, "no route", everyKind(t, sites{to, to, to, to, to}), Failed, programs)
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
