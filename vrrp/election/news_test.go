package election

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
)

// followers is how many routers track the script chk here: more than two portions, and not a whole number of them.
const followers = 5*portion/2 + 1

// newsRig is an Engine with one router M and the followers, all of them MASTER, the latter with later adverts.
func newsRig(t *testing.T) (*engineRig, []InstanceSpec) {
	list := []InstanceSpec{instance("M", 1)}
	for i := range followers {
		list = append(list, instance(fmt.Sprintf("V%02d", i), uint8(2+i), priority(50), tracking(TrackSpec{ID: chk})))
	}
	return newEngineRig(t).apply(list...).script(track.Up).until(4 * time.Second), list
}

// changes returns the routers that are told to change to a state, and where among them M sends an advert; -1 if it does not.
func changes(actions []InstanceAction, to State) (names []confparse.InstanceName, advert int) {
	advert = -1
	for _, a := range actions {
		switch act := a.Action.(type) {
		case StateChanged:
			if act.To == to {
				names = append(names, a.Name)
			}
		case SendAdvert:
			if a.Name == "M" {
				advert = len(names)
			}
		}
	}
	return names, advert
}

// TestAdvertsDoNotWaitForTrackers: when a script that many routers track fails, an advert that is due leaves before all of
// them have been told; they are told in their order, each once, and without any delay.
func TestAdvertsDoNotWaitForTrackers(t *testing.T) {
	r, list := newsRig(t)
	due, _ := r.Deadline()
	told, advert := changes(r.Track(due, chk, track.Down), Fault)
	if len(told) != portion || advert >= 0 {
		t.Fatalf("at first %d are told, M's advert at %d", len(told), advert)
	}
	for first := true; r.Telling(); first = false {
		more, advert := changes(r.Wake(due), Fault)
		if first != (advert == 0) || len(more) > portion {
			t.Errorf("then %d, M's advert at %d", len(more), advert)
		}
		told = append(told, more...)
	}
	if len(told) != followers {
		t.Fatalf("%d of %d told: %v", len(told), followers, told)
	}
	for i, name := range told {
		if name != list[1+i].Name {
			t.Errorf("%s was told as number %d", name, i)
		}
	}
}

// TestTrackersAreToldInOrder: values that change before all routers have been told of them reach each of them, one after the
// other.
func TestTrackersAreToldInOrder(t *testing.T) {
	r, _ := newsRig(t)
	now := Instant(r.clock)
	states := make(map[confparse.InstanceName][]State)
	note := func(actions []InstanceAction) {
		for _, a := range actions {
			if c, ok := a.Action.(StateChanged); ok {
				states[a.Name] = append(states[a.Name], c.To)
			}
		}
	}
	for _, value := range []int{track.Down, track.Up, track.Down, track.Up} {
		note(r.Track(now, chk, value))
	}
	for r.Telling() {
		note(r.Wake(now))
	}
	if len(states) != followers {
		t.Fatalf("%d were told", len(states))
	}
	for name, got := range states {
		if want := []State{Fault, Backup, Fault, Backup}; !slices.Equal(got, want) {
			t.Errorf("%s was %v", name, got)
		}
	}
}

// TestTimersDoNotOvertakeNews: a router that is due to take over and has not been told yet that its script has failed is told
// first.
func TestTimersDoNotOvertakeNews(t *testing.T) {
	_, list := newsRig(t)
	r := newEngineRig(t).apply(list...).script(track.Up).until(3700 * time.Millisecond)
	due, _ := r.Deadline()
	r.Track(due, chk, track.Down)
	for r.Telling() {
		if rise, _ := changes(r.Wake(due), Master); len(rise) > 0 {
			t.Fatalf("%v took over", rise)
		}
	}
	machines, _ := r.Status()
	for _, m := range machines[1:] {
		if m.State != Fault {
			t.Errorf("%s is %v", m.Name, m.State)
		}
	}
}

// TestStartKnowsAllTrackers: a router that starts after many others of which the same is known begins with it.
func TestStartKnowsAllTrackers(t *testing.T) {
	var list []InstanceSpec
	for i := range portion + 2 {
		list = append(list, instance(fmt.Sprintf("V%02d", i), uint8(1+i), priority(OwnerPriority), tracking(TrackSpec{ID: eth1}),
			func(s *InstanceSpec) { s.StartMaster = true }))
	}
	r := newEngineRig(t)
	r.started = func(confparse.InstanceName) Started {
		r.record(r.Track(0, eth1, track.Down)) // as the shell does for each, before it starts
		return Started{LinkUp: true, Source: routerB}
	}
	r.apply(list...)
	for _, line := range r.lines {
		if strings.Contains(line, "MASTER") {
			t.Error(line)
		}
	}
	machines, _ := r.Status()
	for _, m := range machines {
		if m.State != Fault {
			t.Errorf("%s is %v", m.Name, m.State)
		}
	}
}

// TestReloadWhileTrackersAreTold: whoever comes or changes by a reload knows the last word, and nobody is told an earlier
// one afterwards; a stop ends all of them.
func TestReloadWhileTrackersAreTold(t *testing.T) {
	r, list := newsRig(t)
	now := Instant(r.clock)
	r.Track(now, chk, track.Down)
	r.Track(now, chk, track.Up)
	list[followers].Trackers = append(list[followers].Trackers, TrackSpec{ID: eth1, Weight: 10})
	r.apply(append(list, instance("W", 200, tracking(TrackSpec{ID: chk})))...)
	if r.Telling() {
		t.Error("somebody is still to be told")
	}
	machines, _ := r.Status()
	for _, m := range machines {
		want := Backup
		if m.Name == "M" {
			want = Master
		}
		if m.State != want {
			t.Errorf("%s is %v", m.Name, m.State)
		}
	}
	for name, stop := range map[string]func(*engineRig){
		"stop":         func(r *engineRig) { r.record(r.Stop(now)).until(time.Minute) },
		"stop at once": func(r *engineRig) { r.record(r.StopAtOnce(now)) },
	} {
		r, _ := newsRig(t)
		r.Track(now, chk, track.Down)
		stop(r)
		if _, ok := r.Deadline(); ok || !r.Idle() {
			t.Errorf("%s: not idle", name)
		}
	}
}
