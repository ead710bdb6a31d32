package ipvs

import (
	"vigil/confparse"
	"vigil/ipvs/pool"
)

// Health is what the checks say of real servers. One that it does not mention is up with its configured weight.
type Health struct {
	RealServers map[confparse.RealServerID]RealServerHealth
}

// RealServerHealth is the verdict on one real server.
type RealServerHealth = pool.Health

// HealthChange is what the checks have found out about one real server.
type HealthChange struct {
	Server confparse.RealServerID
	RealServerHealth
	Alerts []Alert // what its checks came to, in order
	Same   bool    // nothing has been found out about the server itself
}

// Alert is what a check of a real server came to.
type Alert = pool.Alert

// health returns what h says of the virtual server's servers, in their order, in the memory of buf.
func (s *VirtualServerSpec) health(h Health, buf []pool.Health) []pool.Health {
	buf = buf[:0]
	for i := range s.Pool.Servers {
		rs := pool.Health{Up: true, Weight: s.Pool.Servers[i].Weight}
		if len(h.RealServers) > 0 {
			if known, ok := h.RealServers[s.serverID(i)]; ok {
				rs = known
			}
		}
		buf = append(buf, rs)
	}
	return buf
}

// dest is a destination in the order in which it is added to the kernel, which schedulers can tell apart.
type dest struct {
	key   DestKey
	attrs DestAttrs
}

// dests appends to buf what service n of the virtual server is to have.
func (s *VirtualServerSpec) dests(p *pool.Pool, n int, buf []dest) []dest {
	for i := range s.Pool.Servers {
		weight, in := p.Weight(n, i)
		if !in {
			continue
		}
		rs := &s.Pool.Servers[i]
		buf = append(buf, dest{s.destKey(n, i), DestAttrs{
			Weight: weight, UpperThreshold: rs.UpperThreshold, LowerThreshold: rs.LowerThreshold,
			Forwarding: rs.Forwarding, Tunnel: rs.Tunnel,
		}})
	}
	buf = s.draining(p, n, buf)
	weight, in := p.Weight(n, pool.Sorry)
	if !in {
		return buf
	}
	// The sorry server may be one of the real servers: serving, it replaces that server's entry; not serving, that
	// server's entry stands.
	sorry := dest{s.destKey(n, pool.Sorry), DestAttrs{
		Weight: weight, Forwarding: s.Pool.Sorry.Forwarding, Tunnel: s.Pool.Sorry.Tunnel,
	}}
	for i := range buf {
		if buf[i].key == sorry.key {
			if p.Serving() {
				buf[i] = sorry
			}
			return buf
		}
	}
	return append(buf, sorry)
}

// draining appends to buf the servers that have left the configuration and end their connections. What they are to the
// kernel another server may have become meanwhile.
func (s *VirtualServerSpec) draining(p *pool.Pool, n int, buf []dest) []dest {
	servers := p.Draining()
	if len(servers) == 0 {
		return buf
	}
	taken := make(map[DestKey]bool, len(buf)+1)
	for _, d := range buf {
		taken[d.key] = true
	}
	if s.Pool.Sorry.Exists() {
		taken[s.destKey(n, pool.Sorry)] = true
	}
	for i := range servers {
		rs := &servers[i]
		if k := s.Services[n].Key.dest(rs.Addr, rs.Port, rs.Forwarding); !taken[k] {
			buf = append(buf, dest{k, DestAttrs{UpperThreshold: rs.UpperThreshold, LowerThreshold: rs.LowerThreshold,
				Forwarding: rs.Forwarding, Tunnel: rs.Tunnel}})
		}
	}
	return buf
}

// destKey is what the kernel calls server i, or the Sorry server, under service n.
func (s *VirtualServerSpec) destKey(n, i int) DestKey {
	k := s.Services[n].Key
	if i == pool.Sorry {
		return k.dest(s.Pool.Sorry.Addr, s.Pool.Sorry.Port, s.Pool.Sorry.Forwarding)
	}
	rs := &s.Pool.Servers[i]
	return k.dest(rs.Addr, rs.Port, rs.Forwarding)
}
