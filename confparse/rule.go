package confparse

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"vigil/confparse/diag"
)

// RuleAction is what a policy rule does.
type RuleAction uint8

// The actions of rules.
const (
	RuleTable RuleAction = iota + 1
	RuleGoto
	RuleNop
	RuleBlackhole
	RuleUnreachable
	RuleProhibit
	RuleL3MDev
)

// Rule is one line of virtual_rules or static_rules.
type Rule struct {
	Range           Range
	Family          Family
	Not             bool
	From, To        netip.Prefix // invalid = any
	Preference      uint32
	Action          RuleAction
	Table           uint32
	Goto            uint32
	TOS             uint8
	Mark, MarkMask  uint32
	MarkSet         bool
	IIF, OIF        string
	Realms          uint32
	SuppressLength  int // -1 = none
	SuppressGroup   int // -1 = none
	TunnelID        uint64
	UIDLow, UIDHigh uint32
	UIDSet          bool
	IPProto         uint8
	SourcePorts     PortRange
	DestPorts       PortRange
	Protocol        uint8 // 18
	NoTrack         bool
	TrackGroup      string
}

// PortRange is an inclusive range; the zero value means any.
type PortRange struct{ First, Last uint16 }

// ipProtocols are the names of ipproto.
var ipProtocols = map[string]uint32{"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51,
	"ipv6-icmp": 58, "ospf": 89, "ipip": 94, "pim": 103, "vrrp": 112, "sctp": 132, "udplite": 136}

// ruleItem is a rule in the making.
type ruleItem struct {
	*words
	r          *Rule
	static     bool
	preference bool // one was given
	family     Family
}

// act notes what the rule does, of which there is one thing.
func (x *ruleItem) act(a RuleAction, t Token) {
	if x.r.Action != 0 {
		x.fail(t, "rule has more than one action: "+t.Text)
		return
	}
	x.r.Action = a
}

// selector decodes the words that choose packets. It returns false when t is none of them.
func (x *ruleItem) selector(t Token) bool {
	switch t.Text {
	case "not":
		x.r.Not = true
	case "from", "to":
		x.d.rulePrefix(x.words, t, x.r, &x.family)
	case "tos", "dsfield":
		x.r.TOS = uint8(x.named(t, serviceTypes, 255))
	case "fwmark":
		x.d.ruleMark(x.words, t, x.r)
	case "dev", "iif":
		x.r.IIF = x.device(t)
	case "oif":
		x.r.OIF = x.device(t)
	case "tunnel-id":
		v, ok := x.value(t)
		id, err := strconv.ParseUint(v.Text, 10, 64)
		if ok && err != nil {
			x.fail(v, "invalid tunnel-id "+v.Text)
		}
		x.r.TunnelID = id
	case "uidrange":
		lo, hi := x.pair(t, maxUint32, true)
		x.r.UIDLow, x.r.UIDHigh, x.r.UIDSet = uint32(lo), uint32(hi), true
	case "ipproto":
		v, ok := x.value(t)
		if !ok {
			break
		}
		if num, known := ipProtocols[v.Text]; known {
			x.r.IPProto = uint8(num)
		} else if num, valid := x.d.wholeNumber(x.n, v, wholeStrict(0, 255)); valid {
			x.r.IPProto = uint8(num)
		}
	case "sport":
		lo, hi := x.pair(t, 65535, false)
		x.r.SourcePorts = PortRange{uint16(lo), uint16(hi)}
	case "dport":
		lo, hi := x.pair(t, 65535, false)
		x.r.DestPorts = PortRange{uint16(lo), uint16(hi)}
	default:
		return false
	}
	return true
}

// action decodes the words of what is done with the packets. It returns false when t is none of them.
func (x *ruleItem) action(t Token) bool {
	switch t.Text {
	case "table", "lookup":
		x.r.Table = x.named(t, routeTables, maxUint32)
		if x.r.Table == 0 && !x.bad {
			x.fail(t, "rule table 0 is not allowed")
			break
		}
		x.act(RuleTable, t)
	case "goto":
		x.r.Goto = x.cNumber(t)
		x.act(RuleGoto, t)
	case "nop":
		x.act(RuleNop, t)
	case "l3mdev":
		x.act(RuleL3MDev, t)
	case "type":
	case "blackhole":
		x.act(RuleBlackhole, t)
	case "prohibit":
		x.act(RuleProhibit, t)
	case "unreachable":
		x.act(RuleUnreachable, t)
	default:
		return false
	}
	return true
}

// property decodes the other words of a rule, or reports t.
func (x *ruleItem) property(t Token) {
	switch t.Text {
	case "inet", "inet6":
		x.words.family(t, &x.family)
	case "preference", "order", "priority":
		x.r.Preference = x.cNumber(t)
		x.preference = true
	case "realms":
		x.r.Realms = x.realms(t)
	case "suppress_prefixlength", "sup_pl":
		x.r.SuppressLength = int(x.number(t, 0, maxInt32))
	case "suppress_ifgroup", "sup_group":
		x.r.SuppressGroup = int(x.named(t, linkGroups, maxInt32))
	case "protocol":
		if v, ok := x.value(t); ok {
			if num, valid := x.d.wholeNumber(x.n, v, wholeStrict(0, 255)); valid {
				x.r.Protocol = uint8(num)
			}
		}
	case "no_track":
		x.r.NoTrack = true
	case "track_group":
		if !x.static {
			x.fail(t, "Unknown rule option "+t.Text)
			break
		}
		if v, ok := x.value(t); ok {
			x.r.TrackGroup = x.d.knownTrackGroup(x.n, v)
		}
	default:
		x.fail(t, "Unknown rule option "+t.Text)
	}
}

// rule decodes one line of virtual_rules or static_rules.
func (d *decoder) rule(n *Node, static bool) (Rule, bool) {
	r := Rule{Range: n.Range(), Protocol: protocolKeepalived, SuppressLength: -1, SuppressGroup: -1}
	x := &ruleItem{words: d.itemWords(n, diag.CodeBadRule), r: &r, static: static}
	for x.more() {
		t := x.next()
		if !x.selector(t) && !x.action(t) {
			x.property(t)
		}
	}
	if x.bad {
		return r, false
	}
	if r.Action == 0 {
		d.about(n, diag.CodeBadRule, "No action specified for rule - ignoring", "")
		return r, false
	}
	if r.Action != RuleTable && (r.Realms != 0 || r.SuppressLength >= 0 || r.SuppressGroup >= 0) {
		d.about(n, diag.CodeBadRule, "realms and suppress_prefixlength need a table - ignoring the rule", "")
		return r, false
	}
	if x.family == FamilyUnknown {
		x.family = IPv4
	}
	r.Family = x.family
	return r, d.settleRule(n, &r, x.preference, static)
}

// rulePrefix decodes a selector: a prefix, or default, any and all for no restriction.
func (d *decoder) rulePrefix(w *words, option Token, r *Rule, family *Family) {
	t, ok := w.value(option)
	if !ok {
		return
	}
	switch t.Text {
	case "default", "any", "all":
		return
	}
	p, ok := parsePrefix(t.Text)
	if !ok {
		w.fail(t, fmt.Sprintf("Invalid rule %s address %s", option.Text, t.Text))
		return
	}
	if f := FamilyOf(p.Addr()); *family != FamilyUnknown && *family != f {
		w.fail(t, "rule specification has mixed IPv4 and IPv6")
		return
	}
	*family = FamilyOf(p.Addr())
	if option.Text == "from" {
		r.From = p
	} else {
		r.To = p
	}
}

// cNumber reads a 32 bit number in C notation: 0x for hexadecimal, 0 for octal.
func (w *words) cNumber(option Token) uint32 {
	t, ok := w.value(option)
	if !ok {
		return 0
	}
	v, err := strconv.ParseUint(t.Text, 0, 32)
	if err != nil {
		w.fail(t, fmt.Sprintf("Invalid %s '%s'", option.Text, t.Text))
	}
	return uint32(v)
}

// pair reads LOW-HIGH. When it is not vital, a bad one is reported and left out. A single number is a range of one.
func (w *words) pair(option Token, limit uint64, vital bool) (lo, hi uint64) {
	t, ok := w.value(option)
	if !ok {
		return 0, 0
	}
	first, last, isRange := strings.Cut(t.Text, "-")
	lo, err1 := strconv.ParseUint(first, 10, 32)
	hi, err2 := lo, error(nil)
	if isRange {
		hi, err2 = strconv.ParseUint(last, 10, 32)
	} else if vital {
		err2 = strconv.ErrSyntax
	}
	if err1 == nil && err2 == nil && lo <= hi && hi <= limit {
		return lo, hi
	}
	if vital {
		w.fail(t, fmt.Sprintf("Invalid %s '%s'", option.Text, t.Text))
	} else {
		w.d.report(w.n, w.n.RangeOf(t), diag.CodeUnknownItemWord, fmt.Sprintf("invalid %s range %s", option.Text, t.Text), "")
	}
	return 0, 0
}

// ruleMark decodes MARK[/MASK].
func (d *decoder) ruleMark(w *words, option Token, r *Rule) {
	t, ok := w.value(option)
	if !ok {
		return
	}
	mark, mask, masked := strings.Cut(t.Text, "/")
	m, err1 := strconv.ParseUint(mark, 0, 32)
	k, err2 := uint64(maxUint32), error(nil)
	if masked {
		k, err2 = strconv.ParseUint(mask, 0, 32)
	}
	if err1 != nil || err2 != nil {
		w.fail(t, "Invalid rule fwmark "+t.Text)
		return
	}
	r.Mark, r.MarkMask, r.MarkSet = uint32(m), uint32(k), true
}

// firstRulePreference is where rules without a preference start, going down.
const firstRulePreference = 16384

// settleRule gives a rule its preference and makes the corrections keepalived makes to what it tracks.
func (d *decoder) settleRule(n *Node, r *Rule, preference, static bool) bool {
	if r.Action == RuleGoto && (!preference || r.Goto <= r.Preference) {
		d.about(n, diag.CodeBadRule, "Rule with goto must have a preference lower than its target - ignoring", "")
		return false
	}
	if !preference {
		next := &d.nextPreference[r.Family/6]
		if *next == 0 {
			*next = firstRulePreference
		}
		r.Preference = *next
		*next--
		d.about(n, diag.CodeRuleNoPreference, fmt.Sprintf(
			"Rule has no preference specified - setting to %d. This is probably not what you want.", r.Preference), "")
	}
	if r.Protocol != protocolKeepalived && !r.NoTrack {
		d.about(n, diag.CodeNotTracked, fmt.Sprintf(
			"Rule cannot be tracked if protocol is not RTPROT_KEEPALIVED(%d), resetting protocol", protocolKeepalived), "")
		r.Protocol = protocolKeepalived
	}
	if static && r.TrackGroup != "" && r.IIF == "" {
		d.about(n, diag.CodeNotTracked, "Static rule cannot have track_group if no interface specified", "")
		r.TrackGroup = ""
	}
	return true
}

var staticRulesRow = listRow("static_rules", "rule", (*decoder).staticRule,
	func(p *printer, c *Config) { p.rules("static_rules", c.StaticRules) })

func (d *decoder) staticRule(n *Node, c *Config) {
	if r, ok := d.rule(n, true); ok {
		c.StaticRules = append(c.StaticRules, r)
	}
}

// virtualRules is the rules that an instance has while it is master.
var virtualRules = listRow("virtual_rules", "rule", func(d *decoder, n *Node, vi *instanceScratch) {
	if r, ok := d.rule(n, false); ok {
		vi.Rules = append(vi.Rules, r)
	}
}, func(p *printer, vi *instanceScratch) { p.rules("virtual_rules", vi.Rules) })

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
		l.add(r.SuppressGroup >= 0, "suppress_ifgroup", r.SuppressGroup)
	case RuleGoto:
		l.add(true, "goto", r.Goto)
	default:
		l.add(true, map[RuleAction]string{RuleNop: "nop", RuleBlackhole: "blackhole", RuleUnreachable: "unreachable",
			RuleProhibit: "prohibit", RuleL3MDev: "l3mdev"}[r.Action])
	}
	return l
}
