package election

import (
	"testing"
	"time"

	"vigil/internal/track"
)

// TestEffectivePriority: the configured priority plus weights, within 1..254; an owner's never changes.
func TestEffectivePriority(t *testing.T) {
	for _, tt := range []struct {
		name     string
		base     uint8
		tracks   []TrackSpec
		up, down uint8 // with eth1 up and down
	}{
		{"positive weight", 100, []TrackSpec{{ID: eth1, Weight: 30}}, 130, 100},
		{"negative weight", 100, []TrackSpec{{ID: eth1, Weight: -30}}, 100, 70},
		{"positive reversed", 100, []TrackSpec{{ID: eth1, Weight: 30, Reverse: true}}, 70, 100},
		{"negative reversed", 100, []TrackSpec{{ID: eth1, Weight: -30, Reverse: true}}, 100, 130},
		{"another interface", 100, []TrackSpec{{ID: eth2, Weight: -30}}, 100, 100},
		{"sum", 100, []TrackSpec{{ID: eth1, Weight: -30}, {ID: eth2, Weight: 7}}, 107, 77},
		{"not below 1", 100, []TrackSpec{{ID: eth1, Weight: -253}}, 100, 1},
		{"not above 254", 200, []TrackSpec{{ID: eth1, Weight: 253}}, 254, 200},
		{"the sum is clamped, not the parts", 200, []TrackSpec{{ID: eth2, Weight: 253}, {ID: eth1, Weight: -253}},
			254, 200},
		{"owner", 255, []TrackSpec{{ID: eth1, Weight: -30}}, 255, 255},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewMachine(spec2(priority(tt.base), func(s *InstanceSpec) { s.Trackers = tt.tracks }))
			for _, up := range []bool{true, false, true} {
				want, value := tt.down, track.Down
				if up {
					want, value = tt.up, track.Up
				}
				m.Step(0, TrackerChanged{eth1, value})
				if got := m.Status().Priority; got != want {
					t.Errorf("up %t: priority %d, want %d", up, got, want)
				}
			}
		})
	}
}

// TestPriorityChangeMovesTheTimer: a BACKUP expires later by what its master-down interval grew.
func TestPriorityChangeMovesTheTimer(t *testing.T) {
	tracked := spec2(func(s *InstanceSpec) { s.Trackers = []TrackSpec{{ID: eth1, Weight: -50}} })
	r := newRig(t, tracked).up().forget().until(2 * time.Second).do(TrackerChanged{eth1, track.Down})
	r.expect("2s report priority 100/50")
	if d, _ := r.Deadline(); time.Duration(d) != 3804687500 {
		t.Errorf("deadline %v", time.Duration(d))
	}
	r.do(TrackerChanged{eth1, track.Up})
	if d, _ := r.Deadline(); time.Duration(d) != 3609375*time.Microsecond {
		t.Errorf("deadline %v", time.Duration(d))
	}
}

// TestPriorityChangeOfMaster: no extra advert; the next one carries the new value.
func TestPriorityChangeOfMaster(t *testing.T) {
	tracked := spec2(func(s *InstanceSpec) { s.Trackers = []TrackSpec{{ID: eth1, Weight: -20}} })
	r := newRig(t, tracked).master().do(TrackerChanged{eth1, track.Down}).until(5 * time.Second)
	r.expect("3.609375s report priority 100/80", "4.609375s send 80")
}
