package election

import (
	"slices"

	"vigil/vrrp/wire"
)

// start handles Started. What may be left from an earlier life is removed, unless mastership goes on.
func (m *Machine) start(now Instant, ev Started) {
	m.linkUp = ev.LinkUp
	m.setSource(ev.Source)
	if m.phase != unstarted { // the interface came back under the same router
		m.checkFaults(now)
		return
	}
	m.last.At = now
	m.listenFrom = now.Add(max(0, ev.Delay))
	m.resume = ev.Silence > 0 && ev.Silence < m.unnoticed() && m.linkUp && m.source.IsValid() &&
		m.spec.AuthType != wire.AuthAH // whose sequence only the others know
	m.present, m.owned = m.resume, m.resources
	if !m.resume {
		m.own()
		m.standBack(now)
	}
	m.phase = awaitingTrackers
	if m.resume { // for as long as nobody can have missed an advert
		m.timers.release = now.Add(m.unnoticed() - ev.Silence)
	}
	m.hearTrackers(now)
}

// hearTrackers goes on with the start once the scripts that decide about FAULT have run.
func (m *Machine) hearTrackers(now Instant) {
	if m.phase != awaitingTrackers || m.undecided() {
		return
	}
	m.refreshFaults()
	m.phase = awaitingGroup
	if !m.grouped {
		m.begin(now, true)
	}
}

// wantsMaster reports whether the router would begin as MASTER: an owner (RFC 9568 §6.4.1), or one that resumes.
func (m *Machine) wantsMaster() bool { return (m.resume || m.spec.StartMaster) && len(m.faults) == 0 }

// begin takes the first state. master tells whether the sync group, if any, lets it begin as MASTER.
func (m *Machine) begin(now Instant, master bool) {
	m.phase = running
	m.resume = m.resume && now < m.timers.release
	m.timers.startup, m.timers.release = Never, Never
	switch {
	case len(m.faults) > 0:
		m.toFault(now, m.faultCause())
	case master && m.resume:
		m.becomeMaster(now, CauseResume)
		m.own() // adopted; what the configuration gained since is added
		m.announce(1)
		m.ensure(now)
		m.scheduleRefresh(now)
	case master && m.spec.StartMaster && now < m.listenFrom:
		m.want, m.timers.startup = Master, m.listenFrom
	case master && m.spec.StartMaster:
		m.toMaster(now, CauseOwner)
	default:
		m.state, m.want = Backup, Backup
		m.restartActiveDown(now)
		m.transition(now, Init, CauseStart, Peer{})
		m.release()
	}
	m.resume = false
}

// activeDown handles the expiry of the Active_Down_Timer (RFC 9568 §6.4.2). In a sync group the router declares that
// it is willing and waits for the others.
func (m *Machine) activeDown(now Instant) {
	if m.grouped {
		m.want = Master
		m.restartActiveDown(now)
		m.emit(Report{Kind: ReportAdvertTimeout})
		return
	}
	m.toMaster(now, CauseTimeout)
}

// toMaster takes over: the advert leaves first, so that nobody else starts an election while addresses are installed. See
// claim for when it does not.
func (m *Machine) toMaster(now Instant, cause Cause) {
	previous, alive := m.predecessor(now)
	m.becomeMaster(now, cause)
	if t := (taking{previous, alive, now}); !m.prepare(now, t) {
		m.takeOver(now, t)
	}
}

// takeOver puts the resources of a MASTER in place and announces them.
func (m *Machine) takeOver(now Instant, t taking) {
	if left := passOnTime - now.Sub(t.since); t.alive && !m.present && left > 0 {
		m.emit(PassOn{Previous: t.previous, For: left, Link: m.spec.Link, Addresses: m.all})
		m.lowerMet = now // its last advert is still to come
	}
	m.take()
	m.ensure(now)
	m.announce(m.spec.GARP.MasterRepeat)
	if d := m.spec.GARP.MasterDelay; d > 0 {
		m.timers.second = now.Add(d)
	}
	if t.previous.IsValid() { // until its grace is over somebody may learn the wrong one; silent ones may just be slow
		m.timers.quieted, m.timers.handedOver = now.Add(predecessorQuiet), now.Add(handOverGrace+handOverMargin)
	}
	m.scheduleRefresh(now)
}

// passOnMet has the connections go on that a lower master has opened while neither heard the other. It hears us now and gives way;
// of one that does not, or that somebody forges, this is done once.
func (m *Machine) passOnMet(now Instant, from *peer) {
	met := now.Sub(m.lowerMet) >= m.activeDownInterval()
	m.lowerMet = now
	if met && m.present && !m.spec.LowerPriorityNoAdvert {
		m.emit(PassOn{Previous: from.Source, For: passOnTime, Link: m.spec.Link, Addresses: m.all, Met: true})
	}
}

func (m *Machine) becomeMaster(now Instant, cause Cause) {
	from := m.state
	m.noteSilence(now)
	m.state, m.want = Master, Master
	m.interval = m.spec.AdvertInterval
	m.timers = stopped
	m.peers.forgive()
	m.counters.BecameMaster++
	m.claim(now)
	if cause == CauseTimeout {
		m.emit(Report{Kind: ReportAdvertTimeout})
	}
	m.transition(now, from, cause, m.master)
	m.master = Peer{}
}

// claim sends the first advert of a MASTER. One that has the virtual MAC address for its source tells the switches that
// the address is here now (RFC 9568 §7.3): it waits, a little, for the addresses, which the predecessor serves until it is
// heard.
func (m *Machine) claim(now Instant) {
	if m.present || len(m.resources) == 0 || m.spec.Hooks.PreMaster.Exists() || !m.spec.advertMovesMAC() {
		m.sendFirst(now)
		return
	}
	m.unclaimed = true
	m.timers.advert = now.Add(min(claimPatience, m.interval/2))
}

// yield gives way to another master. No priority-0 advert is sent, for a master is there already; the addresses stay
// for the grace in which its announcements arrive.
func (m *Machine) yield(now Instant, cause Cause) {
	m.state, m.want = Backup, Backup
	m.transition(now, Master, cause, m.master)
	m.leaveMaster()
	m.restartActiveDown(now)
	if !m.present { // pre_master has not ended: there is nothing to hand over
		return
	}
	m.handOver(now.Add(handOverGrace))
}

// loseAddress resigns after somebody removed a resource: a master without its addresses is worse than none. It stands
// for election again after the skew time, so that a peer that can do better may.
func (m *Machine) loseAddress(now Instant, cause Cause) {
	m.lost = true
	m.sendZero()
	m.state, m.want = Backup, Backup
	m.transition(now, Master, cause, Peer{})
	m.leaveMaster()
	m.timers.activeDown = now.Add(m.skewTime())
	m.release()
}

// toFault leaves the election for as long as a reason stands. Addresses go at once: they cannot be served.
func (m *Machine) toFault(now Instant, cause Cause) {
	from := m.state
	if from == Master {
		m.sendZero()
	}
	m.state, m.want = Fault, Fault
	m.transition(now, from, cause, Peer{})
	if from == Master {
		m.leaveMaster()
	}
	m.timers = stopped
	m.release()
}

// leaveFault returns to the election as a BACKUP, an owner too.
func (m *Machine) leaveFault(now Instant, cause Cause) {
	m.state, m.want = Backup, Backup
	m.interval = m.spec.AdvertInterval
	m.standBack(now)
	m.restartActiveDown(now)
	m.transition(now, Fault, cause, Peer{})
}

// standBack keeps the router out of the election for FaultExitDelay: what it has to do with, such as routes, needs time to settle.
func (m *Machine) standBack(now Instant) {
	m.listenFrom = max(m.listenFrom, now.Add(m.spec.FaultExitDelay))
}

// stop resigns (RFC 9568 §6.4.3, Shutdown). A MASTER keeps its addresses until a successor was heard and the grace
// passed, or until the slowest possible successor must have spoken.
func (m *Machine) stop(now Instant, ev Stop) {
	if m.phase == resigning {
		if ev.AtOnce {
			m.finish()
		}
		return
	}
	if m.phase == unstarted { // what an earlier life has left goes, although this one never begins
		m.owned = m.resources
		m.own()
	}
	from, begun, grace := m.state, m.phase == running, m.timers.release
	if from == Master {
		m.sendZero()
	}
	m.phase, m.state, m.want = resigning, Init, Init
	if begun && from != Init {
		m.transition(now, from, CauseStop, Peer{})
		m.pending.Removed = ev.Removed
	}
	if from == Master {
		m.leaveMaster()
	}
	m.timers, m.retry.at = stopped, Never
	if begun {
		m.timers.release = grace
	}
	switch {
	case ev.AtOnce:
		m.finish()
	case from == Master:
		// Until somebody takes over it goes on answering who has the addresses: nobody else would.
		m.timers.release = now.Add(max(m.spec.resignWait(), ev.Hold))
	case m.timers.release == Never:
		m.finish()
	}
}

// finish ends the machine's life.
func (m *Machine) finish() {
	m.release()
	m.notify()
	m.emit(Stopped{})
	m.phase = ended
}

func (m *Machine) leaveMaster() {
	m.timers, m.unclaimed = stopped, false
	m.repairs.at, m.repairs.missing = Never, nil
	m.endHooks()
	m.peers.forgive()
	m.counters.ReleasedMaster++
	m.emit(CancelAnnouncements{})
}

// transition reports that the state was from; by is the router that caused it, if one did.
func (m *Machine) transition(now Instant, from State, cause Cause, by Peer) {
	m.notify()
	m.last = Transition{From: from, To: m.state, Cause: cause, At: now, By: by}
	m.emit(StateChanged{From: from, To: m.state, Priority: m.priority, Initial: from == Init, Cause: cause})
	m.pending = Notify{From: from, To: m.state, Priority: m.priority, Initial: from == Init, Cause: cause, Told: m.spec.Told}
}

// notifying reports whether the last transition is still to be told of.
func (m *Machine) notifying() bool { return m.pending.From != m.pending.To }

// notify tells of the last transition.
func (m *Machine) notify() {
	if m.notifying() {
		m.emit(m.pending)
		m.pending = Notify{}
	}
}

// change applies the tunables of a reload in place. While the addresses are installed they follow the new lists, and a
// MASTER tells the others at once what it now stands for.
func (m *Machine) change(now Instant, spec InstanceSpec) {
	if m.phase == resigning {
		return
	}
	add, before := addedAddresses(m.spec, spec), m.resources
	hooks := m.spec.Hooks
	m.adopt(spec)
	m.peers.reconsider()
	m.lateness = unmeasured
	m.timers.preempt = Never
	old := m.priority
	m.priority = m.effectivePriority()
	if m.phase == running && m.priority != old {
		m.emit(Report{Kind: ReportPriorityChanged, Theirs: int(old), Ours: int(m.priority)})
	}
	switch {
	case m.state == Backup:
		m.restartActiveDown(now)
	case m.state == Master:
		m.sendAdvert(now)
	case m.timers.startup != Never && !m.spec.StartMaster: // no owner any more: it must listen first
		m.begin(now, false)
	}
	m.tryAfresh()
	if m.present && m.phase == running && !slices.Equal(before, m.resources) {
		m.own()
	}
	if m.state == Master && m.hooks.preparing == 0 {
		m.rescheduleAnnouncements(now, add)
	}
	m.rehook(now, hooks)
	m.checkFaults(now)
	m.hearTrackers(now)
}

// addedAddresses returns the addresses that next installs and prev does not, in their order. One whose attributes differ is
// among them.
func addedAddresses(prev, next InstanceSpec) (added []Address) {
	had := prev.All()
	for _, a := range next.All() {
		if !slices.Contains(had, a) && !slices.Contains(added, a) {
			added = append(added, a)
		}
	}
	return added
}
