package confparse

import (
	"net/netip"
	"time"
)

// TrackScript is a vrrp_script block.
type TrackScript struct {
	Range    Range
	Name     string
	Script   Script
	Interval time.Duration // 1 s
	Timeout  time.Duration // the interval
	Weight   int           // -253..253; 0 = failure means FAULT
	Reverse  bool
	Rise     int // 1
	Fall     int // 1
	InitFail bool
}

// ParamMatch is how vrrp_track_process compares parameters.
type ParamMatch uint8

// The ways to compare parameters.
const (
	MatchNone    ParamMatch = iota // by name only
	MatchExact                     // all parameters, no more
	MatchInitial                   // the first parameters
	MatchPartial                   // the last listed one may be a beginning
)

// TrackProcess is a vrrp_track_process block.
type TrackProcess struct {
	Range          Range
	Name           string
	Process        string
	Params         []string
	Match          ParamMatch
	FullCommand    bool
	Weight         int // -254..254
	Reverse        bool
	Quorum         uint32 // 1
	QuorumMax      uint32 // 4294967295 = none
	TerminateDelay time.Duration
	ForkDelay      time.Duration
}

// TrackFile is a track_file block.
type TrackFile struct {
	Range     Range
	Name      string
	Path      string
	Weight    int // 1; 0 = a value other than 0 means FAULT
	Reverse   bool
	Init      bool // init_file: write InitValue at start
	InitValue int
	Overwrite bool
}

// BFDInstance is a bfd_instance block.
type BFDInstance struct {
	Range      Range
	Name       string
	Neighbor   netip.Addr
	Source     netip.Addr    // invalid = any
	MinRX      time.Duration // 10 ms
	MinTX      time.Duration // 10 ms
	IdleTX     time.Duration // 1 s
	Multiplier uint8         // 5
	Passive    bool
	TTL        uint8 // 255 for IPv4, 64 for IPv6
	MaxHops    int   // -1 = do not check
	Multihop   bool
	Weight     int
	Reverse    bool
	VRRP       bool // events go to instances
	Checkers   bool // events go to checkers
}

// Tracked is one line of track_script, track_file, track_process or track_bfd.
type Tracked struct {
	Range   Range
	Name    string
	Weight  int // the definition's unless given here
	Reverse bool
}

// Tracking is what an instance or a group watches besides interfaces.
type Tracking struct {
	Scripts   []Tracked
	Files     []Tracked
	Processes []Tracked
	BFD       []Tracked
}

// TrackGroup is a track_group block: the instances that watch a static address, route or rule.
type TrackGroup struct {
	Range   Range
	Name    string
	Members []InstanceName
}

// GARPGroup is a garp_group block: interfaces that share a pace of announcements.
type GARPGroup struct {
	Range        Range
	GARPInterval time.Duration
	GNAInterval  time.Duration
	Interfaces   []string
	Shared       bool // interfaces{}: one limit for all of them
}

// InterfaceDelay is one line of interface_up_down_delays.
type InterfaceDelay struct {
	Range     Range
	Interface string
	Down, Up  time.Duration
}

// LinkbeatInterface is one line of linkbeat_interfaces.
type LinkbeatInterface struct {
	Range     Range
	Interface string
	Method    string // MII, ETHTOOL, IOCTL or "" for whatever works
}

// Notify is the scripts of an instance or a group.
type Notify struct {
	Backup, Master, Fault, Stop, Any Script
	Deleted                          Script
	DeletedSet                       bool
	MasterRxLowerPrio                Script
	PriorityChanges                  Switch // notify_priority_changes
	Mail                             Switch // smtp_alert
}

// StaticAddress is one line of static_ipaddress.
type StaticAddress struct {
	VirtualAddress
	TrackGroup string
}
