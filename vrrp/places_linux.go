package vrrp

import (
	"maps"
	"slices"
	"sync"

	"vigil/vrrp/election"
)

// places remembers the index of the interface on which each virtual address was installed: its name may be another one by
// the time the address is to go. It may be used from any goroutine, also while a reconciler hangs.
type places struct {
	mu    sync.Mutex
	index map[election.Address]int
	names map[virtualPlace]string // of the virtual links
}

func newPlaces() *places {
	return &places{index: make(map[election.Address]int), names: make(map[virtualPlace]string)}
}

func (p *places) set(a election.Address, index int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.index[a] = index
}

// of returns 0 for an address that is not known to be installed.
func (p *places) of(a election.Address) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.index[a]
}

func (p *places) forget(a election.Address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.index, a)
}

// unname forgets the name of a virtual link.
func (p *places) unname(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.names, func(_ virtualPlace, n string) bool { return n == name })
}

// named is s with the names of its virtual links, as far as they are known, and its addresses on them.
func (p *places) named(s election.InstanceSpec) election.InstanceSpec {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.VMAC.Name = p.names[placeOf(&s.VMAC)]
	s.AddressLinks = slices.Clone(s.AddressLinks)
	for i := range s.AddressLinks {
		s.AddressLinks[i].Name = p.names[placeOf(&s.AddressLinks[i])]
	}
	s.AddressLinks = slices.DeleteFunc(s.AddressLinks, func(l election.VirtualLink) bool { return l.Name == "" })
	if s.VMAC.Name == "" {
		s.VMAC = election.VirtualLink{}
	}
	s.Addresses, s.Excluded = onVirtual(&s, s.Addresses), onVirtual(&s, s.Excluded)
	return s
}
