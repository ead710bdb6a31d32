package vrrptest

import (
	"fmt"
	"slices"
	"time"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// The invariants, with the letters of docs/sim.md. In the chaos:
//
//	b  who hears nobody and is sound becomes MASTER within a master-down time
//	d  a MASTER's adverts are never further apart than its interval, whatever is reloaded
//	e  who is no MASTER holds and answers for nothing (judge.go)
//	g  what is told follows from what was told before
//	h  a reload takes no address away from a MASTER that keeps it
//
// and when the network is sound again (settled): a, exactly one MASTER; c, which nobody outranks that may preempt it;
// e, the addresses of every host are those of its MASTERs; f, the last announcement of each is its holder's; g, what was
// told last is the state.

// changed notes that something happened to r for which it may begin to wait anew.
func (n *Node) changed(r *virtualRouter) { r.calmSince = n.sim.Now }

// patience is the longest time that a router may wait for adverts, as its own clock and scheduler go.
func (s *Sim) patience(n *Node, r *virtualRouter) time.Duration {
	d := time.Duration(max(r.spec.DownTimerAdverts, 1))*s.slowest + max(s.slowest, time.Second)
	return d + d/50 + 2*n.Lateness + s.Network.Delay + n.Latency + time.Millisecond
}

// watch judges the invariants b and d of a router.
func (n *Node) watch(r *virtualRouter) {
	s := n.sim
	since := max(r.calmSince, n.stalledUntil, n.begun+n.spec.StartupDelay)
	switch r.state {
	case election.Master:
		limit := r.spec.AdvertInterval + r.spec.AdvertInterval/50 + 2*n.Lateness + time.Millisecond
		if s.Now-max(r.sentAt, n.stalledUntil) > limit && !n.Keepalived {
			s.fail("d: router %d is MASTER of %s and silent since %v", n.number(), r.spec.Name, r.sentAt)
		}
	case election.Backup:
		if patience := s.patience(n, r); s.Now-max(r.heardAt, since) > patience && !n.heldBack(r, patience) {
			s.fail("b: router %d is BACKUP of %s, hears nobody since %v and waits since %v", n.number(), r.spec.Name, r.heardAt, since)
		}
	}
}

// heldBack reports whether another member of its sync group may keep r waiting: each rearms its timer while it does.
func (n *Node) heldBack(r *virtualRouter, patience time.Duration) bool {
	for _, g := range n.spec.Groups {
		if !slices.Contains(g.Members, r.spec.Name) {
			continue
		}
		for _, m := range n.routers {
			if slices.Contains(g.Members, m.spec.Name) && n.sim.Now-max(m.heardAt, m.calmSince, n.stalledUntil, r.calmSince) <= 2*patience {
				return true
			}
		}
	}
	return false
}

// mayOwn judges the invariant h.
func (n *Node) mayOwn(r *virtualRouter, o election.Own) {
	for _, a := range addressesOf(o.Remove) {
		if r.state == election.Master && slices.Contains(r.spec.All(), a) {
			n.sim.fail("h: router %d is MASTER of %s and removes %v, which it keeps", n.number(), r.spec.Name, a.Prefix)
		}
	}
}

// notified judges that what is told follows from what was told before (g).
func (n *Node) notified(r *virtualRouter, a election.Notify) {
	if a.Kind != election.NotifyTransition {
		return
	}
	last, name := r.told, string(r.spec.Name)
	if a.Group != "" {
		name = string(a.Group)
		last, n.groups[name] = n.groups[name], a.To
	} else {
		r.told = a.To
	}
	if a.From != last || a.From == a.To {
		n.sim.fail("g: router %d tells that %s is %v after %v, when the last word was %v", n.number(), name, a.To, a.From, last)
	}
}

// settled judges what holds when the network has been sound for long enough: a, c, e, f and g. It returns the number of
// the router that is MASTER of everything.
func (s *Sim) settled() (master int, err error) {
	master = -1
	best := make(map[string]int)
	for i, n := range s.Nodes {
		for _, st := range n.Status() {
			if st.State != election.Master {
				continue
			}
			if j, taken := best[string(st.Name)]; taken {
				return -1, fmt.Errorf("a: routers %d and %d are both MASTER of %s at %v", j, i, st.Name, s.Now)
			}
			best[string(st.Name)], master = i, i
		}
	}
	for _, in := range s.Nodes[0].spec.Instances {
		holder, ok := best[string(in.Name)]
		if !ok {
			return -1, fmt.Errorf("a: nobody is MASTER of %s at %v", in.Name, s.Now)
		}
		if holder != master {
			return -1, fmt.Errorf("a: routers %d and %d share a sync group at %v", holder, master, s.Now)
		}
		if err := s.outranked(in.Name, holder); err != nil {
			return -1, err
		}
	}
	return master, nil
}

// outranked judges c: nobody who may preempt is of higher effective priority than the holder.
func (s *Sim) outranked(name confparse.InstanceName, holder int) error {
	rank := make([]uint8, len(s.Nodes))
	for i, n := range s.Nodes {
		for _, st := range n.Status() {
			if st.Name == name {
				rank[i] = st.Priority
			}
		}
	}
	for i, n := range s.Nodes {
		may := slices.ContainsFunc(n.routers, func(r *virtualRouter) bool { return r.spec.Name == name && !r.spec.NoPreempt })
		if may && rank[i] > rank[holder] {
			return fmt.Errorf("c: router %d (priority %d) is MASTER of %s at %v, not router %d (priority %d)", holder, rank[holder], name, s.Now, i, rank[i])
		}
	}
	return nil
}

// met is when the virtual router of that name gave way to another MASTER; 0 when it never did.
func (n *Node) met(name confparse.InstanceName) time.Duration {
	for _, r := range n.routers {
		if r.spec.Name == name {
			return r.metAt
		}
	}
	return 0
}

// accounts judges what hosts hold and what was told, some time after the last change. The last
// announcement may be of a router that has not met the MASTER since healed: that it announced the address nobody can know.
func (s *Sim) accounts(healed time.Duration) error {
	for i, n := range s.Nodes {
		want := make(map[election.Address]bool)
		for _, r := range n.routers {
			if r.told != r.state {
				return fmt.Errorf("g: router %d is %v of %s, and %v was told last", i, r.state, r.spec.Name, r.told)
			}
			if r.state != election.Master {
				continue
			}
			for _, a := range r.spec.All() {
				want[a] = true
				if by := s.garped[a.Prefix.Addr()]; by != n && (by == nil || by.met(r.spec.Name) >= max(healed, n.begun+n.spec.StartupDelay)) {
					return fmt.Errorf("f: router %d is MASTER, and the last announcement of %v was router %d's", i, a.Prefix, slices.Index(s.Nodes, by))
				}
			}
		}
		for a := range want {
			if !n.Holds(a) {
				return fmt.Errorf("e: router %d is MASTER without %v", i, a.Prefix)
			}
		}
		for a := range n.held {
			if !want[a] {
				return fmt.Errorf("e: router %d holds %v, which is not its own", i, a.Prefix)
			}
		}
	}
	return nil
}
