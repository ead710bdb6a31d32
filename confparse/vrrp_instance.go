package confparse

import (
	"fmt"
	"net/netip"
	"slices"
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
	FaultExitDelay   time.Duration // fault_init_exit_delay
	DownTimerAdverts int           // down_timer_adverts, 3
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
	VRF                 string // of an instance without an interface
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
	HMACWithoutKey      bool   // auth_hmac cannot sign, see AuthHMAC.ActiveKey
	SyncDaemonInterface string // lvs_sync_daemon_interface
	Tracking            Tracking
	Notify              Notify
	Hooks               MasterHooks
}

var instancesRow = blocksRow("vrrp_instance", inInstance, (*decoder).instance,
	func(c *Config) []*VRRPInstance { return c.Instances },
	func(p *printer, vi *VRRPInstance) {
		instanceBlock.print(p, "vrrp_instance", string(vi.Name), newInstance(nil, vi))
	})

// instanceBlock is the rows of vrrp_instance.
var instanceBlock = slices.Concat(routerRows, electionRows, linkStateRows, transportRows, authenticationRows, linkRows, garpRows,
	blockOf[instanceScratch]{
		countRow("debug", whole(0, 4), 0, func(vi *instanceScratch) *int { return &vi.Debug }),
		timerExpired, timerExpired.asDeprecated("thread_timer_expired"),
		countRow("kernel_rx_buf_size", wholeStrict(0, maxUint32).withoutFatal(), 0,
			func(vi *instanceScratch) *uint32 { return &vi.RXBufferBytes }).because("vrrp_rx_bufs_policy"),
		wordRow("lvs_sync_daemon_interface", oneWord, func(vi *instanceScratch) *string { return &vi.SyncDaemonInterface }).
			deprecatedFor("lvs_sync_daemon"),
		virtualAddresses("virtual_ipaddress", func(vi *instanceScratch) *[]VirtualAddress { return &vi.VirtualAddresses }),
		virtualAddresses("virtual_ipaddress_excluded", func(vi *instanceScratch) *[]VirtualAddress { return &vi.ExcludedAddresses }),
		virtualRoutes,
		virtualRules,
		trackInterfaces(func(vi *instanceScratch) *[]TrackInterface { return &vi.TrackInterfaces }),
		including(trackingRows, (*instanceScratch).part),
		including(notifyRows, (*instanceScratch).part),
		preMaster, ensureMaster,
	})

// routerRows are the rows of vrrp_instance about which virtual router it is, and where.
var routerRows = blockOf[instanceScratch]{
	ownWordRow("state", oneWord, "BACKUP, or MASTER with priority 255", (*decoder).initialState,
		func(p *printer, vi *instanceScratch) {
			switch vi.State {
			case StateMaster:
				p.line("state MASTER")
			case StateBackup:
				p.line("state BACKUP")
			}
		}),
	ownWordRow("interface", oneWord, "", (*decoder).instanceLink,
		func(p *printer, vi *instanceScratch) { p.text("interface", vi.Interface) }),
	ownWordRow("vrf", oneWord, "", (*decoder).instanceVRF, func(p *printer, vi *instanceScratch) { p.text("vrf", vi.VRF) }),
	virtualRouterID(),
	inheritedCount("version", whole(2, 3), "vrrp_version; 3 for IPv6", func(vi *instanceScratch) *opt[uint8] { return &vi.version }).
		printed(func(p *printer, vi *instanceScratch) { p.line("version", vi.Version) }),
	actionRow("native_ipv6", "off", (*decoder).nativeIPv6, nil),
}

// electionRows are the rows of vrrp_instance about who becomes master, and when.
var electionRows = blockOf[instanceScratch]{
	priority(),
	advertInterval(),
	inheritedCount("down_timer_adverts", whole(1, 100), "vrrp_down_timer_adverts",
		func(vi *instanceScratch) *opt[int] { return &vi.downTimer }).
		printed(func(p *printer, vi *instanceScratch) { p.line("down_timer_adverts", vi.DownTimerAdverts) }),
	noted(flagRow("nopreempt", func(vi *instanceScratch) *bool { return &vi.NoPreempt }),
		func(vi *instanceScratch) **Node { return &vi.noPreemptAt }),
	actionRow("preempt", "on", func(_ *decoder, _ *Node, vi *instanceScratch) { vi.NoPreempt = false }, nil),
	preemptDelay(),
	durationRow("fault_init_exit_delay", decimal(0, 1000_000_000), func(vi *instanceScratch) *time.Duration { return &vi.FaultExitDelay }).from(ours),
	inheritedToggle("strict_mode", "vrrp_strict", func(vi *instanceScratch) *opt[bool] { return &vi.strict }).
		printed(func(p *printer, vi *instanceScratch) { p.line("strict_mode", onOff(vi.Strict)) }),
	actionRow("accept", "on unless strict", func(_ *decoder, _ *Node, vi *instanceScratch) { vi.accept.put(true) },
		func(p *printer, vi *instanceScratch) { p.flag(vi.Accept, "accept") }),
	actionRow("no_accept", "off", func(_ *decoder, _ *Node, vi *instanceScratch) { vi.accept.put(false) },
		func(p *printer, vi *instanceScratch) { p.flag(!vi.Accept, "no_accept") }),
	inheritedToggle("lower_prio_no_advert", "vrrp_lower_prio_no_advert",
		func(vi *instanceScratch) *opt[bool] { return &vi.lowerNoAdvert }).
		printed(func(p *printer, vi *instanceScratch) { p.line("lower_prio_no_advert", onOff(vi.LowerPriorityNoAdvert)) }),
	inheritedToggle("higher_prio_send_advert", "vrrp_higher_prio_send_advert",
		func(vi *instanceScratch) *opt[bool] { return &vi.higherSend }).
		printed(func(p *printer, vi *instanceScratch) {
			p.line("higher_prio_send_advert", onOff(vi.HigherPrioritySendAdvert))
		}),
	inheritedToggle("owner_ignore_adverts", "vrrp_owner_ignore_adverts",
		func(vi *instanceScratch) *opt[bool] { return &vi.ownerIgnore }).from("2.3.3").
		printed(func(p *printer, vi *instanceScratch) { p.line("owner_ignore_adverts", onOff(vi.OwnerIgnoreAdverts)) }),
	inheritedToggle("skip_check_adv_addr", "vrrp_skip_check_adv_addr",
		func(vi *instanceScratch) *opt[bool] { return &vi.skipCheck }).
		printed(func(p *printer, vi *instanceScratch) { p.line("skip_check_adv_addr", onOff(vi.SkipCheckAdvAddr)) }),
	inheritedToggle("v3_checksum_as_v2", "the global one", func(vi *instanceScratch) *opt[bool] { return &vi.checksumAsV2 }).from("2.2.8").
		printed(func(p *printer, vi *instanceScratch) { p.line("v3_checksum_as_v2", onOff(vi.ChecksumAsV2)) }),
}

// linkStateRows are the rows of vrrp_instance about its interface.
var linkStateRows = blockOf[instanceScratch]{
	flagRow("dont_track_primary", func(vi *instanceScratch) *bool { return &vi.DontTrackPrimary }),
	flagRow("track_src_ip", func(vi *instanceScratch) *bool { return &vi.TrackSource }),
	flagRow("no_virtual_ipaddress", func(vi *instanceScratch) *bool { return &vi.NoVirtualAddress }).from("2.2.8"),
	flagRow("promote_secondaries", func(vi *instanceScratch) *bool { return &vi.PromoteSecondaries }),
	flagRow("linkbeat_use_polling", func(vi *instanceScratch) *bool { return &vi.LinkbeatPolling }).
		deprecatedFor("linkbeat_interfaces"),
}

// virtualRouterID is a number that an instance must have; one that cannot be read is reported as missing where it stands.
func virtualRouterID() row[instanceScratch] {
	r := countRow("virtual_router_id", wholeStrict(1, 255), 0, func(vi *instanceScratch) *uint8 { return &vi.VirtualRouterID })
	r.bad = func(_ *decoder, at site) {
		vi := here[instanceScratch](at)
		vi.VirtualRouterID, vi.badVRID = 0, at.n
	}
	return r.because("")
}

// priority is 100 when it cannot be read, whatever the state.
func priority() row[instanceScratch] {
	r := inheritedCount("priority", wholeStrict(1, 255), "100; 255 with state MASTER",
		func(vi *instanceScratch) *opt[uint8] { return &vi.priority })
	r.bad = func(_ *decoder, at site) { here[instanceScratch](at).priority.put(100) }
	return r.printed(func(p *printer, vi *instanceScratch) { p.line("priority", vi.Priority) })
}

func advertInterval() row[instanceScratch] {
	r := durationRow("advert_int", decimal(10_000, 255_000_000), func(vi *instanceScratch) *time.Duration { return &vi.AdvertInterval })
	r.reset = func(vi *instanceScratch) { vi.AdvertInterval = time.Second }
	return noted(r.because("1"), func(vi *instanceScratch) **Node { return &vi.advertAt })
}

// preemptDelay is 0 when it cannot be read.
func preemptDelay() row[instanceScratch] {
	r := durationRow("preempt_delay", decimal(0, 1000_000_000), func(vi *instanceScratch) *time.Duration { return &vi.PreemptDelay })
	r.bad = func(_ *decoder, at site) { here[instanceScratch](at).PreemptDelay = 0 }
	return noted(r, func(vi *instanceScratch) **Node { return &vi.preemptDelayAt })
}

// timerExpired is a number that may be left out.
var timerExpired = ownRow("timer_expired_backup", "off; 254 when bare", func(d *decoder, n *Node, vi *instanceScratch) {
	vi.TimerExpiredBackup = uint8(d.optionalNumber(n, wholeStrict(1, 254), 254, int64(vi.TimerExpiredBackup)))
}, func(p *printer, vi *instanceScratch) {
	p.number("timer_expired_backup", int64(vi.TimerExpiredBackup), 0)
}).
	from("2.2.8")

// instanceScratch is a vrrp_instance in the making, with what only matters until its defaults are known.
type instanceScratch struct {
	*VRRPInstance
	watcher
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

	advertAt, noPreemptAt, preemptDelayAt, ttlAt, authAt *Node
}

// newInstance returns the scratch of vi, whose block is n.
func newInstance(n *Node, vi *VRRPInstance) *instanceScratch {
	return &instanceScratch{VRRPInstance: vi, node: n, watcher: watcher{string(vi.Name), &vi.Notify, &vi.Tracking}}
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
	vi := newInstance(n, &VRRPInstance{Range: n.RangeOf(n.Args[0]), Name: InstanceName(d.intern(n.Arg(0))),
		CheckUnicastSrc: d.gs.checkUnicast})
	d.instances[vi.Name] = vi
	d.order = append(d.order, vi)
	instanceBlock.decode(d, n, vi)
}

func (d *decoder) initialState(n *Node, s string, vi *instanceScratch) {
	switch s {
	case "MASTER":
		vi.wantMaster = true
	case "BACKUP":
		if vi.wantMaster {
			d.about(n, diag.CodeStateConflict, fmt.Sprintf("(%s) state previously set as MASTER - ignoring BACKUP",
				vi.Name), "")
			return
		}
		vi.wantBackup = true
	default:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord,
			fmt.Sprintf("(%s) unknown state '%s', defaulting to BACKUP", vi.Name, s), "use MASTER or BACKUP")
		vi.wantBackup = true
	}
}

// instanceLink is the interface of an instance: any but a loopback.
func (d *decoder) instanceLink(n *Node, s string, vi *instanceScratch) {
	switch {
	case s == "lo":
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadInterfaceName, fmt.Sprintf(
			"(%s) cannot use a loopback interface (%s) for vrrp - ignoring", vi.Name, s), "")
	case d.interfaceName(n, s):
		vi.Interface = s
	}
}

// vrfWithInterface explains why a vrf is not used.
const vrfWithInterface = "a vrf is for an instance without an interface, whose peers are unicast"

// instanceVRF is the vrf of an instance without an interface.
func (d *decoder) instanceVRF(n *Node, s string, vi *instanceScratch) {
	switch {
	case vi.Interface != "":
		d.about(n, diag.CodeIgnoredWord, fmt.Sprintf("(%s) Cannot specify VRF interface and interface - ignoring", vi.Name), vrfWithInterface)
	case vi.VRF != "":
		d.about(n, diag.CodeRepeated, fmt.Sprintf("(%s) VRF interface already specified as '%s' - ignoring", vi.Name, vi.VRF), "")
	case d.interfaceName(n, s):
		vi.VRF = s
	}
}

func (d *decoder) nativeIPv6(n *Node, vi *instanceScratch) {
	if len(vi.VirtualAddresses) > 0 && vi.VirtualAddresses[0].Prefix.Addr().Is4() {
		d.about(n, diag.CodeFamilyMismatch, fmt.Sprintf("(%s) Cannot specify native_ipv6 with IPv4 addresses", vi.Name), "")
		return
	}
	d.about(n, diag.CodeNativeIPv6, fmt.Sprintf("(%s) native_ipv6 is deprecated; the addresses decide the family",
		vi.Name), "")
	vi.nativeIPv6 = true
	vi.version.put(3)
}
