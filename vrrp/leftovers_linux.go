package vrrp

import (
	"fmt"

	"vigil/internal/netio"
	"vigil/internal/routing"
	"vigil/vrrp/election"
)

// leftovers is the order to remove what an earlier process has left, but for these.
type leftovers struct {
	routes []routing.Route
	rules  []routing.Rule
}

// removeStale removes, once, the virtual links that an earlier process has left and nobody needs. If one died as MASTER, the
// addresses, routes and rules that carry our mark and belong to nobody in the first configuration go too, and the addresses that
// were not accepted are. What does belong to somebody is removed by its router.
func (r *Runner) removeStale() {
	if r.cleaned {
		return
	}
	r.cleaned = true
	r.virtual.removeAbandoned()
	if r.heartbeat == nil || !r.heartbeat.stale {
		return
	}
	var stale []election.Resource
	for _, a := range r.view.all() {
		link := r.view.names[a.Index]
		if a.Protocol == netio.Protocol && link != "" && !r.view.vips[a.Prefix.Addr()] && !r.view.statics[a.Prefix.Addr()] {
			r.log.Info(fmt.Sprintf("removing address %s left on %s by an earlier process", a.Prefix, link))
			left := election.Address{Prefix: a.Prefix, Link: link, Scope: a.Scope, Peer: a.Peer}
			r.places.set(left, a.Index)
			stale = append(stale, left)
		}
	}
	janitor := &virtualRouter{log: instanceLog{logger: r.log, name: "vrrp"}}
	janitor.worker = newReconciler(r, 0, janitor.log)
	janitor.worker.order(election.Own{Remove: stale})
	janitor.worker.order(r.wantedEntries())
	janitor.worker.close(false)
	r.draining = append(r.draining, janitor)
}

// wantedEntries are the routes and rules of all routers, and the static ones.
func (r *Runner) wantedEntries() (l leftovers) {
	note := func(res election.Resource) {
		switch res := res.(type) {
		case election.Route:
			l.routes = append(l.routes, res.Route)
		case election.Rule:
			l.rules = append(l.rules, res.Rule)
		}
	}
	for i := range r.spec.Instances {
		for _, res := range r.spec.Instances[i].Resources() {
			note(res)
		}
	}
	for _, s := range r.spec.Statics {
		note(s.Resource)
	}
	return l
}

// sweep carries out a leftovers.
func (w *reconciler) sweep(l leftovers) {
	gone, err := w.network.RemoveLeft(l.routes, l.rules)
	for _, what := range gone {
		w.log.infof("removed %s left by an earlier process", what)
	}
	if err != nil {
		w.log.failed("cannot remove what an earlier process has left", err)
	}
}
