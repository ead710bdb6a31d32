package confparse

import (
	"math"
	"net/netip"
	"time"
)

var rootKeywords = []keyword{
	{name: "global_defs", in: in(inRoot), block: inGlobal, decode: func(d *decoder, n *Node) { d.body(n.Body) }},
}

// globalScratch holds the global settings that instances inherit.
type globalScratch struct {
	masterDelay, lowerDelay, masterRefresh   opt[time.Duration]
	masterRepeat, refreshRepeat, lowerRepeat opt[int]
	garpInterval                             time.Duration
	downTimer                                opt[int]
	lowerNoAdvert, higherSend                opt[bool]
	strict, checkUnicast, skipCheck          bool
	iface                                    string
}

const (
	maxBurstSeconds = 4294
)

var globalKeywords = []keyword{
	{name: "router_id", in: in(inGlobal), value: value{kind: word, optional: true}, def: "the host name",
		str: func(d *decoder, s string) { d.cfg.Global.RouterID = s }},
	{name: "vrrp_version", in: in(inGlobal), value: whole(2, 3), def: "2",
		num: func(d *decoder, v int64) { d.cfg.Global.VRRPVersion = uint8(v) }},
	{name: "vrrp_mcast_group4", in: in(inGlobal), value: value{kind: address}, def: "224.0.0.18",
		ip: func(d *decoder, a netip.Addr) { d.multicastGroup(a, IPv4, &d.cfg.Global.VRRPMulticast4) }},
	{name: "vrrp_mcast_group6", in: in(inGlobal), value: value{kind: address}, def: "ff02::12",
		ip: func(d *decoder, a netip.Addr) { d.multicastGroup(a, IPv6, &d.cfg.Global.VRRPMulticast6) }},
	{name: "vrrp_garp_master_delay", in: in(inGlobal), value: secs(0, maxBurstSeconds), def: "5",
		num: func(d *decoder, v int64) { d.gs.masterDelay.put(time.Duration(v) * time.Second) }},
	{name: "vrrp_garp_master_repeat", in: in(inGlobal), value: whole(0, maxUint32), def: "5",
		num: func(d *decoder, v int64) { d.gs.masterRepeat.put(d.atLeastOne(v)) }},
	{name: "vrrp_garp_master_refresh", in: in(inGlobal), value: secs(0, maxUint32), def: "0",
		num: func(d *decoder, v int64) { d.gs.masterRefresh.put(time.Duration(v) * time.Second) },
		bad: func(d *decoder) { d.gs.masterRefresh.put(0) }},
	{name: "vrrp_garp_master_refresh_repeat", in: in(inGlobal), value: whole(0, maxUint32), def: "1",
		num: func(d *decoder, v int64) { d.gs.refreshRepeat.put(d.atLeastOne(v)) }},
	{name: "vrrp_garp_lower_prio_delay", in: in(inGlobal), value: secs(0, maxBurstSeconds),
		def: "vrrp_garp_master_delay",
		num: func(d *decoder, v int64) { d.gs.lowerDelay.put(time.Duration(v) * time.Second) }},
	{name: "vrrp_garp_lower_prio_repeat", in: in(inGlobal), value: whole(0, maxInt32), def: "vrrp_garp_master_repeat",
		num: func(d *decoder, v int64) { d.gs.lowerRepeat.put(int(v)) }},
	{name: "vrrp_garp_interval", in: in(inGlobal), value: decimal(1, maxMicros), def: "0",
		dur: func(d *decoder, v time.Duration) { d.gs.garpInterval = v; d.slowPacing(v) }},
	{name: "vrrp_down_timer_adverts", in: in(inGlobal), value: whole(1, 100), def: "3",
		num: func(d *decoder, v int64) { d.gs.downTimer.put(int(v)) }},
	{name: "vrrp_lower_prio_no_advert", in: in(inGlobal), value: value{kind: boolean}, def: "off, on in strict mode",
		yes: func(d *decoder, v bool) { d.gs.lowerNoAdvert.put(v) }},
	{name: "vrrp_higher_prio_send_advert", in: in(inGlobal), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.gs.higherSend.put(v) }},
	{name: "vrrp_check_unicast_src", in: in(inGlobal), value: value{kind: flag}, def: "off",
		on: func(d *decoder) { d.gs.checkUnicast = true }},
	{name: "vrrp_skip_check_adv_addr", in: in(inGlobal), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.gs.skipCheck = v }},
	{name: "vrrp_strict", in: in(inGlobal), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.gs.strict = v }},
	{name: "vrrp_startup_delay", in: in(inGlobal), value: decimal(1000, maxMicros), def: "0",
		dur: func(d *decoder, v time.Duration) { d.cfg.Global.VRRPStartupDelay = v }},
	{name: "lvs_flush", in: in(inGlobal), value: value{kind: flag}, def: "off",
		on: func(d *decoder) { d.cfg.Global.LVSFlush = true }},
	{name: "lvs_flush_on_stop", in: in(inGlobal), def: "off", decode: (*decoder).lvsFlushOnStop},
	{name: "lvs_flush_onstop", in: in(inGlobal), def: "off", alias: "lvs_flush_on_stop",
		decode: (*decoder).lvsFlushOnStop},
	{name: "checker_log_all_failures", in: in(inGlobal), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.cfg.Global.LogAllFailures = v }},
	{name: "dynamic_interfaces", in: in(inGlobal), def: "off", decode: (*decoder).dynamicInterfaces},
	{name: "script_user", in: in(inGlobal), value: value{kind: word, optional: true}, pending: true,
		str: func(*decoder, string) {}},
	{name: "enable_script_security", in: in(inGlobal), value: value{kind: flag}, pending: true,
		on: func(*decoder) {}},
}

// defaults fills what holds when nothing is written.
func (d *decoder) defaults() {
	g := &d.cfg.Global
	g.VRRPVersion = 2
	g.VRRPMulticast4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	g.VRRPMulticast6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
}

func (d *decoder) finishGlobals() {
	g := &d.cfg.Global
	if g.RouterID == "" {
		g.RouterID = d.env.Hostname
	}
}

func (d *decoder) multicastGroup(a netip.Addr, f Family, to *netip.Addr) {
	if FamilyOf(a) != f || !a.IsMulticast() {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), CodeBadAddress,
			"'"+a.String()+"' is not an "+f.String()+" multicast address", "")
		return
	}
	*to = a
}

// atLeastOne turns a repeat count of 0 into 1, as keepalived does.
func (d *decoder) atLeastOne(v int64) int {
	if v == 0 {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), CodeRaised, d.n.Keyword.Text+" cannot be 0, setting to 1", "")
		v = 1
	}
	return int(min(v, math.MaxInt32))
}

func (d *decoder) slowPacing(v time.Duration) {
	if v >= time.Second {
		d.about(d.n, CodeSlowPacing, "The "+d.n.Keyword.Text+" is very large: "+d.n.arg(0)+" seconds",
			"every announcement waits this long after the one before it")
	}
}

func (d *decoder) lvsFlushOnStop(n *Node) {
	switch n.arg(0) {
	case "":
		d.cfg.Global.LVSFlushOnStop = FlushOnStopAll
	case "VS":
		d.cfg.Global.LVSFlushOnStop = FlushOnStopVS
	default:
		d.report(n, n.RangeOf(n.Args[0]), CodeUnknownWord, "Unknown lvs_flush_on_stop type "+n.arg(0), "only VS is known")
	}
}

func (d *decoder) dynamicInterfaces(n *Node) {
	d.cfg.Global.DynamicInterfaces = true
	if len(n.Args) > 0 && n.arg(0) != "allow_if_changes" {
		d.report(n, n.RangeOf(n.Args[0]), CodeUnknownWord, "Unknown dynamic_interfaces option '"+n.arg(0)+"'",
			"only allow_if_changes is known")
	}
}
