package healthcheck

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
)

// vsID is the virtual server of most tests, VS is its name.
var vsID = confparse.VirtualServerID{
	Family: confparse.IPv4, Protocol: confparse.TCP, Addr: netip.MustParseAddr("10.0.0.1"), Port: 80,
}

const vsName = "[10.0.0.1]:tcp:80"

// rsAddr is the address of the nth real server.
func rsAddr(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 0, byte(n)}) }

func rsID(n int) confparse.RealServerID {
	return confparse.RealServerID{VS: vsID, Addr: rsAddr(n), Port: 80}
}

// tcpCheckOf returns a TCP_CHECK with the settings of case 22.
func tcpCheckOf() *confparse.Checker {
	return &confparse.Checker{
		Kind: confparse.TCPCheck, DelayLoop: 10 * time.Second, Retry: 2, DelayBeforeRetry: time.Second,
		Connect: confparse.Connect{Addr: rsAddr(1), Port: 80, Timeout: 5 * time.Second},
	}
}

// tcpCheckOfServer returns the TCP_CHECK of the nth real server.
func tcpCheckOfServer(n int) *confparse.Checker {
	ck := tcpCheckOf()
	ck.Connect.Addr = rsAddr(n)
	return ck
}

// pool returns a virtual server with n real servers of weight 1, each with a TCP_CHECK, and no warmup.
func pool(n int) *confparse.VirtualServer {
	vs := &confparse.VirtualServer{ID: vsID, Quorum: 1}
	for i := range n {
		vs.RealServers = append(vs.RealServers, &confparse.RealServer{
			ID: rsID(i + 1), Weight: 1, Checkers: []*confparse.Checker{tcpCheckOfServer(i + 1)},
		})
	}
	return vs
}

func config(vs ...*confparse.VirtualServer) *confparse.Config {
	return &confparse.Config{VirtualServers: vs}
}

// attempt is one attempt of a check that was made.
type attempt struct {
	at     time.Duration
	target netip.AddrPort
	url    int
}

func (a attempt) String() string { return fmt.Sprintf("%v %v url%d", a.at, a.target, a.url) }

// lab runs a Manager in a synctest bubble against servers that are made up.
type lab struct {
	t        *testing.T
	m        *Manager
	registry *prometheus.Registry
	start    time.Time
	cancel   context.CancelFunc
	stopped  chan error

	mu       sync.Mutex
	broken   map[netip.AddrPort]func(url int) Result // targets that do not simply pass
	took     time.Duration                           // how long an attempt takes; 0 = n ms for the nth server
	attempts []attempt
	events   []string // changes, with the time they were taken at
	watches  bool     // changes are taken as they come
	under    int      // attempts under way
	peak     int      // most attempts under way at a time
}

// ownKinds lets the Manager make attempts as the kinds of its checks do, on no made-up servers.
func (l *lab) ownKinds() { l.m.newChecker = CheckSpec.checker }

// inLab runs test in a bubble; the Manager is stopped at its end, and a goroutine left over fails the test.
func inLab(t *testing.T, o Options, test func(*lab)) {
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, start: time.Now(), broken: map[netip.AddrPort]func(int) Result{}, registry: prometheus.NewRegistry()}
		o.Registerer = l.registry
		if o.Rand == nil {
			o.Rand = rand.New(rand.NewPCG(1, 2))
		}
		l.m = NewManager(o)
		l.m.newChecker = func(c CheckSpec, _ means, step int) Checker { return fakeCheck{l, c.Target(), step} }
		test(l)
		if l.cancel != nil {
			l.stop()
		}
	})
}

// fakeCheck is an attempt on a made-up server.
type fakeCheck struct {
	lab    *lab
	target netip.AddrPort
	url    int
}

// Check implements Checker.
func (f fakeCheck) Check(ctx context.Context) Result {
	l, n := f.lab, f.target.Addr().As4()[3]
	l.mu.Lock()
	l.attempts = append(l.attempts, attempt{time.Since(l.start), f.target, f.url})
	took, answer := l.took, l.broken[f.target]
	if took == 0 { // attempts made at the same time end in the order of the servers, before the next tick
		took = time.Duration(n%5) * time.Millisecond
	}
	l.under++
	l.peak = max(l.peak, l.under)
	l.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
	}
	l.mu.Lock()
	l.under--
	l.mu.Unlock()
	if answer != nil {
		return answer(f.url)
	}
	return passed(CodeConnected, tcpSuccess)
}

// run applies a configuration and starts the Manager.
func (l *lab) run(c *confparse.Config) Snapshot {
	s := l.m.Apply(FromConfig(c))
	l.goOn()
	return s
}

// goOn starts the Manager with what it has.
func (l *lab) goOn() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.stopped = cancel, make(chan error, 1)
	go func() { l.stopped <- l.m.Run(ctx) }()
	if l.watches {
		go l.takeUntil(ctx.Done())
	}
	synctest.Wait()
}

func (l *lab) stop() {
	l.cancel()
	if err := <-l.stopped; err != nil {
		l.t.Errorf("Run returned %v", err)
	}
	l.cancel = nil
}

// until lets the time since the start of the test come.
func (l *lab) until(d time.Duration) {
	time.Sleep(d - time.Since(l.start))
	synctest.Wait()
}

// refuses is the answer of a server that is down.
func refuses(int) Result { return failed(CodeConnectFailed, tcpFailed, nil) }

// breaks makes the nth real server fail from now on, mends makes it pass.
func (l *lab) breaks(n int) {
	l.answers(netip.AddrPortFrom(rsAddr(n), 80), refuses)
}

func (l *lab) mends(n int) { l.answers(netip.AddrPortFrom(rsAddr(n), 80), nil) }

func (l *lab) answers(target netip.AddrPort, answer func(url int) Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken[target] = answer
}

// made returns the attempts on a target so far, as the times they were made at.
func (l *lab) made(target netip.AddrPort) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var at []time.Duration
	for _, a := range l.attempts {
		if a.target == target {
			at = append(at, a.at)
		}
	}
	return at
}

// takes sets how long an attempt takes from now on.
func (l *lab) takes(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = d
}

// watch takes changes as they come from the next run or goOn on, for wantEvents.
func (l *lab) watch() { l.watches = true }

func (l *lab) takeUntil(done <-chan struct{}) {
	for {
		select {
		case <-l.m.Changed():
			at := time.Since(l.start).Truncate(10 * time.Millisecond)
			l.mu.Lock()
			for _, c := range l.m.Take() {
				l.events = append(l.events, fmt.Sprintf("%v %s", at, describe(c)))
			}
			l.mu.Unlock()
		case <-done:
			return
		}
	}
}

// wantEvents compares the changes since the last call, with their times. Equal ones of one instant may have been taken as one.
func (l *lab) wantEvents(want ...string) {
	l.t.Helper()
	l.mu.Lock()
	got := slices.Compact(l.events)
	l.events = nil
	l.mu.Unlock()
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		l.t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// describe writes a change in a line.
func describe(c Change) string {
	line := fmt.Sprintf("%s up=%v weight=%d", c.RealServer, c.Up, c.Weight)
	if c.Initial {
		line += " initial"
	}
	return line
}

// wantChanges compares what Take returns.
func (l *lab) wantChanges(want ...string) {
	l.t.Helper()
	var got []string
	for _, c := range l.m.Take() {
		got = append(got, describe(c))
	}
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		l.t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// checkOf returns the status of the only check of the nth real server of the first virtual server.
func (l *lab) checkOf(n int) CheckStatus {
	return l.m.Status().VirtualServers[0].RealServers[n-1].Checks[0]
}

// health writes a Snapshot as one line per virtual server.
func health(s Snapshot) []string {
	var lines []string
	for _, vs := range s.VirtualServers {
		line := vs.ID.String()
		for _, rs := range vs.RealServers {
			state := "down"
			if rs.Up {
				state = "up"
			}
			line += fmt.Sprintf(" %s=%s", rs.ID.Addr, state)
		}
		lines = append(lines, line)
	}
	return lines
}

// now returns the health of everything, as health does.
func (l *lab) now() []string {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	return health(l.m.snapshot())
}

func (l *lab) wantHealth(want ...string) {
	l.t.Helper()
	if diff := cmp.Diff(want, l.now()); diff != "" {
		l.t.Errorf("health (-want +got):\n%s", diff)
	}
}

// vsIDOfMark is the virtual server of firewall mark 5 in a family.
func vsIDOfMark(f confparse.Family) confparse.VirtualServerID {
	return confparse.VirtualServerID{Family: f, Fwmark: 5}
}

// memoryFile is a file system with the file k.conf.
func memoryFile(text string) fs.FS {
	return fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}
}

// textLogger writes what is logged to w.
func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// settled returns what a configuration with one real server, 10.0.0.1:8080, and the given text in it comes to.
func settled(t *testing.T, text string) Spec {
	t.Helper()
	text = "virtual_server 10.0.0.100 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.0.1 8080 {\n" + text + "}\n}\n"
	c, ds := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}, "k.conf", confparse.Env{})
	for _, d := range ds {
		if d.Severity >= confparse.Error {
			t.Fatal(d)
		}
	}
	return FromConfig(c)
}
