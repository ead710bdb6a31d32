package ipvs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A Spec comes with its health: changes handed in before it and after it are kept apart, and nobody's maps are written to.
func TestInboxKeepsTheLatest(t *testing.T) {
	s := spec(nil, 1, 1)
	b := inbox{signal: make(chan struct{}, 1)}
	whole := health(s, 5)
	b.change(changed(s, 1, 1))
	b.set(Spec{}, Health{})
	b.change(changed(s, -1, -1))
	b.set(Spec{VirtualServers: []VirtualServerSpec{s}}, whole)
	first := changed(s, 3)
	b.change(first)
	b.change(changed(s, 4, 4))
	waiter := b.wait()

	m := b.take()
	if m.spec == nil || len(m.spec.VirtualServers) != 1 {
		t.Fatalf("spec: %v", m.spec)
	}
	if diff := cmp.Diff(health(s, 5), m.health, comparable); diff != "" {
		t.Errorf("health (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(changed(s, -1, -1), m.before.list, comparable); diff != "" {
		t.Errorf("changes before it (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(changed(s, 4, 4), m.changes.list, comparable); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(changed(s, 3), first, comparable); diff != "" {
		t.Errorf("the caller's list was changed (-want +got):\n%s", diff)
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
	if again := b.take(); again.spec != nil || len(again.waiters) != 0 || again.changes.list != nil || again.before.list != nil {
		t.Errorf("taken twice: %+v", again)
	}
}

// What is told of a server more than once until it is taken is its last health, all that its checks came to, and about the checks
// alone only if each was.
func TestChangesOfOneServerAreOne(t *testing.T) {
	alert := func(text string, same bool, up bool) HealthChange {
		return HealthChange{RealServerHealth: RealServerHealth{Up: up}, Alerts: []Alert{{Text: text}}, Same: same}
	}
	for _, c := range []struct {
		first, second HealthChange
		up, same      bool
	}{
		{alert("a", true, true), alert("b", true, true), true, true},
		{alert("a", false, false), alert("b", true, false), false, false},
		{alert("a", true, true), alert("b", false, false), false, false},
	} {
		var l changeList
		l.add([]HealthChange{c.first})
		l.add([]HealthChange{c.second})
		if len(l.list) != 1 || l.list[0].Up != c.up || l.list[0].Same != c.same || len(l.list[0].Alerts) != 2 || l.list[0].Alerts[1].Text != "b" {
			t.Errorf("%+v, %+v: %+v", c.first, c.second, l.list)
		}
	}
}

// changed are the changes that lead to health.
func changed(s VirtualServerSpec, weights ...int32) []HealthChange {
	h := health(s, weights...)
	var list []HealthChange
	for i := range s.Pool.Servers {
		if rs, ok := h.RealServers[s.serverID(i)]; ok {
			list = append(list, HealthChange{Server: s.serverID(i), RealServerHealth: rs})
		}
	}
	return list
}
