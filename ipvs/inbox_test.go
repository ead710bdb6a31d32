package ipvs

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// A Spec comes with its health: changes handed in before it are void, those after it are kept apart, and nobody's maps
// are written to.
func TestInboxKeepsTheLatest(t *testing.T) {
	s := spec(nil, 1, 1)
	b := inbox{signal: make(chan struct{}, 1)}
	whole := health(s, true, 5)
	b.change(health(s, false, -1, -1))
	b.set(Spec{Services: []ServiceSpec{s}}, whole)
	first := health(s, false, 3)
	b.change(first)
	b.change(health(s, true, 4, 4))
	waiter := b.wait()

	m := b.take()
	if m.spec == nil || len(m.spec.Services) != 1 {
		t.Fatalf("spec: %v", m.spec)
	}
	if diff := cmp.Diff(health(s, true, 5), m.health, comparable); diff != "" {
		t.Errorf("health (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(health(s, true, 4, 4), m.changes, comparable); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(health(s, false, 3), first, comparable); diff != "" {
		t.Errorf("the caller's map was changed (-want +got):\n%s", diff)
	}
	if len(b.signal) != 1 {
		t.Errorf("%d signals, want one for all", len(b.signal))
	}
	select {
	case <-waiter:
		t.Error("a waiter is released before the work is done")
	default:
	}
	m.release()
	<-waiter
	if again := b.take(); again.spec != nil || len(again.waiters) != 0 || again.changes.RealServers != nil {
		t.Errorf("taken twice: %+v", again)
	}
}

// One virtual server may stand for several services; its servers and its quorum are those of all of them.
func TestChangeOfHealthReachesEveryServiceOfTheVirtualServer(t *testing.T) {
	a, b, other := spec(nil, 1), spec(nil, 1), spec(nil, 1)
	b.Key.Port, other.Key.Port = 81, 82
	other.ID = confparse.VirtualServerID{Group: "other"}
	r := NewReconciler(Options{})
	r.setSpec(Spec{Services: []ServiceSpec{a, b, other}}, Health{}, map[ServiceKey]bool{})
	for _, h := range []Health{health(a, true, -1), {QuorumUp: map[confparse.VirtualServerID]bool{a.ID: false}}} {
		touched, again := map[ServiceKey]bool{}, map[ServiceKey]bool{}
		r.changeHealth(h, touched)
		if diff := cmp.Diff(map[ServiceKey]bool{a.Key: true, b.Key: true}, touched, comparable); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if r.changeHealth(h, again); len(again) != 0 {
			t.Errorf("no news concerns %v", again)
		}
	}
}

// TestSpecTouchesOnlyWhatDiffers: a new Spec concerns the services that it wants otherwise than they were wanted, be it
// for the configuration or for the health of their servers.
func TestSpecTouchesOnlyWhatDiffers(t *testing.T) {
	a, b := spec(nil, 1, 2), spec(nil, 1, 2)
	b.Key.Port, b.ID.Port = 81, 81
	fewer := b
	fewer.RealServers = b.RealServers[:1]
	renamed := b
	renamed.ID = confparse.VirtualServerID{Group: "other"}
	down := health(b, true, -1)
	for _, c := range []struct {
		name   string
		change Health // before the new Spec
		next   []ServiceSpec
		health Health
		want   map[ServiceKey]bool
	}{
		{"nothing", Health{}, []ServiceSpec{a, b}, Health{}, map[ServiceKey]bool{}},
		{"the order of the services", Health{}, []ServiceSpec{b, a}, Health{}, map[ServiceKey]bool{}},
		{"a server less", Health{}, []ServiceSpec{a, fewer}, Health{}, map[ServiceKey]bool{b.Key: true}},
		{"another name", Health{}, []ServiceSpec{a, renamed}, Health{}, map[ServiceKey]bool{b.Key: true}},
		{"a server down", Health{}, []ServiceSpec{a, b}, down, map[ServiceKey]bool{b.Key: true}},
		{"a server down as before", down, []ServiceSpec{a, b}, down, map[ServiceKey]bool{}},
		{"a server that was down", down, []ServiceSpec{a, b}, Health{}, map[ServiceKey]bool{b.Key: true}},
		{"no quorum", Health{}, []ServiceSpec{a, b}, health(b, false), map[ServiceKey]bool{b.Key: true}},
		{"a service less", Health{}, []ServiceSpec{a}, Health{}, map[ServiceKey]bool{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewReconciler(Options{})
			touched := map[ServiceKey]bool{}
			r.setSpec(Spec{Services: []ServiceSpec{a, b}}, Health{}, touched)
			if diff := cmp.Diff(map[ServiceKey]bool{a.Key: true, b.Key: true}, touched, comparable); diff != "" {
				t.Errorf("the first Spec (-want +got):\n%s", diff)
			}
			r.changeHealth(c.change, touched)
			clear(touched)
			r.setSpec(Spec{Services: c.next}, c.health, touched)
			if diff := cmp.Diff(c.want, touched, comparable); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// Whatever was kept of the Spec before, what is wanted is what the new one says.
			for i := range c.next {
				s := &c.next[i]
				got := r.services[s.Key]
				if !got.health.equal(s.health(c.health, nil)) || got.spec != s || !slices.Contains(r.byID[s.ID], got) {
					t.Errorf("%v: %+v", s.Key, got)
				}
			}
		})
	}
}
