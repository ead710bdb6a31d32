package lan

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"vigil/internal/netio"
)

// linkAddress is one address to have on an interface.
type Address struct {
	Prefix    netip.Prefix
	Link      string // name of the interface
	Scope     uint8  // as in the kernel's address messages: 0 global, 253 link, 254 host
	Label     string
	Broadcast netip.Addr   // invalid = none
	Peer      netip.Prefix // invalid = none
}

// is reports whether the kernel's address is a, whatever interface it is on.
func (a Address) Is(k netio.Address) bool {
	return k.Prefix.Addr() == a.Prefix.Addr() && (a.Peer.IsValid() || k.Prefix.Bits() == a.Prefix.Bits())
}

// setAddresses installs addresses, or removes them, in order. Each is tried whatever became of the others; the error
// joins all failures. Installing what is there and removing what is absent, its interface included, are successes.
func SetAddresses(n Network, addrs []Address, present bool) error {
	type lookup struct {
		netio.Link
		err error
	}
	links := make(map[string]lookup)
	var errs []error
	for _, a := range addrs {
		l, ok := links[a.Link]
		if !ok {
			l.Link, l.err = n.Link(a.Link)
			links[a.Link] = l
		}
		err := l.err
		addr := netio.Address{Index: l.Index, Prefix: a.Prefix, Scope: a.Scope, Label: a.Label,
			Broadcast: a.Broadcast, Peer: a.Peer}
		switch {
		case err != nil && !present && errors.Is(err, netio.ErrNoLink):
			err = nil // gone with its interface
		case err != nil:
			err = fmt.Errorf("%s: %w", a.Prefix, err)
		case present:
			err = n.AddAddress(addr)
		default:
			err = n.DelAddress(addr)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%w (interface %s)", err, a.Link))
		}
	}
	return errors.Join(errs...)
}

// missing asks the kernel whether the address is missing from an interface that could have it. The notification that
// raised the question may be about a removal of our own, or be older than a new installation.
func Missing(n Network, a Address) (bool, error) {
	link, err := n.Link(a.Link)
	if err != nil || !link.Up {
		return false, err // the interface is the problem, and it is reported for itself
	}
	all, err := n.Addresses()
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(all, func(k netio.Address) bool { return k.Index == link.Index && a.Is(k) }), nil
}
