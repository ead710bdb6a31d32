package ipvs

import (
	"net/netip"

	"vigil/confparse"
)

// Firewall is nftables_ipvs: virtual servers of a group of addresses are one service by firewall mark, and the firewall
// gives packets to those addresses the mark.
type Firewall struct {
	Table     string // "": off
	Priority  int32  // of the chain
	FirstMark uint32
}

// MarkedEndpoint is where packets go that get the mark of a virtual server.
type MarkedEndpoint struct {
	netip.AddrPort
	Protocol confparse.Protocol
	Mark     uint32
}

// marks gives virtual servers their firewall marks: each its own, from FirstMark on, none that the configuration uses
// itself. A virtual server keeps the one that it had, so that a reload does not take its connections away.
type marks struct {
	Firewall
	before map[confparse.VirtualServerID]uint32
	taken  map[uint32]bool
	next   uint32
}

func newMarks(c *confparse.Config, before Spec) *marks {
	f := c.Global.IPVSFirewall
	if f.Table == "" {
		return &marks{}
	}
	m := &marks{Firewall: Firewall{Table: f.Table, Priority: f.Priority, FirstMark: f.FirstMark},
		before: make(map[confparse.VirtualServerID]uint32), taken: make(map[uint32]bool), next: f.FirstMark}
	for _, g := range c.Groups {
		for _, e := range g.Entries {
			m.taken[e.Fwmark] = true
		}
	}
	there := make(map[confparse.VirtualServerID]bool, len(c.VirtualServers))
	for _, vs := range c.VirtualServers {
		m.taken[vs.ID.Fwmark], there[vs.ID] = true, true
	}
	if before.Firewall.FirstMark != f.FirstMark {
		return m
	}
	for i := range before.VirtualServers {
		if vs := &before.VirtualServers[i]; len(vs.Marked) > 0 && there[vs.ID] && !m.taken[vs.Marked[0].Mark] {
			m.before[vs.ID] = vs.Marked[0].Mark
			m.taken[vs.Marked[0].Mark] = true
		}
	}
	return m
}

// of returns the mark of a virtual server. There are more marks than anybody has virtual servers.
func (m *marks) of(id confparse.VirtualServerID) uint32 {
	if mark, ok := m.before[id]; ok {
		return mark
	}
	for m.taken[m.next] {
		m.next++
	}
	m.taken[m.next] = true
	return m.next
}

// marked reports whether the virtual servers of a group are to be services by mark: one that has marks of its own, or
// serves all ports of an address, is not.
func (m *marks) marked(g *confparse.VirtualServerGroup) bool {
	if m.Table == "" {
		return false
	}
	for _, e := range g.Entries {
		if e.Fwmark != 0 || e.Port == 0 {
			return false
		}
	}
	return true
}

// endpoints returns what gets the mark.
func endpoints(g *confparse.VirtualServerGroup, p confparse.Protocol, mark uint32) (list []MarkedEndpoint) {
	for _, e := range g.Entries {
		for a := range e.Addresses() {
			list = append(list, MarkedEndpoint{netip.AddrPortFrom(a, e.Port), p, mark})
		}
	}
	return list
}
