package ipvs

import (
	"slices"

	"vigil/ipvs/pool"
)

// leave lets the servers of a virtual server end their connections that has left the configuration: its services stay, unless
// they are those of others by now, and nobody new comes to its servers.
func (r *Reconciler) leave(old *virtualServer) {
	p := old.pool.Leaving()
	if len(p.Draining()) == 0 {
		return
	}
	spec := *old.spec
	spec.Pool = pool.Spec{}
	vs := &virtualServer{spec: &spec, pool: p, entries: make([]*entry, len(spec.Services)), shown: &shown{spec: &spec}, leaves: true}
	for n, e := range old.entries {
		if e != nil && e.vs == old && e.state == present {
			e.vs, e.n = vs, n
			vs.entries[n] = e
			r.touch(e)
		}
	}
	r.leaving = append(r.leaving, vs)
}

// keepLeaving has the services of virtual servers that leave be wanted by the present Spec as well, but for those that are
// somebody else's.
func (r *Reconciler) keepLeaving() {
	r.leaving = slices.DeleteFunc(r.leaving, func(vs *virtualServer) bool {
		kept := false
		for n, e := range vs.entries {
			if e == nil || e.vs != vs {
				vs.entries[n] = nil
				continue
			}
			e.gen, e.pos = r.gen, len(r.sequence)+n // after what is configured
			kept = true
		}
		if kept {
			r.schedule(vs)
		} else {
			delete(r.timed, vs)
		}
		return !kept
	})
}

// left ends a virtual server that has left, once nobody drains any more.
func (r *Reconciler) left(vs *virtualServer) {
	if !vs.leaves || len(vs.pool.Draining()) > 0 {
		return
	}
	delete(r.timed, vs)
	r.leaving = slices.DeleteFunc(r.leaving, func(o *virtualServer) bool { return o == vs })
	for _, e := range vs.entries {
		if e != nil && e.vs == vs {
			e.vs = nil
			r.touch(e)
		}
	}
}
