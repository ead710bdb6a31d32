package healthcheck

import "vigil/confparse"

// Change is the latest health of one real server.
type Change struct {
	RealServer confparse.RealServerID
	Up         bool
	Weight     int32 // whether it is up or not: the configured one and what its checks add
	// Initial: Up rests on the first verdict of a check. Until then the server was only taken to be up, or down by alpha;
	// that it is down then is handed out although it was taken to be.
	Initial bool
	Alerts  []Alert // what its checks came to, in order
	// Same: nothing of the server has changed, nor been heard that was only taken to be so; it is about Alerts alone.
	Same bool
}

// Snapshot is the health of everything in a Spec, in its order.
type Snapshot struct {
	VirtualServers []VirtualServerHealth
	// Untaken is what nobody had taken yet of the Spec before. The health has it already; whoever tells of changes has not.
	Untaken []Change
}

// VirtualServerHealth is the health of one virtual server.
type VirtualServerHealth struct {
	ID          confparse.VirtualServerID
	RealServers []RealServerHealth
}

// RealServerHealth is the health of one real server.
type RealServerHealth struct {
	ID     confparse.RealServerID
	Up     bool
	Weight int32
}

// Changed receives a value when Take has something to return. It is never closed.
func (m *Manager) Changed() <-chan struct{} { return m.mail.filled }

// Take returns what has changed since the last Take or Apply, which has the rest, each real server once with its latest health, in the order
// in which they first changed. Where only a check came to another verdict the health is what it was.
func (m *Manager) Take() []Change { return m.mail.take() }

// deliver tells every real server that is judged by p of its new verdict, which came of r, and of what that adds to its weight if this
// is another than before. before is the verdict before. Those of one virtual server are handed on together.
func (m *Manager) deliver(p *probe, before verdict, o observed, r Result, weighs bool) {
	ok, initial := o.verdict == up, before == unknown
	var alerts []Alert
	if alert, any := p.alert(before, o, r); any {
		alerts = []Alert{alert}
	}
	say := m.sayVerdict(p, o, r)
	for rest := p.subscribers; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].rs.vs == rest[0].rs.vs {
			n++
		}
		for _, s := range rest[:n] {
			say(s.rs)
		}
		m.mail.mu.Lock()
		for _, s := range rest[:n] {
			weighed := weighs && s.rs.weigh(s.check, p.judgement.weight)
			// That a server is down which alpha has only taken to be is news, too, of most checks.
			moved := s.rs.judge(s.check, ok) || initial && !ok && p.spec.Alpha && !p.words().awaited
			if moved || weighed || len(alerts) > 0 {
				m.mail.put(s.rs, initial && !(weighed && ok), moved || weighed, alerts...)
			}
		}
		m.mail.mu.Unlock()
		m.mail.hand()
		rest = rest[n:]
	}
}

// deliverWeight tells every real server that is judged by p what the check adds to its weight now.
func (m *Manager) deliverWeight(p *probe) {
	m.mail.mu.Lock()
	for _, s := range p.subscribers {
		if s.rs.weigh(s.check, p.judgement.weight) {
			m.mail.put(s.rs, false, true)
		}
	}
	m.mail.mu.Unlock()
	m.mail.hand()
}

// snapshot returns the health of everything.
func (m *Manager) snapshot() Snapshot {
	s := Snapshot{VirtualServers: make([]VirtualServerHealth, 0, len(m.servers))}
	total := 0
	for _, vs := range m.servers {
		total += len(vs.servers)
	}
	all := make([]RealServerHealth, 0, total) // each virtual server has its window
	for _, vs := range m.servers {
		from := len(all)
		for i := range vs.servers {
			rs := &vs.servers[i]
			all = append(all, RealServerHealth{ID: rs.id(), Up: rs.up(), Weight: rs.weight()})
		}
		s.VirtualServers = append(s.VirtualServers, VirtualServerHealth{
			ID: vs.id, RealServers: all[from:len(all):len(all)],
		})
	}
	return s
}
