package vrrp

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/netio"
	"vigil/vrrp/election"
)

// bench is a reconciler on a simulated machine, with the test in the place of the Runner.
type bench struct {
	*reconciler
	host    *host
	results chan result
}

func newBench(t *testing.T, h *host, p *pacers) bench {
	t.Helper()
	r := &Runner{view: newNetworkView(), places: newPlaces(), network: h, pacers: p, changes: new(changes), results: make(chan result, 100), quit: make(chan struct{})}
	w := newReconciler(r, 1, instanceLog{logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		w.close(true)
		close(r.quit)
		<-w.done
	})
	return bench{w, h, r.results}
}

func addresses(list ...string) []election.Address {
	addrs := make([]election.Address, len(list))
	for i, s := range list {
		addrs[i] = election.Address{Prefix: netip.MustParsePrefix(s), Link: "eth0"}
	}
	return addrs
}

func resources(list []election.Address) []election.Resource {
	return election.InstanceSpec{Addresses: list}.Resources()
}

// taken returns what was done to the kernel, as one line.
func (b bench) taken() string { return strings.Join(b.host.taken(), ", ") }

// own orders resources and returns the outcome.
func (b bench) own(generation uint64, have, remove []election.Address) result {
	b.order(election.Own{Generation: generation, Resources: resources(have), Remove: resources(remove)})
	return <-b.results
}

func TestReconcilerKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		p := newPacers()
		defer p.close()
		b := newBench(t, n.newHost("10.77.0.1/24"), p)
		followed := b.changes.follow()
		vips := addresses("10.77.0.100/32", "10.77.0.101/32")
		b.order(election.Own{Generation: 1, Resources: resources(vips)})
		b.order(election.Announce{Repeat: 2, Addresses: vips})
		b.order(b.changes.begin(Change{Instance: "V", To: election.Master}, nil))
		synctest.Wait()
		want(t, "told", len(followed.Take()), 1)
		b.order(election.Own{Generation: 2, Remove: resources(vips)})
		b.close(false)
		<-b.done
		want(t, "kernel", b.taken(), "add 10.77.0.100, add 10.77.0.101, "+
			"garp 10.77.0.100, garp 10.77.0.101, garp 10.77.0.100, garp 10.77.0.101, del 10.77.0.101, del 10.77.0.100")
		for _, generation := range []uint64{1, 2} {
			if r := <-b.results; r.generation != generation || r.failures != nil || r.handle != 1 {
				t.Errorf("result %+v", r)
			}
		}
		if r := <-b.results; !r.ended {
			t.Errorf("result %+v, want the end", r)
		}
	})
}

// An address that went to another router of the process without being removed may have gone meanwhile.
func TestReconcilerForgetsWhatItGaveAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		b := newBench(t, n.newHost("10.77.0.1/24"), newPacers())
		vips := addresses("10.77.0.100/32", "10.77.0.101/32")
		b.own(1, vips, nil)
		b.own(2, vips[:1], nil)
		other := newBench(t, b.host, newPacers())
		other.own(1, vips[1:], nil)
		other.own(2, nil, vips[1:])
		b.host.taken()
		b.own(3, vips, nil)
		want(t, "kernel", b.taken(), "add 10.77.0.101")
	})
}

// What is not in place when a hand-over begins is not put there any more.
func TestReconcilerHandsOverNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		b := newBench(t, n.newHost("10.77.0.1/24"), newPacers())
		vips := addresses("10.77.0.100/32", "10.77.0.101/32")
		b.own(1, vips[:1], nil)
		b.host.taken()
		b.order(election.Own{Generation: 2, Resources: resources(vips), Quiet: true})
		if r := <-b.results; r.generation != 2 || r.failures != nil {
			t.Errorf("result %+v", r)
		}
		want(t, "there", []bool{b.host.has("10.77.0.100"), b.host.has("10.77.0.101")}, []bool{true, false})
	})
}

func TestReconcilerTriesEveryAddressAndReportsAllFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		broken := true
		h.refuse = func(op string, a netip.Addr) error {
			if op == "add" && a != vip101 && broken {
				return errors.New("refused " + a.String())
			}
			return nil
		}
		b := newBench(t, h, newPacers())
		vips := addresses("10.77.0.100/32", "10.77.0.101/32", "10.77.0.102/32")
		vips = append(vips, election.Address{Prefix: netip.MustParsePrefix("10.77.0.103/32"), Link: "eth7"})
		failed := func(r result) (list []netip.Addr) {
			for _, f := range r.failures {
				list = append(list, f.Resource.(election.Address).Prefix.Addr())
				if gone := f.Resource == election.Resource(vips[3]); errors.Is(f.Err, netio.ErrNoLink) != gone {
					t.Errorf("%v: %v", f.Resource, f.Err)
				}
			}
			return list
		}
		want(t, "failures", failed(b.own(1, vips, nil)), []netip.Addr{vip100, vips[2].Prefix.Addr(), vips[3].Prefix.Addr()})
		want(t, "the one that is possible", h.has("10.77.0.101"), true)
		b.host.taken()

		// What failed is tried again, and nothing else is touched; only what is in place is announced.
		broken = false
		b.retry()
		want(t, "failures", failed(<-b.results), []netip.Addr{vips[3].Prefix.Addr()})
		want(t, "kernel", b.taken(), "add 10.77.0.100, add 10.77.0.102")
		b.order(election.Announce{Repeat: 1, Addresses: vips})
		synctest.Wait()
		want(t, "announced", b.taken(), "garp 10.77.0.100, garp 10.77.0.101, garp 10.77.0.102")

		if r := b.own(2, nil, vips); r.failures != nil {
			t.Errorf("removing what is on an interface that is gone: %v", r.failures)
		}
		b.retry() // there is nothing to be tried again
		synctest.Wait()
		want(t, "kernel", b.taken(), "del 10.77.0.102, del 10.77.0.101, del 10.77.0.100")
	})
}

// What is no longer wanted is not begun, and what an order that was skipped would have removed still goes.
func TestNewerOrderReplacesOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		release := make(chan struct{})
		h.refuse = func(op string, a netip.Addr) error {
			if op == "add" && a == vip100 {
				<-release
			}
			return nil
		}
		b := newBench(t, h, newPacers())
		one, two, three := addresses("10.77.0.100/32", "10.77.0.101/32"), addresses("10.77.0.102/32"), addresses("10.77.0.103/32")
		b.order(election.Own{Generation: 1, Resources: resources(one)})
		synctest.Wait() // in the middle of it
		b.order(election.Own{Generation: 2, Resources: resources(two), Remove: resources(one)})
		b.order(election.Own{Generation: 3, Resources: resources(three), Remove: resources(two)})
		close(release)
		r := <-b.results
		want(t, "generation", r.generation, uint64(3))
		want(t, "kernel", b.taken(), "add 10.77.0.100, del 10.77.0.101, del 10.77.0.100, del 10.77.0.102, add 10.77.0.103")
		want(t, "no further outcome", len(b.results), 0)
	})
}

// An address with other attributes is another resource and the same thing to the kernel.
func TestAttributesThereAndBackAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		b := newBench(t, h, newPacers())
		plain, labelled := addresses("10.77.0.100/32"), addresses("10.77.0.100/32")
		labelled[0].Label = "eth0:v"
		b.own(1, plain, nil)
		b.host.taken()
		b.mu.Lock() // both are waiting when it looks
		b.orders = append(b.orders, election.Own{Generation: 2, Resources: resources(labelled), Remove: resources(plain)})
		b.mu.Unlock()
		b.own(3, plain, labelled)
		want(t, "address", h.has("10.77.0.100"), true)
		want(t, "kernel", b.taken(), "del 10.77.0.100, add 10.77.0.100")
	})
}

// One announcement that fails costs neither the others nor the further rounds.
func TestAnnouncementFailureCostsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		failures := 1
		h.refuse = func(op string, a netip.Addr) error {
			if op == "garp" && a == vip100 && failures > 0 {
				failures--
				return errors.New("network is down")
			}
			return nil
		}
		b := newBench(t, h, newPacers())
		vips := addresses("10.77.0.100/32", "10.77.0.101/32")
		b.own(1, vips, nil)
		b.host.taken()
		b.order(election.Announce{Repeat: 5, Addresses: vips})
		synctest.Wait()
		want(t, "attempts", len(h.taken()), 10)
		want(t, "announced", b.announced.Load(), uint64(9))
	})
}

// However many announcements are ordered while the interface is busy, there is one round pending; and it can be dropped.
func TestPendingAnnouncementsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		h.refuse = func(op string, _ netip.Addr) error {
			if op == "garp" {
				time.Sleep(time.Millisecond)
			}
			return nil
		}
		b := newBench(t, h, newPacers())
		var list []string
		for i := range 20 {
			list = append(list, "10.77.0."+strconv.Itoa(100+i)+"/32")
		}
		vips := addresses(list...)
		b.own(1, vips, nil)
		h.taken()
		// A lower master that shouts 1,000 times a second for two seconds.
		for range 2000 {
			b.order(election.Announce{Repeat: 1, Addresses: vips})
			b.mu.Lock()
			pending, orders := len(b.rounds.queue), len(b.orders)
			b.mu.Unlock()
			if pending > 20 || orders > 1 {
				t.Fatalf("%d announcements and %d orders pending", pending, orders)
			}
			time.Sleep(time.Millisecond)
		}
		b.cancel()
		synctest.Wait()
		h.taken()
		r := b.own(2, nil, vips)
		want(t, "generation", r.generation, uint64(2))
		for _, op := range h.taken() {
			if strings.HasPrefix(op, "garp") {
				t.Fatalf("%s after yielding", op)
			}
		}
	})
}

func TestLostAddressIsVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		b := newBench(t, h, newPacers())
		vips := addresses("10.77.0.100/32", "10.77.0.101/24")
		b.own(7, vips, nil)
		ask := func(a election.Address) bool {
			b.suspect(a)
			synctest.Wait()
			if len(b.results) == 0 {
				return false
			}
			r := <-b.results
			want(t, "generation", r.generation, uint64(7))
			return len(r.lost) == 1 && r.lost[0] == a
		}
		want(t, "there", ask(vips[0]), false)
		want(t, "not ours", ask(addresses("10.77.0.2/24")[0]), false)
		if err := h.DelAddress(netio.Address{Index: 2, Prefix: vips[1].Prefix}); err != nil {
			t.Fatal(err)
		}
		h.cable(t, false)
		want(t, "gone with the cable out", ask(vips[1]), false)
		h.cable(t, true)
		want(t, "gone", ask(vips[1]), true)
		want(t, "gone and reported", ask(vips[1]), false)
		h.destroyLink("eth0")
		want(t, "interface gone", ask(vips[0]), false)
	})
}

// Who asks for an address during its hand-over gets no answer; a router that becomes MASTER again answers at once.
func TestQuietDuringAHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		b := newBench(t, h, newPacers())
		vips := addresses("10.77.0.100/32", "10.77.0.101/32")
		b.own(1, vips, nil)
		want(t, "as master", h.quiet[vip100] || h.quiet[vip101], false)
		h.deaf = errors.New("no nftables here")
		b.order(election.Own{Generation: 2, Resources: resources(vips), Quiet: true})
		r := <-b.results
		want(t, "failures", r.failures, []election.Failure(nil))
		want(t, "in the grace", h.quiet[vip100] && h.quiet[vip101], true)
		want(t, "serves", h.has("10.77.0.100"), true)
		b.own(3, vips, nil)
		want(t, "master again", h.quiet[vip100] || h.quiet[vip101], false)
	})
}

// What is handed over is gone before neighbours are answered again: in between they would learn the old MAC address.
func TestAddressesAreQuietUntilTheyAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		b := newBench(t, h, newPacers())
		vips := addresses("10.77.0.100/32", "10.77.0.101/32")
		b.own(1, vips, nil)
		b.order(election.Own{Generation: 2, Resources: resources(vips), Quiet: true})
		<-b.results
		var quiet []bool
		h.refuse = func(op string, a netip.Addr) error {
			if op == "del" {
				quiet = append(quiet, h.quiet[a])
			}
			return nil
		}
		b.own(3, nil, vips)
		want(t, "quiet when removed", quiet, []bool{true, true})
		want(t, "afterwards", h.quiet[vip100] || h.quiet[vip101], false)
	})
}

// The second hand-over in a row is as quiet as the first, though the time of the first is nearly over.
func TestHandOverAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		asked := 0
		h.onQuiet = func() error { asked++; return nil }
		b := newBench(t, h, newPacers())
		vips := addresses("10.77.0.100/32")
		b.own(1, vips, nil)
		for i := range 2 {
			b.order(election.Own{Generation: uint64(2 + i), Resources: resources(vips), Quiet: true})
			<-b.results
		}
		want(t, "made quiet", asked, 2)
	})
}

// An interface that is renamed takes its addresses along, and another one may have its name by the time they go.
func TestAddressesOfARenamedInterfaceGo(t *testing.T) {
	for _, successor := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var n ethernet
			h := n.newHost("10.77.0.1/24")
			b := newBench(t, h, newPacers())
			vips := addresses("10.77.0.100/32", "10.77.0.101/32")
			b.own(1, vips, nil)
			h.mu.Lock()
			h.links[0].Name = "wan"
			if successor {
				h.links = append(h.links, netio.Link{Index: 3, Name: "eth0", Up: true})
			}
			h.mu.Unlock()
			r := b.own(2, nil, vips)
			want(t, "failures", r.failures, []election.Failure(nil))
			want(t, "left", h.has("10.77.0.100") || h.has("10.77.0.101"), false)
		})
	}
}

// stamps records when announcements were sent, in tenths of a second since the start.
func stamps(h *host) *[]string {
	begin := time.Now()
	var list []string
	h.refuse = func(op string, a netip.Addr) error {
		if op == "garp" {
			list = append(list, time.Since(begin).String()+" "+a.String())
		}
		return nil
	}
	return &list
}

// vrrp_garp_interval spaces the announcements of all routers on one interface, each address once before any again.
// TestVRRPCase43: announcements of an interface keep vrrp_garp_interval, whose ever they are.
func TestVRRPCase43(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		got := stamps(h)
		p := newPacers()
		defer p.close()
		one, two := newBench(t, h, p), newBench(t, h, p)
		one.own(1, addresses("10.77.0.100/32", "10.77.0.101/32"), nil)
		two.own(1, addresses("10.77.0.200/32"), nil)
		const interval = 100 * time.Millisecond
		one.order(election.Announce{Repeat: 2, Addresses: addresses("10.77.0.100/32", "10.77.0.101/32"), Interval: interval})
		synctest.Wait()
		two.order(election.Announce{Repeat: 1, Addresses: addresses("10.77.0.200/32"), Interval: interval})
		one.order(election.Announce{Repeat: 2, Addresses: addresses("10.77.0.101/32"), Interval: interval}) // queued already
		time.Sleep(time.Second)
		one.order(election.Announce{Repeat: 1, Addresses: addresses("10.77.0.100/32"), Interval: interval})
		synctest.Wait()
		want(t, "announcements", *got, []string{"0s 10.77.0.100", "100ms 10.77.0.101", "200ms 10.77.0.200",
			"300ms 10.77.0.100", "400ms 10.77.0.101", "1s 10.77.0.100"})
	})
}

func TestCancelledAnnouncementsAreNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		got := stamps(h)
		p := newPacers()
		defer p.close()
		one, two := newBench(t, h, p), newBench(t, h, p)
		one.own(1, addresses("10.77.0.100/32"), nil)
		two.own(1, addresses("10.77.0.100/32"), nil)
		const interval = 100 * time.Millisecond
		for _, b := range []bench{one, two} {
			b.order(election.Announce{Repeat: 3, Addresses: addresses("10.77.0.100/32"), Interval: interval})
			synctest.Wait()
		}
		one.cancel()
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, "announcements", len(*got), 1+3)
		p.close()
		two.order(election.Announce{Repeat: 3, Addresses: addresses("10.77.0.100/32"), Interval: interval})
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, "announcements after the end", len(*got), 1+3)
	})
}

// TestTakeOverLooksNoInterfaceUp: to look one up the kernel may have to be waited for.
func TestTakeOverLooksNoInterfaceUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		in := testInstance("V", 51, 100)
		in.GARP.Interval = time.Millisecond // those of an interface that has its own pace too
		r := start(t, h, Options{}, testInstance("U", 52, 100), in)
		rival := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("U", 52, 200), testInstance("V", 51, 200))
		time.Sleep(10 * time.Second)
		h.mu.Lock()
		h.looked = 0
		h.mu.Unlock()
		h.taken()
		rival.stop()
		time.Sleep(3 * time.Second)
		want(t, "states", []election.State{r.state("U"), r.state("V")}, []election.State{election.Master, election.Master})
		log := h.taken()
		for _, op := range []string{"pass on to 10.77.0.2", "add 10.77.51.100", "garp 10.77.51.100", "garp 10.77.52.100"} {
			if !slices.Contains(log, op) {
				t.Errorf("no %q in %q", op, log)
			}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		want(t, "interfaces looked up", h.looked, 0)
	})
}
