package confparse

import (
	"time"
)

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
