package vrrp

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// observe takes a change of links or addresses.
func (r *Runner) observe(ev netio.Event) {
	switch ev := ev.(type) {
	case netio.LinkChanged:
		r.linkReported(ev.Link)
	case netio.LinkGone:
		delete(r.links.actual, ev.Link.Name)
		delete(r.links.held, ev.Link.Name)
		r.view.dropLink(ev.Link.Name)
		r.linkVanished(ev.Link.Name)
		r.linkMoved(ev.Link.Name, false)
		r.markResidentsOn(ev.Link.Index)
		r.virtual.lost(ev.Link.Name)
	case netio.AddressChanged:
		if r.view.setAddress(ev.Address) {
			r.sourceAppeared(ev.Address)
		}
		r.sourceTouched(ev.Address)
		r.markResidents(ev.Address.Prefix.Addr())
		if ip := ev.Address.Prefix.Addr(); ip.Is6() && (ip.IsLinkLocalUnicast() || ip.IsLoopback()) {
			r.ipv6Appeared(r.view.names[ev.Address.Index]) // the kernel's own address comes when IPv6 is switched on
			r.virtual.parentChanged(r.view.names[ev.Address.Index])
		}
	case netio.IPv6On:
		r.ipv6Appeared(r.view.names[ev.Index])
	case netio.AddressGone:
		link, ip := r.view.names[ev.Address.Index], ev.Address.Prefix.Addr()
		if ip.Is6() && ip.IsLinkLocalUnicast() {
			r.virtual.parentChanged(link)
		}
		if r.view.dropAddress(ev.Address) && r.view.users[addressOn{link, ip}] > 0 {
			r.markLink(link)
		}
		r.sourceTouched(ev.Address)
		r.markResidents(ip)
		for _, in := range r.view.holders[addressOn{link, ip}] {
			in.suspectAddresses(func(a election.Address) bool { return a.Link == link && lan.Address(a).Is(ev.Address) })
		}
		r.routesBehind(link, ev.Address)
	case netio.RouteGone:
		for _, in := range r.view.holders[routeTo(ev.Dest)] {
			in.suspect(func(res election.Resource) bool {
				route, ok := res.(election.Route)
				return ok && route.Dest.Masked() == ev.Dest
			})
		}
	case netio.RuleGone:
		for _, in := range r.view.holders[ruleAt{ev.Preference, ev.IPv6}] {
			in.suspect(func(res election.Resource) bool {
				rule, ok := res.(election.Rule)
				return ok && rule.Preference == ev.Preference && rule.IPv6 == ev.IPv6
			})
		}
	case netio.Synced:
		r.synced = true
		if ev.Cause != nil {
			r.log.Info("Netlink: links and addresses read again", slog.Any("err", ev.Cause))
		}
	}
}

// filterLost takes what others have removed from the firewall.
func (r *Runner) filterLost(l lan.FilterLoss) {
	log := instanceLog{logger: r.log, name: "vrrp"}
	if l.Rules {
		log.infof("our rules in nftables were removed, they are put back")
	}
	if l.Err != nil {
		log.failed("cannot look after our rules in nftables", l.Err)
	}
	for _, d := range l.Denied {
		lost := election.NoAccept{Addr: d.Addr, Link: d.Link}
		for _, in := range r.view.holders[lost] {
			in.suspect(func(res election.Resource) bool { return res == lost })
		}
	}
}

func (r *Runner) linkChanged(l netio.Link) {
	old, known := r.view.link(l.Name)
	r.view.setLink(l)
	replaced := !known || old.Index != l.Index
	if replaced {
		r.linkAppeared(l)
	}
	if r.synced && (replaced || old.Up != l.Up) {
		r.linkMoved(l.Name, l.Up)
	}
	if known && old.MAC != l.MAC {
		r.macChanged(l.Name)
	}
	if known && old.Master != l.Master {
		r.markResidentsOn(l.Index)
	}
	if r.synced && (!known || old.MTU != l.MTU) {
		r.mtuChanged(l.Name)
	}
	if replaced || old.MAC != l.MAC || old.MTU != l.MTU {
		r.virtual.parentChanged(l.Name)
	}
}

// sourceAppeared tells the virtual routers that had no address to send from.
func (r *Runner) sourceAppeared(a netio.Address) {
	family := confparse.FamilyOf(a.Prefix.Addr())
	others := slices.ContainsFunc(r.view.addrs[a.Index].sources, func(s rankedAddress) bool {
		return s.Prefix.Addr() != a.Prefix.Addr() && confparse.FamilyOf(s.Prefix.Addr()) == family
	})
	if !others { // or else everybody has one of them, and stays with it
		r.markLink(r.view.names[a.Index])
	}
}

// ipv6Appeared has what failed on a link tried again, for IPv6 was switched on, and looks whether its addresses are there:
// one that was added a moment before IPv6 was switched off goes without a notification, as it had come without one. What
// failed the reconciler knows; whether that has been heard here by now is chance.
func (r *Runner) ipv6Appeared(link string) {
	for _, in := range r.view.dependents[link] {
		in.worker.retry()
		in.suspectAddresses(func(a election.Address) bool { return a.Link == link && a.Prefix.Addr().Is6() })
	}
}

// linkMoved tells the virtual routers that depend on a link.
func (r *Runner) linkMoved(name string, up bool) {
	concerned := r.markLink(name)
	if l, ok := r.view.link(name); ok {
		concerned = r.markResidentsOn(l.Index) || concerned
	}
	if !concerned {
		return
	}
	state := "down"
	if up {
		state = "up"
		// The kernel drops IPv6 addresses, and all those of an interface that is created again, without telling why.
		for _, in := range r.view.dependents[name] {
			in.suspectAddresses(func(a election.Address) bool { return a.Link == name })
		}
		r.suspectRoutes(name, func(election.Route) bool { return true })
	}
	r.log.Info(fmt.Sprintf("Netlink reports %s %s", name, state), slog.String("interface", name))
	r.staticsLink(name, up)
}

// macChanged has the masters on a link announce their addresses again: the neighbours know them at the old MAC address.
func (r *Runner) macChanged(name string) {
	for _, in := range r.view.dependents[name] {
		in.announceAgain(name)
	}
}

// mtuChanged divides the addresses of the virtual routers on a link anew, if it has to be.
func (r *Runner) mtuChanged(name string) {
	if !r.stopping && slices.ContainsFunc(r.wanted.Instances, func(s election.InstanceSpec) bool { return s.Link == name }) {
		r.applyFitting()
	}
}

// applyFitting gives the Engine what is wanted, with as many addresses advertised as the interfaces allow.
func (r *Runner) applyFitting() {
	spec := r.wanted
	spec.Instances = slices.Clone(spec.Instances)
	tracked := make(map[addressOn]bool)
	for i, s := range spec.Instances {
		mtu := confparse.AssumedMTU
		if l, ok := r.view.link(s.Link); ok && l.MTU > 0 {
			mtu = l.MTU
		}
		spec.Instances[i] = r.named(fitting(s, mtu))
		spec.Instances[i].OnLoss = r.onLoss
		if s.TrackSource {
			tracked[addressOn{s.Link, s.Source}] = true
		}
	}
	r.view.tracked = tracked
	strangers := r.spec.LogUnknownVRIDs != spec.LogUnknownVRIDs
	r.spec = spec
	r.pacers.configure(&spec)
	r.renew = true
	r.setStatics(spec.Statics)
	now := r.now()
	r.do(now, r.engine.Apply(now, spec))
	r.setLinkbeat()
	if strangers {
		for _, s := range r.sockets {
			r.admit(s)
		}
	}
	r.learnAddresses()
}

// suspect has the reconciler look whether resources are still there. It reports those that are not.
func (in *virtualRouter) suspect(which func(election.Resource) bool) {
	for _, res := range in.held {
		if place, _ := placesOf(res); place != nil && which(res) {
			in.worker.suspect(res)
		}
	}
}

func (in *virtualRouter) suspectAddresses(which func(election.Address) bool) {
	in.suspect(func(res election.Resource) bool { a, ok := res.(election.Address); return ok && which(a) })
}

// suspectRoutes has those who hold routes on a link look for them.
func (r *Runner) suspectRoutes(link string, which func(election.Route) bool) {
	for _, in := range r.view.routed[link] {
		in.suspect(func(res election.Resource) bool {
			route, ok := res.(election.Route)
			return ok && slices.Contains(route.Links(), link) && which(route)
		})
	}
}

// routesBehind looks for the routes that went without a notification when an address was removed from a link: those that
// have it as their source and, with the last IPv4 address, all of IPv4.
func (r *Runner) routesBehind(link string, gone netio.Address) {
	last := gone.Prefix.Addr().Is4()
	if l := r.view.addrs[gone.Index]; l != nil {
		for ip := range l.byIP {
			last = last && !ip.Is4()
		}
	}
	r.suspectRoutes(link, func(route election.Route) bool {
		return route.Source == gone.Prefix.Addr() || last && route.Dest.Addr().Is4()
	})
}

// announceAgain announces the addresses on a link as a new master does.
func (in *virtualRouter) announceAgain(link string) {
	if in.state != election.Master {
		return
	}
	var moved []election.Address
	for _, res := range in.held {
		if a, ok := res.(election.Address); ok && a.Link == link {
			moved = append(moved, a)
		}
	}
	if len(moved) > 0 {
		g := in.spec.GARP
		in.worker.order(election.Announce{Repeat: max(1, g.MasterRepeat), Addresses: moved, Interval: g.Interval, NAInterval: g.NAInterval})
	}
}

// markLink marks the virtual routers that depend on a link and reports whether there are any.
func (r *Runner) markLink(name string) (any bool) {
	for _, in := range r.view.dependents[name] {
		r.mark(in)
	}
	return len(r.view.dependents[name]) > 0
}

func (r *Runner) mark(in *virtualRouter) {
	if !in.dirty {
		in.dirty = true
		r.dirty = append(r.dirty, in)
	}
}

// inform tells the Engine what has changed for one virtual router since it was told last.
func (r *Runner) inform(in *virtualRouter) {
	if !in.started || r.instances[in.handle] != in {
		return // what it needs to know at first, Started tells
	}
	r.informTrackers(in)
	r.moveHome(in)
	up, source := r.up(in), r.sourceFor(in)
	if up != in.linkUp {
		in.linkUp = up
		r.step(in, election.LinkChanged{Up: up})
	}
	if source != in.source {
		old := in.source
		in.source = source
		if old.IsValid() && !source.IsValid() {
			in.log.infof("Deassigned address %s from interface %s", old, in.spec.Link)
		} else if !old.IsValid() {
			in.log.infof("Assigned address %s for interface %s", source, in.spec.Link)
		}
		r.step(in, election.SourceChanged{Source: source})
	}
}

// informTrackers tells the Engine what is known about what in depends on.
func (r *Runner) informTrackers(in *virtualRouter) {
	for _, id := range in.spec.Tracked() {
		if id.Kind != track.Interface {
			if value, known := r.tracked.value(id); known {
				r.track(id, value)
			}
			continue
		}
		value := track.Down
		if l, ok := r.view.link(id.Name); ok && l.Up {
			value = track.Up
		}
		r.track(id, value)
	}
}

// takeTracked tells the Engine what is new about a tracked object.
func (r *Runner) takeTracked() {
	if t, ok := r.tracked.take(); ok {
		r.logTracked(t)
		r.track(t.id, t.value)
	}
}

func (r *Runner) track(id track.ID, value int) {
	now := r.now()
	r.do(now, r.engine.Track(now, id, value))
}

// up reports whether the router can use its interface: it exists, is up, and so is its virtual link if it has one; and the
// socket is open.
func (r *Runner) up(in *virtualRouter) bool {
	if in.socket == nil || in.socket.conn == nil || !r.linkUp(in) {
		return false
	}
	return in.spec.VMAC.Kind == election.NoLink || r.view.up(in.spec.VMAC.Name)
}

// sourceFor returns the address that adverts leave from: the configured one; else the one used so far, as long as the
// interface has it; else the first of its own addresses that is fit.
func (r *Runner) sourceFor(in *virtualRouter) netip.Addr {
	if in.spec.Source.IsValid() {
		if in.spec.TrackSource && in.spec.Link != "" && !r.view.usable(in.spec.Link, in.spec.Source) {
			return netip.Addr{}
		}
		return in.spec.Source
	}
	source := r.view.source(in.spec.Link, in.spec.Family, in.source)
	r.view.use(in, in.spec.Link, source)
	return source
}

// learnAddresses notes which addresses are virtual, which excludes them as sources.
func (r *Runner) learnAddresses() {
	vips := make(map[netip.Addr]bool)
	note := func(s *election.InstanceSpec) {
		for _, list := range [][]election.Address{s.Addresses, s.Excluded} {
			for _, a := range list {
				vips[a.Prefix.Addr()] = true
			}
		}
	}
	for i := range r.spec.Instances {
		note(&r.spec.Instances[i])
	}
	for _, in := range r.all() {
		note(&in.spec)
		r.mark(in)
	}
	r.view.statics = staticAddresses(r.spec.Statics)
	r.view.setVirtual(vips)
}
