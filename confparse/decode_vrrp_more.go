package confparse

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"vigil/confparse/diag"
)

// notify returns the notifications of the block being decoded.
func (d *decoder) notify() *Notify {
	if d.vi != nil {
		return &d.vi.Notify
	}
	return &d.sg.Notify
}

// oneOf runs the action of a word, or reports it.
func (d *decoder) oneOf(s string, actions map[string]func(), hint string) {
	if f := actions[s]; f != nil {
		f()
		return
	}
	d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord, fmt.Sprintf("Unknown %s '%s'", d.n.Keyword.Text, s), hint)
}

func (d *decoder) instanceExtra(n *Node) {
	d.vi.extraSet = true
	d.extraInterface(n, 0, &d.vi.ExtraGARP, &d.vi.ExtraGARPAll)
}

func (d *decoder) nativeIPv6() {
	if len(d.vi.VirtualAddresses) > 0 && d.vi.VirtualAddresses[0].Prefix.Addr().Is4() {
		d.about(d.n, diag.CodeFamilyMismatch, fmt.Sprintf("(%s) Cannot specify native_ipv6 with IPv4 addresses", d.vi.Name), "")
		return
	}
	d.about(d.n, diag.CodeNativeIPv6, fmt.Sprintf("(%s) native_ipv6 is deprecated; the addresses decide the family",
		d.vi.Name), "")
	d.vi.nativeIPv6 = true
	d.vi.version.put(3)
}

// useVMAC decodes "[[name] IF] [MAC] [netlink_notify_msg] [group GROUP]" in any order.
func (d *decoder) useVMAC(n *Node) {
	v := &d.vi.VMAC
	v.Enabled = true
	for i := 0; i < len(n.Args); i++ {
		t := n.Args[i]
		switch {
		case t.Text == "netlink_notify_msg":
			v.NetlinkNotify = true
		case t.Text == "group" || t.Text == "name":
			if i++; i == len(n.Args) {
				d.report(n, n.RangeOf(t), diag.CodeArgumentExpected, "use_vmac "+t.Text+" has no value", "")
				return
			}
			if t.Text == "group" {
				v.Group = d.intern(n.Arg(i))
			} else {
				d.vmacName(n, n.Args[i], &v.Interface)
			}
		case strings.Count(t.Text, ":") >= 4:
			mac, ok := parseMAC(t.Text, d.vi.VirtualRouterID)
			if !ok {
				d.report(n, n.RangeOf(t), diag.CodeBadMAC, fmt.Sprintf("(%s) invalid VMAC address '%s'", d.vi.Name, t.Text), "")
				continue
			}
			v.MAC, v.MACIsSet = mac, true
		default:
			d.vmacName(n, t, &v.Interface)
		}
	}
}

func (d *decoder) vmacName(n *Node, t Token, to *string) {
	switch {
	case len(t.Text) > maxInterfaceName:
		d.report(n, n.RangeOf(t), diag.CodeBadInterfaceName, fmt.Sprintf("VMAC interface name '%s' too long - ignoring",
			t.Text), "")
	case *to != "":
		d.report(n, n.RangeOf(t), diag.CodeRepeated, fmt.Sprintf("(%s) interface name already specified - ignoring '%s'",
			d.vi.Name, t.Text), "")
	default:
		if other := d.vmacNameTaken(t.Text); other != nil {
			d.report(n, n.RangeOf(t), diag.CodeVMAC, fmt.Sprintf("(%s) VRRP instance %s is already using %s - ignoring name",
				d.vi.Name, other.Name, t.Text), "", Place{Range: other.Range, Note: "the other one"})
			return
		}
		*to = d.intern(t.Text)
	}
}

// vmacNameTaken finds the instance before d.vi whose virtual interface has this name.
func (d *decoder) vmacNameTaken(name string) *instanceScratch {
	for _, other := range d.order {
		if other != d.vi && (other.VMAC.Enabled && other.VMAC.Interface == name ||
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
func (d *decoder) useIPVLAN(n *Node) {
	v := &d.vi.IPVLAN
	if v.Enabled {
		d.about(n, diag.CodeRepeated, fmt.Sprintf("(%s) use_ipvlan already specified - ignoring", d.vi.Name), "")
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
			if i++; i == len(n.Args) {
				d.report(n, n.RangeOf(t), diag.CodeArgumentExpected, "use_ipvlan "+t.Text+" has no value", "")
				return
			}
			if t.Text == "group" {
				v.Group = d.intern(n.Arg(i))
			} else {
				d.vmacName(n, n.Args[i], &v.Interface)
			}
			continue
		}
		if p, ok := d.hostPrefix(n, t); ok {
			v.Addr = p
			continue
		}
		d.vmacName(n, t, &v.Interface)
	}
}

// hmacKey decodes "key ID TEXT|hex:HEX|file:PATH".
func (d *decoder) hmacKey(n *Node) {
	if len(n.Args) < 2 {
		d.missing(n, false)
		return
	}
	id, ok := d.wholeNumber(n, n.Args[0], wholeStrict(1, 255))
	if !ok {
		return
	}
	text := n.Arg(1)
	size := len(text)
	switch {
	case strings.HasPrefix(text, "file:"):
		size = 32
	case strings.HasPrefix(text, "hex:"):
		raw, err := hex.DecodeString(text[4:])
		if err != nil {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeBadHex, "the key is not hexadecimal", "")
			return
		}
		size = len(raw)
	}
	if size < 32 || size > 64 {
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeHMAC, fmt.Sprintf("key %d has %d bytes - ignoring", id, size),
			"a key has 32 to 64 bytes")
		return
	}
	for _, k := range d.vi.HMAC.Keys {
		if k.ID == uint8(id) {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeRepeated, fmt.Sprintf("key %d is already defined - ignoring", id), "")
			return
		}
	}
	d.vi.HMAC.Keys = append(d.vi.HMAC.Keys, HMACKey{ID: uint8(id), Text: d.intern(text)})
}

// staticAddress decodes one line of static_ipaddress.
func (d *decoder) staticAddress(n *Node) {
	d.staticGroup = ""
	d.inStatic = true
	a, ok := d.ipAddress(n)
	d.inStatic = false
	if !ok {
		return
	}
	if a.Interface == "" {
		a.Interface = d.cfg.Global.DefaultInterface
		if d.env.System.Interface != nil && !d.env.System.Interface(a.Interface) {
			d.about(n, diag.CodeNoDevice, fmt.Sprintf("static address %s has no interface, and default_interface %s does not "+
				"exist", a.Prefix, a.Interface), "")
			return
		}
	}
	for _, old := range d.cfg.StaticAddresses {
		if old.Prefix == a.Prefix && old.Interface == a.Interface {
			d.report(n, a.Range, diag.CodeDuplicateAddress, fmt.Sprintf("duplicate static address %s - ignoring", a.Prefix), "",
				Place{Range: old.Range, Note: "first given here"})
			return
		}
	}
	d.cfg.StaticAddresses = append(d.cfg.StaticAddresses, StaticAddress{VirtualAddress: a, TrackGroup: d.staticGroup})
}

func (d *decoder) staticRoute(n *Node) {
	if r, ok := d.route(n, true); ok {
		d.cfg.StaticRoutes = append(d.cfg.StaticRoutes, r)
	}
}

func (d *decoder) staticRule(n *Node) {
	if r, ok := d.rule(n, true); ok {
		d.cfg.StaticRules = append(d.cfg.StaticRules, r)
	}
}

// addressFlag decodes the words of an address that stand alone, or are rare. It returns false to drop the address.
func (d *decoder) addressFlag(n *Node, w Token, i *int, a *VirtualAddress) bool {
	switch w.Text {
	case "home":
		a.Flags |= AddressHome
	case "-nodad":
		a.Flags &^= AddressNoDAD
	case "mngtmpaddr":
		a.Flags |= AddressManageTemp
	case "noprefixroute":
		a.Flags |= AddressNoPrefixRoute
	case "autojoin":
		a.Flags |= AddressMCAutoJoin
	case "no_track":
		a.NoTrack = true
	case "use_vmac":
		if d.inStatic {
			d.report(n, n.RangeOf(w), diag.CodeUnknownItemWord,
				"Unknown configuration entry 'use_vmac' for ip address - ignoring", "")
			return true
		}
		a.UseVMAC = true
	case "preferred_lft":
		if *i++; *i == len(n.Args) {
			d.addressLacks(n, w)
			return false
		}
		if n.Arg(*i) == "forever" {
			a.PreferredLifetime = 1<<32 - 1
		} else if v, ok := d.wholeNumber(n, n.Args[*i], whole(0, maxUint32)); ok {
			a.PreferredLifetime = uint32(v)
		}
	case "track_group":
		if *i++; *i == len(n.Args) {
			d.addressLacks(n, w)
			return false
		}
		if d.staticGroup != "" || !d.inStatic {
			d.report(n, n.RangeOf(w), diag.CodeRepeated, "track_group cannot be used here, or not twice", "")
			*i = len(n.Args)
			return true
		}
		d.staticGroup = d.knownTrackGroup(n, n.Args[*i])
	default:
		d.report(n, n.RangeOf(w), diag.CodeUnknownItemWord,
			fmt.Sprintf("Unknown configuration entry '%s' for ip address - ignoring", w.Text), "")
	}
	return true
}

// defaultLifetime is the preferred lifetime of an address: an IPv6 host address is deprecated from the start, so that
// it is not chosen as a source.
func defaultLifetime(p netip.Prefix) uint32 {
	if p.Addr().Is6() && p.Bits() == 128 {
		return 0
	}
	return 1<<32 - 1
}
