package election

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
)

// telling is a Told that can be told from the one of nobody.
var telling = AudienceOf(Told{SaysDeleted: true})

func toldOf(r *rig, ev Event) (list []Notify) {
	for _, a := range r.Step(Instant(r.clock), ev) {
		if n, ok := a.(Notify); ok {
			list = append(list, n)
		}
	}
	return list
}

func TestEveryNotifySaysWhoIsTold(t *testing.T) {
	r := newRig(t, spec2(func(s *InstanceSpec) {
		s.Told = telling
		s.Trackers = []TrackSpec{{ID: eth1, Weight: -30}}
	}))
	all := toldOf(r, Started{LinkUp: true, Source: routerB})
	all = append(all, toldOf(r, TrackerChanged{eth1, 0})...)
	r.until(10 * time.Second).expectState(Master)
	all = append(all, toldOf(r, r.advert(50, routerA))...)
	all = append(all, toldOf(r, Stop{AtOnce: true})...)
	var kinds []string
	for _, n := range all {
		kinds = append(kinds, fmt.Sprintf("%d %v→%v", n.Kind, n.From, n.To))
		if n.Told != telling {
			t.Errorf("%+v is told nobody", n)
		}
	}
	want := "0 INIT→BACKUP, 2 BACKUP→BACKUP, 1 MASTER→MASTER, 0 MASTER→INIT"
	if got := strings.Join(kinds, ", "); got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

// A MASTER tells of each lower master's advert, and of few of a flood; a BACKUP does not.
func TestLowerMasterIsToldOf(t *testing.T) {
	r := newRig(t, spec2())
	if got := toldOf(r.up(), r.advert(50, routerA)); got != nil {
		t.Errorf("a BACKUP tells %v", got)
	}
	r = newRig(t, spec2()).master()
	want := []Notify{{Kind: NotifyLowerMaster, From: Master, To: Master, Priority: 100}}
	for range 4 { // two rivals, twice per interval each
		r.clock += 500 * time.Millisecond
		for _, priority := range []uint8{50, 99} {
			if got := toldOf(r, r.advert(priority, routerA)); !slices.Equal(got, want) {
				t.Errorf("%v: %v, want %v", r.clock, got, want)
			}
		}
	}
	count := 0
	for range 5000 {
		r.clock += time.Millisecond
		count += len(toldOf(r, r.advert(50, routerA)))
	}
	if count < 5 || count > 6*lowerTold {
		t.Errorf("%d of 5000 in five seconds are told", count)
	}
	if got := toldOf(r, r.advert(0, routerA)); got != nil {
		t.Errorf("one that resigns: %v", got)
	}
}

// Who hands over is told of late. The priority that has changed meanwhile is in what is told then, not before it.
func TestPriorityDuringAHandOver(t *testing.T) {
	r := newRig(t, spec2(func(s *InstanceSpec) { s.Trackers = []TrackSpec{{ID: eth1, Weight: -30}} })).master()
	if got := toldOf(r, r.advert(150, routerA)); got != nil {
		t.Fatalf("told before the hand-over is over: %v", got)
	}
	r.expectState(Backup)
	if got := toldOf(r, TrackerChanged{eth1, 0}); got != nil {
		t.Errorf("told %v before the transition", got)
	}
	r.clock += handOverGrace
	got := toldOf(r, Wake{})
	if len(got) != 1 || got[0].To != Backup || got[0].Priority != 70 || got[0].Kind != NotifyTransition {
		t.Errorf("told %v", got)
	}
	if got := toldOf(r, TrackerChanged{eth1, 1}); len(got) != 1 || got[0].Kind != NotifyPriority || got[0].Priority != 100 {
		t.Errorf("afterwards: %v", got)
	}
}

// notices are what an Engine tells, as "NAME STATE", with the group's name for the group.
func notices(actions []InstanceAction) (list []string) {
	for _, a := range actions {
		n, ok := a.Action.(Notify)
		if !ok {
			continue
		}
		name := string(a.Name) + string(n.Group)
		if n.Removed {
			name = "removed " + name
		}
		list = append(list, fmt.Sprintf("%s %v", name, n.To))
	}
	return list
}

// The first state of a sync group is told before those of its members, its further ones after them.
func TestGroupsAndMembersAreToldInOrder(t *testing.T) {
	e := NewEngine()
	handles := make(map[confparse.InstanceName]Handle)
	begin := func(actions []InstanceAction, up bool) (told []string) {
		for _, a := range actions {
			if _, ok := a.Action.(Start); ok {
				handles[a.Name] = a.Handle
			}
		}
		for _, name := range []confparse.InstanceName{"G.a", "G.b", "c"} {
			told = append(told, notices(e.Step(0, handles[name], Started{LinkUp: up, Source: routerB}))...)
		}
		return told
	}
	spec := specOf(instance("G.a", 1), instance("G.b", 2), instance("c", 3))
	expect := func(what string, got []string, want string) {
		t.Helper()
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s: %s\nwant %s", what, s, want)
		}
	}
	expect("start", begin(e.Apply(0, spec), true), "G BACKUP, G.a BACKUP, G.b BACKUP, c BACKUP")
	var took []string
	for range 40 { // the members' timers, and those of what they announce
		d, _ := e.Deadline()
		if took = append(took, notices(e.Wake(d))...); len(took) >= 4 {
			break
		}
	}
	expect("take-over", took, "G.b MASTER, G.a MASTER, G MASTER, c MASTER")
	now := Instant(10 * time.Second)
	expect("fault", notices(e.Step(now, handles["G.a"], LinkChanged{})), "G.a FAULT, G.b FAULT, G FAULT")
	expect("removed by a reload", notices(e.Apply(now, Spec{Instances: spec.Instances[2:]})), "removed G.a INIT, removed G.b INIT, removed G INIT")
	expect("stop", notices(e.StopAtOnce(now)), "c INIT")

	e = NewEngine()
	expect("start without links", begin(e.Apply(0, spec), false), "G FAULT, G.a FAULT, G.b FAULT, c FAULT")
	expect("stop of all", notices(e.Stop(now)), "G.a INIT, G.b INIT, c INIT, G INIT")

	owner := func(s *InstanceSpec) { s.Priority, s.StartMaster = OwnerPriority, true }
	e = NewEngine()
	owners := specOf(instance("G.a", 1, owner), instance("G.b", 2, owner), instance("c", 3))
	expect("start of owners", begin(e.Apply(0, owners), true), "G.a MASTER, G.b MASTER, G MASTER, c BACKUP")

	// A name that is taken again while those who had it hand over still: the old end is told before the new beginning.
	e = NewEngine()
	expect("one owner", begin(e.Apply(0, specOf(instance("G.a", 1, owner))), true), "G.a MASTER, G MASTER")
	expect("removed", notices(e.Apply(0, Spec{})), "") // it hands over
	expect("c waits for that", notices(e.Apply(0, specOf(instance("H.b", 2), instance("H.c", 1)))), "")
	expect("b waits for c", notices(e.Step(0, 2, Started{LinkUp: true, Source: routerB})), "")
	unusable := func(s *InstanceSpec) { s.Unusable = FaultNoPeers }
	expect("b is in G now, and of no use", notices(e.Apply(0, specOf(instance("G.d", 2, unusable)))), "G.d BACKUP, removed G INIT, G BACKUP, G.d FAULT")
}
