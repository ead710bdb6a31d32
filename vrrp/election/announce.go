package election

import "slices"

// announce sends rounds of gratuitous ARP or neighbour advertisements for all addresses.
func (m *Machine) announce(rounds int) {
	if !m.ownsNothing() {
		m.emit(Announce{Repeat: max(rounds, 1), Addresses: m.ordered, Interval: m.spec.GARP.Interval})
	}
}

// scheduleRefresh starts the periodic rounds, the first of which follows the second round by one period.
func (m *Machine) scheduleRefresh(now Instant) {
	if r := m.spec.GARP.MasterRefresh; r > 0 {
		m.refreshAt = now.Add(m.spec.GARP.MasterDelay + r)
	}
}

// announceLower answers a lower master, whose own announcements may have misled the neighbours.
func (m *Machine) announceLower(now Instant) {
	g := m.spec.GARP
	if g.LowerPrioRepeat <= 0 {
		return
	}
	m.announce(g.LowerPrioRepeat)
	if g.LowerPrioDelay > 0 {
		m.lowerAt = now.Add(g.LowerPrioDelay)
	}
}

// announceDue sends the rounds that are due. Their timers run in MASTER only.
func (m *Machine) announceDue(now Instant) {
	if m.secondAt <= now {
		m.secondAt = Never
		m.announce(m.spec.GARP.MasterRepeat)
	}
	if m.refreshAt <= now {
		m.announce(m.spec.GARP.MasterRefreshRepeat)
		next := m.refreshAt.Add(m.spec.GARP.MasterRefresh)
		if next <= now {
			next = now.Add(m.spec.GARP.MasterRefresh)
		}
		m.refreshAt = next
	}
	if m.lowerAt <= now {
		m.lowerAt = Never
		m.announce(m.spec.GARP.LowerPrioRepeat)
	}
}

// rescheduleAnnouncements follows a reload in MASTER: new addresses are announced, twice as on a transition, and the
// periodic rounds take the new period.
func (m *Machine) rescheduleAnnouncements(now Instant, added []Address) {
	g := m.spec.GARP
	if len(added) > 0 {
		fresh := slices.DeleteFunc(slices.Clone(m.ordered), func(a Address) bool { return !slices.Contains(added, a) })
		m.emit(Announce{Repeat: max(g.MasterRepeat, 1), Addresses: fresh, Interval: g.Interval})
		if g.MasterDelay > 0 {
			m.secondAt = now.Add(g.MasterDelay)
		}
	}
	switch {
	case g.MasterRefresh <= 0:
		m.refreshAt = Never
	case m.refreshAt == Never || m.refreshAt > now.Add(g.MasterDelay+g.MasterRefresh):
		m.scheduleRefresh(now)
	}
}
