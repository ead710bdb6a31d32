package vrrptest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

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
					return i, fmt.Errorf("host %d is MASTER, the address is at %v", i, h)
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
					t.Fatalf("seed %d: host %d won: %v", seed, m, err)
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
					t.Fatalf("seed %d: host %d took over", seed, m)
				}
			}
		})
	}
}
