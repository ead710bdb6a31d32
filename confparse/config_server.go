package confparse

import (
	"net/netip"
	"time"
)

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
	ID    VirtualServerID // its family is unknown when a group has entries of both

	// Unchanged says that the server is exactly what it was in the Config that Env.Known came from. Nothing else is
	// filled in then.
	Unchanged bool

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

	Tunnel     Tunnel
	SNMPName   string
	Mail       Switch // smtp_alert
	QuorumUp   *Script
	QuorumDown *Script
}

// TunnelType is the encapsulation of a TUN service, numbered as the kernel's IP_VS_CONN_F_TUNNEL_TYPE_*.
type TunnelType uint8

// The tunnel types.
const (
	IPIP TunnelType = iota
	GUE
	GRE
)

// TunnelFlags are the kernel's IP_VS_TUNNEL_ENCAP_FLAG_*.
type TunnelFlags uint8

// The tunnel checksum flags.
const (
	NoChecksum     TunnelFlags = 0
	Checksum       TunnelFlags = 1
	RemoteChecksum TunnelFlags = 2
)

// Tunnel is how a TUN service wraps its packets.
type Tunnel struct {
	Type  TunnelType
	Flags TunnelFlags
	Port  uint16 // GUE only
}

// VirtualServerGroup is a virtual_server_group block.
type VirtualServerGroup struct {
	Range   Range
	Name    string
	Entries []GroupEntry
}

// GroupEntry is one line of a virtual_server_group: a range of addresses with a port, or a firewall mark.
type GroupEntry struct {
	Range       Range
	First, Last netip.Addr
	Port        uint16
	Fwmark      uint32 // 0 = an address entry
	Family      Family // of a mark, when given
}

// TLSMaterial is the SSL block.
type TLSMaterial struct {
	Range                     Range
	Password, CA, Certificate string
	Key                       string
	IsSet                     bool
}

// SorryServer is sorry_server with its modifiers.
type SorryServer struct {
	Range      Range
	Addr       netip.Addr
	Port       uint16
	Forwarding Forwarding
	Inhibit    bool
	Tunnel     Tunnel
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

	Tunnel     Tunnel
	SNMPName   string
	Mail       Switch // smtp_alert
	NotifyUp   *Script
	NotifyDown *Script
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

	Detail any // *SMTPDetail, *DNSDetail, *MiscDetail, *UDPDetail, *FileDetail or *BFDDetail, by Kind; else nil
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
	SNI          bool   // enable_sni
	SNIName      string // sni_name
	CloseNotify  bool   // tls_compliant
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
	Regex       *Regex
	CloseNotify bool // tls_compliant
}

// StatusRange is an inclusive range of HTTP status codes.
type StatusRange struct{ First, Last uint16 }
