package routing

import (
	"net/netip"
	"slices"
	"testing"
)

// TestHopsAreComparable: lists are equal exactly when their elements are, in their order.
func TestHopsAreComparable(t *testing.T) {
	a, b := NextHop{Link: "eth0"}, NextHop{Via: netip.MustParseAddr("192.0.2.1"), Weight: 2}
	lists := [][]NextHop{nil, {a}, {b}, {a, b}, {b, a}, {a, a}, {a, b, a}}
	for i, x := range lists {
		if got := List(HopsOf(x...)); !slices.Equal(got, x) {
			t.Errorf("%v comes back as %v", x, got)
		}
		for k, y := range lists {
			if got := HopsOf(x...) == HopsOf(slices.Clone(y)...); got != (i == k) {
				t.Errorf("%v equal to %v: %v", x, y, got)
			}
		}
	}
	seen := map[Route]bool{{Hops: HopsOf(a, b)}: true}
	if !seen[Route{Hops: HopsOf(a, b)}] || seen[Route{Hops: HopsOf(b, a)}] {
		t.Error("routes are no keys")
	}
}

// TestLinks: every interface that a route needs.
func TestLinks(t *testing.T) {
	r := Route{Hop: NextHop{Link: "eth0"}, Hops: HopsOf(NextHop{Link: "eth1"}, NextHop{}), VRF: "blue"}
	if got := r.Links(); !slices.Equal(got, []string{"eth1", "eth0", "blue"}) {
		t.Errorf("%v", got)
	}
}

// TestMetricGivenTwice: the last one counts, with its lock or without one.
func TestMetricGivenTwice(t *testing.T) {
	var m Metrics
	m.Put(2, 1400, true)
	m.Put(2, 1300, false)
	if m.Values[2] != 1300 || m.Set != 1<<2 || m.Locked != 0 {
		t.Errorf("%+v", m)
	}
}

// TestTexts: routes and rules are named as an operator knows them.
func TestTexts(t *testing.T) {
	ten := netip.MustParsePrefix("10.0.0.0/8")
	for want, got := range map[string]string{
		"10.0.0.0/8 via 192.0.2.9 dev eth0 table 100 metric 7": Route{Dest: ten, Type: TypeUnicast, Table: 100, Metric: 7, MetricSet: true,
			Hop: NextHop{Via: netip.MustParseAddr("192.0.2.9"), Link: "eth0"}}.String(),
		"unreachable 10.0.0.0/8 vrf blue":          Route{Dest: ten, Type: 7, VRF: "blue"}.String(),
		"rule 5 not from 10.0.0.0/8 iif a table 7": Rule{Preference: 5, Not: true, From: ten, IIF: "a", Action: ActionTable, Table: 7}.String(),
		"rule 6 from ::/0 l3mdev":                  Rule{Preference: 6, IPv6: true, Action: ActionTable, L3MDev: true}.String(),
		"rule 7 from 0.0.0.0/0 to 10.0.0.0/8 nop":  Rule{Preference: 7, To: ten, Action: ActionNop}.String(),
		"rule 8 from 0.0.0.0/0 goto 9":             Rule{Preference: 8, Action: ActionGoto, Goto: 9}.String(),
		"10.0.0.0/8 via 192.0.2.1 dev a via ::1":   Route{Dest: ten, Table: TableMain, Hops: HopsOf(NextHop{Via: netip.MustParseAddr("192.0.2.1"), Link: "a"}, NextHop{Via: netip.MustParseAddr("::1")})}.String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
