package vrrptest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// calm is a LAN of two to four routers that loses nothing, settled with router 0 as MASTER of the highest priority.
type calm struct {
	*Sim
	specs []election.InstanceSpec
	vip   election.Address
}

func newCalm(seed uint64, change ...func(*election.InstanceSpec, *Node)) (calm, *rand.Rand) {
	rng := rand.New(rand.NewPCG(seed, 2))
	s := NewSim(seed)
	s.Network = Network{Delay: time.Duration(rng.Int64N(int64(20 * time.Millisecond))), InOrder: true}
	version := uint8(2 + rng.IntN(2))
	interval := time.Second
	if version == 3 {
		interval = time.Duration(10+rng.IntN(200)) * 10 * time.Millisecond
	}
	var specs []election.InstanceSpec
	for i := range 2 + rng.IntN(3) {
		spec := Instance("VI_1", 51, uint8(2+rng.IntN(200)))
		if i == 0 {
			spec.Priority = uint8(203 + rng.IntN(50))
		}
		spec.Version, spec.AdvertInterval = version, interval
		node := Node{
			Address:  addressOf(i),
			Lateness: time.Duration(rng.Int64N(int64(10 * time.Millisecond))),
			Latency:  time.Duration(rng.Int64N(int64(50 * time.Millisecond))),
			Pace:     time.Duration(rng.Int64N(int64(2 * time.Millisecond))),
		}
		for _, f := range change {
			f(&spec, &node)
		}
		specs = append(specs, spec)
		n := s.AddNode(node)
		s.At(0, func() { n.Start(SpecOf(spec)) })
	}
	return calm{s, specs, specs[0].Addresses[0]}, rng
}

// addressOf is that of router i.
func addressOf(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, 0, byte(1 + i)}) }

func (c calm) down() time.Duration {
	return 3*c.specs[0].AdvertInterval + max(time.Second, c.specs[0].AdvertInterval)
}

func (c calm) holders() (holders []int) {
	for i, n := range c.Nodes {
		if n.Holds(c.vip) {
			holders = append(holders, i)
		}
	}
	return holders
}

// settle runs until the election is over and reports who won.
func (c calm) settle() (int, error) {
	c.Run(c.Now + 2*c.down() + time.Second)
	for i, n := range c.Nodes {
		for _, st := range n.Status() {
			if st.State == election.Master {
				if h := c.holders(); len(h) != 1 || h[0] != i {
					return i, fmt.Errorf("router %d is MASTER, the address is at %v", i, h)
				}
				return i, nil
			}
		}
	}
	return -1, fmt.Errorf("nobody is MASTER at %v", c.Now)
}

// demandHolder notes in gap when nobody holds the address from now on.
func (c calm) demandHolder(gap *error) {
	c.Observe = func() {
		if len(c.holders()) == 0 && *gap == nil {
			*gap = fmt.Errorf("nobody holds the address at %v", c.Now)
		}
	}
}

// TestPlannedHandOverLeavesNoGap: whenever a master stops, is outranked by a newcomer, or lowers its own priority,
// somebody holds the address at every instant, and in the end the new master alone does.
func TestPlannedHandOverLeavesNoGap(t *testing.T) {
	for name, change := range map[string]func(calm, *rand.Rand) (wantMaster func(int) bool){
		"stop": func(c calm, _ *rand.Rand) func(int) bool {
			c.Nodes[0].Stop()
			return func(m int) bool { return m != 0 && !c.Nodes[0].Running() }
		},
		"newcomer": func(c calm, _ *rand.Rand) func(int) bool {
			spec := c.specs[0]
			spec.Priority = 254
			c.AddNode(Node{Address: netip.MustParseAddr("10.77.0.99"), Latency: 30 * time.Millisecond}).Start(SpecOf(spec))
			return func(m int) bool { return m == len(c.Nodes)-1 }
		},
		"reload": func(c calm, _ *rand.Rand) func(int) bool {
			spec := c.specs[0]
			spec.Priority = 1
			c.Nodes[0].Reload(SpecOf(spec))
			return func(m int) bool { return m != 0 }
		},
		"replaced router": func(c calm, _ *rand.Rand) func(int) bool {
			spec := c.specs[0]
			spec.VRID = 52 // another identity with the same address, on every router
			for _, n := range c.Nodes[1:] {
				n.Crash()
			}
			spec.Priority, spec.StartMaster = 255, true
			c.Nodes[0].Reload(SpecOf(spec))
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 500; seed++ {
				c, rng := newCalm(seed)
				if m, err := c.settle(); m != 0 || err != nil {
					t.Fatalf("seed %d: router %d won: %v", seed, m, err)
				}
				c.Run(c.Now + time.Duration(rng.Int64N(int64(c.specs[0].AdvertInterval))))
				var gap error
				c.demandHolder(&gap)
				want := change(c, rng)
				if want == nil {
					gap, c.Observe = nil, nil // the address goes and comes back; only the end counts
					want = func(m int) bool { return m == 0 }
				}
				m, err := c.settle()
				switch {
				case gap != nil:
					t.Fatalf("seed %d: %v", seed, gap)
				case err != nil:
					t.Fatalf("seed %d: %v", seed, err)
				case !want(m):
					t.Fatalf("seed %d: router %d took over", seed, m)
				}
			}
		})
	}
}

// TestStopAlone: a router that nobody succeeds keeps its addresses for the longest skew time and 100 ms, no longer.
func TestStopAlone(t *testing.T) {
	for _, tt := range []struct {
		version  uint8
		interval time.Duration
		want     time.Duration
	}{
		{2, time.Second, 255*time.Second/256 + 100*time.Millisecond},
		{2, 3 * time.Second, 255*time.Second/256 + 100*time.Millisecond},
		{3, 500 * time.Millisecond, 255*500*time.Millisecond/256 + 100*time.Millisecond},
		{3, 10 * time.Millisecond, 255*10*time.Millisecond/256 + 100*time.Millisecond},
	} {
		s := NewSim(1)
		spec := Instance("VI_1", 51, 100)
		spec.Version, spec.AdvertInterval = tt.version, tt.interval
		n := s.AddNode(Node{Address: netip.MustParseAddr("10.77.0.1")})
		n.Start(SpecOf(spec))
		s.Run(time.Minute)
		n.Stop()
		s.Run(s.Now + tt.want - time.Microsecond)
		if !n.Holds(spec.Addresses[0]) {
			t.Errorf("v%d, %v: address gone before %v", tt.version, tt.interval, tt.want)
		}
		s.Run(s.Now + 2*time.Microsecond)
		if n.Holds(spec.Addresses[0]) || n.Running() {
			t.Errorf("v%d, %v: still there after %v", tt.version, tt.interval, tt.want)
		}
	}
}

// TestResumeIsUnnoticed: a process that dies and comes back within its master-down interval goes on as MASTER; no peer
// moves and the address never leaves.
func TestResumeIsUnnoticed(t *testing.T) {
	for seed := uint64(1); seed <= 500; seed++ {
		c, rng := newCalm(seed)
		if m, err := c.settle(); m != 0 || err != nil {
			t.Fatalf("seed %d: router %d won: %v", seed, m, err)
		}
		c.Observe = func() {
			if h := c.holders(); len(h) != 1 || h[0] != 0 {
				t.Fatalf("seed %d: the address is at %v", seed, h)
			}
			for i, n := range c.Nodes[1:] {
				if n.Status()[0].State != election.Backup {
					t.Fatalf("seed %d: router %d moved", seed, i+1)
				}
			}
		}
		for range 3 {
			c.Run(c.Now + time.Duration(rng.Int64N(int64(2*c.specs[0].AdvertInterval))))
			c.Nodes[0].Crash()
			c.Run(c.Now + time.Duration(rng.Int64N(int64(c.specs[0].AdvertInterval)*19/10)))
			c.Nodes[0].Start(SpecOf(c.specs[0]))
			if st := c.Nodes[0].Status()[0]; st.State != election.Master {
				t.Fatalf("seed %d: came back as %v", seed, st.State)
			}
		}
	}
}

// TestSyncGroupsMoveTogether: of routers with two instances in a sync group, after chaos exactly one is MASTER, for both.
// Both instances rank the routers alike: groups whose members contradict each other contend for ever, keepalived's too.
func TestSyncGroupsMoveTogether(t *testing.T) {
	for seed := uint64(1); seed <= 2000; seed++ {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := NewSim(seed)
		s.Network = Network{Loss: rng.Float64() * 0.5, Delay: 20 * time.Millisecond}
		for i := range 2 + rng.IntN(2) {
			rank := uint8(80 * i)
			a, b := Instance("A", 51, rank+uint8(1+rng.IntN(80))), Instance("B", 52, rank+uint8(1+rng.IntN(80)))
			spec := SpecOf(a, b)
			spec.Groups = []election.GroupSpec{{Name: "G", Members: []confparse.InstanceName{"A", "B"}}}
			n := s.AddNode(Node{Address: netip.AddrFrom4([4]byte{10, 77, 0, byte(1 + i)}), Lateness: 10 * time.Millisecond})
			s.At(time.Duration(rng.Int64N(int64(time.Second))), func() { n.Start(spec) })
			for range rng.IntN(4) {
				s.At(time.Second+time.Duration(rng.Int64N(int64(20*time.Second))), func() { n.SetLink(!n.LinkUp) })
			}
			s.At(time.Duration(rng.Int64N(int64(20*time.Second))), n.LoseAddress)
		}
		s.Run(22 * time.Second)
		s.Network.Loss = 0
		for _, n := range s.Nodes {
			n.SetLink(true)
		}
		s.Run(s.Now + 20*time.Second)
		if err := oneMasterForBoth(s); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func oneMasterForBoth(s *Sim) error {
	masters := 0
	for i, n := range s.Nodes {
		st := n.Status()
		if st[0].State != st[1].State {
			return fmt.Errorf("router %d is %v and %v", i, st[0].State, st[1].State)
		}
		if st[0].State == election.Master {
			masters++
		}
	}
	if masters != 1 {
		return fmt.Errorf("%d masters", masters)
	}
	return nil
}
