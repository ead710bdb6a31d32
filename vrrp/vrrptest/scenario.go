package vrrptest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// Scenario is a LAN with a history of faults: everything a run depends on.
type Scenario struct {
	Seed    uint64
	Network Network // until Heal
	Routers []Router
	Faults  []Fault // before Heal, in order of time
	Heal    time.Duration
}

// Router is one router of a Scenario.
type Router struct {
	Spec     election.InstanceSpec
	Clock    Clock
	Lateness time.Duration
	Latency  time.Duration
	Pace     time.Duration
	Abrupt   bool
}

// Fault is something that goes wrong, or is done, at a time.
type Fault struct {
	At   time.Duration
	Kind FaultKind
	Node int
	Arg  int // Reload: the new priority; Partition: bit i is the side of router i
}

// FaultKind is the kind of a Fault.
type FaultKind int

// The faults.
const (
	LinkDown FaultKind = iota
	LinkUp
	Partition
	Merge
	Stop
	Start
	Crash
	LoseAddress
	Reload
	FailAdds
	faultKinds
)

var faultNames = [...]string{"LinkDown", "LinkUp", "Partition", "Merge", "Stop", "Start", "Crash", "LoseAddress",
	"Reload", "FailAdds"}

// String returns the name of the fault.
func (k FaultKind) String() string { return faultNames[k] }

// String prints the scenario so that a reader can follow it.
func (sc Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, network %+v, healed at %v\n", sc.Seed, sc.Network, sc.Heal)
	for i, r := range sc.Routers {
		s := r.Spec
		fmt.Fprintf(&b, "  router %d: v%d priority %d interval %v ×%d nopreempt %t preempt_delay %v lower_prio_no_advert %t "+
			"higher_prio_send_advert %t clock %+v lateness %v latency %v pace %v abrupt %t\n", i, s.Version, s.Priority, s.AdvertInterval,
			s.DownTimerAdverts, s.NoPreempt, s.PreemptDelay, s.LowerPriorityNoAdvert, s.HigherPrioritySendAdvert,
			r.Clock, r.Lateness, r.Latency, r.Pace, r.Abrupt)
	}
	for _, f := range sc.Faults {
		fmt.Fprintf(&b, "  %12v %v router %d arg %d\n", f.At, f.Kind, f.Node, f.Arg)
	}
	return b.String()
}

// NewScenario draws a LAN of two to five routers and about twenty intervals of chaos from seed.
func NewScenario(seed uint64) Scenario {
	rng := rand.New(rand.NewPCG(seed, 1))
	version := uint8(2 + rng.IntN(2))
	interval := time.Duration(1+rng.IntN(3)) * time.Second
	if version == 3 {
		interval = time.Duration(1+rng.IntN(200)) * 10 * time.Millisecond
	}
	sc := Scenario{
		Seed: seed,
		Network: Network{
			Loss: rng.Float64() * 0.6, Duplicate: rng.Float64() * 0.2,
			Delay: time.Duration(rng.Int64N(int64(interval)/10 + 1)),
		},
		Heal: 20 * interval,
	}
	for i := range 2 + rng.IntN(4) {
		sc.Routers = append(sc.Routers, newRouter(rng, i, version, interval))
	}
	for t := time.Duration(0); ; {
		t += time.Duration(rng.Int64N(int64(4 * interval)))
		if t >= sc.Heal {
			return sc
		}
		f := Fault{At: t, Kind: FaultKind(rng.IntN(int(faultKinds))), Node: rng.IntN(len(sc.Routers))}
		switch f.Kind {
		case Reload:
			f.Arg = 1 + rng.IntN(254)
		case Partition:
			f.Arg = rng.IntN(1 << len(sc.Routers))
		case FailAdds:
			if t >= sc.Heal/2 {
				continue
			}
		case Stop: // a process that still resigns at Heal would not be there afterwards
			if t >= sc.Heal-max(interval, time.Second)-time.Second {
				continue
			}
		}
		sc.Faults = append(sc.Faults, f)
	}
}

func newRouter(rng *rand.Rand, i int, version uint8, interval time.Duration) Router {
	s := Instance(fmt.Sprintf("VI_%d", i), 51, uint8(1+rng.IntN(254)))
	s.Version, s.AdvertInterval = version, interval
	s.DownTimerAdverts = 3
	s.LowerPriorityNoAdvert = rng.IntN(8) == 0
	s.HigherPrioritySendAdvert = rng.IntN(8) == 0
	switch rng.IntN(12) {
	case 0:
		s.Priority, s.StartMaster = 255, rng.IntN(2) == 0
	case 1, 2:
		s.NoPreempt = true
	case 3:
		s.PreemptDelay = time.Duration(rng.Int64N(int64(3 * interval)))
	case 4, 5:
		s.Priority = 100 // equal ones are worth their own cases
	}
	return Router{
		Spec:     s,
		Clock:    Clock{Offset: election.Instant(rng.Int64N(int64(time.Hour))), PPM: rng.IntN(10_001) - 5_000},
		Lateness: time.Duration(rng.Int64N(int64(interval)/20 + 1)),
		Latency:  time.Duration(rng.Int64N(int64(50 * time.Millisecond))),
		Pace:     time.Duration(rng.Int64N(int64(20 * time.Millisecond))),
		Abrupt:   rng.IntN(4) == 0,
	}
}

// Instance returns an ordinary instance with the defaults of a configuration: version 2, one second, one address.
func Instance(name string, vrid, priority uint8) election.InstanceSpec {
	return election.InstanceSpec{
		Name: confparse.InstanceName(name), Link: "eth0", VRID: vrid, Family: confparse.IPv4, Version: 2,
		Priority: priority, AdvertInterval: time.Second, DownTimerAdverts: 3, TTL: 255, TrackLink: true,
		Group: netip.AddrFrom4([4]byte{224, 0, 0, 18}),
		Addresses: []election.Address{{
			Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, vrid, 100}), 32), Link: "eth0",
		}},
		GARP: confparse.GARP{
			MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1,
			LowerPrioDelay: 5 * time.Second, LowerPrioRepeat: 5,
		},
	}
}

// SpecOf returns a desired state of the given instances.
func SpecOf(list ...election.InstanceSpec) election.Spec {
	return election.Spec{Instances: slices.Clone(list)}
}

// standBack is the first pause of a router that could install nothing.
const standBack = 10 * time.Second

// Bound is the time after Heal within which the LAN must have settled: the longest master-down interval, one interval
// for the first advert, preempt_delay if there is one, and what the clocks and the network add.
func (sc Scenario) Bound() time.Duration {
	var bound time.Duration
	for _, r := range sc.Routers {
		s := r.Spec
		d := time.Duration(s.DownTimerAdverts)*s.AdvertInterval + max(s.AdvertInterval, time.Second) + s.AdvertInterval
		if s.Version == 3 {
			d = time.Duration(s.DownTimerAdverts+2) * s.AdvertInterval
		}
		if s.PreemptDelay > 0 { // it begins with the first master and ends a master-down interval before the preemption
			d += s.PreemptDelay + d
		}
		if slices.ContainsFunc(sc.Faults, func(f Fault) bool { return f.Kind == FailAdds }) {
			d += standBack + sc.Heal // the pause doubles, so the last one is no longer than the time before it and the first
		}
		d += d/100 + 2*r.Lateness + 2*r.Latency + 2*sc.Network.Delay
		bound = max(bound, d)
	}
	return bound
}

// Run plays the scenario and returns what is wrong, or nil: while it lasts nobody may announce, answer for or hold
// addresses that it has given away (judge.go); after Heal and Bound exactly one router must
// be MASTER and stay it, none that may preempt it outranks it, and after the hand-over grace it alone holds addresses.
func (sc Scenario) Run() error {
	s := NewSim(sc.Seed)
	s.Network = sc.Network
	specs := make([]election.InstanceSpec, len(sc.Routers))
	for i, r := range sc.Routers {
		specs[i] = r.Spec
		n := s.AddNode(Node{
			Address: netip.AddrFrom4([4]byte{10, 77, 0, byte(1 + i)}), Clock: r.Clock, Lateness: r.Lateness, Latency: r.Latency,
			Pace: r.Pace, Abrupt: r.Abrupt,
		})
		s.At(s.random(r.Spec.AdvertInterval), func() { n.Start(SpecOf(specs[i])) })
	}
	for _, f := range sc.Faults {
		s.At(f.At, func() { s.fault(f, specs) })
	}
	// A router that could not install addresses stands back, the longer the more often.
	s.At(sc.Heal/2, func() {
		for _, n := range s.Nodes {
			n.FailAdds = false
		}
	})
	s.At(sc.Heal, func() {
		s.Network.Loss, s.Network.Duplicate = 0, 0
		for i, n := range s.Nodes {
			n.Side = 0
			n.SetLink(true)
			if !n.Running() {
				n.Start(SpecOf(specs[i]))
			}
		}
	})
	s.Run(sc.Heal + sc.Bound())
	if s.Violation != nil {
		return s.Violation
	}
	master, err := s.soleMaster(specs)
	if err != nil {
		return err
	}
	s.Run(s.Now + 500*time.Millisecond)
	vip := specs[0].Addresses[0]
	changed := error(nil)
	s.Observe = func() {
		if m, err := s.soleMaster(specs); err != nil || m != master {
			changed = fmt.Errorf("router %d was MASTER after the bound but not at %v: %w", master, s.Now, err)
		}
	}
	s.Run(s.Now + 3*specs[master].AdvertInterval)
	if err := errors.Join(changed, s.Violation); err != nil {
		return err
	}
	for i, n := range s.Nodes {
		if n.Holds(vip) != (i == master) {
			return fmt.Errorf("router %d is MASTER; router %d holds the address: %t", master, i, n.Holds(vip))
		}
	}
	return nil
}

func (s *Sim) fault(f Fault, specs []election.InstanceSpec) {
	n := s.Nodes[f.Node]
	switch f.Kind {
	case LinkDown, LinkUp:
		n.SetLink(f.Kind == LinkUp)
	case Partition:
		for i, n := range s.Nodes {
			n.Side = f.Arg >> i & 1
		}
	case Merge:
		for _, n := range s.Nodes {
			n.Side = 0
		}
	case Stop:
		n.Stop()
	case Start:
		if !n.Running() {
			n.Start(SpecOf(specs[f.Node]))
		}
	case Crash:
		n.Crash()
	case LoseAddress:
		n.LoseAddress()
	case Reload:
		if specs[f.Node].Priority != 255 {
			specs[f.Node].Priority = uint8(f.Arg)
			n.Reload(SpecOf(specs[f.Node]))
		}
	case FailAdds:
		n.FailAdds = true
	}
}

// soleMaster returns the number of the only router in MASTER.
func (s *Sim) soleMaster(specs []election.InstanceSpec) (int, error) {
	master := -1
	for i, n := range s.Nodes {
		for _, st := range n.Status() {
			if st.State != election.Master {
				continue
			}
			if master >= 0 {
				return -1, fmt.Errorf("routers %d and %d are both MASTER at %v", master, i, s.Now)
			}
			master = i
		}
	}
	if master < 0 {
		return -1, fmt.Errorf("nobody is MASTER at %v", s.Now)
	}
	for i, spec := range specs {
		if !spec.NoPreempt && spec.Priority > specs[master].Priority {
			return -1, fmt.Errorf("router %d (priority %d) is MASTER at %v, not router %d (priority %d)",
				master, specs[master].Priority, s.Now, i, spec.Priority)
		}
	}
	return master, nil
}

// Shrink returns a smaller scenario that still fails, and how: it leaves out faults, then kinds of bad luck, as long
// as the run goes wrong.
func (sc Scenario) Shrink() (Scenario, error) {
	failure := sc.Run()
	try := func(smaller Scenario) bool {
		err := smaller.Run()
		if err != nil {
			sc, failure = smaller, err
		}
		return err != nil
	}
	for again := true; again; {
		again = false
		for i := len(sc.Faults) - 1; i >= 0; i-- {
			smaller := sc
			smaller.Faults = append(append([]Fault(nil), sc.Faults[:i]...), sc.Faults[i+1:]...)
			again = try(smaller) || again
		}
	}
	for _, calm := range []func(*Scenario){
		func(s *Scenario) { s.Network.Duplicate = 0 },
		func(s *Scenario) { s.Network.Loss = 0 },
		func(s *Scenario) { s.Network.Delay = 0 },
	} {
		smaller := sc
		calm(&smaller)
		try(smaller)
	}
	for i := range sc.Routers {
		smaller := sc
		smaller.Routers = append([]Router(nil), sc.Routers...)
		r := &smaller.Routers[i]
		r.Clock, r.Lateness, r.Latency, r.Pace, r.Abrupt = Clock{}, 0, 0, 0, false
		try(smaller)
	}
	return sc, failure
}
