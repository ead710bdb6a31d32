package netio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vigil/internal/routing"
)

// tableEntry is a route as the kernel tells of it.
type tableEntry struct {
	dest, from netip.Prefix // from is of length 0 when there is none
	kind       uint8
	table      uint32
	tos        uint8
	metric     uint32
	protocol   uint8
	source     netip.Addr
	hops       []entryHop
}

type entryHop struct {
	via   netip.Addr
	index int
}

// MissingRoutes returns those of the list that are not in their tables. A route whose interface or VRF does not exist is
// missing.
func (h *Handle) MissingRoutes(list []routing.Route) (missing []routing.Route, err error) {
	type where struct {
		family   uint8
		table    uint32
		protocol uint8
	}
	tables := make(map[where][]tableEntry)
	for _, r := range list {
		table := r.Table
		if r.VRF != "" {
			if table, err = h.vrfTable(r.VRF); err != nil {
				missing = append(missing, r)
				continue
			}
		}
		at := where{familyOf(r.Dest.Addr()), table, r.Protocol}
		entries, read := tables[at]
		if !read {
			if entries, err = h.entries(at.family, at.table, at.protocol); err != nil {
				return nil, fmt.Errorf("list routes: %w", err)
			}
			tables[at] = entries
		}
		if !slices.ContainsFunc(entries, func(e tableEntry) bool { return e.is(r, table, h.linkNumber) }) {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// entries returns the routes of a table that carry a protocol's number. The kernel picks them out: there may be a million
// others.
func (h *Handle) entries(family uint8, table uint32, protocol uint8) ([]tableEntry, error) {
	a := attributes([]byte{family, 0, 0, 0, smallTable(table), protocol, 0, 0, 0, 0, 0, 0})
	a.u32(unix.RTA_TABLE, table)
	msgs, err := h.dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, a)
	if err != nil {
		return nil, err
	}
	var list []tableEntry
	for _, m := range msgs {
		if e, ok := parseEntry(m); ok && e.protocol == protocol && e.table == table {
			list = append(list, e)
		}
	}
	return list, nil
}

// dump sends a request that the kernel answers with many messages; it obeys the filter in it.
func (h *Handle) dump(kind, reply int, filter []byte) (msgs [][]byte, err error) {
	for range 10 { // a dump that raced with a change says so and is read again
		req := nl.NewNetlinkRequest(kind, unix.NLM_F_DUMP)
		req.AddRawData(filter)
		if msgs, err = h.request(req, reply); !errors.Is(err, nl.ErrDumpInterrupted) {
			break
		}
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) { // no such table
		return nil, nil
	}
	return msgs, err
}

// is reports whether e is r, which is in the table with that number.
func (e tableEntry) is(r routing.Route, table uint32, number func(string) (int, error)) bool {
	dest := r.Dest.Masked()
	from := 0
	if r.From.IsValid() {
		from = r.From.Bits()
	}
	if e.dest != dest || e.table != table || e.tos != r.TOS || e.protocol != r.Protocol || e.kind != r.Type ||
		e.from.Bits() != from || from > 0 && e.from != r.From.Masked() {
		return false
	}
	if r.MetricSet && r.Metric > 0 && e.metric != r.Metric || r.Source.IsValid() && e.source != r.Source {
		return false
	}
	hops := routing.List(r.Hops)
	if len(hops) == 0 && (r.Hop.Via.IsValid() || r.Hop.Link != "") {
		hops = append(hops, r.Hop)
	}
	if len(hops) != len(e.hops) && len(hops) > 0 && dest.Addr().Is4() { // IPv6 has those of the same metric in one
		return false
	}
	return !slices.ContainsFunc(hops, func(h routing.NextHop) bool {
		index := 0
		if h.Link != "" {
			var err error
			if index, err = number(h.Link); err != nil {
				return true
			}
		}
		return !slices.ContainsFunc(e.hops, func(k entryHop) bool { return k.via == h.Via && (index == 0 || k.index == index) })
	})
}

// attribute is one attribute of a message.
type attribute struct {
	kind  int
	value []byte
}

// parseAttributes splits attributes; false when they are malformed.
func parseAttributes(b []byte) (list []attribute, ok bool) {
	for len(b) > 0 {
		if len(b) < unix.SizeofRtAttr {
			return nil, false
		}
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofRtAttr || n > len(b) {
			return nil, false
		}
		list = append(list, attribute{int(binary.NativeEndian.Uint16(b[2:])) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER), b[unix.SizeofRtAttr:n]})
		b = b[min((n+3)&^3, len(b)):]
	}
	return list, true
}

func (a attribute) u32() uint32 {
	if len(a.value) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(a.value)
}

func (a attribute) u8() uint8 {
	if len(a.value) < 1 {
		return 0
	}
	return a.value[0]
}

func (a attribute) addr() netip.Addr {
	ip, _ := netip.AddrFromSlice(a.value)
	return ip
}

// prefix is an address with a length that stands elsewhere; invalid if they do not fit.
func (a attribute) prefix(bits uint8) netip.Prefix { return netip.PrefixFrom(a.addr(), int(bits)) }

// anything is the prefix of every address of a family.
func anything(family uint8) netip.Prefix {
	if family == unix.AF_INET6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// parseEntry decodes a route message: struct rtmsg and attributes.
func parseEntry(b []byte) (tableEntry, bool) {
	if len(b) < unix.SizeofRtMsg || b[0] != unix.AF_INET && b[0] != unix.AF_INET6 {
		return tableEntry{}, false
	}
	attrs, ok := parseAttributes(b[unix.SizeofRtMsg:])
	if !ok {
		return tableEntry{}, false
	}
	e := tableEntry{dest: anything(b[0]), from: anything(b[0]), tos: b[3], table: uint32(b[4]), protocol: b[5], kind: b[7]}
	for _, a := range attrs {
		switch a.kind {
		case unix.RTA_DST:
			e.dest = a.prefix(b[1])
		case unix.RTA_SRC:
			e.from = a.prefix(b[2])
		case unix.RTA_TABLE:
			e.table = a.u32()
		case unix.RTA_PRIORITY:
			e.metric = a.u32()
		case unix.RTA_PREFSRC:
			e.source = a.addr()
		}
	}
	e.hops = parseHops(attrs)
	return e, e.dest.IsValid() && e.from.IsValid()
}

// parseHops collects where a route leads: its own gateway, or those of its paths.
func parseHops(attrs []attribute) (hops []entryHop) {
	var own entryHop
	for _, a := range attrs {
		switch a.kind {
		case unix.RTA_GATEWAY:
			own.via = a.addr()
		case rtaVia:
			if len(a.value) > 2 {
				own.via, _ = netip.AddrFromSlice(a.value[2:])
			}
		case unix.RTA_OIF:
			own.index = int(int32(a.u32()))
		case unix.RTA_MULTIPATH:
			for b := a.value; len(b) >= unix.SizeofRtNexthop; {
				n := int(binary.NativeEndian.Uint16(b))
				if n < unix.SizeofRtNexthop || n > len(b) {
					break
				}
				inner, ok := parseAttributes(b[unix.SizeofRtNexthop:n])
				if !ok {
					break
				}
				for _, h := range parseHops(slices.DeleteFunc(inner, func(a attribute) bool { return a.kind == unix.RTA_MULTIPATH })) {
					hops = append(hops, entryHop{h.via, int(int32(binary.NativeEndian.Uint32(b[4:])))})
				}
				b = b[min((n+3)&^3, len(b)):]
			}
		}
	}
	if len(hops) == 0 || own != (entryHop{}) {
		hops = append(hops, own)
	}
	return hops
}

// MissingRules returns those of the list that are not there. Whose they are does not matter.
func (h *Handle) MissingRules(list []routing.Rule) (missing []routing.Rule, err error) {
	have := make(map[uint8]map[routing.Rule]bool)
	for _, r := range list {
		family := uint8(unix.AF_INET)
		if r.IPv6 {
			family = unix.AF_INET6
		}
		if have[family] == nil {
			msgs, err := h.dump(unix.RTM_GETRULE, unix.RTM_NEWRULE, []byte{family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
			if err != nil {
				return nil, fmt.Errorf("list rules: %w", err)
			}
			have[family] = make(map[routing.Rule]bool, len(msgs))
			for _, m := range msgs {
				if k, ok := parseRule(m); ok {
					have[family][plain(k)] = true
				}
			}
		}
		if !have[family][plain(r)] {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// plain is r as the kernel tells it, without saying whose it is.
func plain(r routing.Rule) routing.Rule {
	r.Protocol = 0
	zero := func(p *netip.Prefix) {
		if *p = p.Masked(); p.Bits() <= 0 {
			*p = netip.Prefix{}
		}
	}
	zero(&r.From)
	zero(&r.To)
	if r.Action != routing.ActionTable {
		r.Table, r.L3MDev, r.Realms, r.SuppressLength, r.SuppressGroup = 0, false, 0, -1, -1
	}
	if r.L3MDev {
		r.Table = 0
	}
	if r.Action != routing.ActionGoto {
		r.Goto = 0
	}
	if !r.MarkSet || r.Mark == 0 && r.MarkMask == 0 {
		r.Mark, r.MarkMask, r.MarkSet = 0, 0, false
	}
	if !r.UIDSet {
		r.UIDs = routing.Range{}
	}
	return r
}

// parseRule decodes a rule message: struct fib_rule_hdr and attributes.
func parseRule(b []byte) (routing.Rule, bool) {
	if len(b) < unix.SizeofRtMsg || b[0] != unix.AF_INET && b[0] != unix.AF_INET6 {
		return routing.Rule{}, false
	}
	attrs, ok := parseAttributes(b[unix.SizeofRtMsg:])
	if !ok {
		return routing.Rule{}, false
	}
	r := routing.Rule{IPv6: b[0] == unix.AF_INET6, TOS: b[3], Table: uint32(b[4]), Action: b[7],
		Not: binary.NativeEndian.Uint32(b[8:])&ruleInvert != 0, SuppressLength: -1, SuppressGroup: -1}
	for _, a := range attrs {
		switch a.kind {
		case fraDst:
			r.To = a.prefix(b[1])
		case fraSrc:
			r.From = a.prefix(b[2])
		case fraIIF:
			r.IIF = unix.ByteSliceToString(a.value)
		case fraOIF:
			r.OIF = unix.ByteSliceToString(a.value)
		case fraGoto:
			r.Goto = a.u32()
		case fraPriority:
			r.Preference = a.u32()
		case fraMark:
			r.Mark, r.MarkSet = a.u32(), true
		case fraMask:
			r.MarkMask, r.MarkSet = a.u32(), true
		default:
			r = parseRuleRest(r, a)
		}
	}
	return r, true
}

// parseRuleRest decodes the rarer attributes of a rule.
func parseRuleRest(r routing.Rule, a attribute) routing.Rule {
	switch a.kind {
	case fraFlow:
		r.Realms = a.u32()
	case fraTunnelID:
		if len(a.value) >= 8 {
			r.TunnelID = binary.BigEndian.Uint64(a.value)
		}
	case fraIfGroup:
		r.SuppressGroup = max(-1, int32(a.u32()))
	case fraPrefixLen:
		r.SuppressLength = max(-1, int32(a.u32()))
	case fraTable:
		r.Table = a.u32()
	case fraL3MDev:
		r.L3MDev = a.u8() != 0
	case fraUIDs:
		if len(a.value) >= 8 {
			r.UIDs, r.UIDSet = routing.Range{First: a.u32(), Last: binary.NativeEndian.Uint32(a.value[4:])}, true
		}
	case fraProtocol:
		r.Protocol = a.u8()
	case fraIPProto:
		r.IPProto = a.u8()
	case fraSourcePorts, fraDestPorts:
		if len(a.value) < 4 {
			break
		}
		ports := routing.Range{First: uint32(binary.NativeEndian.Uint16(a.value)), Last: uint32(binary.NativeEndian.Uint16(a.value[2:]))}
		if a.kind == fraSourcePorts {
			r.SourcePorts = ports
		} else {
			r.DestPorts = ports
		}
	}
	return r
}
