package healthcheck

import (
	"time"

	"vigil/confparse"
)

// poolView is a copy of a virtual server for those who look at it: nothing in it changes.
type poolView struct {
	id      confparse.VirtualServerID
	servers []serverView
}

// serverView is a copy of a real server.
type serverView struct {
	id     confparse.RealServerID
	up     bool
	weight int32
	checks []checkView
}

// checkView is a copy of a check of a real server, and of its probe.
type checkView struct {
	spec                  CheckSpec
	failed, running, late bool
	decided               bool
	last                  Result
	failures              uint32
	sharedBy              int
	added, completed      time.Duration // since Manager.epoch
}

// viewed is how many real servers are copied at a time with the lock held. Copying takes about 0.1 µs each, and what is
// made of the copies for thousands of servers takes long: checks that are due do not wait for it.
const viewed = 128

// pools returns the virtual servers in their order. The slice, and what is in a virtual server besides its state, never
// change.
func (m *Manager) pools() []*virtualServer {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.servers
}

// view copies a virtual server. A pool of more than viewed servers may change while it is copied.
func (m *Manager) view(vs *virtualServer) poolView {
	v := poolView{id: vs.id, servers: make([]serverView, len(vs.servers))}
	total := 0
	for i := range vs.servers {
		total += len(vs.servers[i].checks)
	}
	checks := make([]checkView, total) // one array for all, each server having its window
	for i := range vs.servers {
		rs := &vs.servers[i]
		n := len(rs.checks)
		v.servers[i] = serverView{id: rs.id(), checks: checks[:n:n]}
		checks = checks[n:]
	}
	for next, all := 0, false; !all; all = next == len(vs.servers) {
		m.mu.Lock()
		next = v.copyState(vs, next, time.Since(m.epoch))
		m.mu.Unlock()
	}
	return v
}

// copyState copies the state of vs, and of up to viewed servers from the given one on, and returns the next one.
func (v *poolView) copyState(vs *virtualServer, from int, now time.Duration) (next int) {
	next = min(from+viewed, len(vs.servers))
	for i := from; i < next; i++ {
		v.servers[i].copyState(&vs.servers[i], now)
	}
	return next
}

func (v *serverView) copyState(rs *realServer, now time.Duration) {
	v.up, v.weight = rs.up(), rs.weight()
	for i, c := range rs.checks {
		p := c.probe
		v.checks[i] = checkView{
			spec: p.spec, failed: c.failed, running: p.busy, late: p.late, last: p.last, failures: p.failures,
			sharedBy: len(p.subscribers), added: p.added, completed: p.completed, decided: p.decided(now, now),
		}
	}
}
