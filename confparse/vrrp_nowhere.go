package confparse

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"vigil/confparse/diag"
)

// settleNoInterface finds what an instance without an interface lacks: its peers are unicast, its source address says where
// it is, and each of its addresses says where it goes.
func (d *decoder) settleNoInterface(vi *instanceScratch) {
	switch source := vi.source(); {
	case vi.Interface != "":
		if vi.VRF != "" {
			d.about(vi.node, diag.CodeIgnoredWord, fmt.Sprintf("(%s) vrf can only be specified without interface - clearing", vi.Name),
				vrfWithInterface)
			vi.VRF = ""
		}
		return
	case vi.unreachable():
		d.about(vi.node, diag.CodeInstanceWithoutInterface, fmt.Sprintf("(%s) Unknown interface!", vi.Name),
			"only an instance with unicast peers may do without")
		return
	case !source.IsValid():
		d.about(vi.node, diag.CodeInstanceWithoutInterface, fmt.Sprintf("(%s): Unicast instances must have unicast_src_ip or interface",
			vi.Name), "")
	case source.IsLinkLocalUnicast() && source.Is6():
		d.about(vi.node, diag.CodeInstanceWithoutInterface, fmt.Sprintf("(%s) Non link-local address required if interface omitted",
			vi.Name), "")
	}
	if vi.VMAC.Enabled || vi.IPVLAN.Enabled {
		d.atEnd(vi.node, diag.CodeVMAC, fmt.Sprintf("(%s): Cannot use VMAC/ipvlan with unicast and no interface - clearing use_vmac",
			vi.Name), "")
		vi.VMAC, vi.IPVLAN = VMAC{Addresses: vi.VMAC.Addresses}, IPVLAN{}
	}
	homeless := func(what string, list []VirtualAddress) []VirtualAddress {
		return slices.DeleteFunc(list, func(a VirtualAddress) bool {
			if a.Interface == "" {
				d.report(vi.node, a.Range, diag.CodeAddressNowhere, fmt.Sprintf("(%s): no interface for %s %s - removing", vi.Name, what, a.Prefix),
					"the instance has none either: write dev")
			}
			return a.Interface == ""
		})
	}
	vi.VirtualAddresses = homeless("vip", vi.VirtualAddresses)
	vi.ExcludedAddresses = homeless("evip", vi.ExcludedAddresses)
}

// source is the address that is written for adverts.
func (in *VRRPInstance) source() netip.Addr { return cmp.Or(in.UnicastSource, in.MulticastSource) }

// AdvertSource returns the address that adverts leave from, which is that of an IPVLAN if none is written; invalid when the interface
// decides.
func (in *VRRPInstance) AdvertSource() netip.Addr { return cmp.Or(in.source(), in.IPVLAN.Addr.Addr()) }

// unreachable reports whether vi has neither an interface nor peers to send to.
func (vi *instanceScratch) unreachable() bool { return vi.Interface == "" && len(vi.UnicastPeers) == 0 }
