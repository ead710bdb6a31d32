package confparse

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// protocolKeepalived is RTPROT_KEEPALIVED, the mark of our own routes and rules.
const protocolKeepalived = 18

// The names of iproute2's tables that every system has.
var (
	routeTypes = map[string]RouteType{"unicast": 1, "local": 2, "broadcast": 3, "anycast": 4, "multicast": 5,
		"blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9, "nat": 10}
	routeTables    = map[string]uint32{"default": 253, "main": 254, "local": 255}
	routeProtocols = map[string]uint32{"redirect": 1, "kernel": 2, "boot": 3, "static": 4, "ra": 9, "mrt": 10,
		"zebra": 11, "bird": 12, "dhcp": 16, "keepalived": 18, "babel": 42, "bgp": 186, "isis": 187, "ospf": 188,
		"rip": 189, "eigrp": 192}
	routeScopes  = map[string]uint32{"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
	serviceTypes = map[string]uint32{"default": 0x00, "AF11": 0x28, "AF12": 0x30, "AF13": 0x38, "AF21": 0x48, "AF22": 0x50,
		"AF23": 0x58, "AF31": 0x68, "AF32": 0x70, "AF33": 0x78, "AF41": 0x88, "AF42": 0x90, "AF43": 0x98, "EF": 0xb8,
		"CS1": 0x20, "CS2": 0x40, "CS3": 0x60, "CS4": 0x80, "CS5": 0xa0, "CS6": 0xc0, "CS7": 0xe0}
	routeRealms = map[string]uint32{"cosmos": 0}
	// routeMetrics are the numeric metrics; true marks those that can be locked.
	routeMetrics = map[string]bool{"mtu": true, "hoplimit": false, "advmss": true, "reordering": true, "window": false,
		"cwnd": true, "ssthresh": true, "initcwnd": false, "initrwnd": false, "quickack": false,
		"fastopen_no_cookie": false, "rtt": true, "rttvar": true, "rto_min": true}
)

// routeItem is a route in the making.
type routeItem struct {
	*words
	r            *Route
	static       bool
	dest, or     bool  // a destination, or an "or" gateway, was given
	only4, only6 Token // a word that only routes of one family have
	family       Family
}

// fits notes the family of an address, which must be the same throughout.
func (x *routeItem) fits(a netip.Addr, t Token) {
	f := FamilyOf(a)
	if x.family != FamilyUnknown && f != x.family && f != FamilyUnknown {
		x.fail(t, "mixed IPv4/IPv6 options for route")
		return
	}
	if f != FamilyUnknown {
		x.family = f
	}
}

// gateway decodes the words of where packets go next. It returns false when t is none of them.
func (x *routeItem) gateway(t Token) bool {
	switch t.Text {
	case "via", "gw", "or":
		if t.Text != "via" {
			x.d.report(x.n, x.n.RangeOf(t), diag.CodeDeprecated, t.Text+" is deprecated for routes - please use 'via' or 'nexthop'", "")
		}
		if t.Text == "or" && x.or {
			x.d.report(x.n, x.n.RangeOf(t), diag.CodeRepeated, `"or" route already specified - ignoring subsequent`, "")
			x.value(t)
			break
		}
		x.or = x.or || t.Text == "or"
		x.d.routeGateway(x.words, t, x.r, x.family)
		if x.r.Hop.Via.IsValid() && x.family == FamilyUnknown && !x.dest {
			x.family = FamilyOf(x.r.Hop.Via)
		}
	case "dev", "oif":
		x.r.Hop.Interface = x.device(t)
	case "onlink":
		x.r.Hop.OnLink = true
	case "realms":
		x.r.Hop.Realms = x.realms(t)
		x.only4 = t
	case "encap":
		x.r.Hop.Encap = x.d.encap(x.words, t)
	case "nexthop":
		if x.or {
			x.d.report(x.n, x.n.RangeOf(t), diag.CodeBadRoute, `Cannot specify nexthops with "or" route`, "")
			x.i = len(x.list)
			break
		}
		x.d.nextHops(x.words, x.r)
	default:
		return false
	}
	return true
}

// attribute decodes the words that are the route's properties in the kernel. It returns false when t is none of them.
func (x *routeItem) attribute(t Token) bool {
	switch t.Text {
	case "tos", "dsfield":
		x.r.TOS = uint8(x.named(t, serviceTypes, 255))
	case "table":
		x.r.Table = x.named(t, routeTables, maxUint32)
	case "protocol":
		x.r.Protocol = uint8(x.named(t, routeProtocols, 255))
	case "scope":
		x.r.Scope, x.r.ScopeSet = uint8(x.named(t, routeScopes, 255)), true
	case "metric", "priority", "preference":
		x.r.Metric, x.r.MetricSet = uint32(x.number(t, 0, maxUint32)), true
	case "expires":
		x.r.Expires = time.Duration(x.number(t, 0, maxUint32)) * time.Second
		x.only6 = t
	case "congctl":
		if x.peek() == "lock" {
			x.next()
		}
		if v, ok := x.value(t); ok {
			x.r.Congestion = x.d.intern(v.Text)
		}
	case "features":
		if v, ok := x.value(t); ok && v.Text == "ecn" {
			x.r.Features |= 1
		} else if ok {
			x.d.report(x.n, x.n.RangeOf(v), diag.CodeUnknownItemWord, "feature "+v.Text+" not supported", "only ecn is known")
		}
	case "pref":
		v, ok := x.value(t)
		if ok && v.Text != "low" && v.Text != "medium" && v.Text != "high" {
			if _, valid := x.d.wholeNumber(x.n, v, wholeStrict(0, 255)); !valid {
				x.bad = true
			}
		}
		x.r.Preference = x.d.intern(v.Text)
		x.only6 = t
	case "ttl-propagate":
		switch v, _ := x.value(t); v.Text {
		case "enabled":
			x.r.TTLPropagate = On
		case "disabled":
			x.r.TTLPropagate = Off
		default:
			x.d.report(x.n, x.n.RangeOf(t), diag.CodeUnknownItemWord, v.Text+" is invalid for ttl-propagate", "")
		}
	default:
		if _, metric := routeMetrics[t.Text]; !metric {
			return false
		}
		x.d.routeMetric(x.words, t, x.r)
	}
	return true
}

// origin decodes the words of sources, family and handling. It returns false when t is none of them.
func (x *routeItem) origin(t Token) bool {
	switch t.Text {
	case "inet", "inet6":
		x.words.family(t, &x.family)
	case "src":
		x.r.Source = x.address(t)
		x.fits(x.r.Source, t)
	case "from":
		v, ok := x.value(t)
		if !ok {
			break
		}
		p, ok := parsePrefix(v.Text)
		if !ok || !p.Addr().Is6() {
			x.fail(v, "route from "+v.Text+" must be an IPv6 prefix")
			break
		}
		x.r.From = p
		x.fits(p.Addr(), v)
	case "as":
		if x.peek() == "to" {
			x.next()
		}
		x.value(t)
		x.d.report(x.n, x.n.RangeOf(t), diag.CodeIgnoredWord, "'as [to]' (nat) not supported", "")
	case "add", "append", "prepend":
		x.r.Position = x.d.intern(t.Text)
	case "no_track":
		x.r.NoTrack = true
	case "track_group":
		v, ok := x.value(t)
		if !ok {
			break
		}
		if !x.static || x.r.TrackGroup != "" {
			x.fail(t, "track_group cannot be used here, or not twice")
			break
		}
		x.r.TrackGroup = x.d.knownTrackGroup(x.n, v)
	case "vrf":
		x.r.VRF = x.device(t)
	default:
		return false
	}
	return true
}

// route decodes one line of virtual_routes or static_routes.
func (d *decoder) route(n *Node, static bool) (Route, bool) {
	r := Route{Range: n.Range(), Type: RouteUnicast, Table: 254, Protocol: protocolKeepalived, Position: "prepend"}
	x := &routeItem{words: d.itemWords(n, diag.CodeBadRoute), r: &r, static: static}
	for x.more() {
		t := x.next()
		if x.gateway(t) || x.attribute(t) || x.origin(t) {
			continue
		}
		if !d.destination(x.words, t, &r, &x.family) {
			return r, false
		}
		x.dest = true
	}
	if x.bad {
		return r, false
	}
	if !x.dest {
		d.about(n, diag.CodeBadRoute, "route without a destination - ignoring", "")
		return r, false
	}
	if x.family == FamilyUnknown {
		x.family = IPv4
	}
	if x.family == IPv4 && x.only6.Text != "" || x.family == IPv6 && x.only4.Text != "" {
		x.fail(cmp.Or(x.only6, x.only4), cmp.Or(x.only6, x.only4).Text+" is not valid for an "+x.family.String()+" route")
		return r, false
	}
	r.Family = x.family
	if !r.Dest.IsValid() {
		r.Dest = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if x.family == IPv6 {
			r.Dest = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
	}
	d.settleRoute(n, &r)
	return r, true
}

// destination decodes "[to] [TYPE] PREFIX|default|any|all|default6"; any word that is no option is one.
func (d *decoder) destination(w *words, t Token, r *Route, family *Family) bool {
	if t.Text == "to" {
		v, ok := w.value(t)
		if !ok {
			return false
		}
		t = v
	}
	if rt, ok := routeTypes[t.Text]; ok {
		r.Type = rt
		v, ok := w.value(t)
		if !ok {
			return false
		}
		t = v
	}
	switch t.Text {
	case "default", "any", "all":
		return true
	case "default6":
		*family = IPv6
		return true
	}
	p, ok := parsePrefix(t.Text)
	if !ok {
		d.report(w.n, w.n.RangeOf(t), diag.CodeBadRoute, "unknown route keyword "+t.Text, "the entry is dropped")
		return false
	}
	if *family != FamilyUnknown && *family != FamilyOf(p.Addr()) {
		w.fail(t, "mixed IPv4/IPv6 options for route")
		return false
	}
	*family = FamilyOf(p.Addr())
	r.Dest = p
	return true
}

// routeGateway decodes "[inet|inet6] ADDRESS" behind via.
func (d *decoder) routeGateway(w *words, t Token, r *Route, family Family) {
	if p := w.peek(); p == "inet" || p == "inet6" {
		w.next()
	}
	a := w.address(t)
	if !a.IsValid() {
		return
	}
	if family != FamilyUnknown && FamilyOf(a) != family {
		w.fail(t, "mixed IPv4/IPv6 options for route")
		return
	}
	if t.Text == "or" {
		r.Hops = append(r.Hops, NextHop{Via: a, Weight: 1})
		return
	}
	r.Hop.Via = a
}

// routeMetric decodes "[lock] NUMBER" behind the name of a metric; times take the suffixes s and ms.
func (d *decoder) routeMetric(w *words, t Token, r *Route) {
	m := RouteMetric{Name: d.intern(t.Text)}
	if w.peek() == "lock" && routeMetrics[t.Text] {
		w.next()
		m.Lock = true
	}
	switch t.Text {
	case "hoplimit":
		m.Value = uint32(w.number(t, 0, 255))
	case "quickack", "fastopen_no_cookie":
		m.Value = uint32(w.number(t, 0, 1))
	case "rtt", "rttvar", "rto_min":
		v, ok := w.value(t)
		if !ok {
			return
		}
		ms, valid := routeTime(v.Text, map[string]float64{"rtt": 8, "rttvar": 4, "rto_min": 1}[t.Text])
		if !valid {
			w.fail(v, fmt.Sprintf("Invalid %s '%s'", t.Text, v.Text))
			return
		}
		m.Value = ms
	default:
		m.Value = uint32(w.number(t, 0, maxUint32))
	}
	r.Metrics = append(r.Metrics, m)
}

// routeTime reads a time: with a suffix it is in seconds or milliseconds, and without one in 1/perMS milliseconds.
// The result, in milliseconds, is kept between 200 ms and 120 s.
func routeTime(s string, perMS float64) (uint32, bool) {
	digits := strings.TrimRight(s, "ms")
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || v < 0 || v > 1e9 {
		return 0, false
	}
	switch s[len(digits):] {
	case "s":
		v *= 1000
	case "ms":
	case "":
		v /= perMS
	default:
		return 0, false
	}
	return uint32(min(max(v, 200), 120_000)), true
}

// nextHops decodes "nexthop OPTION…", which may repeat up to the end of the line.
func (d *decoder) nextHops(w *words, r *Route) {
	hop := NextHop{Weight: 1}
	drop := false
	end := func() {
		if !drop {
			r.Hops = append(r.Hops, hop)
		}
		hop, drop = NextHop{Weight: 1}, false
	}
	for w.i < len(w.list) {
		t := w.next()
		switch t.Text {
		case "nexthop":
			end()
		case "via":
			if p := w.peek(); p == "inet" || p == "inet6" {
				w.next()
			}
			hop.Via = w.address(t)
		case "dev", "oif":
			hop.Interface = w.device(t)
		case "weight":
			hop.Weight = int(w.number(t, 1, 256))
		case "onlink":
			hop.OnLink = true
		case "realms":
			hop.Realms = w.realms(t)
		case "encap":
			hop.Encap = d.encap(w, t)
		case "as":
			if w.peek() == "to" {
				w.next()
			}
			w.value(t)
			w.fail(t, "'as [to]' (nat) not supported")
		default:
			d.report(w.n, w.n.RangeOf(t), diag.CodeUnknownItemWord, "unknown nexthop option "+t.Text, "")
		}
		if w.bad {
			drop, w.bad = true, false // a bad hop goes, the route stays
		}
	}
	end()
}

// encap decodes "ip|ip6|mpls|ila …".
// locatorOf reads the upper half of an IPv6 address, four groups of hexadecimal digits.
func locatorOf(s string) (uint64, bool) {
	a, err := netip.ParseAddr(s + "::")
	if err != nil || strings.Count(s, ":") != 3 {
		return 0, false
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), true
}

func (d *decoder) encap(w *words, option Token) Encap {
	kind, ok := w.value(option)
	if !ok {
		return Encap{}
	}
	e := Encap{Kind: d.intern(kind.Text)}
	switch kind.Text {
	case "mpls":
		v, ok := w.value(kind)
		for _, s := range strings.Split(v.Text, "/") {
			label, used, _ := parseDigits(s)
			if !ok || used == 0 || used < len(s) || label >= 1<<20 {
				d.report(w.n, w.n.RangeOf(kind), diag.CodeUnknownItemWord, "invalid mpls label "+v.Text, "")
				return Encap{}
			}
			e.Labels = append(e.Labels, uint32(label))
		}
		return e
	case "ila":
		v, ok := w.value(kind)
		locator, valid := locatorOf(v.Text)
		if !ok || !valid {
			d.report(w.n, w.n.RangeOf(kind), diag.CodeUnknownItemWord, "invalid locator "+v.Text, "")
			return Encap{}
		}
		e.Locator = locator
		return e
	case "ip", "ip6":
	default:
		d.report(w.n, w.n.RangeOf(kind), diag.CodeUnknownItemWord, "unknown encap type - "+kind.Text, "")
		return Encap{}
	}
	for w.more() {
		t := w.next()
		switch t.Text {
		case "id":
			v, ok := w.value(t)
			id, err := strconv.ParseUint(v.Text, 10, 64)
			if !ok || err != nil {
				d.report(w.n, w.n.RangeOf(t), diag.CodeUnknownItemWord, "invalid encap id "+v.Text, "")
			}
			e.ID = id
		case "dst":
			e.Dst = w.addressOf(t, kind.Text == "ip6")
		case "src":
			e.Src = w.addressOf(t, kind.Text == "ip6")
		case "tos", "tc":
			e.TOS = uint8(w.named(t, serviceTypes, 255))
		case "ttl", "hoplimit":
			e.TTL = uint8(w.number(t, 0, 255))
		case "flags":
			e.Flags = uint16(w.number(t, 0, 65535))
		default:
			w.i--
			return e
		}
	}
	return e
}

// settleRoute makes the corrections keepalived makes to what it tracks.
func (d *decoder) settleRoute(n *Node, r *Route) {
	if r.Protocol != protocolKeepalived && !r.NoTrack {
		d.about(n, diag.CodeNotTracked, fmt.Sprintf(
			"Route cannot be tracked if protocol is not RTPROT_KEEPALIVED(%d), resetting protocol", protocolKeepalived),
			"write no_track to keep the protocol")
		r.Protocol = protocolKeepalived
	}
	if r.Hop.Interface == "" && !r.NoTrack {
		d.about(n, diag.CodeNotTracked, fmt.Sprintf(
			"Warning - cannot track route %s with no interface specified, not tracking", r.Dest), "")
		r.NoTrack = true
	}
}

var staticRoutesRow = itemsRow("static_routes", "route", (*decoder).staticRoute,
	func(p *printer, c *Config) { p.routes("static_routes", c.StaticRoutes) }).withoutEffect()

func (d *decoder) staticRoute(n *Node) {
	if r, ok := d.route(n, true); ok {
		d.cfg.StaticRoutes = append(d.cfg.StaticRoutes, r)
	}
}
