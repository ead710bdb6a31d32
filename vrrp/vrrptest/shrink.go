package vrrptest

import (
	"regexp"
	"slices"

	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// Shrink returns a smaller scenario that still fails, and how: it leaves out faults, then kinds of bad luck, as long
// as the same invariant is broken.
func (sc Scenario) Shrink() (Scenario, error) {
	failure := sc.Run()
	try := func(smaller Scenario) bool {
		err := smaller.Run()
		same := err != nil && invariant(err) == invariant(failure)
		if same {
			sc, failure = smaller, err
		}
		return same
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
		func(s *Scenario) {
			s.alike(func(in *election.InstanceSpec) {
				in.AuthType, in.AuthData, in.HMAC = wire.AuthNone, [8]byte{}, election.HMACSpec{}
			})
		},
		func(s *Scenario) {
			s.alike(func(in *election.InstanceSpec) { in.Addresses, in.Excluded = in.Addresses[:1:1], nil })
		},
	} {
		smaller := sc
		calm(&smaller)
		try(smaller)
	}
	single := sc
	single.Hosts = slices.Clone(sc.Hosts)
	for i := range single.Hosts {
		single.Hosts[i].Instances = single.Hosts[i].Instances[:1]
	}
	try(single)
	for i := range sc.Hosts {
		for _, plain := range []func(*Host){
			func(r *Host) { r.Clock, r.Lateness, r.Latency, r.Pace, r.Abrupt = Clock{}, 0, 0, 0, false },
			func(r *Host) { r.Delay, r.Keepalived = 0, false },
			func(r *Host) { r.plain() },
		} {
			smaller := sc
			smaller.Hosts = slices.Clone(sc.Hosts)
			plain(&smaller.Hosts[i])
			try(smaller)
		}
	}
	return sc, failure
}

// alike changes all virtual routers of a copy of sc.
func (sc *Scenario) alike(change func(*election.InstanceSpec)) {
	sc.Hosts = slices.Clone(sc.Hosts)
	for i := range sc.Hosts {
		r := &sc.Hosts[i]
		r.Instances = slices.Clone(r.Instances)
		for k := range r.Instances {
			change(&r.Instances[k])
		}
	}
}

// invariant is the letter of the invariant that err is about; "" when it names none.
func invariant(err error) string { return letter.FindString(err.Error()) }

var letter = regexp.MustCompile(`\b[a-h]: `)

// plain takes away what only some routers have.
func (r *Host) plain() {
	r.Instances = slices.Clone(r.Instances)
	for i := range r.Instances {
		s := &r.Instances[i]
		s.Trackers, s.PreemptDelay, s.PreemptWhen, s.NoPreempt = nil, 0, track.ID{}, false
		s.Hooks = election.Hooks{}
	}
}
