package confparse

import (
	"net/netip"
	"time"
)

// vrrpKeywords are the rows of vrrp_instance, its authentication and vrrp_sync_group.
var vrrpKeywords = []keyword{
	{name: "vrrp_instance", in: in(inRoot), block: inInstance, decode: (*decoder).instance},
	{name: "state", in: in(inInstance), value: value{kind: word}, def: "BACKUP, or MASTER with priority 255",
		str: func(d *decoder, s string) { d.initialState(s) }},
	{name: "interface", in: in(inInstance), value: value{kind: word}, str: func(d *decoder, s string) { d.instanceLink(s) }},
	{name: "virtual_router_id", in: in(inInstance), value: wholeStrict(1, 255),
		num: func(d *decoder, v int64) { d.vi.VirtualRouterID = uint8(v) },
		bad: func(d *decoder) { d.vi.VirtualRouterID, d.vi.badVRID = 0, d.n }},
	{name: "priority", in: in(inInstance), value: wholeStrict(1, 255), def: "100; 255 with state MASTER",
		num: func(d *decoder, v int64) { d.vi.priority.put(uint8(v)) },
		bad: func(d *decoder) { d.vi.priority.put(100) }},
	{name: "advert_int", in: in(inInstance), value: decimal(10_000, 255_000_000), def: "1",
		dur: func(d *decoder, v time.Duration) { d.vi.AdvertInterval, d.vi.advertAt = v, d.n }},
	{name: "version", in: in(inInstance), value: whole(2, 3), def: "vrrp_version; 3 for IPv6",
		num: func(d *decoder, v int64) { d.vi.version.put(uint8(v)) }},
	{name: "nopreempt", in: in(inInstance), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.vi.NoPreempt, d.vi.noPreemptAt = true, d.n }},
	{name: "preempt", in: in(inInstance), value: value{kind: bare}, def: "on",
		on: func(d *decoder) { d.vi.NoPreempt = false }},
	{name: "preempt_delay", in: in(inInstance), value: decimal(0, 1000_000_000), def: "0",
		dur: func(d *decoder, v time.Duration) { d.vi.PreemptDelay, d.vi.preemptDelayAt = v, d.n },
		bad: func(d *decoder) { d.vi.PreemptDelay = 0 }},
	{name: "down_timer_adverts", in: in(inInstance), value: whole(1, 100), def: "vrrp_down_timer_adverts",
		num: func(d *decoder, v int64) { d.vi.downTimer.put(int(v)) }},
	{name: "accept", in: in(inInstance), value: value{kind: bare}, def: "on unless strict", pending: true,
		on: func(d *decoder) { d.vi.accept.put(true) }},
	{name: "no_accept", in: in(inInstance), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.vi.accept.put(false) }},
	{name: "strict_mode", in: in(inInstance), value: value{kind: boolean}, def: "vrrp_strict",
		yes: func(d *decoder, v bool) { d.vi.strict.put(v) }},
	{name: "dont_track_primary", in: in(inInstance), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.vi.DontTrackPrimary = true }},
	{name: "mcast_src_ip", in: in(inInstance), value: value{kind: address}, def: "the interface's first address",
		ip: func(d *decoder, a netip.Addr) { d.vi.MulticastSource, d.vi.sourceAt = a, d.n }},
	{name: "unicast_src_ip", in: in(inInstance), value: value{kind: address}, def: "the interface's first address",
		ip: func(d *decoder, a netip.Addr) { d.vi.UnicastSource, d.vi.sourceAt, d.vi.unicast = a, d.n, true }},
	{name: "mcast_dst_ip", in: in(inInstance), value: value{kind: address}, def: "the global group",
		ip: func(d *decoder, a netip.Addr) { d.multicastGroup(a, FamilyOf(a), &d.vi.MulticastGroup) }},
	{name: "unicast_peer", in: in(inInstance), list: &itemGrammar{name: "unicast_peer", decode: (*decoder).unicastPeer},
		decode: func(d *decoder, n *Node) { d.vi.unicast = true; d.extraParameters(n); d.items(n) }},
	{name: "unicast_ttl", in: in(inInstance), value: wholeStrict(0, 255), def: "255",
		num: func(d *decoder, v int64) { d.vi.UnicastTTL, d.vi.ttlAt = int(v), d.n }},
	{name: "check_unicast_src", in: in(inInstance), value: value{kind: bare}, def: "vrrp_check_unicast_src",
		on: func(d *decoder) { d.vi.CheckUnicastSrc, d.vi.unicast = true, true }},
	{name: "skip_check_adv_addr", in: in(inInstance), value: value{kind: boolean}, def: "vrrp_skip_check_adv_addr",
		yes: func(d *decoder, v bool) { d.vi.skipCheck.put(v) }},
	{name: "virtual_ipaddress", in: in(inInstance), list: &itemGrammar{name: "ipaddress",
		decode: func(d *decoder, n *Node) { d.virtualAddress(n, &d.vi.VirtualAddresses) }}},
	{name: "virtual_ipaddress_excluded", in: in(inInstance), list: &itemGrammar{name: "ipaddress",
		decode: func(d *decoder, n *Node) { d.virtualAddress(n, &d.vi.ExcludedAddresses) }}},
	{name: "track_interface", in: in(inInstance), list: &itemGrammar{name: "track_interface",
		decode: (*decoder).trackInterface}},
	{name: "garp_master_delay", in: in(inInstance), value: secs(0, maxBurstSeconds), def: "vrrp_garp_master_delay",
		num: func(d *decoder, v int64) { d.vi.masterDelay.put(time.Duration(v) * time.Second) }},
	{name: "garp_master_repeat", in: in(inInstance), value: whole(0, maxUint32), def: "vrrp_garp_master_repeat",
		num: func(d *decoder, v int64) { d.vi.masterRepeat.put(d.atLeastOne(v)) }},
	{name: "garp_master_refresh", in: in(inInstance), value: secs(0, maxUint32), def: "vrrp_garp_master_refresh",
		num: func(d *decoder, v int64) { d.vi.masterRefresh.put(time.Duration(v) * time.Second) },
		bad: func(d *decoder) { d.vi.masterRefresh.put(0) }},
	{name: "garp_master_refresh_repeat", in: in(inInstance), value: whole(0, maxUint32),
		def: "vrrp_garp_master_refresh_repeat",
		num: func(d *decoder, v int64) { d.vi.refreshRepeat.put(d.atLeastOne(v)) }},
	{name: "garp_lower_prio_delay", in: in(inInstance), value: secs(0, maxBurstSeconds),
		def: "vrrp_garp_lower_prio_delay, else garp_master_delay",
		num: func(d *decoder, v int64) { d.vi.lowerDelay.put(time.Duration(v) * time.Second) }},
	{name: "garp_lower_prio_repeat", in: in(inInstance), value: whole(0, maxInt32),
		def: "vrrp_garp_lower_prio_repeat, else garp_master_repeat",
		num: func(d *decoder, v int64) { d.vi.lowerRepeat.put(int(v)) }},
	{name: "lower_prio_no_advert", in: in(inInstance), value: value{kind: boolean}, def: "vrrp_lower_prio_no_advert",
		yes: func(d *decoder, v bool) { d.vi.lowerNoAdvert.put(v) }},
	{name: "higher_prio_send_advert", in: in(inInstance), value: value{kind: boolean},
		def: "vrrp_higher_prio_send_advert",
		yes: func(d *decoder, v bool) { d.vi.higherSend.put(v) }},

	{name: "authentication", in: in(inInstance), block: inAuthentication,
		decode: func(d *decoder, n *Node) { d.vi.authAt = n; d.body(n.Body) }},
	{name: "auth_type", in: in(inAuthentication), value: value{kind: word},
		str: func(d *decoder, s string) { d.authType(s) }},
	{name: "auth_pass", in: in(inAuthentication), value: value{kind: word},
		str: func(d *decoder, s string) { d.authPass(s) }},

	{name: "vrrp_sync_group", in: in(inRoot), block: inSyncGroup, decode: (*decoder).syncGroup},
	{name: "group", in: in(inSyncGroup), list: &itemGrammar{name: "name", words: true},
		decode: (*decoder).syncGroupMembers},
}

// instanceScratch is a vrrp_instance in the making, with what only matters until its defaults are known.
type instanceScratch struct {
	*VRRPInstance
	node *Node

	priority                                 opt[uint8]
	version                                  opt[uint8]
	accept, strict, skipCheck                opt[bool]
	lowerNoAdvert, higherSend                opt[bool]
	downTimer                                opt[int]
	masterDelay, lowerDelay, masterRefresh   opt[time.Duration]
	masterRepeat, refreshRepeat, lowerRepeat opt[int]

	wantMaster, wantBackup bool
	badVRID                *Node
	badAuth                bool // an auth_type nobody knows was given, and reported
	extraSet, nativeIPv6   bool
	checksumAsV2           opt[bool]
	ownerIgnore            opt[bool]
	unicast                bool // a unicast keyword was used
	inGroup                GroupName

	checksumAt, oldChecksumAt *Node

	advertAt, noPreemptAt, preemptDelayAt, sourceAt, ttlAt, authAt *Node
}
