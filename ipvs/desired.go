package ipvs

import (
	"maps"
	"slices"

	"vigil/confparse"
)

// Health is what is known about servers and quorums. What it does not mention is up: a real server with its
// configured weight, a virtual server with its quorum.
type Health struct {
	RealServers map[confparse.RealServerID]RealServerHealth
	QuorumUp    map[confparse.VirtualServerID]bool
}

// RealServerHealth is the health of one real server.
type RealServerHealth struct {
	Up     bool
	Weight int32 // effective weight while up; below 0 counts as 0
}

// Desired returns the table that spec asks for when the servers' health is h.
//
// While the quorum is lost and there is a sorry server, that server is in with weight 1 and every real server is
// out. Otherwise the real servers that are up are in with their weights. Where a real server has inhibit_on_failure,
// or a sorry server sorry_server_inhibit, "out" means weight 0.
func Desired(spec Spec, h Health) Table {
	t := make(Table, len(spec.Services))
	for i := range spec.Services {
		t[spec.Services[i].Key] = spec.Services[i].Desired(h)
	}
	return t
}

// Desired returns what Desired has for this service.
func (s *ServiceSpec) Desired(h Health) Service {
	dests := s.dests(s.health(h, nil), nil)
	m := make(map[DestKey]DestAttrs, len(dests))
	for _, d := range dests {
		m[d.key] = d.attrs
	}
	return Service{Attrs: s.Attrs, Dests: m}
}

// serviceHealth is the part of a Health that concerns one ServiceSpec: real is parallel to its RealServers.
type serviceHealth struct {
	real     []RealServerHealth
	quorumUp bool
}

func (a serviceHealth) equal(b serviceHealth) bool {
	return a.quorumUp == b.quorumUp && slices.Equal(a.real, b.real)
}

// health returns what h says of the service, in the memory of buf.
func (s *ServiceSpec) health(h Health, buf []RealServerHealth) serviceHealth {
	out := serviceHealth{quorumUp: true, real: buf[:0]}
	if up, ok := h.QuorumUp[s.ID]; ok {
		out.quorumUp = up
	}
	for i := range s.RealServers {
		rs := &s.RealServers[i]
		rh, ok := h.RealServers[confparse.RealServerID{VS: s.ID, Addr: rs.Addr, Port: rs.Port}]
		if !ok {
			rh = RealServerHealth{Up: true, Weight: rs.Weight}
		}
		out.real = append(out.real, rh)
	}
	return out
}

// dest is a destination in the order in which it is added to the kernel, which schedulers can tell apart.
type dest struct {
	key   DestKey
	attrs DestAttrs
}

// dests appends the desired destinations of the service to buf.
func (s *ServiceSpec) dests(h serviceHealth, buf []dest) []dest {
	sorryServes := s.Sorry.Addr.IsValid() && !h.quorumUp
	for i, rs := range s.RealServers {
		weight := int32(0)
		if h.real[i].Up && !sorryServes {
			weight = max(h.real[i].Weight, 0)
		} else if !rs.InhibitOnFailure {
			continue
		}
		buf = append(buf, dest{s.Key.dest(rs.Addr, rs.Port, rs.Forwarding), DestAttrs{
			Weight: weight, UpperThreshold: rs.UpperThreshold, LowerThreshold: rs.LowerThreshold,
			Forwarding: rs.Forwarding, Tunnel: rs.Tunnel,
		}})
	}
	if sorryServes || s.Sorry.Addr.IsValid() && s.Sorry.Inhibit {
		buf = s.addSorry(buf, sorryServes)
	}
	return buf
}

// addSorry adds the sorry server. It may be one of the real servers: serving, it replaces that server's entry; not
// serving, that server's entry stands.
func (s *ServiceSpec) addSorry(buf []dest, serves bool) []dest {
	ss := dest{
		s.Key.dest(s.Sorry.Addr, s.Sorry.Port, s.Sorry.Forwarding),
		DestAttrs{Forwarding: s.Sorry.Forwarding, Tunnel: s.Sorry.Tunnel},
	}
	if serves {
		ss.attrs.Weight = 1
	}
	for i := range buf {
		if buf[i].key == ss.key {
			if serves {
				buf[i] = ss
			}
			return buf
		}
	}
	return append(buf, ss)
}

// merge lays the entries of o over h.
func (h *Health) merge(o Health) {
	if h.RealServers == nil && len(o.RealServers) > 0 {
		h.RealServers = make(map[confparse.RealServerID]RealServerHealth, len(o.RealServers))
	}
	if h.QuorumUp == nil && len(o.QuorumUp) > 0 {
		h.QuorumUp = make(map[confparse.VirtualServerID]bool, len(o.QuorumUp))
	}
	maps.Copy(h.RealServers, o.RealServers)
	maps.Copy(h.QuorumUp, o.QuorumUp)
}
