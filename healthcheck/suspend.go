package healthcheck

import "vigil/confparse"

// Suspend has the servers of the given virtual servers not probed until the next call, and those of all others probed. One that is
// given with false is probed too: it is not known yet whether it is to be. A server keeps the verdict that it has. It may name virtual
// servers that there are not, or not yet. The map must not be changed any more.
func (m *Manager) Suspend(ids map[confparse.VirtualServerID]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.suspended
	m.suspended = ids
	m.logSuspended(before)
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
