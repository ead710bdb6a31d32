package confparse

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// named checks the one name a block must have, and that it is new. It returns false when the block is to be skipped.
func (d *decoder) named(n *Node, first *Node) bool {
	switch {
	case len(n.Args) == 0:
		d.about(n, diag.CodeMissingName, fmt.Sprintf("%s has no name - skipping", n.Keyword.Text), "")
		return false
	case len(n.Args) > 1:
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeExtraName,
			fmt.Sprintf("%s name '%s' is followed by further words - skipping", n.Keyword.Text, n.Arg(0)),
			"a name with blanks must be quoted")
		return false
	case first != nil:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeDuplicateName,
			fmt.Sprintf("%s %s already defined - skipping", n.Keyword.Text, n.Arg(0)), "",
			Place{Range: first.RangeOf(first.Args[0]), Note: "first defined here"})
		return false
	}
	return true
}

// instance decodes a vrrp_instance block.
func (d *decoder) instance(n *Node) {
	var first *Node
	if old := d.instances[InstanceName(n.Arg(0))]; old != nil {
		first = old.node
	}
	if !d.named(n, first) {
		return
	}
	vi := &instanceScratch{node: n, VRRPInstance: &VRRPInstance{Range: n.RangeOf(n.Args[0]),
		Name: InstanceName(d.intern(n.Arg(0))), AdvertInterval: time.Second, UnicastTTL: 255,
		CheckUnicastSrc: d.gs.checkUnicast}}
	d.instances[vi.Name] = vi
	d.order = append(d.order, vi)
	d.vi = vi
	d.body(n.Body)
	d.vi = nil
}

func (d *decoder) initialState(s string) {
	switch s {
	case "MASTER":
		d.vi.wantMaster = true
	case "BACKUP":
		if d.vi.wantMaster {
			d.about(d.n, diag.CodeStateConflict, fmt.Sprintf("(%s) state previously set as MASTER - ignoring BACKUP",
				d.vi.Name), "")
			return
		}
		d.vi.wantBackup = true
	default:
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord,
			fmt.Sprintf("(%s) unknown state '%s', defaulting to BACKUP", d.vi.Name, s), "use MASTER or BACKUP")
		d.vi.wantBackup = true
	}
}

// maxInterfaceName is IFNAMSIZ without its terminator.
const maxInterfaceName = 15

// linkName checks that a word can be the name of an interface, whether there is one or not.
func (d *decoder) linkName(s string) bool {
	if len(s) <= maxInterfaceName && !strings.ContainsAny(s, "/ \t") && s != "" {
		return true
	}
	d.report(d.n, d.n.RangeOf(d.wordOf(s)), diag.CodeBadInterfaceName, fmt.Sprintf("Interface name '%s' too long - ignoring", s),
		fmt.Sprintf("the name of an interface has at most %d characters", maxInterfaceName))
	return false
}

// wordOf returns the argument of the current statement that reads s, or else its keyword.
func (d *decoder) wordOf(s string) Token {
	for _, a := range d.n.Args {
		if a.Text == s {
			return a
		}
	}
	return d.n.Keyword
}

// interfaceName checks a word that must be the name of an interface of this machine.
func (d *decoder) interfaceName(s string) bool { return d.interfaceNamed(s, diag.CodeNoInterface) }

// interfaceNamed is interfaceName with the code to report an interface by that does not exist.
func (d *decoder) interfaceNamed(s string, code Code) bool {
	n, t := d.n, d.wordOf(s)
	if !d.linkName(s) {
		return false
	}
	if d.env.System.Interface != nil && !d.env.System.Interface(s) {
		if d.cfg.Global.DynamicInterfaces {
			code = diag.CodeNoInterfaceYet
		}
		d.report(n, n.RangeOf(t), code, fmt.Sprintf("WARNING - interface %s doesn't exist", s), "")
	}
	return true
}

// instanceLink is the interface of an instance: any but a loopback, and none beside a vrf.
func (d *decoder) instanceLink(s string) {
	switch vi := d.vi; {
	case s == "lo":
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeBadInterfaceName, fmt.Sprintf(
			"(%s) cannot use a loopback interface (%s) for vrrp - ignoring", vi.Name, s), "")
	case vi.VRF != "":
		d.bothLinks()
	case d.interfaceName(s):
		vi.Interface = s
	}
}

// bothLinks reports that an instance was given an interface and a vrf; the first of them counts.
func (d *decoder) bothLinks() {
	d.about(d.n, diag.CodeIgnoredWord, fmt.Sprintf("(%s) Cannot specify VRF interface and interface - ignoring", d.vi.Name),
		"a vrf is for an instance without an interface, whose peers are unicast")
}

func (d *decoder) authType(s string) {
	switch s {
	case "PASS":
		d.vi.AuthType = AuthPass
	case "AH":
		d.vi.AuthType = AuthAH
	default:
		d.vi.badAuth = true
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord,
			fmt.Sprintf("(%s) unknown authentication type '%s'", d.vi.Name, s), "use PASS or AH")
	}
}

// maxPassword is the length of the authentication field (RFC 2338 §5.3.10).
const maxPassword = 8

func (d *decoder) authPass(s string) {
	if len(s) > maxPassword {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodePasswordTruncated,
			fmt.Sprintf("Truncating auth_pass to %d characters", maxPassword), "VRRPv2 carries no more")
		s = s[:maxPassword]
	}
	d.vi.AuthPass = s
}

// unicastPeer decodes "ADDRESS [min_ttl N] [max_ttl N]".
func (d *decoder) unicastPeer(n *Node) {
	vi := d.vi
	a, ok := parseAddr(stripRange(n.Keyword.Text))
	if !ok {
		d.report(n, n.RangeOf(n.Keyword), diag.CodeBadPeer, fmt.Sprintf(
			"Configuration error: VRRP instance[%s] malformed unicast peer address[%s]. Skipping...", vi.Name,
			n.Keyword.Text), "")
		return
	}
	p := UnicastPeer{Range: n.RangeOf(n.Keyword), Addr: a, MaxTTL: 255}
	for i := 0; i < len(n.Args); i++ {
		w := n.Args[i]
		if w.Text != "min_ttl" && w.Text != "max_ttl" {
			d.report(n, n.RangeOf(w), diag.CodeUnknownWord, fmt.Sprintf("Unknown unicast_peer option '%s'", w.Text), "")
			continue
		}
		if i++; i == len(n.Args) {
			d.report(n, n.RangeOf(w), diag.CodeArgumentExpected, w.Text+" has no value", "")
			break
		}
		if v, ok := d.wholeNumber(n, n.Args[i], wholeStrict(0, 255)); ok {
			vi.CheckUnicastSrc = true
			if w.Text == "min_ttl" {
				p.MinTTL = int(v)
			} else {
				p.MaxTTL = int(v)
			}
		}
	}
	for _, old := range vi.UnicastPeers {
		if old.Addr == a {
			d.report(n, p.Range, diag.CodeDuplicatePeer, fmt.Sprintf("(%s) duplicate unicast peer %s - ignoring", vi.Name, a),
				"", Place{Range: old.Range, Note: "first given here"})
			return
		}
	}
	vi.unicast = true
	vi.UnicastPeers = append(vi.UnicastPeers, p)
}

// scopes are the names of rt_scopes.
var scopes = map[string]uint8{"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}

// virtualAddress decodes one line of virtual_ipaddress or virtual_ipaddress_excluded.
func (d *decoder) virtualAddress(n *Node, list *[]VirtualAddress) {
	a, ok := d.ipAddress(n)
	if !ok {
		return
	}
	for _, old := range *list {
		if old.Prefix.Addr() == a.Prefix.Addr() {
			d.report(n, a.Range, diag.CodeDuplicateAddress, fmt.Sprintf("(%s) duplicate address %s - ignoring", d.vi.Name,
				a.Prefix.Addr()), "", Place{Range: old.Range, Note: "first given here"})
			return
		}
	}
	*list = append(*list, a)
}

// ipAddress decodes "ADDRESS[/LENGTH] [dev IF] [scope S] [label L] [brd ADDRESS|+|-] [peer ADDRESS] …".
func (d *decoder) ipAddress(n *Node) (VirtualAddress, bool) {
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
			if !d.interfaceName(t.Text) {
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
			if !d.addressFlag(n, w, &i, &a) {
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

// missingItem reports a word of an item whose value is missing.
func (d *decoder) missingItem(n *Node, w Token) {
	d.report(n, n.RangeOf(w), diag.CodeMissingArgument, fmt.Sprintf("*** Configuration line starting `%s` is missing a "+
		"parameter after keyword `%s`", n.Keyword.Text, w.Text), "")
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

// trackInterface decodes "IF [weight N [reverse]]".
func (d *decoder) trackInterface(n *Node) {
	if t, ok := d.trackedInterface(n, d.vi.TrackInterfaces); ok {
		d.vi.TrackInterfaces = append(d.vi.TrackInterfaces, t)
	}
}

func (d *decoder) trackedInterface(n *Node, list []TrackInterface) (TrackInterface, bool) {
	t := TrackInterface{Range: n.RangeOf(n.Keyword), Interface: d.intern(n.Keyword.Text)}
	if !d.interfaceName(t.Interface) {
		return t, false
	}
	for _, old := range list {
		if old.Interface == t.Interface {
			d.report(n, t.Range, diag.CodeDuplicateTrack, fmt.Sprintf("interface %s is tracked twice", t.Interface), "",
				Place{Range: old.Range, Note: "first given here"})
			return t, false
		}
	}
	w, ok := d.trackWeight(n, 254, true, false)
	t.Weight, t.Reverse = int(w.weight), w.reverse
	return t, ok
}

// trackedWeight is the end of an item of a track_* list.
type trackedWeight struct {
	weight  int64
	set     bool
	reverse bool
}

// trackWeight decodes "[weight N [reverse]]" after the name of an item; with override, noreverse too. With reduce, 254
// becomes 253. It returns false to drop the item.
func (d *decoder) trackWeight(n *Node, limit int64, reduce, override bool) (w trackedWeight, ok bool) {
	if len(n.Args) == 0 {
		return w, true
	}
	if n.Arg(0) != "weight" {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownItemWord,
			fmt.Sprintf("unknown option '%s' for tracked %s - ignoring", n.Arg(0), n.Keyword.Text), "use weight N")
		return w, false
	}
	if len(n.Args) == 1 {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeArgumentExpected,
			fmt.Sprintf("weight without value specified for tracked %s - ignoring", n.Keyword.Text), "")
		return w, false
	}
	if v, valid := d.wholeNumber(n, n.Args[1], whole(-limit, limit)); valid {
		if reduce && (v == 254 || v == -254) {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeRaised, fmt.Sprintf("weight %d is reduced to %d", v, v/254*253),
				"the range is -253 to 253")
			v = v / 254 * 253
		}
		w.weight, w.set = v, true
	}
	if len(n.Args) > 2 {
		if n.Arg(2) != "reverse" && !(override && n.Arg(2) == "noreverse") {
			d.report(n, n.RangeOf(n.Args[2]), diag.CodeUnknownItemWord,
				fmt.Sprintf("unknown option '%s' for tracked %s - ignoring", n.Arg(2), n.Keyword.Text), "")
			return w, false
		}
		w.reverse = n.Arg(2) == "reverse"
	}
	return w, true
}

// syncGroup decodes a vrrp_sync_group block.
func (d *decoder) syncGroup(n *Node) {
	var first *Node
	for i, g := range d.cfg.SyncGroups {
		if string(g.Name) == n.Arg(0) {
			first = d.groupNodes[i]
		}
	}
	if !d.named(n, first) {
		return
	}
	d.sg = &SyncGroup{Range: n.RangeOf(n.Args[0]), Name: GroupName(d.intern(n.Arg(0)))}
	d.body(n.Body)
	if len(d.sg.Members) == 0 {
		d.about(n, diag.CodeEmptyGroup, fmt.Sprintf("Sync group %s has no virtual router(s). removing", d.sg.Name), "")
	} else {
		d.cfg.SyncGroups = append(d.cfg.SyncGroups, d.sg)
		d.groupNodes = append(d.groupNodes, n)
	}
	d.sg = nil
}

func (d *decoder) syncGroupMembers(n *Node) {
	d.extraParameters(n)
	if len(d.sg.Members) > 0 {
		d.about(n, diag.CodeRepeated, fmt.Sprintf("vrrp_sync_group %s already has a list of members - ignoring", d.sg.Name), "")
		return
	}
	if len(n.Body) == 0 {
		d.atEnd(n, diag.CodeEmptyList, fmt.Sprintf("Warning - sync group %s has empty group block", d.sg.Name), "")
	}
	for _, item := range n.Body {
		d.sg.Members = append(d.sg.Members, InstanceName(d.intern(item.Keyword.Text)))
		for _, a := range item.Args {
			d.sg.Members = append(d.sg.Members, InstanceName(d.intern(a.Text)))
		}
	}
}
