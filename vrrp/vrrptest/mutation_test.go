package vrrptest

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
)

// mutant is an Engine that is broken in one way.
type mutant struct {
	process
	change func(election.InstanceAction) (election.InstanceAction, bool) // false: is left out
	hears  func(election.Event) bool
	at     func(election.Instant) election.Instant
	specs  func(election.Spec) election.Spec
}

func (m *mutant) Explain(now election.Instant, h election.Handle) (election.Explanation, bool) {
	return m.process.(*election.Engine).Explain(now, h)
}

func (m *mutant) changed(list []election.InstanceAction) (out []election.InstanceAction) {
	if m.change == nil {
		return list
	}
	for _, a := range list {
		if a, ok := m.change(a); ok {
			out = append(out, a)
		}
	}
	return out
}

func (m *mutant) Apply(now election.Instant, s election.Spec) []election.InstanceAction {
	if m.specs != nil {
		s = m.specs(s)
	}
	return m.changed(m.process.Apply(now, s))
}

func (m *mutant) Step(now election.Instant, h election.Handle, ev election.Event) []election.InstanceAction {
	if m.hears != nil && !m.hears(ev) {
		return nil
	}
	return m.changed(m.process.Step(now, h, ev))
}

func (m *mutant) Track(now election.Instant, id track.ID, v int) []election.InstanceAction {
	return m.changed(m.process.Track(now, id, v))
}

func (m *mutant) Wake(now election.Instant) []election.InstanceAction {
	return m.changed(m.process.Wake(now))
}

func (m *mutant) Stop(now election.Instant) []election.InstanceAction {
	return m.changed(m.process.Stop(now))
}

func (m *mutant) Deadline() (election.Instant, bool) {
	d, ok := m.process.Deadline()
	if m.at != nil {
		d = m.at(d)
	}
	return d, ok && d != election.Never
}

// chaotic is what begins with the time of a Violation: what is judged afterwards does not.
var chaotic = regexp.MustCompile(`^at [0-9.hmsµn]+: `)

// deluded is an engine that takes its routers for others than they are, and says what they are.
func deluded(alter func(*election.InstanceSpec)) *mutant {
	configured := make(map[confparse.InstanceName]election.InstanceSpec)
	return &mutant{
		specs: func(s election.Spec) election.Spec {
			s.Instances = slices.Clone(s.Instances)
			for i := range s.Instances {
				in := &s.Instances[i]
				configured[in.Name] = *in
				alter(in)
			}
			return s
		},
		change: func(a election.InstanceAction) (election.InstanceAction, bool) {
			switch a.Action.(type) {
			case election.Start:
				a.Action = election.Start{Spec: configured[a.Name]}
			case election.Configure:
				a.Action = election.Configure{Spec: configured[a.Name]}
			}
			return a, true
		},
	}
}

type action = election.InstanceAction

// mutants break what the invariant of their letter is about.
var mutants = []struct {
	letter, name string
	mutant       func() *mutant
}{
	{"a", "is deaf to higher masters", func() *mutant {
		return &mutant{hears: func(ev election.Event) bool {
			a, ok := ev.(election.AdvertReceived)
			return !ok || a.Advert.Priority < 200
		}}
	}},
	{"b", "wakes up late", func() *mutant {
		return &mutant{at: func(d election.Instant) election.Instant {
			if d == election.Never {
				return d
			}
			return d.Add(20 * time.Second)
		}}
	}},
	{"b", "takes a second too long at less than 100 ms", func() *mutant {
		return deluded(func(s *election.InstanceSpec) {
			if s.AdvertInterval < 100*time.Millisecond {
				s.DownTimerAdverts += int(time.Second / s.AdvertInterval)
			}
		})
	}},
	{"b", "stays in FAULT when the link is back", func() *mutant {
		return &mutant{hears: func(ev election.Event) bool {
			l, ok := ev.(election.LinkChanged)
			return !ok || !l.Up
		}}
	}},
	{"b", "takes for bad what it tracks and is well", func() *mutant {
		return deluded(func(s *election.InstanceSpec) {
			for i, t := range s.Trackers {
				if t.Weight == 0 {
					s.Trackers = slices.Clone(s.Trackers)
					s.Trackers[i].Reverse = !t.Reverse
				}
			}
		})
	}},
	{"a", "leaves a member of a sync group out", func() *mutant {
		return &mutant{specs: func(s election.Spec) election.Spec {
			s.Groups = slices.Clone(s.Groups)
			for i := range s.Groups {
				g := &s.Groups[i]
				g.Members = g.Members[:len(g.Members)-1]
			}
			return s
		}}
	}},
	{"c", "never preempts", func() *mutant {
		return deluded(func(s *election.InstanceSpec) { s.NoPreempt = true })
	}},
	{"d", "sends ten times too often", func() *mutant {
		return deluded(func(s *election.InstanceSpec) { s.AdvertInterval /= 10 })
	}},
	{"d", "forgets every third advert", func() *mutant {
		n := 0
		return &mutant{change: func(a action) (action, bool) {
			if _, ok := a.Action.(election.SendAdvert); ok {
				n++
			}
			return a, n%3 != 1
		}}
	}},
	{"e", "removes nothing", func() *mutant {
		return &mutant{change: func(a action) (action, bool) {
			if o, ok := a.Action.(election.Own); ok {
				o.Remove, o.Quiet = nil, false
				a.Action = o
			}
			return a, true
		}}
	}},
	{"f", "announces nothing when it met another master", func() *mutant {
		return &mutant{change: func(a action) (action, bool) {
			n, ok := a.Action.(election.Announce)
			return a, !ok || n.Repeat != 5
		}}
	}},
	{"g", "does not tell that it is in FAULT", func() *mutant {
		return &mutant{change: func(a action) (action, bool) {
			n, ok := a.Action.(election.Notify)
			return a, !ok || n.To != election.Fault
		}}
	}},
	{"h", "removes all that it has by a reload", func() *mutant {
		reloaded := false
		return &mutant{change: func(a action) (action, bool) {
			switch act := a.Action.(type) {
			case election.Configure:
				reloaded = true
			case election.Own:
				if reloaded {
					act.Remove = append(act.Remove, act.Resources...)
					a.Action = act
				}
				reloaded = false
			}
			return a, true
		}}
	}},
}

// TestEveryInvariantCanFail: an engine that is broken in a way which an invariant is about is caught by that one, in the
// chaos and soon.
func TestEveryInvariantCanFail(t *testing.T) {
	for _, tt := range mutants {
		t.Run(tt.letter+" "+tt.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 500; seed++ {
				err := NewScenario(seed).Play(func(s *Sim) {
					s.mutate = func(p process) process {
						m := tt.mutant()
						m.process = p
						return m
					}
				}).Err
				if err != nil && chaotic.MatchString(err.Error()) && strings.Contains(err.Error(), tt.letter+": ") {
					t.Logf("-seed %d: %v", seed, err)
					return
				}
			}
			t.Error("not caught")
		})
	}
}
