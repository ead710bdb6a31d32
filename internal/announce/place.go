package announce

import (
	"cmp"
	"net/netip"

	"vigil/internal/netio"
)

// Place is an address on an interface.
type Place struct {
	Interface string     `json:"interface"` // that somebody else makes, and may take away
	Addr      netip.Addr `json:"address"`
}

func (p Place) String() string { return p.Addr.String() + " on " + p.Interface }

// compare orders places by interface.
func compare(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Interface, b.Interface), a.Addr.Compare(b.Addr))
}

// address is the place as the kernel knows it: a host's address, that nothing else of a network comes with.
func (p Place) address(index int) netio.Address {
	return netio.Address{Index: index, Prefix: netip.PrefixFrom(p.Addr, p.Addr.BitLen())}
}

// Want is what a Place is to be.
type Want uint8

// What a Place can be wanted to be.
const (
	Unknown Want = iota // nobody can tell yet: it stays what it is
	Present
	Absent
)
