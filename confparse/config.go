// Package confparse reads keepalived.conf: text → Tree → Config, with every problem reported as a Diagnostic that
// has a place. It imports nothing of this module, and nothing acts on a Config that has a fatal diagnostic.
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

	Inputs *Inputs // what was read
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
}

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
}

// Forwarding is lb_kind / lvs_method, numbered as the kernel's IP_VS_CONN_F_* method.
type Forwarding uint8

// The forwarding methods.
const (
	NAT Forwarding = 0
	TUN Forwarding = 2
	DR  Forwarding = 3
)

// SchedulerFlags are the kernel's per-service scheduler flags (IP_VS_SVC_F_*).
type SchedulerFlags uint32

// The flags; sh-fallback/mh-fallback are Flag1, sh-port/mh-port are Flag2.
const (
	SchedulerFlag1 SchedulerFlags = 0x0008
	SchedulerFlag2 SchedulerFlags = 0x0010
	SchedulerFlag3 SchedulerFlags = 0x0020
)

// VirtualServer is a virtual_server block.
type VirtualServer struct {
	Range Range
	ID    VirtualServerID

	Scheduler              string // lb_algo, wlc by default
	SchedulerFlags         SchedulerFlags
	Forwarding             Forwarding
	OnePacket              bool          // ops
	PersistenceTimeout     time.Duration // 0 = off
	PersistenceGranularity uint32        // IPv4: the mask (255.255.255.0 = 0xffffff00), IPv6: the prefix length
	PersistenceEngine      string
	Quorum                 uint32 // 1
	Hysteresis             uint32
	Alpha                  bool
	Omega                  bool
	HASuspend              bool
	VirtualHost            string // virtualhost
	SorryServer            *SorryServer
	RealServers            []*RealServer
}

// SorryServer is sorry_server with its modifiers.
type SorryServer struct {
	Range      Range
	Addr       netip.Addr
	Port       uint16
	Forwarding Forwarding
	Inhibit    bool
}

// RealServer is a real_server block.
type RealServer struct {
	Range Range
	ID    RealServerID

	Forwarding       Forwarding
	Weight           int32
	UpperThreshold   uint32
	LowerThreshold   uint32
	InhibitOnFailure bool
	VirtualHost      string
	Checkers         []*Checker
}

// CheckerKind is the kind of a health checker.
type CheckerKind uint8

// The checker kinds.
const (
	TCPCheck CheckerKind = iota + 1
	HTTPGet
	SSLGet
	SMTPCheck
	DNSCheck
	MiscCheck
	BFDCheck
	UDPCheck
	PingCheck
	FileCheck
)

var checkerKeywords = [...]string{"", "TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "MISC_CHECK",
	"BFD_CHECK", "UDP_CHECK", "PING_CHECK", "FILE_CHECK"}

// String returns the keyword of the block, such as TCP_CHECK.
func (k CheckerKind) String() string {
	if int(k) < len(checkerKeywords) {
		return checkerKeywords[k]
	}
	return ""
}

// Checker is one checker block of a real server, inheritance from real and virtual server already applied.
type Checker struct {
	Range Range
	Kind  CheckerKind

	Alpha            bool
	DelayLoop        time.Duration
	Warmup           time.Duration
	Retry            uint32 // further attempts after the first failure
	DelayBeforeRetry time.Duration
	LogAllFailures   bool
	Connect          Connect
	HTTP             *HTTPCheck // HTTPGet and SSLGet
}

// Connect is how a socket checker reaches its target.
type Connect struct {
	Addr          netip.Addr // connect_ip, else the real server's address
	Port          uint16     // connect_port, else the real server's port as written
	Timeout       time.Duration
	BindAddr      netip.Addr // bindto
	BindPort      uint16     // bind_port
	BindInterface string     // bind_if
	Fwmark        uint32     // SO_MARK; 0 = none
}

// HTTPCheck is what HTTP_GET and SSL_GET have beyond a connection.
type HTTPCheck struct {
	VirtualHost  string // the Host header of urls without their own: checker, real server, virtual server; "" = IP:PORT
	Protocol     HTTPProtocol
	FastRecovery bool
	URLs         []URL
}

// HTTPProtocol is http_protocol.
type HTTPProtocol uint8

// The request forms: 1.0, 1.0 with "Connection: close", 1.1 with "Connection: close".
const (
	HTTP10  HTTPProtocol = iota // default
	HTTP10C                     // 1.0C
	HTTP11                      // 1.1
)

// URL is one url block.
type URL struct {
	Range       Range
	Path        string
	Digest      string // 32 lower-case hex digits, or ""
	StatusCodes []StatusRange
	VirtualHost string
}

// StatusRange is an inclusive range of HTTP status codes.
type StatusRange struct{ First, Last uint16 }
