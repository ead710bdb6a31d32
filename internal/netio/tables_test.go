package netio

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"vigil/internal/routing"
)

func numbered(name string) (int, error) {
	if i := slices.Index([]string{"", "lo", "eth0", "eth1"}, name); i > 0 {
		return i, nil
	}
	return 0, ErrNoLink
}

func blueTable(name string) (uint32, error) {
	if name == "blue" {
		return 77, nil
	}
	return 0, ErrNoLink
}

var (
	gateway4 = netip.MustParseAddr("192.0.2.9")
	gateway6 = netip.MustParseAddr("fe80::9")
	ten      = netip.MustParsePrefix("10.0.0.0/8")
	doc6     = netip.MustParsePrefix("2001:db8::/32")
)

// testRoutes are routes of every kind of attribute that identifies one.
func testRoutes() []routing.Route {
	plain := routing.Route{Dest: ten, Type: routing.TypeUnicast, Table: routing.TableMain, Protocol: Protocol}
	with := func(change func(*routing.Route)) routing.Route {
		r := plain
		change(&r)
		return r
	}
	return []routing.Route{
		with(func(r *routing.Route) { r.Hop.Link = "eth0" }),
		with(func(r *routing.Route) { r.Hop = routing.NextHop{Via: gateway4, Link: "eth0"} }),
		with(func(r *routing.Route) { r.Hop = routing.NextHop{Via: gateway6, Link: "eth0"} }),
		with(func(r *routing.Route) { r.Hop = routing.NextHop{Via: gateway4, Link: "eth1"} }),
		with(func(r *routing.Route) { r.Hop.Link, r.Table = "eth0", 70000 }),
		with(func(r *routing.Route) { r.Hop.Link, r.VRF = "eth0", "blue" }),
		with(func(r *routing.Route) { r.Hop.Link, r.TOS = "eth0", 16 }),
		with(func(r *routing.Route) { r.Hop.Link, r.Metric, r.MetricSet = "eth0", 7, true }),
		with(func(r *routing.Route) { r.Hop.Link, r.Source = "eth0", gateway4 }),
		with(func(r *routing.Route) { r.Type = 7 }),
		with(func(r *routing.Route) { r.Dest = netip.MustParsePrefix("0.0.0.0/0"); r.Hop.Via = gateway4 }),
		with(func(r *routing.Route) { r.Dest, r.Hop.Link = doc6, "eth0" }),
		with(func(r *routing.Route) {
			r.Dest, r.From, r.Hop.Link = doc6, netip.MustParsePrefix("2001:db8:1::/48"), "eth0"
		}),
		with(func(r *routing.Route) {
			r.Hops = routing.HopsOf(routing.NextHop{Via: gateway4, Link: "eth0", Weight: 3}, routing.NextHop{Link: "eth1", OnLink: true})
		}),
	}
}

// TestRouteMessageReadsBack: of all routes, the message of one is recognized as that one and as no other.
func TestRouteMessageReadsBack(t *testing.T) {
	for i, r := range testRoutes() {
		msg, err := routeMessage(r, numbered, blueTable)
		if err != nil {
			t.Fatalf("%v: %v", r, err)
		}
		e, ok := parseEntry(msg)
		if !ok {
			t.Fatalf("%v: not a route: %x", r, msg)
		}
		for k, other := range testRoutes() {
			table := other.Table
			if other.VRF != "" {
				table = 77
			}
			// What says less is found in what says more: the kernel answers for it too.
			less := other.Dest == r.Dest && other.Table == r.Table && other.VRF == r.VRF && other.TOS == r.TOS && other.Type == r.Type &&
				!other.From.IsValid() && !r.From.IsValid() && !other.MetricSet && !other.Source.IsValid() && other.Hops == nil &&
				r.Hops == nil && other.Hop == r.Hop
			if got := e.is(other, table, numbered); got != (i == k || less) {
				t.Errorf("%v taken for %v: %v", r, other, got)
			}
		}
	}
}

// TestRouteMessageNames: what has no number is an error.
func TestRouteMessageNames(t *testing.T) {
	for _, r := range []routing.Route{
		{Dest: ten, Hop: routing.NextHop{Link: "eth9"}},
		{Dest: ten, VRF: "red"},
		{Dest: ten, Hops: routing.HopsOf(routing.NextHop{Link: "eth9"})},
	} {
		if _, err := routeMessage(r, numbered, blueTable); !errors.Is(err, ErrNoLink) {
			t.Errorf("%v: %v", r, err)
		}
	}
}

// TestEncapsulations: the attributes of lightweight tunnels, as linux/lwtunnel.h and linux/mpls_iptunnel.h have them.
func TestEncapsulations(t *testing.T) {
	for name, tt := range map[string]struct {
		encap routing.Encap
		want  string
	}{
		"none": {routing.Encap{}, ""},
		"mpls": {routing.Encap{Kind: routing.EncapMPLS, Labels: "100/200"},
			"0600 1500 0100 0000 1000 1680 0c00 0100 00064000 000c8100"},
		"ip": {routing.Encap{Kind: routing.EncapIP, ID: 5, Dst: gateway4, TOS: 16, TTL: 64},
			"0600 1500 0200 0000 2800 1680 0c00 0100 0000000000000005 0800 0200 c0000209 0500 0500 10000000 0500 0400 40000000"},
		"ila": {routing.Encap{Kind: routing.EncapILA, Locator: 0x20010db800000001},
			"0600 1500 0300 0000 1000 1680 0c00 0100 20010db800000001"},
		"ip6": {routing.Encap{Kind: routing.EncapIP6, ID: 1, Flags: 2},
			"0600 1500 0400 0000 2000 1680 0c00 0100 0000000000000001 0500 0500 00000000 0600 0600 00020000"},
	} {
		var a attributes
		if err := a.encap(tt.encap); err != nil {
			t.Fatal(name, err)
		}
		if got := hex.EncodeToString(a); got != strings.ReplaceAll(tt.want, " ", "") {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func testRules() []routing.Rule {
	return []routing.Rule{
		{Action: routing.ActionTable, Table: 100, Preference: 5, SuppressLength: -1, SuppressGroup: -1},
		{Action: routing.ActionTable, Table: 70000, From: ten, Not: true, SuppressLength: 0, SuppressGroup: 3},
		{Action: routing.ActionTable, L3MDev: true, SuppressLength: -1, SuppressGroup: -1},
		{Action: routing.ActionTable, Table: 9, Realms: 3<<16 | 4, Mark: 5, MarkMask: 0xf, MarkSet: true, SuppressLength: -1, SuppressGroup: -1},
		{Action: routing.ActionGoto, Goto: 99, To: ten, IIF: "eth0", OIF: "eth1", TOS: 16, SuppressLength: -1, SuppressGroup: -1},
		{Action: routing.ActionNop, IPv6: true, From: doc6, TunnelID: 7, UIDs: routing.Range{First: 1, Last: 2}, UIDSet: true,
			SuppressLength: -1, SuppressGroup: -1},
		{Action: routing.ActionProhibit, IPProto: 6, SourcePorts: routing.Range{First: 1, Last: 2},
			DestPorts: routing.Range{First: 80, Last: 80}, SuppressLength: -1, SuppressGroup: -1},
	}
}

// TestRuleMessageReadsBack: what the kernel would tell of a rule is the rule.
func TestRuleMessageReadsBack(t *testing.T) {
	for _, r := range testRules() {
		r.Protocol = Protocol
		got, ok := parseRule(ruleMessage(r))
		if !ok || got != r {
			t.Errorf("%+v\nis read as\n%+v", r, got)
		}
	}
}

// FuzzRouteMessage: whatever comes from the kernel's socket, or from who pretends to be it, is a route or is not.
func FuzzRouteMessage(f *testing.F) {
	for _, r := range testRoutes() {
		if msg, err := routeMessage(r, numbered, blueTable); err == nil {
			f.Add(msg)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := parseEntry(b)
		if ok && (!e.dest.IsValid() || !e.from.IsValid()) {
			t.Errorf("%+v", e)
		}
	})
}

// FuzzRuleMessage: a rule that was read is read as the same from its own message.
func FuzzRuleMessage(f *testing.F) {
	for _, r := range testRules() {
		f.Add(ruleMessage(r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := parseRule(b)
		if !ok || r.Action != routing.ActionTable || strings.ContainsRune(r.IIF+r.OIF, 0) {
			return
		}
		again, ok := parseRule(ruleMessage(r))
		if !ok || plain(again) != plain(r) {
			t.Errorf("%+v\nagain\n%+v", plain(r), plain(again))
		}
	})
}
