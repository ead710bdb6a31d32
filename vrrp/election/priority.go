package election

import "slices"

// trackerState is the last word about a tracked object. One never heard of counts as up.
type trackerState struct {
	name string
	up   bool
}

func (m *Machine) track(name string, up bool) {
	i := slices.IndexFunc(m.trackers, func(t trackerState) bool { return t.name == name })
	if i < 0 {
		m.trackers = append(m.trackers, trackerState{name, up})
		return
	}
	m.trackers[i].up = up
}

func (m *Machine) trackerUp(name string) bool {
	i := slices.IndexFunc(m.trackers, func(t trackerState) bool { return t.name == name })
	return i < 0 || m.trackers[i].up
}

// effectivePriority is the configured priority plus what the weighted trackers contribute, within 1..254. An owner's
// never changes (RFC 9568 §5.2.4).
func (m *Machine) effectivePriority() uint8 {
	if m.spec.Priority == OwnerPriority {
		return OwnerPriority
	}
	total := int(m.spec.Priority)
	for _, t := range m.spec.TrackInterfaces {
		total += t.contribution(m.trackerUp(t.Interface))
	}
	return uint8(max(1, min(254, total)))
}

// contribution is a positive weight while the tracked object is up and a negative one while it is down; reverse
// negates it.
func (t TrackSpec) contribution(up bool) int {
	w := t.Weight
	if (w > 0) != up {
		return 0
	}
	if t.Reverse {
		w = -w
	}
	return w
}

// fails reports whether the tracked object alone makes the router FAULT.
func (t TrackSpec) fails(up bool) bool { return t.Weight == 0 && up == t.Reverse }

// reprioritize follows a change of the effective priority. A waiting BACKUP expires earlier or later by as much as its
// master-down interval changed; a MASTER says so in its next advert.
func (m *Machine) reprioritize(now Instant) {
	p := m.effectivePriority()
	if p == m.priority || m.phase == resigning {
		return
	}
	old, before := m.priority, m.downInterval()
	m.priority = p
	if m.phase != running {
		return
	}
	m.emit(Report{Kind: ReportPriorityChanged, Theirs: int(old), Ours: int(p)})
	if m.state == Backup {
		m.timer = max(now, m.timer.Add(m.downInterval()-before))
	}
}

func (m *Machine) setFault(f fault, on bool) {
	if on {
		m.faults |= f
	} else {
		m.faults &^= f
	}
}

// refreshFaults recomputes the reasons that follow from what is known about the world.
func (m *Machine) refreshFaults() {
	m.setFault(faultLink, m.spec.TrackLink && !m.linkUp)
	m.setFault(faultSource, !m.source.IsValid())
	m.setFault(faultTracker, slices.ContainsFunc(m.spec.TrackInterfaces, func(t TrackSpec) bool {
		return t.fails(m.trackerUp(t.Interface))
	}))
}

// checkFaults enters FAULT with the first reason and leaves it with the last.
func (m *Machine) checkFaults(now Instant) {
	m.refreshFaults()
	switch {
	case m.phase == resigning && m.faults&faultOwn != 0:
		m.finish() // nobody can be served any more
	case m.phase != running:
	case m.faults != 0 && m.state != Fault:
		m.toFault(now, m.faultCause())
	case m.faults == 0 && m.state == Fault:
		m.leaveFault(now, CauseFaultCleared)
	}
}

func (m *Machine) faultCause() Cause {
	switch {
	case m.faults&faultEffect != 0:
		return CauseEffectFailed
	case m.faults&faultOwn != 0:
		return CauseFault
	}
	return CauseGroup
}
