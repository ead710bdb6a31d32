package election

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"vigil/internal/routing"
)

func repairing(s *InstanceSpec) {
	s.OnLoss = LossRepair
	s.Routes = []Route{{Route: routing.Route{Dest: netip.MustParsePrefix("10.0.0.0/8"), Table: routing.TableMain}}}
	s.Rules = []Rule{{Rule: routing.Rule{Preference: 7}}}
}

// TestResourcesInOrder: addresses, then routes, then rules; what goes goes in the opposite order, which is the executor's.
func TestResourcesInOrder(t *testing.T) {
	s := spec2(repairing)
	s.Excluded = []Address{{Prefix: netip.PrefixFrom(vip101, 32), Link: "eth0"}}
	want := []Resource{s.Addresses[0], s.Excluded[0], s.Routes[0], s.Rules[0]}
	if got := s.Resources(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestRepairIsImmediateThenSlower: the first loss is repaired at once, each further one after twice the pause, and after a
// minute without any at once again. The state never changes.
func TestRepairIsImmediateThenSlower(t *testing.T) {
	r := newRig(t, spec2(repairing)).master().forget()
	lost := []Resource{r.spec.Addresses[0], r.spec.Routes[0]}
	now := r.now
	for i, pause := range []time.Duration{0, 20, 40, 80, 160} {
		r.do(ResourcesLost{lost})
		if got := r.repairs.at; pause > 0 && got != now.Add(pause*time.Millisecond) {
			t.Fatalf("repair %d at %v, want %v", i, time.Duration(got), pause*time.Millisecond)
		}
		now = now.Add(pause * time.Millisecond)
		r.until(time.Duration(now))
		if c := r.counters; c.ResourcesRepaired != uint64(2*(i+1)) || c.ResourcesLost != c.ResourcesRepaired {
			t.Fatalf("after loss %d: %d lost, %d repaired", i, c.ResourcesLost, c.ResourcesRepaired)
		}
	}
	now = now.Add(repairCalm)
	r.until(time.Duration(now))
	r.do(ResourcesLost{lost})
	if c := r.counters; c.ResourcesRepaired != 12 || r.state != Master || c.PriorityZeroSent != 0 {
		t.Errorf("after a minute: state %v, counters %+v", r.state, c)
	}
}

// TestRepairAnnouncesTheAddress: who removed it may have told the neighbours otherwise.
func TestRepairAnnouncesTheAddress(t *testing.T) {
	r := newRig(t, spec2(repairing)).master().forget()
	announced := 0
	for _, a := range r.Step(r.now, ResourcesLost{[]Resource{r.spec.Addresses[0], r.spec.Routes[0]}}) {
		if a, ok := a.(Announce); ok {
			announced += len(a.Addresses)
		}
	}
	if announced != 1 {
		t.Errorf("%d addresses announced, want 1", announced)
	}
}

// TestRepairEndsWithMastership: what was to be put back is not, once the router has left MASTER.
func TestRepairEndsWithMastership(t *testing.T) {
	r := newRig(t, spec2(repairing)).master()
	for range 3 {
		r.do(ResourcesLost{[]Resource{r.spec.Rules[0]}})
	}
	r.hear(200)
	if r.repairs.at != Never || r.repairs.missing != nil {
		t.Errorf("repair of %v at %v", r.repairs.missing, r.repairs.at)
	}
}

// TestLossIgnored: nothing is put back and nobody resigns.
func TestLossIgnored(t *testing.T) {
	r := newRig(t, spec2(repairing, func(s *InstanceSpec) { s.OnLoss = LossIgnore })).master().forget()
	r.do(ResourcesLost{[]Resource{r.spec.Addresses[0]}})
	if c := r.counters; r.state != Master || c.ResourcesLost != 1 || c.ResourcesRepaired != 0 || r.repairs.at != Never {
		t.Errorf("state %v, counters %+v", r.state, c)
	}
}

// TestReloadOfRoutesIsADifference: a reload that changes a route has it put in place without another transition; one that
// changes nothing of them does nothing.
func TestReloadOfRoutesIsADifference(t *testing.T) {
	r := newRig(t, spec2(repairing)).master().forget()
	generation := r.generation
	same := r.spec
	same.Priority = 90
	r.do(SpecChanged{same})
	if r.generation != generation {
		t.Error("an Own without a change of resources")
	}
	next := same
	next.Routes = []Route{{Route: routing.Route{Dest: netip.MustParsePrefix("10.0.0.0/8"), Table: 100}}}
	var own Own
	for _, a := range r.Step(r.now, SpecChanged{next}) {
		if o, ok := a.(Own); ok {
			own = o
		}
	}
	if !slices.Equal(own.Remove, []Resource{same.Routes[0]}) || !slices.Contains(own.Resources, Resource(next.Routes[0])) {
		t.Errorf("own %+v", own)
	}
}
