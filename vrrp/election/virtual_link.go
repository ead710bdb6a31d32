package election

import (
	"net/netip"
	"slices"
)

// LinkKind is what an interface that is made for a virtual router is.
type LinkKind uint8

// The kinds of virtual links.
const (
	NoLink  LinkKind = iota
	Macvlan          // use_vmac: with a MAC address of its own, private
	IPVLAN           // use_ipvlan: with the MAC address of its parent, in L2 mode
)

// VirtualLink is an interface that is made for a virtual router and exists as long as the router does, whatever its state.
type VirtualLink struct {
	Kind   LinkKind
	Parent string // the interface that it is on
	Name   string // "" = one after Prefix, which the shell chooses
	Prefix string // of a name that is not given: PREFIX.VRID
	MAC    [6]byte
	Mode   string       // of an ipvlan: bridge, private or vepa
	Addr   netip.Prefix // of an ipvlan; invalid = none
	Group  string       // link group, a number or a name of rt_groups; "" = that of the parent

	// What it is for decides the settings that it gets.
	IPv4, IPv6 bool
	// LinkLocal says that it has the link-local address of its parent, from which adverts leave.
	LinkLocal bool
}

// VirtualLinkKey is what makes a virtual link another one. The rest of it can be changed in place.
type VirtualLinkKey struct {
	Kind         LinkKind
	Name, Prefix string
	MAC          [6]byte
	Mode         string
}

// Key returns the identity of the link, beside its parent.
func (l VirtualLink) Key() VirtualLinkKey {
	return VirtualLinkKey{Kind: l.Kind, Name: l.Name, Prefix: l.Prefix, MAC: l.MAC, Mode: l.Mode}
}

// VirtualLinks returns the interfaces that are made for the router, its own first.
func (s *InstanceSpec) VirtualLinks() []VirtualLink {
	if s.VMAC.Kind == NoLink {
		return s.AddressLinks
	}
	return slices.Concat([]VirtualLink{s.VMAC}, s.AddressLinks)
}

// sameLinks reports whether s and t ask for the same of virtual links and of what is not accepted.
func (s *InstanceSpec) sameLinks(t *InstanceSpec) bool {
	return s.VMAC == t.VMAC && s.TransmitBase == t.TransmitBase && s.NoAccept == t.NoAccept &&
		s.ExtraGARP == t.ExtraGARP && s.ExtraGARPAll == t.ExtraGARPAll && slices.Equal(s.AddressLinks, t.AddressLinks)
}

// advertMovesMAC reports whether adverts have the virtual MAC address for their source.
func (s *InstanceSpec) advertMovesMAC() bool { return s.VMAC.Kind == Macvlan && !s.TransmitBase }

// AdvertLink returns the name of the interface that adverts leave and arrive by.
func (s *InstanceSpec) AdvertLink() string {
	if s.VMAC.Kind == NoLink || s.TransmitBase {
		return s.Link
	}
	return s.VMAC.Name
}

// NoAccept is the Resource by which a router that is not the owner of an address does not accept what is sent to it
// (RFC 9568 §6.1, Accept_Mode), nor sends from it. Neighbour discovery passes. It is in place before the address is, and
// goes after it.
type NoAccept struct {
	Addr netip.Addr
	Link string // that the address is on, which tells link-local addresses apart
}

func (NoAccept) resource() {}
