package healthcheck

import (
	"slices"
	"time"

	"vigil/confparse"
)

// Apply makes s the Spec that is run and returns the health of everything in it, and every change not yet taken. It changes only what differs from the Spec before: a virtual server that is the same is not touched, and an
// equal check of another one keeps its timer, its verdict and the probe under way.
//
// A real server that was there before keeps the verdicts of its checks, also of those only timed differently. A check
// that asks something new has no verdict: it does not hold its server down, so the server is up at once unless another
// check has failed, or unless the new check has alpha and the server was down. A new real server starts up, or
// with alpha down; if others already share one of its checks it starts with that verdict.
func (m *Manager) Apply(s Spec) Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	untaken := m.mail.take()
	servers := make([]*virtualServer, len(s.VirtualServers)) // nil where one must be built
	before := make([]*virtualServer, len(servers))
	old := finder[confparse.VirtualServerID, *virtualServer]{
		list: m.servers, key: func(vs **virtualServer) confparse.VirtualServerID { return (*vs).id },
	}
	for i := range s.VirtualServers {
		spec := &s.VirtualServers[i]
		found := old.find(spec.ID)
		if found == nil || (*found).named { // named: by a virtual server of the same ID
			continue
		}
		vs := *found
		before[i], vs.named = vs, true
		if vs.matches(spec) {
			servers[i], vs.kept = vs, true
		}
	}
	m.means.expressions.forget()
	touched := m.leave(m.servers)
	var fresh []*probe
	for i := range servers {
		if servers[i] == nil {
			servers[i] = m.build(&s.VirtualServers[i], before[i], &fresh)
		}
	}
	m.servers = servers
	var down []*realServer
	for i, vs := range servers {
		if !vs.kept {
			down = vs.begin(before[i], down)
		}
	}
	for _, p := range touched {
		p.touched = false
		if len(p.subscribers) == 0 {
			p.gone = true
			p.disarm()
			if p.unfollow != nil {
				p.unfollow()
			}
			delete(m.probes, p.spec)
		}
	}
	m.logActivated(fresh)
	for _, p := range fresh {
		p.fresh = false
		m.arm(p)
	}
	for _, vs := range m.servers {
		vs.named, vs.kept = false, false
	}
	select {
	case <-m.mail.filled:
	default:
	}
	snapshot := m.snapshot()
	snapshot.Untaken = untaken
	m.mail.mu.Lock()
	for _, rs := range down {
		m.mail.put(rs, true, true)
	}
	m.mail.mu.Unlock()
	m.mail.hand()
	return snapshot
}

// leave ends the subscriptions of the virtual servers that do not go on as they are, and returns the probes that have
// lost some.
func (m *Manager) leave(servers []*virtualServer) (touched []*probe) {
	for _, vs := range servers {
		if vs.kept {
			continue
		}
		for i := range vs.servers {
			for _, c := range vs.servers[i].checks {
				if !c.probe.touched {
					c.probe.touched = true
					touched = append(touched, c.probe)
				}
			}
		}
	}
	for _, p := range touched {
		p.subscribers = slices.DeleteFunc(p.subscribers, func(s subscriber) bool { return !s.rs.vs.kept })
	}
	return touched
}

// build makes the runtime form of a virtual server. The probes it is the first to ask for go to fresh.
func (m *Manager) build(spec *VirtualServerSpec, old *virtualServer, fresh *[]*probe) *virtualServer {
	vs := &virtualServer{id: spec.ID, servers: make([]realServer, len(spec.RealServers))}
	find := old.finder()
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
			vs: vs, addr: s.ID.Addr, port: s.ID.Port, base: s.Weight, checks: checks[:n:n],
		}
		checks = checks[n:]
		was := find.find(rs.endpoint())
		for j, c := range s.Checks {
			p := m.probes[c]
			if p == nil {
				p = &probe{manager: m, spec: c, added: time.Since(m.epoch), fresh: true}
				m.probes[c] = p
				m.begin(p)
				*fresh = append(*fresh, p)
			}
			if p.fresh && p.unfollow == nil && p.judgement == (judgement{}) && was != nil {
				p.judgement = carried(c, was)
			}
			p.subscribers = append(p.subscribers, subscriber{rs, j})
			rs.checks[j].probe = p
		}
	}
	return vs
}

// carried returns what a check knows at its first run: nothing, unless the server had the same check, only timed
// differently, before.
func carried(c CheckSpec, was *realServer) judgement {
	for _, old := range was.checks {
		if old.probe.spec.sameCheck(c) {
			return old.probe.judgement.carry(c.policy())
		}
	}
	return judgement{}
}

// initially tells whether the check of p holds its real server down when the Spec begins to run. was is the server in
// the Spec before, or nil.
func initially(p *probe, was *realServer) bool {
	if p.judgement.state != unknown {
		return p.judgement.state == down
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

// begin decides what becomes of the servers of a virtual server. old is the virtual server in the Spec before, or nil. It returns
// down with those that are new and down by what another server's check knows: it is heard at once, as from a check of their own.
func (vs *virtualServer) begin(old *virtualServer, down []*realServer) []*realServer {
	find := old.finder()
	for i := range vs.servers {
		rs := &vs.servers[i]
		was := find.find(rs.endpoint())
		for j := range rs.checks {
			c := &rs.checks[j]
			c.failed, c.weight = initially(c.probe, was), c.probe.judgement.weight
		}
		if rs.recount(); was == nil && slices.ContainsFunc(rs.checks, check.foundDown) {
			down = append(down, rs)
		}
	}
	return down
}

// foundDown reports whether a check that another server has already has found both down, and that is news.
func (c check) foundDown() bool {
	p := c.probe
	return !p.fresh && p.judgement.state == down && !(p.spec.Alpha && p.words().awaited)
}
