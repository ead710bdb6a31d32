package confparse

import (
	"net/netip"
	"time"
)

// Switch is a boolean setting that may be left to a more general one.
type Switch uint8

// The values of a Switch.
const (
	Unset Switch = iota
	On
	Off
)

// Or returns s as a boolean, and def when it is unset.
func (s Switch) Or(def bool) bool {
	switch s {
	case On:
		return true
	case Off:
		return false
	}
	return def
}

func switchOf(v bool) Switch {
	if v {
		return On
	}
	return Off
}

// Account is who a program is run as.
type Account struct {
	User          string // "" = the default account
	Group         string // "" = the user's primary group
	Supplementary bool   // a group written as :GROUP, or : alone, keeps the user's supplementary groups
}

// Script is a program to run. A zero Script (no Argv) means that there is none.
type Script struct {
	Range   Range
	Argv    []string
	Account Account
}

// FIFO is a named pipe that receives events.
type FIFO struct {
	Path    string // "" = none
	Account Account
	Script  Script // the program that reads it
}

// Mail is how alerts are sent.
type Mail struct {
	From       string // notification_email_from: an address, or a name and <address>
	Recipients []string
	ServerHost string // smtp_server as written; "" = no mail
	ServerPort uint16 // 25
	HELO       string // smtp_helo_name; the host name
	Timeout    time.Duration
	Alerts     Switch // smtp_alert
	VRRP       Switch // smtp_alert_vrrp
	Checkers   Switch // smtp_alert_checker
	NoFaults   bool   // no_email_faults
	NoCheckers bool   // no_checker_emails
}

// Scheduling is how one of keepalived's processes wants the CPU.
type Scheduling struct {
	Nice       int           // -20..19
	RealTime   int           // SCHED_RR priority, 1..99; 0 = off
	RTTime     time.Duration // RLIMIT_RTTIME
	NoSwap     bool
	Affinity   []int // CPUs; nil = all
	NiceIsSet  bool
	RTTimeSet  bool
	AutoRTMax  int // max_auto_priority, for the VRRP part only
	AutoRTWait time.Duration
}

// NFTables is how the program may use the firewall.
type NFTables struct {
	Table    string // "" = off
	Priority int32  // -1
	IfIndex  bool   // nftables_ifindex
	Counters bool   // nftables_counters
	Chains   []string
	Sets     []string
}

// IPVSFirewall is nftables_ipvs: address groups as one firewall mark each.
type IPVSFirewall struct {
	Table     string // "" = off
	Priority  int32  // -1
	FirstMark uint32 // 1000
}

// LVSTimeouts are the connection timeouts of the kernel; 0 = leave as they are.
type LVSTimeouts struct {
	TCP, TCPFin, UDP time.Duration
	IsSet            bool
}

// SyncDaemon is lvs_sync_daemon: the kernel threads that share connections between directors.
type SyncDaemon struct {
	Range     Range
	Interface string       // "" = none
	Instance  InstanceName // whose state decides between master and backup; "" = both run
	ID        int          // -1 = the instance's virtual router id, 0 without one
	MaxLen    uint16       // 0 = the kernel's
	Port      uint16       // 8848
	TTL       uint8        // 1
	Group     netip.Addr   // 224.0.0.81
}

// SNMP is what the agent offers.
type SNMP struct {
	Socket                         string
	Traps, VRRP, RFCv2, RFCv3, LVS bool
	VSInterval, RSInterval         time.Duration // cache age of statistics; RSInterval 0 = as VSInterval
}

// DBus is the D-Bus service.
type DBus struct {
	Enabled         bool
	ServiceName     string // org.keepalived.Vrrp1
	NoInterfaceName string // none
}

// BufferSize is a socket buffer setting.
type BufferSize struct {
	Bytes uint32 // 0 = the system's
	Force bool   // beyond rmem_max
}

// RXBufferPolicy is vrrp_rx_bufs_policy.
type RXBufferPolicy uint8

// The receive buffer policies.
const (
	RXBufferDefault RXBufferPolicy = iota
	RXBufferMTU
	RXBufferAdvert
	RXBufferBytes
)

// Daemon is what global_defs and the root scalars say about the program itself.
type Daemon struct {
	NetNamespace        string // net_namespace
	IPVSNamespace       string // net_namespace_ipvs
	IPVSNamespaceSet    bool
	NamespaceWithIPSets bool
	Instance            string // instance: part of pid and dump file names
	UsePIDDir           bool
	LinkbeatPolling     bool
	ChildWaitTime       time.Duration
	ProcessNames        bool
	ProcessName         string
	VRRPProcessName     string
	CheckerProcessName  string
	BFDProcessName      string
	UseSymlinkPaths     bool
	SupplementaryGroups bool // set_supplementary_groups
	Startup, Shutdown   Script
	StartupTimeout      time.Duration
	ShutdownTimeout     time.Duration
	ScriptAccount       Account // script_user
	ScriptSecurity      bool    // enable_script_security
	Umask               uint32
	UmaskSet            bool
	RandomSeed          uint32
	ReloadCheck         bool   // reload_check_config
	ReloadCheckLog      string // its log file
	ReloadTimeFile      string
	ReloadRepeat        bool
	ReloadFile          string
	ReloadFileSet       bool
	ConfigSaveDir       string
	TmpConfigDir        string
	DataUseInstance     bool
	JSONVersion         int // 1
	IPRouteUsrDir       string
	IPRouteEtcDir       string
	StateDumpFile       string
	StatsDumpFile       string
	JSONDumpFile        string
}
