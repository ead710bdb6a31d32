package pool

import (
	"net/netip"

	"vigil/confparse"
)

// Suspension says which virtual servers with ha_suspend are suspended: nobody asks their servers while none of their addresses is
// here, for another director serves then. Their weights stay what they are. The zero value knows no virtual server and no address.
type Suspension struct {
	Known bool // which addresses are here; until then nobody is suspended, though it may turn out so
	Blind bool // that will never be known, and nobody is suspended

	here   map[netip.Addr]map[int]bool // by interface
	wanted map[confparse.VirtualServerID][]netip.Addr
}

// Want replaces the virtual servers with ha_suspend, by their addresses, of which each has one at least.
func (s *Suspension) Want(addresses map[confparse.VirtualServerID][]netip.Addr) { s.wanted = addresses }

// Count takes note of whether an address is on an interface.
func (s *Suspension) Count(a netip.Addr, link int, is bool) {
	switch {
	case !is:
		if delete(s.here[a], link); len(s.here[a]) == 0 {
			delete(s.here, a)
		}
	case s.here[a] == nil:
		if s.here == nil {
			s.here = make(map[netip.Addr]map[int]bool)
		}
		s.here[a] = map[int]bool{link: true}
	default:
		s.here[a][link] = true
	}
}

// Suspended returns the virtual servers that are suspended; those with false are not, but that is only because nothing is known yet.
func (s *Suspension) Suspended() map[confparse.VirtualServerID]bool {
	now := make(map[confparse.VirtualServerID]bool)
	for id, addresses := range s.wanted {
		if !s.Blind && !(s.Known && s.anyHere(addresses)) {
			now[id] = s.Known
		}
	}
	return now
}

func (s *Suspension) anyHere(addresses []netip.Addr) bool {
	for _, a := range addresses {
		if len(s.here[a]) > 0 {
			return true
		}
	}
	return false
}
