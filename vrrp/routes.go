package vrrp

import (
	"strconv"
	"strings"

	"vigil/confparse"
	"vigil/internal/routing"
	"vigil/vrrp/election"
)

// routeFromConfig is a line of virtual_routes or static_routes.
func routeFromConfig(c *confparse.Route) election.Route {
	r := routing.Route{
		Dest: c.Dest, From: c.From, Type: uint8(c.Type), Table: c.Table, VRF: c.VRF, TOS: c.TOS, Metric: c.Metric,
		MetricSet: c.MetricSet, Protocol: c.Protocol, Scope: c.Scope, Source: c.Source, Hop: hopFromConfig(&c.Hop),
		Congestion: c.Congestion, CongestionLocked: c.CongestionLock, Expires: uint32(c.Expires.Seconds()),
		Preference: routePreference(c.Preference),
		Propagate:  map[confparse.Switch]routing.Propagate{confparse.On: routing.PropagateOn, confparse.Off: routing.PropagateOff}[c.TTLPropagate],
		Position:   map[string]routing.Position{"add": routing.Only, "append": routing.Append}[c.Position],
	}
	hops := make([]routing.NextHop, 0, len(c.Hops))
	for i := range c.Hops {
		hops = append(hops, hopFromConfig(&c.Hops[i]))
	}
	r.Hops = routing.HopsOf(hops...)
	for _, m := range c.Metrics {
		k := routeMetrics[m.Name]
		if k.unit > 0 {
			m.Value *= k.unit
		}
		r.Metrics.Put(k.code, m.Value, m.Lock)
	}
	if c.Features > 0 {
		r.Metrics.Put(metricFeatures, c.Features, false)
	}
	return election.Route{Route: r, NoTrack: c.NoTrack}
}

// metricFeatures is RTAX_FEATURES.
const metricFeatures = 12

// routeMetrics are the kernel's numbers for metrics (RTAX_*), and how many of its units are a millisecond.
var routeMetrics = map[string]struct {
	code int
	unit uint32
}{
	"mtu": {code: 2}, "window": {code: 3}, "rtt": {code: 4, unit: 8}, "rttvar": {code: 5, unit: 4}, "ssthresh": {code: 6},
	"cwnd": {code: 7}, "advmss": {code: 8}, "reordering": {code: 9}, "hoplimit": {code: 10}, "initcwnd": {code: 11},
	"rto_min": {code: 13}, "initrwnd": {code: 14}, "quickack": {code: 15}, "fastopen_no_cookie": {code: 17},
}

// routePreference is low, medium, high or a number of RFC 4191.
func routePreference(word string) routing.Preference {
	n, known := map[string]uint64{"low": 3, "medium": 0, "high": 1}[word]
	if !known {
		var err error
		if n, err = strconv.ParseUint(word, 10, 8); err != nil {
			return 0
		}
	}
	return routing.Preference(n + 1)
}

func hopFromConfig(c *confparse.NextHop) routing.NextHop {
	e := &c.Encap
	labels := make([]string, len(e.Labels))
	for i, l := range e.Labels {
		labels[i] = strconv.FormatUint(uint64(l), 10)
	}
	return routing.NextHop{Via: c.Via, Link: c.Interface, OnLink: c.OnLink, Weight: c.Weight, Realms: c.Realms,
		Encap: routing.Encap{Kind: encapKinds[e.Kind], ID: e.ID, Dst: e.Dst, Src: e.Src, TOS: e.TOS, TTL: e.TTL, Flags: e.Flags,
			Labels: strings.Join(labels, "/"), Locator: e.Locator}}
}

var encapKinds = map[string]routing.EncapKind{"mpls": routing.EncapMPLS, "ip": routing.EncapIP, "ila": routing.EncapILA,
	"ip6": routing.EncapIP6}

// ruleFromConfig is a line of virtual_rules or static_rules.
func ruleFromConfig(c *confparse.Rule) election.Rule {
	return election.Rule{NoTrack: c.NoTrack, Rule: routing.Rule{
		IPv6: c.Family == confparse.IPv6, Not: c.Not, From: c.From, To: c.To, Preference: c.Preference,
		Action: ruleActions[c.Action], L3MDev: c.Action == confparse.RuleL3MDev, Table: c.Table, Goto: c.Goto, TOS: c.TOS,
		Mark: c.Mark, MarkMask: c.MarkMask, MarkSet: c.MarkSet, IIF: c.IIF, OIF: c.OIF, Realms: c.Realms,
		SuppressLength: int32(c.SuppressLength), SuppressGroup: int32(c.SuppressGroup), TunnelID: c.TunnelID,
		UIDs: routing.Range{First: c.UIDLow, Last: c.UIDHigh}, UIDSet: c.UIDSet, IPProto: c.IPProto,
		SourcePorts: portsFromConfig(c.SourcePorts), DestPorts: portsFromConfig(c.DestPorts), Protocol: c.Protocol,
	}}
}

var ruleActions = map[confparse.RuleAction]uint8{confparse.RuleTable: routing.ActionTable, confparse.RuleGoto: routing.ActionGoto,
	confparse.RuleNop: routing.ActionNop, confparse.RuleBlackhole: routing.ActionBlackhole,
	confparse.RuleUnreachable: routing.ActionUnreachable, confparse.RuleProhibit: routing.ActionProhibit,
	confparse.RuleL3MDev: routing.ActionTable}

func portsFromConfig(p confparse.PortRange) routing.Range {
	return routing.Range{First: uint32(p.First), Last: uint32(p.Last)}
}
