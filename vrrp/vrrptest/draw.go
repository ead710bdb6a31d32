package vrrptest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
)

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
	d := drawing{rng: rng, version: version, interval: interval, grouped: rng.IntN(3) == 0, hooked: rng.IntN(4) == 0, second: rng.IntN(11)}
	if rng.IntN(4) == 0 {
		d.hmac = election.HMACSpec{Mode: election.HMACEnforce, Active: key, Keys: []election.HMACKey{key}, Window: interval + 5*time.Second}
	}
	for range 2 + rng.IntN(4) {
		sc.Routers = append(sc.Routers, d.router())
	}
	for t := time.Duration(0); ; {
		t += time.Duration(rng.Int64N(int64(2 * interval)))
		if t >= sc.Heal {
			return sc
		}
		f := Fault{At: t, Kind: FaultKind(rng.IntN(int(faultKinds))), Node: rng.IntN(len(sc.Routers))}
		if d.fits(&f, &sc) {
			sc.Faults = append(sc.Faults, f)
		}
	}
}

var key = election.HMACKey{ID: 1, Secret: "secret"}

// drawing is what the routers of a Scenario have in common.
type drawing struct {
	rng      *rand.Rand
	version  uint8
	interval time.Duration
	grouped  bool // two instances each, in a sync group
	hooked   bool // programs that are waited for
	second   int  // how much the priority of the second instance is above that of the first: they rank routers alike
	hmac     election.HMACSpec
}

// fits draws the argument of a fault, and reports whether it can be at that time.
func (d *drawing) fits(f *Fault, sc *Scenario) bool {
	rng, left := d.rng, sc.Heal-f.At
	switch f.Kind {
	case Reload:
		f.Arg = 1 + rng.IntN(254)
	case Cut:
		f.Arg = rng.IntN(2)
	case Partition:
		f.Arg = rng.IntN(1 << len(sc.Routers))
	case Part:
		f.Arg = rng.IntN(1<<len(sc.Routers)) + rng.IntN(2)<<8
	case OneWay:
		f.Arg = rng.IntN(len(sc.Routers))
	case FailAdds:
		return f.At < sc.Heal/2
	case Stall, Suspend:
		f.Arg = 1 + rng.IntN(int(6*d.interval/time.Millisecond))
		return left > time.Duration(f.Arg)*time.Millisecond
	case StepClock:
		f.Arg = rng.IntN(7201) - 3600
		if rng.IntN(2) == 0 {
			f.Arg /= 600
		}
	case Judge:
		f.Arg = rng.IntN(trackers)*1000 + rng.IntN(3)
	}
	return true
}

func (d *drawing) router() Router {
	rng, interval := d.rng, d.interval
	r := Router{
		Keepalived: d.hmac.Mode == election.HMACOff && rng.IntN(6) == 0,
		Clock:      Clock{Offset: election.Instant(rng.Int64N(int64(time.Hour))), PPM: rng.IntN(10_001) - 5_000},
		Lateness:   time.Duration(rng.Int64N(int64(interval)/20 + 1)),
		Latency:    time.Duration(rng.Int64N(int64(50 * time.Millisecond))),
		Pace:       time.Duration(rng.Int64N(int64(20 * time.Millisecond))),
		HookTime:   2 * time.Second,
		Abrupt:     rng.IntN(4) == 0,
	}
	if rng.IntN(4) == 0 {
		r.Delay = time.Duration(rng.Int64N(int64(4 * interval)))
	}
	s := Instance("VI_0", 51, uint8(1+rng.IntN(254)))
	s.Version, s.AdvertInterval, s.HMAC = d.version, interval, d.hmac
	s.LowerPriorityNoAdvert = rng.IntN(8) == 0
	s.HigherPrioritySendAdvert = rng.IntN(8) > 0 // the default of a configuration
	switch rng.IntN(12) {
	case 0:
		s.Priority, s.StartMaster = election.OwnerPriority, rng.IntN(2) == 0
	case 1, 2:
		s.NoPreempt = true
	case 3:
		s.PreemptDelay = time.Duration(rng.Int64N(int64(3 * interval)))
	case 4, 5:
		s.Priority = 100 // equal ones are worth their own cases
	}
	s.Trackers = d.trackers()
	if d.hooked {
		s.Hooks = hooks
	}
	r.Instances = []election.InstanceSpec{s}
	if d.grouped { // clamped priorities would not rank the routers alike
		if s.Priority = uint8(60 + rng.IntN(120)); rng.IntN(3) == 0 {
			s.Priority = 100
		}
		t := s
		t.Name, t.VRID, t.Link, t.Priority = "VI_1", 52, "eth1", s.Priority+uint8(d.second)
		t.Addresses = []election.Address{addressNumber(52, 100, "eth1")}
		r.Instances = []election.InstanceSpec{s, t}
	}
	return r
}

var hooks = election.Hooks{
	PreMaster:        confparse.ProgramOf(&confparse.Script{Argv: []string{"prepare"}}),
	PreMasterTimeout: time.Second,
	EnsureMaster:     confparse.ProgramOf(&confparse.Script{Argv: []string{"ensure"}}),
	EnsureInterval:   30 * time.Second,
}

// trackers is how many tracked objects a host has.
const trackers = 4

// trackerID is that of number i.
func trackerID(i int) track.ID {
	kind := [trackers]track.Kind{track.Script, track.Script, track.File, track.Process}[i]
	return track.ID{Kind: kind, Name: fmt.Sprint("t", i)}
}

// trackers draws what a router tracks: one object decides about FAULT, the others about the priority.
func (d *drawing) trackers() (list []election.TrackSpec) {
	for i := range trackers {
		if d.rng.IntN(3) > 0 {
			continue
		}
		t := election.TrackSpec{ID: trackerID(i), Reverse: d.rng.IntN(4) == 0}
		if i > 0 {
			t.Weight = d.rng.IntN(41) - 20
		}
		list = append(list, t)
	}
	if d.rng.IntN(4) == 0 {
		list = append(list, election.TrackSpec{ID: track.InterfaceID("eth1"), Weight: d.rng.IntN(41) - 20})
	}
	return list
}
