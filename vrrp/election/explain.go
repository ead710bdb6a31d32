package election

import (
	"slices"

	"vigil/internal/track"
)

// Explanation is why a virtual router is what it is, as plain values.
type Explanation struct {
	State         State
	Last          Transition
	BasePriority  uint8
	Priority      uint8          // effective
	Contributions []Contribution // of the weighted trackers, in configuration order; an owner has none
	Vetoes        []Veto         // of the others, in the same order
	Waits         track.ID       // what preemption waits for; the zero ID: nothing
	Faults        []FaultReason
	Failures      []Failure // resources that are not as they should be
	Deadline      Instant   // Never when nothing happens by itself
	Timer         Timer     // what happens then
	// Peers are the unicast peers in configuration order, heard or not, and then the other sources of packets in the order in
	// which they were first heard.
	Peers      []Peer
	Rivals     []Rival // in the order of Peers, as what follows
	Mismatches []Mismatch
	Lateness   Lateness
}

// Transition is a change of state.
type Transition struct {
	From, To State
	Cause    Cause
	At       Instant
	// By is the router whose adverts caused it: the master that is obeyed, or the one that fell silent or resigned. The
	// zero Peer when there was none.
	By Peer
}

// Timer names what a deadline is for.
type Timer uint8

// The timers. The first two are those of RFC 9568 §6.2.
const (
	TimerNone          Timer = iota
	TimerAdvert              // Adver_Timer: the next advert
	TimerActiveDown          // Active_Down_Timer: the master counts as down
	TimerStartup             // vrrp_startup_delay or fault_init_exit_delay ends, and an owner begins
	TimerRelease             // the resources are released
	TimerRetry               // what could not be installed or removed is tried again
	TimerAnnouncements       // announcements
	TimerPreMaster           // pre_master is not waited for any longer
	TimerEnsureMaster        // ensure_master runs again
)

// Explain returns why the router is what it is now.
func (m *Machine) Explain(now Instant) Explanation {
	now = max(m.now, now)
	e := Explanation{
		State: m.state, Last: m.last, BasePriority: m.spec.Priority, Priority: m.priority,
		Waits: m.waitsFor(), Faults: slices.Clone(m.faults), Failures: slices.Clone(m.failures),
	}
	if m.spec.Priority != OwnerPriority {
		for _, t := range m.spec.Trackers {
			if t.Weight != 0 {
				e.Contributions = append(e.Contributions, Contribution{Tracker: t, Value: m.value(t.ID), Points: m.points(t)})
			}
		}
	}
	for _, t := range m.spec.Trackers {
		if t.Weight == 0 {
			_, known := m.values[t.ID]
			v := m.value(t.ID)
			e.Vetoes = append(e.Vetoes, Veto{Tracker: t, Value: v, Known: known || t.ID.Kind != track.Script, Fails: t.Fails(v)})
		}
	}
	m.explainPeers(now, &e)
	e.Lateness = m.explainLateness()
	e.Deadline, e.Timer = Never, TimerNone
	t := &m.timers
	for _, timer := range []struct {
		at Instant
		is Timer
	}{
		{t.advert, TimerAdvert}, {t.activeDown, TimerActiveDown}, {t.startup, TimerStartup}, {t.release, TimerRelease},
		{min(m.retry.at, m.repairs.at), TimerRetry}, {min(t.second, t.refresh, t.extra, t.lower, t.lowerAgain, t.quieted, t.handedOver), TimerAnnouncements},
		{t.prepare, TimerPreMaster}, {t.ensure, TimerEnsureMaster},
	} {
		if timer.at < e.Deadline {
			e.Deadline, e.Timer = timer.at, timer.is
		}
	}
	return e
}

// explainPeers adds what is known of the other routers.
func (m *Machine) explainPeers(now Instant, e *Explanation) {
	fellSilent := m.masterFellSilent(now)
	for i := range m.peers.list {
		p := &m.peers.list[i]
		known := p.Peer
		known.Silent = known.Silent || fellSilent && p.Source == m.master.Source
		e.Peers = append(e.Peers, known)
		if r, ok := m.rival(now, p); ok {
			e.Rivals = append(e.Rivals, r)
		}
		e.Mismatches = p.mismatches.appendTo(e.Mismatches, p.Source)
	}
}
