package election

import (
	"container/heap"
	"slices"
	"time"
)

// Apply makes spec the desired state. A router whose Key stays lives on: untouched when its spec is equal, reconfigured
// in place otherwise, whatever its name. Others resign, and new ones start; one that wants an address which a resigning
// router still holds starts after that one's Stopped.
func (e *Engine) Apply(now Instant, spec Spec) []InstanceAction {
	e.stopping = false
	return e.apply(now, spec)
}

func (e *Engine) apply(now Instant, spec Spec) []InstanceAction {
	e.out = e.out[:0]
	e.tellAll(now)
	wanted := spec.Instances
	kept := e.match(wanted)
	e.spec, e.waiting = spec, e.waiting[:0]
	for i, r := range kept {
		if r == nil {
			e.waiting = append(e.waiting, wanted[i])
		} else {
			r.spec = &wanted[i]
		}
	}
	e.index()
	e.retireAll(now, func(r *virtualRouter) bool { return !slices.Contains(kept, r) })
	e.regroup(now)
	for _, r := range kept {
		if r != nil && !r.machine.spec.Equal(*r.spec) {
			e.put(r, Configure{Spec: *r.spec})
			e.inform(now, r, r.spec)
			e.drive(now, r, SpecChanged{Spec: *r.spec})
		}
	}
	e.checkSpared(now)
	e.launch(now)
	return e.out
}

// Stop resigns all virtual routers, in order. It is Apply of an empty Spec. It takes StopLimit at most.
func (e *Engine) Stop(now Instant) []InstanceAction {
	e.stopping = true
	return e.apply(now, Spec{})
}

// StopAtOnce has all virtual routers release their resources without waiting for successors, those that resign already
// too. Nothing is left to do afterwards.
func (e *Engine) StopAtOnce(now Instant) []InstanceAction {
	e.out = e.out[:0]
	e.tellAll(now)
	e.spec, e.waiting, e.stopping = Spec{}, nil, true
	for _, r := range slices.Clone(e.list) {
		e.retire(now, r, Stop{AtOnce: true})
	}
	e.regroup(now)
	return e.out
}

// retireAll has those routers resign. The members of a sync group keep their resources as long as the slowest of them:
// their successors wait for each other too.
func (e *Engine) retireAll(now Instant, which func(*virtualRouter) bool) {
	var list []*virtualRouter
	hold := make(map[*group]time.Duration)
	for _, r := range e.list {
		if which(r) && !r.leaving {
			list = append(list, r)
			if r.group != nil {
				hold[r.group] = max(hold[r.group], r.machine.spec.resignWait())
			}
		}
	}
	for _, r := range list {
		e.retire(now, r, Stop{Hold: hold[r.group], Removed: !e.stopping})
	}
}

// retire takes r out of its group, which does not follow it, and has it resign.
func (e *Engine) retire(now Instant, r *virtualRouter, ev Stop) {
	if g := r.group; g != nil {
		g.members = slices.DeleteFunc(g.members, func(m *virtualRouter) bool { return m == r })
		r.group, r.left = nil, g
	}
	if !r.leaving || ev.AtOnce {
		r.leaving = true
		e.step(now, r, ev)
	}
}

// remove forgets r.
func (e *Engine) remove(r *virtualRouter) {
	delete(e.routers, r.handle)
	e.list = slices.DeleteFunc(e.list, func(o *virtualRouter) bool { return o == r })
	heap.Remove(&e.queue, r.index)
	if r.left != nil {
		e.notify(r.left)
	}
}

// launch starts the waiting routers whose addresses are free.
func (e *Engine) launch(now Instant) {
	if len(e.waiting) == 0 {
		return
	}
	started := false
	e.waiting = slices.DeleteFunc(e.waiting, func(s InstanceSpec) bool {
		if e.blocked(s) {
			return false
		}
		e.last++
		r := &virtualRouter{handle: e.last, spec: &s, machine: NewMachine(s), deadline: Never}
		e.routers[r.handle] = r
		e.list = append(e.list, r)
		heap.Push(&e.queue, r)
		e.inform(now, r, &s)
		e.put(r, Start{Spec: s})
		started = true
		return true
	})
	if started {
		e.regroup(now)
	}
}

// blocked reports whether a resigning router still stands for what s wants.
func (e *Engine) blocked(s InstanceSpec) bool {
	return slices.ContainsFunc(e.list, func(r *virtualRouter) bool {
		return r.leaving && (r.spec.Key() == s.Key() || SharesAddress(r.spec, &s))
	})
}

// SharesAddress reports whether a and b name a common address, with whatever attributes: only one of them can have it.
func SharesAddress(a, b *InstanceSpec) bool {
	return slices.ContainsFunc(a.Addresses, b.holds) || slices.ContainsFunc(a.Excluded, b.holds)
}

// holds reports whether a is among the addresses of s, with whatever attributes.
func (s *InstanceSpec) holds(a Address) bool {
	same := func(b Address) bool { return a.Prefix.Addr() == b.Prefix.Addr() && a.Link == b.Link }
	return slices.ContainsFunc(s.Addresses, same) || slices.ContainsFunc(s.Excluded, same)
}

// match finds the running router of each wanted spec, or nil: one of the same Key, preferably of the same name (several
// unicast instances may share a Key).
func (e *Engine) match(wanted []InstanceSpec) []*virtualRouter {
	byKey := make(map[InstanceKey][]*virtualRouter, len(e.list))
	for _, r := range e.list {
		if !r.leaving {
			k := r.spec.Key()
			byKey[k] = append(byKey[k], r)
		}
	}
	kept := make([]*virtualRouter, len(wanted))
	take := func(i int, named bool) {
		k := wanted[i].Key()
		for j, r := range byKey[k] {
			if !named || r.spec.Name == wanted[i].Name {
				kept[i] = r
				byKey[k] = slices.Delete(byKey[k], j, j+1)
				return
			}
		}
	}
	for i := range wanted {
		take(i, true)
	}
	for i := range wanted {
		if kept[i] == nil {
			take(i, false)
		}
	}
	return kept
}
