package healthcheck

import (
	"time"

	"vigil/confparse"
)

// Apply makes s the Spec that is run and returns the health of everything in it, which includes every change not yet
// taken. It changes only what differs from the Spec before: an equal check keeps its timer, its verdict and the probe
// under way, and costs nothing.
//
// A real server that was there before keeps the verdicts of its checks, also of those only timed differently. A check
// that asks something new has no verdict: it does not hold its server down, so the server is up at once unless another
// check has failed, or unless the new check has alpha and the server was down. A new real server starts up, or
// with alpha down; if others already share one of its checks it starts with that verdict.
func (m *Manager) Apply(s Spec) Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()

	before := make(map[confparse.VirtualServerID]*virtualServer, len(m.servers))
	for _, vs := range m.servers {
		before[vs.id] = vs
	}
	for _, vs := range s.VirtualServers {
		if old := before[vs.ID]; old != nil {
			old.kept = true
		}
	}
	for _, vs := range m.servers {
		if !vs.kept {
			m.logVirtualServerRemoved(vs)
		}
	}
	for _, p := range m.probes {
		p.reached = false
	}

	m.servers = make([]*virtualServer, 0, len(s.VirtualServers))
	var fresh []*probe
	for i := range s.VirtualServers {
		spec := &s.VirtualServers[i]
		m.servers = append(m.servers, m.build(spec, before[spec.ID], &fresh))
	}
	for _, vs := range m.servers {
		m.settle(vs, before[vs.id])
	}
	for spec, p := range m.probes {
		if !p.reached {
			p.gone = true
			p.disarm()
			delete(m.probes, spec)
		}
	}
	for _, p := range fresh {
		m.logActivated(p)
		m.arm(p)
	}
	// The Snapshot has it all.
	m.mailbox = nil
	select {
	case <-m.signal:
	default:
	}
	for _, vs := range m.servers {
		vs.dirty = false
	}
	return m.snapshot()
}

// build makes the runtime form of a virtual server. The probes it is the first to ask for go to fresh.
func (m *Manager) build(spec *VirtualServerSpec, old *virtualServer, fresh *[]*probe) *virtualServer {
	vs := &virtualServer{
		id: spec.ID, sorry: spec.SorryServer, sorryInhibit: spec.SorryInhibit,
		quorum:  quorum{quorum: int64(spec.Quorum), hysteresis: int64(spec.Hysteresis)},
		servers: make([]realServer, len(spec.RealServers)),
	}
	var find finder
	if old != nil {
		vs.quorum.up = old.quorum.up
		vs.sorryActive = old.sorryActive && old.sorry == vs.sorry
		find.servers = old.servers
	}
	total := 0
	for i := range spec.RealServers {
		total += len(spec.RealServers[i].Checks)
	}
	checks := make([]check, total) // one array for all, each server having its window
	for i := range spec.RealServers {
		s := &spec.RealServers[i]
		rs := &vs.servers[i]
		n := len(s.Checks)
		*rs = realServer{
			vs: vs, addr: s.ID.Addr, port: s.ID.Port, inhibit: s.Inhibit, weight: s.Weight, checks: checks[:n:n],
		}
		checks = checks[n:]
		was := find.find(rs.addr, rs.port)
		if was != nil {
			was.kept = true
		}
		for j, c := range s.Checks {
			p := m.probes[c]
			if p == nil {
				p = &probe{manager: m, spec: c, added: time.Since(m.epoch)}
				m.probes[c] = p
				*fresh = append(*fresh, p)
			}
			if p.timer == nil && p.tracker == (tracker{}) && was != nil {
				p.tracker = carried(c, was)
			}
			p.subscribe(rs, j)
			rs.checks[j].probe = p
		}
	}
	return vs
}

// subscribe adds a real server of the new Spec; the first one replaces those of the Spec before.
func (p *probe) subscribe(rs *realServer, check int) {
	if !p.reached {
		p.reached = true
		clear(p.subscribers)
		p.subscribers = p.subscribers[:0]
	}
	p.subscribers = append(p.subscribers, subscriber{rs, check})
}

// carried returns what a check knows at its first run: nothing, unless the server had the same check, only timed
// differently, before.
func carried(c CheckSpec, was *realServer) tracker {
	for _, old := range was.checks {
		if old.probe.spec.sameCheck(c) {
			shared := c.shared.Value()
			return old.probe.tracker.carry(policyOf(&shared))
		}
	}
	return tracker{}
}

// initially tells whether the check of p holds its real server down when the Spec begins to run. was is the server in
// the Spec before, or nil.
func initially(p *probe, was *realServer) bool {
	if p.tracker.state != unknown {
		return p.tracker.state == down
	}
	if was != nil {
		for _, old := range was.checks {
			if old.probe.spec.sameCheck(p.spec) {
				return old.failed
			}
		}
	}
	return p.spec.Alpha && (was == nil || !was.up())
}

// settle decides what becomes of a virtual server's pool, tells what changed, and evaluates its quorum. old is the
// virtual server in the Spec before, or nil.
func (m *Manager) settle(vs, old *virtualServer) {
	var find finder
	if old != nil {
		find.servers = old.servers
		for i := range old.servers {
			if rs := &old.servers[i]; !rs.kept {
				m.logRealServerRemoved(rs)
			}
		}
	}
	for i := range vs.servers {
		rs := &vs.servers[i]
		was := find.find(rs.addr, rs.port)
		for j := range rs.checks {
			rs.checks[j].failed = initially(rs.checks[j].probe, was)
		}
		rs.recount()
		if was == nil {
			continue
		}
		if was.up() != rs.up() {
			m.logTransition(rs)
		}
		if was.weight != rs.weight {
			m.logWeight(rs, was.weight)
		}
	}
	vs.recount()
	m.evaluate(vs, true)
}
