package healthcheck

import "time"

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

// decided reports whether p has come to a verdict, or has been without one for too long to be waited for.
func (p *probe) decided(epoch time.Time) bool {
	return p.judgement.state != unknown || time.Since(epoch)-p.added > p.spec.patience(false)
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
