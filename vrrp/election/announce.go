package election

import "slices"

// announce makes a round of gratuitous ARP or neighbour advertisements due for all addresses.
func (m *Machine) announce(repeat int) { m.announceThose(m.ordered, repeat) }

func (m *Machine) announceThose(list []Address, repeat int) {
	if len(list) > 0 && m.hooks.preparing == 0 {
		m.emit(Announce{Repeat: max(repeat, 1), Addresses: list, Interval: m.spec.GARP.Interval,
			NAInterval: m.spec.GARP.NAInterval})
	}
}

// announceInstalled announces what was among the failures and is there now.
func (m *Machine) announceInstalled(before []Failure) {
	if len(before) == 0 {
		return
	}
	m.announceThose(slices.DeleteFunc(slices.Clone(m.ordered), func(a Address) bool {
		return !fails(before, a) || fails(m.failures, a)
	}), m.spec.GARP.MasterRepeat)
}

// scheduleRefresh starts the periodic rounds, the first of which follows the second round by one period.
func (m *Machine) scheduleRefresh(now Instant) {
	if r := m.spec.GARP.MasterRefresh; r > 0 {
		m.timers.refresh = now.Add(m.spec.GARP.MasterDelay + r)
	}
	m.scheduleExtra(now)
}

// scheduleExtra starts, or goes on with, the announcements on further interfaces (garp_extra_if).
func (m *Machine) scheduleExtra(now Instant) {
	switch every := m.spec.ExtraGARP; {
	case every <= 0 || len(m.extra) == 0:
		m.timers.extra = Never
	default:
		m.timers.extra = min(m.timers.extra, now.Add(every))
	}
}

// extraAddresses are the addresses that garp_extra_if is about: those on other virtual links than the router's own or, with
// all, on any other interface.
func (s *InstanceSpec) extraAddresses() []Address {
	own := s.Link
	if s.VMAC.Kind == Macvlan {
		own = s.VMAC.Name
	}
	return slices.DeleteFunc(s.All(), func(a Address) bool {
		return a.Link == own || !s.ExtraGARPAll && a.MAC == [6]byte{}
	})
}

// announceLower answers a lower master, whose own announcements may have misled the neighbours. One that insists sends
// an advert per interval: what comes faster is answered together, at the end of the interval.
func (m *Machine) announceLower(now Instant) {
	switch end := m.lowerRound.Add(m.spec.AdvertInterval); {
	case m.spec.GARP.LowerPrioRepeat <= 0:
	case now < m.lowerRound.Add(m.spec.AdvertInterval/2):
		m.timers.lower = end
	default:
		m.answerLower(now)
	}
}

func (m *Machine) answerLower(now Instant) {
	g := m.spec.GARP
	m.lowerRound = now
	m.announce(g.LowerPrioRepeat)
	m.timers.lower = Never
	if g.LowerPrioDelay > 0 {
		m.timers.lowerAgain = now.Add(g.LowerPrioDelay)
	}
}

// announceDue sends the rounds that are due. Their timers run in MASTER only.
func (m *Machine) announceDue(now Instant) {
	t, g := &m.timers, m.spec.GARP
	if t.second <= now {
		t.second = Never
		m.announce(g.MasterRepeat)
	}
	if t.refresh <= now {
		m.announce(g.MasterRefreshRepeat)
		next := t.refresh.Add(g.MasterRefresh)
		if next <= now {
			next = now.Add(g.MasterRefresh)
		}
		t.refresh = next
	}
	if t.extra <= now {
		m.announceThose(m.extra, 1)
		t.extra = max(t.extra.Add(m.spec.ExtraGARP), now.Add(m.spec.ExtraGARP/2))
	}
	if t.lower <= now {
		m.answerLower(now)
	}
	if t.lowerAgain <= now {
		t.lowerAgain = Never
		m.announce(g.LowerPrioRepeat)
	}
	if due := min(t.quieted, t.handedOver); due <= now {
		t.quieted = Never
		if t.handedOver <= now {
			t.handedOver = Never
		}
		m.announce(1)
	}
}

// rescheduleAnnouncements follows a reload in MASTER: new addresses are announced, twice as on a transition, and the
// periodic rounds take the new period.
func (m *Machine) rescheduleAnnouncements(now Instant, added []Address) {
	g := m.spec.GARP
	if len(added) > 0 {
		m.announceThose(slices.DeleteFunc(slices.Clone(m.ordered), func(a Address) bool { return !slices.Contains(added, a) }),
			g.MasterRepeat)
		if g.MasterDelay > 0 {
			m.timers.second = now.Add(g.MasterDelay)
		}
	}
	m.scheduleExtra(now)
	switch {
	case g.MasterRefresh <= 0:
		m.timers.refresh = Never
	case m.timers.refresh == Never || m.timers.refresh > now.Add(g.MasterDelay+g.MasterRefresh):
		m.scheduleRefresh(now)
	}
}
