package confparse

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// RouteType is a route's type, numbered as rtnetlink's RTN_*.
type RouteType uint8

// RouteUnicast is the type of an ordinary route.
const RouteUnicast RouteType = 1

// Route is one line of virtual_routes or static_routes.
type Route struct {
	Range          Range
	Family         Family
	Type           RouteType
	Dest           netip.Prefix // 0.0.0.0/0 or ::/0 for default
	From           netip.Prefix // IPv6 source prefix; invalid = none
	Source         netip.Addr   // src
	Hop            NextHop
	Hops           []NextHop // nexthop …
	Table          uint32    // 254 = main
	Scope          uint8
	ScopeSet       bool
	Metric         uint32
	MetricSet      bool
	TOS            uint8
	Protocol       uint8 // 18
	Metrics        []RouteMetric
	Features       uint32
	Congestion     string // congctl
	CongestionLock bool
	Expires        time.Duration
	Preference     string // pref: low, medium, high or a number
	TTLPropagate   Switch
	Position       string // add, prepend or append
	VRF            string
	NoTrack        bool
	TrackGroup     string
}

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
			x.r.CongestionLock = true
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

var staticRoutesRow = listRow("static_routes", "route", (*decoder).staticRoute,
	func(p *printer, c *Config) { p.routes("static_routes", c.StaticRoutes) })

func (d *decoder) staticRoute(n *Node, c *Config) {
	if r, ok := d.route(n, true); ok {
		c.StaticRoutes = append(c.StaticRoutes, r)
	}
}

// virtualRoutes is the routes that an instance has while it is master.
var virtualRoutes = listRow("virtual_routes", "route", func(d *decoder, n *Node, vi *instanceScratch) {
	if r, ok := d.route(n, false); ok {
		vi.Routes = append(vi.Routes, r)
	}
}, func(p *printer, vi *instanceScratch) { p.routes("virtual_routes", vi.Routes) })

func (p *printer) routes(name string, list []Route) {
	if len(list) == 0 {
		return
	}
	p.open(name)
	for i := range list {
		p.line(strings.Join(routeWords(&list[i]), " "))
	}
	p.close()
}

func routeWords(r *Route) []string {
	var l wordList
	dest := fmt.Sprint(r.Dest)
	by6 := r.Hop.Via.Is6() || slices.ContainsFunc(r.Hops, func(h NextHop) bool { return h.Via.Is6() })
	if r.Dest.Addr().Is4() && r.Dest.Bits() == 0 && by6 {
		dest = "default" // as a prefix it would not go with an IPv6 gateway
	}
	l.add(r.Type != RouteUnicast, nameOf(routeTypes, r.Type))
	l.add(true, dest)
	l.add(r.From.IsValid(), "from", r.From)
	l.add(r.Source.IsValid(), "src", r.Source)
	l.hop(&r.Hop)
	l.add(r.TOS != 0, "tos", r.TOS)
	l.add(r.Table != 254, "table", r.Table)
	l.add(r.NoTrack, "no_track")
	l.add(r.Protocol != protocolKeepalived, "protocol", r.Protocol)
	l.add(r.ScopeSet, "scope", r.Scope)
	l.add(r.MetricSet, "metric", r.Metric)
	for _, m := range r.Metrics {
		l.add(true, m.Name)
		l.add(m.Lock, "lock")
		switch m.Name {
		case "rtt", "rttvar", "rto_min":
			l.add(true, strconv.FormatUint(uint64(m.Value), 10)+"ms")
		default:
			l.add(true, m.Value)
		}
	}
	l.add(r.Features&1 != 0, "features ecn")
	l.add(r.Congestion != "", "congctl")
	l.add(r.CongestionLock, "lock")
	l.add(r.Congestion != "", r.Congestion)
	l.add(r.Expires > 0, "expires", int64(r.Expires/time.Second))
	l.add(r.Preference != "", "pref", r.Preference)
	l.add(r.TTLPropagate == On, "ttl-propagate enabled")
	l.add(r.TTLPropagate == Off, "ttl-propagate disabled")
	l.add(r.Position != "prepend", r.Position)
	l.add(r.VRF != "", "vrf", quoted(r.VRF))
	l.add(r.TrackGroup != "", "track_group", quoted(r.TrackGroup))
	for i := range r.Hops {
		l.add(true, "nexthop")
		l.hop(&r.Hops[i])
		l.add(r.Hops[i].Weight > 0, "weight", r.Hops[i].Weight)
	}
	return l
}
