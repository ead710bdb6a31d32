package vrrp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/election"
)

// TestTrackersAndWhatComesOfThem: for each object, by kind and name, what each router makes of it.
func TestTrackersAndWhatComesOfThem(t *testing.T) {
	script := track.ID{Kind: track.Script, Name: "s"}
	idle := track.ID{Kind: track.Script, Name: "idle"}
	file := track.ID{Kind: track.File, Name: "f"}
	session := track.ID{Kind: track.BFD, Name: "b"}
	at := time.Unix(1000, 0)
	router := func(name confparse.InstanceName, priority uint8, trackers ...election.TrackSpec) InstanceStatus {
		return InstanceStatus{Name: name, BasePriority: priority, Spec: election.InstanceSpec{Priority: priority, Trackers: trackers}}
	}
	a := router("A", 100, election.TrackSpec{ID: track.InterfaceID("eth1"), Weight: 5}, election.TrackSpec{ID: script, Weight: -20},
		election.TrackSpec{ID: file}, election.TrackSpec{ID: idle, Weight: 7})
	b := router("B", election.OwnerPriority, election.TrackSpec{ID: script, Weight: -20}, election.TrackSpec{ID: session}, election.TrackSpec{ID: file, Reverse: true})
	leaving := router("A", 100, election.TrackSpec{ID: session, Weight: 3})
	leaving.Resigning = true
	got := trackersOf([]InstanceStatus{leaving, a, b}, known{values: map[track.ID]int{script: track.Down, file: 3, session: track.Up},
		since: map[track.ID]time.Time{script: at, file: at, session: at},
		runs:  map[track.ID]track.RunState{script: track.Killing, idle: track.Idle}})
	want := []TrackerStatus{
		{ID: idle, Value: track.Up, Runs: true, Effects: []TrackerEffect{{Instance: "A", Weight: 7}}},
		{ID: script, Known: true, Value: track.Down, Since: at, Runs: true, Run: track.Killing, Effects: []TrackerEffect{{Instance: "A", Weight: -20, Points: -20}, {Instance: "B", Weight: -20}}},
		{ID: file, Known: true, Value: 3, Since: at, Effects: []TrackerEffect{{Instance: "A", Fault: true}, {Instance: "B", Reverse: true}}},
		{ID: session, Known: true, Value: track.Up, Since: at, Effects: []TrackerEffect{{Instance: "B"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var states []string
	for _, s := range got {
		states = append(states, s.State())
	}
	if diff := cmp.Diff([]string{"unknown", "down", "down", "up"}, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(newMetrics(func() Status { return Status{} }, func() []TrackerStatus { return got }))
	series := gathered(t, reg)
	for name, want := range map[string]float64{
		"keepalived_script_status{name=s}":                                 0,
		"keepalived_script_state{name=s}":                                  3,
		"keepalived_script_state{name=idle}":                               0,
		"keepalived_vrrp_tracker_value{kind=file,name=f}":                  3,
		"keepalived_vrrp_tracker_since_timestamp_seconds{kind=bfd,name=b}": 1000,
		"keepalived_vrrp_tracker_points{iname=A,kind=script,name=s}":       -20,
		"keepalived_vrrp_tracker_points{iname=A,kind=script,name=idle}":    0,
		"keepalived_vrrp_tracker_fault{iname=A,kind=file,name=f}":          1,
		"keepalived_vrrp_tracker_fault{iname=B,kind=file,name=f}":          0,
	} {
		if v, is := series[name]; !is || v != want {
			t.Errorf("%s is %v (%v), want %v", name, v, is, want)
		}
	}
	if _, is := series["keepalived_script_status{name=idle}"]; is {
		t.Error("a script that has not run has a status")
	}
	if _, is := series["keepalived_script_state{name=f}"]; is {
		t.Error("a file is run")
	}
}
