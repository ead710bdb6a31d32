package healthcheck

import "vigil/confparse"

// Suspend has the servers of the given virtual servers not probed until the next call, and those of all others probed. A
// server keeps the verdict that it has. It may name virtual servers that there are not, or not yet.
func (m *Manager) Suspend(ids map[confparse.VirtualServerID]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.suspended = ids
}

// suspended reports whether nobody wants to know what p would find.
func (p *probe) suspended() bool {
	if len(p.manager.suspended) == 0 {
		return false
	}
	for _, s := range p.subscribers {
		if !p.manager.suspended[s.rs.vs.id] {
			return false
		}
	}
	return true
}
