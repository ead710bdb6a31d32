package election

import (
	"net/netip"
	"time"

	"vigil/confparse"
	"vigil/vrrp/wire"
)

// Action is something the shell must do for one virtual router, in the order given.
type Action interface{ action() }

// Start is the first action of a virtual router, from the Engine: the shell opens its sockets, learns the state of its
// interfaces and answers with a TrackerChanged for each tracked interface that is down and then with Started.
type Start struct{ Spec InstanceSpec }

// Configure replaces what Start said, from the Engine: the router lives on with other tunables. It precedes the
// actions that follow from the change. The shell reports the state of interfaces that are newly tracked.
type Configure struct{ Spec InstanceSpec }

// SendAdvert transmits one advertisement to each destination: the multicast group or the unicast peers. A priority of 0
// resigns.
type SendAdvert struct {
	Advert wire.Advert
	Source netip.Addr // the last one there was; invalid when there was none
	To     []netip.Addr
	TTL    uint8
}

// SetAddresses installs (Present) or removes the virtual and excluded addresses of the instance, in configuration
// order. Installing what is there and removing what is absent are successes. Reported back by EffectDone. The slice is
// shared and never changed, here and in the other actions.
type SetAddresses struct {
	Present   bool
	Addresses []Address
}

// PreparePassOn says that a PassOn for Previous is likely to follow within a time: it has resigned, or we preempt it.
type PreparePassOn struct {
	Previous  netip.Addr
	Within    time.Duration
	Link      string // of the router, where Previous is
	Addresses []Address
}

// PassOn precedes the SetAddresses of a planned change of master: the previous one was heard a moment ago and goes on
// serving for its grace. Until then TCP connections that it knows and this host does not are to be passed on to it.
type PassOn struct {
	Previous  netip.Addr
	For       time.Duration
	Link      string // of the router, where Previous is
	Addresses []Address
}

// ChangeAddresses installs and removes single addresses: a reload's difference while the addresses are installed, or
// the part to release when another virtual router serves the rest. Remove comes before Add. Reported back by EffectDone.
type ChangeAddresses struct{ Add, Remove []Address }

// Announce sends Repeat rounds of gratuitous ARP (IPv4) or unsolicited neighbour advertisements (IPv6): every address
// in order, then all again.
type Announce struct {
	Repeat    int
	Addresses []Address
	Interval  time.Duration // vrrp_garp_interval: least time between two on one interface; 0 = none
}

// CancelAnnouncements drops what an interval-limited announcer still has queued for the instance.
type CancelAnnouncements struct{}

// StateChanged reports a transition for logs, metrics and notifications. It is emitted at the moment keepalived logs
// it: on becoming MASTER after the first advert, on leaving before addresses are released.
type StateChanged struct {
	From, To State
	Priority uint8 // effective
	Initial  bool  // the first state after Started
	Cause    Cause
}

// GroupChanged reports that a sync group as a whole has moved, after the StateChanged of its members. It belongs to no
// single virtual router: the Handle of its InstanceAction is 0.
type GroupChanged struct {
	Group    confparse.GroupName
	From, To State
	Initial  bool
}

// Report is a remarkable event that changes no state; the shell logs it.
type Report struct {
	Kind     ReportKind
	Source   netip.Addr // of the advert, where there is one
	Theirs   int        // priority, count or other number of the peer
	Ours     int
	Rejected wire.DropReason // for ReportRejected
}

// Stopped is the last action of a Machine that was told to Stop: addresses are released (its SetAddresses precedes it)
// and the shell may close the sockets.
type Stopped struct{}

func (Start) action()               {}
func (Configure) action()           {}
func (SendAdvert) action()          {}
func (SetAddresses) action()        {}
func (PreparePassOn) action()       {}
func (PassOn) action()              {}
func (ChangeAddresses) action()     {}
func (Announce) action()            {}
func (CancelAnnouncements) action() {}
func (StateChanged) action()        {}
func (GroupChanged) action()        {}
func (Report) action()              {}
func (Stopped) action()             {}
