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
func (m *Manager) Changed() <-chan struct{} { return m.signal }

// Take returns what has changed since the last Take or Apply, which has the rest, each real server once with its latest health, in the order
// in which they first changed. Where only a check came to another verdict the health is what it was.
func (m *Manager) Take() []Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.take()
}

// take is Take with m.mu held.
func (m *Manager) take() []Change {
	if len(m.mailbox) == 0 {
		return nil
	}
	changes := make([]Change, 0, len(m.mailbox))
	for _, rs := range m.mailbox {
		rs.dirty = false
		changes = append(changes, Change{RealServer: rs.id(), Up: rs.up(), Weight: rs.weight(), Initial: rs.initial,
			Alerts: m.alerts[rs], Same: !rs.moved})
	}
	m.mailbox, m.alerts = nil, nil
	return changes
}

// notify puts a server into the mailbox. initial is Change.Initial; moved: it is not about its checks alone.
func (m *Manager) notify(rs *realServer, initial, moved bool) {
	if rs.dirty {
		rs.moved = rs.moved || moved
		return
	}
	rs.dirty, rs.initial, rs.moved = true, initial, moved
	m.mailbox = append(m.mailbox, rs)
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

// deliver tells every real server that is judged by p of its new verdict, which came of r. before is the one before.
func (m *Manager) deliver(p *probe, before verdict, o observed, r Result) {
	ok, initial := o.verdict == up, before == unknown
	alert, alerts := p.alert(before, o, r)
	for _, s := range p.subscribers {
		// That a server is down which alpha has only taken to be is news, too, of most checks.
		moved := s.rs.judge(s.check, ok) || initial && !ok && p.spec.Alpha && !p.words().awaited
		if moved || alerts {
			m.notify(s.rs, initial, moved)
		}
		if alerts {
			if m.alerts == nil {
				m.alerts = make(map[*realServer][]Alert)
			}
			m.alerts[s.rs] = append(m.alerts[s.rs], alert)
		}
	}
}

// deliverWeight tells every real server that is judged by p what the check adds to its weight now.
func (m *Manager) deliverWeight(p *probe) {
	for _, s := range p.subscribers {
		if s.rs.weigh(s.check, p.judgement.weight) {
			m.notify(s.rs, false, true)
		}
	}
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
