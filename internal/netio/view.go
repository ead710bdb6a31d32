package netio

import (
	"net/netip"
	"slices"
)

// view is what the consumer of a watch has been told. Each method changes it and returns what to tell next, so the
// consumer's picture and the kernel's stay equal however many notifications were lost in between.
type view struct {
	links []Link    // in order of appearance
	addrs []Address // in order of appearance, which within an interface is the kernel's
}

// addressKey is what makes two addresses of the kernel's table the same one.
type addressKey struct {
	index  int
	prefix netip.Prefix
	peer   netip.Prefix
}

func keyOf(a Address) addressKey { return addressKey{a.Index, a.Prefix, a.Peer} }

// setLink records that l exists.
func (v *view) setLink(l Link) []Event {
	i := v.link(l.Index)
	if i >= 0 && v.links[i] == l {
		return nil
	}
	var events []Event
	if j := slices.IndexFunc(v.links, func(o Link) bool { return o.Name == l.Name && o.Index != l.Index }); j >= 0 {
		// Names are unique, so the end of the other one went unheard.
		events = v.dropLink(v.links[j].Index)
		i = v.link(l.Index)
	}
	switch {
	case i < 0:
		v.links = append(v.links, l)
	case v.links[i].Name != l.Name:
		events = append(events, LinkGone{v.links[i]})
		fallthrough
	default:
		v.links[i] = l
	}
	return append(events, LinkChanged{l})
}

// dropLink records that the interface is gone, and its addresses with it.
func (v *view) dropLink(index int) []Event {
	i := v.link(index)
	if i < 0 {
		return nil
	}
	var events []Event
	v.addrs = slices.DeleteFunc(v.addrs, func(a Address) bool {
		if a.Index == index {
			events = append(events, AddressGone{a})
		}
		return a.Index == index
	})
	events = append(events, LinkGone{v.links[i]})
	v.links = slices.Delete(v.links, i, i+1)
	return events
}

// setAddress records that a exists.
func (v *view) setAddress(a Address) []Event {
	i := v.address(keyOf(a))
	switch {
	case i < 0:
		v.addrs = append(v.addrs, a)
	case v.addrs[i] == a:
		return nil
	default:
		v.addrs[i] = a
	}
	return []Event{AddressChanged{a}}
}

// dropAddress records that the address is gone.
func (v *view) dropAddress(a Address) []Event {
	i := v.address(keyOf(a))
	if i < 0 {
		return nil
	}
	gone := v.addrs[i]
	v.addrs = slices.Delete(v.addrs, i, i+1)
	return []Event{AddressGone{gone}}
}

// reset replaces the whole picture and returns the differences: what vanished, then what is new or different.
func (v *view) reset(links []Link, addrs []Address) []Event {
	var events []Event
	present := make(map[addressKey]bool, len(addrs))
	for _, a := range addrs {
		present[keyOf(a)] = true
	}
	for _, a := range slices.Clone(v.addrs) {
		if !present[keyOf(a)] {
			events = append(events, v.dropAddress(a)...)
		}
	}
	for _, l := range slices.Clone(v.links) {
		i := slices.IndexFunc(links, func(n Link) bool { return n.Index == l.Index })
		switch {
		case i < 0:
			events = append(events, v.dropLink(l.Index)...)
		case links[i].Name != l.Name:
			// Every old name goes before any new one comes: names may have been swapped.
			events = append(events, LinkGone{l})
			i = v.link(l.Index)
			v.links = slices.Delete(v.links, i, i+1)
		}
	}
	for _, l := range links {
		events = append(events, v.setLink(l)...)
	}
	for _, a := range addrs {
		events = append(events, v.setAddress(a)...)
	}
	// The kernel's order wins over the order of appearance.
	v.links, v.addrs = slices.Clone(links), slices.Clone(addrs)
	return events
}

func (v *view) link(index int) int {
	return slices.IndexFunc(v.links, func(l Link) bool { return l.Index == index })
}

func (v *view) address(k addressKey) int {
	return slices.IndexFunc(v.addrs, func(a Address) bool { return keyOf(a) == k })
}
