package healthcheck

import (
	"time"

	"vigil/confparse"
)

// overdueAfter is how many of its intervals a check may go without completing before that is told. lookEvery is how often
// somebody looks.
const (
	overdueAfter = 3
	lookEvery    = 10 * time.Second
)

// lasting is implemented by questions that may take longer to be answered than a connection may to be made.
type lasting interface{ longest() time.Duration }

// interval is how long a check takes at most from the end of one attempt to the end of the next when all is well: the
// longer of its delays, or the time it has to connect or to run.
func (p *profile) interval() time.Duration {
	d := max(p.timing.delayLoop, p.timing.delayBeforeRetry, p.via.timeout)
	if l, ok := p.asks.(lasting); ok {
		d = max(d, l.longest())
	}
	return d
}

// patience is how long after its last end, or after it was added, a check is not overdue.
func (c CheckSpec) patience(completed bool) time.Duration {
	p := c.shared.Value()
	patience := overdueAfter * p.interval()
	if !completed {
		patience += bootstrapDelay + p.timing.warmup
	}
	return patience
}

// since is when p has last completed, was added, or was not made because it is suspended.
func (p *probe) since() time.Duration { return max(p.added, p.completed, p.excused) }

// overdue reports whether p has not completed for too long at a moment since Manager.epoch.
func (p *probe) overdue(now time.Duration) bool {
	return p.armed && now-p.since() > p.spec.patience(p.completed > p.added)
}

// watchOverdue tells of checks that do not complete any more: nobody else would notice, for a server stays as it is. It
// calls itself again while Run is on.
func (m *Manager) watchOverdue() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.on() {
		return
	}
	now := time.Since(m.epoch)
	m.overdue = 0
	for _, p := range m.probes {
		late := p.overdue(now)
		if late {
			m.overdue++
		}
		if late != p.late {
			p.late = late
			m.logOverdue(p, now-p.since())
		}
	}
	m.watch.Reset(lookEvery)
}

// Decided returns those of the given virtual servers all of whose checks have found their servers up or down, or have had the time for
// that: since they were added, and at most since the given moment. Those without servers are in empty instead, and those that are not
// in the Spec in neither.
func (m *Manager) Decided(since map[confparse.VirtualServerID]time.Time) (decided, empty []confparse.VirtualServerID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.epoch)
	for _, vs := range m.servers {
		switch at, asked := since[vs.id]; {
		case !asked:
		case len(vs.servers) == 0:
			empty = append(empty, vs.id)
		case vs.decided(now, at.Sub(m.epoch)):
			decided = append(decided, vs.id)
		}
	}
	return decided, empty
}
