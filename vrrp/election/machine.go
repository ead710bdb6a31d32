package election

import (
	"math"
	"net/netip"
	"time"

	"vigil/vrrp/wire"
)

const (
	// OwnerPriority is that of a router which has the addresses for its own (RFC 9568 §1.5, Address Owner).
	OwnerPriority = 255
	// DefaultDownTimerAdverts is how many intervals of silence say that a master is down (RFC 9568 §6.1,
	// Active_Down_Interval).
	DefaultDownTimerAdverts = 3

	// handOverGrace is how long addresses stay after the new master was heard: its gratuitous ARPs follow its first
	// advert, and until they have arrived traffic still comes here.
	handOverGrace = 200 * time.Millisecond
	// passOnTime is how long the new master passes on what the previous one knows: that one's grace begins when our
	// first advert arrives, and ends before this does not.
	passOnTime = handOverGrace - 20*time.Millisecond
	// resignMargin is added to the longest skew time when a resigning master hears of no successor.
	resignMargin = 100 * time.Millisecond
)

// Machine is the state machine of one virtual router (RFC 9568 §6.4, RFC 3768 §6.4 for version 2, and keepalived's
// FAULT state). It is pure: it has no clock, no goroutine and no I/O, and equal histories give equal actions.
//
// Every event is legal in every state. Time never runs backwards; an Instant before the latest one counts as that one.
// A Machine is used by one goroutine at a time. Machines of a sync group are driven by an Engine.
type Machine struct {
	spec     InstanceSpec
	vips     []netip.Addr // of spec.Addresses, as advertised
	all      []Address    // in configuration order
	ordered  []Address    // all, in the order of announcements
	to       []netip.Addr // destinations of adverts
	trackers []trackerState

	phase    phase
	state    State
	want     State
	faults   fault
	grouped  bool // a sync group decides about MASTER
	resume   bool // Started said that mastership can go on
	present  bool // the addresses are installed, or the shell was told to
	heard    bool // a successor was heard while resigning
	accepted bool // this Step accepted an advert in BACKUP; read by the group
	lower    bool // this Step heard a lower master in MASTER; read by the group
	lost     bool // this Step lost an address; read by the group
	linkUp   bool
	priority uint8 // effective
	source   netip.Addr
	sender   netip.Addr // the last valid source: what resigns for the want of one still has a sender

	masterInterval time.Duration
	masterPriority uint8
	masterSource   netip.Addr
	masterHeard    Instant // latest advert of masterSource, one of priority 0 included

	now          Instant
	listenFrom   Instant // end of vrrp_startup_delay
	timer        Instant // INIT: start of an owner; BACKUP: master down; MASTER: next advert
	preemptAt    Instant // end of preempt_delay; no event of its own
	releaseAt    Instant // end of the hand-over grace
	retryAt      Instant // end of FAULT after addresses could not be installed
	secondAt     Instant // second round of announcements
	refreshAt    Instant // periodic round
	lowerAt      Instant // second round after a lower master was heard
	transitionAt Instant

	reported uint32 // kinds of problem reported since the last clearing
	counters Counters
	out      []Action
}

// phase is where a Machine is in its life.
type phase uint8

const (
	unstarted     phase = iota
	awaitingGroup       // started; the sync group decides the first state once all members have started
	running
	resigning // told to stop, addresses still there
	ended
)

// fault is a set of reasons for FAULT.
type fault uint8

const (
	faultLink fault = 1 << iota
	faultSource
	faultTracker
	faultEffect
	faultGroup // another member of the sync group is in FAULT

	faultOwn = faultLink | faultSource | faultTracker | faultEffect
)

// NewMachine returns a virtual router that waits for Started.
func NewMachine(spec InstanceSpec) *Machine {
	m := &Machine{
		listenFrom: math.MinInt64, timer: Never, preemptAt: Never, releaseAt: Never, retryAt: Never,
		secondAt: Never, refreshAt: Never, lowerAt: Never, now: math.MinInt64,
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
		spec.NoPreempt, spec.PreemptDelay = false, 0 // nobody outranks an owner
	}
	m.spec = spec
	m.vips = make([]netip.Addr, len(spec.Addresses))
	for i, a := range spec.Addresses {
		m.vips[i] = a.Prefix.Addr()
	}
	m.all, m.ordered = spec.All(), spec.announcementOrder()
	m.to = spec.Peers
	if !spec.Unicast() {
		m.to = []netip.Addr{spec.Group}
	}
	if m.masterInterval == 0 || spec.Version == 2 || m.state == Master {
		m.masterInterval = spec.AdvertInterval
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
	now = m.now
	switch ev := ev.(type) {
	case AdvertReceived:
		m.receive(now, &ev.Advert, ev.Source)
	case Wake:
		m.wake(now)
	case AdvertRejected:
		if m.listening(now) {
			m.reject(ev.Reason, ev.Source, 0, 0)
		}
	case Started:
		m.start(now, ev)
	case LinkChanged:
		m.linkUp = ev.Up
		m.checkFaults(now)
	case SourceChanged:
		m.setSource(ev.Source)
		m.checkFaults(now)
	case TrackerChanged:
		m.track(ev.Tracker, ev.Up)
		m.reprioritize(now)
		m.checkFaults(now)
	case AddressLost:
		switch {
		case m.state == Master:
			m.loseAddress(now, CauseAddressLost)
		case m.phase == running: // in the hand-over grace; a new MASTER must find all of them or none
			m.release()
		}
	case EffectDone:
		m.effectDone(now, ev)
	case SpecChanged:
		m.change(now, ev.Spec)
	case Stop:
		m.stop(now)
	case groupBegin:
		if m.phase == awaitingGroup {
			m.begin(now, ev.master)
		}
	case groupMove:
		m.moveWithGroup(now, ev)
	case groupFault:
		m.setFault(faultGroup, ev.on)
		m.checkFaults(now)
	case groupLower:
		if m.state == Master {
			m.announceLower(now)
		}
	}
	return m.out
}

// Deadline returns when the machine wants Wake next; false when no time will change anything.
func (m *Machine) Deadline() (Instant, bool) {
	d := min(m.timer, m.releaseAt, m.retryAt, m.secondAt, m.refreshAt, m.lowerAt)
	return d, d != Never
}

// Status returns a snapshot.
func (m *Machine) Status() MachineStatus {
	return MachineStatus{
		Name: m.spec.Name, State: m.state, Want: m.want, Priority: m.priority, BasePriority: m.spec.Priority,
		MasterPriority: m.masterPriority, MasterSource: m.masterSource, MasterInterval: m.masterInterval,
		AddressesPresent: m.present, Resigning: m.phase == resigning, LinkUp: m.linkUp, Source: m.source,
		LastTransition: m.transitionAt, Counters: m.counters,
	}
}

// wake fires what is due. Each timer fires at most once however late the call is.
func (m *Machine) wake(now Instant) {
	if m.retryAt <= now {
		m.retryAt = Never
		m.setFault(faultEffect, false)
		m.checkFaults(now)
	}
	// The main timer comes before the release of addresses: a router that becomes MASTER again keeps them.
	if m.timer <= now {
		switch m.state {
		case Init:
			m.toMaster(now, CauseOwner)
		case Backup:
			m.masterDown(now)
		case Master:
			m.sendScheduled(now)
		}
	}
	m.announceDue(now)
	if m.releaseAt <= now {
		if m.phase == resigning {
			m.finish()
		} else {
			m.release()
		}
	}
}

// skew is the Skew_Time (RFC 9568 §6.1, RFC 3768 §6.1). Version 2 does not scale it with the interval.
func (m *Machine) skew() time.Duration {
	p := m.priority
	if m.spec.Priority == OwnerPriority {
		p = OwnerPriority
	}
	return m.skewOf(p)
}

func (m *Machine) skewOf(priority uint8) time.Duration {
	unit := time.Second
	if m.spec.Version != 2 {
		unit = m.masterInterval
	}
	return time.Duration(256-int(priority)) * unit / 256
}

// downInterval is the Active_Down_Interval (RFC 9568 §6.1; Master_Down_Interval in RFC 3768 §6.1).
func (m *Machine) downInterval() time.Duration {
	return time.Duration(m.spec.DownTimerAdverts)*m.masterInterval + m.skew()
}

func (m *Machine) emit(a Action) { m.out = append(m.out, a) }

// sendAdvert sends an advert now; the next is due one interval later.
func (m *Machine) sendAdvert(now Instant) {
	m.counters.AdvertsSent++
	m.advertise(m.priority)
	m.timer = now.Add(m.spec.AdvertInterval)
}

func (m *Machine) advertise(priority uint8) {
	ttl := uint8(wire.TTL)
	if m.spec.Unicast() {
		ttl = m.spec.TTL
	}
	m.emit(SendAdvert{Source: m.sender, To: m.to, TTL: ttl, Advert: wire.Advert{
		Version: m.spec.Version, VRID: m.spec.VRID, Priority: priority, Interval: m.spec.AdvertInterval,
		AuthType: m.spec.AuthType, AuthData: m.spec.AuthData, Addresses: m.vips,
	}})
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
	due := m.timer
	m.sendAdvert(now)
	if next := due.Add(m.spec.AdvertInterval); next > now {
		m.timer = next
	}
}

// sendZero resigns, which lets the others elect within their skew time (RFC 9568 §6.4.3, Shutdown).
func (m *Machine) sendZero() {
	m.counters.AdvertsSent++
	m.counters.PriorityZeroSent++
	m.advertise(0)
	m.emit(Report{Kind: ReportPriorityZeroSent})
}

// ownsNothing reports that there are no addresses to install or announce.
func (m *Machine) ownsNothing() bool { return len(m.all) == 0 }
