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

// networkView is the state of links and addresses as the watch has told it.
type networkView struct {
	links []netio.Link
	addrs []netio.Address // in the order of the kernel's preference within a link
}

func (v *networkView) link(name string) (netio.Link, bool) {
	i := slices.IndexFunc(v.links, func(l netio.Link) bool { return l.Name == name })
	if i < 0 {
		return netio.Link{}, false
	}
	return v.links[i], true
}

func (v *networkView) name(index int) string {
	i := slices.IndexFunc(v.links, func(l netio.Link) bool { return l.Index == index })
	if i < 0 {
		return ""
	}
	return v.links[i].Name
}

func (v *networkView) setLink(l netio.Link) {
	v.dropLink(l.Name)
	v.links = append(v.links, l)
}

func (v *networkView) dropLink(name string) {
	v.links = slices.DeleteFunc(v.links, func(l netio.Link) bool { return l.Name == name })
}

func (v *networkView) setAddress(a netio.Address) {
	if i := v.address(a); i >= 0 {
		v.addrs[i] = a
		return
	}
	v.addrs = append(v.addrs, a)
}

func (v *networkView) dropAddress(a netio.Address) {
	if i := v.address(a); i >= 0 {
		v.addrs = slices.Delete(v.addrs, i, i+1)
	}
}

func (v *networkView) address(a netio.Address) int {
	return slices.IndexFunc(v.addrs, func(b netio.Address) bool {
		return a.Index == b.Index && a.Prefix == b.Prefix && a.Peer == b.Peer
	})
}

// has reports whether the virtual address is there.
func (v *networkView) has(a election.Address) bool {
	l, ok := v.link(a.Link)
	return ok && slices.ContainsFunc(v.addrs, func(k netio.Address) bool { return k.Index == l.Index && lan.Address(a).Is(k) })
}

// observe takes a change of links or addresses.
func (r *Runner) observe(ev netio.Event) {
	switch ev := ev.(type) {
	case netio.LinkChanged:
		old, known := r.view.link(ev.Link.Name)
		r.view.setLink(ev.Link)
		if !known || old.Index != ev.Link.Index {
			r.linkAppeared(ev.Link)
		}
		if r.synced && (!known || old.Up != ev.Link.Up || old.Index != ev.Link.Index) {
			r.linkMoved(ev.Link.Name, ev.Link.Up)
		}
	case netio.LinkGone:
		r.view.dropLink(ev.Link.Name)
		r.linkVanished(ev.Link.Name)
		r.linkMoved(ev.Link.Name, false)
	case netio.AddressChanged:
		r.view.setAddress(ev.Address)
		r.markLink(r.view.name(ev.Address.Index))
	case netio.AddressGone:
		r.view.dropAddress(ev.Address)
		link := r.view.name(ev.Address.Index)
		r.markLink(link)
		r.suspect(link, func(a election.Address) bool { return lan.Address(a).Is(ev.Address) })
	case netio.Synced:
		r.synced = true
		if ev.Cause != nil {
			r.log.Info("Netlink: links and addresses read again", slog.Any("err", ev.Cause))
		}
	}
}

// linkMoved tells the virtual routers that depend on a link.
func (r *Runner) linkMoved(name string, up bool) {
	if !r.markLink(name) {
		return
	}
	state := "down"
	if up {
		state = "up"
		// The kernel drops IPv6 addresses, and all those of an interface that is created again, without telling why.
		r.suspect(name, func(election.Address) bool { return true })
	}
	r.log.Info(fmt.Sprintf("Netlink reports %s %s", name, state), slog.String("interface", name))
}

// suspect has the workers look whether virtual addresses on a link are still there. They report those that are not.
func (r *Runner) suspect(link string, which func(election.Address) bool) {
	for _, in := range r.all() {
		for _, a := range in.held {
			if a.Link == link && which(a) {
				in.worker.put(job{address: a, order: in.order})
			}
		}
	}
}

// markLink marks the virtual routers that depend on a link and reports whether there are any.
func (r *Runner) markLink(name string) (any bool) {
	if name == "" {
		return false
	}
	for _, in := range r.all() {
		tracked := slices.ContainsFunc(in.spec.Trackers, func(t election.TrackSpec) bool { return t.ID == track.InterfaceID(name) })
		if in.spec.Link == name || tracked {
			r.mark(in)
			any = true
		}
	}
	return any
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

func (r *Runner) informTrackers(in *virtualRouter) {
	for _, t := range in.spec.Trackers {
		if t.ID.Kind != track.Interface {
			continue
		}
		value := track.Down
		if l, ok := r.view.link(t.ID.Name); ok && l.Up {
			value = track.Up
		}
		r.do(r.engine.Track(r.now(), t.ID, value))
	}
}

// up reports whether the router can use its interface: it exists, is up, and the socket on it is open.
func (r *Runner) up(in *virtualRouter) bool {
	l, ok := r.view.link(in.spec.Link)
	return ok && l.Up && in.socket != nil && in.socket.conn != nil
}

// sourceFor returns the address that adverts leave from: the configured one; else the one used so far, as long as the
// interface has it; else the first of its own addresses that is fit. For IPv6 it must be link-local (RFC 9568
// §5.1.2.1).
func (r *Runner) sourceFor(in *virtualRouter) netip.Addr {
	if in.spec.Source.IsValid() {
		return in.spec.Source
	}
	l, ok := r.view.link(in.spec.Link)
	if !ok {
		return netip.Addr{}
	}
	var first netip.Addr
	for _, a := range r.view.addrs {
		ip := a.Prefix.Addr()
		switch {
		case a.Index != l.Index || confparse.FamilyOf(ip) != in.spec.Family:
		case a.Tentative || a.Protocol == netio.Protocol || r.vips[ip]:
		case ip.Is6() && !ip.IsLinkLocalUnicast():
		case ip == in.source:
			return ip
		case !first.IsValid():
			first = ip
		}
	}
	return first
}

// learnAddresses notes which addresses are virtual, which excludes them as sources.
func (r *Runner) learnAddresses() {
	clear(r.vips)
	note := func(s election.InstanceSpec) {
		for _, list := range [][]election.Address{s.Addresses, s.Excluded} {
			for _, a := range list {
				r.vips[a.Prefix.Addr()] = true
			}
		}
	}
	for _, s := range r.spec.Instances {
		note(s)
	}
	for _, in := range r.all() {
		note(in.spec)
		r.mark(in)
	}
}

// removeStale removes, once, the addresses that carry our mark and belong to no router of the first configuration, if
// an earlier process died with addresses in place. Those that do belong are removed by their routers.
func (r *Runner) removeStale() {
	if r.cleaned {
		return
	}
	r.cleaned = true
	if r.heartbeat == nil || !r.heartbeat.stale {
		return
	}
	var stale []election.Resource
	for _, a := range r.view.addrs {
		link := r.view.name(a.Index)
		if a.Protocol == netio.Protocol && link != "" && !r.vips[a.Prefix.Addr()] {
			r.log.Info(fmt.Sprintf("removing address %s left on %s by an earlier process", a.Prefix, link))
			stale = append(stale, election.Address{Prefix: a.Prefix, Link: link, Scope: a.Scope, Peer: a.Peer})
		}
	}
	if len(stale) == 0 {
		return
	}
	janitor := &virtualRouter{log: instanceLog{logger: r.log, name: "vrrp"}}
	janitor.worker = newWorker(0, r.network, r.pacers, janitor.log, r.results, r.quit)
	janitor.worker.put(job{action: election.Own{Remove: stale}})
	janitor.worker.close(false)
	r.draining = append(r.draining, janitor)
}
