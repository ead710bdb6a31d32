package election

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
	stepped []*router // by TakeStepped
	out     []InstanceAction
}

// router is a Machine in an Engine.
type router struct {
	handle   Handle
	spec     *InstanceSpec // the desired one; of a router that resigns, the last
	machine  *Machine
	group    *group
	pos      int // in order; decides between equal deadlines
	deadline Instant
	index    int // in the queue
	leaving  bool
	stepped  bool // in Engine.stepped
}

// NewEngine returns an Engine without virtual routers.
func NewEngine() *Engine { return &Engine{routers: make(map[Handle]*router)} }

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
	if len(e.queue) == 0 || e.queue[0].deadline == Never {
		return Never, false
	}
	return e.queue[0].deadline, true
}

// Due calls visit with each router whose deadline has passed.
func (e *Engine) Due(now Instant, visit func(Handle)) { e.queue.due(0, now, visit) }

// due visits the part of the heap below i.
func (d deadlines) due(i int, now Instant, visit func(Handle)) {
	if i < len(d) && d[i].deadline <= now {
		visit(d[i].handle)
		d.due(2*i+1, now, visit)
		d.due(2*i+2, now, visit)
	}
}

// StatusOf returns the snapshot of one virtual router; false when there is none with that handle.
func (e *Engine) StatusOf(h Handle) (MachineStatus, bool) {
	r := e.routers[h]
	if r == nil {
		return MachineStatus{}, false
	}
	s := r.machine.Status()
	s.Handle = h
	return s, true
}

// TakeStepped returns the virtual routers that were given an event since the last call: the status of no other has
// changed. Those that have gone since are among them.
func (e *Engine) TakeStepped() []Handle {
	handles := make([]Handle, len(e.stepped))
	for i, r := range e.stepped {
		handles[i], r.stepped = r.handle, false
	}
	e.stepped = e.stepped[:0]
	return handles
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
	if !r.stepped {
		r.stepped = true
		e.stepped = append(e.stepped, r)
	}
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

// put adds an action of r. What r lets go of stays in place when another router serves it, as after a reload that moved
// an address from one instance to another: the shell carries out the actions of different routers in no fixed order.
func (e *Engine) put(r *router, a Action) {
	switch act := a.(type) {
	case SetAddresses:
		if act.Present {
			break
		}
		if rest := e.unserved(r, act.Addresses); len(rest) < len(act.Addresses) {
			a = ChangeAddresses{Remove: rest}
		}
	case ChangeAddresses:
		act.Remove = e.unserved(r, act.Remove)
		if len(act.Add)+len(act.Remove) == 0 {
			return
		}
		a = act
	}
	e.out = append(e.out, InstanceAction{Handle: r.handle, Name: r.spec.Name, Action: a})
}

// unserved returns those of the addresses that no other router has installed and is to keep.
func (e *Engine) unserved(r *router, list []Address) []Address {
	return slices.DeleteFunc(slices.Clone(list), func(a Address) bool {
		same := func(b Address) bool { return a.Prefix == b.Prefix && a.Link == b.Link }
		return slices.ContainsFunc(e.order, func(o *router) bool {
			return o != r && o.machine.present &&
				(slices.ContainsFunc(o.spec.Addresses, same) || slices.ContainsFunc(o.spec.Excluded, same))
		})
	})
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
