package vrrptest

import (
	"testing"
	"time"

	"vigil/vrrp/election"
)

// TestStopAlone: a router that nobody succeeds keeps its addresses for the longest skew time and 100 ms, no longer; at any
// interval there is.
func TestStopAlone(t *testing.T) {
	type timing struct {
		version  uint8
		interval time.Duration
	}
	var all []timing
	for s := 1; s <= 255; s += 7 {
		all = append(all, timing{2, time.Duration(s) * time.Second})
	}
	for cs := 1; cs <= 4095; cs += 89 {
		all = append(all, timing{3, time.Duration(cs) * 10 * time.Millisecond})
	}
	for _, tt := range append(all, timing{2, 255 * time.Second}, timing{3, 10 * time.Second}, timing{3, 40950 * time.Millisecond}) {
		s := NewSim(1)
		spec := Instance("VI_1", 51, 100)
		spec.Version, spec.AdvertInterval = tt.version, tt.interval
		want := 255*time.Second/256 + 100*time.Millisecond
		if tt.version == 3 {
			want = 255*tt.interval/256 + 100*time.Millisecond
		}
		n := s.AddNode(Node{Address: addressOf(0)})
		n.Start(SpecOf(spec))
		s.Run(5 * tt.interval)
		n.Stop()
		s.Run(s.Now + want - time.Microsecond)
		if !n.Holds(spec.Addresses[0]) {
			t.Errorf("v%d, %v: address gone before %v", tt.version, tt.interval, want)
		}
		s.Run(s.Now + 2*time.Microsecond)
		if n.Holds(spec.Addresses[0]) || n.Running() || want > spec.StopLimit() {
			t.Errorf("v%d, %v: still there after %v", tt.version, tt.interval, want)
		}
	}
}

// TestResumeIsUnnoticed: a process that dies and comes back before any peer can have missed it goes on as MASTER; no peer
// moves, whatever its priority, and the address never leaves. One that comes back later listens first.
func TestResumeIsUnnoticed(t *testing.T) {
	resumed, late := 0, 0
	for seed := uint64(1); seed <= 1000; seed++ {
		c, rng := newCalm(seed, func(s *election.InstanceSpec, _ *Node) {
			if s.Priority < 203 && seed%2 == 0 { // the fastest peer there is, which would not preempt
				s.Priority, s.NoPreempt = 254, true
			}
		})
		// On a real LAN the advert that resumes takes as long as the last one did.
		c.Network.Delay = 0
		c.Nodes[0].Start(SpecOf(c.specs[0]))
		if c.Run(c.Now + time.Minute); c.Nodes[0].Status()[0].State != election.Master {
			continue // a nopreempt peer was faster
		}
		interval := c.specs[0].AdvertInterval
		c.Run(c.Now + time.Duration(rng.Int64N(int64(2*interval))))
		c.Nodes[0].Crash()
		limit := 3*interval + 2*interval/256
		if c.specs[0].Version == 2 {
			limit = 3*interval + 2*time.Second/256
		}
		back := c.Nodes[0].lastAdvert() + time.Duration(rng.Int64N(int64(limit)*11/10))
		noticed := false
		c.Observe = func() {
			for _, n := range c.Nodes[1:] {
				noticed = noticed || n.Status()[0].State != election.Backup
			}
		}
		c.Run(max(c.Now, back))
		in := c.Now-c.Nodes[0].lastAdvert() < limit
		if noticed && in {
			t.Fatalf("seed %d: taken over %v after the last advert", seed, c.Now-c.Nodes[0].lastAdvert())
		}
		c.Nodes[0].Start(SpecOf(c.specs[0]))
		want := election.Backup
		if in {
			resumed++
			want = election.Master
		} else {
			late++
		}
		if got := c.Nodes[0].Status()[0].State; got != want {
			t.Fatalf("seed %d: %v, %v after the last advert", seed, got, c.Now-c.Nodes[0].lastAdvert())
		}
		c.Run(c.Now + 3*interval)
		if in && noticed {
			t.Fatalf("seed %d: a peer moved", seed)
		}
		if h := c.holders(); in && (len(h) != 1 || h[0] != 0) {
			t.Fatalf("seed %d: the address is at %v", seed, h)
		}
		if c.Violation != nil {
			t.Fatalf("seed %d: %v", seed, c.Violation)
		}
	}
	if resumed < 100 || late < 20 {
		t.Errorf("%d resumed, %d came late", resumed, late)
	}
}

// lastAdvert is when the last advert of the only virtual router left.
func (n *Node) lastAdvert() (at time.Duration) {
	for _, at = range n.last {
	}
	return at
}
