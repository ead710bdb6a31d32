package election

import (
	"net/netip"
	"time"
)

// Rival is another router that speaks as MASTER while this one is MASTER. One advert does not make a rival: it may have
// crossed ours on the way.
type Rival struct {
	Source   netip.Addr
	Priority uint8
	Since    Instant // its first advert
	Heard    Instant // its latest
	Adverts  uint64
	// OneWay: it has to give way to this router and goes on, although it has been answered for as long as it takes to hold a
	// master for dead. So it hears nothing of us.
	OneWay bool
}

// rivalry is what a MASTER remembers of a source that speaks as MASTER too.
type rivalry struct {
	since    Instant
	heard    Instant
	answered Instant // our first advert since that is known of; Never: none yet
	adverts  uint64  // 0: there is no rivalry
	lower    bool    // it has to give way
}

// contend notes an advert of another MASTER, after the answer to it.
func (m *Machine) contend(p *peer, lower bool) {
	r := &p.rivalry
	if r.adverts == 0 || p.Heard.Sub(r.heard) >= m.patienceOf(p) {
		*r = rivalry{since: p.Heard, answered: Never}
	}
	r.heard, r.lower = p.Heard, lower
	r.adverts++
	if r.answered == Never && m.spoke >= r.since {
		r.answered = m.spoke
	}
}

// patienceOf is the Active_Down_Interval of another router. In version 3 it is that of whoever sends less often of the two: as
// a backup it would wait for us.
func (m *Machine) patienceOf(p *peer) time.Duration {
	interval := max(p.Interval, m.spec.AdvertInterval)
	return time.Duration(m.spec.DownTimerAdverts)*interval + m.spec.skewTime(p.Priority, interval)
}

// rival returns what p is as a Rival; false when it is none, or none any more.
func (m *Machine) rival(now Instant, p *peer) (Rival, bool) {
	r, patience := &p.rivalry, m.patienceOf(p)
	if m.state != Master || r.adverts < 2 || r.heard.Sub(r.since) < p.Interval/2 || now.Sub(r.heard) >= patience {
		return Rival{}, false
	}
	return Rival{Source: p.Source, Priority: p.Priority, Since: r.since, Heard: r.heard, Adverts: r.adverts,
		OneWay: r.lower && r.answered != Never && r.heard.Sub(r.answered) >= patience}, true
}

// countRivals returns how many rivals there are, and how many of them do not hear us.
func (m *Machine) countRivals(now Instant) (all, oneWay int) {
	if m.state != Master {
		return 0, 0
	}
	for i := range m.peers.list {
		if r, ok := m.rival(now, &m.peers.list[i]); ok {
			all++
			if r.OneWay {
				oneWay++
			}
		}
	}
	return all, oneWay
}

// masterFellSilent reports whether the master that this BACKUP obeys has missed its adverts without having resigned. One of a
// time before this router was BACKUP may have resigned since.
func (m *Machine) masterFellSilent(now Instant) bool {
	by := &m.master
	return m.state == Backup && by.Source.IsValid() && !by.Resigned && (by.Heard >= m.last.At || by.Source == m.last.By.Source) &&
		now.Sub(by.Heard) >= time.Duration(m.spec.DownTimerAdverts)*by.Interval
}

// noteSilence marks the master that is succeeded because it fell silent.
func (m *Machine) noteSilence(now Instant) {
	if !m.masterFellSilent(now) {
		return
	}
	for i := range m.peers.list {
		if p := &m.peers.list[i]; p.Source == m.master.Source {
			p.Silent = true
		}
	}
}
