// Package confparse gives the statements of keepalived.conf their meaning: Tree → Config, with every problem reported as
// a Diagnostic that has a place. Nothing acts on a Config that has a fatal diagnostic. Package syntax makes the Tree.
package confparse

import (
	"net/netip"
	"time"
)

// Config is a whole configuration with every default applied. It says what the operator wrote and where; what the
// world must look like is derived from it by each part's FromConfig. It is never changed after Load returns it.
type Config struct {
	Global         Global
	Instances      []*VRRPInstance  // in file order
	SyncGroups     []*SyncGroup     // in file order
	VirtualServers []*VirtualServer // in file order
	Groups         []*VirtualServerGroup

	Scripts         []*TrackScript
	Processes       []*TrackProcess
	Files           []*TrackFile
	BFD             []*BFDInstance
	TrackGroups     []*TrackGroup
	GARPGroups      []*GARPGroup
	StaticAddresses []StaticAddress
	StaticRoutes    []Route
	StaticRules     []Rule
	Linkbeat        []LinkbeatInterface
	InterfaceDelays []InterfaceDelay
	TLS             TLSMaterial // SSL

	Inputs *Inputs // what was read
	Known  *Known  // what the next Load need not read again
}

// Global is the global_defs block and the root scalars.
type Global struct {
	RouterID          string     // router_id; the host name when unset
	VRRPVersion       uint8      // vrrp_version: 2 (default) or 3, for IPv4 instances without a version of their own
	VRRPMulticast4    netip.Addr // vrrp_mcast_group4; 224.0.0.18
	VRRPMulticast6    netip.Addr // vrrp_mcast_group6; ff02::12
	VRRPStartupDelay  time.Duration
	LVSFlush          bool // lvs_flush: clear the kernel's whole table at start
	LVSFlushOnStop    LVSFlushOnStop
	LogAllFailures    bool // checker_log_all_failures
	DynamicInterfaces bool // dynamic_interfaces: an interface may be missing at start

	AllowInterfaceChanges bool // dynamic_interfaces allow_if_changes
	VRRPDelayAfterBoot    time.Duration
	DefaultInterface      string // default_interface, eth0: of static addresses without dev
	DisableLocalIGMP      bool
	ChecksumAsV2          bool          // v3_checksum_as_v2
	GARPInterval          time.Duration // vrrp_garp_interval
	GNAInterval           time.Duration // vrrp_gna_interval
	MinGARP               bool          // vrrp_min_garp
	ExtraGARP             time.Duration // vrrp_garp_extra_if; 0 = off
	ExtraGARPAll          bool
	LogUnknownVRIDs       bool
	OwnerIgnoreAdverts    bool
	VMACPrefix            string // vrrp
	VMACAddressPrefix     string
	RXBuffers             RXBufferPolicy
	RXBufferBytes         uint32
	RXBufferMultiplier    uint32 // 3
	NotifyPriorityChanges bool
	StatesOnReload        bool // fifo_write_vrrp_states_on_reload
	RSInitNotifies        bool

	LVSTimeouts  LVSTimeouts
	SyncDaemon   SyncDaemon
	NFTables     NFTables
	IPTables     NFTables // vrrp_iptables, vrrp_ipsets
	IPVSFirewall IPVSFirewall

	NotifyFIFO, VRRPFIFO, LVSFIFO FIFO

	Mail   Mail
	SNMP   SNMP
	DBus   DBus
	Daemon Daemon

	VRRPScheduling, CheckerScheduling, BFDScheduling Scheduling

	VRRPCommandBuffer, VRRPMonitorBuffer, LVSCommandBuffer, LVSMonitorBuffer, ProcessBuffer BufferSize
}

// LVSFlushOnStop is what lvs_flush_on_stop asks for when the daemon stops.
type LVSFlushOnStop uint8

// The values of lvs_flush_on_stop.
const (
	FlushOnStopOff LVSFlushOnStop = iota // remove own services one by one
	FlushOnStopAll                       // one flush, foreign services included
	FlushOnStopVS                        // delete each own service
)

// InitialState is the state keyword of a vrrp_instance.
type InitialState uint8

// The values of state. StateUnset behaves as MASTER for priority 255 and as BACKUP otherwise.
const (
	StateUnset InitialState = iota
	StateMaster
	StateBackup
)

// AuthType is auth_type of a VRRPv2 instance, numbered as on the wire (RFC 3768 §5.3.6).
type AuthType uint8

// The authentication types.
const (
	AuthNone AuthType = 0
	AuthPass AuthType = 1
	AuthAH   AuthType = 2
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

// VMAC is use_vmac: a macvlan interface with the virtual router's MAC address (RFC 9568 §7.3).
type VMAC struct {
	Enabled       bool
	Interface     string // "" = vrrp.VRID
	MAC           [6]byte
	MACIsSet      bool
	TransmitBase  bool // vmac_xmit_base
	Addresses     bool // use_vmac_addr
	NetlinkNotify bool
	Group         string
}

// IPVLAN is use_ipvlan.
type IPVLAN struct {
	Enabled   bool
	Interface string
	Addr      netip.Prefix
	Mode      string // bridge, private or vepa
	Group     string
}

// AuthHMAC is auth_hmac, an extension of keepalived 2.4.
type AuthHMAC struct {
	Range       Range
	Keys        []HMACKey
	ActiveKey   uint8
	TimeWindow  time.Duration // 0 = from the interval
	Monotonic   bool          // anti_replay monotonic
	Permissive  bool          // mode permissive
	ReceiveOnly bool          // mode receive-only
}

// HMACKey is one key of auth_hmac, as written: text, hex:… or file:….
type HMACKey struct {
	ID   uint8
	Text string
}

// UnicastPeer is one line of unicast_peer.
type UnicastPeer struct {
	Range  Range
	Addr   netip.Addr
	MinTTL int // 0
	MaxTTL int // 255
}

// VirtualAddress is one line of virtual_ipaddress or virtual_ipaddress_excluded.
type VirtualAddress struct {
	Range     Range
	Prefix    netip.Prefix // /32 or /128 when no length was written
	Interface string       // dev; the instance's interface when unset
	Scope     uint8        // rtnetlink scope: 0 global, 200 site, 253 link, 254 host, 255 nowhere
	Label     string       // IPv4 only
	Broadcast netip.Addr   // brd; invalid = none
	Peer      netip.Prefix // peer; invalid = none

	Flags             AddressFlags
	NoTrack           bool   // its loss does not mean FAULT
	UseVMAC           bool   // use_vmac: on a VMAC of its interface
	PreferredLifetime uint32 // seconds; 4294967295 = forever, 0 = deprecated at once
}

// AddressFlags are the kernel's IFA_F_* of an address.
type AddressFlags uint32

// The address flags that can be asked for.
const (
	AddressNoDAD         AddressFlags = 0x02 // IPv6 unless -nodad
	AddressHome          AddressFlags = 0x10
	AddressManageTemp    AddressFlags = 0x100
	AddressNoPrefixRoute AddressFlags = 0x200
	AddressMCAutoJoin    AddressFlags = 0x400
)

// TrackInterface is one line of track_interface.
type TrackInterface struct {
	Range     Range
	Interface string
	Weight    int // -253..253; 0 = down means FAULT
	Reverse   bool
}

// GARP is the gratuitous ARP schedule of an instance, the vrrp_garp_* globals already merged in.
type GARP struct {
	MasterDelay         time.Duration // garp_master_delay, 5 s; 0 = no second round
	MasterRepeat        int           // garp_master_repeat, 5
	MasterRefresh       time.Duration // garp_master_refresh, 0 = off
	MasterRefreshRepeat int           // garp_master_refresh_repeat, 1
	LowerPrioDelay      time.Duration // garp_lower_prio_delay, = MasterDelay
	LowerPrioRepeat     int           // garp_lower_prio_repeat, = MasterRepeat; 0 = none
	Interval            time.Duration // vrrp_garp_interval, least spacing per interface, 0
}

// SyncGroup is a vrrp_sync_group block.
type SyncGroup struct {
	Range   Range
	Name    GroupName
	Members []InstanceName

	TrackInterfaces []TrackInterface
	Tracking        Tracking
	TrackingWeight  bool // sync_group_tracking_weight
	Notify          Notify
}
