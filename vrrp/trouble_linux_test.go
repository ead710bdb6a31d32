package vrrp

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// pausing is a log handler that stops the Runner's goroutine when it sees a message: the process does not run.
type pausing struct {
	slog.Handler
	text  string
	pause time.Duration
	once  *sync.Once
}

func (p pausing) Enabled(context.Context, slog.Level) bool { return true }
func (p pausing) WithAttrs([]slog.Attr) slog.Handler       { return p }
func (p pausing) Handle(_ context.Context, r slog.Record) error {
	if r.Message == p.text {
		p.once.Do(func() { time.Sleep(p.pause) })
	}
	return nil
}

// A process that did not run for longer than its master-down interval has the adverts of the master in its queue.
func TestLateWakeLooksAtTheQueueFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		start(t, n.newHost("10.77.0.1/24"), Options{}, testInstance("V", 51, 150))
		log := slog.New(pausing{slog.DiscardHandler, "(V) Changing effective priority from 100 to 90", 30 * time.Second, new(sync.Once)})
		b := start(t, n.newHost("10.77.0.2/24"), Options{Logger: log}, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		b.TakeChanges()
		changed := make(chan error, 1)
		go func() { changed <- b.Apply(context.Background(), testSpec(testInstance("V", 51, 90))) }()
		time.Sleep(40 * time.Second)
		if err := <-changed; err != nil {
			t.Fatal(err)
		}
		want(t, "changes", b.TakeChanges(), []Change(nil))
		want(t, "state", b.state("V"), election.Backup)
	})
}

func TestKillLeavesEverythingAsItIs(t *testing.T) {
	for name, end := range map[string]func(*node){
		"killed":                           func(n *node) { n.Kill() },
		"stopped with --dont-release-vrrp": func(n *node) { n.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n ethernet
				o := Options{KeepOnStop: name != "killed"}
				a := start(t, n.newHost("10.77.0.1/24"), o, testInstance("V", 51, 150))
				b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100))
				time.Sleep(10 * time.Second)
				end(a)
				a.wait()
				want(t, "address", a.host.has("10.77.51.100"), true)
				want(t, "nobody was told", b.counters("V").PriorityZeroReceived, uint64(0))
			})
		})
	}
}

// idle returns a Runner that does not run: the test is its goroutine.
func idle(t testing.TB, h *host, list ...election.InstanceSpec) *Runner {
	t.Helper()
	r, err := NewRunner(Options{Network: h})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range h.links {
		r.observe(netio.LinkChanged{Link: l})
	}
	for _, a := range h.addrs {
		r.observe(netio.AddressChanged{Address: a})
	}
	r.observe(netio.Synced{})
	applied := make(chan error, 1)
	r.apply(request{testSpec(list...), applied})
	for len(applied) == 0 {
		r.opened(<-r.opens)
		r.followUp()
	}
	t.Cleanup(func() { _ = r.shutDown() })
	return r
}

func TestWakeDrainsTheQueueFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		r := idle(t, h, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		advert := wire.Advert{Version: 2, VRID: 51, Priority: 200, Interval: time.Second}
		h.hear(advert.AppendIPv4(nil, wire.IPHeader{Source: netip.MustParseAddr("10.77.0.9"), Destination: testInstance("V", 51, 100).Group, TTL: 255}),
			testInstance("V", 51, 100).Group, 51)
		r.wake()
		r.publish()
		want(t, "state", r.Status().Instances[0].State, election.Backup)
	})
}

// The answer to a question about an earlier installation says nothing about this one.
func TestStaleLossIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		r := idle(t, n.newHost("10.77.0.1/24"), testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		r.wake()
		in := r.all()[0]
		for _, tc := range []struct{ generation, want uint64 }{{in.generation - 1, 0}, {in.generation, 1}} {
			r.finished(result{handle: in.handle, lost: []election.Resource{in.spec.Addresses[0]}, generation: tc.generation})
			s, _ := r.engine.StatusOf(in.handle)
			want(t, "losses", s.Counters.ResourcesLost, tc.want)
		}
	})
}

// A router that takes over another's address in a reload does not start while that one's worker still removes it.
func TestSuccessorInAReloadWaitsForTheRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		owner := testInstance("V", 51, 255)
		owner.StartMaster = true
		a := start(t, h, Options{}, owner)
		time.Sleep(10 * time.Second)
		want(t, "owner", a.state("V"), election.Master)
		h.mu.Lock()
		slow := true
		h.refuse = func(op string, _ netip.Addr) error {
			if op == "del" && slow {
				slow = false
				time.Sleep(time.Minute)
			}
			return nil
		}
		h.mu.Unlock()
		owner.Version = 3
		a.apply(owner)
		time.Sleep(30 * time.Second)
		want(t, "advertising for an address that is being removed", a.state("V"), election.Init)
		time.Sleep(time.Minute)
		want(t, "successor", a.state("V"), election.Master)
		want(t, "address", h.has("10.77.51.100"), true)
	})
}

// deafNetwork is a machine whose links and addresses cannot be watched.
type deafNetwork struct{ *host }

func (deafNetwork) Watch(context.Context, chan<- netio.Event) error {
	return errors.New("operation not permitted")
}

func TestRunWithoutWatchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		r, err := NewRunner(Options{Network: deafNetwork{n.newHost("10.77.0.1/24")}})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Run(context.Background()); err == nil {
			t.Error("Run returned nil, want an error")
		}
		if err := r.Apply(context.Background(), election.Spec{}); !errors.Is(err, ErrStopped) {
			t.Errorf("Apply: %v, want ErrStopped", err)
		}
	})
}

func TestApplyGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		r, err := NewRunner(Options{Network: n.newHost("10.77.0.1/24")})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.Apply(ctx, election.Spec{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		log := slog.New(pausing{slog.DiscardHandler, "(V) Entering BACKUP STATE (init)", time.Second, new(sync.Once)})
		h := n.newHost("10.77.0.1/24")
		a := start(t, h, Options{Logger: log})
		go func() { _ = a.Apply(context.Background(), testSpec(testInstance("V", 51, 100))) }()
		synctest.Wait()
		advert := wire.Advert{Version: 2, VRID: 51, Priority: 200, Interval: time.Second}
		ip := wire.IPHeader{Source: netip.MustParseAddr("10.77.0.9"), Destination: netip.MustParseAddr("224.0.0.18"), TTL: 255}
		for range packetQueue + 5 {
			h.hear(advert.AppendIPv4(nil, ip), ip.Destination, 51)
		}
		time.Sleep(2 * time.Second)
		want(t, "received", a.counters("V").AdvertsReceived, uint64(packetQueue))
		want(t, "dropped", a.Status().PacketsDropped, uint64(5))
	})
}
