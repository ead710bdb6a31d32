package election

import "time"

// Lateness is how much later than they were due the adverts of a MASTER left, since the start or the latest reload that concerned
// the router.
type Lateness struct {
	Latest, Worst     time.Duration
	LatestAt, WorstAt Instant // Never: none was due yet
	// Tolerated is how late an advert may be before a backup of priority 254, the least patient one, takes over.
	Tolerated time.Duration
}

// lateness is what is noted of it.
type lateness struct {
	last, worst     time.Duration
	lastAt, worstAt Instant
}

var unmeasured = lateness{lastAt: Never, worstAt: Never}

// noteLateness notes that the advert which is due leaves now, or would.
func (m *Machine) noteLateness(now Instant) {
	l := &m.lateness
	l.last, l.lastAt = now.Sub(m.timers.advert), now
	if l.worstAt == Never || l.last > l.worst {
		l.worst, l.worstAt = l.last, now
	}
}

func (m *Machine) explainLateness() Lateness {
	l := m.lateness
	return Lateness{Latest: l.last, LatestAt: l.lastAt, Worst: l.worst, WorstAt: l.worstAt, Tolerated: m.unnoticed() - m.spec.AdvertInterval}
}
