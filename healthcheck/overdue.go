package healthcheck

import "time"

// overdueAfter is how many of its intervals a check may go without completing before that is told. lookEvery is how often
// somebody looks.
const (
	overdueAfter = 3
	lookEvery    = 10 * time.Second
)

// interval is how long a check takes at most from the end of one attempt to the end of the next when all is well: the
// longer of its delays, or the time it has to connect.
func (t timing) interval(via *dial) time.Duration {
	return max(t.delayLoop, t.delayBeforeRetry, via.timeout)
}

// patience is how long after its last end, or after it was added, a check is not overdue.
func (c CheckSpec) patience(completed bool) time.Duration {
	p := c.shared.Value()
	patience := overdueAfter * p.timing.interval(&p.via)
	if !completed {
		patience += bootstrapDelay + p.timing.warmup
	}
	return patience
}

// since is when p has last completed, was added, or was not made because it is suspended.
func (p *probe) since() time.Duration { return max(p.added, p.completed, p.excused) }

// overdue reports whether p has not completed for too long at a moment since Manager.epoch.
func (p *probe) overdue(now time.Duration) bool {
	return p.timer != nil && now-p.since() > p.spec.patience(p.completed > p.added)
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
