package vrrp

import (
	"net/netip"
	"time"

	"vigil/confparse"
)

// Spec is the desired state of all virtual routers: fully defaulted, without positions, never changed.
type Spec struct {
	Instances map[confparse.InstanceName]InstanceSpec
	Groups    map[confparse.GroupName]GroupSpec
	Order     []confparse.InstanceName // configuration order, which decides the order of actions
	// StartupDelay is vrrp_startup_delay.
	StartupDelay time.Duration
}

// InstanceSpec is the desired state of one virtual router.
type InstanceSpec struct {
	Name             confparse.InstanceName
	Link             string // interface name
	VRID             uint8
	Family           confparse.Family
	Version          uint8
	Priority         uint8 // configured; 255 = address owner
	StartMaster      bool  // an owner that wants MASTER at once
	AdvertInterval   time.Duration
	DownTimerAdverts int // 3
	NoPreempt        bool
	PreemptDelay     time.Duration
	AuthType         confparse.AuthType
	AuthData         [8]byte    // auth_pass, zero padded
	Source           netip.Addr // mcast_src_ip or unicast_src_ip; invalid = the link's first own address
	Group            netip.Addr // multicast group; invalid on a unicast instance
	Peers            []netip.Addr
	TTL              uint8 // 255
	CheckUnicastSrc  bool
	SkipCheckAdvAddr bool
	TrackLink        bool      // own interface down means FAULT (dont_track_primary unset)
	Addresses        []Address // advertised
	Excluded         []Address // installed and announced, not advertised
	TrackInterfaces  []TrackSpec
	GARP             confparse.GARP

	LowerPriorityNoAdvert    bool
	HigherPrioritySendAdvert bool
}

// Address is one virtual address to install.
type Address struct {
	Prefix    netip.Prefix
	Link      string // interface it goes on
	Scope     uint8
	Label     string
	Broadcast netip.Addr
	Peer      netip.Prefix
}

// TrackSpec is one tracked interface.
type TrackSpec struct {
	Interface string
	Weight    int
	Reverse   bool
}

// GroupSpec is the desired state of one sync group.
type GroupSpec struct {
	Name    confparse.GroupName
	Members []confparse.InstanceName
}

// InstanceKey is the identity of a virtual router across a reload: when it stays, state is kept whatever else changed.
type InstanceKey struct {
	Link    string
	VRID    uint8
	Family  confparse.Family
	Version uint8
	Unicast bool
	Source  netip.Addr // unicast only
	Group   netip.Addr // multicast only
}
