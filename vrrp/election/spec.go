package election

import (
	"net/netip"
	"slices"
	"time"

	"vigil/confparse"
	"vigil/internal/routing"
	"vigil/internal/track"
	"vigil/vrrp/wire"
)

// Spec is the desired state of all virtual routers: fully defaulted, without positions, never changed.
type Spec struct {
	// Instances are in configuration order, which decides the order of actions. Their names are unique.
	Instances []InstanceSpec
	// Groups are in configuration order, and their names unique. An instance is a member of one of them at most.
	Groups []GroupSpec
	// Statics are what is in place besides, in the order in which it is installed.
	Statics []Static
	// StartupDelay is vrrp_startup_delay.
	StartupDelay time.Duration
	// DelayAfterBoot is vrrp_delay_after_boot: the same, from the boot of the machine on. The longer one counts.
	DelayAfterBoot time.Duration
	// LinkDelays are interface_up_down_delays, at most one for each link.
	LinkDelays []LinkDelay
	// Linkbeat are the links whose drivers are asked for their state (linkbeat_interfaces); with LinkbeatAll every one that is
	// used (linkbeat_use_polling).
	Linkbeat    []Linkbeat
	LinkbeatAll bool
	// LogUnknownVRIDs has adverts of virtual routers that are none of ours reported, once each (log_unknown_vrids).
	LogUnknownVRIDs bool
	// Host is what concerns the host as a whole. It is the zero value unless something needs it.
	Host HostSettings
	// Paces are of interfaces that have their own pace of announcements. No interface is in two of them.
	Paces []Pace
}

// Linkbeat is a link whose driver is asked, and how: MII, ETHTOOL, IOCTL or "" for what it understands.
type Linkbeat struct{ Link, Method string }

// LinkDelay is how long a link must be down, or up, before that counts.
type LinkDelay struct {
	Link     string
	Down, Up time.Duration
}

// InstanceSpec is the desired state of one virtual router.
type InstanceSpec struct {
	Name             confparse.InstanceName
	Link             string // interface name; "" of a unicast router that is where its Source is
	VRF              string // without Link: what its adverts are routed in; "" = the usual tables
	VRID             uint8
	Family           confparse.Family
	Version          uint8
	Priority         uint8 // configured; 255 = address owner
	StartMaster      bool  // an owner that wants MASTER at once
	AdvertInterval   time.Duration
	DownTimerAdverts int // 3
	NoPreempt        bool
	PreemptDelay     time.Duration
	PreemptWhen      track.ID      // must be up before a living master of lower priority is replaced; the zero ID: nothing must
	FaultExitDelay   time.Duration // fault_init_exit_delay: nobody is listened to for so long after the start and after FAULT
	AuthType         wire.AuthType
	AuthData         [8]byte    // auth_pass, zero padded
	Source           netip.Addr // mcast_src_ip or unicast_src_ip; invalid = the link's first own address; never without Link
	Group            netip.Addr // multicast group; invalid on a unicast instance
	Peers            []netip.Addr
	PeerTTLs         []TTLRange // of Peers, by index; used with CheckUnicastSrc
	TTL              uint8      // 255
	CheckUnicastSrc  bool
	SkipCheckAdvAddr bool
	TrackLink        bool        // own interface down means FAULT (dont_track_primary unset)
	Addresses        []Address   // advertised
	Excluded         []Address   // installed and announced, not advertised
	Routes           []Route     // installed after the addresses
	Rules            []Rule      // installed last
	Promote          bool        // promote_secondaries, on Link
	Trackers         []TrackSpec // those of its sync group too
	GARP             confparse.GARP
	Told             Audience
	Hooks            Hooks
	OnLoss           LossPolicy // of an operator's option, the same of all

	LowerPriorityNoAdvert    bool
	HigherPrioritySendAdvert bool

	ProtocolSpec

	VMAC         VirtualLink   // of use_vmac or use_ipvlan; Kind NoLink without
	TransmitBase bool          // vmac_xmit_base: adverts leave and arrive by Link all the same
	AddressLinks []VirtualLink // of addresses that are on a virtual link, beside VMAC
	NoAccept     bool          // what is sent to the addresses is not accepted (no_accept)

	// ExtraGARP is how often addresses on other virtual links, or with ExtraGARPAll on any other interface, are announced
	// (garp_extra_if); 0 = never.
	ExtraGARP    time.Duration
	ExtraGARPAll bool
}

// TTLRange is the inclusive range of TTLs accepted from a unicast peer (min_ttl, max_ttl).
type TTLRange struct{ Min, Max uint8 }

// Address is one virtual address to install.
type Address struct {
	Prefix netip.Prefix
	Link   string // interface it goes on
	// MAC is of the virtual link on Link that it goes on instead; zero = none. The shell, which knows the name of that,
	// makes it Link.
	MAC       [6]byte
	Options   routing.AddressOptions
	NoTrack   bool // nobody cares when it is lost
	Scope     uint8
	Label     string
	Broadcast netip.Addr
	Peer      netip.Prefix
}

// Resource is something a virtual router has in place while it is MASTER. Resources are comparable, and equal ones are
// the same. An Address is one, a Route and a Rule are others.
type Resource interface{ resource() }

func (Address) resource() {}

// TrackSpec is one reference to a tracked object.
type TrackSpec struct {
	ID      track.ID
	Weight  int
	Reverse bool
}

// GroupSpec is the desired state of one sync group.
type GroupSpec struct {
	Name    confparse.GroupName
	Members []confparse.InstanceName
	Told    Audience
}

// Equal reports whether g and h ask for the same.
func (g GroupSpec) Equal(h GroupSpec) bool {
	return g.Name == h.Name && slices.Equal(g.Members, h.Members) && g.Told == h.Told
}

// InstanceKey is the identity of a virtual router across a reload: when it stays, state is kept whatever else changed.
type InstanceKey struct {
	Link    string
	VRF     string
	VRID    uint8
	Family  confparse.Family
	Version uint8
	Unicast bool
	Source  netip.Addr // unicast only
	Group   netip.Addr // multicast only
	AH      bool       // another protocol over IP

	VMAC         VirtualLinkKey
	TransmitBase bool
}

// Key returns the identity of the virtual router.
func (s InstanceSpec) Key() InstanceKey {
	k := InstanceKey{Link: s.Link, VRF: s.VRF, VRID: s.VRID, Family: s.Family, Version: s.Version, Unicast: s.Unicast(),
		AH:   s.AuthType == wire.AuthAH,
		VMAC: s.VMAC.Key(), TransmitBase: s.TransmitBase}
	if k.Unicast {
		k.Source = s.Source
	} else {
		k.Group = s.Group
	}
	return k
}

// All returns the addresses of the virtual router: those it advertises, then the excluded ones.
func (s InstanceSpec) All() []Address { return slices.Concat(s.Addresses, s.Excluded) }

// Resources returns what the virtual router has in place while it is MASTER, in the order of installation.
func (s InstanceSpec) Resources() []Resource {
	var list []Resource
	if s.NoAccept && s.Priority != OwnerPriority {
		for _, a := range s.All() {
			list = append(list, NoAccept{Addr: a.Prefix.Addr(), Link: a.Link})
		}
	}
	if s.Promote {
		list = append(list, Promote{s.Link})
	}
	for _, a := range s.All() {
		list = append(list, a)
	}
	for _, r := range s.Routes {
		list = append(list, r)
	}
	for _, r := range s.Rules {
		list = append(list, r)
	}
	return list
}

// announcementOrder is All with addresses on other interfaces before those on the router's own. With address translation
// they are the gateway of the real servers: answers must find their way back to the new master before the first request
// comes to it.
func (s InstanceSpec) announcementOrder() []Address {
	addrs := s.All()
	own := func(a Address) int {
		if a.Link == s.Link {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(addrs, func(a, b Address) int { return own(a) - own(b) })
	return addrs
}

// Tracked lists the objects whose values matter to the router. One may occur more than once.
func (s InstanceSpec) Tracked() []track.ID {
	list := make([]track.ID, 0, len(s.Trackers)+1)
	for _, t := range s.Trackers {
		list = append(list, t.ID)
	}
	if s.PreemptWhen != (track.ID{}) {
		list = append(list, s.PreemptWhen)
	}
	return list
}

// Unicast reports whether adverts go to configured peers instead of the multicast group.
func (s InstanceSpec) Unicast() bool { return len(s.Peers) > 0 }

// Equal reports whether s and t ask for the same, so that applying t after s would do nothing.
func (s InstanceSpec) Equal(t InstanceSpec) bool {
	return s.Name == t.Name && s.Key() == t.Key() && s.Source == t.Source && s.Group == t.Group &&
		s.Priority == t.Priority && s.StartMaster == t.StartMaster && s.AdvertInterval == t.AdvertInterval &&
		s.DownTimerAdverts == t.DownTimerAdverts && s.NoPreempt == t.NoPreempt && s.PreemptDelay == t.PreemptDelay && s.PreemptWhen == t.PreemptWhen && s.FaultExitDelay == t.FaultExitDelay &&
		s.AuthType == t.AuthType && s.AuthData == t.AuthData && s.TTL == t.TTL &&
		slices.Equal(s.Peers, t.Peers) && slices.Equal(s.PeerTTLs, t.PeerTTLs) &&
		s.CheckUnicastSrc == t.CheckUnicastSrc && s.SkipCheckAdvAddr == t.SkipCheckAdvAddr && s.TrackLink == t.TrackLink &&
		slices.Equal(s.Addresses, t.Addresses) && slices.Equal(s.Excluded, t.Excluded) &&
		slices.Equal(s.Routes, t.Routes) && slices.Equal(s.Rules, t.Rules) && s.Promote == t.Promote &&
		slices.Equal(s.Trackers, t.Trackers) && s.GARP == t.GARP && s.OnLoss == t.OnLoss && s.Told == t.Told && s.Hooks == t.Hooks &&
		s.LowerPriorityNoAdvert == t.LowerPriorityNoAdvert && s.HigherPrioritySendAdvert == t.HigherPrioritySendAdvert && s.sameAs(&t.ProtocolSpec) &&
		s.sameLinks(&t)
}
