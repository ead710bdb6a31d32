package netio

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
)

// view is what the consumer of a watch has been told. Each method changes it and returns what to tell next, so the
// consumer's picture and the kernel's stay equal however many notifications were lost in between. What a notification
// costs does not depend on how many links and addresses there are.
type view struct {
	links series[int, Link]      // by index
	names map[string]int         // index by name
	addrs map[int]*addressSeries // by index of the interface
}

type addressSeries = series[addressKey, Address]

// addressKey is what makes two addresses of the kernel's table the same one.
type addressKey struct {
	index  int
	prefix netip.Prefix
	peer   netip.Prefix
}

func keyOf(a Address) addressKey { return addressKey{a.Index, a.Prefix, a.Peer} }

// series is a map that remembers the order in which its keys appeared.
type series[K comparable, V any] struct {
	entries map[K]entry[V]
	last    int
}

type entry[V any] struct {
	value V
	rank  int
}

func (s *series[K, V]) get(k K) (V, bool) {
	e, ok := s.entries[k]
	return e.value, ok
}

func (s *series[K, V]) set(k K, v V) {
	e, ok := s.entries[k]
	if !ok {
		if s.entries == nil {
			s.entries = make(map[K]entry[V])
		}
		s.last++
		e.rank = s.last
	}
	e.value = v
	s.entries[k] = e
}

func (s *series[K, V]) drop(k K) { delete(s.entries, k) }

// values returns what there is in the order of appearance.
func (s *series[K, V]) values() []V {
	entries := slices.SortedFunc(maps.Values(s.entries), func(a, b entry[V]) int { return cmp.Compare(a.rank, b.rank) })
	list := make([]V, len(entries))
	for i, e := range entries {
		list[i] = e.value
	}
	return list
}

// setLink records that l exists.
func (v *view) setLink(l Link) []Event {
	old, known := v.links.get(l.Index)
	if known && old == l {
		return nil
	}
	var events []Event
	if other, taken := v.names[l.Name]; taken && other != l.Index {
		events = v.dropLink(other) // names are unique, so the end of the other one went unheard
	}
	if known && old.Name != l.Name {
		events = append(events, v.forgetLink(old))
	}
	if v.names == nil {
		v.names = make(map[string]int)
	}
	v.links.set(l.Index, l)
	v.names[l.Name] = l.Index
	return append(events, LinkChanged{l})
}

// forgetLink records that the name is gone, whatever becomes of its addresses.
func (v *view) forgetLink(l Link) Event {
	v.links.drop(l.Index)
	delete(v.names, l.Name)
	return LinkGone{l}
}

// dropLink records that the interface is gone, and its addresses with it.
func (v *view) dropLink(index int) []Event {
	l, known := v.links.get(index)
	if !known {
		return nil
	}
	var events []Event
	if on := v.addrs[index]; on != nil {
		for _, a := range on.values() {
			events = append(events, AddressGone{a})
		}
		delete(v.addrs, index)
	}
	return append(events, v.forgetLink(l))
}

// setAddress records that a exists.
func (v *view) setAddress(a Address) []Event {
	on := v.addrs[a.Index]
	if on == nil {
		if v.addrs == nil {
			v.addrs = make(map[int]*addressSeries)
		}
		on = new(addressSeries)
		v.addrs[a.Index] = on
	}
	if old, known := on.get(keyOf(a)); known && old == a {
		return nil
	}
	on.set(keyOf(a), a)
	return []Event{AddressChanged{a}}
}

// dropAddress records that the address is gone.
func (v *view) dropAddress(a Address) []Event {
	on := v.addrs[a.Index]
	if on == nil {
		return nil
	}
	gone, known := on.get(keyOf(a))
	if !known {
		return nil
	}
	on.drop(keyOf(a))
	return []Event{AddressGone{gone}}
}

// allAddresses returns the addresses of every interface, each interface's in the order of appearance.
func (v *view) allAddresses() []Address {
	var all []Address
	for _, index := range slices.Sorted(maps.Keys(v.addrs)) {
		all = append(all, v.addrs[index].values()...)
	}
	return all
}

// reset replaces the whole picture and returns the differences: what vanished, then what is new or different.
func (v *view) reset(links []Link, addrs []Address) []Event {
	var events []Event
	present := make(map[addressKey]bool, len(addrs))
	for _, a := range addrs {
		present[keyOf(a)] = true
	}
	for _, a := range v.allAddresses() {
		if !present[keyOf(a)] {
			events = append(events, v.dropAddress(a)...)
		}
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Index] = l.Name
	}
	for _, l := range v.links.values() {
		switch name, exists := names[l.Index]; {
		case !exists:
			events = append(events, v.dropLink(l.Index)...)
		case name != l.Name:
			// Every old name goes before any new one comes: names may have been swapped.
			events = append(events, v.forgetLink(l))
		}
	}
	for _, l := range links {
		events = append(events, v.setLink(l)...)
	}
	for _, a := range addrs {
		events = append(events, v.setAddress(a)...)
	}
	// The kernel's order wins over the order of appearance.
	*v = view{}
	for _, l := range links {
		v.setLink(l)
	}
	for _, a := range addrs {
		v.setAddress(a)
	}
	return events
}
