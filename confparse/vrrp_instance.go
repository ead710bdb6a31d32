package confparse

import (
	"fmt"
	"net/netip"
	"time"

	"vigil/confparse/diag"
)

// InitialState is the state keyword of a vrrp_instance.
type InitialState uint8

// The values of state. StateUnset behaves as MASTER for priority 255 and as BACKUP otherwise.
const (
	StateUnset InitialState = iota
	StateMaster
	StateBackup
)

// VRRPInstance is a vrrp_instance block.
type VRRPInstance struct {
	Range Range // the instance's name

	Name             InstanceName
	Family           Family // of the first VIP, source or peer; IPv4 when nothing tells
	Version          uint8  // 2 or 3
	State            InitialState
	Interface        string
	VirtualRouterID  uint8
	Priority         uint8 // 100 by default; 255 with state MASTER and no priority
	AdvertInterval   time.Duration
	AuthType         AuthType
	AuthPass         string // at most 8 bytes
	NoPreempt        bool
	PreemptDelay     time.Duration
	DownTimerAdverts int // down_timer_adverts, 3
	Accept           bool
	Strict           bool
	DontTrackPrimary bool
	MulticastSource  netip.Addr // mcast_src_ip; invalid = the interface's first address
	MulticastGroup   netip.Addr // mcast_dst_ip, else the global group of the family
	UnicastSource    netip.Addr // unicast_src_ip
	UnicastPeers     []UnicastPeer
	UnicastTTL       int // 255
	CheckUnicastSrc  bool
	SkipCheckAdvAddr bool

	VirtualAddresses  []VirtualAddress // virtual_ipaddress, advertised
	ExcludedAddresses []VirtualAddress // virtual_ipaddress_excluded
	TrackInterfaces   []TrackInterface
	GARP              GARP

	LowerPriorityNoAdvert    bool // lower_prio_no_advert
	HigherPrioritySendAdvert bool // higher_prio_send_advert

	VMAC                VMAC
	IPVLAN              IPVLAN
	VRF                 string
	UnicastFaultNoPeer  bool
	OldUnicastChecksum  Switch // on: always the old form; off: never
	TrackSource         bool   // track_src_ip
	NoVirtualAddress    bool   // no_virtual_ipaddress
	PromoteSecondaries  bool
	LinkbeatPolling     bool
	ChecksumAsV2        bool
	Routes              []Route
	Rules               []Rule
	Debug               int
	TimerExpiredBackup  uint8         // 0 = off
	ExtraGARP           time.Duration // garp_extra_if
	ExtraGARPAll        bool
	OwnerIgnoreAdverts  bool
	RXBufferBytes       uint32
	HMAC                *AuthHMAC
	SyncDaemonInterface string // lvs_sync_daemon_interface
	Tracking            Tracking
	Notify              Notify
}

// UnicastPeer is one line of unicast_peer.
type UnicastPeer struct {
	Range  Range
	Addr   netip.Addr
	MinTTL int // 0
	MaxTTL int // 255
}

var instancesRow = blocksRow("vrrp_instance", inInstance, (*decoder).instance,
	func(c *Config) []*VRRPInstance { return c.Instances }, (*printer).instance)

// instanceKeywords are the rows of vrrp_instance.
var instanceKeywords = []keyword{
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

// instance decodes a vrrp_instance block.
func (d *decoder) instance(n *Node) {
	var first *Node
	if old := d.instances[InstanceName(n.Arg(0))]; old != nil {
		first = old.node
	}
	if !d.named(n, first) {
		return
	}
	vi := &instanceScratch{node: n, VRRPInstance: &VRRPInstance{Range: n.RangeOf(n.Args[0]),
		Name: InstanceName(d.intern(n.Arg(0))), AdvertInterval: time.Second, UnicastTTL: 255,
		CheckUnicastSrc: d.gs.checkUnicast}}
	d.instances[vi.Name] = vi
	d.order = append(d.order, vi)
	d.vi = vi
	d.body(n.Body)
	d.vi = nil
}

func (d *decoder) initialState(s string) {
	switch s {
	case "MASTER":
		d.vi.wantMaster = true
	case "BACKUP":
		if d.vi.wantMaster {
			d.about(d.n, diag.CodeStateConflict, fmt.Sprintf("(%s) state previously set as MASTER - ignoring BACKUP",
				d.vi.Name), "")
			return
		}
		d.vi.wantBackup = true
	default:
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord,
			fmt.Sprintf("(%s) unknown state '%s', defaulting to BACKUP", d.vi.Name, s), "use MASTER or BACKUP")
		d.vi.wantBackup = true
	}
}

// instanceLink is the interface of an instance: any but a loopback, and none beside a vrf.
func (d *decoder) instanceLink(s string) {
	switch vi := d.vi; {
	case s == "lo":
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeBadInterfaceName, fmt.Sprintf(
			"(%s) cannot use a loopback interface (%s) for vrrp - ignoring", vi.Name, s), "")
	case vi.VRF != "":
		d.bothLinks()
	case d.interfaceName(s):
		vi.Interface = s
	}
}

// bothLinks reports that an instance was given an interface and a vrf; the first of them counts.
func (d *decoder) bothLinks() {
	d.about(d.n, diag.CodeIgnoredWord, fmt.Sprintf("(%s) Cannot specify VRF interface and interface - ignoring", d.vi.Name),
		"a vrf is for an instance without an interface, whose peers are unicast")
}

// unicastPeer decodes "ADDRESS [min_ttl N] [max_ttl N]".
func (d *decoder) unicastPeer(n *Node) {
	vi := d.vi
	a, ok := parseAddr(stripRange(n.Keyword.Text))
	if !ok {
		d.report(n, n.RangeOf(n.Keyword), diag.CodeBadPeer, fmt.Sprintf(
			"Configuration error: VRRP instance[%s] malformed unicast peer address[%s]. Skipping...", vi.Name,
			n.Keyword.Text), "")
		return
	}
	p := UnicastPeer{Range: n.RangeOf(n.Keyword), Addr: a, MaxTTL: 255}
	for i := 0; i < len(n.Args); i++ {
		w := n.Args[i]
		if w.Text != "min_ttl" && w.Text != "max_ttl" {
			d.report(n, n.RangeOf(w), diag.CodeUnknownWord, fmt.Sprintf("Unknown unicast_peer option '%s'", w.Text), "")
			continue
		}
		if i++; i == len(n.Args) {
			d.report(n, n.RangeOf(w), diag.CodeArgumentExpected, w.Text+" has no value", "")
			break
		}
		if v, ok := d.wholeNumber(n, n.Args[i], wholeStrict(0, 255)); ok {
			vi.CheckUnicastSrc = true
			if w.Text == "min_ttl" {
				p.MinTTL = int(v)
			} else {
				p.MaxTTL = int(v)
			}
		}
	}
	for _, old := range vi.UnicastPeers {
		if old.Addr == a {
			d.report(n, p.Range, diag.CodeDuplicatePeer, fmt.Sprintf("(%s) duplicate unicast peer %s - ignoring", vi.Name, a),
				"", Place{Range: old.Range, Note: "first given here"})
			return
		}
	}
	vi.unicast = true
	vi.UnicastPeers = append(vi.UnicastPeers, p)
}

func (d *decoder) nativeIPv6() {
	if len(d.vi.VirtualAddresses) > 0 && d.vi.VirtualAddresses[0].Prefix.Addr().Is4() {
		d.about(d.n, diag.CodeFamilyMismatch, fmt.Sprintf("(%s) Cannot specify native_ipv6 with IPv4 addresses", d.vi.Name), "")
		return
	}
	d.about(d.n, diag.CodeNativeIPv6, fmt.Sprintf("(%s) native_ipv6 is deprecated; the addresses decide the family",
		d.vi.Name), "")
	d.vi.nativeIPv6 = true
	d.vi.version.put(3)
}

// inheritsCheck reports whether vi must have got check_unicast_src from global_defs: its own would have made it a unicast
// instance, with vmac_xmit_base.
func inheritsCheck(vi *VRRPInstance) bool {
	return vi.CheckUnicastSrc && vi.VMAC.Enabled && !vi.VMAC.TransmitBase
}

func (p *printer) instance(vi *VRRPInstance) {
	p.open("vrrp_instance", quoted(string(vi.Name)))
	switch vi.State {
	case StateMaster:
		p.line("state MASTER")
	case StateBackup:
		p.line("state BACKUP")
	}
	p.text("interface", vi.Interface)
	p.text("vrf", vi.VRF)
	p.number("virtual_router_id", int64(vi.VirtualRouterID), 0)
	p.line("version", vi.Version)
	p.line("priority", vi.Priority)
	p.line("advert_int", vi.AdvertInterval)
	p.line("down_timer_adverts", vi.DownTimerAdverts)
	p.flag(vi.NoPreempt, "nopreempt")
	p.duration("preempt_delay", vi.PreemptDelay)
	p.line("strict_mode", onOff(vi.Strict))
	if vi.Accept {
		p.line("accept")
	} else {
		p.line("no_accept")
	}
	p.line("lower_prio_no_advert", onOff(vi.LowerPriorityNoAdvert))
	p.line("higher_prio_send_advert", onOff(vi.HigherPrioritySendAdvert))
	p.line("owner_ignore_adverts", onOff(vi.OwnerIgnoreAdverts))
	p.line("skip_check_adv_addr", onOff(vi.SkipCheckAdvAddr))
	p.line("v3_checksum_as_v2", onOff(vi.ChecksumAsV2))
	p.flag(vi.DontTrackPrimary, "dont_track_primary")
	p.flag(vi.TrackSource, "track_src_ip")
	p.flag(vi.NoVirtualAddress, "no_virtual_ipaddress")
	p.flag(vi.PromoteSecondaries, "promote_secondaries")
	p.flag(vi.LinkbeatPolling, "linkbeat_use_polling")
	p.flag(vi.UnicastFaultNoPeer, "unicast_fault_no_peer")
	p.flag(vi.CheckUnicastSrc && !p.checksUnicast, "check_unicast_src")
	switch vi.OldUnicastChecksum {
	case On:
		p.line("old_unicast_checksum")
	case Off:
		p.line("old_unicast_checksum never")
	}
	p.addr("mcast_src_ip", vi.MulticastSource)
	p.addr("unicast_src_ip", vi.UnicastSource)
	p.addr("mcast_dst_ip", vi.MulticastGroup)
	if len(vi.UnicastPeers) > 0 {
		p.line("unicast_ttl", vi.UnicastTTL)
		p.open("unicast_peer")
		for _, peer := range vi.UnicastPeers {
			words := []any{peer.Addr}
			if peer.MinTTL != 0 {
				words = append(words, "min_ttl", peer.MinTTL)
			}
			if peer.MaxTTL != 255 {
				words = append(words, "max_ttl", peer.MaxTTL)
			}
			p.line(words...)
		}
		p.close()
	}
	p.authentication(vi)
	p.links(vi)
	p.garp(vi)
	p.number("debug", int64(vi.Debug), 0)
	p.number("timer_expired_backup", int64(vi.TimerExpiredBackup), 0)
	p.number("kernel_rx_buf_size", int64(vi.RXBufferBytes), 0)
	p.text("lvs_sync_daemon_interface", vi.SyncDaemonInterface)
	p.addresses("virtual_ipaddress", vi.VirtualAddresses)
	p.addresses("virtual_ipaddress_excluded", vi.ExcludedAddresses)
	p.routes("virtual_routes", vi.Routes)
	p.rules("virtual_rules", vi.Rules)
	p.trackInterfaces(vi.TrackInterfaces)
	p.tracking(&vi.Tracking)
	p.notify(&vi.Notify)
	p.close()
}
