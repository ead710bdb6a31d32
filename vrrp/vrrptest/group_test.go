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

// TestSyncGroupsMoveTogether: of routers with two instances in a sync group, after chaos exactly one is MASTER, for both.
// Both instances rank the routers alike: groups whose members contradict each other contend for ever, keepalived's too.
func TestSyncGroupsMoveTogether(t *testing.T) {
	for seed := uint64(1); seed <= 2000; seed++ {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := NewSim(seed)
		s.Network = Network{Loss: rng.Float64() * 0.5, Delay: 20 * time.Millisecond}
		// Members need not have one interval.
		unequal := seed%2 == 0
		short, long := time.Duration(10+rng.IntN(90))*10*time.Millisecond, time.Duration(1+rng.IntN(4))*time.Second
		for i := range 2 + rng.IntN(2) {
			rank := uint8(80 * i)
			a, b := Instance("A", 51, rank+uint8(1+rng.IntN(80))), Instance("B", 52, rank+uint8(1+rng.IntN(80)))
			if unequal {
				a.Version, b.Version, a.AdvertInterval, b.AdvertInterval = 3, 3, short, long
			}
			spec := SpecOf(a, b)
			spec.Groups = []election.GroupSpec{{Name: "G", Members: []confparse.InstanceName{"A", "B"}}}
			n := s.AddNode(Node{Address: netip.AddrFrom4([4]byte{10, 77, 0, byte(1 + i)}), Lateness: 10 * time.Millisecond,
				Latency: 20 * time.Millisecond, Pace: time.Millisecond, Abrupt: rng.IntN(4) == 0})
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
		s.Run(s.Now + 40*time.Second)
		if s.Violation != nil {
			t.Fatalf("seed %d: %v", seed, s.Violation)
		}
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
			return fmt.Errorf("host %d is %v and %v", i, st[0].State, st[1].State)
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

// TestSyncGroupStopLeavesNoGap: when a group stops, each of its addresses is held by somebody at every moment, though the
// members' intervals differ and the successors wait for the slowest of them.
func TestSyncGroupStopLeavesNoGap(t *testing.T) {
	for seed := uint64(1); seed <= 500; seed++ {
		rng := rand.New(rand.NewPCG(seed, 4))
		s := NewSim(seed)
		s.Network = Network{Delay: 10 * time.Millisecond, InOrder: true}
		var list []election.InstanceSpec
		for i := range 2 + rng.IntN(3) {
			in := Instance(fmt.Sprint("VI_", i), uint8(51+i), 100)
			in.Version, in.AdvertInterval = 3, time.Duration(1+rng.IntN(400))*10*time.Millisecond
			list = append(list, in)
		}
		for i := range 2 {
			spec := SpecOf(list...)
			g := election.GroupSpec{Name: "G"}
			for j := range spec.Instances {
				spec.Instances[j].Priority = uint8(200 - i*(1+rng.IntN(199)))
				g.Members = append(g.Members, spec.Instances[j].Name)
			}
			spec.Groups = []election.GroupSpec{g}
			n := s.AddNode(Node{Address: addressOf(i), Latency: time.Duration(rng.Int64N(int64(30 * time.Millisecond)))})
			s.At(time.Duration(i)*time.Second, func() { n.Start(spec) })
		}
		s.Run(time.Minute)
		for _, st := range s.Nodes[0].Status() {
			if st.State != election.Master {
				t.Fatalf("seed %d: %s is %v", seed, st.Name, st.State)
			}
		}
		s.Run(s.Now + time.Duration(rng.Int64N(int64(4*time.Second))))
		s.Nodes[0].Stop()
		s.Observe = func() {
			for _, in := range list {
				if a := in.Addresses[0]; !s.Nodes[0].Holds(a) && !s.Nodes[1].Holds(a) {
					t.Fatalf("seed %d: nobody holds %v at %v", seed, a.Prefix, s.Now)
				}
			}
		}
		s.Run(s.Now + 20*time.Second)
		if s.Nodes[0].Running() || s.Violation != nil {
			t.Fatalf("seed %d: running: %t, %v", seed, s.Nodes[0].Running(), s.Violation)
		}
	}
}
