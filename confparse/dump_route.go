package confparse

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

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

func (p *printer) rules(name string, list []Rule) {
	if len(list) == 0 {
		return
	}
	p.open(name)
	for i := range list {
		p.line(strings.Join(ruleWords(&list[i]), " "))
	}
	p.close()
}

// wordList collects the words of an item.
type wordList []string

func (l *wordList) add(on bool, words ...any) {
	if !on {
		return
	}
	for _, w := range words {
		*l = append(*l, fmt.Sprint(w))
	}
}

// nameOf returns the word for a number, or the number.
func nameOf[V comparable](names map[string]V, v V) string {
	best := ""
	for n, x := range names {
		if x == v && (best == "" || n < best) {
			best = n
		}
	}
	if best == "" {
		return fmt.Sprint(v)
	}
	return best
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
	l.add(r.Congestion != "", "congctl", r.Congestion)
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

func (l *wordList) hop(h *NextHop) {
	if h.Via.IsValid() {
		family := "inet"
		if h.Via.Is6() {
			family = "inet6"
		}
		l.add(true, "via", family, h.Via)
	}
	l.add(h.Interface != "", "dev", quoted(h.Interface))
	l.add(h.OnLink, "onlink")
	l.add(h.Realms != 0, "realms", fmt.Sprintf("%d/%d", h.Realms>>16, h.Realms&0xffff))
	e := &h.Encap
	switch e.Kind {
	case "ip", "ip6":
		l.add(true, "encap", e.Kind)
		l.add(e.ID != 0, "id", e.ID)
		l.add(e.Dst.IsValid(), "dst", e.Dst)
		l.add(e.Src.IsValid(), "src", e.Src)
		l.add(e.TOS != 0, "tos", e.TOS)
		l.add(e.TTL != 0, "ttl", e.TTL)
		l.add(e.Flags != 0, "flags", e.Flags)
	case "mpls":
		labels := make([]string, 0, len(e.Labels))
		for _, x := range e.Labels {
			labels = append(labels, strconv.FormatUint(uint64(x), 10))
		}
		l.add(true, "encap mpls", strings.Join(labels, "/"))
	case "ila":
		l.add(true, "encap ila", strconv.FormatUint(e.Locator, 16))
	}
}

func ruleWords(r *Rule) []string {
	var l wordList
	l.add(r.Family == IPv6, "inet6")
	l.add(r.Not, "not")
	l.add(r.From.IsValid(), "from", r.From)
	l.add(r.To.IsValid(), "to", r.To)
	l.add(true, "preference", r.Preference)
	l.add(r.TOS != 0, "tos", r.TOS)
	l.add(r.MarkSet, "fwmark", fmt.Sprintf("%d/%d", r.Mark, r.MarkMask))
	l.add(r.IIF != "", "iif", quoted(r.IIF))
	l.add(r.OIF != "", "oif", quoted(r.OIF))
	l.add(r.TunnelID != 0, "tunnel-id", r.TunnelID)
	l.add(r.UIDSet, "uidrange", fmt.Sprintf("%d-%d", r.UIDLow, r.UIDHigh))
	l.add(r.IPProto != 0, "ipproto", r.IPProto)
	l.add(r.SourcePorts != PortRange{}, "sport", fmt.Sprintf("%d-%d", r.SourcePorts.First, r.SourcePorts.Last))
	l.add(r.DestPorts != PortRange{}, "dport", fmt.Sprintf("%d-%d", r.DestPorts.First, r.DestPorts.Last))
	l.add(r.NoTrack, "no_track")
	l.add(r.Protocol != protocolKeepalived, "protocol", r.Protocol)
	l.add(r.TrackGroup != "", "track_group", quoted(r.TrackGroup))
	switch r.Action {
	case RuleTable:
		l.add(true, "table", r.Table)
		l.add(r.Realms != 0, "realms", fmt.Sprintf("%d/%d", r.Realms>>16, r.Realms&0xffff))
		l.add(r.SuppressLength >= 0, "suppress_prefixlength", r.SuppressLength)
		l.add(r.SuppressGroup != 0, "suppress_ifgroup", r.SuppressGroup)
	case RuleGoto:
		l.add(true, "goto", r.Goto)
	default:
		l.add(true, map[RuleAction]string{RuleNop: "nop", RuleBlackhole: "blackhole", RuleUnreachable: "unreachable",
			RuleProhibit: "prohibit", RuleL3MDev: "l3mdev"}[r.Action])
	}
	return l
}
