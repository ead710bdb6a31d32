// Package vrrptest simulates LANs of VRRP routers in virtual time: a discrete-event loop in which every router is a
// election.Engine with a clock of its own, and adverts travel as encoded packets that the network may lose, duplicate,
// delay or keep on one side of a partition. Runs are reproducible: equal seeds give equal histories.
package vrrptest

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
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
	// Neighbours are hosts with ARP caches.
	Neighbours []*Neighbour
	// Announcements counts those of all routers.
	Announcements int
	// Violation is the first breach of what must hold at every moment.
	Violation error
	// Observe, if not nil, is called after every change of anybody's addresses, and once per event.
	Observe func()

	rng     *rand.Rand
	queue   events
	seq     uint64
	packets []packet
	free    []int
	addrs   []netip.Addr
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
			waker.wakeAt = forever
			waker.act(waker.engine.Wake(waker.now()))
		} else {
			s.dispatch(heap.Pop(&s.queue).(event))
		}
		s.judge()
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
	if !n.LinkUp {
		return
	}
	n.last = s.Now
	if a.Advert.Priority == 0 {
		n.last = -forever / 2 // resigned: nothing to resume
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
