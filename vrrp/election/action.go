package election

import (
	"net/netip"
	"time"

	"vigil/confparse"
	"vigil/vrrp/wire"
)

// Action is something the shell must do for one virtual router, in the order given. It carries all that its executor
// needs. Slices in it are shared and never changed.
type Action interface{ action() }

// Start is the first action of a virtual router, from the Engine: the shell opens its sockets, learns the state of its
// interfaces, tells the Engine about its Trackers (Engine.Track) and answers with Started.
type Start struct{ Spec InstanceSpec }

// Configure replaces what Start said, from the Engine: the router lives on with other tunables. It precedes the
// actions that follow from the change. The shell tells the Engine about Trackers that are new.
type Configure struct{ Spec InstanceSpec }

// SendAdvert transmits one advertisement to each destination: the multicast group or the unicast peers. A priority of 0
// resigns.
type SendAdvert struct {
	Advert wire.Advert
	Source netip.Addr // the last one there was; invalid when there was none
	To     []netip.Addr
	TTL    uint8
	// Window is for the Stamp of a Signature in Advert, which the executor fills in (wire.Stamp.Next).
	Window time.Duration
}

// Own says what of the virtual router shall be in place from now on: exactly Resources. The executor removes what is in
// Remove, last first, then installs what is missing of Resources, in their order, and goes on to keep them in place. It
// tries each one, whatever became of the others, and reports back by EffectDone. Installing what is there and removing
// what is absent are successes.
//
// A newer generation replaces an older one that was not carried out yet, but for what that one removes: it still goes,
// unless the newer one has it among its Resources.
type Own struct {
	Generation uint64 // counts up, from 1
	Resources  []Resource
	Remove     []Resource // what may be in place from before, unless another router of the process serves it
	// Quiet says that the resources are being handed over: those that are in place go on serving what reaches them, but
	// the router no longer answers who has the addresses (ARP, neighbour solicitations), lest its answer outlive it in
	// somebody's cache. What is missing is not installed any more.
	Quiet bool
}

// PreparePassOn says that a PassOn for Previous is likely to follow within a time: it has resigned, or we preempt it.
type PreparePassOn struct {
	Previous netip.Addr
	Within   time.Duration
}

// PassOn precedes the Own of a planned change of master: the previous one was heard a moment ago and goes on serving for
// its grace. Until then TCP connections that it knows and this host does not are to be passed on to it. The same holds of a lower
// master that is met: it gives way, and knows what has begun while neither heard the other.
type PassOn struct {
	Previous  netip.Addr
	For       time.Duration
	Link      string // of the router, where Previous is
	Addresses []Address
	Met       bool // this host has the addresses, and connections to them
}

// Announce makes a round of gratuitous ARP (IPv4) or unsolicited neighbour advertisements (IPv6) due: every address in
// order, then all again, Repeat times. It comes after the Own before it, and passes over what could not be installed.
// Announcements are a schedule beside the resources: an address has at most one round pending, for which a further
// Announce can only raise what is left of its repetitions.
type Announce struct {
	Repeat    int
	Addresses []Address
	// Interval and NAInterval are the least time between two gratuitous ARPs, and two neighbour advertisements, on one
	// interface (vrrp_garp_interval, vrrp_gna_interval); 0 = none. A Pace of the interface goes before.
	Interval, NAInterval time.Duration
}

// CancelAnnouncements drops at once whatever is pending of the router's announcements: none leaves the host after it.
type CancelAnnouncements struct{}

// StateChanged reports a transition for logs, metrics and status. It is emitted at the moment keepalived logs it: on
// becoming MASTER after the first advert, on leaving before addresses are released.
type StateChanged struct {
	From, To State
	Priority uint8 // effective
	Initial  bool  // the first state after Started
	Cause    Cause
}

// Notify tells whoever wants to know that a state is reached: it follows the Own and the Announce of the transition, and
// after a hand-over the release of the resources. The executor keeps this order and loses none. Other kinds tell of what
// happens within a state.
type Notify struct {
	Kind     NotifyKind
	Group    confparse.GroupName // of a sync group, whose InstanceAction has the Handle 0; "" of a virtual router
	From, To State               // To is Init when the router or group has stopped
	Priority uint8               // effective; 0 of a group
	Initial  bool
	Removed  bool  // To is Init because a reload has removed it
	Cause    Cause // of a virtual router
	Told     Audience
}

// GroupChanged reports that a sync group as a whole has moved, after the StateChanged of its members. It belongs to no
// single virtual router: the Handle of its InstanceAction is 0.
type GroupChanged struct {
	Group    confparse.GroupName
	From, To State
	Initial  bool
}

// Report is a remarkable event that changes no state; the shell logs it. How many there can be is bounded, whoever sends
// whatever.
type Report struct {
	Kind     ReportKind
	Source   netip.Addr // of the advert, where there is one
	Theirs   int        // priority, count or other number of the peer
	Ours     int
	Rejected wire.DropReason // for ReportRejected
	Resource Resource        // for ReportResourceFailed and ReportResourceInstalled
	Removing bool            // for ReportResourceFailed: it cannot be removed
	Err      error           // for ReportResourceFailed and ReportHookFailed
	Hook     HookKind        // for those about a hook
}

// Stopped is the last action of a Machine that was told to Stop: its resources are released (their Own precedes it) and
// the shell may close the sockets.
type Stopped struct{}

func (Start) action()               {}
func (Configure) action()           {}
func (SendAdvert) action()          {}
func (Own) action()                 {}
func (PreparePassOn) action()       {}
func (PassOn) action()              {}
func (Announce) action()            {}
func (CancelAnnouncements) action() {}
func (StateChanged) action()        {}
func (Notify) action()              {}
func (GroupChanged) action()        {}
func (Report) action()              {}
func (Stopped) action()             {}
