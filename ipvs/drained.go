package ipvs

import "vigil/confparse"

// Drained returns s with those servers drained that drained says, and no others. What is as it was is shared with s.
func (s Spec) Drained(drained func(confparse.RealServerID) bool) Spec {
	copied := false
	for i := range s.VirtualServers {
		vs := &s.VirtualServers[i]
		var servers []PoolServer
		for k := range vs.Pool.Servers {
			if want := drained(vs.serverID(k)); want != vs.Pool.Servers[k].Drained {
				if servers == nil {
					servers = append(servers, vs.Pool.Servers...)
				}
				servers[k].Drained = want
			}
		}
		if servers == nil {
			continue
		}
		if !copied {
			s.VirtualServers, copied = append([]VirtualServerSpec(nil), s.VirtualServers...), true
		}
		s.VirtualServers[i].Pool.Servers = servers
	}
	return s
}
