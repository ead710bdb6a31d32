package vrrp

import (
	"container/heap"
	"slices"

	"vigil/confparse"
)

// Handle names one virtual router of an Engine. It is never 0 and never used again, so what is still on its way to a
// router that has gone cannot reach its successor of the same name.
type Handle uint32

// InstanceAction is an Action with the virtual router it is for. Handle is 0 for GroupChanged.
type InstanceAction struct {
	Handle Handle
	Name   confparse.InstanceName
	Action Action
}

// Engine runs all virtual routers and sync groups of a process. Like Machine it is pure, and it is used by one
// goroutine at a time. Actions come in the order in which they must be carried out for one router; routers come in
// configuration order.
//
// The life of a router as the shell sees it: Start, upon which the shell steps Started; its actions; Stopped. The
// slices returned are reused by the next call. An advert that changes nothing costs no allocation.
type Engine struct {
	routers map[Handle]*router
	order   []*router // configuration order; those that resign stay where they were
	groups  []*group
	queue   deadlines
	waiting []InstanceSpec // start once addresses that a resigning router holds are free
	spec    Spec
	last    Handle
	out     []InstanceAction
}

// router is a Machine in an Engine.
type router struct {
	handle   Handle
	name     confparse.InstanceName // the one it has in the spec, or had when it was told to resign
	machine  *Machine
	group    *group
	pos      int // in order; decides between equal deadlines
	deadline Instant
	index    int // in the queue
	leaving  bool
}

// NewEngine returns an Engine without virtual routers.
func NewEngine() *Engine { return &Engine{routers: make(map[Handle]*router)} }

// Apply makes spec the desired state. A router whose Key stays lives on: untouched when its spec is equal, reconfigured
// in place otherwise, whatever its name. Others resign, and new ones start; one that wants an address which a resigning
// router still holds starts after that one's Stopped.
func (e *Engine) Apply(now Instant, spec Spec) []InstanceAction {
	e.out = e.out[:0]
	wanted := orderedInstances(spec)
	kept := e.match(wanted)
	e.spec, e.waiting = spec, e.waiting[:0]
	for i, r := range kept {
		if r == nil {
			e.waiting = append(e.waiting, wanted[i])
		} else {
			r.name = wanted[i].Name
		}
	}
	for _, r := range slices.Clone(e.order) {
		if !slices.Contains(kept, r) {
			e.retire(now, r)
		}
	}
	e.regroup(now)
	for i, r := range kept {
		if r != nil && !r.machine.spec.Equal(wanted[i]) {
			e.put(r, Configure{Spec: wanted[i]})
			e.drive(now, r, SpecChanged{Spec: wanted[i]})
		}
	}
	e.launch(now)
	return e.out
}

// Stop resigns all virtual routers, in order. It is Apply of an empty Spec.
func (e *Engine) Stop(now Instant) []InstanceAction { return e.Apply(now, Spec{}) }

// Step feeds ev to the router of handle h and to its sync group. An unknown handle is legal: the router has gone.
func (e *Engine) Step(now Instant, h Handle, ev Event) []InstanceAction {
	e.out = e.out[:0]
	r := e.routers[h]
	if r == nil {
		return e.out
	}
	if _, stop := ev.(Stop); stop {
		g := r.group
		e.retire(now, r)
		if g != nil {
			e.settle(now, g, move{})
		}
		e.launch(now)
		return e.out
	}
	e.drive(now, r, ev)
	return e.out
}

// Wake fires every deadline that has passed.
func (e *Engine) Wake(now Instant) []InstanceAction {
	e.out = e.out[:0]
	for len(e.queue) > 0 && e.queue[0].deadline <= now {
		e.drive(now, e.queue[0], Wake{})
	}
	return e.out
}

// Deadline returns when the Engine wants Wake next; false when no time will change anything.
func (e *Engine) Deadline() (Instant, bool) {
	if len(e.queue) == 0 || e.queue[0].deadline == never {
		return never, false
	}
	return e.queue[0].deadline, true
}

// Status returns snapshots of the virtual routers and the sync groups in configuration order.
func (e *Engine) Status() ([]MachineStatus, []GroupStatus) {
	machines := make([]MachineStatus, len(e.order))
	for i, r := range e.order {
		machines[i] = r.machine.Status()
		machines[i].Handle = r.handle
	}
	groups := make([]GroupStatus, len(e.groups))
	for i, g := range e.groups {
		groups[i] = GroupStatus{Name: g.name, State: g.state}
	}
	return machines, groups
}

// Idle reports that every virtual router has Stopped and none is to start.
func (e *Engine) Idle() bool { return len(e.routers) == 0 && len(e.waiting) == 0 }

// drive steps r and lets its sync group and the routers that wait for it follow.
func (e *Engine) drive(now Instant, r *router, ev Event) {
	before := r.machine.standing()
	e.step(now, r, ev)
	if g := r.group; g != nil {
		m := r.machine
		mv := move{r, before.state == Master && m.state == Backup, m.lost, m.lower, m.accepted && g.mixed}
		if m.standing() != before || mv.lower || mv.outranked {
			e.settle(now, g, mv)
		}
	}
	if r.machine.phase == ended {
		e.launch(now)
	}
}

// step feeds ev to r alone.
func (e *Engine) step(now Instant, r *router, ev Event) {
	for _, a := range r.machine.Step(now, ev) {
		e.put(r, a)
	}
	if r.machine.phase == ended {
		e.remove(r)
		return
	}
	if d, _ := r.machine.Deadline(); d != r.deadline {
		r.deadline = d
		heap.Fix(&e.queue, r.index)
	}
}

func (e *Engine) put(r *router, a Action) {
	e.out = append(e.out, InstanceAction{Handle: r.handle, Name: r.name, Action: a})
}

// retire takes r out of its group, which does not follow it, and has it resign.
func (e *Engine) retire(now Instant, r *router) {
	if r.leaving {
		return
	}
	r.leaving = true
	if g := r.group; g != nil {
		g.members = slices.DeleteFunc(g.members, func(m *router) bool { return m == r })
		r.group = nil
	}
	e.step(now, r, Stop{})
}

// remove forgets r.
func (e *Engine) remove(r *router) {
	delete(e.routers, r.handle)
	e.order = slices.DeleteFunc(e.order, func(o *router) bool { return o == r })
	heap.Remove(&e.queue, r.index)
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
		r := &router{handle: e.last, name: s.Name, machine: NewMachine(s), deadline: never}
		e.routers[r.handle] = r
		e.order = append(e.order, r)
		heap.Push(&e.queue, r)
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
	return slices.ContainsFunc(e.order, func(r *router) bool {
		return r.leaving && (r.machine.spec.Key() == s.Key() || sharesAddress(&r.machine.spec, &s))
	})
}

func sharesAddress(a, b *InstanceSpec) bool {
	for _, list := range [][]Address{a.Addresses, a.Excluded} {
		for _, x := range list {
			same := func(y Address) bool { return x.Prefix.Addr() == y.Prefix.Addr() && x.Link == y.Link }
			if slices.ContainsFunc(b.Addresses, same) || slices.ContainsFunc(b.Excluded, same) {
				return true
			}
		}
	}
	return false
}

// match finds the running router of each wanted spec, or nil: one of the same Key, preferably of the same name (several
// unicast instances may share a Key).
func (e *Engine) match(wanted []InstanceSpec) []*router {
	byKey := make(map[InstanceKey][]*router, len(e.order))
	for _, r := range e.order {
		if !r.leaving {
			k := r.machine.spec.Key()
			byKey[k] = append(byKey[k], r)
		}
	}
	kept := make([]*router, len(wanted))
	take := func(i int, named bool) {
		k := wanted[i].Key()
		for j, r := range byKey[k] {
			if !named || r.name == wanted[i].Name {
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

// orderedInstances lists the instances in Order, and any that Order forgets by name.
func orderedInstances(spec Spec) []InstanceSpec {
	names := make([]confparse.InstanceName, 0, len(spec.Instances))
	seen := make(map[confparse.InstanceName]bool, len(spec.Instances))
	for _, n := range spec.Order {
		if _, ok := spec.Instances[n]; ok && !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	var rest []confparse.InstanceName
	for n := range spec.Instances {
		if !seen[n] {
			rest = append(rest, n)
		}
	}
	slices.Sort(rest)
	list := make([]InstanceSpec, 0, len(spec.Instances))
	for _, n := range append(names, rest...) {
		list = append(list, spec.Instances[n])
	}
	return list
}

// deadlines is a heap of routers, the earliest deadline first.
type deadlines []*router

func (d deadlines) Len() int { return len(d) }
func (d deadlines) Less(i, j int) bool {
	return d[i].deadline < d[j].deadline || d[i].deadline == d[j].deadline && d[i].pos < d[j].pos
}
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}
func (d *deadlines) Push(x any) {
	r := x.(*router)
	r.index = len(*d)
	*d = append(*d, r)
}
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	r := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return r
}
