package election

import (
	"math"
	"net/netip"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/wire"
)

// Instant is monotonic time since an epoch the process chooses. The cores never ask for it; they are told.
type Instant time.Duration

// Never is an Instant that does not come.
const Never = Instant(math.MaxInt64)

// Add returns t moved by d.
func (t Instant) Add(d time.Duration) Instant { return t + Instant(d) }

// Sub returns the time from u to t.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }

// Event is something that happened to one virtual router. Every event is legal in every state.
type Event interface{ event() }

// Started begins a virtual router's life. Only what describes the world (TrackerChanged) may precede it.
type Started struct {
	LinkUp bool       // the instance's interface exists, is up and has carrier
	Source netip.Addr // the address adverts will leave from; invalid when the interface has none
	// Silence is how long ago an earlier process, which died as MASTER and whose addresses are all still in place, sent
	// its last advert; 0 when there was none. As long as no router can have missed it yet, mastership goes on with an
	// advert at once.
	Silence time.Duration
	// Delay is what is left of vrrp_startup_delay.
	Delay time.Duration
}

// AdvertReceived is a well-formed advertisement for this virtual router (checksum, TTL, version and lengths verified
// by ParseAdvert). What depends on the instance (authentication, interval, addresses) is verified by the Machine.
type AdvertReceived struct {
	Advert wire.Advert
	Source netip.Addr
	Clock  wire.Stamp // of our clock when it came; only auth_hmac looks at it
	// Waited is how long ago it came: what follows from a master's silence counts from then, or a router that was held up would
	// be as patient again.
	Waited time.Duration `json:",omitzero"`
}

// AdvertRejected is a packet for this virtual router that ParseIPv4 or ParseAdvert refused; it is counted and reported.
type AdvertRejected struct {
	Reason wire.DropReason
	Source netip.Addr
}

// LinkChanged reports the instance's own interface: up means IFF_UP and IFF_RUNNING.
type LinkChanged struct{ Up bool }

// SourceChanged reports the address that adverts leave from; invalid when the interface has lost its last one.
type SourceChanged struct{ Source netip.Addr }

// TrackerChanged reports the value of a tracked object: track.Up or track.Down, of a file the number in it. The Engine
// tells it to every router that references the object.
type TrackerChanged struct {
	ID    track.ID
	Value int
}

// ResourcesLost reports that somebody else removed resources while this router is MASTER.
type ResourcesLost struct{ Resources []Resource }

// EffectDone reports the outcome of the Own of a generation: what could not be installed or removed; nothing else
// failed. It may come again for the same generation when that has changed.
type EffectDone struct {
	Generation uint64
	Failures   []Failure
}

// Failure is a resource that is not as an Own wants it, and why.
type Failure struct {
	Resource Resource
	Err      error
}

// SpecChanged replaces the tunables of a virtual router whose identity (InstanceSpec.Key) stays.
type SpecChanged struct{ Spec InstanceSpec }

// Stop asks the router to resign: advert with priority 0, hand over, release, then Stopped. It takes InstanceSpec.StopLimit
// at most.
type Stop struct {
	// AtOnce gives no successor time: the release follows immediately, of a router that resigns already too.
	AtOnce bool
	// Hold is the least time the resources stay when no successor is heard: a sync group hands over as a whole.
	Hold time.Duration
	// Removed: a reload has removed the router.
	Removed bool
}

// Wake says that the Deadline may have passed. Before the deadline it is a no-op; late is legal and behaves as if the
// last missed deadline fired once.
type Wake struct{}

func (Started) event()        {}
func (AdvertReceived) event() {}
func (AdvertRejected) event() {}
func (LinkChanged) event()    {}
func (SourceChanged) event()  {}
func (TrackerChanged) event() {}
func (ResourcesLost) event()  {}
func (EffectDone) event()     {}
func (SpecChanged) event()    {}
func (Stop) event()           {}
func (Wake) event()           {}
