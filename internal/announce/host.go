package announce

import (
	"net/netip"
	"slices"

	"vigil/internal/netio"
)

// host is which interfaces there are, and which addresses are on them.
type host struct {
	links  map[string]netio.Link
	addrs  map[int]map[netip.Addr][]netip.Prefix // by index of the interface
	synced bool
}

func newHost() host {
	return host{links: make(map[string]netio.Link), addrs: make(map[int]map[netip.Addr][]netip.Prefix)}
}

// take takes note of a change.
func (h *host) take(ev netio.Event) {
	switch ev := ev.(type) {
	case netio.LinkChanged:
		h.links[ev.Link.Name] = ev.Link
	case netio.LinkGone:
		if h.links[ev.Link.Name].Index == ev.Link.Index {
			delete(h.links, ev.Link.Name)
		}
	case netio.AddressChanged:
		h.put(ev.Address)
	case netio.AddressGone:
		h.remove(ev.Address)
	case netio.Synced:
		h.synced = true
	}
}

func (h *host) put(a netio.Address) {
	on := h.addrs[a.Index]
	if on == nil {
		on = make(map[netip.Addr][]netip.Prefix)
		h.addrs[a.Index] = on
	}
	if ip := a.Prefix.Addr(); !slices.Contains(on[ip], a.Prefix) {
		on[ip] = append(on[ip], a.Prefix)
	}
}

func (h *host) remove(a netio.Address) {
	on, ip := h.addrs[a.Index], a.Prefix.Addr()
	left := slices.DeleteFunc(on[ip], func(p netip.Prefix) bool { return p == a.Prefix })
	switch {
	case len(left) > 0:
		on[ip] = left
	case on != nil:
		if delete(on, ip); len(on) == 0 {
			delete(h.addrs, a.Index)
		}
	}
}

// reset makes list all the addresses that there are.
func (h *host) reset(list []netio.Address) {
	clear(h.addrs)
	for _, a := range list {
		h.put(a)
	}
}

// at returns how an address is on an interface: once, unless somebody has put it there with another length of its prefix.
func (h *host) at(index int, ip netip.Addr) []netip.Prefix { return h.addrs[index][ip] }
