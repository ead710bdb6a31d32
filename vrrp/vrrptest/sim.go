// Package vrrptest simulates LANs of VRRP routers in virtual time: a discrete-event loop in which every router is a
// election.Engine with a clock of its own, and adverts travel as encoded packets that the network may lose, duplicate,
// delay or keep on one side of a partition. Runs are reproducible: equal seeds give equal histories.
package vrrptest

import (
	"container/heap"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// Network is how badly a LAN treats packets.
type Network struct {
	Loss      float64       // probability that a receiver misses a packet
	Duplicate float64       // probability that it gets a packet twice
	Delay     time.Duration // longest transit time; each copy takes a random part of it
	InOrder   bool          // no packet overtakes another of the same sender, as on one Ethernet
}

// Clock maps simulated time to the Instant a router sees.
type Clock struct {
	Offset election.Instant
	PPM    int // parts per million the clock runs fast
}

func (c Clock) read(t time.Duration) election.Instant {
	return c.Offset + election.Instant(t+t/1_000_000*time.Duration(c.PPM))
}

// when returns the first simulated time at which the clock shows at least i.
func (c Clock) when(i election.Instant) time.Duration {
	local := time.Duration(i - c.Offset)
	t := local - local/1_000_000*time.Duration(c.PPM)
	for c.read(t) < i {
		t += max(1, time.Duration(i-c.read(t)))
	}
	return t
}

// Sim is a set of routers on one simulated network. Instances of different routers hear each other when they have the
// same VRID, as on one LAN.
type Sim struct {
	Now     time.Duration // simulated time since the start
	Network Network
	Nodes   []*Node
	// Observe, if not nil, is called after every change of anybody's addresses, and once per event.
	Observe func()

	rng     *rand.Rand
	queue   events
	seq     uint64
	packets []packet
	free    []int
	addrs   []netip.Addr
}

// Node is one router: a process that may run or not, and a host whose addresses outlive it.
type Node struct {
	Address  netip.Addr
	Clock    Clock
	Lateness time.Duration // longest delay between a deadline and the call of Wake
	Latency  time.Duration // time an effect takes
	FailAdds bool          // addresses cannot be installed
	Side     int           // of a partition; nodes hear those of their own side
	LinkUp   bool

	sim     *Sim
	engine  *election.Engine // nil when no process runs
	life    int              // counts processes, so that effects of a dead one are not reported to the next
	routers []*router
	held    map[election.Address]bool
	heardAt map[*Node]time.Duration // when the last packet of each sender arrives
	wakeAt  time.Duration
	last    time.Duration // of the last advert, for a resuming process
}

// router is what a shell keeps about a virtual router.
type router struct {
	handle election.Handle
	vrid   uint8
	addrs  []election.Address // to be installed, or found at the start
}

type packet struct {
	bytes []byte
	refs  int
	vrid  uint8
}

type event struct {
	at     time.Duration
	seq    uint64
	node   int
	life   int
	packet int // index, or -1
	handle election.Handle
	action election.Action
	run    func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}

// forever is later than any simulated time.
const forever = time.Duration(1<<63 - 1)

// NewSim returns a network without routers whose chances are drawn from seed.
func NewSim(seed uint64) *Sim { return &Sim{rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))} }

// AddNode adds a host that is up and runs no process.
func (s *Sim) AddNode(n Node) *Node {
	n.sim, n.wakeAt, n.LinkUp = s, forever, true
	n.held, n.heardAt = make(map[election.Address]bool), make(map[*Node]time.Duration)
	s.Nodes = append(s.Nodes, &n)
	return &n
}

// At runs f at simulated time t.
func (s *Sim) At(t time.Duration, f func()) { s.push(event{at: t, packet: -1, run: f}) }

func (s *Sim) push(e event) {
	s.seq++
	e.seq = s.seq
	heap.Push(&s.queue, e)
}

// Run advances to simulated time end.
func (s *Sim) Run(end time.Duration) {
	for {
		next := forever
		if len(s.queue) > 0 {
			next = s.queue[0].at
		}
		var waker *Node
		for _, n := range s.Nodes {
			if n.wakeAt < next { // packets that have arrived come before deadlines, as in the shell
				next, waker = n.wakeAt, n
			}
		}
		if next > end {
			s.Now = end
			return
		}
		s.Now = max(s.Now, next)
		if waker != nil {
			waker.act(waker.engine.Wake(waker.now()))
		} else {
			s.dispatch(heap.Pop(&s.queue).(event))
		}
		if s.Observe != nil {
			s.Observe()
		}
	}
}

func (s *Sim) dispatch(e event) {
	switch {
	case e.run != nil:
		e.run()
	case e.packet >= 0:
		s.deliver(s.Nodes[e.node], &s.packets[e.packet])
		if p := &s.packets[e.packet]; p.refs > 1 {
			p.refs--
		} else {
			s.free = append(s.free, e.packet)
		}
	case e.life == s.Nodes[e.node].life:
		s.Nodes[e.node].carryOut(e)
	}
}

// deliver decodes a packet and hands it to the router of its VRID.
func (s *Sim) deliver(n *Node, p *packet) {
	if n.engine == nil || !n.LinkUp {
		return
	}
	h, pdu, reason := wire.ParseIPv4(p.bytes)
	var a wire.Advert
	if reason == wire.DropNone {
		a, reason = wire.ParseAdvert(pdu, h, s.addrs[:0])
		s.addrs = a.Addresses[:0]
	}
	for _, r := range n.routers {
		if r.vrid != p.vrid {
			continue
		}
		if reason != wire.DropNone {
			n.act(n.engine.Step(n.now(), r.handle, election.AdvertRejected{Reason: reason, Source: h.Source}))
		} else {
			n.act(n.engine.Step(n.now(), r.handle, election.AdvertReceived{Advert: a, Source: h.Source}))
		}
		return
	}
}

// send puts an advert on the LAN.
func (s *Sim) send(n *Node, a election.SendAdvert) {
	n.last = s.Now
	if !n.LinkUp {
		return
	}
	slot := len(s.packets)
	if len(s.free) > 0 {
		slot = s.free[len(s.free)-1]
	}
	receivers := 0
	for i, to := range s.Nodes {
		if to == n || to.Side != n.Side {
			continue
		}
		for copies := s.copies(); copies > 0; copies-- {
			receivers++
			at := s.Now + s.random(s.Network.Delay)
			if s.Network.InOrder {
				at = max(at, to.heardAt[n])
				to.heardAt[n] = at
			}
			s.push(event{at: at, node: i, packet: slot})
		}
	}
	if receivers == 0 {
		return
	}
	if slot == len(s.packets) {
		s.packets = append(s.packets, packet{})
	} else {
		s.free = s.free[:len(s.free)-1]
	}
	p := &s.packets[slot]
	p.vrid, p.refs = a.Advert.VRID, receivers
	p.bytes = a.Advert.AppendIPv4(p.bytes[:0], wire.IPHeader{Source: a.Source, Destination: a.To[0], TTL: a.TTL, ID: 1})
}

func (s *Sim) copies() int {
	switch x := s.rng.Float64(); {
	case x < s.Network.Loss:
		return 0
	case x > 1-s.Network.Duplicate:
		return 2
	}
	return 1
}

func (s *Sim) random(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(s.rng.Int64N(int64(limit)))
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
			if n.held[a] {
				delete(n.held, a)
				n.act(n.engine.Step(n.now(), r.handle, election.AddressLost{Addr: a.Prefix}))
				return
			}
		}
	}
}

func (n *Node) all(ev election.Event) {
	for _, r := range append([]*router(nil), n.routers...) {
		n.act(n.engine.Step(n.now(), r.handle, ev))
	}
}

// Holds reports whether the host has the address.
func (n *Node) Holds(a election.Address) bool { return n.held[a] }

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
	var starts []*router
	for _, a := range actions {
		switch act := a.Action.(type) {
		case election.Start:
			r := &router{handle: a.Handle, vrid: act.Spec.VRID, addrs: act.Spec.All()}
			n.routers = append(n.routers, r)
			starts = append(starts, r)
		case election.SendAdvert:
			n.sim.send(n, act)
		case election.Own:
			n.router(a.Handle).addrs = addressesOf(act.Resources)
			n.order(a)
		case election.Stopped:
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
	})
}

// started is what a shell learns before it reports Started.
func (n *Node) started(r *router) election.Started {
	ev := election.Started{LinkUp: n.LinkUp, Source: n.Address}
	if n.life > 1 && !slices.ContainsFunc(r.addrs, func(a election.Address) bool { return !n.held[a] }) {
		ev.Silence = n.sim.Now - n.last
	}
	return ev
}

func (n *Node) schedule() {
	n.wakeAt = forever
	if n.engine == nil {
		return
	}
	if d, ok := n.engine.Deadline(); ok {
		n.wakeAt = max(n.sim.Now, n.Clock.when(d)) + n.sim.random(n.Lateness)
	}
}

var errNoAddress = errors.New("address cannot be installed")

// carryOut completes an effect and reports it.
func (n *Node) carryOut(e event) {
	switch act := e.action.(type) {
	case election.Own:
		n.act(n.engine.Step(n.now(), e.handle, election.EffectDone{Generation: act.Generation, Failures: n.own(act)}))
	case election.Stopped:
		for i, r := range n.routers {
			if r.handle == e.handle {
				n.routers = append(n.routers[:i:i], n.routers[i+1:]...)
				break
			}
		}
		if n.engine.Idle() {
			n.Crash()
		}
	}
}

// own has exactly what o wants in place of its router, except for what fails.
func (n *Node) own(o election.Own) (failures []election.Failure) {
	for _, a := range addressesOf(o.Remove) {
		delete(n.held, a)
	}
	for _, a := range addressesOf(o.Resources) {
		if n.FailAdds && !n.held[a] {
			failures = append(failures, election.Failure{Resource: a, Err: errNoAddress})
			continue
		}
		n.held[a] = true
	}
	return failures
}

func addressesOf(list []election.Resource) (addrs []election.Address) {
	for _, r := range list {
		addrs = append(addrs, r.(election.Address))
	}
	return addrs
}

func (n *Node) router(h election.Handle) *router {
	for _, r := range n.routers {
		if r.handle == h {
			return r
		}
	}
	return &router{}
}

func (n *Node) number() int {
	for i, o := range n.sim.Nodes {
		if o == n {
			return i
		}
	}
	return -1
}
