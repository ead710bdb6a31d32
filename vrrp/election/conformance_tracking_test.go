package election

import (
	"testing"
	"time"

	"vigil/internal/track"
)

// TestVRRPCase22: an interface with weight -30 that goes down costs a priority of 100 30 points; one without weight is FAULT.
func TestVRRPCase22(t *testing.T) {
	r := newEngineRig(t).apply(instance("W", 1, tracking(TrackSpec{ID: eth1, Weight: -30})), instance("F", 2, tracking(TrackSpec{ID: eth1}))).
		until(4 * time.Second).expectStates("W=MASTER F=MASTER")
	r.forget().record(r.Track(Instant(r.clock), eth1, track.Down)).expectStates("W=MASTER F=FAULT")
	r.forget().until(5 * time.Second).expect("4.609375s W send 70")
	r.record(r.Track(Instant(r.clock), eth1, track.Up)).forget().until(9 * time.Second).expectStates("W=MASTER F=MASTER")
	if s, _ := r.Status(); s[0].Priority != 100 {
		t.Errorf("priority %d when the interface is back", s[0].Priority)
	}
}

// TestVRRPCase23: of a sync group of priorities 100 and 110 neither announces itself before 3.609 s, and then both do at once.
func TestVRRPCase23(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1, priority(110)), instance("G.b", 2)).forget()
	r.until(3609 * time.Millisecond).expect("3.5703125s G.a report timeout")
	r.until(3610 * time.Millisecond).expectStates("G.a=MASTER G.b=MASTER [G=MASTER]")
	var sent []string
	for _, l := range r.lines {
		if l == "3.609375s G.a send 110" || l == "3.609375s G.b send 100" {
			sent = append(sent, l)
		}
	}
	if len(sent) != 2 {
		t.Errorf("adverts %q of %q", sent, r.lines)
	}
}
