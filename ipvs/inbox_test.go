package ipvs

import (
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
	r.setSpec(Spec{Services: []ServiceSpec{a, b, other}}, Health{})
	for _, h := range []Health{health(a, true, -1), {QuorumUp: map[confparse.VirtualServerID]bool{a.ID: false}}} {
		if diff := cmp.Diff([]ServiceKey{a.Key, b.Key}, r.changeHealth(h), comparable); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if again := r.changeHealth(h); len(again) != 0 {
			t.Errorf("no news concerns %v", again)
		}
	}
}
