package vrrptest

import (
	"fmt"
	"slices"
	"time"

	"vigil/confparse"
	"vigil/vrrp/election"
)

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
			return fmt.Errorf("c: host %d (priority %d) is MASTER of %s at %v, not host %d (priority %d)", holder, rank[holder], name, s.Now, i, rank[i])
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
				return fmt.Errorf("g: host %d is %v of %s, and %v was told last", i, r.state, r.spec.Name, r.told)
			}
			if r.state != election.Master {
				continue
			}
			for _, a := range r.spec.All() {
				want[a] = true
				if by := s.garped[a.Prefix.Addr()]; by != n && (by == nil || by.met(r.spec.Name) >= max(healed, n.begun+n.spec.StartupDelay)) {
					return fmt.Errorf("f: host %d is MASTER, and the last announcement of %v was host %d's", i, a.Prefix, slices.Index(s.Nodes, by))
				}
			}
		}
		for a := range want {
			if !n.Holds(a) {
				return fmt.Errorf("e: host %d is MASTER without %v", i, a.Prefix)
			}
		}
		for a := range n.held {
			if !want[a] {
				return fmt.Errorf("e: host %d holds %v, which is not its own", i, a.Prefix)
			}
		}
	}
	return nil
}
