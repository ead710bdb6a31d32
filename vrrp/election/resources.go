package election

import "slices"

// own tells the shell what shall be in place now: the resources if present, else nothing.
func (m *Machine) own() {
	m.generation++
	o := Own{Generation: m.generation, Quiet: m.quiet}
	switch {
	case m.quiet: // what is not in place is not handed over
		o.Resources = slices.DeleteFunc(slices.Clone(m.resources), func(r Resource) bool {
			return fails(m.failures, r) || !slices.Contains(m.owned, r)
		})
	case m.present:
		o.Resources = m.resources
	}
	for _, r := range m.owned {
		if !slices.Contains(o.Resources, r) && !slices.Contains(o.Remove, r) {
			o.Remove = append(o.Remove, r)
		}
	}
	m.owned = o.Resources
	m.emit(o)
}

// take puts the resources in place, for a MASTER.
func (m *Machine) take() {
	m.timers.release = Never
	if !m.present || m.quiet || len(m.failures) > 0 {
		m.present, m.quiet = true, false
		m.own()
	}
}

// handOver keeps the resources in place until a time, for whom they still reach.
func (m *Machine) handOver(until Instant) {
	m.timers.release = until
	m.quiet = true
	m.own()
}

// release removes the resources if they are there.
func (m *Machine) release() {
	m.timers.release = Never
	if m.present {
		m.present, m.quiet = false, false
		m.own()
	}
}

// effectDone notes what could not be installed or removed. The rest is served; a MASTER that has none of its advertised
// addresses leaves the election, so that a peer serves them. All of it is tried again, ever more rarely.
func (m *Machine) effectDone(now Instant, ev EffectDone) {
	if ev.Generation != m.generation || m.phase == resigning {
		return
	}
	before := m.failures
	m.failures = slices.Clone(ev.Failures)
	m.reportFailures(before)
	for _, f := range m.failures {
		if !m.present || !slices.Contains(m.resources, f.Resource) {
			m.owned = append(slices.Clip(m.owned), f.Resource) // still to be removed
		}
	}
	switch {
	case m.unserved || m.timers.release != Never: // stands back, or is about to go anyway
	case len(m.failures) == 0 && m.present:
		m.retry = backoff{at: Never}
	case len(m.failures) == 0:
		m.retry.at = Never
	case m.state == Master && m.present && !m.serves():
		m.retry.next(now, max(standBackFirst, m.activeDownInterval()))
		m.unserved = true
		m.checkFaults(now)
		return
	default:
		m.retry.next(now, retryFirst)
	}
	if m.state == Master {
		if m.unclaimed {
			m.sendFirst(now)
		}
		m.announceInstalled(before)
	}
}

// serves reports whether at least one of the advertised addresses is in place; without any, of all resources.
func (m *Machine) serves() bool {
	if len(m.spec.Addresses) > 0 {
		return slices.ContainsFunc(m.spec.Addresses, func(a Address) bool { return !fails(m.failures, a) })
	}
	return len(m.resources) == 0 || slices.ContainsFunc(m.resources, func(r Resource) bool { return !fails(m.failures, r) })
}

func fails(list []Failure, r Resource) bool {
	return slices.ContainsFunc(list, func(f Failure) bool { return f.Resource == r })
}

// reportFailures reports each resource once when it fails, and once when it is there after all.
func (m *Machine) reportFailures(before []Failure) {
	for _, f := range m.failures {
		if !fails(before, f.Resource) {
			m.emit(Report{Kind: ReportResourceFailed, Resource: f.Resource, Removing: !m.wanted(f.Resource), Err: f.Err})
		}
	}
	for _, f := range before {
		if m.wanted(f.Resource) && slices.Contains(m.owned, f.Resource) && !fails(m.failures, f.Resource) {
			m.emit(Report{Kind: ReportResourceInstalled, Resource: f.Resource})
		}
	}
}

// wanted reports whether a resource is to be in place.
func (m *Machine) wanted(r Resource) bool { return m.present && slices.Contains(m.resources, r) }

// tryAgain has what could not be installed or removed tried again.
func (m *Machine) tryAgain() {
	m.retry.at = Never
	m.unserved = false
	if len(m.failures) > 0 && m.phase != resigning && m.timers.release == Never {
		m.own()
	}
}

// tryAfresh is tryAgain when something has changed that may help: how often it failed does not count any more.
func (m *Machine) tryAfresh() {
	if m.retry.at != Never {
		m.retry.pause = 0
		m.tryAgain()
	}
}
