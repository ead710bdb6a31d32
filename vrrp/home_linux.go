package vrrp

import (
	"net/netip"

	"vigil/internal/netio"
	"vigil/vrrp/election"
)

// A virtual router without an interface is where its source address is: its adverts leave as they are routed and arrive on
// any link, but without that address it would hear nobody and be a second master. So the link that has the address stands
// for its own, and which one that is may change.

// home returns the link that has the source address of such a router, in its VRF if it has one: a link that is up if there is
// one.
func (v *networkView) home(s *election.InstanceSpec) (home netio.Link, ok bool) {
	for index, on := range v.addrs {
		l, known := v.links[v.names[index]]
		if !known || !on.sure(s.Source) || s.VRF != "" && s.VRF != l.Name && s.VRF != v.names[l.Master] {
			continue
		}
		if better := l.Up && !home.Up; !ok || better || l.Up == home.Up && l.Index < home.Index {
			home, ok = l, true
		}
	}
	return home, ok
}

// livesAt makes in one of those whose home is where the address is; an invalid one undoes it.
func (v *networkView) livesAt(in *virtualRouter, source netip.Addr) {
	if in.livesBy.IsValid() {
		dropHolder(v.residents, in.livesBy, in)
	}
	if in.livesBy = source; source.IsValid() {
		v.residents[source] = append(v.residents[source], in)
	}
}

// markResidentsOn marks the routers whose home the link with this index is or was, and reports whether there are any.
func (r *Runner) markResidentsOn(index int) (any bool) {
	on := r.view.addrs[index]
	if on == nil || len(r.view.residents) == 0 {
		return false
	}
	for ip := range on.byIP {
		any = r.markResidents(ip) || any
	}
	return any
}

// markResidents marks the routers whose home is where the address is.
func (r *Runner) markResidents(ip netip.Addr) (any bool) {
	for _, in := range r.view.residents[ip] {
		r.mark(in)
	}
	return len(r.view.residents[ip]) > 0
}

// moveHome notes where a router without an interface is now.
func (r *Runner) moveHome(in *virtualRouter) {
	if in.spec.Link != "" {
		return
	}
	now, ok := r.view.home(&in.spec)
	if was := in.home; in.started && was.Index != now.Index {
		if was.Index != 0 {
			in.log.infof("Deassigned address %s from interface %s", in.spec.Source, was.Name)
		}
		if ok {
			in.log.infof("Assigned address %s for interface %s", in.spec.Source, now.Name)
		}
	}
	in.home = now
}

// linkUp reports whether the router's interface, or its home, is there and up.
func (r *Runner) linkUp(in *virtualRouter) bool {
	if in.spec.Link == "" {
		return in.home.Up && (in.spec.VRF == "" || r.view.up(in.spec.VRF))
	}
	return r.view.up(in.spec.Link)
}
