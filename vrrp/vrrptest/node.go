package vrrptest

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"vigil/vrrp/election"
)

// Node is one VRRP router: a process that may run or not, and a host whose addresses outlive it.
type Node struct {
	Address   netip.Addr
	Clock     Clock
	Lateness  time.Duration               // longest delay between a deadline and the call of Wake
	Latency   time.Duration               // time an effect takes
	Pace      time.Duration               // time one announcement takes
	FailAdds  bool                        // addresses cannot be installed
	Refuse    func(election.Address) bool // which cannot; nil = none
	Abrupt    bool                        // hands nothing over, as keepalived: addresses go at once
	Talkative bool                        // answers for addresses that it is handing over, as it must not
	Side      int                         // of a partition; nodes hear those of their own side
	LinkUp    bool

	sim      *Sim
	engine   *election.Engine // nil when no process runs
	life     int              // counts processes, so that effects of a dead one are not reported to the next
	routers  []*virtualRouter
	held     map[election.Address]bool // of the host; true = it answers who has it
	heardAt  map[*Node]time.Duration   // when the last packet of each sender arrives
	wakeAt   time.Duration
	deadline election.Instant // that wakeAt is for
	last     time.Duration    // of the last advert that left, for a resuming process
}

// virtualRouter is what a shell keeps about a virtual router, and what the judge remembers.
type virtualRouter struct {
	handle election.Handle
	vrid   uint8
	addrs  []election.Address // to be installed, or found at the start
	mine   map[election.Address]bool
	rounds schedule

	state     election.State
	quietBy   time.Duration // a router that is no MASTER answers for nothing from then on,
	releaseBy time.Duration // and holds nothing
}

func (n *Node) now() election.Instant { return n.Clock.read(n.sim.Now) }

// Running reports whether a process runs.
func (n *Node) Running() bool { return n.engine != nil }

// Start starts a process with spec. It resumes as the daemon does: soon enough after its last advert, and with its
// addresses still there.
func (n *Node) Start(spec election.Spec) {
	n.life++
	n.engine, n.routers = election.NewEngine(), nil
	n.act(n.engine.Apply(n.now(), spec))
}

// Reload gives the process another desired state.
func (n *Node) Reload(spec election.Spec) {
	if n.engine != nil {
		n.act(n.engine.Apply(n.now(), spec))
	}
}

// Stop asks the process to resign; it ends when it has.
func (n *Node) Stop() {
	if n.engine != nil {
		n.act(n.engine.Stop(n.now()))
	}
}

// Crash ends the process at once. The addresses stay on the host.
func (n *Node) Crash() {
	n.life++
	n.engine, n.routers, n.wakeAt = nil, nil, forever
	for a := range n.held {
		n.held[a] = true
	}
}

// SetLink changes carrier.
func (n *Node) SetLink(up bool) {
	n.LinkUp = up
	n.all(election.LinkChanged{Up: up})
}

// LoseAddress has somebody delete the first address that the host holds for its instances.
func (n *Node) LoseAddress() {
	for _, r := range n.routers {
		for _, a := range r.addrs {
			if n.Holds(a) {
				delete(n.held, a)
				delete(r.mine, a)
				n.act(n.engine.Step(n.now(), r.handle, election.ResourcesLost{Resources: []election.Resource{a}}))
				return
			}
		}
	}
}

func (n *Node) all(ev election.Event) {
	for _, r := range slices.Clone(n.routers) {
		n.act(n.engine.Step(n.now(), r.handle, ev))
	}
}

// Holds reports whether the host has the address.
func (n *Node) Holds(a election.Address) bool { _, held := n.held[a]; return held }

// Answers reports whether the host tells who asks that it has the address.
func (n *Node) Answers(a election.Address) bool { return n.LinkUp && n.held[a] }

// Status returns the process's snapshots; none when it does not run.
func (n *Node) Status() []election.MachineStatus {
	if n.engine == nil {
		return nil
	}
	machines, _ := n.engine.Status()
	return machines
}

// act does what an Engine asked for. Sending is immediate; effects take their time, in order.
func (n *Node) act(actions []election.InstanceAction) {
	var starts []*virtualRouter
	for _, a := range actions {
		switch act := a.Action.(type) {
		case election.Start:
			r := &virtualRouter{handle: a.Handle, vrid: act.Spec.VRID, addrs: act.Spec.All(), mine: make(map[election.Address]bool)}
			r.quietBy, r.releaseBy = forever, forever
			n.routers = append(n.routers, r)
			starts = append(starts, r)
		case election.SendAdvert:
			n.sim.send(n, act)
		case election.StateChanged:
			n.moved(n.router(a.Handle), act)
		case election.Own:
			n.router(a.Handle).addrs = addressesOf(act.Resources)
			n.order(a)
		case election.CancelAnnouncements:
			n.router(a.Handle).rounds.cancel()
		case election.Announce, election.Stopped:
			n.order(a)
		}
	}
	n.schedule()
	for _, r := range starts {
		n.act(n.engine.Step(n.now(), r.handle, n.started(r)))
	}
}

// order has an effect take its time.
func (n *Node) order(a election.InstanceAction) {
	n.sim.push(event{
		at: n.sim.Now + n.Latency, node: n.number(), life: n.life, packet: -1, handle: a.Handle, action: a.Action,
		term: n.router(a.Handle).rounds.term,
	})
}

// started is what a shell learns before it reports Started.
func (n *Node) started(r *virtualRouter) election.Started {
	ev := election.Started{LinkUp: n.LinkUp, Source: n.Address}
	if n.life > 1 && !slices.ContainsFunc(r.addrs, func(a election.Address) bool { return !n.Holds(a) }) {
		ev.Silence = n.sim.Now - n.last
	}
	return ev
}

// schedule sets when Wake is called next. A deadline that stays keeps its lateness.
func (n *Node) schedule() {
	d, ok := election.Never, false
	if n.engine != nil {
		d, ok = n.engine.Deadline()
	}
	switch {
	case !ok:
		n.wakeAt = forever
	case d != n.deadline || n.wakeAt == forever:
		n.wakeAt = max(n.sim.Now, n.Clock.when(d)) + n.sim.random(n.Lateness)
	}
	n.deadline = d
}

var errNoAddress = errors.New("address cannot be installed")

// carryOut completes an effect and reports it.
func (n *Node) carryOut(e event) {
	r := n.router(e.handle)
	switch act := e.action.(type) {
	case election.Own:
		n.act(n.engine.Step(n.now(), e.handle, election.EffectDone{Generation: act.Generation, Failures: n.own(r, act)}))
	case election.Announce:
		if e.term == r.rounds.term {
			n.announce(r, act)
		}
	case election.Stopped:
		n.routers = slices.DeleteFunc(n.routers, func(o *virtualRouter) bool { return o == r })
		if n.engine.Idle() {
			n.Crash()
		}
	}
}

// own has exactly what o wants in place of r, except for what fails.
func (n *Node) own(r *virtualRouter, o election.Own) (failures []election.Failure) {
	for _, a := range addressesOf(o.Remove) {
		delete(n.held, a)
		delete(r.mine, a)
	}
	for _, a := range addressesOf(o.Resources) {
		held := n.Holds(a)
		switch {
		case o.Quiet && n.Abrupt:
			delete(n.held, a)
			delete(r.mine, a)
		case !held && o.Quiet:
		case !held && (n.FailAdds || n.Refuse != nil && n.Refuse(a)):
			failures = append(failures, election.Failure{Resource: a, Err: errNoAddress})
		default:
			n.held[a], r.mine[a] = !o.Quiet || n.Talkative, true
		}
	}
	return failures
}

func addressesOf(list []election.Resource) (addrs []election.Address) {
	for _, r := range list {
		addrs = append(addrs, r.(election.Address))
	}
	return addrs
}

func (n *Node) router(h election.Handle) *virtualRouter {
	for _, r := range n.routers {
		if r.handle == h {
			return r
		}
	}
	return &virtualRouter{mine: make(map[election.Address]bool)}
}

func (n *Node) number() int { return slices.Index(n.sim.Nodes, n) }
