package election

import "slices"

// start handles Started. Addresses that may be left from an earlier life are removed, unless mastership goes on.
func (m *Machine) start(now Instant, ev Started) {
	m.linkUp = ev.LinkUp
	m.setSource(ev.Source)
	if m.phase != unstarted { // the interface came back under the same router
		m.checkFaults(now)
		return
	}
	m.transitionAt = now
	m.listenFrom = now.Add(max(0, ev.Delay))
	m.resume = ev.Silence > 0 && ev.Silence < m.downInterval() && m.linkUp && m.source.IsValid()
	m.present = m.resume
	if !m.resume {
		m.emit(SetAddresses{Present: false, Addresses: m.all})
	}
	m.refreshFaults()
	m.phase = awaitingGroup
	if !m.grouped {
		m.begin(now, true)
	}
}

// wantsMaster reports whether the router would begin as MASTER: an owner (RFC 9568 §6.4.1), or one that resumes.
func (m *Machine) wantsMaster() bool { return (m.resume || m.spec.StartMaster) && m.faults == 0 }

// begin takes the first state. master tells whether the sync group, if any, lets it begin as MASTER.
func (m *Machine) begin(now Instant, master bool) {
	m.phase = running
	switch {
	case m.faults != 0:
		m.toFault(now, m.faultCause())
	case master && m.resume:
		m.becomeMaster(now, CauseResume)
		m.emit(SetAddresses{Present: true, Addresses: m.all}) // adopted; what the configuration gained since is added
		m.announce(1)
		m.scheduleRefresh(now)
	case master && m.spec.StartMaster && now < m.listenFrom:
		m.want, m.timer = Master, m.listenFrom
	case master && m.spec.StartMaster:
		m.toMaster(now, CauseOwner)
	default:
		m.state, m.want = Backup, Backup
		m.timer = max(now, m.listenFrom).Add(m.downInterval())
		m.transition(now, Init, CauseStart)
		m.release()
	}
	m.resume = false
}

// masterDown handles the expiry of the master-down timer (RFC 9568 §6.4.2). In a sync group the router declares that
// it is willing and waits for the others.
func (m *Machine) masterDown(now Instant) {
	if m.grouped {
		m.want = Master
		m.timer = now.Add(m.downInterval())
		m.emit(Report{Kind: ReportAdvertTimeout})
		return
	}
	m.toMaster(now, CauseTimeout)
}

// toMaster takes over: the advert leaves first, so that nobody else starts an election while addresses are installed.
func (m *Machine) toMaster(now Instant, cause Cause) {
	previous, alive := m.predecessor(now)
	m.becomeMaster(now, cause)
	if !m.present {
		m.present = true
		if alive {
			m.emit(PassOn{Previous: previous, For: passOnTime, Link: m.spec.Link, Addresses: m.all})
		}
		m.emit(SetAddresses{Present: true, Addresses: m.all})
	}
	m.announce(m.spec.GARP.MasterRepeat)
	if d := m.spec.GARP.MasterDelay; d > 0 {
		m.secondAt = now.Add(d)
	}
	m.scheduleRefresh(now)
}

func (m *Machine) becomeMaster(now Instant, cause Cause) {
	from := m.state
	m.state, m.want = Master, Master
	m.masterInterval = m.spec.AdvertInterval
	m.masterPriority, m.masterSource = 0, noAddr
	m.preemptAt, m.releaseAt = Never, Never
	m.reported = 0
	m.counters.BecameMaster++
	m.sendAdvert(now)
	if cause == CauseTimeout {
		m.emit(Report{Kind: ReportAdvertTimeout})
	}
	m.transition(now, from, cause)
}

// yield gives way to another master. No priority-0 advert is sent, for a master is there already; the addresses stay
// for the grace in which its announcements arrive.
func (m *Machine) yield(now Instant, cause Cause) {
	m.state, m.want = Backup, Backup
	m.timer = now.Add(m.downInterval())
	m.transition(now, Master, cause)
	m.leaveMaster()
	m.releaseAt = now.Add(handOverGrace)
}

// loseAddress resigns after somebody removed an address: a master without its addresses is worse than none. It stands
// for election again after the skew time, so that a peer that can do better may.
func (m *Machine) loseAddress(now Instant, cause Cause) {
	m.lost = true
	m.sendZero()
	m.state, m.want = Backup, Backup
	m.timer = now.Add(m.skew())
	m.transition(now, Master, cause)
	m.leaveMaster()
	m.release()
}

// toFault leaves the election for as long as a reason stands. Addresses go at once: they cannot be served.
func (m *Machine) toFault(now Instant, cause Cause) {
	from := m.state
	if from == Master {
		m.sendZero()
	}
	m.state, m.want = Fault, Fault
	m.timer, m.preemptAt = Never, Never
	m.transition(now, from, cause)
	if from == Master {
		m.leaveMaster()
	}
	m.release()
}

// leaveFault returns to the election as a BACKUP, an owner too.
func (m *Machine) leaveFault(now Instant, cause Cause) {
	m.state, m.want = Backup, Backup
	m.masterInterval = m.spec.AdvertInterval
	m.timer = max(now, m.listenFrom).Add(m.downInterval())
	m.transition(now, Fault, cause)
}

// stop resigns (RFC 9568 §6.4.3, Shutdown). A MASTER keeps its addresses until a successor was heard and the grace
// passed, or until the slowest possible successor must have spoken.
func (m *Machine) stop(now Instant) {
	if m.phase == resigning {
		return
	}
	from, begun := m.state, m.phase == running
	if from == Master {
		m.sendZero()
	}
	m.phase, m.state, m.want = resigning, Init, Init
	m.timer, m.retryAt, m.preemptAt = Never, Never, Never
	if begun && from != Init {
		m.transition(now, from, CauseStop)
	}
	if from == Master {
		m.leaveMaster()
		m.releaseAt = now.Add(m.skewOf(1) + resignMargin)
	}
	if m.releaseAt == Never {
		m.finish()
	}
}

// finish ends the machine's life.
func (m *Machine) finish() {
	m.release()
	m.emit(Stopped{})
	m.phase = ended
}

// release removes the addresses if they are there.
func (m *Machine) release() {
	m.releaseAt = Never
	if m.present {
		m.present = false
		m.emit(SetAddresses{Present: false, Addresses: m.all})
	}
}

func (m *Machine) leaveMaster() {
	m.secondAt, m.refreshAt, m.lowerAt = Never, Never, Never
	m.reported = 0
	m.counters.ReleasedMaster++
	m.emit(CancelAnnouncements{})
}

func (m *Machine) transition(now Instant, from State, cause Cause) {
	m.transitionAt = now
	m.emit(StateChanged{From: from, To: m.state, Priority: m.priority, Initial: from == Init, Cause: cause})
}

// moveWithGroup follows the sync group.
func (m *Machine) moveWithGroup(now Instant, ev groupMove) {
	switch {
	case m.phase != running:
	case ev.to == Master && m.state == Backup:
		m.toMaster(now, CauseGroup)
	case ev.to == Backup && m.state == Master && ev.addressLost:
		m.loseAddress(now, CauseGroup)
	case ev.to == Backup && m.state == Master:
		m.yield(now, CauseGroup)
	case ev.to == Backup:
		m.want = Backup
	}
}

// effectDone notes that addresses could not be installed: a MASTER leaves the election, so that a peer serves them, and
// tries again after a master-down interval.
func (m *Machine) effectDone(now Instant, ev EffectDone) {
	if ev.Err == nil || m.phase != running || !m.present {
		return
	}
	switch a := ev.Action.(type) {
	case SetAddresses:
		if !a.Present {
			return
		}
	case ChangeAddresses:
		if len(a.Add) == 0 {
			return
		}
	default:
		return
	}
	if m.state != Master { // in the hand-over grace; a new MASTER must find all of them or none
		m.release()
		return
	}
	m.retryAt = now.Add(m.downInterval())
	m.setFault(faultEffect, true)
	m.checkFaults(now)
}

// change applies the tunables of a reload in place. While the addresses are installed they follow the new lists, and a
// MASTER tells the others at once what it now stands for.
func (m *Machine) change(now Instant, spec InstanceSpec) {
	if m.phase == resigning {
		return
	}
	add, remove := addressDiff(m.spec, spec)
	m.adopt(spec)
	m.preemptAt = Never
	old := m.priority
	m.priority = m.effectivePriority()
	if m.phase == running && m.priority != old {
		m.emit(Report{Kind: ReportPriorityChanged, Theirs: int(old), Ours: int(m.priority)})
	}
	switch m.state {
	case Backup:
		m.timer = max(now, m.listenFrom).Add(m.downInterval())
	case Master:
		m.sendAdvert(now)
	}
	if m.present && len(add)+len(remove) > 0 {
		m.emit(ChangeAddresses{Add: add, Remove: remove})
	}
	if m.state == Master {
		m.rescheduleAnnouncements(now, add)
	}
	m.checkFaults(now)
}

// addressDiff returns the addresses that next installs and prev does not, and those only prev does, in their order.
// An address whose attributes differ is in both.
func addressDiff(prev, next InstanceSpec) (add, remove []Address) {
	has := func(s InstanceSpec, a Address) bool {
		return slices.Contains(s.Addresses, a) || slices.Contains(s.Excluded, a)
	}
	collect := func(from, other InstanceSpec) (list []Address) {
		for _, part := range [][]Address{from.Addresses, from.Excluded} {
			for _, a := range part {
				if !has(other, a) && !slices.Contains(list, a) {
					list = append(list, a)
				}
			}
		}
		return list
	}
	return collect(next, prev), collect(prev, next)
}
