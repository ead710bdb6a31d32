package healthcheck

import "time"

// hearsWithin is how long a check that is told what it knows, such as BFD_CHECK, is given until it is.
const hearsWithin = 10 * time.Second

// deliberation is how long a check may take from its beginning to its first verdict when all is well, and as much as it takes until it
// is overdue on top.
func (c CheckSpec) deliberation() time.Duration {
	if kinds[c.Kind].follow != nil {
		return hearsWithin
	}
	rules, p := c.policy(), c.shared.Value()
	more := max(1, int(rules.rise))*max(1, rules.steps) - 1
	if rules.insists {
		more += int(rules.retry)
	}
	return c.patience(false) + time.Duration(more)*p.interval()
}

// decided reports whether p has come to a verdict, or has been without one for too long to be waited for. It is waited for since p was
// added, and no longer than since another moment. Both are since Manager.epoch.
func (p *probe) decided(now, since time.Duration) bool {
	if p.judgement.state != unknown {
		return true
	}
	begun := max(p.added, p.excused) // nobody asked before
	return !p.suspended() && now-min(begun, since) > p.spec.deliberation()
}

func (vs *virtualServer) decided(now, since time.Duration) bool {
	for i := range vs.servers {
		for _, c := range vs.servers[i].checks {
			if !c.probe.decided(now, since) {
				return false
			}
		}
	}
	return true
}
