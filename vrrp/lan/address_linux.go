package lan

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"vigil/internal/netio"
	"vigil/internal/routing"
)

// Address is one address to have on an interface.
type Address struct {
	Prefix    netip.Prefix
	Link      string  // name of the interface
	MAC       [6]byte // of that, when it is a virtual link; nothing here depends on it
	Options   routing.AddressOptions
	NoTrack   bool  // nobody cares when it is lost
	Scope     uint8 // as in the kernel's address messages: 0 global, 253 link, 254 host
	Label     string
	Broadcast netip.Addr   // invalid = none
	Peer      netip.Prefix // invalid = none
}

// Is reports whether the kernel's address is a, whatever interface it is on.
func (a Address) Is(k netio.Address) bool {
	return k.Prefix.Addr() == a.Prefix.Addr() && (a.Peer.IsValid() || k.Prefix.Bits() == a.Prefix.Bits())
}

// Placer installs and removes addresses. It looks each interface up once, so it is for one pass and not to be kept.
type Placer struct {
	n     Network
	known func(name string) (netio.Link, bool)
	links map[string]lookup
}

type lookup struct {
	netio.Link
	err error
}

// NewPlacer returns a Placer for one pass. known spares it looking up an interface for an address that is added; it may be nil,
// and what it returns may be of a moment ago.
func NewPlacer(n Network, known func(name string) (netio.Link, bool)) *Placer {
	return &Placer{n: n, known: known, links: make(map[string]lookup)}
}

func (p *Placer) link(name string) lookup {
	l, ok := p.links[name]
	if !ok {
		l.Link, l.err = p.n.Link(name)
		p.links[name] = l
	}
	return l
}

func (a Address) on(l lookup) netio.Address {
	return netio.Address{Index: l.Index, Prefix: a.Prefix, Scope: a.Scope, Label: a.Label, Broadcast: a.Broadcast, Peer: a.Peer, Options: a.Options}
}

// Add installs an address and returns the index of the interface. One that is there is a success.
func (p *Placer) Add(a Address) (index int, err error) {
	known := false
	var l lookup
	if p.known != nil {
		l.Link, known = p.known(a.Link)
	}
	if known {
		err = p.n.AddAddress(a.on(l))
	}
	if !known || errors.Is(err, unix.ENODEV) { // it is another one by now
		if l = p.link(a.Link); l.err == nil {
			l.err = p.n.AddAddress(a.on(l))
		}
		err = l.err
	}
	if err != nil {
		return 0, fmt.Errorf("add %s to %s: %w", a.Prefix, a.Link, err)
	}
	return l.Index, nil
}

// Remove removes an address, also from the interface with the index that Add returned (0: none) if it has another name
// meanwhile. One that is not there, its interface included, is a success.
func (p *Placer) Remove(a Address, index int) error {
	l := p.link(a.Link)
	err := l.err
	if errors.Is(err, netio.ErrNoLink) {
		err = nil
	} else if err == nil {
		err = p.n.DelAddress(a.on(l))
	}
	if index > 0 && index != l.Index {
		err = errors.Join(err, p.n.DelAddress(a.on(lookup{Link: netio.Link{Index: index}})))
	}
	if err != nil {
		return fmt.Errorf("remove %s from %s: %w", a.Prefix, a.Link, err)
	}
	return nil
}

// Missing returns those of the addresses that the kernel does not have on an interface that could have them. An
// interface that is down is a problem of its own, and is reported for itself.
func Missing(n Network, list []Address) (missing []Address, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	all, err := n.Addresses()
	if err != nil {
		return nil, err
	}
	present := make(map[netip.Addr][]netio.Address, len(all))
	for _, k := range all {
		present[k.Prefix.Addr()] = append(present[k.Prefix.Addr()], k)
	}
	p := NewPlacer(n, nil)
	for _, a := range list {
		l := p.link(a.Link)
		if l.err != nil || !l.Up {
			continue
		}
		here := func(k netio.Address) bool { return k.Index == l.Index && a.Is(k) }
		if !slices.ContainsFunc(present[a.Prefix.Addr()], here) {
			missing = append(missing, a)
		}
	}
	return missing, nil
}
