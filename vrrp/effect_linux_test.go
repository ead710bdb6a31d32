package vrrp

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/netio"
	"vigil/vrrp/election"
)

// bench is a worker on a simulated machine, with the test in the place of the Runner.
type bench struct {
	*worker
	host    *host
	results chan result
}

func newBench(t *testing.T, h *host, p *pacers) bench {
	t.Helper()
	results, quit := make(chan result, 100), make(chan struct{})
	w := newWorker(1, h, p, instanceLog{logger: slog.New(slog.DiscardHandler)}, results, quit)
	t.Cleanup(func() {
		w.close(true)
		close(quit)
		<-w.done
	})
	return bench{w, h, results}
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

func TestWorkerKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		p := newPacers()
		defer p.close()
		b := newBench(t, n.newHost("10.77.0.1/24"), p)
		vips := addresses("10.77.0.100/32", "10.77.0.101/32")
		b.put(job{action: election.Own{Generation: 1, Resources: resources(vips)}})
		b.put(job{action: election.Announce{Repeat: 2, Addresses: vips}})
		b.put(job{action: election.Own{Generation: 2, Remove: resources(vips)}})
		b.close(false)
		<-b.done
		want(t, "kernel", strings.Join(b.host.taken(), ", "), "add 10.77.0.100, add 10.77.0.101, "+
			"garp 10.77.0.100, garp 10.77.0.101, garp 10.77.0.100, garp 10.77.0.101, del 10.77.0.101, del 10.77.0.100")
		for _, generation := range []uint64{1, 2} {
			if r := <-b.results; r.action.(election.Own).Generation != generation || r.failures != nil || r.handle != 1 {
				t.Errorf("result %+v", r)
			}
		}
		if r := <-b.results; !r.ended {
			t.Errorf("result %+v, want the end", r)
		}
	})
}

func TestWorkerTriesEveryAddressAndReportsAllFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		h.refuse = func(op string, a netip.Addr) error {
			if op == "add" && a != vip101 {
				return errors.New("refused " + a.String())
			}
			return nil
		}
		b := newBench(t, h, newPacers())
		vips := addresses("10.77.0.100/32", "10.77.0.101/32", "10.77.0.102/32")
		vips = append(vips, election.Address{Prefix: netip.MustParsePrefix("10.77.0.103/32"), Link: "eth7"})
		b.put(job{action: election.Own{Generation: 1, Resources: resources(vips)}})
		var failed []netip.Addr
		r := <-b.results
		for _, f := range r.failures {
			failed = append(failed, f.Resource.(election.Address).Prefix.Addr())
			if gone := f.Resource == election.Resource(vips[3]); errors.Is(f.Err, netio.ErrNoLink) != gone {
				t.Errorf("%v: %v", f.Resource, f.Err)
			}
		}
		want(t, "failures", failed, []netip.Addr{vip100, vips[2].Prefix.Addr(), vips[3].Prefix.Addr()})
		want(t, "the one that is possible", h.has("10.77.0.101"), true)
		b.put(job{action: election.Own{Generation: 2, Remove: resources(vips)}})
		if r := <-b.results; r.failures != nil {
			t.Errorf("removing what is on an interface that is gone: %v", r.failures)
		}
	})
}

func TestAnnouncementFailureEndsTheRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		h.refuse = func(op string, a netip.Addr) error {
			if op == "garp" && a == vip100 {
				return errors.New("network is down")
			}
			return nil
		}
		b := newBench(t, h, newPacers())
		b.put(job{action: election.Announce{Repeat: 5, Addresses: addresses("10.77.0.100/32", "10.77.0.101/32")}})
		synctest.Wait()
		want(t, "one round", h.taken(), []string{"garp 10.77.0.100", "garp 10.77.0.101"})
		want(t, "announced", b.announced.Load(), uint64(1))
	})
}

func TestLostAddressIsVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		b := newBench(t, h, newPacers())
		ask := func(prefix, link string) bool {
			b.put(job{address: election.Address{Prefix: netip.MustParsePrefix(prefix), Link: link}, order: 7})
			synctest.Wait()
			if len(b.results) == 0 {
				return false
			}
			r := <-b.results
			want(t, "order", r.order, uint64(7))
			return r.lost.Link == link
		}
		want(t, "there", ask("10.77.0.1/24", "eth0"), false)
		want(t, "not there", ask("10.77.0.2/24", "eth0"), true)
		want(t, "there with another length", ask("10.77.0.1/32", "eth0"), true)
		want(t, "interface gone", ask("10.77.0.2/24", "eth1"), false)
		h.cable(t, false)
		want(t, "interface down", ask("10.77.0.2/24", "eth0"), false)
	})
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
func TestAnnouncementsKeepTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		got := stamps(h)
		p := newPacers()
		defer p.close()
		one, two := newBench(t, h, p), newBench(t, h, p)
		const interval = 100 * time.Millisecond
		one.put(job{action: election.Announce{Repeat: 2, Addresses: addresses("10.77.0.100/32", "10.77.0.101/32"), Interval: interval}})
		synctest.Wait()
		two.put(job{action: election.Announce{Repeat: 1, Addresses: addresses("10.77.0.200/32"), Interval: interval}})
		one.put(job{action: election.Announce{Repeat: 2, Addresses: addresses("10.77.0.101/32"), Interval: interval}}) // queued already
		time.Sleep(time.Second)
		one.put(job{action: election.Announce{Repeat: 1, Addresses: addresses("10.77.0.100/32"), Interval: interval}})
		synctest.Wait()
		want(t, "announcements", *got, []string{"0s 10.77.0.100", "100ms 10.77.0.101", "200ms 10.77.0.100",
			"300ms 10.77.0.200", "400ms 10.77.0.101", "1s 10.77.0.100"})
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
		const interval = 100 * time.Millisecond
		for _, b := range []bench{one, two} {
			b.put(job{action: election.Announce{Repeat: 3, Addresses: addresses("10.77.0.100/32"), Interval: interval}})
			synctest.Wait()
		}
		one.put(job{action: election.CancelAnnouncements{}})
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, "announcements", len(*got), 1+3)
		p.close()
		two.put(job{action: election.Announce{Repeat: 3, Addresses: addresses("10.77.0.100/32"), Interval: interval}})
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, "announcements after the end", len(*got), 1+3)
	})
}
