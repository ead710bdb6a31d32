package healthcheck

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

// ping returns a check of a host with sockets of its own.
func ping(host string, d dial) pingCheck { return pingOn(&echoSockets{}, host, d) }

// pingOn returns a check of a host.
func pingOn(sockets *echoSockets, host string, d dial) pingCheck {
	d.target = netip.AddrPortFrom(netip.MustParseAddr(host), 0)
	if d.timeout == 0 {
		d.timeout = time.Minute
	}
	return pingCheck{d, sockets}
}

// needEchoes skips a test where this process may have no socket for echo requests.
func needEchoes(t *testing.T) {
	t.Helper()
	var e echoSockets
	s, err := e.join(&dial{target: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Skip("needs ping_group_range or CAP_NET_RAW:", err)
	}
	e.leave(s)
}

func TestPingCheck(t *testing.T) {
	needEchoes(t)
	for _, tt := range []struct {
		name    string
		check   pingCheck
		outcome Outcome
		code    Code
		reason  string
		err     error
	}{
		{"a host", ping("127.0.0.1", dial{}), Passed, CodeConnected, pingSuccess, nil},
		{"bindto", ping("127.0.0.1", dial{bindAddr: netip.MustParseAddr("127.0.0.9")}), Passed, CodeConnected, pingSuccess, nil},
		{"bind_if", ping("127.0.0.1", dial{bindInterface: "lo"}), Passed, CodeConnected, pingSuccess, nil},
		{"bindto an address that is not ours", ping("127.0.0.1", dial{bindAddr: netip.MustParseAddr("192.0.2.1")}),
			Postponed, CodeSocketError, "could not be made", syscall.EADDRNOTAVAIL},
		{"bindto of the other family", ping("127.0.0.1", dial{bindAddr: netip.MustParseAddr("::1")}),
			Postponed, CodeSocketError, "could not be made", syscall.EAFNOSUPPORT},
		{"bind_if that does not exist", ping("127.0.0.1", dial{bindInterface: "nonexistent0"}),
			Postponed, CodeSocketError, "could not be made", syscall.ENODEV},
		{"a zone that does not exist", ping("fe80::1%nonexistent0", dial{}), Postponed, CodeSocketError, "could not be made", nil},
		{"nobody to ask", pingCheck{dial{timeout: time.Minute}, &echoSockets{}}, Postponed, CodeSocketError, "could not be made",
			syscall.EDESTADDRREQ},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.check.Check(t.Context())
			if r.Outcome == Postponed && errors.Is(r.Err, syscall.EPERM) {
				t.Skip("binding to an interface needs CAP_NET_RAW")
			}
			if r.Outcome != tt.outcome || r.Code != tt.code || r.Reason != tt.reason || tt.err != nil && !errors.Is(r.Err, tt.err) {
				t.Errorf("got %v, %v, %q, %v; want %v, %v, %q, %v", r.Outcome, r.Code, r.Reason, r.Err, tt.outcome, tt.code, tt.reason, tt.err)
			}
			if n := len(tt.check.echoes.open); n != 0 {
				t.Errorf("%d sockets are left open", n)
			}
		})
	}
}

// TestPingAnswerThatWaits: an answer that lies in the socket, because nobody was run to read it, is found before a host is said not
// to answer.
func TestPingAnswerThatWaits(t *testing.T) {
	needEchoes(t)
	var e echoSockets
	d := dial{target: netip.MustParseAddrPort("127.0.0.1:0")}
	s, err := e.join(&d)
	if err != nil {
		t.Fatal(err)
	}
	defer e.leave(s)
	raw, err := s.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		answer, seq := s.expect(d.target.Addr())
		s.reading.Lock()
		err := s.send(&d, seq)
		if control := raw.Control(func(fd uintptr) {
			if err == nil {
				_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 60_000)
			}
		}); control != nil || err != nil {
			t.Fatal(control, err)
		}
		s.reading.Unlock()
		s.look()
		select {
		case <-answer:
		default:
			t.Fatal("it is not found")
		}
		s.forget(seq)
	}
}

func TestPingCheckOverIPv6(t *testing.T) {
	needIPv6(t)
	needEchoes(t)
	if r := ping("::1", dial{bindAddr: netip.MustParseAddr("::1")}).Check(t.Context()); r.Outcome != Passed {
		t.Errorf("got %v, %v", r.Outcome, r.Err)
	}
}

// TestPingsShareSockets: a thousand hosts asked at a time take a tenth of a hundred descriptors, and each has its answer.
func TestPingsShareSockets(t *testing.T) {
	needEchoes(t)
	var sockets echoSockets
	const hosts = 1000
	results := make([]Result, hosts)
	var asking sync.WaitGroup
	before := descriptors(t)
	most := 0
	for i := range hosts {
		host := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
		asking.Go(func() { results[i] = pingOn(&sockets, host.String(), dial{}).Check(t.Context()) })
		if i%100 == 0 {
			sockets.mu.Lock()
			most = max(most, len(sockets.open))
			sockets.mu.Unlock()
		}
	}
	asking.Wait()
	for i, r := range results {
		if r.Outcome != Passed {
			t.Fatalf("host %d: %v, %v, %v", i, r.Outcome, r.Reason, r.Err)
		}
	}
	if most > hosts/echoUsers || len(sockets.open) != 0 {
		t.Errorf("at most %d sockets, %d left open; want at most %d, and none", most, len(sockets.open), hosts/echoUsers)
	}
	if after := descriptors(t); after > before+5 {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestPingCheckTakesItsOwnAnswers: neither the answer of another host nor one that has come already is taken for an answer.
func TestPingCheckTakesItsOwnAnswers(t *testing.T) {
	s := &echoSocket{waiting: map[uint16]waiter{}, seq: 65535}
	answer := func(host [4]byte, e echo) {
		b := e.request(false, "")
		b[0] = echoReplyType
		s.take(b, &unix.SockaddrInet4{Addr: host})
	}
	first, seq := s.expect(netip.MustParseAddr("192.0.2.1"))
	second, next := s.expect(netip.MustParseAddr("192.0.2.2"))
	if seq != 65535 || next != 0 {
		t.Fatalf("sequence numbers %d and %d", seq, next)
	}
	answer([4]byte{192, 0, 2, 2}, echo{seq: seq})
	answer([4]byte{192, 0, 2, 1}, echo{seq: next})
	answer([4]byte{192, 0, 2, 1}, echo{seq: 7})
	select {
	case <-first:
		t.Error("another's answer was taken for the first")
	case <-second:
		t.Error("another's answer was taken for the second")
	default:
	}
	answer([4]byte{192, 0, 2, 2}, echo{seq: next})
	answer([4]byte{192, 0, 2, 2}, echo{seq: next})
	<-second
	s.forget(next)
	s.forget(seq)
	answer([4]byte{192, 0, 2, 1}, echo{seq: seq}) // too late
	if len(s.waiting) != 0 || len(first) != 0 {
		t.Errorf("%d are waited for", len(s.waiting))
	}
}

// TestPingCheckEndsWithContext stops a check that would wait for much longer than the test does.
func TestPingCheckEndsWithContext(t *testing.T) {
	lan := newLAN(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lan.do(t, func() {
		if r := ping("10.0.0.99", dial{timeout: time.Hour}).Check(ctx); r.Outcome != Failed {
			t.Errorf("got %v, %v", r.Outcome, r.Err)
		}
	})
}

// lan is a director and a host that answers, 10.0.0.1 and 10.0.0.2, on a network of their own.
type lan struct{ director, host *testlan.Host }

func newLAN(t *testing.T) lan {
	t.Helper()
	l := testlan.ForTest(t)
	segment, err := l.Segment("lan")
	if err != nil {
		t.Fatal(err)
	}
	attach := func(name, address string) *testlan.Host {
		h, err := l.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Attach(segment, "eth0", netip.MustParsePrefix(address)); err != nil {
			t.Fatal(err)
		}
		return h
	}
	return lan{attach("director", "10.0.0.1/24"), attach("host", "10.0.0.2/24")}
}

// do runs fn where the director is.
func (l lan) do(t *testing.T, fn func()) {
	t.Helper()
	if err := l.director.Do(func() error { fn(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestPingCheckWithoutPingSockets has a host that permits sockets for echo requests to nobody: a raw one does it.
func TestPingCheckWithoutPingSockets(t *testing.T) {
	lan := newLAN(t)
	if err := lan.director.Sysctl("net/ipv4/ping_group_range", "1 0"); err != nil {
		t.Fatal(err)
	}
	lan.do(t, func() {
		for _, host := range []string{"10.0.0.2", "127.0.0.1", "::1"} {
			c := ping(host, dial{})
			s, err := c.echoes.join(&c.dial)
			if err != nil {
				t.Fatal(err)
			}
			if !s.raw {
				t.Errorf("%s: no raw socket", host)
			}
			if r := c.Check(t.Context()); r.Outcome != Passed {
				t.Errorf("%s: %v, %v, %v", host, r.Outcome, r.Reason, r.Err)
			}
			c.echoes.leave(s)
		}
		if r := ping("10.0.0.99", dial{timeout: 100 * time.Millisecond}).Check(t.Context()); r.Code != CodeConnectTimeout {
			t.Errorf("a host that is not there: %v, %v", r.Code, r.Err)
		}
	})
}

// TestDeadHostsHoldNobodyUp: with as many hosts as share a socket dead, whose requests wait for a link-layer address, the
// request to another one leaves and is answered.
func TestDeadHostsHoldNobodyUp(t *testing.T) {
	lan := newLAN(t)
	var sockets echoSockets
	var dead sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	lan.do(t, func() {
		d := pingOn(&sockets, "10.0.0.2", dial{}).dial
		s, err := sockets.join(&d) // the socket is the director's; who joins it may be anywhere
		if err != nil {
			t.Fatal(err)
		}
		for i := range echoUsers - 2 {
			host := netip.AddrFrom4([4]byte{10, 0, 0, byte(100 + i)})
			dead.Go(func() { pingOn(&sockets, host.String(), dial{timeout: time.Hour}).Check(ctx) })
		}
		for joined := false; !joined; runtime.Gosched() {
			s.mu.Lock()
			joined = len(s.waiting) == echoUsers-2
			s.mu.Unlock()
		}
		for range 20 {
			if r := pingOn(&sockets, "10.0.0.2", dial{}).Check(t.Context()); r.Outcome != Passed {
				t.Errorf("got %v, %v, %v", r.Outcome, r.Reason, r.Err)
			}
		}
		cancel()
		dead.Wait()
		sockets.leave(s)
		if len(sockets.open) != 0 {
			t.Errorf("%d sockets are left open", len(sockets.open))
		}
	})
}

// TestPingCheckLeavesASocketThatCannotSend: one whose interface has gone is left to those who are on it, so that the next
// request finds the interface that has come in its place.
func TestPingCheckLeavesASocketThatCannotSend(t *testing.T) {
	lan := newLAN(t)
	ip := func(words string) {
		t.Helper()
		if _, err := lan.director.Output(t.Context(), append([]string{"ip"}, strings.Fields(words)...)...); err != nil {
			t.Fatal(err)
		}
	}
	ip("link add d0 type veth peer name d1")
	var sockets echoSockets
	c := pingOn(&sockets, "10.0.0.2", dial{bindInterface: "d0"})
	var held *echoSocket
	lan.do(t, func() {
		var err error
		if held, err = sockets.join(&c.dial); err != nil {
			t.Fatal(err)
		}
	})
	ip("link del d0")
	if r := c.Check(t.Context()); r.Outcome != Postponed {
		t.Errorf("got %v, %v", r.Outcome, r.Err)
	}
	if len(sockets.open) != 0 {
		t.Error("the socket is still there to be joined")
	}
	sockets.leave(held)
}

func TestPingWords(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{verdictText(&pingWords, told{verdict: up, server: rs1}), "ICMP connection to " + rs1 + " success."},
		{verdictText(&pingWords, told{verdict: down, server: rs1, vs: vsName}), "ICMP CHECK on service " + rs1 + " failed."},
		{pingWords.failed(rs1, pingTimeout), "ICMP connection to address " + rs1 + " timeout."},
		{verdictText(&pingWords, told{verdict: down, server: rs1, vs: vsName, retries: 2}),
			"ICMP CHECK on service " + rs1 + " of " + vsName + " failed after 2 retries."},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
