package confparse

import (
	"cmp"
	"net/netip"
)

// Sources lists where the members of c come from, none twice.
func (c *Config) Sources() (list []Source) {
	seen := make(map[Source]bool)
	for _, vs := range c.VirtualServers {
		for _, s := range vs.Sources {
			if !seen[s.From] {
				seen[s.From] = true
				list = append(list, s.From)
			}
		}
	}
	return list
}

// WithMembers returns c with the members that its sources have now, settled as if they were written. It changes nothing of c.
func (c *Config) WithMembers(of func(Source) []Member) *Config {
	next := *c
	next.VirtualServers = make([]*VirtualServer, len(c.VirtualServers))
	for i, vs := range c.VirtualServers {
		next.VirtualServers[i] = vs.withMembers(of)
	}
	return &next
}

// Sourced returns what WithMembers needs of c to make, time and again, what a load that knows c would make: virtual servers without
// sources that stand alone are there as Unchanged. It is nil when no virtual server has a source.
func (c *Config) Sourced() *Config {
	if len(c.Sources()) == 0 {
		return nil
	}
	kept := *c
	kept.Inputs, kept.Known = nil, nil
	kept.VirtualServers = make([]*VirtualServer, len(c.VirtualServers))
	for i, vs := range c.VirtualServers {
		if len(vs.Sources) == 0 && vs.ID.Group == "" {
			vs = &VirtualServer{Range: vs.Range, ID: vs.ID, Unchanged: true}
		}
		kept.VirtualServers[i] = vs
	}
	return &kept
}

func (vs *VirtualServer) withMembers(of func(Source) []Member) *VirtualServer {
	if len(vs.Sources) == 0 {
		return vs
	}
	next := *vs
	next.RealServers = append(make([]*RealServer, 0, len(vs.RealServers)), vs.RealServers...)
	for _, list := range vs.Members(of) {
		next.RealServers = append(next.RealServers, list...)
	}
	if ss := vs.SorryServer; ss != nil {
		for _, rs := range next.RealServers[len(vs.RealServers):] {
			if rs.ID.Addr == ss.Addr && rs.ID.Port == ss.Port { // one server of the kernel, see settleSorry
				same := *ss
				same.Inhibit = rs.InhibitOnFailure
				next.SorryServer = &same
			}
		}
	}
	return &next
}

// Members returns the members that vs has of each of its sources, in the sources' order: those of a family that it can have. A server
// that is written comes before a member of its address and port, and so does a member of an earlier source.
func (vs *VirtualServer) Members(of func(Source) []Member) [][]*RealServer {
	all := make([][]*RealServer, len(vs.Sources))
	taken := make(map[RealServerID]bool, len(vs.RealServers))
	for _, rs := range vs.RealServers {
		taken[rs.ID] = true
	}
	for i, s := range vs.Sources {
		list := of(s.From)
		servers := make([]RealServer, len(list))
		checkers := make([]Checker, len(list)*len(s.Each.Checkers))
		for _, m := range list {
			if s.Each.Forwarding != TUN && FamilyOf(m.Addr) != vs.ID.Family {
				continue
			}
			id := RealServerID{VS: vs.ID, Addr: m.Addr, Port: vs.kernelPort(s.Each.Forwarding, m.Port)}
			if taken[id] {
				continue
			}
			taken[id] = true
			rs := &servers[0]
			servers = servers[1:]
			*rs = *s.Each
			rs.ID = id
			if m.Weighted {
				rs.Weight = m.Weight
			}
			rs.Checkers = make([]*Checker, len(s.Each.Checkers))
			for k, ck := range s.Each.Checkers {
				checkers[k] = ck.of(rs, cmp.Or(m.Port, id.Port))
				rs.Checkers[k] = &checkers[k]
			}
			checkers = checkers[len(rs.Checkers):]
			all[i] = append(all[i], rs)
		}
	}
	return all
}

// of returns the checker of real_servers_from as that of its member rs. port is the one to ask, unless another one is written.
func (c *Checker) of(rs *RealServer, port uint16) Checker {
	own := *c
	if !socketKind(c.Kind) {
		return own
	}
	if !own.Connect.Addr.IsValid() {
		own.Connect.Addr = rs.ID.Addr
	}
	if own.Connect.Port == 0 && c.Kind != PingCheck {
		own.Connect.Port = port
	}
	if b := own.Connect.BindAddr; b.IsValid() && FamilyOf(b) != FamilyOf(own.Connect.Addr) { // TUN, of both families
		own.Connect.BindAddr, own.Connect.BindPort = netip.Addr{}, 0
	}
	return own
}
