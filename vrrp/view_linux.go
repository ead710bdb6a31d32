package vrrp

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// networkView is the state of links and addresses as the watch has told it, and who of the virtual routers depends on
// what. What a notification costs depends on the routers that it concerns, not on how many there are.
type networkView struct {
	links   map[string]netio.Link
	book    *linkBook           // the same, for others
	names   map[int]string      // of links, by index
	addrs   map[int]*linkAddrs  // by index of the link
	ranks   int                 // addresses seen so far
	vips    map[netip.Addr]bool // addresses that are virtual, which excludes them as sources
	statics map[netip.Addr]bool // static addresses, which are ours and sources all the same

	dependents map[string][]*virtualRouter     // that use or track the link of that name, in the order in which they started
	users      map[addressOn]int               // how many routers send from an address
	tracked    map[addressOn]bool              // the addresses that track_src_ip is about
	holders    map[any][]*virtualRouter        // of what addressOn, routeTo and ruleAt name, and of election.NoAccept
	routed     map[string][]*virtualRouter     // that hold routes on the link of that name
	residents  map[netip.Addr][]*virtualRouter // without an interface, by their source address
}

// linkAddrs are the addresses of one link.
type linkAddrs struct {
	byIP    map[netip.Addr][]rankedAddress // of different lengths or peers
	sources []rankedAddress                // those that adverts may leave from, in the order of appearance
}

type rankedAddress struct {
	netio.Address
	rank int
}

// addressOn is an address on the link of that name.
type addressOn struct {
	link string
	ip   netip.Addr
}

func newNetworkView() networkView {
	return networkView{
		links: make(map[string]netio.Link), book: newLinkBook(), names: make(map[int]string), addrs: make(map[int]*linkAddrs),
		vips: make(map[netip.Addr]bool), dependents: make(map[string][]*virtualRouter),
		users: make(map[addressOn]int), holders: make(map[any][]*virtualRouter),
		routed: make(map[string][]*virtualRouter), residents: make(map[netip.Addr][]*virtualRouter),
	}
}

func (v *networkView) link(name string) (netio.Link, bool) {
	l, ok := v.links[name]
	return l, ok
}

// up reports whether there is a link of that name that is up.
func (v *networkView) up(name string) bool { return v.links[name].Up }

func (v *networkView) setLink(l netio.Link) {
	v.forgetLink(l.Name)
	v.links[l.Name], v.names[l.Index] = l, l.Name
	v.book.set(l)
}

func (v *networkView) dropLink(name string) {
	v.forgetLink(name)
	v.book.drop(name)
}

func (v *networkView) forgetLink(name string) {
	if l, ok := v.links[name]; ok {
		delete(v.links, name)
		if v.names[l.Index] == name {
			delete(v.names, l.Index)
		}
	}
}

func (v *networkView) on(index int) *linkAddrs {
	l := v.addrs[index]
	if l == nil {
		l = &linkAddrs{byIP: make(map[netip.Addr][]rankedAddress)}
		v.addrs[index] = l
	}
	return l
}

func sameAddress(a netio.Address) func(rankedAddress) bool {
	return func(b rankedAddress) bool { return a.Prefix == b.Prefix && a.Peer == b.Peer }
}

// setAddress records an address and reports whether it is one that adverts can leave from since now.
func (v *networkView) setAddress(a netio.Address) (fit bool) {
	l, ip := v.on(a.Index), a.Prefix.Addr()
	list := l.byIP[ip]
	i := slices.IndexFunc(list, sameAddress(a))
	if i < 0 {
		v.ranks++
		i, list = len(list), append(list, rankedAddress{rank: v.ranks})
	}
	list[i].Address = a
	l.byIP[ip] = list
	was := l.hasSource(ip)
	l.refit(ip, v.fits)
	return !was && l.hasSource(ip)
}

// dropAddress forgets an address and reports whether adverts could leave from it until now.
func (v *networkView) dropAddress(a netio.Address) (wasFit bool) {
	l, ip := v.on(a.Index), a.Prefix.Addr()
	was := l.hasSource(ip)
	if list := slices.DeleteFunc(l.byIP[ip], sameAddress(a)); len(list) > 0 {
		l.byIP[ip] = list
	} else {
		delete(l.byIP, ip)
	}
	l.refit(ip, v.fits)
	if len(l.byIP) == 0 {
		delete(v.addrs, a.Index)
	}
	return was && !l.hasSource(ip)
}

// fits reports whether adverts may leave from the address. For IPv6 it must be link-local (RFC 9568 §5.1.2.1).
func (v *networkView) fits(a netio.Address) bool {
	ip := a.Prefix.Addr()
	return !a.Tentative && (a.Protocol != netio.Protocol || v.statics[ip]) && !v.vips[ip] && (ip.Is4() || ip.IsLinkLocalUnicast())
}

func (l *linkAddrs) hasSource(ip netip.Addr) bool {
	return slices.ContainsFunc(l.sources, func(s rankedAddress) bool { return s.Prefix.Addr() == ip })
}

// refit brings the sources up to date for one address.
func (l *linkAddrs) refit(ip netip.Addr, fits func(netio.Address) bool) {
	l.sources = slices.DeleteFunc(l.sources, func(s rankedAddress) bool { return s.Prefix.Addr() == ip })
	for _, a := range l.byIP[ip] {
		if fits(a.Address) {
			i, _ := slices.BinarySearchFunc(l.sources, a, func(s, t rankedAddress) int { return cmp.Compare(s.rank, t.rank) })
			l.sources = slices.Insert(l.sources, i, a)
		}
	}
}

// setVirtual says which addresses are virtual from now on.
func (v *networkView) setVirtual(vips map[netip.Addr]bool) {
	v.vips = vips
	for _, l := range v.addrs {
		for ip := range l.byIP {
			l.refit(ip, v.fits)
		}
	}
}

// source returns the address that adverts leave from: preferred, as long as the link has it and it is fit; else the
// first that is.
func (v *networkView) source(link string, family confparse.Family, preferred netip.Addr) netip.Addr {
	l, ok := v.links[link]
	if !ok || v.addrs[l.Index] == nil {
		return netip.Addr{}
	}
	var first netip.Addr
	for _, a := range v.addrs[l.Index].sources {
		switch ip := a.Prefix.Addr(); {
		case confparse.FamilyOf(ip) != family:
		case ip == preferred:
			return ip
		case !first.IsValid():
			first = ip
		}
	}
	return first
}

// has reports whether the virtual address is there.
func (v *networkView) has(a election.Address) bool {
	l, ok := v.links[a.Link]
	if !ok || v.addrs[l.Index] == nil {
		return false
	}
	return slices.ContainsFunc(v.addrs[l.Index].byIP[a.Prefix.Addr()], func(k rankedAddress) bool { return lan.Address(a).Is(k.Address) })
}

// all returns the addresses of all links in the order of appearance.
func (v *networkView) all() []netio.Address {
	var ranked []rankedAddress
	for _, l := range v.addrs {
		for _, list := range l.byIP {
			ranked = append(ranked, list...)
		}
	}
	slices.SortFunc(ranked, func(a, b rankedAddress) int { return cmp.Compare(a.rank, b.rank) })
	list := make([]netio.Address, len(ranked))
	for i, a := range ranked {
		list[i] = a.Address
	}
	return list
}

// depend makes the router a dependent of exactly these links.
func (v *networkView) depend(in *virtualRouter, links map[string]bool) {
	for name := range in.links {
		if !links[name] {
			v.dependents[name] = without(v.dependents[name], in)
			if len(v.dependents[name]) == 0 {
				delete(v.dependents, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if !in.links[name] {
			v.dependents[name] = append(v.dependents[name], in)
		}
	}
	in.links = links
}

// use notes which address the router sends from.
func (v *networkView) use(in *virtualRouter, link string, source netip.Addr) {
	if old := in.sendsFrom; old.ip.IsValid() {
		if v.users[old]--; v.users[old] == 0 {
			delete(v.users, old)
		}
	}
	in.sendsFrom = addressOn{link, source}
	if source.IsValid() {
		v.users[in.sendsFrom]++
	}
}

// routeTo and ruleAt are what a notification tells of a route and of a rule.
type (
	routeTo netip.Prefix
	ruleAt  struct {
		preference uint32
		ipv6       bool
	}
)

// placesOf returns by what a notification finds those who hold the resource, and the links that its loss may come from
// without one. What nobody cares for it does not find.
func placesOf(res election.Resource) (place any, links []string) {
	switch res := res.(type) {
	case election.Address:
		if !res.NoTrack {
			return addressOn{res.Link, res.Prefix.Addr()}, nil
		}
	case election.Route:
		if !res.NoTrack {
			return routeTo(res.Dest.Masked()), res.Links()
		}
	case election.Rule:
		if !res.NoTrack {
			return ruleAt{res.Preference, res.IPv6}, nil
		}
	case election.NoAccept:
		return res, nil
	}
	return nil, nil
}

// hold notes what the router is to have in place.
func (v *networkView) hold(in *virtualRouter, resources []election.Resource) {
	for _, res := range in.held {
		place, links := placesOf(res)
		dropHolder(v.holders, place, in)
		for _, name := range links {
			dropHolder(v.routed, name, in)
		}
	}
	in.held = resources
	for _, res := range resources {
		place, links := placesOf(res)
		if place != nil && !slices.Contains(v.holders[place], in) {
			v.holders[place] = append(v.holders[place], in)
		}
		for _, name := range links {
			if !slices.Contains(v.routed[name], in) {
				v.routed[name] = append(v.routed[name], in)
			}
		}
	}
}

func dropHolder[K comparable](m map[K][]*virtualRouter, k K, in *virtualRouter) {
	if list, ok := m[k]; ok {
		if list = without(list, in); len(list) == 0 {
			delete(m, k)
		} else {
			m[k] = list
		}
	}
}

func without(list []*virtualRouter, in *virtualRouter) []*virtualRouter {
	return slices.DeleteFunc(list, func(o *virtualRouter) bool { return o == in })
}
