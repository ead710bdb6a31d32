package vrrptest

import (
	"net/netip"
	"testing"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// pair is two routers, the first of higher priority, with the given addresses; the hosts refuse what refuse says.
func pair(refuse func(election.Address) bool, addrs ...election.Address) *Sim {
	s := NewSim(1)
	s.Network = Network{Delay: 5 * time.Millisecond, InOrder: true}
	for i := range 2 {
		spec := Instance("VI_1", 51, uint8(150-50*i))
		spec.Addresses = addrs
		s.AddNode(Node{Address: addressOf(i), Latency: time.Millisecond, Pace: time.Millisecond, Refuse: refuse}).Start(SpecOf(spec))
	}
	return s
}

func addresses(n int) (list []election.Address) {
	for i := range n {
		list = append(list, election.Address{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 1, byte(1 + i)}), 32), Link: "eth0"})
	}
	return list
}

func becameMaster(n *Node) uint64 { return n.Status()[0].Counters.BecameMaster }

// TestOneAddressRefused: with one address that no host can have, the pair serves the rest and mastership stays.
func TestOneAddressRefused(t *testing.T) {
	list := addresses(3)
	for _, refused := range list {
		s := pair(func(a election.Address) bool { return a == refused }, list...)
		s.Run(time.Minute)
		if a, b := becameMaster(s.Nodes[0]), becameMaster(s.Nodes[1]); a != 1 || b != 0 {
			t.Errorf("without %v: %d and %d take-overs", refused.Prefix, a, b)
		}
		for _, a := range list {
			if got := s.Nodes[0].Holds(a); got != (a != refused) {
				t.Errorf("without %v: holds %v: %t", refused.Prefix, a.Prefix, got)
			}
		}
		s.Nodes[0].Refuse = nil
		s.Run(s.Now + 2*time.Minute) // the next attempt
		if !s.Nodes[0].Holds(refused) || s.Violation != nil {
			t.Errorf("%v is not there after all: %v", refused.Prefix, s.Violation)
		}
	}
}

// TestAllAddressesRefused: routers that can install nothing take turns ever more rarely, and one that can serve keeps the
// addresses but for a moment at each attempt of a better one.
func TestAllAddressesRefused(t *testing.T) {
	s := pair(func(election.Address) bool { return true }, addresses(2)...)
	s.Run(time.Minute)
	a, b := becameMaster(s.Nodes[0]), becameMaster(s.Nodes[1])
	if a == 0 || a > 3 || b > 3 {
		t.Errorf("%d and %d take-overs in the first minute", a, b)
	}
	s.Run(11 * time.Minute)
	if a, b := becameMaster(s.Nodes[0])-a, becameMaster(s.Nodes[1])-b; a > 5 || b > 5 {
		t.Errorf("%d and %d take-overs in the next ten", a, b)
	}

	s = pair(nil, addresses(2)...)
	s.Nodes[0].FailAdds = true
	served := time.Duration(0)
	last := time.Duration(0)
	s.Observe = func() {
		if s.Nodes[1].Holds(addresses(2)[0]) {
			served += s.Now - last
		}
		last = s.Now
	}
	s.Run(10 * time.Minute)
	if share := float64(served) / float64(s.Now-8*time.Second); share < 0.97 {
		t.Errorf("served %.1f %% of the time", 100*share)
	}
}

// TestYieldingSilences: 1,000 lower adverts a second for 2 s leave no queue behind: after giving way to a higher router
// nothing is announced, and the addresses are released when the grace is over.
func TestYieldingSilences(t *testing.T) {
	for _, n := range []int{1, 20, 255} {
		s := NewSim(1)
		spec := Instance("VI_1", 51, 100)
		spec.Addresses = addresses(n)
		node := s.AddNode(Node{Address: addressOf(0), Latency: time.Millisecond, Pace: time.Millisecond})
		node.Start(SpecOf(spec))
		s.Run(10 * time.Second)
		hear := func(priority uint8) {
			a := wire.Advert{Version: 2, VRID: 51, Priority: priority, Interval: time.Second}
			for _, x := range spec.Addresses {
				a.Addresses = append(a.Addresses, x.Prefix.Addr())
			}
			node.receive(node.routers[0], &a, addressOf(1+int(priority)), 0)
		}
		for i := range 2000 {
			s.At(s.Now+time.Duration(i)*time.Millisecond, func() { hear(1) })
		}
		s.Run(s.Now + 2*time.Second)
		before, yielded := s.Announcements, s.Now
		if before < 3*5*min(n, 20) {
			t.Errorf("%d addresses: only %d announcements", n, before)
		}
		hear(200)
		s.Run(yielded + handOverGrace + 3*time.Millisecond)
		if s.Announcements != before || s.Violation != nil {
			t.Errorf("%d addresses: %d announcements after giving way, %v", n, s.Announcements-before, s.Violation)
		}
		if node.Holds(spec.Addresses[n-1]) {
			t.Errorf("%d addresses: still there %v after giving way", n, s.Now-yielded)
		}
	}
}

// TestMastersThatMeet: when a partition ends, two routers answer for the address no longer than it takes an advert of the
// better one to come through.
func TestMastersThatMeet(t *testing.T) {
	for seed := uint64(1); seed <= 300; seed++ {
		c, rng := newCalm(seed)
		for i, n := range c.Nodes {
			n.Side = i
		}
		c.settleApart()
		c.Run(c.Now + time.Duration(rng.Int64N(int64(c.specs[0].AdvertInterval))))
		for _, n := range c.Nodes {
			n.Side = 0
		}
		met := c.Now
		var last time.Duration
		c.Observe = func() {
			answering := 0
			for _, n := range c.Nodes {
				if n.Answers(c.vip) {
					answering++
				}
			}
			if answering > 1 {
				last = c.Now
			}
		}
		c.Run(c.Now + c.down())
		limit := c.specs[0].AdvertInterval + c.Network.Delay + 60*time.Millisecond // lateness and latency of the others
		if last-met > limit || c.Violation != nil {
			t.Fatalf("seed %d: two answer for %v, want %v; %v", seed, last-met, limit, c.Violation)
		}
	}
}

// settleApart runs until every router is MASTER on its own side.
func (c calm) settleApart() { c.Run(c.Now + 2*c.down()) }
