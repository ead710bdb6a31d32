package vrrp

import (
	"fmt"
	"slices"

	"vigil/internal/track"
	"vigil/vrrp/election"
)

// logTracked tells each virtual router that follows a BFD session or a file what has become of it, as keepalived does. Other
// kinds are told of by who watches them.
func (r *Runner) logTracked(t trackedValue) {
	switch {
	case t.id.Kind == track.BFD && t.changed:
		state := "DOWN"
		if t.value == track.Up {
			state = "UP"
		}
		r.followers(t.id, func(in *virtualRouter, _ election.TrackSpec) {
			r.log.Info(fmt.Sprintf("VRRP_Instance(%s) Tracked BFD instance %s is %s", in.spec.Name, t.id.Name, state))
		})
	case t.id.Kind == track.File && t.before != nil:
		r.followers(t.id, func(in *virtualRouter, by election.TrackSpec) {
			if by.Weight != 0 && in.spec.Priority == election.OwnerPriority {
				return // a weight means nothing to an owner
			}
			switch was, is := by.Fails(*t.before), by.Fails(t.value); {
			case is && !was:
				in.log.tracked("tracked file %s now FAULT state", t.id.Name)
			case was && !is:
				in.log.tracked("tracked file %s leaving FAULT state", t.id.Name)
			}
		})
	}
}

// followers calls visit with each virtual router that follows an object.
func (r *Runner) followers(id track.ID, visit func(*virtualRouter, election.TrackSpec)) {
	for _, in := range r.all() {
		if i := slices.IndexFunc(in.spec.Trackers, func(s election.TrackSpec) bool { return s.ID == id }); i >= 0 {
			visit(in, in.spec.Trackers[i])
		}
	}
}

// logFirstFaults says why a virtual router begins in FAULT, where keepalived has a line for it.
func (r *Runner) logFirstFaults(in *virtualRouter) {
	why, _ := r.engine.Explain(r.now(), in.handle)
	for _, f := range why.Faults {
		switch {
		case f.Kind == election.FaultLink && in.spec.Link == "":
			in.log.tracked("entering FAULT state (address %s is on no interface%s that is up)", in.spec.Source, inVRF(&in.spec))
		case f.Kind == election.FaultLink:
			in.log.tracked("entering FAULT state (interface %s down)", in.spec.Link)
		case f.Kind == election.FaultTracker && f.Tracker.Kind == track.Interface:
			in.log.tracked("entering FAULT state (interface %s down)", f.Tracker.Name)
		case f.Kind == election.FaultTracker && f.Tracker.Kind == track.File:
			in.log.tracked("entering FAULT state (tracked file %s has status %d)", f.Tracker.Name, -election.OwnerPriority+1)
		case f.Kind == election.FaultTracker && f.Tracker.Kind == track.Process:
			in.log.infof("entering FAULT state (tracked process %s quorum not achieved)", f.Tracker.Name)
		}
	}
}

// tracked writes a line of those that keepalived begins with the name and a colon.
func (l instanceLog) tracked(format string, args ...any) {
	l.logger.Info("(" + string(l.name) + "): " + fmt.Sprintf(format, args...))
}
