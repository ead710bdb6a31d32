package vrrp

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/election"
)

// TestTrackedAreTakenOneByOne: however many objects say something at once, what else is due comes between them; none of them is
// forgotten, and what is said meanwhile comes after.
func TestTrackedAreTakenOneByOne(t *testing.T) {
	const objects = 20
	tracked := NewTracked()
	file := func(i int) track.ID { return track.ID{Kind: track.File, Name: strconv.Itoa(i)} }
	for i := range objects {
		tracked.Set(file(i), i)
	}
	tracked.Forget(file(3))
	var values []int
	for len(tracked.wake) > 0 {
		<-tracked.wake
		if v, ok := tracked.take(); ok {
			values = append(values, v.value)
		}
		if len(values) == 1 {
			tracked.Set(file(objects), objects)
		}
	}
	var all []int
	for i := range objects + 1 {
		if i != 3 {
			all = append(all, i)
		}
	}
	want(t, "taken", values, all)
}

// TestTrackedObjects: what is told before a router begins it begins with, what is told later reaches it, and a router
// that comes by a reload knows what the others do.
func TestTrackedObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		script, process := track.ID{Kind: track.Script, Name: "chk"}, track.ID{Kind: track.Process, Name: "chk"}
		v := testInstance("V", 51, 100)
		v.Trackers = []election.TrackSpec{{ID: script}, {ID: process, Weight: -20}}
		tracked := NewTracked()
		tracked.Set(process, track.Down)
		a := start(t, n.newHost("10.77.0.1/24"), Options{Tracked: tracked}, v)
		want(t, "before the script has run", []any{a.state("V"), a.Status().Instances[0].Priority}, []any{election.Init, uint8(80)})
		a.Track(script, track.Up)
		want(t, "after it", a.state("V"), election.Backup)
		time.Sleep(4 * time.Second)
		want(t, "elected", a.state("V"), election.Master)
		tracked.Set(process, track.Up)
		tracked.Set(process, track.Down)
		tracked.Set(process, track.Up)
		tracked.Set(script, track.Down)
		want(t, "script failed", a.state("V"), election.Fault)

		w := testInstance("W", 52, 100)
		w.Trackers = v.Trackers
		a.apply(v, w)
		want(t, "the second", a.state("W"), election.Fault)
		want(t, "its priority", a.Status().Instances[1].Priority, uint8(100))
		a.Track(script, track.Up)
		want(t, "both", []election.State{a.state("V"), a.state("W")}, []election.State{election.Backup, election.Backup})

		a.Track(script, track.Down)
		want(t, "both again", []election.State{a.state("V"), a.state("W")}, []election.State{election.Fault, election.Fault})
		tracked.Forget(script)
		w.Trackers = nil
		x := testInstance("X", 53, 100)
		x.Trackers = v.Trackers[:1]
		a.apply(w, x)
		want(t, "one that does not reference it, and one that does when nothing is known", []election.State{a.state("W"), a.state("X")},
			[]election.State{election.Backup, election.Init})
	})
}
