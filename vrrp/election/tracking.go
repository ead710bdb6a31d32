package election

import (
	"slices"

	"vigil/confparse"
	"vigil/internal/track"
)

// value returns the last word about a tracked object. One never heard of counts as up, a file as 0; of a script that has
// not run yet see points and undecided.
func (m *Machine) value(id track.ID) int {
	if v, ok := m.values[id]; ok || id.Kind == track.File {
		return v
	}
	return track.Up
}

// Contribution is what one tracked object adds to the priority.
type Contribution struct {
	Tracker TrackSpec
	Value   int
	Points  int
}

// Veto is what a tracked object without weight says: whether the router may stand for election at all.
type Veto struct {
	Tracker TrackSpec
	Value   int
	Known   bool // false: a script that has not run yet
	Fails   bool
}

// effectivePriority is the configured priority plus what the weighted trackers contribute, within 1..254. An owner's
// never changes (RFC 9568 §5.2.4).
func (m *Machine) effectivePriority() uint8 {
	if m.spec.Priority == OwnerPriority {
		return OwnerPriority
	}
	total := int(m.spec.Priority)
	for _, t := range m.spec.Trackers {
		total += m.points(t)
	}
	return uint8(max(1, min(OwnerPriority-1, total)))
}

// points is what a tracker contributes. A script that has not run yet says nothing for or against the router.
func (m *Machine) points(t TrackSpec) int {
	if _, known := m.values[t.ID]; !known && t.ID.Kind == track.Script {
		return 0
	}
	return t.Points(m.value(t.ID))
}

// undecided reports whether a script without weight has not run yet: whether the router may stand for election at all is
// not known then. keepalived has a router wait for that at its start, and not at a reload.
func (m *Machine) undecided() bool {
	return slices.ContainsFunc(m.spec.Trackers, func(t TrackSpec) bool {
		_, known := m.values[t.ID]
		return !known && t.ID.Kind == track.Script && t.Weight == 0
	})
}

// Points is a positive weight while the tracked object is up and a negative one while it is down; of a file, its number
// times the weight. Reverse negates it.
func (t TrackSpec) Points(value int) int {
	w := t.Weight
	switch {
	case t.ID.Kind == track.File:
		w = product(value, w)
	case (w > 0) != (value != track.Down):
		w = 0
	}
	if t.Reverse {
		return -w
	}
	return w
}

// product is that of a file's number and its weight, as far as it can matter.
func product(value, weight int) int {
	return max(-OwnerPriority+1, min(OwnerPriority-2, max(-OwnerPriority, min(OwnerPriority, value))*weight))
}

// Fails reports whether the tracked object alone makes the router FAULT: it is down, a file's number is not 0, or a
// file's product is so low that no priority could make up for it. Reverse inverts the first two.
func (t TrackSpec) Fails(value int) bool {
	switch {
	case t.Weight != 0:
		return t.ID.Kind == track.File && t.Points(value) <= -OwnerPriority+1
	case t.ID.Kind == track.File:
		return (value != 0) != t.Reverse
	}
	return (value != track.Down) == t.Reverse
}

// reprioritize follows a change of the effective priority. A waiting BACKUP expires earlier or later by as much as its
// Active_Down_Interval changed; a MASTER says so in its next advert.
func (m *Machine) reprioritize(now Instant) {
	p := m.effectivePriority()
	if p == m.priority || m.phase == resigning {
		return
	}
	old, before := m.priority, m.activeDownInterval()
	m.priority = p
	if m.phase != running {
		return
	}
	m.emit(Report{Kind: ReportPriorityChanged, Theirs: int(old), Ours: int(p)})
	m.tellPriority()
	if m.state == Backup {
		m.timers.activeDown = max(now, m.timers.activeDown.Add(m.activeDownInterval()-before))
	}
}

// FaultReason is one reason for FAULT.
type FaultReason struct {
	Kind    FaultKind
	Tracker track.ID               // of FaultTracker
	Member  confparse.InstanceName // of FaultGroup
}

// FaultKind is the kind of a FaultReason.
type FaultKind uint8

// The kinds.
const (
	FaultLink      FaultKind = iota + 1 // the interface is missing, down or without carrier
	FaultSource                         // the interface has no address that adverts could leave from
	FaultTracker                        // a tracked object without weight is down
	FaultResources                      // none of the advertised addresses could be installed
	FaultGroup                          // another member of the sync group is in FAULT
	FaultNoPeers                        // unicast_fault_no_peer, and there is none
	FaultNoKey                          // the active key of auth_hmac is not known
)

// refreshFaults recomputes the reasons for FAULT.
func (m *Machine) refreshFaults() {
	m.faults = m.faults[:0]
	add := func(is bool, f FaultReason) {
		if is {
			m.faults = append(m.faults, f)
		}
	}
	add(m.spec.Unusable != 0, FaultReason{Kind: m.spec.Unusable})
	add(m.spec.TrackLink && !m.linkUp, FaultReason{Kind: FaultLink})
	add(!m.source.IsValid(), FaultReason{Kind: FaultSource})
	for _, t := range m.spec.Trackers {
		if m.spec.Priority == OwnerPriority && t.Weight != 0 {
			continue // a weight means nothing to an owner
		}
		add(t.Fails(m.value(t.ID)), FaultReason{Kind: FaultTracker, Tracker: t.ID})
	}
	add(m.unserved, FaultReason{Kind: FaultResources})
	add(m.groupFault != "", FaultReason{Kind: FaultGroup, Member: m.groupFault})
}

// faulty reports whether there is a reason of the router's own.
func (m *Machine) faulty() bool {
	return slices.ContainsFunc(m.faults, func(f FaultReason) bool { return f.Kind != FaultGroup })
}

// checkFaults enters FAULT with the first reason and leaves it with the last.
func (m *Machine) checkFaults(now Instant) {
	m.refreshFaults()
	switch {
	case m.phase == resigning && m.faulty():
		m.finish() // nobody can be served any more
	case m.phase != running:
	case len(m.faults) > 0 && m.state != Fault:
		m.toFault(now, m.faultCause())
	case len(m.faults) == 0 && m.state == Fault:
		m.leaveFault(now, CauseFaultCleared)
	}
}

func (m *Machine) faultCause() Cause {
	switch {
	case m.unserved:
		return CauseEffectFailed
	case m.faulty():
		return CauseFault
	}
	return CauseGroup
}
