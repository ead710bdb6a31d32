package election

import (
	"fmt"
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
	for first := true; ; first = false {
		if d, _ := r.Deadline(); d > due {
			break
		}
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

// TestTrackersAreToldInOrder: a value that changes before all routers have been told of it reaches each of them, and so does
// the next one.
func TestTrackersAreToldInOrder(t *testing.T) {
	r, _ := newsRig(t)
	now := Instant(r.clock)
	failed, recovered := make(map[confparse.InstanceName]int), make(map[confparse.InstanceName]int)
	note := func(actions []InstanceAction) {
		down, _ := changes(actions, Fault)
		for _, name := range down {
			failed[name]++
		}
		up, _ := changes(actions, Backup)
		for _, name := range up {
			recovered[name] = failed[name]
		}
	}
	for _, value := range []int{track.Down, track.Up, track.Down, track.Up} {
		note(r.Track(now, chk, value))
	}
	for d, _ := r.Deadline(); d <= now; d, _ = r.Deadline() {
		note(r.Wake(now))
	}
	if len(failed) != followers || len(recovered) != followers {
		t.Fatalf("%d failed, %d recovered", len(failed), len(recovered))
	}
	for name, n := range recovered {
		if n != 2 || failed[name] != 2 {
			t.Errorf("%s failed %d times, and recovered last after %d", name, failed[name], n)
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
	if d, _ := r.Deadline(); d <= now {
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
