// Package vrrptest simulates LANs of VRRP routers in virtual time: a discrete-event loop in which every router is an
// election.Engine, or a Keepalived, with a clock of its own, and adverts travel as encoded packets that the network may
// lose, duplicate, delay, reorder, carry in one direction only or keep on one side of a partition. Hosts lose links and
// addresses, their programs stall, crash, fail and are reloaded. Runs are reproducible: equal seeds give equal histories.
//
// What must hold is in judge.go, invariants.go, group.go and settled.go; Scenario is a history that is drawn from a seed,
// judged and shrunk.
package vrrptest

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/election"
)

// Clock maps simulated time to the Instant a router sees.
type Clock struct {
	Offset election.Instant
	PPM    int // parts per million the clock runs fast
}

func (c Clock) read(t time.Duration) election.Instant {
	const million = 1_000_000
	ppm := time.Duration(c.PPM)
	return c.Offset + election.Instant(t+t/million*ppm+t%million*ppm/million) // never backwards
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

// Sim is a set of routers on one simulated network. Links of one name are on one LAN, unless Node.LAN says otherwise.
type Sim struct {
	Now     time.Duration // simulated time since the start
	Steps   uint64        // that all routers have taken
	Network Network
	Nodes   []*Node
	// Neighbours are hosts with ARP caches.
	Neighbours []*Neighbour
	// Announcements counts those of all routers.
	Announcements int
	// Violation is the first breach of what must hold at every moment.
	Violation error
	// Observe, if not nil, is called after every change of anybody's addresses, and once per event.
	Observe func()
	// Trace, if not nil, is called with every action before it is carried out. A Node that is nil stands for nobody.
	Trace func(*Node, election.InstanceAction)

	mutate func(process) process // breaks every Engine, so that a test sees it caught; nil does not

	rng     *rand.Rand
	deaf    map[direction]bool
	moves   int                  // transitions of all routers
	garped  map[netip.Addr]*Node // who was the last to announce an address
	queue   events
	seq     uint64
	packets []packet
	free    []int
	addrs   []netip.Addr
}

type event struct {
	at     time.Duration
	seq    uint64
	node   int // that it concerns, or -1
	life   int
	packet int           // index, or -1
	waited time.Duration // of a packet, for a node that stalled
	handle election.Handle
	action election.Action
	term   int // of the router's schedule
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
func NewSim(seed uint64) *Sim {
	return &Sim{
		rng:  rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)),
		deaf: make(map[direction]bool), garped: make(map[netip.Addr]*Node),
	}
}

// AddNode adds a host that is up and runs no process.
func (s *Sim) AddNode(n Node) *Node {
	n.sim, n.wakeAt, n.LinkUp = s, forever, true
	n.held, n.heardAt = make(map[election.Address]bool), make(map[*Node]time.Duration)
	n.cut, n.apart, n.values = make(map[string]bool), make(map[string]int), make(map[track.ID]int)
	s.Nodes = append(s.Nodes, &n)
	return &n
}

// At runs f at simulated time t.
func (s *Sim) At(t time.Duration, f func()) { s.push(event{at: t, node: -1, packet: -1, run: f}) }

// at is At of something that concerns n alone.
func (n *Node) at(t time.Duration, f func()) {
	n.sim.push(event{at: t, node: n.number(), packet: -1, run: f})
}

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
			s.judge(-1)
			return
		}
		s.Now = max(s.Now, next)
		if waker != nil {
			waker.judge()
			waker.wakeAt = forever
			waker.act(waker.process.Wake(waker.now()))
		} else {
			e := heap.Pop(&s.queue).(event)
			s.judge(e.node)
			s.dispatch(e)
		}
		if s.Observe != nil {
			s.Observe()
		}
	}
}

func (s *Sim) dispatch(e event) {
	if e.node >= 0 && e.run == nil && s.Nodes[e.node].stalledUntil > s.Now { // it waits in a socket or a channel
		n := s.Nodes[e.node]
		if !n.suspended { // or no time passes for it
			e.waited = n.stalledUntil - s.Now
		}
		e.at = n.stalledUntil
		s.push(e)
		return
	}
	switch {
	case e.run != nil:
		e.run()
	case e.packet >= 0:
		s.deliver(s.Nodes[e.node], &s.packets[e.packet], e.waited)
		if p := &s.packets[e.packet]; p.refs > 1 {
			p.refs--
		} else {
			s.free = append(s.free, e.packet)
		}
	case e.life == s.Nodes[e.node].life:
		s.Nodes[e.node].carryOut(e)
	}
}

func (s *Sim) random(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(s.rng.Int64N(int64(limit)))
}
