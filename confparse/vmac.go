package confparse

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"vigil/confparse/diag"
)

// VMAC is use_vmac: a macvlan interface with the virtual router's MAC address (RFC 9568 §7.3).
type VMAC struct {
	Enabled       bool
	Interface     string // "" = vrrp.VRID
	MAC           [6]byte
	MACIsSet      bool
	TransmitBase  bool // vmac_xmit_base
	Addresses     bool // use_vmac_addr
	NetlinkNotify bool // netlink_notify_msg, without effect
	Group         string
}

// IPVLAN is use_ipvlan.
type IPVLAN struct {
	Enabled   bool
	Interface string
	Addr      netip.Prefix
	Mode      string // bridge, private or vepa
	Group     string
}

// linkRows are the rows of vrrp_instance about interfaces of its own.
var linkRows = blockOf[instanceScratch]{
	ownRow("use_vmac", "off", (*decoder).useVMAC, func(p *printer, vi *instanceScratch) {
		if vi.VMAC.Enabled {
			p.line(vmacWords(&vi.VMAC)...)
		}
	}),
	flagRow("use_vmac_addr", func(vi *instanceScratch) *bool { return &vi.VMAC.Addresses }),
	flagRow("vmac_xmit_base", func(vi *instanceScratch) *bool { return &vi.VMAC.TransmitBase }).because("off; on for unicast"),
	ownRow("use_ipvlan", "off", (*decoder).useIPVLAN, func(p *printer, vi *instanceScratch) {
		if vi.IPVLAN.Enabled {
			p.line(ipvlanWords(&vi.IPVLAN)...)
		}
	}),
}

// useVMAC decodes "[[name] IF] [MAC] [netlink_notify_msg] [group GROUP]" in any order.
func (d *decoder) useVMAC(n *Node, vi *instanceScratch) {
	v := &vi.VMAC
	v.Enabled = true
	for i := 0; i < len(n.Args); i++ {
		t := n.Args[i]
		switch {
		case t.Text == "netlink_notify_msg":
			v.NetlinkNotify = true
			d.report(n, n.RangeOf(t), diag.CodeNotSupported, "netlink_notify_msg is accepted, but not supported yet",
				"other programs are not told that the interface below takes all packets")
		case t.Text == "group" || t.Text == "name":
			if i++; !d.linkOption(n, i, vi, &v.Interface, &v.Group) {
				return
			}
		case strings.Count(t.Text, ":") >= 4:
			mac, ok := parseMAC(t.Text, vi.VirtualRouterID)
			if !ok {
				d.report(n, n.RangeOf(t), diag.CodeBadMAC, fmt.Sprintf("(%s) invalid VMAC address '%s'", vi.Name, t.Text), "")
				continue
			}
			v.MAC, v.MACIsSet = mac, true
		default:
			d.vmacName(n, t, vi, &v.Interface)
		}
	}
}

// linkOption decodes what stands behind "name" or "group", as n's word i. It returns false when nothing does.
func (d *decoder) linkOption(n *Node, i int, vi *instanceScratch, name, group *string) bool {
	option := n.Args[i-1]
	switch {
	case i == len(n.Args):
		d.report(n, n.RangeOf(option), diag.CodeArgumentExpected, n.Keyword.Text+" "+option.Text+" has no value", "")
		return false
	case option.Text == "group":
		*group = d.intern(n.Arg(i))
	default:
		d.vmacName(n, n.Args[i], vi, name)
	}
	return true
}

// vmacName keeps the name of an interface that vi makes.
func (d *decoder) vmacName(n *Node, t Token, vi *instanceScratch, to *string) {
	switch {
	case len(t.Text) > maxInterfaceName:
		d.report(n, n.RangeOf(t), diag.CodeBadInterfaceName, fmt.Sprintf("VMAC interface name '%s' too long - ignoring",
			t.Text), "")
	case *to != "":
		d.report(n, n.RangeOf(t), diag.CodeRepeated, fmt.Sprintf("(%s) interface name already specified - ignoring '%s'",
			vi.Name, t.Text), "")
	default:
		if other := d.vmacNameTaken(t.Text, vi); other != nil {
			d.report(n, n.RangeOf(t), diag.CodeVMAC, fmt.Sprintf("(%s) VRRP instance %s is already using %s - ignoring name",
				vi.Name, other.Name, t.Text), "", Place{Range: other.Range, Note: "the other one"})
			return
		}
		*to = d.intern(t.Text)
	}
}

// vmacNameTaken finds the instance before vi whose virtual interface has this name.
func (d *decoder) vmacNameTaken(name string, vi *instanceScratch) *instanceScratch {
	for _, other := range d.order {
		if other != vi && (other.VMAC.Enabled && other.VMAC.Interface == name ||
			other.IPVLAN.Enabled && other.IPVLAN.Interface == name) {
			return other
		}
	}
	return nil
}

// parseMAC reads six octets, or five to which the virtual router id is added.
func parseMAC(s string, vrid uint8) (mac [6]byte, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 5 && len(parts) != 6 {
		return mac, false
	}
	mac[5] = vrid
	for i, p := range parts {
		if len(p) == 1 {
			p = "0" + p
		}
		b, err := hex.DecodeString(p)
		if err != nil || len(b) != 1 {
			return mac, false
		}
		mac[i] = b[0]
	}
	return mac, mac[0]&1 == 0
}

// useIPVLAN decodes "[[name] IF] [ADDRESS[/LENGTH]] [bridge|private|vepa] [group GROUP]".
func (d *decoder) useIPVLAN(n *Node, vi *instanceScratch) {
	v := &vi.IPVLAN
	if v.Enabled {
		d.about(n, diag.CodeRepeated, fmt.Sprintf("(%s) use_ipvlan already specified - ignoring", vi.Name), "")
		return
	}
	v.Enabled, v.Mode = true, "bridge"
	for i := 0; i < len(n.Args); i++ {
		t := n.Args[i]
		switch t.Text {
		case "bridge", "private", "vepa":
			v.Mode = d.intern(t.Text)
			continue
		case "name", "group":
			if i++; !d.linkOption(n, i, vi, &v.Interface, &v.Group) {
				return
			}
			continue
		}
		if p, ok := d.hostPrefix(n, t); ok {
			v.Addr = p
			continue
		}
		d.vmacName(n, t, vi, &v.Interface)
	}
}

// settleVMAC makes the corrections keepalived makes to an instance with a virtual MAC address.
func (d *decoder) settleVMAC(vi *instanceScratch) {
	if vi.VMAC.Enabled && vi.unicast && !vi.VMAC.TransmitBase {
		d.atEnd(vi.node, diag.CodeVMAC, fmt.Sprintf("(%s) unicast with use_vmac requires vmac_xmit_base - setting", vi.Name), "")
		vi.VMAC.TransmitBase = true
	}
	if vi.VMAC.TransmitBase && !vi.VMAC.Enabled {
		d.atEnd(vi.node, diag.CodeVMAC, fmt.Sprintf("(%s) vmac_xmit_base is only valid with a vmac", vi.Name), "")
		vi.VMAC.TransmitBase = false
	}
	if vi.VMAC.TransmitBase && vi.Strict {
		d.strictly(vi, "(%s) xmit_base is incompatible with strict mode - resetting", "adverts leave by the virtual interface (vmac_xmit_base)")
		vi.VMAC.TransmitBase = false
	}
	if vi.VMAC.Enabled && vi.PromoteSecondaries {
		d.atEnd(vi.node, diag.CodeVMAC, fmt.Sprintf("(%s) promote_secondaries is automatically set for vmacs - ignoring",
			vi.Name), "")
		vi.PromoteSecondaries = false
	}
	if vi.IPVLAN.Enabled && vi.Family == IPv4 && !vi.IPVLAN.Addr.IsValid() && !vi.MulticastSource.IsValid() &&
		!vi.UnicastSource.IsValid() {
		d.about(vi.node, diag.CodeIPVLANAddress, fmt.Sprintf(
			"(%s) IPv4 ipvlan requires a source ip address to be configured. setting instance to fault state", vi.Name), "")
	}
}

func vmacWords(v *VMAC) []any {
	words := []any{"use_vmac"}
	if v.Interface != "" {
		words = append(words, "name", quoted(v.Interface))
	}
	if v.MACIsSet {
		words = append(words, net.HardwareAddr(v.MAC[:]))
	}
	if v.NetlinkNotify {
		words = append(words, "netlink_notify_msg")
	}
	if v.Group != "" {
		words = append(words, "group", quoted(v.Group))
	}
	return words
}

func ipvlanWords(v *IPVLAN) []any {
	words := []any{"use_ipvlan"}
	if v.Interface != "" {
		words = append(words, "name", quoted(v.Interface))
	}
	if v.Addr.IsValid() {
		words = append(words, v.Addr)
	}
	words = append(words, v.Mode)
	if v.Group != "" {
		words = append(words, "group", quoted(v.Group))
	}
	return words
}
