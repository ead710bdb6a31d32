package confparse

import (
	"fmt"
	"strconv"
	"strings"

	"vigil/confparse/diag"
)

// ipProtocols are the names of ipproto.
var ipProtocols = map[string]uint32{"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51,
	"ipv6-icmp": 58, "ospf": 89, "ipip": 94, "pim": 103, "vrrp": 112, "sctp": 132, "udplite": 136}

// rule decodes one line of virtual_rules or static_rules.
func (d *decoder) rule(n *Node, static bool) (Rule, bool) {
	r := Rule{Range: n.Range(), Protocol: protocolKeepalived, SuppressLength: -1}
	w := d.itemWords(n, diag.CodeBadRule)
	family := FamilyUnknown
	preference := false
	act := func(a RuleAction, t Token) {
		if r.Action != 0 {
			w.fail(t, "rule has more than one action: "+t.Text)
			return
		}
		r.Action = a
	}
	for w.more() {
		t := w.next()
		switch t.Text {
		case "inet", "inet6":
			w.family(t, &family)
		case "not":
			r.Not = true
		case "from", "to":
			d.rulePrefix(w, t, &r, &family)
		case "table", "lookup":
			r.Table = w.named(t, routeTables, maxUint32)
			if r.Table == 0 && !w.bad {
				w.fail(t, "rule table 0 is not allowed")
				break
			}
			act(RuleTable, t)
		case "goto":
			r.Goto = w.cNumber(t)
			act(RuleGoto, t)
		case "nop":
			act(RuleNop, t)
		case "l3mdev":
			act(RuleL3MDev, t)
		case "type":
		case "blackhole":
			act(RuleBlackhole, t)
		case "prohibit":
			act(RuleProhibit, t)
		case "unreachable":
			act(RuleUnreachable, t)
		case "preference", "order", "priority":
			r.Preference = w.cNumber(t)
			preference = true
		case "tos", "dsfield":
			r.TOS = uint8(w.named(t, serviceTypes, 255))
		case "fwmark":
			d.ruleMark(w, t, &r)
		case "realms":
			r.Realms = w.realms(t)
		case "suppress_prefixlength", "sup_pl":
			r.SuppressLength = int(w.number(t, 0, maxInt32))
		case "suppress_ifgroup", "sup_group":
			r.SuppressGroup = w.named(t, map[string]uint32{"default": 0}, maxInt32)
		case "dev", "iif":
			r.IIF = w.device(t)
		case "oif":
			r.OIF = w.device(t)
		case "tunnel-id":
			v, ok := w.value(t)
			id, err := strconv.ParseUint(v.Text, 10, 64)
			if ok && err != nil {
				w.fail(v, "invalid tunnel-id "+v.Text)
			}
			r.TunnelID = id
		case "uidrange":
			lo, hi := w.pair(t, maxUint32, true)
			r.UIDLow, r.UIDHigh, r.UIDSet = uint32(lo), uint32(hi), true
		case "protocol":
			if v, ok := w.value(t); ok {
				if num, valid := d.wholeNumber(n, v, wholeStrict(0, 255)); valid {
					r.Protocol = uint8(num)
				}
			}
		case "ipproto":
			v, ok := w.value(t)
			if !ok {
				break
			}
			if num, known := ipProtocols[v.Text]; known {
				r.IPProto = uint8(num)
			} else if num, valid := d.wholeNumber(n, v, wholeStrict(0, 255)); valid {
				r.IPProto = uint8(num)
			}
		case "sport":
			lo, hi := w.pair(t, 65535, false)
			r.SourcePorts = PortRange{uint16(lo), uint16(hi)}
		case "dport":
			lo, hi := w.pair(t, 65535, false)
			r.DestPorts = PortRange{uint16(lo), uint16(hi)}
		case "no_track":
			r.NoTrack = true
		case "track_group":
			if !static {
				w.fail(t, "Unknown rule option "+t.Text)
				break
			}
			if v, ok := w.value(t); ok {
				r.TrackGroup = d.knownTrackGroup(n, v)
			}
		default:
			w.fail(t, "Unknown rule option "+t.Text)
		}
	}
	if w.bad {
		return r, false
	}
	if r.Action == 0 {
		d.about(n, diag.CodeBadRule, "No action specified for rule - ignoring", "")
		return r, false
	}
	if r.Action != RuleTable && (r.Realms != 0 || r.SuppressLength >= 0) {
		d.about(n, diag.CodeBadRule, "realms and suppress_prefixlength need a table - ignoring the rule", "")
		return r, false
	}
	if family == FamilyUnknown {
		family = IPv4
	}
	r.Family = family
	return r, d.settleRule(n, &r, preference, static)
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
