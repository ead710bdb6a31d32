package healthcheck

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listen returns the address of a listener on the loopback that hands every connection to serve.
func listen(t *testing.T, addr string, serve func(*net.TCPConn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if errors.Is(err, unix.EMFILE) { // it is one process with what it serves
				time.Sleep(time.Millisecond)
				continue
			}
			if err != nil {
				return
			}
			if serve != nil {
				serve(c.(*net.TCPConn))
			}
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// closedPort returns an address of the loopback on which nothing listens.
func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// unreachable is an address that connect(2) refuses at once whatever the routes are: TCP cannot broadcast.
var unreachable = netip.MustParseAddrPort("255.255.255.255:80")

// fullBacklog returns an address of the loopback that does not answer: the queue of its listener is full, so the
// kernel drops further SYNs.
func fullBacklog(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	target := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(sa.(*unix.SockaddrInet4).Port))
	for range 3 {
		d := dial{target: target, timeout: 100 * time.Millisecond}
		c, err := d.connect(t.Context())
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return target
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the listener's queue does not fill")
	return target
}

func TestTCPCheck(t *testing.T) {
	open := listen(t, "127.0.0.1:0", nil)
	closed := closedPort(t)
	silent := fullBacklog(t)
	tests := []struct {
		name    string
		dial    dial
		outcome Outcome
		code    Code
		reason  string
		err     error
	}{
		{"§2.1 success is a connection", dial{target: open}, Passed, CodeConnected, "success", nil},
		{"§2.1 refused", dial{target: closed}, Failed, CodeConnectFailed, "failed", syscall.ECONNREFUSED},
		{"§2.1 no answer within connect_timeout", dial{target: silent, timeout: 50 * time.Millisecond}, Failed, CodeConnectTimeout,
			"timeout", os.ErrDeadlineExceeded},
		{"§2 unreachable at once is a failure", dial{target: unreachable}, Failed, CodeConnectFailed, "failed", syscall.ENETUNREACH},
		{"§2 bindto", dial{target: open, bindAddr: netip.MustParseAddr("127.0.0.2")}, Passed, CodeConnected, "success", nil},
		{"§2 bindto an address that is not ours is no failure",
			dial{target: open, bindAddr: netip.MustParseAddr("192.0.2.1")}, Postponed, CodeSocketError, "could not be made", syscall.EADDRNOTAVAIL},
		{"§2 bindto of the other family is no failure", dial{target: open, bindAddr: netip.MustParseAddr("::1")},
			Postponed, CodeSocketError, "could not be made", syscall.EAFNOSUPPORT},
		{"§2 bind_if that does not exist is no failure", dial{target: open, bindInterface: "nonexistent0"}, Postponed, CodeSocketError,
			"could not be made", syscall.ENODEV},
		{"§2 bind_if", dial{target: open, bindInterface: "lo"}, Passed, CodeConnected, "success", nil},
		{"a zone that does not exist is no failure", dial{target: netip.MustParseAddrPort("[fe80::1%nonexistent0]:80")},
			Postponed, CodeSocketError, "could not be made", nil},
		{"no target is no failure of the target", dial{}, Postponed, CodeSocketError, "could not be made", syscall.EDESTADDRREQ},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.dial.timeout == 0 {
				tt.dial.timeout = 5 * time.Second
			}
			r := tcpCheck{tt.dial}.Check(t.Context())
			if r.Outcome == Postponed && errors.Is(r.Err, syscall.EPERM) {
				t.Skip("binding to an interface needs CAP_NET_RAW")
			}
			if r.Outcome != tt.outcome || r.Code != tt.code || r.Reason != tt.reason || tt.err != nil && !errors.Is(r.Err, tt.err) {
				t.Errorf("got %v, %v, %q, %v; want %v, %v, %q, %v", r.Outcome, r.Code, r.Reason, r.Err, tt.outcome, tt.code, tt.reason, tt.err)
			}
		})
	}
}

func TestTCPCheckOverIPv6(t *testing.T) {
	if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("no IPv6 on the loopback:", err)
	} else {
		l.Close()
	}
	d := dial{target: listen(t, "[::1]:0", nil), timeout: 5 * time.Second, bindAddr: netip.MustParseAddr("::1")}
	if r := (tcpCheck{d}).Check(t.Context()); r.Outcome != Passed {
		t.Errorf("got %v, %v", r.Outcome, r.Err)
	}
}

// TestTCPCheckBindPort makes two checks in a row from one port.
func TestTCPCheckBindPort(t *testing.T) {
	from := make(chan netip.AddrPort, 2)
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) { from <- c.RemoteAddr().(*net.TCPAddr).AddrPort() })
	other := listen(t, "127.0.0.1:0", func(c *net.TCPConn) { from <- c.RemoteAddr().(*net.TCPAddr).AddrPort() })
	bind := closedPort(t)
	for _, target := range []netip.AddrPort{target, other} {
		r := tcpCheck{dial{
			target: target, timeout: 5 * time.Second, bindAddr: bind.Addr(), bindPort: bind.Port(),
		}}.Check(t.Context())
		if r.Outcome != Passed {
			t.Fatalf("got %v, %v", r.Outcome, r.Err)
		}
		if got := <-from; got != bind {
			t.Errorf("the connection came from %v, want %v", got, bind)
		}
	}
}

// TestTCPCheckMark needs CAP_NET_ADMIN, and shows without it that a mark that cannot be set is no failure.
func TestTCPCheckMark(t *testing.T) {
	d := dial{target: listen(t, "127.0.0.1:0", nil), timeout: 5 * time.Second, fwmark: 7}
	switch r := (tcpCheck{d}).Check(t.Context()); {
	case os.Geteuid() == 0 && r.Outcome != Passed, os.Geteuid() != 0 && r.Outcome == Failed:
		t.Errorf("got %v, %v", r.Outcome, r.Err)
	}
}

// TestTCPCheckEndsWithContext stops a check that would wait for much longer than the test does.
func TestTCPCheckEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := dial{target: fullBacklog(t), timeout: time.Hour}
	result := make(chan Result)
	go func() { result <- tcpCheck{d}.Check(ctx) }()
	cancel()
	if r := <-result; r.Outcome != Failed {
		t.Errorf("got %v, %v", r.Outcome, r.Err)
	}
}

// TestTCPCheckClosesNormally has §2.1: the server sees an end of file and no reset.
func TestTCPCheckClosesNormally(t *testing.T) {
	end := make(chan error, 1)
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		_, err := c.Read(make([]byte, 1))
		end <- err
	})
	if r := (tcpCheck{dial{target: target, timeout: 5 * time.Second}}).Check(t.Context()); r.Outcome != Passed {
		t.Fatalf("got %v, %v", r.Outcome, r.Err)
	}
	if err := <-end; err == nil || err.Error() != "EOF" {
		t.Errorf("the server read %v, want EOF", err)
	}
}

// TestTCPCheckLeavesNoDescriptor counts the descriptors of the process before and after many checks of every outcome.
func TestTCPCheckLeavesNoDescriptor(t *testing.T) {
	open, closed := listen(t, "127.0.0.1:0", nil), closedPort(t)
	silent := fullBacklog(t)
	round := func() {
		for _, d := range []dial{
			{target: open, timeout: 5 * time.Second}, {target: closed, timeout: 5 * time.Second},
			{target: silent, timeout: time.Millisecond},
			{target: open, timeout: 5 * time.Second, bindAddr: netip.MustParseAddr("192.0.2.1")},
		} {
			tcpCheck{d}.Check(t.Context())
		}
	}
	round()
	// Descriptors of the listener's side come and go meanwhile; a leak of one per check cannot hide behind them.
	before := descriptors(t)
	for range 50 {
		round()
	}
	if after := descriptors(t); after > before+20 {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func BenchmarkTCPProbe(b *testing.B) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	check := func(b *testing.B, probe func(context.Context, netip.AddrPort) error) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			// Many targets, or the ports in TIME_WAIT would be what is measured.
			a := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
			if err := probe(b.Context(), netip.AddrPortFrom(a, port)); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("check", func(b *testing.B) {
		check(b, func(ctx context.Context, target netip.AddrPort) error {
			return tcpCheck{dial{target: target, timeout: 5 * time.Second}}.Check(ctx).Err
		})
	})
	b.Run("net.Dialer", func(b *testing.B) {
		check(b, func(ctx context.Context, target netip.AddrPort) error {
			d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: -1}
			c, err := d.DialTCP(ctx, "tcp", netip.AddrPort{}, target)
			if err != nil {
				return err
			}
			return c.Close()
		})
	})
}
