package vrrptest

import (
	"slices"
	"time"

	"vigil/vrrp/election"
)

// mates reports whether two virtual routers are in one sync group.
func (n *Node) mates(r, m *virtualRouter) bool {
	return slices.ContainsFunc(n.spec.Groups, func(g election.GroupSpec) bool {
		return slices.Contains(g.Members, r.spec.Name) && slices.Contains(g.Members, m.spec.Name)
	})
}

// heldBack reports whether another member of its sync group may keep r waiting: each rearms its timer while it does.
func (n *Node) heldBack(r *virtualRouter, patience time.Duration) bool {
	return slices.ContainsFunc(n.routers, func(m *virtualRouter) bool {
		return n.mates(r, m) && n.sim.Now-max(m.bowedAt, m.calmSince, r.calmSince, n.listens()) <= 2*max(patience, n.patience(m))
	})
}

// together judges a of sync groups: all members are in FAULT or none is, and who is left out by a reload is MASTER with the
// others, or they give way, as soon as it has listened.
func (n *Node) together(g *election.GroupSpec) {
	var count [5]int // by state
	var patience time.Duration
	since := n.listens()
	for _, r := range n.routers {
		if slices.Contains(g.Members, r.spec.Name) {
			count[r.state]++
			since, patience = max(since, r.calmSince), max(patience, n.patience(r))
		}
	}
	masters, backups, now := count[election.Master], count[election.Backup], n.sim.Now
	switch {
	case count[election.Fault] > 0 && masters+backups > 0 && now > since+2*n.Lateness+time.Millisecond:
		n.sim.fail("a: a part of sync group %s of host %d is in FAULT since %v", g.Name, n.number(), since)
	case masters > 0 && backups > 0 && now > since+2*patience:
		n.sim.fail("a: a part of sync group %s of host %d is MASTER since %v", g.Name, n.number(), since)
	}
}
