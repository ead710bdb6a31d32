package healthcheck

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/script"
	"vigil/internal/testlan"
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

// observedPool is a Manager with a real server for each of some checks, which it makes as they are, or from elsewhere.
type observedPool struct {
	m     *Manager
	names []string

	under sync.RWMutex // held by each attempt under way
	mu    sync.Mutex
	made  map[string]Checker
	count map[string]map[Outcome]int
}

// observing returns such a Manager, with its pool applied.
func observing(checks map[string]Checker) *observedPool {
	o := &observedPool{m: NewManager(Options{}), names: slices.Sorted(maps.Keys(checks)), made: checks}
	vs := pool(len(checks))
	for i, name := range o.names {
		for kind := range kinds {
			if kind.String() == name {
				vs.RealServers[i].Checkers[0].Kind = kind
			}
		}
		vs.RealServers[i].Checkers[0].DelayLoop, vs.RealServers[i].Checkers[0].Retry = 10*ms, 0
	}
	o.m.newChecker = func(c CheckSpec, _ means, _ int) Checker { return observedCheck{o, o.names[c.addr.As4()[3]-1]} }
	o.m.Apply(FromConfig(config(vs)))
	return o
}

// now returns the health of everything.
func (o *observedPool) now() Snapshot {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	return o.m.snapshot()
}

// from has the attempts that begin from now on be those of checks, and counts anew. Those under way have ended.
func (o *observedPool) from(checks map[string]Checker, also func()) {
	o.under.Lock() // a server in this process could not take their connection without a descriptor of its own
	defer o.under.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.made, o.count = checks, make(map[string]map[Outcome]int)
	also()
}

// until waits until each check has been made twice with the outcome that is wanted, which some may differ from, and fails if one has
// come to another.
func (o *observedPool) until(t *testing.T, when string, want Outcome, but map[string]Outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := testlan.Until(ctx, when, func() error {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, name := range o.names {
			want := want
			if other, ok := but[name]; ok {
				want = other
			}
			if len(o.count[name]) > 1 || len(o.count[name]) == 1 && o.count[name][want] == 0 {
				t.Fatalf("%s: %s: %v, want %v", when, name, o.count[name], want)
			}
			if o.count[name][want] < 2 {
				return fmt.Errorf("%s: %v", name, o.count[name])
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// observedCheck is one attempt of a check.
type observedCheck struct {
	pool *observedPool
	name string
}

// Check implements Checker.
func (c observedCheck) Check(ctx context.Context) Result {
	o := c.pool
	o.under.RLock()
	defer o.under.RUnlock()
	o.mu.Lock()
	check, count := o.made[c.name], o.count
	o.mu.Unlock()
	r := check.Check(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	if ctx.Err() == nil && count != nil {
		if count[c.name] == nil {
			count[c.name] = make(map[Outcome]int)
		}
		count[c.name][r.Outcome]++
	}
	return r
}

// bound returns the checks with the sources that those over TCP and those over UDP are to have.
func bound(checks map[string]Checker, tcp, udp netip.AddrPort) map[string]Checker {
	from := func(d dial, a netip.AddrPort) dial {
		d.bindAddr, d.bindPort = a.Addr(), a.Port()
		return d
	}
	all := make(map[string]Checker, len(checks))
	for name, c := range checks {
		switch c := c.(type) {
		case tcpCheck:
			all[name] = tcpCheck{from(c.dial, tcp)}
		case httpCheck:
			c.dial = from(c.dial, tcp)
			all[name] = c
		case grpcCheck:
			c.with.via = from(c.with.via, tcp)
			all[name] = c
		case smtpCheck:
			c.dial = from(c.dial, tcp)
			all[name] = c
		case dnsCheck:
			c.dial = from(c.dial, udp)
			all[name] = c
		case udpCheck:
			c.dial = from(c.dial, udp)
			all[name] = c
		default:
			all[name] = c
		}
	}
	return all
}

// TestServersStayWhileChecksCannotBeMade: what is up stays up and what is down stays down while there are no descriptors, or no ports to
// connect from; afterwards checks go on, and no descriptor has been lost.
func TestServersStayWhileChecksCannotBeMade(t *testing.T) {
	needEchoes(t)
	const dead = "TCP_CHECK of one that is down"
	checks := everyKind(t, newSites(t, true))
	outcomes(t, "before", checks, Passed, nil)
	checks[dead] = tcpCheck{dial{target: closedPort(t), timeout: time.Minute}}
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	datagrams, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	portless := bound(checks, netip.MustParseAddrPort(taken.Addr().String()), netip.MustParseAddrPort(datagrams.LocalAddr().String()))
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	restrict := func(n uint64) func() {
		return func() {
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: limit.Max}); err != nil {
				t.Error(err)
			}
		}
	}
	defer restrict(limit.Cur)()
	down := map[string]Outcome{dead: Failed}
	for _, want := range []struct {
		of      string
		without map[string]Checker
		most    uint64 // descriptors; what is open stays open
		but     map[string]Outcome
	}{
		{"descriptors", checks, 0, nil},
		{"ports", portless, limit.Cur, map[string]Outcome{"PING_CHECK": Passed, "MISC_CHECK": Passed}},
	} {
		t.Run("for want of "+want.of, func(t *testing.T) {
			leavesNothing(t, func() {
				o := observing(checks)
				o.from(checks, func() {})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- o.m.Run(ctx) }()
				defer func() { cancel(); <-done }()
				o.until(t, "before", Passed, down)
				o.m.Take()
				before := health(o.now())
				o.from(want.without, restrict(want.most))
				defer restrict(limit.Cur)()
				o.until(t, "without", Postponed, want.but)
				if now := health(o.now()); !slices.Equal(now, before) {
					t.Errorf("%q became %q", before, now)
				}
				o.from(checks, restrict(limit.Cur))
				o.until(t, "after", Passed, down)
				if now := health(o.now()); !slices.Equal(now, before) {
					t.Errorf("%q became %q afterwards", before, now)
				}
				if changes := o.m.Take(); len(changes) > 0 {
					t.Errorf("told: %+v", changes)
				}
			})
		})
	}
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
