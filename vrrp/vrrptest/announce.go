package vrrptest

import (
	"net/netip"
	"slices"
	"time"

	"vigil/vrrp/election"
)

// schedule is what a virtual router still has to announce: at most one round per address.
type schedule struct {
	pending []round
	term    int  // counts cancellations: what was ordered before one is not announced after it
	busy    bool // one is under way
}

type round struct {
	addr election.Address
	left int
}

func (s *schedule) cancel() {
	s.pending = nil
	s.term++
}

// announce makes a round due.
func (n *Node) announce(r *virtualRouter, a election.Announce) {
	for _, addr := range a.Addresses {
		i := slices.IndexFunc(r.rounds.pending, func(p round) bool { return p.addr == addr })
		if i < 0 {
			r.rounds.pending = append(r.rounds.pending, round{addr, a.Repeat})
			continue
		}
		r.rounds.pending[i].left = max(r.rounds.pending[i].left, a.Repeat)
	}
	n.announceNext(r)
}

// announceNext has the next announcement of r leave after the time that one takes.
func (n *Node) announceNext(r *virtualRouter) {
	if r.rounds.busy || len(r.rounds.pending) == 0 {
		return
	}
	r.rounds.busy = true
	life := n.life
	n.at(n.sim.Now+n.Pace, func() {
		r.rounds.busy = false
		if life != n.life || len(r.rounds.pending) == 0 {
			return
		}
		p := r.rounds.pending[0]
		r.rounds.pending = r.rounds.pending[1:]
		if p.left--; p.left > 0 {
			r.rounds.pending = append(r.rounds.pending, p)
		}
		n.announced(r, p.addr)
		n.announceNext(r)
	})
}

// announced has an announcement leave the host. What could not be installed is passed over.
func (n *Node) announced(r *virtualRouter, a election.Address) {
	n.sim.Announcements++
	r.saidAt[a] = n.sim.Now
	if r.state != election.Master {
		n.sim.fail("e: host %d announces %v as %v", n.number(), a.Prefix, r.state)
	}
	if !n.Answers(a) {
		return
	}
	n.sim.garped[a.Prefix.Addr()] = n
	for _, h := range n.sim.Neighbours {
		if h.Side == n.Side {
			n.sim.carry(func() { h.learn(n, a.Prefix.Addr(), true) })
		}
	}
}

// lockTime is how long an ordinary answer is kept against later ones (arp(7), locktime).
const lockTime = time.Second

// Neighbour is a host on the LAN that is no router, with an ARP cache. It starts cold.
type Neighbour struct {
	Side int

	sim   *Sim
	cache map[netip.Addr]entry
}

type entry struct {
	node *Node
	at   time.Duration
}

// AddNeighbour adds a host with a cold cache.
func (s *Sim) AddNeighbour() *Neighbour {
	h := &Neighbour{sim: s, cache: make(map[netip.Addr]entry)}
	s.Neighbours = append(s.Neighbours, h)
	return h
}

// Ask sends an ARP request for the address of a. Whoever answers for it does, and the first answer counts.
func (h *Neighbour) Ask(a election.Address) {
	for _, n := range h.sim.Nodes {
		if n.Side != h.Side {
			continue
		}
		h.sim.carry(func() {
			if n.Answers(a) && n.Side == h.Side {
				h.sim.carry(func() { h.learn(n, a.Prefix.Addr(), false) })
			}
		})
	}
}

// learn takes an answer to a request, or a gratuitous announcement: that makes no new entry, but overrides an old one.
func (h *Neighbour) learn(n *Node, addr netip.Addr, gratuitous bool) {
	old, known := h.cache[addr]
	if gratuitous && known || !gratuitous && (!known || h.sim.Now-old.at >= lockTime) {
		h.cache[addr] = entry{n, h.sim.Now}
	}
}

// Sends returns the router that the neighbour sends packets for the address of a to; nil when it does not know one.
func (h *Neighbour) Sends(a election.Address) *Node { return h.cache[a.Prefix.Addr()].node }

// carry runs f when a frame has crossed the network, for each copy that arrives.
func (s *Sim) carry(f func()) {
	for range s.copies() {
		s.At(s.Now+s.random(s.Network.Delay), f)
	}
}
