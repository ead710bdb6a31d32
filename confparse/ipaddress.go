package confparse

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"vigil/confparse/diag"
)

// VirtualAddress is one line of virtual_ipaddress or virtual_ipaddress_excluded.
type VirtualAddress struct {
	Range     Range
	Prefix    netip.Prefix // /32 or /128 when no length was written
	Interface string       // dev; "" = the instance's, see LinkOf
	Scope     uint8        // rtnetlink scope: 0 global, 200 site, 253 link, 254 host, 255 nowhere
	Label     string       // IPv4 only
	Broadcast netip.Addr   // brd; invalid = none
	Peer      netip.Prefix // peer; invalid = none

	Flags             AddressFlags
	NoTrack           bool   // its loss does not mean FAULT
	UseVMAC           bool   // use_vmac: on a VMAC of its interface
	PreferredLifetime uint32 // seconds; 4294967295 = forever, 0 = deprecated at once
}

// LinkOf returns the interface that an address of the instance goes on.
func (in *VRRPInstance) LinkOf(v *VirtualAddress) string { return cmp.Or(v.Interface, in.Interface) }

// AddressFlags are the kernel's IFA_F_* of an address.
type AddressFlags uint32

// The address flags that can be asked for.
const (
	AddressNoDAD         AddressFlags = 0x02 // IPv6 unless -nodad
	AddressHome          AddressFlags = 0x10
	AddressManageTemp    AddressFlags = 0x100
	AddressNoPrefixRoute AddressFlags = 0x200
	AddressMCAutoJoin    AddressFlags = 0x400
)

// StaticAddress is one line of static_ipaddress.
type StaticAddress struct {
	VirtualAddress
	TrackGroup string
}

// scopes are the names of rt_scopes.
var scopes = map[string]uint8{"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}

// virtualAddresses is a list of addresses of an instance.
func virtualAddresses(name string, list func(*instanceScratch) *[]VirtualAddress) row[instanceScratch] {
	return listRow(name, "ipaddress", func(d *decoder, n *Node, vi *instanceScratch) { d.virtualAddress(n, vi, list(vi)) },
		func(p *printer, vi *instanceScratch) { p.addresses(name, *list(vi)) })
}

// virtualAddress decodes one line of virtual_ipaddress or virtual_ipaddress_excluded.
func (d *decoder) virtualAddress(n *Node, vi *instanceScratch, list *[]VirtualAddress) {
	a, ok := d.ipAddress(n, nil)
	if !ok {
		return
	}
	for _, old := range *list {
		if old.Prefix.Addr() == a.Prefix.Addr() {
			d.report(n, a.Range, diag.CodeDuplicateAddress, fmt.Sprintf("(%s) duplicate address %s - ignoring", vi.Name,
				a.Prefix.Addr()), "", Place{Range: old.Range, Note: "first given here"})
			return
		}
	}
	*list = append(*list, a)
}

// ipAddress decodes "ADDRESS[/LENGTH] [dev IF] [scope S] [label L] [brd ADDRESS|+|-] [peer ADDRESS] …".
// group is where the track_group of a static address goes, and nil for a virtual one.
func (d *decoder) ipAddress(n *Node, group *string) (VirtualAddress, bool) {
	a := VirtualAddress{Range: n.RangeOf(n.Keyword)}
	prefix, ok := d.hostPrefix(n, n.Keyword)
	if !ok {
		d.report(n, a.Range, diag.CodeBadVirtualAddress,
			fmt.Sprintf("VRRP parsed invalid IP %s. skipping IP...", n.Keyword.Text), "")
		return a, false
	}
	a.Prefix = prefix
	v4 := prefix.Addr().Is4()
	a.PreferredLifetime = defaultLifetime(prefix)
	if !v4 {
		a.Flags |= AddressNoDAD
	}
	for i := 0; i < len(n.Args); i++ {
		w := n.Args[i]
		value := func() (Token, bool) {
			if i++; i < len(n.Args) {
				return n.Args[i], true
			}
			d.addressLacks(n, w)
			return Token{}, false
		}
		switch w.Text {
		case "dev":
			t, ok := value()
			if !ok {
				return a, false
			}
			if a.Interface != "" {
				d.report(n, n.RangeOf(w), diag.CodeRepeated, "dev is given twice for "+n.Keyword.Text, "the address is dropped")
				return a, false
			}
			if !d.interfaceName(n, t.Text) {
				return a, false
			}
			a.Interface = d.intern(t.Text)
		case "scope":
			t, ok := value()
			if !ok {
				return a, false
			}
			d.addressScope(n, t, &a)
		case "brd", "broadcast":
			t, ok := value()
			if !ok || !d.addressBroadcast(n, t, &a) {
				return a, false
			}
		case "label":
			t, ok := value()
			if !ok || !d.addressLabel(n, t, &a) {
				return a, false
			}
		case "peer":
			t, ok := value()
			if !ok {
				return a, false
			}
			p, valid := d.hostPrefix(n, t)
			if !valid || p.Addr().Is4() != v4 {
				d.report(n, n.RangeOf(t), diag.CodeBadAddress, fmt.Sprintf("Invalid peer address '%s'", t.Text), "")
				continue
			}
			a.Peer = p
		default:
			if !d.addressFlag(n, w, &i, &a, group) {
				return a, false
			}
		}
	}
	return a, true
}

// addressLacks reports an option of an address that has no value.
func (d *decoder) addressLacks(n *Node, w Token) {
	d.report(n, n.RangeOf(w), diag.CodeArgumentExpected, fmt.Sprintf("No %s parameter specified for %s", w.Text, n.Keyword.Text),
		"the address is dropped")
}

// hostPrefix reads ADDRESS[/LENGTH]. A bad length is reported and read as that of a single host.
func (d *decoder) hostPrefix(n *Node, t Token) (netip.Prefix, bool) {
	text, length, found := strings.Cut(t.Text, "/")
	addr, ok := parseAddr(text)
	if !ok {
		return netip.Prefix{}, false
	}
	bits := addr.BitLen()
	if found {
		lt := Token{Text: length, Offset: t.Offset + int32(len(text)) + 1, Len: uint16(len(length))}
		if t.Len != uint16(len(t.Text)) {
			lt.Offset, lt.Len = t.Offset, t.Len
		}
		if v, ok := d.wholeNumber(n, lt, whole(0, int64(bits))); ok {
			bits = int(v)
		}
	}
	return netip.PrefixFrom(addr, bits), true
}

func (d *decoder) addressScope(n *Node, t Token, a *VirtualAddress) {
	s, ok := scopes[t.Text]
	if !ok {
		num, used, over := parseDigits(t.Text)
		if used == 0 || used < len(t.Text) || over || num > 255 {
			d.report(n, n.RangeOf(t), diag.CodeUnknownWord, fmt.Sprintf("Invalid scope '%s' specified for %s - ignoring",
				t.Text, n.Keyword.Text), "use global, site, link, host, nowhere or 0 to 255")
			return
		}
		s = uint8(num)
	}
	if !a.Prefix.Addr().Is4() {
		d.report(n, n.RangeOf(t), diag.CodeIPv4Only, fmt.Sprintf("Cannot specify scope for IPv6 addresses (%s) - ignoring "+
			"scope", n.Keyword.Text), "")
		return
	}
	a.Scope = s
}

func (d *decoder) addressLabel(n *Node, t Token, a *VirtualAddress) bool {
	switch {
	case len(t.Text) > maxInterfaceName:
		d.report(n, n.RangeOf(t), diag.CodeBadInterfaceName, fmt.Sprintf("label '%s' is too long", t.Text),
			fmt.Sprintf("a label has at most %d characters; the address is dropped", maxInterfaceName))
		return false
	case !a.Prefix.Addr().Is4():
		d.report(n, n.RangeOf(t), diag.CodeIPv4Only, fmt.Sprintf("Cannot specify label for IPv6 addresses (%s) - ignoring "+
			"label", n.Keyword.Text), "")
	default:
		a.Label = d.intern(t.Text)
	}
	return true
}

// addressBroadcast reads brd: an address, + for all host bits set, - for none.
func (d *decoder) addressBroadcast(n *Node, t Token, a *VirtualAddress) bool {
	host := a.Prefix.Addr()
	if !host.Is4() {
		d.report(n, n.RangeOf(t), diag.CodeIPv4Broadcast, fmt.Sprintf(
			"VRRP is trying to assign a broadcast %s to the IPv6 address %s !!?? WTF... skipping VIP...", t.Text, host), "")
		return false
	}
	if t.Text != "+" && t.Text != "-" {
		b, ok := parseAddr(t.Text)
		if !ok || !b.Is4() {
			d.report(n, n.RangeOf(t), diag.CodeBadVirtualAddress, fmt.Sprintf("Invalid broadcast address %s", t.Text),
				"the address is dropped")
			return false
		}
		a.Broadcast = b
		return true
	}
	bits := a.Prefix.Bits()
	if bits > 30 {
		d.report(n, n.RangeOf(t), diag.CodeNoBroadcast, fmt.Sprintf("%s has no room for a broadcast address", a.Prefix), "")
		return true
	}
	raw := host.As4()
	for i := bits; i < 32; i++ {
		mask := byte(0x80) >> (i % 8)
		if t.Text == "+" {
			raw[i/8] |= mask
		} else {
			raw[i/8] &^= mask
		}
	}
	a.Broadcast = netip.AddrFrom4(raw)
	return true
}

// addressFlag decodes the words of an address that stand alone, or are rare. It returns false to drop the address.
func (d *decoder) addressFlag(n *Node, w Token, i *int, a *VirtualAddress, group *string) bool {
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
		if group != nil {
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
		if group == nil || *group != "" {
			d.report(n, n.RangeOf(w), diag.CodeRepeated, "track_group cannot be used here, or not twice", "")
			*i = len(n.Args)
			return true
		}
		*group = d.knownTrackGroup(n, n.Args[*i])
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

var staticAddressesRow = listRow("static_ipaddress", "ipaddress", (*decoder).staticAddress, func(p *printer, c *Config) {
	if len(c.StaticAddresses) == 0 {
		return
	}
	p.open("static_ipaddress")
	for _, a := range c.StaticAddresses {
		words := addressWords(a.VirtualAddress)
		if a.TrackGroup != "" {
			words = append(words, "track_group", quoted(a.TrackGroup))
		}
		p.line(words...)
	}
	p.close()
})

// staticAddress decodes one line of static_ipaddress.
func (d *decoder) staticAddress(n *Node, c *Config) {
	var group string
	a, ok := d.ipAddress(n, &group)
	if !ok {
		return
	}
	if a.Interface == "" {
		a.Interface = c.Global.DefaultInterface
		if d.env.System.Interface != nil && !d.env.System.Interface(a.Interface) {
			d.about(n, diag.CodeNoDevice, fmt.Sprintf("static address %s has no interface, and default_interface %s does not "+
				"exist", a.Prefix, a.Interface), "")
			return
		}
	}
	for _, old := range c.StaticAddresses {
		if old.Prefix == a.Prefix && old.Interface == a.Interface {
			d.report(n, a.Range, diag.CodeDuplicateAddress, fmt.Sprintf("duplicate static address %s - ignoring", a.Prefix), "",
				Place{Range: old.Range, Note: "first given here"})
			return
		}
	}
	c.StaticAddresses = append(c.StaticAddresses, StaticAddress{VirtualAddress: a, TrackGroup: group})
}

func (p *printer) addresses(name string, list []VirtualAddress) {
	if len(list) == 0 {
		return
	}
	p.open(name)
	for _, a := range list {
		p.line(addressWords(a)...)
	}
	p.close()
}

func addressWords(a VirtualAddress) []any {
	words := []any{a.Prefix}
	option := func(on bool, w ...any) {
		if on {
			words = append(words, w...)
		}
	}
	v4 := a.Prefix.Addr().Is4()
	option(a.Interface != "", "dev", quoted(a.Interface))
	option(a.Scope != 0, "scope", a.Scope)
	option(a.Label != "", "label", quoted(a.Label))
	option(a.Broadcast.IsValid(), "brd", a.Broadcast)
	option(a.Peer.IsValid(), "peer", a.Peer)
	option(!v4 && a.Flags&AddressNoDAD == 0, "-nodad")
	option(a.Flags&AddressHome != 0, "home")
	option(a.Flags&AddressManageTemp != 0, "mngtmpaddr")
	option(a.Flags&AddressNoPrefixRoute != 0, "noprefixroute")
	option(a.Flags&AddressMCAutoJoin != 0, "autojoin")
	option(a.NoTrack, "no_track")
	option(a.UseVMAC, "use_vmac")
	option(a.PreferredLifetime != defaultLifetime(a.Prefix), "preferred_lft", a.PreferredLifetime)
	return words
}
