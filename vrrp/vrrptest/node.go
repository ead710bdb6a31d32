package vrrptest

import (
	"net/netip"
	"slices"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// Node is one host with VRRP: a process that may run or not, and a host whose addresses outlive it.
type Node struct {
	Name       string     // for whoever prints it
	Address    netip.Addr // that adverts leave from
	Sources    func(*election.InstanceSpec) netip.Addr
	LAN        func(link string) string // that a link is on; nil: links of one name are on one LAN
	Keepalived bool                     // runs a Keepalived in place of an Engine
	Clock      Clock
	Wall       time.Duration               // what the wall clock is ahead of the simulation
	Lateness   time.Duration               // longest delay between a deadline and the call of Wake
	Latency    time.Duration               // time an effect takes
	Pace       time.Duration               // time one announcement takes
	HookTime   time.Duration               // longest time that a program takes which is waited for
	FailHooks  bool                        // such programs fail
	FailAdds   bool                        // addresses cannot be installed
	Refuse     func(election.Address) bool // which cannot; nil = none
	Abrupt     bool                        // hands nothing over, as keepalived: addresses go at once
	Talkative  bool                        // answers for addresses that it is handing over, as it must not
	Side       int                         // of a partition; nodes hear those of their own side
	LinkUp     bool                        // of all links

	sim          *Sim
	spec         election.Spec
	process      process // nil when none runs
	life         int     // counts processes, so that effects of a dead one are not reported to the next
	begun        time.Duration
	stopping     bool
	refused      bool // an address could not be installed
	stalledUntil time.Duration
	suspended    bool // in its last stall
	routers      []*virtualRouter
	groups       map[string]election.State // as told of last
	held         map[election.Address]bool // of the host; true = it answers who has it
	cut          map[string]bool           // links without carrier
	apart        map[string]int            // sides of LANs
	values       map[track.ID]int          // of tracked objects
	taught       map[track.ID]int          // what the process knows of them
	heardAt      map[*Node]time.Duration   // when the last packet of each sender arrives
	last         map[election.InstanceKey]time.Duration
	wakeAt       time.Duration
	deadline     election.Instant // that wakeAt is for
}

// process is what a Node runs: an Engine, or a Keepalived.
type process interface {
	Apply(election.Instant, election.Spec) []election.InstanceAction
	Step(election.Instant, election.Handle, election.Event) []election.InstanceAction
	Track(election.Instant, track.ID, int) []election.InstanceAction
	Wake(election.Instant) []election.InstanceAction
	Deadline() (election.Instant, bool)
	Stop(election.Instant) []election.InstanceAction
	StopLimit() time.Duration
	Idle() bool
	Status() ([]election.MachineStatus, []election.GroupStatus)
}

// virtualRouter is what a shell keeps about a virtual router.
type virtualRouter struct {
	handle election.Handle
	spec   election.InstanceSpec
	addrs  []election.Address // to be installed, or found at the start
	mine   map[election.Address]bool
	rounds schedule
	stamp  wire.Stamp    // of the last advert with auth_hmac
	left   time.Duration // an advert that went out
	doneAt time.Duration

	memory
}

func (n *Node) now() election.Instant { return n.Clock.read(n.sim.Now) }

// epoch is the wall clock's time when the simulation begins.
const epoch = 1_750_000_000

func (n *Node) stamp() wire.Stamp { return wire.StampOf(time.Unix(epoch, 0).Add(n.sim.Now + n.Wall)) }

// up reports whether a link has carrier.
func (n *Node) up(link string) bool { return n.LinkUp && !n.cut[link] }

func (n *Node) lan(link string) string {
	if n.LAN == nil {
		return link
	}
	return n.LAN(link)
}

// source is what the adverts of a router leave from.
func (n *Node) source(s *election.InstanceSpec) netip.Addr {
	switch {
	case s.Source.IsValid():
		return s.Source
	case n.Sources != nil:
		return n.Sources(s)
	}
	return n.Address
}

// Running reports whether a process runs.
func (n *Node) Running() bool { return n.process != nil }

// Start starts a process with spec. It resumes as the daemon does: soon enough after its last advert, and with its
// addresses still there. What is left of another configuration goes.
func (n *Node) Start(spec election.Spec) {
	n.life++
	n.process, n.routers, n.spec, n.begun = election.NewEngine(), nil, spec, n.sim.Now
	n.stopping, n.refused = false, false
	n.groups, n.taught = make(map[string]election.State), make(map[track.ID]int)
	if n.last == nil {
		n.last = make(map[election.InstanceKey]time.Duration)
	}
	switch {
	case n.Keepalived:
		n.process = NewKeepalived()
	case n.sim.mutate != nil:
		n.process = n.sim.mutate(n.process)
	}
	for a := range n.held {
		if !slices.ContainsFunc(spec.Instances, func(s election.InstanceSpec) bool { return slices.Contains(s.All(), a) }) {
			delete(n.held, a)
		}
	}
	n.act(n.process.Apply(n.now(), spec))
}

// Reload gives the process another desired state.
func (n *Node) Reload(spec election.Spec) {
	n.tell(func() {
		n.spec = spec
		for _, r := range n.routers { // it may be in another group
			n.changed(r)
		}
		n.act(n.process.Apply(n.now(), spec))
	})
}

// Stop asks the process to resign; it ends when it has.
func (n *Node) Stop() {
	n.stopping = true
	n.tell(func() { n.act(n.process.Stop(n.now())) })
}

// Crash ends the process at once. The addresses stay on the host.
func (n *Node) Crash() {
	n.life++
	n.process, n.routers, n.wakeAt, n.stalledUntil = nil, nil, forever, 0
	for a := range n.held {
		n.held[a] = true
	}
}

// Reboot ends the process and takes the addresses off the host.
func (n *Node) Reboot() {
	n.Crash()
	clear(n.held)
	clear(n.last)
}

// Stall keeps the process from running for a time, in which what comes waits for it. suspended: its clock stands as well.
func (n *Node) Stall(d time.Duration, suspended bool) {
	if n.process == nil || n.stalledUntil > n.sim.Now {
		return
	}
	n.stalledUntil, n.suspended = n.sim.Now+d, suspended
	if suspended {
		n.Clock.Offset -= n.Clock.read(n.stalledUntil) - n.Clock.read(n.sim.Now) // drift included
		n.wakeAt, n.deadline = forever, election.Never
		if n.begun+n.spec.StartupDelay > n.sim.Now {
			n.begun += d
		}
		for _, r := range n.routers {
			if r.releaseBy < forever {
				r.quietBy, r.releaseBy = r.quietBy+d, r.releaseBy+d
			}
		}
	}
	n.schedule()
	if n.wakeAt != forever {
		n.wakeAt = max(n.wakeAt, n.stalledUntil)
	}
}

// tell has f tell the process something, if there is one, as soon as it listens.
func (n *Node) tell(f func()) {
	life := n.life
	later := func() {
		if n.process != nil && n.life == life {
			f()
		}
	}
	if n.stalledUntil > n.sim.Now {
		n.sim.At(n.stalledUntil, later)
		return
	}
	later()
}

// SetLink changes carrier of all links.
func (n *Node) SetLink(up bool) {
	n.LinkUp = up
	n.linksChanged()
}

// Cut takes the carrier of one link, or gives it back.
func (n *Node) Cut(link string, cut bool) {
	n.cut[link] = cut
	n.linksChanged()
}

// Part puts what the host has on one LAN on a side of it, where only the same side is heard.
func (n *Node) Part(lan string, side int) { n.apart[lan] = side }

// linksChanged tells the process of its links; what it knows changes nothing.
func (n *Node) linksChanged() {
	n.tell(func() {
		for _, r := range slices.Clone(n.routers) {
			n.changed(r)
			n.act(n.process.Step(n.now(), r.handle, election.LinkChanged{Up: n.up(r.spec.Link)}))
			n.inform(r)
		}
	})
}

// Track changes the value of a tracked object.
func (n *Node) Track(id track.ID, value int) {
	n.values[id] = value
	n.tell(func() {
		for _, r := range n.routers {
			n.changed(r)
		}
		n.teach(id, n.values[id])
	})
}

// teach tells the process the value of a tracked object.
func (n *Node) teach(id track.ID, value int) {
	n.taught[id] = value
	for _, r := range n.routers {
		r.rank = effective(&r.spec, n.taught)
	}
	n.act(n.process.Track(n.now(), id, value))
}

// Tracks reports whether the host knows the value of a tracked object.
func (n *Node) Tracks(id track.ID) bool {
	_, known := n.values[id]
	return known
}

// inform tells the process what is known of the tracked objects of r. A script that nothing is known of has not run.
func (n *Node) inform(r *virtualRouter) {
	for _, id := range r.spec.Tracked() {
		v, known := n.values[id]
		if id.Kind == track.Interface {
			v, known = track.Down, true
			if n.up(id.Name) {
				v = track.Up
			}
		}
		if known {
			n.teach(id, v)
		}
	}
}

// LoseAddress has somebody delete the first address that the host holds for its instances.
func (n *Node) LoseAddress() { n.lose(func(election.Address) bool { return true }) }

// Remove has somebody delete that address.
func (n *Node) Remove(addr netip.Addr) {
	n.lose(func(a election.Address) bool { return a.Prefix.Addr() == addr })
}

func (n *Node) lose(which func(election.Address) bool) {
	for _, r := range n.routers {
		for _, a := range r.addrs {
			if n.Holds(a) && which(a) {
				delete(n.held, a)
				delete(r.mine, a)
				n.tell(func() {
					n.changed(r)
					n.act(n.process.Step(n.now(), r.handle, election.ResourcesLost{Resources: []election.Resource{a}}))
				})
				return
			}
		}
	}
}

// Holds reports whether the host has the address.
func (n *Node) Holds(a election.Address) bool { _, held := n.held[a]; return held }

// addresses returns those of all its virtual routers.
func (n *Node) addresses() (list []election.Address) {
	for _, r := range n.routers {
		list = append(list, r.spec.All()...)
	}
	return list
}

// Answers reports whether the host tells who asks that it has the address.
func (n *Node) Answers(a election.Address) bool { return n.up(a.Link) && n.held[a] }

// Serves reports whether what is sent to an address here is taken, be it during a hand-over.
func (n *Node) Serves(addr netip.Addr) bool {
	for a := range n.held {
		if a.Prefix.Addr() == addr && n.up(a.Link) {
			return true
		}
	}
	return false
}

// Status returns the process's snapshots; none when it does not run.
func (n *Node) Status() []election.MachineStatus {
	if n.process == nil {
		return nil
	}
	machines, _ := n.process.Status()
	return machines
}

// Explain returns why a virtual router is what it is now; false of a Keepalived, and of one that is not there.
func (n *Node) Explain(h election.Handle) (election.Explanation, bool) {
	e, ok := n.process.(interface {
		Explain(election.Instant, election.Handle) (election.Explanation, bool)
	})
	if !ok {
		return election.Explanation{}, false
	}
	return e.Explain(n.now(), h)
}

// schedule sets when Wake is called next. A deadline that stays keeps its lateness.
func (n *Node) schedule() {
	d, ok := election.Never, false
	if n.process != nil {
		d, ok = n.process.Deadline()
	}
	switch {
	case !ok:
		n.wakeAt = forever
	case d != n.deadline || n.wakeAt == forever:
		n.wakeAt = max(n.sim.Now, n.stalledUntil, n.Clock.when(d)+n.sim.random(n.Lateness))
	}
	n.deadline = d
}

func (n *Node) router(h election.Handle) *virtualRouter {
	for _, r := range n.routers {
		if r.handle == h {
			return r
		}
	}
	return &virtualRouter{mine: make(map[election.Address]bool), memory: memory{saidAt: make(map[election.Address]time.Duration)}}
}

func (n *Node) number() int { return slices.Index(n.sim.Nodes, n) }
