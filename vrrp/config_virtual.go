package vrrp

import (
	"slices"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// virtualFromConfig derives the virtual links of an instance, and says which of its addresses are on them. s has the
// instance's addresses, each on the interface that it is written for.
func virtualFromConfig(in *confparse.VRRPInstance, g *confparse.Global, s *election.InstanceSpec) {
	b := virtualBuilder{in: in, global: g, spec: s}
	s.TransmitBase = in.VMAC.TransmitBase
	s.NoAccept = !in.Accept
	s.ExtraGARP, s.ExtraGARPAll = in.ExtraGARP, in.ExtraGARP > 0 && in.ExtraGARPAll
	switch {
	case in.VMAC.Enabled:
		s.VMAC = b.macvlan(in.Interface, in.Family, g.VMACPrefix)
		s.VMAC.Name, s.VMAC.LinkLocal = in.VMAC.Interface, in.Family == confparse.IPv6 && !in.VMAC.TransmitBase
	case in.IPVLAN.Enabled:
		s.VMAC = election.VirtualLink{Kind: election.IPVLAN, Parent: in.Interface, Name: in.IPVLAN.Interface, Prefix: g.VMACPrefix,
			Mode: in.IPVLAN.Mode, Addr: in.IPVLAN.Addr, Group: in.IPVLAN.Group,
			IPv4: in.Family == confparse.IPv4, IPv6: in.Family == confparse.IPv6, LinkLocal: in.Family == confparse.IPv6}
	}
	b.place(s.Addresses, in.VirtualAddresses)
	b.place(s.Excluded, in.ExcludedAddresses)
}

// virtualBuilder collects the virtual links of one instance.
type virtualBuilder struct {
	in     *confparse.VRRPInstance
	global *confparse.Global
	spec   *election.InstanceSpec
}

// macvlan is the virtual link on an interface for one family of addresses.
func (b *virtualBuilder) macvlan(parent string, f confparse.Family, prefix string) election.VirtualLink {
	return election.VirtualLink{Kind: election.Macvlan, Parent: parent, Prefix: prefix, MAC: b.mac(f), Group: b.in.VMAC.Group,
		IPv4: f == confparse.IPv4, IPv6: f == confparse.IPv6, LinkLocal: f == confparse.IPv6}
}

// mac is the virtual MAC address (RFC 9568 §7.3), or the one that is configured.
func (b *virtualBuilder) mac(f confparse.Family) [6]byte {
	if b.in.VMAC.MACIsSet {
		return b.in.VMAC.MAC
	}
	mac := [6]byte{0x00, 0x00, 0x5e, 0x00, 0x01, b.in.VirtualRouterID}
	if f == confparse.IPv6 {
		mac[4] = 0x02
	}
	return mac
}

// place puts those of the addresses on virtual links that belong there.
func (b *virtualBuilder) place(list []election.Address, written []confparse.VirtualAddress) {
	own := &b.spec.VMAC
	for i := range list {
		a := &list[i]
		f := confparse.FamilyOf(a.Prefix.Addr())
		hasOwn := own.Kind == election.Macvlan && a.Link == own.Parent
		switch {
		case hasOwn && (f == b.in.Family || f == confparse.IPv6) && !(written[i].UseVMAC && own.MAC != b.mac(f)):
			a.MAC = own.MAC
			own.IPv6 = own.IPv6 || f == confparse.IPv6
		case written[i].UseVMAC, b.in.VMAC.Addresses && (hasOwn || a.Link != b.in.Interface):
			a.MAC = b.extra(a.Link, f).MAC
		}
	}
}

// extra is the virtual link of addresses on an interface, made if there is none.
func (b *virtualBuilder) extra(parent string, f confparse.Family) election.VirtualLink {
	l := b.macvlan(parent, f, b.global.VMACAddressPrefix)
	same := func(o election.VirtualLink) bool { return o.Parent == l.Parent && o.MAC == l.MAC }
	if i := slices.IndexFunc(b.spec.AddressLinks, same); i >= 0 {
		o := &b.spec.AddressLinks[i]
		o.IPv4, o.IPv6, o.LinkLocal = o.IPv4 || l.IPv4, o.IPv6 || l.IPv6, o.LinkLocal || l.LinkLocal
		return *o
	}
	b.spec.AddressLinks = append(b.spec.AddressLinks, l)
	return l
}

// hostFromConfig is what concerns the host as a whole, as far as the virtual routers need it.
func hostFromConfig(g *confparse.Global, list []election.InstanceSpec) (h election.HostSettings) {
	h.NoLocalIGMP = g.DisableLocalIGMP && len(list) > 0
	filtered := func(s election.InstanceSpec) bool {
		macvlan := func(l election.VirtualLink) bool { return l.Kind == election.Macvlan }
		return s.NoAccept || slices.ContainsFunc(s.VirtualLinks(), macvlan)
	}
	if !slices.ContainsFunc(list, filtered) {
		return h
	}
	h.Filter = election.FilterSettings{Table: g.FilterTable(), Priority: g.NFTables.Priority, Counters: g.NFTables.Counters,
		ByIndex: g.NFTables.IfIndex}
	// Chains and sets that were named for iptables are named so here.
	if c := g.IPTables.Chains; len(c) == 2 && (c[0] != "INPUT" || c[1] != "OUTPUT") {
		h.Filter.Chains = [2]string{c[0], c[1]}
	}
	copy(h.Filter.Sets[:], g.IPTables.Sets)
	return h
}

// pacesFromConfig are the garp_groups.
func pacesFromConfig(groups []*confparse.GARPGroup) (paces []election.Pace) {
	for _, g := range groups {
		paces = append(paces, election.Pace{Links: slices.Clone(g.Interfaces), Shared: g.Shared, ARP: g.GARPInterval, NA: g.GNAInterval})
	}
	return paces
}
