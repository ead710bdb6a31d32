package daemon

import (
	"cmp"
	"net/netip"
	"slices"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/ipvs"
)

// servicesPlan collects the steps of virtual servers.
type servicesPlan struct {
	steps   []Step
	touched map[confparse.VirtualServerID]bool // what a step is about
}

func (s *services) diff(old, new Desired) []Step {
	p := servicesPlan{touched: make(map[confparse.VirtualServerID]bool)}
	if old.IPVS.FlushAtStart != new.IPVS.FlushAtStart {
		p.steps = append(p.steps, step(Change, "lvs_flush, for the next start"))
	}
	if old.IPVS.FlushOnStop != new.IPVS.FlushOnStop {
		p.steps = append(p.steps, step(Change, "lvs_flush_on_stop"))
	}
	if old.Checks.TLS != new.Checks.TLS {
		p.steps = append(p.steps, step(Change, "SSL, for checks over TLS"))
	}
	if old.IPVS.Timeouts != new.IPVS.Timeouts {
		p.steps = append(p.steps, step(Change, "lvs_timeouts"))
	}
	if old.IPVS.Settings != new.IPVS.Settings {
		p.steps = append(p.steps, step(Change, "settings of IPVS (%s)", cmp.Or(new.IPVS.Settings.String(), "as they were")))
	}
	if !slices.EqualFunc(old.IPVS.LocalAddresses, new.IPVS.LocalAddresses, ipvs.LocalAddresses.Equal) {
		p.steps = append(p.steps, step(Change, "laddr_group"))
	}
	if old.IPVS.Firewall != new.IPVS.Firewall {
		p.steps = append(p.steps, step(Change, "nftables_ipvs"))
	}
	if old.IPVS.Buffers != new.IPVS.Buffers {
		p.steps = append(p.steps, step(Change, "lvs_netlink buffers, for the next start"))
	}
	if old.IPVS.InitNotifies != new.IPVS.InitNotifies {
		p.steps = append(p.steps, step(Change, "rs_init_notifies"))
	}
	p.table(old.IPVS, new.IPVS)
	p.checks(old.Checks, new.Checks)
	return p.steps
}

func (p *servicesPlan) add(v Verb, id confparse.VirtualServerID, format string, args ...any) {
	p.touched[id] = true
	p.steps = append(p.steps, step(v, format, args...))
}

func (p *servicesPlan) table(old, new ipvs.Spec) {
	id := func(s ipvs.VirtualServerSpec) confparse.VirtualServerID { return s.ID }
	d := diffLists(old.VirtualServers, new.VirtualServers, id, ipvs.VirtualServerSpec.Equal)
	for _, k := range d.added {
		s := d.new[k]
		p.add(Add, k, "virtual_server %s", k)
		for _, r := range s.Pool.Servers {
			p.add(Add, k, "real_server %s of %s", realServer(s, r), k)
		}
	}
	for _, k := range d.changed {
		p.service(d.old[k], d.new[k])
	}
	for _, k := range d.removed {
		p.add(Remove, k, "virtual_server %s", k)
	}
	if d.reordered {
		p.steps = append(p.steps, step(Change, "order of the virtual_servers"))
	}
}

// service says what differs between two versions of one virtual server.
func (p *servicesPlan) service(old, new ipvs.VirtualServerSpec) {
	key := func(r ipvs.PoolServer) netip.AddrPort { return r.Endpoint() }
	equal := func(a, b ipvs.PoolServer) bool { return a == b }
	d := diffLists(old.Pool.Servers, new.Pool.Servers, key, equal)
	itself := new
	itself.Pool.Servers = old.Pool.Servers
	if !old.Equal(itself) {
		p.add(Change, new.ID, "virtual_server %s", new.ID)
	}
	for _, k := range d.added {
		p.add(Add, new.ID, "real_server %s of %s", realServer(new, d.new[k]), new.ID)
	}
	for _, k := range d.changed {
		p.add(Change, new.ID, "real_server %s of %s", realServer(new, d.new[k]), new.ID)
	}
	for _, k := range d.removed {
		p.add(Remove, new.ID, "real_server %s of %s", realServer(old, d.old[k]), old.ID)
	}
	if d.reordered {
		p.add(Change, new.ID, "order of the real_servers of %s", new.ID)
	}
}

// checks adds a step for each virtual server of which nothing but the checks has changed.
func (p *servicesPlan) checks(old, new healthcheck.Spec) {
	id := func(v healthcheck.VirtualServerSpec) confparse.VirtualServerID { return v.ID }
	d := diffLists(old.VirtualServers, new.VirtualServers, id, healthcheck.VirtualServerSpec.Equal)
	for _, list := range [][]confparse.VirtualServerID{d.added, d.changed, d.removed} {
		for _, k := range list {
			if !p.touched[k] {
				p.add(Change, k, "checks of virtual_server %s", k)
			}
		}
	}
	if d.reordered && len(p.steps) == 0 {
		p.steps = append(p.steps, step(Change, "order of the checks"))
	}
}

func realServer(s ipvs.VirtualServerSpec, r ipvs.PoolServer) confparse.RealServerID {
	return confparse.RealServerID{VS: s.ID, Addr: r.Addr, Port: r.Port}
}
