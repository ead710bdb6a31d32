package bfd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ether connects the hosts of a test.
type ether struct {
	mu        sync.Mutex
	listeners map[netip.Addr]map[Port]*fakeListener
	cut       bool
	refuses   error // every attempt to open something
	dials     int
	cutOff    netip.Addr                              // a host that nothing reaches and that nothing comes from
	heldUp    netip.Addr                              // a host that is not run for a while, longer than a detection time, whenever it has sent something
	pending   bool                                    // more has arrived than is read
	looked    func()                                  // is called when 192.0.2.1 looks for that, if not nil
	sent      func(from, to netip.Addr, at time.Time) // is told of every packet, if not nil
}

func newEther() *ether { return &ether{listeners: make(map[netip.Addr]map[Port]*fakeListener)} }

// host is the Network of one host.
type host struct {
	ether *ether
	addr  netip.Addr
}

type fakeListener struct {
	host    host
	port    Port
	deliver func(Datagram)
}

func (h host) Listen(p Port, deliver func(Datagram)) (Listener, error) {
	h.ether.mu.Lock()
	defer h.ether.mu.Unlock()
	if h.ether.refuses != nil {
		return nil, h.ether.refuses
	}
	if h.ether.listeners[h.addr] == nil {
		h.ether.listeners[h.addr] = make(map[Port]*fakeListener)
	}
	l := &fakeListener{h, p, deliver}
	h.ether.listeners[h.addr][p] = l
	return l, nil
}

func (l *fakeListener) Pending() bool {
	e := l.host.ether
	e.mu.Lock()
	pending, looked := e.pending, e.looked
	e.mu.Unlock()
	if looked != nil && l.host.addr == addr("192.0.2.1") {
		looked()
	}
	return pending
}

func (l *fakeListener) Close() error {
	l.host.ether.mu.Lock()
	defer l.host.ether.mu.Unlock()
	delete(l.host.ether.listeners[l.host.addr], l.port)
	return nil
}

type fakeConn struct {
	host host
	spec SessionSpec
}

func (h host) Dial(s SessionSpec) (Conn, error) {
	h.ether.mu.Lock()
	defer h.ether.mu.Unlock()
	h.ether.dials++
	return fakeConn{h, s}, h.ether.refuses
}

func (c fakeConn) Send(payload []byte, to netip.Addr) error {
	e := c.host.ether
	e.mu.Lock()
	l, cut := e.listeners[to][c.spec.port()], e.cut || c.host.addr == e.cutOff || to == e.cutOff
	if e.sent != nil {
		e.sent(c.host.addr, to, time.Now())
	}
	held := c.host.addr == e.heldUp
	e.mu.Unlock()
	if held {
		defer time.Sleep(60 * ms)
	}
	if l != nil && !cut {
		l.deliver(Datagram{Payload: payload, From: netip.AddrPortFrom(c.host.addr, 49152), To: to, TTL: int(c.spec.TTL), Multihop: c.spec.Multihop})
	}
	return nil
}

func (fakeConn) Close() error { return nil }

// node is a Runner in a test.
type node struct {
	*Runner
	t    *testing.T
	log  *bytes.Buffer
	stop func()

	metrics *prometheus.Registry
}

// run starts a Runner.
func run(t *testing.T, network Network, sessions ...SessionSpec) *node {
	t.Helper()
	n := &node{t: t, log: &bytes.Buffer{}, metrics: prometheus.NewRegistry()}
	r, err := NewRunner(Options{Network: network, Logger: slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: n.metrics})
	if err != nil {
		t.Fatal(err)
	}
	n.Runner = r
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(n.stop)
	n.apply(sessions...)
	return n
}

func (n *node) apply(sessions ...SessionSpec) {
	n.t.Helper()
	if err := n.Apply(context.Background(), Spec{sessions}); err != nil {
		n.t.Fatal(err)
	}
}

// session returns the status of the session of that name that does not leave.
func (n *node) session(name string) SessionStatus {
	for _, s := range n.Status().Sessions {
		if s.Name == name && !s.Leaving {
			return s
		}
	}
	return SessionStatus{}
}

func (n *node) dropped(why Drop) uint64 {
	for _, d := range n.Status().Dropped {
		if d.Reason == why.String() {
			return d.Count
		}
	}
	return 0
}

// is complains unless the session is in a state.
func (n *node) is(name string, want State) {
	n.t.Helper()
	if s := n.session(name); s.State != want {
		n.t.Errorf("%s is %v, want %v: %+v", name, s.State, want, s)
	}
}

// told returns the changes since the last call, in short: +b is that b has come up.
func (n *node) told() string {
	var out []string
	for _, c := range n.Take() {
		sign := "-"
		if c.Up {
			sign = "+"
		}
		out = append(out, sign+c.Name)
	}
	return strings.Join(out, " ")
}

// inPair runs f in simulated time with two hosts that have a session with each other.
func inPair(t *testing.T, f func(e *ether, a, b *node)) {
	synctest.Test(t, func(t *testing.T) {
		e := newEther()
		a := run(t, host{e, addr("192.0.2.1")}, specOf("b", "192.0.2.2", ""))
		b := run(t, host{e, addr("192.0.2.2")}, specOf("a", "192.0.2.1", ""))
		time.Sleep(3 * time.Second)
		a.is("b", Up)
		b.is("a", Up)
		if got := a.told(); got != "-b +b" {
			t.Errorf("told %q", got)
		}
		b.Take()
		f(e, a, b)
	})
}

func TestCutCable(t *testing.T) {
	inPair(t, func(e *ether, a, b *node) {
		e.mu.Lock()
		e.cut = true
		e.mu.Unlock()
		time.Sleep(300 * ms)
		synctest.Wait()
		a.is("b", Down)
		b.is("a", Down)
		if got := a.told(); got != "-b" {
			t.Errorf("told %q", got)
		}
		for _, line := range []string{"(b) Expired after 300 ms (",
			"(b) Entering Down state (Local diagnostic - Control Detection Time Expired, Remote diagnostic - No Diagnostic)"} {
			if !strings.Contains(a.log.String(), line) {
				t.Errorf("the log has no %q:\n%s", line, a.log)
			}
		}
		e.mu.Lock()
		e.cut = false
		e.mu.Unlock()
		time.Sleep(2 * time.Second)
		if got := a.told(); got != "+b" {
			t.Errorf("told %q", got)
		}
	})
}

// TestStopIsTold: the neighbour of a Runner that stops is down at once, and the Runner does not wait longer than for that.
func TestStopIsTold(t *testing.T) {
	inPair(t, func(_ *ether, a, b *node) {
		before := time.Now()
		a.stop()
		if took := time.Since(before); took > 100*ms {
			t.Errorf("took %v", took)
		}
		synctest.Wait()
		if s := b.session("a"); s.State != Down || s.Diagnostic != NeighborSignaledDown || s.RemoteState != AdminDown {
			t.Errorf("%+v", s)
		}
		if got := b.told(); got != "-a" {
			t.Errorf("told %q", got)
		}
		if err := a.Apply(context.Background(), Spec{}); !errors.Is(err, ErrStopped) {
			t.Errorf("Apply after the end: %v", err)
		}
	})
}

// TestStopOfWhoIsNotHeard: neighbours that do not answer are told for no longer than StopLimit.
func TestStopOfWhoIsNotHeard(t *testing.T) {
	inPair(t, func(e *ether, a, _ *node) {
		slow := specOf("b", "192.0.2.2", "")
		slow.Timing.Multiplier = 255
		a.apply(slow)
		time.Sleep(time.Second)
		e.mu.Lock()
		e.cut = true
		e.mu.Unlock()
		before := time.Now()
		a.stop()
		if took := time.Since(before); took != StopLimit {
			t.Errorf("took %v", took)
		}
	})
}

// TestReloadKeepsWhatStays: other settings leave a session up, those that are gone are taken down, and the order changes
// nothing.
func TestReloadKeepsWhatStays(t *testing.T) {
	inPair(t, func(e *ether, a, b *node) {
		was := a.session("b")
		other := specOf("b", "192.0.2.2", "")
		other.Timing.MinTX, other.Timing.MinRX, other.Timing.Multiplier, other.MaxHops = 50*ms, 200*ms, 9, 3
		a.apply(specOf("c", "192.0.2.3", ""), other)
		time.Sleep(2 * time.Second)
		now := a.session("b")
		if now.Local != was.Local || now.Since != was.Since || now.State != Up || now.Detection != 600*ms {
			t.Errorf("%+v, was %+v", now, was)
		}
		if got := b.session("a"); got.Detection != 900*ms || got.State != Up {
			t.Errorf("the neighbour: %+v", got)
		}
		if got := a.told() + "|" + b.told(); got != "-c|" {
			t.Errorf("told %q", got)
		}
		e.mu.Lock()
		dials := e.dials
		e.mu.Unlock()
		other.TTL = 250 // takes another socket, and no other session
		a.apply(other)
		time.Sleep(time.Second)
		b.is("a", Down) // b wants 255
		e.mu.Lock()
		if e.dials != dials+1 {
			t.Errorf("%d sockets were opened", e.dials-dials)
		}
		e.mu.Unlock()
		if n := b.dropped(DropTTL); n == 0 || !strings.Contains(b.log.String(), "Packet ttl(250) < 255 - discarding") {
			t.Errorf("%d\n%s", n, b.log)
		}
	})
}

func TestReloadRemoves(t *testing.T) {
	inPair(t, func(_ *ether, a, b *node) {
		a.apply()
		synctest.Wait()
		if s := b.session("a"); s.State != Down || s.RemoteState != AdminDown {
			t.Errorf("%+v", s)
		}
		if got := a.told(); got != "" {
			t.Errorf("told %q", got)
		}
		time.Sleep(time.Second)
		if s := a.Status(); len(s.Sessions) != 0 || len(a.byHandle) != 0 || len(a.ports) != 0 || len(a.queue) != 0 {
			t.Errorf("left: %+v", s)
		}
		a.apply(specOf("b", "192.0.2.2", ""))
		time.Sleep(3 * time.Second)
		a.is("b", Up)
	})
}

// TestReloadReplaces: a session between other addresses is another one, though its name is the same; and one that comes back
// while it is still leaving is not talked into by what it was.
func TestReloadReplaces(t *testing.T) {
	inPair(t, func(e *ether, a, b *node) {
		was := a.session("b").Local
		e.mu.Lock()
		e.cut = true // so that it stays
		e.mu.Unlock()
		a.apply(specOf("b", "192.0.2.3", ""))
		if got := a.Status().Sessions; len(got) != 2 || !got[1].Leaving || got[0].Neighbor != addr("192.0.2.3") {
			t.Fatalf("%+v", got)
		}
		if got := a.told(); got != "-b" {
			t.Errorf("told %q", got)
		}
		e.mu.Lock()
		e.cut = false
		e.mu.Unlock()
		a.apply(specOf("b", "192.0.2.2", ""))
		if got := slices.DeleteFunc(a.Status().Sessions, func(s SessionStatus) bool { return s.Neighbor != addr("192.0.2.2") }); len(got) != 1 || got[0].Local == was {
			t.Errorf("%+v", got)
		}
		time.Sleep(4 * time.Second)
		a.is("b", Up)
		b.is("a", Up)
	})
}

// TestSocketsThatCannotBeHad: it is said once, tried again, and works when it can.
func TestSocketsThatCannotBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEther()
		e.refuses = errors.New("address already in use")
		a := run(t, host{e, addr("192.0.2.1")}, specOf("b", "192.0.2.2", ""))
		b := run(t, host{e, addr("192.0.2.2")}, specOf("a", "192.0.2.1", ""))
		time.Sleep(10 * time.Second)
		if s := a.Status(); len(s.Ports) != 1 || s.Ports[0].Port != 3784 || s.Sessions[0].Trouble == "" {
			t.Errorf("%+v", s)
		}
		if n := strings.Count(a.log.String(), "address already in use"); n != 2 { // the port, and the session
			t.Errorf("said %d times:\n%s", n, a.log)
		}
		e.mu.Lock()
		e.refuses = nil
		e.mu.Unlock()
		time.Sleep(5 * time.Second)
		a.is("b", Up)
		b.is("a", Up)
		if s := a.Status(); len(s.Ports) != 0 || s.Sessions[0].Trouble != "" {
			t.Errorf("%+v", s)
		}
	})
}

// TestHostilePackets: nothing that comes from elsewhere, or is no packet, changes a session or makes anything grow, however
// much of it there is; and it is logged now and then.
func TestHostilePackets(t *testing.T) {
	inPair(t, func(e *ether, a, b *node) {
		was := a.session("b")
		down := Packet{State: Down, Multiplier: 3, MyDiscriminator: 1, DesiredMinTX: time.Second}
		wrong := down
		wrong.YourDiscriminator = was.Local + 1
		right := down
		right.YourDiscriminator = was.Local
		neighbour, other := netip.MustParseAddrPort("192.0.2.2:50000"), netip.MustParseAddrPort("198.51.100.9:3784")
		authenticated := append(down.Append(nil), 1, 2)
		authenticated[1] |= bitAuth
		authenticated[3] = 26
		to := addr("192.0.2.1")
		kinds := []Datagram{
			{Payload: []byte("junk"), From: neighbour, To: to, TTL: 255}, {Payload: nil, From: other, To: to, TTL: 255},
			{Payload: down.Append(nil), From: neighbour, To: to, TTL: 254}, {Payload: right.Append(nil), From: neighbour, To: to, TTL: 1},
			{Payload: wrong.Append(nil), From: neighbour, To: to, TTL: 255}, {Payload: down.Append(nil), From: other, To: to, TTL: 255},
			{Payload: right.Append(nil), From: neighbour, To: to, TTL: 255, Multihop: true},
			{Payload: right.Append(nil), From: netip.MustParseAddrPort("[2001:db8::1]:1"), To: to, TTL: 255},
			{Payload: authenticated, From: neighbour, To: to, TTL: 255},
			{Payload: bytes.Repeat([]byte{0xff}, 512), From: neighbour, To: to, TTL: 255},
		}
		a.log.Reset()
		const rounds = 1000
		for range rounds {
			for _, d := range kinds {
				a.deliver(d)
			}
			time.Sleep(10 * ms)
		}
		now := a.session("b")
		if now.Since != was.Since || now.State != Up || now.Remote != was.Remote || now.Detection != was.Detection {
			t.Errorf("%+v, was %+v", now, was)
		}
		if got := a.told() + b.told(); got != "" {
			t.Errorf("told %q", got)
		}
		total := uint64(0)
		for _, d := range a.Status().Dropped {
			total += d.Count
		}
		if total != rounds*uint64(len(kinds)) {
			t.Errorf("%d of %d counted: %v", total, rounds*len(kinds), a.Status().Dropped)
		}
		if len(a.byHandle) != 1 || len(a.table.Load().byDiscriminator) != 1 || len(a.packets) != 0 {
			t.Error("something has grown")
		}
		if n := strings.Count(a.log.String(), "iscarding"); n == 0 || n > 11 { // in ten seconds
			t.Errorf("%d lines:\n%s", n, a.log)
		}
	})
}

func TestMetrics(t *testing.T) {
	inPair(t, func(_ *ether, a, _ *node) {
		a.deliver(Datagram{Payload: []byte("x"), From: netip.MustParseAddrPort("192.0.2.2:1"), TTL: 255})
		all, err := a.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]float64)
		for _, family := range all {
			for _, m := range family.Metric {
				name := family.GetName()
				for _, l := range m.Label {
					name += " " + l.GetValue()
				}
				got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
		for name, want := range map[string]float64{"keepalived_bfd_session_state b 192.0.2.2": 3,
			"keepalived_bfd_session_detection_seconds b 192.0.2.2": 0.3, "keepalived_bfd_session_down_total b 192.0.2.2": 0,
			"keepalived_bfd_packets_dropped_total length": 1, "keepalived_bfd_packets_dropped_total ttl": 0,
			"keepalived_bfd_send_errors_total b 192.0.2.2": 0} {
			if v, there := got[name]; !there || v != want {
				t.Errorf("%s is %v, %v; want %v", name, v, there, want)
			}
		}
		for _, name := range []string{"keepalived_bfd_packets_sent_total b 192.0.2.2", "keepalived_bfd_packets_received_total b 192.0.2.2"} {
			if got[name] < 20 {
				t.Errorf("%s is %v", name, got[name])
			}
		}
		if len(got) != 6+int(dropCount)-1 {
			t.Errorf("%d metrics: %v", len(got), got)
		}
	})
}

// TestOptions: what cannot work is said at once.
func TestOptions(t *testing.T) {
	if _, err := NewRunner(Options{}); err == nil {
		t.Error("no network")
	}
	reg := prometheus.NewRegistry()
	for i := range 2 {
		if _, err := NewRunner(Options{Network: host{}, Registerer: reg}); (err != nil) != (i == 1) {
			t.Errorf("Runner %d: %v", i, err)
		}
	}
}
