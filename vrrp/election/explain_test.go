package election

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/track"
)

// TestExplain: who caused the last transition, what the priority is made of, what keeps the router in FAULT, and what
// comes next.
func TestExplain(t *testing.T) {
	script := track.ID{Kind: track.Script, Name: "eth1"}
	file := track.ID{Kind: track.File, Name: "load"}
	trackers := []TrackSpec{{ID: eth1, Weight: -30}, {ID: script}, {ID: file, Weight: 2}, {ID: eth2, Weight: 5}}
	r := newRig(t, spec2(func(s *InstanceSpec) { s.Trackers = trackers })).
		do(TrackerChanged{eth1, track.Down}).do(TrackerChanged{file, -4}).do(TrackerChanged{script, track.Up}).up()
	check := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got, addrCmp); diff != "" {
			t.Errorf("%s (-want +got)\n%s", what, diff)
		}
	}
	e := r.Explain()
	check("contributions", e.Contributions, []Contribution{
		{trackers[0], track.Down, -30}, {trackers[2], -4, -8}, {trackers[3], track.Up, 5}})
	check("priority", []uint8{e.BasePriority, e.Priority}, []uint8{100, 67})
	check("first", e.Last, Transition{From: Init, To: Backup, Cause: CauseStart})
	check("timer", []any{e.Timer, e.Deadline}, []any{TimerActiveDown, Instant(3738281250)})

	r.until(time.Second).hear(150).until(5 * time.Second).expectState(Master)
	e = r.Explain()
	check("after a timeout", e.Last, Transition{From: Backup, To: Master, Cause: CauseTimeout, At: Instant(4738281250), By: Peer{
		Source: routerA, Priority: 150, Interval: time.Second, Heard: Instant(time.Second)}})
	check("timer", e.Timer, TimerAdvert)

	r.hear(150)
	check("after giving way", r.Explain().Last, Transition{From: Master, To: Backup, Cause: CauseHigherPriority, At: Instant(5 * time.Second),
		By: Peer{Source: routerA, Priority: 150, Interval: time.Second, Heard: Instant(5 * time.Second)}})
	check("timer", r.Explain().Timer, TimerRelease)

	// Each reason has its name, and the script is not the interface.
	r.do(TrackerChanged{script, track.Down}).do(SourceChanged{}).do(LinkChanged{}).do(groupFault{"other"})
	e = r.Explain()
	check("faults", e.Faults, []FaultReason{{Kind: FaultLink}, {Kind: FaultSource}, {Kind: FaultTracker, Tracker: script},
		{Kind: FaultGroup, Member: "other"}})
	check("no timer", []any{e.Timer, e.Deadline}, []any{TimerNone, Never})
	r.do(TrackerChanged{script, track.Up}).do(SourceChanged{routerB}).do(LinkChanged{Up: true})
	check("the last fault", r.Explain().Faults, []FaultReason{{Kind: FaultGroup, Member: "other"}})
	r.do(groupFault{}).expectState(Backup)
	check("none", len(r.Explain().Faults), 0)

	owner := newRig(t, spec2(priority(255), func(s *InstanceSpec) { s.StartMaster, s.Trackers = true, trackers }))
	owner.do(TrackerChanged{script, track.Up}).do(Started{LinkUp: true, Source: routerB, Delay: time.Second})
	check("owner", []any{len(owner.Explain().Contributions), owner.Explain().Timer}, []any{0, TimerStartup})
}

// TestEngineTrack: one value reaches all that reference the object, those that come later too, and nobody else.
func TestEngineTrack(t *testing.T) {
	tracking := func(id track.ID, weight int) func(*InstanceSpec) {
		return func(s *InstanceSpec) { s.Trackers = append(s.Trackers, TrackSpec{ID: id, Weight: weight}) }
	}
	script := track.ID{Kind: track.Script, Name: "eth1"}
	a := instance("A", 1, tracking(eth1, -10))
	b := instance("B", 2, tracking(script, -20))
	c := instance("C", 3, tracking(eth1, 0), tracking(eth1, 5))
	r := newEngineRig(t).apply(a, b, c).forget()
	r.record(r.Track(0, eth1, track.Down)).expect("0s A report priority 100/90", "0s C report priority 105/100",
		"0s C BACKUP→FAULT (fault) priority 100")
	r.record(r.Track(0, eth1, track.Down)).expect() // nothing new
	r.record(r.Track(0, script, track.Down)).expect("0s B report priority 100/80")
	r.record(r.Track(0, eth2, track.Down)).expect() // referenced by nobody, and forgotten
	d := instance("D", 4, tracking(eth1, 0), tracking(eth2, 0))
	r.apply(a, b, c, d).expect("0s D start", "0s D release", "0s D INIT→FAULT (fault) priority 100 initial")
	b.Trackers = append(b.Trackers, TrackSpec{ID: eth1, Weight: -30})
	r.apply(a, b, c, d).expect("0s B configure", "0s B report priority 80/50")
	r.record(r.Track(0, eth1, track.Up)).expect("0s A report priority 90/100", "0s B report priority 50/80",
		"0s C report priority 100/105", "0s C FAULT→BACKUP (fault cleared) priority 105", "0s D FAULT→BACKUP (fault cleared) priority 100")
	r.apply(b) // nobody tracks eth2 any more
	if len(r.values) != 2 {
		t.Errorf("remembered: %v", r.values)
	}
	h := r.handles["B"]
	if e, ok := r.Engine.Explain(0, h); !ok || e.Priority != 80 {
		t.Errorf("%+v, %t", e, ok)
	}
	r.record(r.Stop(0))
	if _, ok := r.Engine.Explain(0, h); ok {
		t.Error("explained what has gone")
	}
}

// TestFileTrackers: the number in a file times the weight; without weight, not 0 means FAULT.
func TestFileTrackers(t *testing.T) {
	file := track.ID{Kind: track.File, Name: "f"}
	for _, tt := range []struct {
		spec  TrackSpec
		value int
		want  uint8 // priority; 0 = FAULT
	}{
		{TrackSpec{ID: file, Weight: 1}, 0, 100},
		{TrackSpec{ID: file, Weight: 1}, -40, 60},
		{TrackSpec{ID: file, Weight: 3}, 20, 160},
		{TrackSpec{ID: file, Weight: 3, Reverse: true}, 20, 40},
		{TrackSpec{ID: file, Weight: 254}, 1 << 40, 254},
		{TrackSpec{ID: file, Weight: 1}, -253, 1},
		{TrackSpec{ID: file, Weight: 1}, -254, 0},
		{TrackSpec{ID: file, Weight: 254}, -1 << 40, 0},
		{TrackSpec{ID: file}, 0, 100},
		{TrackSpec{ID: file}, -1, 0},
		{TrackSpec{ID: file, Reverse: true}, 0, 0},
		{TrackSpec{ID: file, Reverse: true}, 7, 100},
	} {
		r := newRig(t, spec2(func(s *InstanceSpec) { s.Trackers = []TrackSpec{tt.spec} })).do(TrackerChanged{file, tt.value}).up()
		switch st := r.Status(); {
		case tt.want == 0 && st.State != Fault, tt.want != 0 && (st.State != Backup || st.Priority != tt.want):
			t.Errorf("%+v at %d: %v, priority %d, want %d", tt.spec, tt.value, st.State, st.Priority, tt.want)
		}
	}
}
