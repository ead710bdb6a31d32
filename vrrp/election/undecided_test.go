package election

import (
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
)

var chk = track.ID{Kind: track.Script, Name: "chk"}

// tracking has an instance reference trackers.
func tracking(list ...TrackSpec) func(*InstanceSpec) {
	return func(s *InstanceSpec) { s.Trackers = list }
}

// script says what became of the script chk.
func (r *engineRig) script(value int) *engineRig {
	return r.record(r.Track(Instant(r.clock), chk, value))
}

// TestScriptDecidesTheFirstState: with a script without weight that has not run, a router has no state yet, and tells of
// none; the timers run from its first result.
func TestScriptDecidesTheFirstState(t *testing.T) {
	for _, tt := range []struct {
		name  string
		value int
		want  string
	}{
		{"success", track.Up, "2s V INIT→BACKUP (start) priority 100 initial"},
		{"failure", track.Down, "2s V INIT→FAULT (fault) priority 100 initial"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newEngineRig(t).apply(instance("V", 51, tracking(TrackSpec{ID: chk}))).expect("0s V start", "0s V release")
			r.until(2 * time.Second).expectStates("V=INIT")
			r.script(tt.value).expect(tt.want)
			if d, ok := r.Deadline(); tt.value == track.Up && time.Duration(d) != 2*time.Second+3609375*time.Microsecond || ok != (tt.value == track.Up) {
				t.Errorf("deadline %v %t", time.Duration(d), ok)
			}
		})
	}
	t.Run("an owner is master at the first success", func(t *testing.T) {
		owner := func(s *InstanceSpec) { s.Priority, s.StartMaster, s.Trackers = 255, true, []TrackSpec{{ID: chk}} }
		r := newEngineRig(t).apply(instance("V", 51, owner)).until(5 * time.Second).expectStates("V=INIT")
		r.script(track.Up).expectStates("V=MASTER")
	})
}

// TestScriptWithWeightCountsWhenItHasRun: until then it neither adds nor takes, and nothing waits for it.
func TestScriptWithWeightCountsWhenItHasRun(t *testing.T) {
	for _, tt := range []struct {
		tracker           TrackSpec
		unknown, up, down uint8
	}{
		{TrackSpec{ID: chk, Weight: 20}, 100, 120, 100},
		{TrackSpec{ID: chk, Weight: -20}, 100, 100, 80},
		{TrackSpec{ID: chk, Weight: 20, Reverse: true}, 100, 80, 100},
		{TrackSpec{ID: chk, Weight: -20, Reverse: true}, 100, 100, 120},
	} {
		r := newEngineRig(t).apply(instance("V", 51, tracking(tt.tracker))).expectStates("V=BACKUP")
		for _, step := range []struct {
			tell func()
			want uint8
		}{{func() {}, tt.unknown}, {func() { r.script(track.Up) }, tt.up}, {func() { r.script(track.Down) }, tt.down}} {
			step.tell()
			if s, _ := r.Status(); s[0].Priority != step.want {
				t.Errorf("%+v: priority %d, want %d", tt.tracker, s[0].Priority, step.want)
			}
		}
	}
}

// TestWeightsMeanNothingToAnOwner: a file whose product would be FAULT for others does not stop it either.
func TestWeightsMeanNothingToAnOwner(t *testing.T) {
	file := track.ID{Kind: track.File, Name: "load"}
	for _, tt := range []struct {
		priority uint8
		want     string
	}{{255, "V=MASTER"}, {200, "V=FAULT"}} {
		r := newEngineRig(t).apply(instance("V", 51, tracking(TrackSpec{ID: file, Weight: 1}),
			func(s *InstanceSpec) { s.Priority, s.StartMaster = tt.priority, tt.priority == 255 })).until(4 * time.Second)
		r.record(r.Track(Instant(r.clock), file, -300)).expectStates(tt.want)
	}
}

// TestVRRPCase20: a script without weight that fails is FAULT for the master and for the other members of its group, with
// adverts of priority 0 from each; keepalived sends two of the one whose script it is.
func TestVRRPCase20(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1, tracking(TrackSpec{ID: chk})), instance("G.b", 2)).script(track.Up).
		until(4 * time.Second).expectStates("G.a=MASTER G.b=MASTER [G=MASTER]").forget()
	r.script(track.Down).expect(
		"4s G.a send 0", "4s G.a report sent 0", "4s G.a MASTER→FAULT (fault) priority 100", "4s G.a cancel announcements", "4s G.a release",
		"4s G.b send 0", "4s G.b report sent 0", "4s G.b MASTER→FAULT (group) priority 100", "4s G.b cancel announcements", "4s G.b release",
		"4s group G MASTER→FAULT")
	r.script(track.Up).expectStates("G.a=BACKUP G.b=BACKUP [G=BACKUP]").until(8 * time.Second).
		expectStates("G.a=MASTER G.b=MASTER [G=MASTER]")
}

// TestVRRPCase21: a script with weight that fails sends no packet of its own; the next advert has the new priority.
func TestVRRPCase21(t *testing.T) {
	r := newEngineRig(t).apply(instance("V", 51, tracking(TrackSpec{ID: chk, Weight: -20}))).script(track.Up).
		until(4 * time.Second).forget()
	r.script(track.Down).expect("4s V report priority 100/80")
	r.until(5 * time.Second).expect("4.609375s V send 80")
	r.script(track.Up).until(6*time.Second).expect("5s V report priority 80/100", "5.609375s V send 100")
}

// TestGroupWaitsForTheScriptOfAMember: the others of its group have no state before it.
func TestGroupWaitsForTheScriptOfAMember(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1), instance("G.b", 2, tracking(TrackSpec{ID: chk})))
	r.until(9 * time.Second).expectStates("G.a=INIT G.b=INIT [G=INIT]")
	r.forget().script(track.Down).expectStates("G.a=FAULT G.b=FAULT [G=FAULT]")
	r.script(track.Up).until(13 * time.Second).expectStates("G.a=MASTER G.b=MASTER [G=MASTER]")

	r.apply(instance("G.a", 1), instance("G.b", 2, tracking(TrackSpec{ID: chk})),
		instance("G.c", 3, tracking(TrackSpec{ID: track.ID{Kind: track.Script, Name: "slow"}})))
	r.until(20 * time.Second).expectStates("G.a=MASTER G.b=MASTER G.c=INIT [G=MASTER]")
	r.record(r.Track(Instant(r.clock), track.ID{Kind: track.Script, Name: "slow"}, track.Up))
	r.until(24 * time.Second).expectStates("G.a=MASTER G.b=MASTER G.c=MASTER [G=MASTER]")
}

// TestReloadThatAddsAScriptLeavesTheMaster: until the script has run it counts as up.
func TestReloadThatAddsAScriptLeavesTheMaster(t *testing.T) {
	r := newEngineRig(t).apply(instance("V", 51)).until(4 * time.Second).forget()
	r.apply(instance("V", 51, tracking(TrackSpec{ID: chk}))).until(6*time.Second).expect("4s V configure", "4s V send 100", "5s V send 100", "6s V send 100")
	r.script(track.Up).expectStates("V=MASTER").script(track.Down).expectStates("V=FAULT")
	r.apply(instance("V", 51)).expectStates("V=BACKUP") // nothing is left that says otherwise
}

// TestReloadThatDropsTheScriptThatIsWaitedFor: nothing is waited for any more.
func TestReloadThatDropsTheScriptThatIsWaitedFor(t *testing.T) {
	r := newEngineRig(t).apply(instance("V", 51, tracking(TrackSpec{ID: chk}))).until(time.Second).expectStates("V=INIT")
	r.apply(instance("V", 51)).expectStates("V=BACKUP")
}

// TestResumedMastershipWaitsForAScriptWithinItsTime: a process that was killed and comes back takes up mastership when its
// script has run, unless somebody else may have taken over by then; the addresses are gone before that.
func TestResumedMastershipWaitsForAScriptWithinItsTime(t *testing.T) {
	begin := func() *engineRig {
		r := newEngineRig(t)
		r.started = func(confparse.InstanceName) Started {
			return Started{LinkUp: true, Source: routerB, Silence: time.Second}
		}
		return r.apply(instance("V", 51, tracking(TrackSpec{ID: chk})))
	}
	begin().expect("0s V start").until(2 * time.Second).script(track.Up).expectStates("V=MASTER")
	begin().until(2 * time.Second).script(track.Down).expectStates("V=FAULT")
	begin().forget().until(3 * time.Second).expect("2.0078125s V release").script(track.Up).expectStates("V=BACKUP")
	begin().forget().do("V", Stop{}).expect("0s V release", "0s V stopped")
	slow := begin()
	slow.clock = 3 * time.Second // the value comes before the timer is looked at
	slow.script(track.Up).expectStates("V=BACKUP")

	changed := instance("V", 51, tracking(TrackSpec{ID: chk}))
	changed.Addresses = nil
	begin().forget().apply(changed).expect("0s V configure") // nothing is installed or removed before it is decided
}
