package ipvs

import (
	"net/netip"

	"vigil/confparse"
	"vigil/ipvs/pool"
)

// setSpec takes over a new Spec and touches the services that it wants otherwise than the one before.
func (r *Reconciler) setSpec(s Spec, h Health) {
	r.flush, r.onStop, r.timeouts.want, r.settings.want = s.FlushAtStart, s.FlushOnStop, s.Timeouts, s.Settings
	now := r.now()
	r.gen++
	before := r.servers
	r.servers = make(map[confparse.VirtualServerID]*virtualServer, len(s.VirtualServers))
	r.sequence = make([]*entry, 0, len(s.VirtualServers))
	listed := make([]*virtualServer, len(s.VirtualServers))
	pools := make([]shown, len(s.VirtualServers))
	for i := range s.VirtualServers {
		spec := &s.VirtualServers[i]
		r.verdicts = spec.health(h, r.verdicts)
		vs := before[spec.ID]
		changed := true
		if vs == nil {
			vs = &virtualServer{pool: pool.New(&spec.Pool, r.verdicts)}
			vs.pool.Advance(now)
		} else {
			vs.pool.Advance(now)
			same := sameKeys(vs.spec.Services, spec.Services)
			changed = vs.pool.Reload(&spec.Pool, r.verdicts, same)
			delete(before, spec.ID)
		}
		if s.InitNotifies && changed {
			vs.pool.Announce()
		}
		r.want(vs, spec, changed)
		r.schedule(vs)
		r.servers[spec.ID], listed[i] = vs, vs
		pools[i].spec, vs.shown = spec, &pools[i]
		vs.show()
	}
	r.pools.Store(&pools)
	for _, vs := range r.listed {
		if before[vs.spec.ID] == vs {
			r.narrateRemoved(vs.spec.ID)
			delete(r.timed, vs)
			if s.FlushOnStop == confparse.FlushOnStopOff {
				r.ended = append(r.ended, vs)
			}
			r.leave(vs)
		}
	}
	r.listed = listed
	r.keepLeaving()
	for _, e := range r.entries {
		if e.gen == r.gen || e.vs == nil {
			continue
		}
		if e.vs = nil; e.state == absent {
			r.forget(e)
		} else {
			r.touch(e)
		}
	}
}

func sameKeys(a, b []ServiceSpec) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key {
			return false
		}
	}
	return true
}

// want makes the services of spec those of vs. changed says that its pool is another.
func (r *Reconciler) want(vs *virtualServer, spec *VirtualServerSpec, changed bool) {
	old := vs.spec
	vs.spec = spec // the Spec before is not needed any more, not even where it is equal
	if len(vs.entries) != len(spec.Services) {
		vs.entries = make([]*entry, len(spec.Services))
	}
	for n, s := range spec.Services {
		vs.entries[n] = nil
		e := r.entries[s.Key]
		switch {
		case e == nil:
			e = &entry{key: s.Key}
			if r.kernel != nil {
				e.state = absent // it was not ours, and if somebody else has it EEXIST will say so
			}
			r.entries[s.Key] = e
			r.unsaved = true
		case e.gen == r.gen:
			continue // of another virtual server of this Spec
		}
		if changed || e.vs != vs || e.n != n || old == nil || n >= len(old.Services) || old.Services[n].Attrs != s.Attrs {
			r.touch(e)
		}
		e.vs, e.n, e.gen, e.pos = vs, n, r.gen, len(r.sequence)
		vs.entries[n] = e
		r.sequence = append(r.sequence, e)
	}
}

// forget drops a service that is neither wanted nor in the kernel.
func (r *Reconciler) forget(e *entry) {
	r.fail(e, nil)
	delete(r.entries, e.key)
	r.unsaved = true
}

// changeHealth takes over changes of health, in their order, and touches the services that they concern.
func (r *Reconciler) changeHealth(changes []HealthChange) {
	changed := make(map[*virtualServer]bool)
	now := r.now()
	for _, c := range changes {
		vs := r.servers[c.Server.VS]
		if vs == nil {
			continue
		}
		if !changed[vs] {
			vs.pool.Advance(now)
		}
		i := vs.pool.Find(netip.AddrPortFrom(c.Server.Addr, c.Server.Port))
		if i < 0 {
			continue
		}
		vs.pool.Alert(i, c.Alerts)
		if !c.Same && vs.pool.Change(i, c.RealServerHealth) || len(c.Alerts) > 0 {
			changed[vs] = true
		}
	}
	for vs := range changed {
		vs.pool.Evaluate()
		r.changed(vs)
	}
}

// changed has the services of a virtual server follow its pool.
func (r *Reconciler) changed(vs *virtualServer) {
	r.left(vs)
	vs.show()
	r.schedule(vs)
	for _, e := range vs.entries {
		if e != nil {
			r.touch(e)
		}
	}
}
