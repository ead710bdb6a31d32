package vrrptest

import (
	"fmt"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// What holds at every moment, whatever the network does: a router that is no MASTER announces nothing, no longer answers
// for its addresses once the effect has had its time, and holds them no longer than the hand-over takes.

// memory is what the judge remembers of a virtual router.
type memory struct {
	state     election.State
	told      election.State // the last Notify
	rank      uint8          // its effective priority
	pace      time.Duration  // the longest interval of its own and of those that it has heard
	quietBy   time.Duration  // a router that is no MASTER answers for nothing from then on,
	releaseBy time.Duration  // and holds nothing
	heardAt   time.Duration  // an advert of another one
	bowedAt   time.Duration  // an advert of one that it must wait for
	sentAt    time.Duration  // an advert
	excusedAt time.Duration  // something happened that one advert answers
	calmSince time.Duration  // nothing but adverts has happened to it since then
	metAt     time.Duration  // it gave way to another MASTER, and said so (higher_prio_send_advert)
	rivalAt   time.Duration  // it is MASTER and met a lesser one; 0 = has put that right
	// saidAt is when each address was announced last, or answered for the first time.
	saidAt map[election.Address]time.Duration
}

// handOverGrace is how long a router that gave way goes on serving.
const handOverGrace = 200 * time.Millisecond

// fail notes the first thing that went wrong.
func (s *Sim) fail(format string, args ...any) {
	if s.Violation == nil {
		s.Violation = fmt.Errorf("at %v: %w", s.Now, fmt.Errorf(format, args...))
	}
}

// moved notes when a virtual router has to have let go.
func (n *Node) moved(r *virtualRouter, c election.StateChanged) {
	r.state = c.To
	n.sim.moves++
	n.changed(r)
	said := r.spec.HigherPrioritySendAdvert && r.spec.AuthType != wire.AuthAH // whose numbers the survivor may be ahead of
	if c.From == election.Master && said && (c.Cause == election.CauseHigherPriority || c.Cause == election.CauseSamePriority) {
		r.metAt = n.sim.Now
	}
	limit := time.Duration(0)
	switch {
	case c.To == election.Master:
		r.quietBy, r.releaseBy = forever, forever
		return
	case c.Cause == election.CauseStop:
		limit = n.process.StopLimit()
	case c.From == election.Master || c.To == election.Backup:
		limit = handOverGrace
	}
	slack := 2*n.Lateness + n.Latency + limit/100 + time.Millisecond // a successor may be heard when the deadline is due
	r.quietBy = n.sim.Now + n.Latency
	if c.From != election.Master { // what was quiet stays so
		r.quietBy = max(r.quietBy, n.sim.Now+slack)
	}
	r.releaseBy = n.sim.Now + limit + slack
	if c.Cause == election.CauseStop { // until a successor is heard, somebody has to answer
		r.quietBy = max(r.quietBy, r.releaseBy)
	}
}

// mends is how long after a stall a process has done what was due in it.
func (n *Node) mends() time.Duration {
	return 2*n.Lateness + n.Latency + handOverGrace + time.Millisecond
}

// judge looks at what the passing of time has made of a node, before something happens to it; -1: of all.
func (s *Sim) judge(node int) {
	if node >= 0 {
		s.Nodes[node].judge()
		return
	}
	for _, n := range s.Nodes {
		n.judge()
	}
}

// judge looks at the node's routers.
func (n *Node) judge() {
	s := n.sim
	if n.stalledUntil > s.Now {
		return
	}
	for _, r := range n.routers {
		n.watch(r)
		if s.Now <= max(min(r.releaseBy, r.quietBy), n.stalledUntil+n.mends()) {
			continue
		}
		for a := range r.mine {
			if s.Now > max(r.releaseBy, n.stalledUntil+n.mends()) {
				s.fail("e: host %d is %v and holds %v since %v", n.number(), r.state, a.Prefix, r.releaseBy)
			}
			if s.Now > max(r.quietBy, n.stalledUntil+n.mends()) && n.held[a] && !n.Talkative {
				s.fail("e: host %d is %v and answers for %v since %v", n.number(), r.state, a.Prefix, r.quietBy)
			}
		}
	}
	for i := range n.spec.Groups {
		n.together(&n.spec.Groups[i])
	}
}
