package election

import (
	"slices"
	"time"
)

// LossPolicy is what a MASTER does about a resource that somebody else has removed.
type LossPolicy uint8

// The policies.
const (
	// LossRepair puts it back at once; what goes again and again comes back ever more slowly.
	LossRepair LossPolicy = iota
	// LossFault resigns and stands for election again after the skew time, as keepalived does.
	LossFault
	// LossIgnore leaves it at that.
	LossIgnore
)

const (
	// repairFirst and repairMax are the shortest and the longest pause between two repairs in a row: two programs that
	// disagree about an address must not keep the machine busy.
	repairFirst = 20 * time.Millisecond
	repairMax   = 10 * time.Second
	// repairCalm is how long nothing must have been lost for the next loss to be repaired at once.
	repairCalm = time.Minute
)

// repairs is what is to be put back, and when.
type repairs struct {
	at      Instant // of the next repair; Never when nothing is missing
	pause   time.Duration
	last    Instant // when something was lost
	missing []Resource
}

// lose handles ResourcesLost.
func (m *Machine) lose(now Instant, lost []Resource) {
	if m.hooks.preparing != 0 { // what is there is to go, or comes afterwards
		return
	}
	if m.state != Master {
		if m.phase == running { // in the hand-over grace; a new MASTER must find all of them or none
			m.release()
		}
		return
	}
	m.counters.ResourcesLost += uint64(len(lost))
	switch m.spec.OnLoss {
	case LossFault:
		m.loseAddress(now, CauseResourceLost)
	case LossIgnore:
		for _, r := range lost {
			m.emit(Report{Kind: ReportResourceLeft, Resource: r})
		}
	default:
		m.repairSoon(now, lost)
	}
}

// repairSoon puts back what was lost, at once unless that has just been done.
func (m *Machine) repairSoon(now Instant, lost []Resource) {
	p := &m.repairs
	if now >= p.last.Add(repairCalm) {
		p.pause = 0
	}
	p.last = now
	for _, r := range lost {
		if !slices.Contains(p.missing, r) {
			p.missing = append(p.missing, r)
		}
	}
	switch {
	case p.at != Never: // it is on its way
	case p.pause == 0:
		p.at, p.pause = now, repairFirst
	default:
		p.at = now.Add(p.pause)
		p.pause = min(2*p.pause, repairMax)
		for _, r := range lost {
			m.emit(Report{Kind: ReportResourceLeft, Resource: r, Theirs: int(p.at.Sub(now) / time.Millisecond)})
		}
	}
	m.repairDue(now)
}

// repairDue puts back what is due. The neighbours are told: who removed an address may have told them otherwise.
func (m *Machine) repairDue(now Instant) {
	p := &m.repairs
	if p.at > now {
		return
	}
	missing := p.missing
	p.at, p.missing = Never, nil
	if m.state != Master || !m.present {
		return
	}
	m.counters.ResourcesRepaired += uint64(len(missing))
	m.own()
	for _, r := range missing {
		m.emit(Report{Kind: ReportResourceRepaired, Resource: r})
	}
	m.announceThose(slices.DeleteFunc(slices.Clone(m.ordered), func(a Address) bool {
		return !slices.Contains(missing, Resource(a))
	}), m.spec.GARP.MasterRepeat)
}
