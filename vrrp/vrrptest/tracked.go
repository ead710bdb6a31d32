package vrrptest

import (
	"vigil/internal/track"
	"vigil/vrrp/election"
)

// What tracked objects do to a virtual router, by keepalived's rules: of what the judge and the Keepalived make of them,
// nothing is the Engine's.

// effective is the priority of s with what the known values add to it.
func effective(s *election.InstanceSpec, values map[track.ID]int) uint8 {
	if s.Priority == election.OwnerPriority {
		return election.OwnerPriority
	}
	total := int(s.Priority)
	for _, t := range s.Trackers {
		v, known := values[t.ID]
		w := t.Weight
		switch {
		case t.ID.Kind == track.File:
			w *= v
		case !known || (w > 0) != (v != track.Down):
			w = 0
		}
		if t.Reverse {
			w = -w
		}
		total += w
	}
	return uint8(max(1, min(election.OwnerPriority-1, total)))
}

// vetoes reports whether a tracked object of that value alone keeps a router in FAULT.
func vetoes(t election.TrackSpec, value int) bool {
	return t.Weight == 0 && (value != track.Down) == (t.Reverse != (t.ID.Kind == track.File))
}
