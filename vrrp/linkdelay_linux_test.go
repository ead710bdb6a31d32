package vrrp

import (
	"testing"
	"testing/synctest"
	"time"

	"vigil/vrrp/election"
)

// interface_up_down_delays: a link that is down for less than its delay has not been down, and one that is up for less
// not up.
func TestInterfaceUpDownDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		in := testInstance("V", 51, 150)
		delays := func(s *election.Spec) {
			s.LinkDelays = []election.LinkDelay{{Link: "eth0", Down: time.Second, Up: 1500 * time.Millisecond}}
		}
		a := start(t, h, Options{})
		a.applySpec(delays, in)
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100))
		time.Sleep(10 * time.Second)
		states := func(when string, wanted election.State) {
			t.Helper()
			want(t, when, a.state("V"), wanted)
		}
		states("at first", election.Master)
		for range 5 { // flaps that nobody takes for a failure
			h.cable(t, false)
			time.Sleep(900 * time.Millisecond)
			states("down for 0.9 s", election.Master)
			h.cable(t, true)
			time.Sleep(900 * time.Millisecond)
		}
		want(t, "the peer", b.counters("V").BecameMaster, uint64(0))
		h.cable(t, false)
		time.Sleep(999 * time.Millisecond)
		states("down for 0.999 s", election.Master)
		time.Sleep(2 * time.Millisecond)
		states("down for 1.001 s", election.Fault)
		for range 5 {
			h.cable(t, true)
			time.Sleep(1400 * time.Millisecond)
			states("up for 1.4 s", election.Fault)
			h.cable(t, false)
			time.Sleep(time.Second)
		}
		h.cable(t, true)
		time.Sleep(1501 * time.Millisecond)
		states("up for 1.5 s", election.Backup)
		time.Sleep(10 * time.Second)
		states("in the end", election.Master)

		// An interface that is gone is gone.
		h.destroyLink("eth0")
		states("destroyed", election.Fault)
	})
}

// The delay is shorter than the time in which the others miss the router, whatever is configured.
func TestInterfaceDelaysAreLimitedByTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		in := testInstance("V", 51, 150)
		a := start(t, h, Options{})
		a.applySpec(func(s *election.Spec) {
			s.LinkDelays = []election.LinkDelay{{Link: "eth0", Down: 200 * time.Second, Up: 200 * time.Second}}
		}, in)
		time.Sleep(10 * time.Second)
		h.cable(t, false)
		limit := 2*time.Second - time.Second/256
		time.Sleep(limit - time.Millisecond)
		want(t, "just before", a.state("V"), election.Master)
		time.Sleep(2 * time.Millisecond)
		want(t, "just after", a.state("V"), election.Fault)
	})
}

// What an interface loses while it is down counts as lost when it is up again in time, and is put back.
func TestAddressesLostInAShortFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		a := start(t, h, Options{})
		a.applySpec(func(s *election.Spec) {
			s.LinkDelays = []election.LinkDelay{{Link: "eth0", Down: time.Second, Up: time.Second}}
		}, testInstance("V", 51, 150))
		time.Sleep(10 * time.Second)
		h.cable(t, false)
		synctest.Wait()
		vip := netioAddress(h, "10.77.51.100")
		if err := h.DelAddress(vip); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
		want(t, "while it is down", a.state("V"), election.Master)
		h.cable(t, true)
		time.Sleep(5 * time.Second)
		want(t, "state and address", []bool{a.state("V") == election.Master, h.has("10.77.51.100")}, []bool{true, true})
	})
}
