package confparse

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
