package confparse

import (
	"net/netip"
	"time"
)

// globalScratch holds the global settings that instances inherit.
type globalScratch struct {
	masterDelay, lowerDelay, masterRefresh   opt[time.Duration]
	masterRepeat, refreshRepeat, lowerRepeat opt[int]
	downTimer                                opt[int]
	lowerNoAdvert, higherSend                opt[bool]
	strict, checkUnicast, skipCheck          bool
	checksumAt                               *Node
}

const (
	maxBurstSeconds = 4294
)

var globalKeywords = []keyword{
	{name: "router_id", in: in(inGlobal), value: value{kind: word, optional: true}, def: "the host name", pending: true,
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
		dur: func(d *decoder, v time.Duration) { d.cfg.Global.GARPInterval = v; d.slowPacing(v) }},
	{name: "vrrp_down_timer_adverts", in: in(inGlobal), value: whole(1, 100), def: "3",
		num: func(d *decoder, v int64) { d.gs.downTimer.put(int(v)) }},
	{name: "vrrp_lower_prio_no_advert", in: in(inGlobal), value: value{kind: boolean}, def: "off, on in strict mode",
		yes: func(d *decoder, v bool) { d.gs.lowerNoAdvert.put(v) }},
	{name: "vrrp_higher_prio_send_advert", in: in(inGlobal), value: value{kind: boolean}, def: "on (keepalived: off)",
		yes: func(d *decoder, v bool) { d.gs.higherSend.put(v) }},
	{name: "vrrp_check_unicast_src", in: in(inGlobal), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.gs.checkUnicast = true }},
	{name: "vrrp_skip_check_adv_addr", in: in(inGlobal), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.gs.skipCheck = v }},
	{name: "vrrp_strict", in: in(inGlobal), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.gs.strict = v }},
	{name: "vrrp_startup_delay", in: in(inGlobal), value: decimal(1000, maxMicros), def: "0",
		dur: func(d *decoder, v time.Duration) { d.cfg.Global.VRRPStartupDelay = v }},
	{name: "lvs_flush", in: in(inGlobal), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.cfg.Global.LVSFlush = true }},
	{name: "lvs_flush_on_stop", in: in(inGlobal), def: "off", decode: (*decoder).lvsFlushOnStop},
	{name: "lvs_flush_onstop", in: in(inGlobal), def: "off", alias: "lvs_flush_on_stop",
		decode: (*decoder).lvsFlushOnStop},
	{name: "checker_log_all_failures", in: in(inGlobal), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.cfg.Global.LogAllFailures = v }},
	{name: "dynamic_interfaces", in: in(inGlobal), def: "off", decode: (*decoder).dynamicInterfaces},

	{name: "vrrp_gna_interval", in: in(inGlobal), value: decimal(1, maxMicros), def: "0", pending: true,
		dur: func(d *decoder, v time.Duration) { d.cfg.Global.GNAInterval = v; d.slowPacing(v) }},
	{name: "vrrp_min_garp", in: in(inGlobal), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.cfg.Global.MinGARP = d.cfg.Global.MinGARP || v }},
	{name: "vrrp_garp_extra_if", in: in(inGlobal), def: "0", pending: true, decode: func(d *decoder, n *Node) {
		d.extraInterface(n, 1, &d.cfg.Global.ExtraGARP, &d.cfg.Global.ExtraGARPAll)
	}},
	{name: "vrrp_vmac_garp_intvl", in: in(inGlobal), def: "0", pending: true, alias: "vrrp_garp_extra_if",
		deprecated: "vrrp_garp_extra_if", decode: func(d *decoder, n *Node) {
			d.extraInterface(n, 1, &d.cfg.Global.ExtraGARP, &d.cfg.Global.ExtraGARPAll)
		}},
	{name: "vrrp_delay_after_boot", in: in(inGlobal), value: decimal(1000, maxMicros), def: "0", since: "2.4.0",
		pending: true, dur: func(d *decoder, v time.Duration) { d.cfg.Global.VRRPDelayAfterBoot = v }},
	{name: "default_interface", in: in(inGlobal), value: value{kind: word, optional: true}, def: "eth0", pending: true,
		str: func(d *decoder, s string) {
			if d.linkName(s) {
				d.cfg.Global.DefaultInterface = s
			}
		}},
	{name: "disable_local_igmp", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.DisableLocalIGMP = true }},
	{name: "v3_checksum_as_v2", in: in(inGlobal), value: value{kind: bare}, def: "off", since: "2.2.8", refused: true,
		on: func(d *decoder) { d.cfg.Global.ChecksumAsV2, d.gs.checksumAt = true, d.n }},
	{name: "log_unknown_vrids", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.LogUnknownVRIDs = true }},
	{name: "vrrp_owner_ignore_adverts", in: in(inGlobal), value: value{kind: boolean}, def: "off", since: "2.3.3",
		pending: true, yes: func(d *decoder, v bool) { d.cfg.Global.OwnerIgnoreAdverts = v }},
	{name: "vmac_prefix", in: in(inGlobal), value: value{kind: word}, def: "vrrp", pending: true,
		str: func(d *decoder, s string) { d.first(&d.cfg.Global.VMACPrefix, s) }},
	{name: "vmac_addr_prefix", in: in(inGlobal), value: value{kind: word}, def: "vmac_prefix", pending: true,
		str: func(d *decoder, s string) { d.first(&d.cfg.Global.VMACAddressPrefix, s) }},
	{name: "vrrp_rx_bufs_policy", in: in(inGlobal), value: value{kind: word, optional: true}, def: "the system's",
		pending: true, str: func(d *decoder, s string) { d.rxPolicy(s) }},
	{name: "vrrp_rx_bufs_multiplier", in: in(inGlobal), value: wholeStrict(1, maxUint32).withoutFatal(), def: "3",
		pending: true, num: func(d *decoder, v int64) { d.cfg.Global.RXBufferMultiplier = uint32(v) }},
	{name: "vrrp_notify_priority_changes", in: in(inGlobal), value: value{kind: boolean}, def: "off", pending: true,
		yes: func(d *decoder, v bool) { d.cfg.Global.NotifyPriorityChanges = v }},
	{name: "fifo_write_vrrp_states_on_reload", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.StatesOnReload = true }},
	{name: "max_auto_priority", in: in(inGlobal), def: "0; 99 when bare", pending: true, decode: func(d *decoder, n *Node) {
		d.cfg.Global.VRRPScheduling.AutoRTMax = int(d.optionalNumber(n, whole(-1, 99), 99, 0))
	}},
	{name: "min_auto_priority_delay", in: in(inGlobal), value: whole(1, 10_000_000).withoutFatal(), def: "1000000",
		pending: true, num: func(d *decoder, v int64) {
			d.cfg.Global.VRRPScheduling.AutoRTWait = time.Duration(v) * time.Microsecond
		}},

	{name: "vrrp_iptables", in: in(inGlobal), def: "off; INPUT OUTPUT when bare", pending: true,
		decode: (*decoder).iptables},
	{name: "vrrp_ipsets", in: in(inGlobal), def: "from the first name", since: "with libipset", pending: true,
		decode: (*decoder).ipsets},
	{name: "nftables", in: in(inGlobal), def: "off; keepalived when bare", pending: true, decode: func(d *decoder, n *Node) {
		d.tableName(n, "keepalived", &d.cfg.Global.NFTables.Table)
	}},
	{name: "nftables_priority", in: in(inGlobal), value: wholeStrict(minInt32, maxInt32), def: "-1", pending: true,
		num: func(d *decoder, v int64) { d.cfg.Global.NFTables.Priority = int32(v) }},
	{name: "nftables_ifindex", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.NFTables.IfIndex = true }},
	{name: "nftables_counters", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.NFTables.Counters = true }},
	{name: "nftables_ipvs", in: in(inGlobal), def: "off; keepalived_ipvs when bare", pending: true,
		decode: func(d *decoder, n *Node) { d.tableName(n, "keepalived_ipvs", &d.cfg.Global.IPVSFirewall.Table) }},
	{name: "nftables_ipvs_priority", in: in(inGlobal), value: wholeStrict(minInt32, maxInt32), def: "-1", pending: true,
		num: func(d *decoder, v int64) { d.cfg.Global.IPVSFirewall.Priority = int32(v) }},
	{name: "nftables_ipvs_start_fwmark", in: in(inGlobal), value: wholeStrict(1, maxUint32), def: "1000", pending: true,
		num: func(d *decoder, v int64) { d.cfg.Global.IPVSFirewall.FirstMark = uint32(v) }},

	{name: "lvs_timeouts", in: in(inGlobal), def: "the kernel's", pending: true, decode: (*decoder).lvsTimeouts},
	{name: "lvs_sync_daemon", in: in(inGlobal), def: "off", pending: true, decode: (*decoder).syncDaemon},
	{name: "rs_init_notifies", in: in(inGlobal), value: value{kind: boolean}, def: "off", pending: true,
		yes: func(d *decoder, v bool) { d.cfg.Global.RSInitNotifies = v }},

	{name: "notification_email_from", in: in(inGlobal), value: value{kind: word, optional: true},
		def: "the user at the host name", pending: true, str: func(d *decoder, s string) { d.mailFrom(s) }},
	{name: "notification_email", in: in(inGlobal), list: &itemGrammar{name: "name", words: true}, pending: true,
		decode: (*decoder).recipients},
	{name: "smtp_server", in: in(inGlobal), def: "none; port 25", pending: true, decode: (*decoder).smtpServer},
	{name: "smtp_helo_name", in: in(inGlobal), def: "the host name", pending: true, decode: func(d *decoder, n *Node) {
		d.cfg.Global.Mail.HELO = d.intern(n.Arg(0))
	}},
	{name: "smtp_connect_timeout", in: in(inGlobal), value: secs(0, maxBurstSeconds), def: "30", pending: true,
		num: func(d *decoder, v int64) {
			d.cfg.Global.Mail.Timeout = time.Duration(d.atLeastOne(v)) * time.Second
		}},
	{name: "smtp_alert", in: in(inGlobal), value: value{kind: boolean}, def: "unset", pending: true,
		yes: func(d *decoder, v bool) { d.cfg.Global.Mail.Alerts = switchOf(v) }},
	{name: "smtp_alert_vrrp", in: in(inGlobal), value: value{kind: boolean}, def: "smtp_alert", pending: true,
		yes: func(d *decoder, v bool) { d.cfg.Global.Mail.VRRP = switchOf(v) }},
	{name: "smtp_alert_checker", in: in(inGlobal), value: value{kind: boolean}, def: "smtp_alert", pending: true,
		yes: func(d *decoder, v bool) { d.cfg.Global.Mail.Checkers = switchOf(v) }},
	{name: "no_email_faults", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.Mail.NoFaults = true }},
	{name: "no_checker_emails", in: in(inGlobal), value: value{kind: boolean}, def: "off", pending: true,
		yes: func(d *decoder, v bool) { d.cfg.Global.Mail.NoCheckers = v }},
}
