package netio

import (
	"net/netip"
	"slices"
	"testing"

	"vigil/internal/routing"
)

// TestRemoveLeft: what carries our number goes unless it is wanted, of both families and in every table; nothing of others does.
func TestRemoveLeft(t *testing.T) {
	h := freshNamespace(t)
	veth(t, h, "eth0", "peer0")
	for _, p := range []string{"192.0.2.2/24", "2001:db8::2/64"} {
		l, err := h.Link("eth0")
		if err == nil {
			err = h.AddAddress(Address{Index: l.Index, Prefix: netip.MustParsePrefix(p)})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	route := func(dest, via string, change func(*routing.Route)) routing.Route {
		r := routing.Route{Dest: netip.MustParsePrefix(dest), Type: routing.TypeUnicast, Table: routing.TableMain, Protocol: routing.ProtocolOwn,
			Hop: routing.NextHop{Link: "eth0"}}
		if via != "" {
			r.Hop.Via = netip.MustParseAddr(via)
		}
		if change != nil {
			change(&r)
		}
		return r
	}
	far := func(r *routing.Route) { r.Table = 70000 }
	late := func(r *routing.Route) { r.Metric, r.MetricSet = 7, true }
	foreign := func(r *routing.Route) { r.Protocol = 4 }
	two := func(r *routing.Route) {
		r.Hop = routing.NextHop{}
		r.Hops = routing.HopsOf(routing.NextHop{Via: netip.MustParseAddr("192.0.2.8"), Link: "eth0"}, routing.NextHop{Via: netip.MustParseAddr("192.0.2.9"), Link: "eth0"})
	}
	left := []routing.Route{route("10.1.0.0/16", "192.0.2.9", nil), route("10.2.0.0/16", "", far), route("10.3.0.0/16", "", late),
		route("10.4.0.0/16", "", two), route("10.5.0.0/16", "192.0.2.8", nil), route("2001:db8:1::/48", "2001:db8::9", nil), route("2001:db8:2::/48", "", far)}
	stay := []routing.Route{route("10.5.0.0/16", "192.0.2.9", late), route("10.6.0.0/16", "", far), route("10.7.0.0/16", "", foreign), route("2001:db8:3::/48", "", nil)}
	rule := func(preference, table uint32, change func(*routing.Rule)) routing.Rule {
		r := routing.Rule{From: netip.MustParsePrefix("10.0.0.0/8"), Preference: preference, Table: table, Action: routing.ActionTable,
			SuppressLength: -1, SuppressGroup: -1, Protocol: routing.ProtocolOwn}
		if change != nil {
			change(&r)
		}
		return r
	}
	six := func(r *routing.Rule) { r.IPv6, r.From = true, netip.MustParsePrefix("2001:db8::/32") }
	not := func(r *routing.Rule) { r.Not, r.MarkSet, r.Mark, r.MarkMask = true, true, 5, 0xff }
	leftRules := []routing.Rule{rule(900, 9, nil), rule(901, 70000, six), rule(902, 9, not)}
	stayRules := []routing.Rule{rule(900, 10, nil), rule(903, 9, six), rule(904, 9, func(r *routing.Rule) { r.Protocol = 4 })}
	for _, r := range slices.Concat(left, stay) {
		if err := h.AddRoute(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range slices.Concat(leftRules, stayRules) {
		if err := h.AddRule(r); err != nil {
			t.Fatal(err)
		}
	}
	gone, err := h.RemoveLeft(append(slices.Clone(stay), route("10.9.0.0/16", "", func(r *routing.Route) { r.VRF = "none" })), stayRules)
	if err != nil || len(gone) != len(left)+len(leftRules) {
		t.Errorf("%d gone: %q, %v", len(gone), gone, err)
	}
	missing := func(routes []routing.Route, rules []routing.Rule) int {
		a, err := h.MissingRoutes(routes)
		if err != nil {
			t.Fatal(err)
		}
		b, err := h.MissingRules(rules)
		if err != nil {
			t.Fatal(err)
		}
		return len(a) + len(b)
	}
	if n := missing(left, leftRules); n != len(left)+len(leftRules) {
		t.Errorf("only %d are gone", n)
	}
	if n := missing(stay, stayRules); n != 0 {
		t.Errorf("%d that are wanted are gone", n)
	}
	if gone, err = h.RemoveLeft(stay, stayRules); err != nil || len(gone) > 0 {
		t.Errorf("again: %q, %v", gone, err)
	}
}
