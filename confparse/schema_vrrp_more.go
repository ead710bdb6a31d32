package confparse

import (
	"time"

	"vigil/confparse/diag"
)

// notifyRow is a row for a script of an instance, a group or both.
func notifyRow(name string, blocks blockSet, of func(*Notify) *Script) keyword {
	return keyword{name: name, in: blocks, pending: true, decode: func(d *decoder, n *Node) {
		d.notifyScript(n, d.owner(), of(d.notify()))
	}}
}

var bothVRRP = in(inInstance, inSyncGroup)

// vrrpMoreKeywords are the rows of vrrp_instance and vrrp_sync_group beyond addresses and election: interfaces of
// their own, routes, notifications, auth_hmac.
var vrrpMoreKeywords = []keyword{
	notifyRow("notify_backup", bothVRRP, func(x *Notify) *Script { return &x.Backup }),
	notifyRow("notify_master", bothVRRP, func(x *Notify) *Script { return &x.Master }),
	notifyRow("notify_fault", bothVRRP, func(x *Notify) *Script { return &x.Fault }),
	notifyRow("notify_stop", bothVRRP, func(x *Notify) *Script { return &x.Stop }),
	notifyRow("notify", bothVRRP, func(x *Notify) *Script { return &x.Any }),
	notifyRow("notify_master_rx_lower_pri", in(inInstance), func(x *Notify) *Script { return &x.MasterRxLowerPrio }),
	{name: "notify_deleted", in: in(inInstance), def: "a FAULT event", pending: true, decode: func(d *decoder, n *Node) {
		d.vi.Notify.DeletedSet = true
		if len(n.Args) > 0 {
			d.notifyScript(n, d.owner(), &d.vi.Notify.Deleted)
		}
	}},
	{name: "smtp_alert", in: bothVRRP, value: value{kind: boolean}, def: "smtp_alert_vrrp", pending: true,
		yes: func(d *decoder, v bool) { d.notify().Mail = switchOf(v) }},
	{name: "notify_priority_changes", in: bothVRRP, value: value{kind: boolean},
		def: "vrrp_notify_priority_changes", pending: true,
		yes: func(d *decoder, v bool) { d.notify().PriorityChanges = switchOf(v) }},
	{name: "sync_group_tracking_weight", in: in(inSyncGroup), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.sg.TrackingWeight = true }},
	{name: "global_tracking", in: in(inSyncGroup), value: value{kind: bare}, def: "off", pending: true,
		alias: "sync_group_tracking_weight", deprecated: "sync_group_tracking_weight",
		on: func(d *decoder) { d.sg.TrackingWeight = true }},

	{name: "use_vmac", in: in(inInstance), def: "off", pending: true, decode: (*decoder).useVMAC},
	{name: "use_vmac_addr", in: in(inInstance), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.vi.VMAC.Addresses = true }},
	{name: "vmac_xmit_base", in: in(inInstance), value: value{kind: bare}, def: "off; on for unicast", pending: true,
		on: func(d *decoder) { d.vi.VMAC.TransmitBase = true }},
	{name: "use_ipvlan", in: in(inInstance), def: "off", pending: true, decode: (*decoder).useIPVLAN},
	{name: "vrf", in: in(inInstance), value: value{kind: word}, pending: true, str: func(d *decoder, s string) {
		switch {
		case d.vi.Interface != "":
			d.bothLinks()
		case d.interfaceName(s):
			d.first(&d.vi.VRF, s)
		}
	}},
	{name: "unicast_fault_no_peer", in: in(inInstance), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.vi.UnicastFaultNoPeer = true }},
	{name: "old_unicast_checksum", in: in(inInstance), def: "found out by what peers send", refused: true,
		decode: func(d *decoder, n *Node) {
			d.vi.unicast = true
			switch n.Arg(0) {
			case "":
				d.vi.OldUnicastChecksum, d.vi.oldChecksumAt = On, n
			case "never":
				d.vi.OldUnicastChecksum = Off
			default:
				d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown old_unicast_checksum option "+n.Arg(0),
					"only never is known")
			}
		}},
	{name: "native_ipv6", in: in(inInstance), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.nativeIPv6() }},
	{name: "track_src_ip", in: in(inInstance), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.vi.TrackSource = true }},
	{name: "no_virtual_ipaddress", in: in(inInstance), value: value{kind: bare}, def: "off", since: "2.2.8",
		on: func(d *decoder) { d.vi.NoVirtualAddress = true }},
	{name: "promote_secondaries", in: in(inInstance), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.vi.PromoteSecondaries = true }},
	{name: "linkbeat_use_polling", in: in(inInstance), value: value{kind: bare}, def: "off", pending: true,
		deprecated: "linkbeat_interfaces", on: func(d *decoder) { d.vi.LinkbeatPolling = true }},
	{name: "v3_checksum_as_v2", in: in(inInstance), value: value{kind: boolean}, def: "the global one", since: "2.2.8",
		refused: true, yes: func(d *decoder, v bool) { d.vi.checksumAsV2.put(v); d.vi.checksumAt = d.n }},
	{name: "virtual_routes", in: in(inInstance), pending: true, list: &itemGrammar{name: "route",
		decode: func(d *decoder, n *Node) {
			if r, ok := d.route(n, false); ok {
				d.vi.Routes = append(d.vi.Routes, r)
			}
		}}},
	{name: "virtual_rules", in: in(inInstance), pending: true, list: &itemGrammar{name: "rule",
		decode: func(d *decoder, n *Node) {
			if r, ok := d.rule(n, false); ok {
				d.vi.Rules = append(d.vi.Rules, r)
			}
		}}},
	{name: "debug", in: in(inInstance), value: whole(0, 4), def: "0", pending: true,
		num: func(d *decoder, v int64) { d.vi.Debug = int(v) }},
	{name: "timer_expired_backup", in: in(inInstance), def: "off; 254 when bare", since: "2.2.8", pending: true,
		decode: func(d *decoder, n *Node) {
			d.vi.TimerExpiredBackup = uint8(d.optionalNumber(n, wholeStrict(1, 254), 254, int64(d.vi.TimerExpiredBackup)))
		}},
	{name: "thread_timer_expired", in: in(inInstance), def: "off; 254 when bare", since: "2.2.8", pending: true,
		alias: "timer_expired_backup", deprecated: "timer_expired_backup", decode: func(d *decoder, n *Node) {
			d.vi.TimerExpiredBackup = uint8(d.optionalNumber(n, wholeStrict(1, 254), 254, int64(d.vi.TimerExpiredBackup)))
		}},
	{name: "garp_extra_if", in: in(inInstance), def: "vrrp_garp_extra_if", pending: true,
		decode: (*decoder).instanceExtra},
	{name: "vmac_garp_intvl", in: in(inInstance), def: "vrrp_garp_extra_if", pending: true, alias: "garp_extra_if",
		deprecated: "garp_extra_if", decode: (*decoder).instanceExtra},
	{name: "owner_ignore_adverts", in: in(inInstance), value: value{kind: boolean}, def: "vrrp_owner_ignore_adverts",
		since: "2.3.3", pending: true, yes: func(d *decoder, v bool) { d.vi.ownerIgnore.put(v) }},
	{name: "kernel_rx_buf_size", in: in(inInstance), value: wholeStrict(0, maxUint32).withoutFatal(),
		def: "vrrp_rx_bufs_policy", pending: true, num: func(d *decoder, v int64) { d.vi.RXBufferBytes = uint32(v) }},
	{name: "lvs_sync_daemon_interface", in: in(inInstance), value: value{kind: word}, pending: true,
		deprecated: "lvs_sync_daemon", str: func(d *decoder, s string) { d.vi.SyncDaemonInterface = s }},

	{name: "auth_hmac", in: in(inInstance), block: inAuthHMAC, since: "2.4.0", refused: true,
		decode: func(d *decoder, n *Node) {
			d.vi.HMAC = &AuthHMAC{Range: n.RangeOf(n.Keyword)}
			d.body(n.Body)
		}},
	{name: "key", in: in(inAuthHMAC), since: "2.4.0", decode: (*decoder).hmacKey},
	{name: "active_key", in: in(inAuthHMAC), value: wholeStrict(1, 255), since: "2.4.0",
		num: func(d *decoder, v int64) { d.vi.HMAC.ActiveKey = uint8(v) }},
	{name: "time_window", in: in(inAuthHMAC), value: wholeStrict(1, 300), def: "three intervals, 5 to 300",
		since: "2.4.0", num: func(d *decoder, v int64) { d.vi.HMAC.TimeWindow = time.Duration(v) * time.Second }},
	{name: "anti_replay", in: in(inAuthHMAC), value: value{kind: word}, def: "time", since: "2.4.0",
		str: func(d *decoder, s string) {
			d.oneOf(s, map[string]func(){"time": func() { d.vi.HMAC.Monotonic = false },
				"monotonic": func() { d.vi.HMAC.Monotonic = true }}, "use time or monotonic")
		}},
	{name: "mode", in: in(inAuthHMAC), value: value{kind: word}, def: "enforce", since: "2.4.0",
		str: func(d *decoder, s string) {
			h := d.vi.HMAC
			d.oneOf(s, map[string]func(){"enforce": func() { h.Permissive, h.ReceiveOnly = false, false },
				"permissive":   func() { h.Permissive, h.ReceiveOnly = true, false },
				"receive-only": func() { h.Permissive, h.ReceiveOnly = false, true }},
				"use enforce, permissive or receive-only")
		}},
}
