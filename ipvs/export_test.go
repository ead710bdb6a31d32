package ipvs

import "vigil/ipvs/pool"

// Desired returns the table that spec asks for at a start with this health. The rules are package pool's.
func Desired(spec Spec, h Health) Table {
	t := make(Table, len(spec.VirtualServers))
	var buf []dest
	for i := range spec.VirtualServers {
		vs := &spec.VirtualServers[i]
		p := pool.New(&vs.Pool, vs.health(h, nil))
		for n, s := range vs.Services {
			if _, taken := t[s.Key]; taken {
				continue
			}
			buf = vs.dests(p, n, buf[:0])
			m := make(map[DestKey]DestAttrs, len(buf))
			for _, d := range buf {
				m[d.key] = d.attrs
			}
			t[s.Key] = Service{Attrs: s.Attrs, Dests: m}
		}
	}
	return t
}
