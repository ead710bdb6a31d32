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
