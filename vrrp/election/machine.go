package election

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/wire"
)

const (
	// OwnerPriority is that of a router which has the addresses for its own (RFC 9568 §1.5, Address Owner).
	OwnerPriority = 255
	// DefaultDownTimerAdverts is how many intervals of silence say that a master is down (RFC 9568 §6.1,
	// Active_Down_Interval).
	DefaultDownTimerAdverts = 3
)

// Machine is the state machine of one virtual router (RFC 9568 §6.4, RFC 3768 §6.4 for version 2, and keepalived's
// FAULT state). It is pure: it has no clock, no goroutine and no I/O, and equal histories give equal actions.
//
// Every event is legal in every state. Time never runs backwards; an Instant before the latest one counts as that one.
// A Machine is used by one goroutine at a time. Machines of a sync group are driven by an Engine.
type Machine struct {
	spec      InstanceSpec
	vips      []netip.Addr // of spec.Addresses, as advertised
	all       []Address    // in configuration order
	resources []Resource   // all, as resources
	ordered   []Address    // all, in the order of announcements
	extra     []Address    // those of garp_extra_if
	to        []netip.Addr // destinations of adverts
	values    map[track.ID]int

	phase      phase
	state      State
	want       State
	faults     []FaultReason
	grouped    bool                   // a sync group decides about MASTER
	groupFault confparse.InstanceName // the member that keeps the sync group in FAULT; "" = none
	resume     bool                   // Started said that mastership can go on
	heard      bool                   // a successor was heard while resigning
	waiting    bool                   // it has been said that preemption waits for PreemptWhen
	linkUp     bool
	priority   uint8 // effective
	source     netip.Addr
	sender     netip.Addr // the last valid source: what resigns for the want of one still has a sender

	peers    peerTable
	sequence uint32 // AuthAH: of the last advert of all routers
	ours     uint32 // that sequence, when the advert was ours; else another one
	replays  replays
	master   Peer // the other router heard as master last, or resigning; none while MASTER
	interval time.Duration
	prepared preparation
	spoke    Instant // our latest advert
	lateness lateness
	last     Transition
	pending  Notify // to be emitted when the resources have followed; To == From when none is

	present    bool       // the resources are in place, or the shell was told to
	quiet      bool       // they are being handed over
	generation uint64     // of the last Own
	owned      []Resource // what may be in place
	failures   []Failure  // of the last Own
	slot       int        // of slots, when adverts are spread; else 0
	unclaimed  bool       // MASTER, but the first advert waits for the resources
	unserved   bool       // none of the advertised addresses could be installed
	retry      backoff    // of what could not be
	repairs    repairs    // of what somebody else has removed

	now        Instant
	listenFrom Instant // end of vrrp_startup_delay, or of FaultExitDelay
	timers     timers
	lowerRound Instant // when a lower master was last answered with announcements
	lowerSince Instant // when the interval began in which lowerCount were told of
	lowerCount int
	lowerMet   Instant // when a lower master was last heard

	// What this Step did that concerns the sync group.
	accepted, lower, lost bool

	hooks    hooks
	counters Counters
	out      []Action
}

// phase is where a Machine is in its life.
type phase uint8

const (
	unstarted        phase = iota
	awaitingTrackers       // started; a script decides about FAULT and has not run yet
	awaitingGroup          // the sync group decides the first state once all members have come this far
	running
	resigning // told to stop, resources still there
	ended
)

// NewMachine returns a virtual router that waits for Started.
func NewMachine(spec InstanceSpec) *Machine {
	m := &Machine{
		values: make(map[track.ID]int), timers: stopped, retry: backoff{at: Never},
		repairs:    repairs{at: Never, last: math.MinInt64 / 2},
		lateness:   unmeasured,
		listenFrom: math.MinInt64, spoke: math.MinInt64, now: math.MinInt64, lowerRound: math.MinInt64, lowerSince: math.MinInt64,
		lowerMet: math.MinInt64 / 2,
	}
	m.adopt(spec)
	m.priority = m.effectivePriority()
	return m
}

// adopt makes spec the machine's own. Values that would stop time are replaced, so that no spec can make Step spin.
func (m *Machine) adopt(spec InstanceSpec) {
	spec.AdvertInterval = max(spec.AdvertInterval, wire.Centisecond)
	if spec.DownTimerAdverts < 1 {
		spec.DownTimerAdverts = DefaultDownTimerAdverts
	}
	if spec.Priority == OwnerPriority {
		spec.NoPreempt, spec.PreemptDelay, spec.PreemptWhen = false, 0, track.ID{} // nobody outranks an owner
	}
	if !m.spec.HMAC.equal(&spec.HMAC) {
		m.replays = nil
	}
	m.spec = spec
	m.vips = make([]netip.Addr, len(spec.Addresses))
	for i, a := range spec.Addresses {
		m.vips[i] = a.Prefix.Addr()
	}
	m.all, m.resources, m.ordered = spec.All(), spec.Resources(), spec.announcementOrder()
	m.extra = spec.extraAddresses()
	m.to = spec.Peers
	if !spec.Unicast() {
		m.to = []netip.Addr{spec.Group}
	}
	m.peers.reserve(spec.Peers)
	tracked := spec.Tracked()
	maps.DeleteFunc(m.values, func(id track.ID, _ int) bool { return !slices.Contains(tracked, id) })
	if m.interval == 0 || spec.Version == 2 || m.state == Master {
		m.interval = spec.AdvertInterval
	}
}

// Step feeds ev to the machine and returns what the shell must do, in order. The slice is reused by the next Step; it
// is empty for the usual advert in BACKUP, for which nothing is allocated.
func (m *Machine) Step(now Instant, ev Event) []Action {
	m.out = m.out[:0]
	m.accepted, m.lower, m.lost = false, false, false
	if m.phase == ended {
		return m.out
	}
	m.now = max(m.now, now)
	m.handle(m.now, ev)
	if m.timers.release == Never && m.hooks.preparing == 0 {
		m.notify()
	}
	return m.out
}

func (m *Machine) handle(now Instant, ev Event) {
	switch ev := ev.(type) {
	case AdvertReceived:
		m.receive(now, &ev)
	case Wake:
		m.wake(now)
	case AdvertRejected:
		if m.listening(now) {
			m.reject(ev.Reason, ev.Source, 0, 0)
		}
	case Started:
		m.start(now, ev)
	case LinkChanged:
		if ev.Up && !m.linkUp {
			m.tryAfresh()
		}
		m.linkUp = ev.Up
		m.checkFaults(now)
	case SourceChanged:
		m.setSource(ev.Source)
		m.checkFaults(now)
	case TrackerChanged:
		m.values[ev.ID] = ev.Value
		m.reprioritize(now)
		m.checkFaults(now)
		m.hearTrackers(now)
	case ResourcesLost:
		m.lose(now, ev.Resources)
	case EffectDone:
		m.effectDone(now, ev)
	case HookDone:
		m.hookDone(now, ev)
	case SpecChanged:
		m.change(now, ev.Spec)
	case Stop:
		m.stop(now, ev)
	case reclaim:
		m.owned = append(slices.Clip(m.owned), ev.resource)
		m.own()
	default:
		m.handleGroup(now, ev)
	}
}

// Status returns a snapshot.
func (m *Machine) Status() MachineStatus {
	rivals, oneWay := m.countRivals(m.now)
	return MachineStatus{
		Name: m.spec.Name, State: m.state, Want: m.want, Priority: m.priority, BasePriority: m.spec.Priority,
		MasterPriority: m.master.Priority, MasterSource: m.master.Source, MasterInterval: m.interval,
		AddressesPresent: m.present, Resigning: m.phase == resigning, LinkUp: m.linkUp,
		Source: m.source, LastTransition: m.last.At, Counters: m.counters,
		Preparing: m.hooks.preparing != 0, Ensured: m.hooks.ensured, Rivals: rivals, OneWay: oneWay,
	}
}

// wake fires what is due. Each timer fires at most once however late the call is.
func (m *Machine) wake(now Instant) {
	if m.retry.at <= now {
		m.tryAgain()
		m.checkFaults(now)
	}
	m.repairDue(now)
	// The protocol's timers come before the release of resources: a router that becomes MASTER again keeps them.
	switch {
	case m.timers.startup <= now:
		m.timers.startup = Never
		m.toMaster(now, CauseOwner)
	case m.timers.activeDown <= now:
		m.activeDown(now)
	case m.timers.advert <= now && m.timerExpired(now):
		m.noteLateness(now)
		m.yield(now, CauseTimerExpired)
	case m.timers.advert <= now:
		m.sendScheduled(now)
	}
	m.prepareDue(now)
	if m.timers.ensure <= now {
		m.ensure(now)
	}
	m.announceDue(now)
	if m.timers.release <= now {
		if m.phase == resigning {
			m.finish()
		} else {
			m.resume = false // if it has not begun yet, somebody else has by now
			m.release()
		}
	}
}

func (m *Machine) emit(a Action) { m.out = append(m.out, a) }

// sendAdvert sends an advert now; the next is due one interval later.
func (m *Machine) sendAdvert(now Instant) {
	m.unclaimed, m.spoke = false, now
	m.counters.AdvertsSent++
	m.advertise(m.priority)
	m.timers.advert = now.Add(m.spec.AdvertInterval)
}

// sendFirst is sendAdvert for a MASTER that is new. Where there are many, which often begin at the same moment, their next adverts
// are not all due at the same one: they come up to an eighth of the interval early.
func (m *Machine) sendFirst(now Instant) {
	m.sendAdvert(now)
	m.timers.advert = m.timers.advert.Add(-m.interval / 8 * time.Duration(m.slot) / slots)
}

func (m *Machine) advertise(priority uint8) {
	ttl := uint8(wire.TTL)
	if m.spec.Unicast() {
		ttl = m.spec.TTL
	}
	a := wire.Advert{
		Version: m.spec.Version, VRID: m.spec.VRID, Priority: priority, Interval: m.spec.AdvertInterval,
		AuthType: m.spec.AuthType, AuthData: m.spec.AuthData, Addresses: m.vips,
	}
	m.dress(&a)
	m.emit(SendAdvert{Source: m.sender, To: m.to, TTL: ttl, Advert: a, Window: m.spec.HMAC.window()})
}

func (m *Machine) setSource(source netip.Addr) {
	m.source = source
	if source.IsValid() {
		m.sender = source
	}
}

// sendScheduled sends the advert that is due. The schedule does not drift by the lateness of the call, unless a whole
// interval was missed.
func (m *Machine) sendScheduled(now Instant) {
	if m.unclaimed {
		m.sendFirst(now)
		return
	}
	m.noteLateness(now)
	due := m.timers.advert
	m.sendAdvert(now)
	if next := due.Add(m.spec.AdvertInterval); next > now {
		m.timers.advert = next
	}
}

// sendZero resigns, which lets the others elect within their skew time (RFC 9568 §6.4.3, Shutdown).
func (m *Machine) sendZero() {
	m.counters.AdvertsSent++
	m.counters.PriorityZeroSent++
	m.advertise(0)
	m.emit(Report{Kind: ReportPriorityZeroSent})
}
