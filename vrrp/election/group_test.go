package election

import (
	"testing"
	"time"

	"vigil/confparse"
)

// TestSyncGroupMaster: the group follows its slowest member, which goes MASTER first, and then the others in configuration
// order, as with a running keepalived.
func TestSyncGroupMaster(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1, priority(110)), instance("G.b", 2)).expect(
		"0s G.a start", "0s G.b start", "0s G.a release", "0s G.b release",
		"0s G.a INIT→BACKUP (start) priority 110 initial", "0s G.b INIT→BACKUP (start) priority 100 initial",
		"0s group G INIT→BACKUP initial")
	r.until(4*time.Second).expect("3.5703125s G.a report timeout", "3.609375s G.b report timeout",
		"3.609375s G.b send 100", "3.609375s G.b BACKUP→MASTER (group) priority 100", "3.609375s G.b install",
		"3.609375s G.b announce ×1",
		"3.609375s G.a send 110", "3.609375s G.a BACKUP→MASTER (group) priority 110", "3.609375s G.a install",
		"3.609375s G.a announce ×1", "3.609375s group G BACKUP→MASTER")
}

// TestSyncGroupBlocked: a member that hears a master holds the group back; its own timer starts again.
func TestSyncGroupBlocked(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1), instance("G.b", 2)).forget()
	for i := range 20 {
		r.until(time.Duration(i)*time.Second).hear("G.b", 200)
	}
	r.expectStates("G.a=BACKUP G.b=BACKUP [G=BACKUP]")
	if st, _ := r.Status(); st[0].Want != Master || st[1].Want != Backup {
		t.Errorf("a wants %v, b wants %v", st[0].Want, st[1].Want)
	}
	r.until(r.clock + 4*time.Second).expectStates("G.a=MASTER G.b=MASTER [G=MASTER]")
}

// TestSyncGroupBackup: one member gives way, all do, without priority 0 and with the grace.
func TestSyncGroupBackup(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1), instance("G.b", 2)).until(4*time.Second).forget().hear("G.b", 200)
	r.expect("4s G.b report higher from 10.77.0.1 200/100", "4s G.b MASTER→BACKUP (higher priority) priority 100",
		"4s G.b cancel announcements", "4s G.b quiet", "4s G.a MASTER→BACKUP (group) priority 100", "4s G.a cancel announcements",
		"4s G.a quiet",
		"4s group G MASTER→BACKUP")
	r.until(5*time.Second).expect("4.2s G.a release", "4.2s G.b release")
}

// TestSyncGroupFault: one member fails, all are in FAULT, each with one priority 0; the last cause to go frees them all.
func TestSyncGroupFault(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1), instance("G.b", 2), instance("C", 3)).until(4 * time.Second).forget()
	r.do("G.b", LinkChanged{}).expect(
		"4s G.b send 0", "4s G.b report sent 0", "4s G.b MASTER→FAULT (fault) priority 100", "4s G.b cancel announcements",
		"4s G.b release",
		"4s G.a send 0", "4s G.a report sent 0", "4s G.a MASTER→FAULT (group) priority 100", "4s G.a cancel announcements",
		"4s G.a release", "4s group G MASTER→FAULT")
	r.do("G.a", LinkChanged{}).do("G.b", LinkChanged{Up: true}).expectStates("G.a=FAULT G.b=FAULT C=MASTER [G=FAULT]")
	r.forget().do("G.a", LinkChanged{Up: true}).expect("4s G.a FAULT→BACKUP (fault cleared) priority 100",
		"4s G.b FAULT→BACKUP (fault cleared) priority 100", "4s group G FAULT→BACKUP")
	r.until(8 * time.Second).expectStates("G.a=MASTER G.b=MASTER C=MASTER [G=MASTER]")
}

// TestSyncGroupResourceLost: the whole group resigns and stands again after its skew times.
func TestSyncGroupResourceLost(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1), instance("G.b", 2)).until(4*time.Second).forget().do("G.a", ResourcesLost{})
	r.expectStates("G.a=BACKUP G.b=BACKUP [G=BACKUP]").until(4610 * time.Millisecond).
		expectStates("G.a=MASTER G.b=MASTER [G=MASTER]")
}

// TestSyncGroupLowerPriority: the other members announce too when one of them hears a lower master.
func TestSyncGroupLowerPriority(t *testing.T) {
	repeat := func(s *InstanceSpec) { s.GARP.LowerPrioRepeat = 2 }
	r := newEngineRig(t).apply(instance("G.a", 1, repeat), instance("G.b", 2, repeat)).until(4*time.Second).forget().
		hear("G.a", 7)
	r.expect("4s G.a send 100", "4s G.a report lower from 10.77.0.1 7/100", "4s G.a pass on to 10.77.0.1, that we met, for 180ms",
		"4s G.a announce ×2", "4s G.b announce ×2")
}

// TestSyncGroupStart: MASTER at once only if all members begin as MASTER; FAULT if any does.
func TestSyncGroupStart(t *testing.T) {
	owner := func(s *InstanceSpec) { s.Priority, s.StartMaster = 255, true }
	up := Started{LinkUp: true, Source: routerB}
	resumed := Started{LinkUp: true, Source: routerB, Silence: time.Second}
	for _, tt := range []struct {
		name  string
		a, b  InstanceSpec
		start map[confparse.InstanceName]Started
		want  string
	}{
		{"owners", instance("G.a", 1, owner), instance("G.b", 2, owner), nil, "G.a=MASTER G.b=MASTER [G=MASTER]"},
		{"one owner", instance("G.a", 1, owner), instance("G.b", 2), nil, "G.a=BACKUP G.b=BACKUP [G=BACKUP]"},
		{"all resume", instance("G.a", 1), instance("G.b", 2), map[confparse.InstanceName]Started{"G.a": resumed, "G.b": resumed},
			"G.a=MASTER G.b=MASTER [G=MASTER]"},
		{"one cannot resume", instance("G.a", 1), instance("G.b", 2), map[confparse.InstanceName]Started{"G.a": resumed, "G.b": up},
			"G.a=BACKUP G.b=BACKUP [G=BACKUP]"},
		{"one in FAULT", instance("G.a", 1, owner), instance("G.b", 2, owner), map[confparse.InstanceName]Started{"G.a": up, "G.b": {}},
			"G.a=FAULT G.b=FAULT [G=FAULT]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newEngineRig(t)
			r.started = func(n confparse.InstanceName) Started {
				if ev, ok := tt.start[n]; ok {
					return ev
				}
				return up
			}
			r.apply(tt.a, tt.b).expectStates(tt.want)
			machines, _ := r.Status()
			for _, m := range machines {
				if m.AddressesPresent != (m.State == Master) {
					t.Errorf("%s is %v, addresses present: %t", m.Name, m.State, m.AddressesPresent)
				}
			}
		})
	}
}

// TestSyncGroupReload: members may come and go, and groups too.
func TestSyncGroupReload(t *testing.T) {
	a, b, c := instance("G.a", 1), instance("G.b", 2), instance("G.c", 3)
	masters := func(t *testing.T) *engineRig { return newEngineRig(t).apply(a, b).until(4 * time.Second).forget() }
	t.Run("a member goes", func(t *testing.T) {
		masters(t).apply(b).expectStates("G.a=INIT G.b=MASTER [G=MASTER]")
	})
	t.Run("a member comes", func(t *testing.T) {
		r := masters(t).apply(a, b, c).expectStates("G.a=MASTER G.b=MASTER G.c=BACKUP [G=MASTER]")
		r.until(8 * time.Second).expectStates("G.a=MASTER G.b=MASTER G.c=MASTER [G=MASTER]")
	})
	t.Run("a member comes for which there is a master", func(t *testing.T) {
		masters(t).apply(a, b, c).hear("G.c", 200).expectStates("G.a=BACKUP G.b=BACKUP G.c=BACKUP [G=BACKUP]")
	})
	t.Run("the group goes", func(t *testing.T) {
		r := masters(t)
		spec := specOf(a, b)
		spec.Groups = nil
		r.record(r.Apply(Instant(r.clock), spec)).expect("4s group G MASTER→INIT")
		r.do("G.a", LinkChanged{}).expectStates("G.a=FAULT G.b=MASTER")
	})
	t.Run("the group goes while one member holds the other in FAULT", func(t *testing.T) {
		r := masters(t).do("G.a", LinkChanged{}).expectStates("G.a=FAULT G.b=FAULT [G=FAULT]")
		spec := specOf(a, b)
		spec.Groups = nil
		r.record(r.Apply(Instant(r.clock), spec)).expectStates("G.a=FAULT G.b=BACKUP")
	})
	t.Run("a group is formed", func(t *testing.T) {
		r := newEngineRig(t)
		spec := specOf(a, b)
		spec.Groups = nil
		r.record(r.Apply(0, spec)).until(4 * time.Second).expectStates("G.a=MASTER G.b=MASTER")
		r.hear("G.b", 200).expectStates("G.a=MASTER G.b=BACKUP").apply(a, b).expectStates("G.a=MASTER G.b=BACKUP [G=BACKUP]")
		r.hear("G.b", 200).expectStates("G.a=BACKUP G.b=BACKUP [G=BACKUP]")
	})
	t.Run("a member stops by itself", func(t *testing.T) {
		r := masters(t).do("G.a", Stop{}).expectStates("G.a=INIT G.b=MASTER [G=MASTER]")
		r.do("G.b", LinkChanged{}).expectStates("G.a=INIT G.b=FAULT [G=FAULT]")
	})
}
