package confparse

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"vigil/confparse/diag"
)

// maxGroupRange bounds the addresses of one range: each is a service of the kernel.
const (
	maxGroupRange = 1 << maxGroupBits
	maxGroupBits  = 18
)

// VirtualServerGroup is a virtual_server_group block.
type VirtualServerGroup struct {
	Range   Range
	Name    string
	Entries []GroupEntry
}

// GroupEntry is one line of a virtual_server_group: a range of addresses with a port, or a firewall mark.
type GroupEntry struct {
	Range       Range
	First, Last netip.Addr
	Port        uint16
	Fwmark      uint32 // 0 = an address entry
	Family      Family // of a mark, when given
}

// Addresses returns the addresses of an entry in ascending order; none for a firewall mark.
func (e GroupEntry) Addresses() iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		if e.Fwmark != 0 {
			return
		}
		for a := e.First; yield(a) && a != e.Last; {
			a = a.Next()
		}
	}
}

// FamilyIn returns the family of the service that a firewall mark is in a virtual server: the mark's own, or the virtual server's; that
// of neither is IPv4.
func (e GroupEntry) FamilyIn(vs VirtualServerID) Family { return cmp.Or(e.Family, vs.Family, IPv4) }

var serverGroupsRow = serverGroups()

func serverGroups() row[Config] {
	r := blocksRow("virtual_server_group", 0, (*decoder).serverGroup,
		func(c *Config) []*VirtualServerGroup { return c.Groups }, (*printer).serverGroup)
	r.list = &itemGrammar{name: "vsg_entry"}
	return r
}

// serverGroup decodes a virtual_server_group block.
func (d *decoder) serverGroup(n *Node) {
	if !d.needName(n) {
		return
	}
	g := &VirtualServerGroup{Range: n.RangeOf(n.Args[0]), Name: d.intern(n.Arg(0))}
	for _, old := range d.cfg.Groups {
		if old.Name == g.Name {
			d.report(n, g.Range, diag.CodeDuplicateName, "virtual_server_group "+g.Name+" is already defined - ignoring", "",
				Place{Range: old.Range, Note: "first defined here"})
			return
		}
	}
	for _, item := range n.Body {
		if e, ok := d.groupEntry(item); ok {
			g.Entries = append(g.Entries, e)
		}
	}
	if len(g.Entries) == 0 {
		d.atEnd(n, diag.CodeEmptyGroup, "virtual server group "+g.Name+" has no entries - removing", "")
		return
	}
	d.cfg.Groups = append(d.cfg.Groups, g)
}

// groupEntry decodes "ADDRESS[-N|-ADDRESS|/LENGTH] [PORT]" or "fwmark N [inet|inet6]".
func (d *decoder) groupEntry(n *Node) (GroupEntry, bool) {
	e := GroupEntry{Range: n.Range()}
	if n.Keyword.Text == "fwmark" {
		if len(n.Args) == 0 {
			d.missingItem(n, n.Keyword)
			return e, false
		}
		v, ok := d.wholeNumber(n, n.Args[0], whole(1, maxUint32))
		e.Fwmark = uint32(v)
		switch n.Arg(1) {
		case "":
		case "inet":
			e.Family = IPv4
		case "inet6":
			e.Family = IPv6
		default:
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeUnknownItemWord, "invalid address family "+n.Arg(1)+" for fwmark",
				"use inet or inet6")
		}
		return e, ok
	}
	first, last, why := addressRange(n.Keyword.Text)
	if why == "" && len(n.Args) > 0 {
		p, ok := parsePort(n.Args[0])
		if !ok {
			why = "a port is 1 to 65535"
		}
		e.Port = p
	}
	if why != "" {
		shown := n.Keyword.Text
		if len(n.Args) > 0 {
			shown += " " + n.Arg(0)
		}
		d.report(n, n.Range(), diag.CodeBadRange, fmt.Sprintf("Invalid virtual server group entry %s - skipping", shown), why)
		return e, false
	}
	e.First, e.Last, e.Family = first, last, FamilyOf(first)
	return e, true
}

// addressRange reads the address forms of a group entry. why says what is wrong, or is empty.
func addressRange(s string) (first, last netip.Addr, why string) {
	bad := func(why string) (netip.Addr, netip.Addr, string) { return netip.Addr{}, netip.Addr{}, why }
	if text, length, ok := strings.Cut(s, "/"); ok {
		a, valid := parseAddr(text)
		n, err := strconv.Atoi(length)
		if !valid || err != nil || n < 1 || n > a.BitLen() {
			return bad("it is not an address with a prefix length")
		}
		p := netip.PrefixFrom(a, n)
		if p.Masked().Addr() != a {
			return bad("the host bits must be zero: " + p.Masked().String())
		}
		if a.BitLen()-n > maxGroupBits {
			return bad(fmt.Sprintf("that is more than %d addresses", maxGroupRange))
		}
		return a, lastOf(p), ""
	}
	text, end, isRange := strings.Cut(s, "-")
	a, ok := parseAddr(text)
	if !ok {
		return bad("it is not an address")
	}
	if !isRange {
		return a, a, ""
	}
	if strings.ContainsAny(end, ".:") {
		b, ok := parseAddr(end)
		if !ok || FamilyOf(b) != FamilyOf(a) || b.Less(a) {
			return bad("the end of the range is not an address above its start")
		}
		if !within(a, b) {
			return bad(fmt.Sprintf("that is more than %d addresses", maxGroupRange))
		}
		return a, b, ""
	}
	base, limit := 10, uint64(255)
	if a.Is6() {
		base, limit = 16, 0xffff
	}
	v, err := strconv.ParseUint(end, base, 32)
	if err != nil || v > limit {
		return bad(fmt.Sprintf("the end of the range is not a number up to %s", strconv.FormatUint(limit, base)))
	}
	var b netip.Addr
	if a.Is4() {
		raw := a.As4()
		raw[3] = byte(v)
		b = netip.AddrFrom4(raw)
	} else {
		raw := a.As16()
		raw[14], raw[15] = byte(v>>8), byte(v)
		b = netip.AddrFrom16(raw)
	}
	if !a.Less(b) {
		return bad("the end of the range must be above its start")
	}
	return a, b, ""
}

// lastOf returns the highest address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Addr().AsSlice()
	for i := p.Bits(); i < len(raw)*8; i++ {
		raw[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

// within reports whether the addresses from a to b are few enough for a group.
func within(a, b netip.Addr) bool {
	ra, rb := a.As16(), b.As16()
	low, borrow := bits.Sub64(binary.BigEndian.Uint64(rb[8:]), binary.BigEndian.Uint64(ra[8:]), 0)
	high, _ := bits.Sub64(binary.BigEndian.Uint64(rb[:8]), binary.BigEndian.Uint64(ra[:8]), borrow)
	return high == 0 && low < maxGroupRange
}

// resolveGroup finds the group of a virtual server and settles the address families. It returns false when the server
// cannot be.
func (d *decoder) resolveGroup(vs *serverScratch) bool {
	var g *VirtualServerGroup
	names := make([]string, 0, len(d.cfg.Groups))
	for _, x := range d.cfg.Groups {
		if names = append(names, x.Name); x.Name == vs.ID.Group {
			g = x
		}
	}
	if g == nil {
		detail := ""
		if len(names) > 0 {
			detail = nearest(vs.ID.Group, names)
		}
		d.about(vs.node, diag.CodeUnknownGroup, fmt.Sprintf("Virtual server group %s for virtual server %s doesn't exist - "+
			"ignoring virtual server", vs.ID.Group, vs.ID), detail)
		return false
	}
	vs.group = g
	v4, v6 := false, false
	for _, e := range g.Entries {
		v4, v6 = v4 || e.Family == IPv4, v6 || e.Family == IPv6
		vs.groupHasAddress = vs.groupHasAddress || e.Fwmark == 0
		vs.groupHasMark = vs.groupHasMark || e.Fwmark != 0
		vs.groupPortZero = vs.groupPortZero || e.Fwmark == 0 && e.Port == 0
	}
	switch {
	case v4 && v6:
		if vs.family != FamilyUnknown {
			d.about(vs.node, diag.CodeGroupFamily, fmt.Sprintf("Virtual server %s: group %s has IPv4 and IPv6 entries - ignoring",
				vs.ID, g.Name), "only TUN servers can serve both", Place{Range: g.Range, Note: "the group"})
			return false
		}
		vs.mixed = true
	case v4, v6:
		f := IPv4
		if v6 {
			f = IPv6
		}
		if vs.family != FamilyUnknown && vs.family != f {
			d.about(vs.node, diag.CodeGroupFamily, fmt.Sprintf("Virtual server %s: group %s is %s, the servers are %s - ignoring",
				vs.ID, g.Name, f, vs.family), "", Place{Range: g.Range, Note: "the group"})
			return false
		}
		vs.family = f
	}
	return true
}

func (p *printer) serverGroup(g *VirtualServerGroup) {
	p.open("virtual_server_group", quoted(g.Name))
	for _, e := range g.Entries {
		switch {
		case e.Fwmark != 0 && e.Family != FamilyUnknown:
			p.line("fwmark", e.Fwmark, map[Family]string{IPv4: "inet", IPv6: "inet6"}[e.Family])
		case e.Fwmark != 0:
			p.line("fwmark", e.Fwmark)
		default:
			words := []any{e.First}
			if e.Last != e.First {
				words[0] = e.First.String() + "-" + e.Last.String()
			}
			if e.Port != 0 {
				words = append(words, e.Port)
			}
			p.line(words...)
		}
	}
	p.close()
}
