package vrrp

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"vigil/vrrp/election"
)

// An IPv6 address is announced when the host receives what is sent to it, and not before; the others do not wait for it.
func TestUnusedAddressIsNotAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		p := newPacers()
		defer p.close()
		h := n.newHost("10.77.0.1/24")
		used := time.Now().Add(300 * time.Millisecond)
		late := netip.MustParseAddr("2001:db8::1")
		h.unused = func(ip netip.Addr) bool { return ip == late && time.Now().Before(used) }
		b := newBench(t, h, p)
		vips := addresses("2001:db8::1/64", "2001:db8::2/64", "10.77.0.100/32")
		b.own(1, vips, nil)
		b.taken()
		b.order(election.Announce{Repeat: 2, Addresses: vips})
		time.Sleep(299 * time.Millisecond)
		synctest.Wait()
		want(t, "before", b.taken(), "garp 2001:db8::2, garp 10.77.0.100, garp 2001:db8::2, garp 10.77.0.100")
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		want(t, "then", b.taken(), "garp 2001:db8::1, garp 2001:db8::1")
		b.order(election.Announce{Repeat: 1, Addresses: vips})
		synctest.Wait()
		want(t, "again", b.taken(), "garp 2001:db8::1, garp 2001:db8::2, garp 10.77.0.100")
	})
}

// Nobody waits for ever for an address that is never used, nor when it is to go, nor on an interface that is down.
func TestUnusedAddressIsNotWaitedForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		p := newPacers()
		defer p.close()
		h := n.newHost("10.77.0.1/24")
		h.unused = func(netip.Addr) bool { return true }
		b := newBench(t, h, p)
		vips := addresses("2001:db8::1/64")
		b.own(1, vips, nil)
		b.order(election.Announce{Repeat: 1, Addresses: vips})
		began := time.Now()
		b.order(election.Own{Generation: 2, Remove: resources(vips)})
		<-b.results
		if took := time.Since(began); took > 2*usePause {
			t.Errorf("removed %v after it was asked for", took)
		}
		b.own(3, vips, nil)
		b.taken()
		b.order(election.Announce{Repeat: 1, Addresses: vips})
		time.Sleep(useLimit - time.Millisecond)
		synctest.Wait()
		want(t, "while it waits", b.taken(), "")
		time.Sleep(3 * usePause)
		synctest.Wait()
		want(t, "after its limit", b.taken(), "garp 2001:db8::1")
		down := h.links[0]
		down.Up = false
		h.setLink(down)
		b.order(election.Announce{Repeat: 1, Addresses: vips})
		synctest.Wait()
		want(t, "on a dead interface", b.taken(), "garp 2001:db8::1")
	})
}
