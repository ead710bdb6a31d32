package vrrptest

import (
	"fmt"
	"time"

	"vigil/vrrp/election"
)

// What holds at every moment, whatever the network does: a router that is no MASTER announces nothing, no longer answers
// for its addresses once the effect has had its time, and holds them no longer than the hand-over takes.

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
	limit := time.Duration(0)
	switch {
	case c.To == election.Master:
		r.quietBy, r.releaseBy = forever, forever
		return
	case c.Cause == election.CauseStop:
		limit = n.engine.StopLimit()
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

// judge looks at all routers.
func (s *Sim) judge() {
	for i, n := range s.Nodes {
		for _, r := range n.routers {
			for a := range r.mine {
				if s.Now > r.releaseBy {
					s.fail("router %d is %v and holds %v since %v", i, r.state, a.Prefix, r.releaseBy)
				}
				if s.Now > r.quietBy && n.held[a] && !n.Talkative {
					s.fail("router %d is %v and answers for %v since %v", i, r.state, a.Prefix, r.quietBy)
				}
			}
		}
	}
}
