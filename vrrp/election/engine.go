package election

import (
	"cmp"
	"container/heap"
	"net/netip"
	"slices"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
)

// Handle names one virtual router of an Engine. It is never 0 and never used again, so what is still on its way to a
// router that has gone cannot reach its successor of the same name.
type Handle uint32

// InstanceAction is an Action with the virtual router it is for. Handle is 0 for GroupChanged.
type InstanceAction struct {
	Handle Handle
	Name   confparse.InstanceName
	Action Action
	// Fellows are, of a Notify, the members of the sync group that it is of or that the virtual router is in, itself among them;
	// nil if it is in none.
	Fellows []confparse.InstanceName
}

// Engine runs all virtual routers and sync groups of a process. Like Machine it is pure, and it is used by one
// goroutine at a time. Actions come in the order in which they must be carried out for one router; routers come in
// configuration order.
//
// The life of a router as the shell sees it: Start, upon which the shell steps Started; its actions; Stopped. The
// slices returned are reused by the next call. An advert that changes nothing costs no allocation.
type Engine struct {
	routers  map[Handle]*virtualRouter
	list     []*virtualRouter // configuration order; those that resign stay where they were
	groups   []*group
	queue    deadlines
	waiting  []InstanceSpec                // start once addresses that a resigning router holds are free
	tracked  map[track.ID][]*virtualRouter // who references an object
	values   map[track.ID]int              // last word about it
	untold   []*virtualRouter              // that may have news, in the order in which they are told
	toldAt   Instant                       // when some of them were last
	wanted   map[place][]*virtualRouter    // whose specs have a resource
	spared   []spared                      // by this Apply
	spec     Spec
	last     Handle
	stopping bool             // all routers are to go
	stepped  []*virtualRouter // by TakeStepped
	out      []InstanceAction
}

// virtualRouter is a Machine in an Engine.
type virtualRouter struct {
	handle   Handle
	spec     *InstanceSpec // the desired one; of a router that resigns, the last
	machine  *Machine
	group    *group
	left     *group // the one it was in before it resigned
	pos      int    // in order; decides between equal deadlines
	deadline Instant
	index    int              // in the queue
	news     []TrackerChanged // of which it has not been told, oldest first
	leaving  bool
	stepped  bool // in Engine.stepped
}

// NewEngine returns an Engine without virtual routers.
func NewEngine() *Engine {
	return &Engine{routers: make(map[Handle]*virtualRouter), values: make(map[track.ID]int)}
}

// Step feeds ev to the router of handle h and to its sync group. An unknown handle is legal: the router has gone.
func (e *Engine) Step(now Instant, h Handle, ev Event) []InstanceAction {
	e.out = e.out[:0]
	r := e.routers[h]
	if r == nil {
		return e.out
	}
	if stop, ok := ev.(Stop); ok {
		g := r.group
		e.retire(now, r, stop)
		if g != nil {
			e.align(now, g, move{})
		}
		e.launch(now)
		return e.out
	}
	if _, start := ev.(Started); start {
		if e.tellGroup(now, r); e.routers[h] != r {
			return e.out
		}
	}
	e.drive(now, r, ev)
	return e.out
}

// Wake fires every deadline that has passed, and goes on with what Track began.
func (e *Engine) Wake(now Instant) []InstanceAction {
	e.out = e.out[:0]
	for len(e.queue) > 0 && e.queue[0].deadline <= now {
		r := e.queue[0]
		if r.machine.state != Master && e.tellGroup(now, r) {
			continue // it may have no reason to wake any more
		}
		e.drive(now, r, Wake{})
	}
	e.tellSome(now)
	return e.out
}

// index finds out anew which routers want a resource and which reference a tracked object.
func (e *Engine) index() {
	e.tracked, e.wanted = make(map[track.ID][]*virtualRouter), make(map[place][]*virtualRouter)
	for _, r := range e.list {
		for _, x := range r.spec.Resources() {
			e.wanted[placeOf(x)] = append(e.wanted[placeOf(x)], r)
		}
		if r.leaving {
			continue
		}
		for _, id := range r.spec.Tracked() {
			if list := e.tracked[id]; len(list) == 0 || list[len(list)-1] != r {
				e.tracked[id] = append(list, r)
			}
		}
	}
	for id := range e.values {
		if len(e.tracked[id]) == 0 {
			delete(e.values, id)
		}
	}
}

// Deadline returns when the Engine wants Wake next; false when no time will change anything.
func (e *Engine) Deadline() (Instant, bool) {
	d, ok := e.Timer()
	if e.Telling() {
		return min(d, e.toldAt), true
	}
	return d, ok
}

// Timer returns when the earliest timer of a router fires; false when none runs.
func (e *Engine) Timer() (Instant, bool) {
	if len(e.queue) == 0 || e.queue[0].deadline == Never {
		return Never, false
	}
	return e.queue[0].deadline, true
}

// Silent calls visit with each router whose deadline has passed and that is not MASTER, or was not run for so long that another
// may be MASTER by now, and with the members of its sync group if it may become MASTER for that: what has come for them must be
// known before Wake. It may visit one more than once.
func (e *Engine) Silent(now Instant, visit func(Handle)) { e.queue.silent(0, now, visit) }

// silent visits the part of the heap below i.
func (d deadlines) silent(i int, now Instant, visit func(Handle)) {
	if i >= len(d) || d[i].deadline > now {
		return
	}
	if r := d[i]; r.machine.state != Master || r.machine.succeeded(now) {
		visit(r.handle)
		if r.group != nil && r.group.mayRise(now) {
			for _, m := range r.group.members {
				if m.machine.state != Master {
					visit(m.handle)
				}
			}
		}
	}
	d.silent(2*i+1, now, visit)
	d.silent(2*i+2, now, visit)
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
	machines := make([]MachineStatus, len(e.list))
	for i, r := range e.list {
		machines[i] = r.machine.Status()
		machines[i].Handle = r.handle
	}
	groups := make([]GroupStatus, len(e.groups))
	for i, g := range e.groups {
		groups[i] = GroupStatus{Name: g.name, State: g.state}
	}
	return machines, groups
}

// Explain returns why the router of handle h is what it is now; false when it has gone.
func (e *Engine) Explain(now Instant, h Handle) (Explanation, bool) {
	r := e.routers[h]
	if r == nil {
		return Explanation{}, false
	}
	return r.machine.Explain(now), true
}

// StopLimit is the longest time that Stop takes if effects take none, routers that resign already included.
func (e *Engine) StopLimit() (limit time.Duration) {
	for _, r := range e.list {
		m := r.machine
		limit = max(limit, m.spec.StopLimit())
		if until := m.timers.release; until != Never { // with the members of a group that was slower
			limit = max(limit, until.Sub(m.now)+handOverGrace)
		}
	}
	return limit
}

// Idle reports that every virtual router has Stopped and none is to start.
func (e *Engine) Idle() bool { return len(e.routers) == 0 && len(e.waiting) == 0 }

// drive steps r and lets its sync group and the routers that wait for it follow.
func (e *Engine) drive(now Instant, r *virtualRouter, ev Event) {
	before := r.machine.standing()
	e.step(now, r, ev)
	if g := r.group; g != nil {
		m := r.machine
		mv := move{r, before.state == Master && m.state == Backup, m.lost, m.lower, m.accepted && g.mixed}
		if m.standing() != before || mv.lower || mv.outranked {
			e.align(now, g, mv)
		}
	}
	if r.machine.phase == ended {
		e.launch(now)
	}
}

const (
	// crowd is how many virtual routers an Engine has at the least when it spreads their adverts over slots.
	crowd = 64
	slots = 64
)

// step feeds ev to r alone.
func (e *Engine) step(now Instant, r *virtualRouter, ev Event) {
	if !r.stepped {
		r.stepped = true
		e.stepped = append(e.stepped, r)
	}
	r.machine.slot = 0
	if len(e.routers) >= crowd {
		r.machine.slot = int(r.handle % slots)
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
func (e *Engine) put(r *virtualRouter, a Action) {
	if own, ok := a.(Own); ok && len(own.Remove) > 0 {
		own.Remove = slices.DeleteFunc(own.Remove, func(x Resource) bool {
			promised := e.promisedByOther(r, x)
			if promised {
				e.spared = append(e.spared, spared{r, x})
			}
			return promised || e.servedByOther(r, x)
		})
		a = own
	}
	act := InstanceAction{Handle: r.handle, Name: r.spec.Name, Action: a}
	if _, ok := a.(Notify); ok {
		if g := cmp.Or(r.group, r.left); g != nil {
			act.Fellows = g.fellows
		}
	}
	e.out = append(e.out, act)
}

// servedByOther reports whether another router than r has x in place.
func (e *Engine) servedByOther(r *virtualRouter, x Resource) bool {
	return e.otherHas(r, x, func(m *Machine, is func(Resource) bool) bool {
		return m.present && slices.ContainsFunc(m.owned, is)
	})
}

// promisedByOther reports whether another router than r, a MASTER, is about to have x in place, by its new spec.
func (e *Engine) promisedByOther(r *virtualRouter, x Resource) bool {
	return e.otherHas(r, x, func(m *Machine, is func(Resource) bool) bool {
		return m.state == Master && m.hooks.preparing == 0 && !slices.ContainsFunc(m.owned, is)
	})
}

// otherHas reports whether has is true of another router than r whose spec has x; is recognizes x.
func (e *Engine) otherHas(r *virtualRouter, x Resource, has func(m *Machine, is func(Resource) bool) bool) bool {
	place := placeOf(x)
	is := func(y Resource) bool { return placeOf(y) == place }
	return slices.ContainsFunc(e.wanted[place], func(o *virtualRouter) bool {
		return o != r && e.routers[o.handle] == o && has(o.machine, is)
	})
}

// spared is a resource that r let go of because another router was about to have it.
type spared struct {
	router   *virtualRouter
	resource Resource
}

// reclaim is the event that the router has to remove a resource after all.
type reclaim struct{ resource Resource }

func (reclaim) event() {}

// checkSpared removes what was spared in vain: the other router has left MASTER before it came to that.
func (e *Engine) checkSpared(now Instant) {
	for _, s := range e.spared {
		if e.routers[s.router.handle] == s.router && !e.servedByOther(s.router, s.resource) {
			e.step(now, s.router, reclaim{s.resource})
		}
	}
	e.spared = e.spared[:0]
}

// place is what resources have in common that are one on the host.
type place any

// placeOf returns the place of x: of addresses, whatever their other attributes are; of routes and rules, whoever cares
// for them.
func placeOf(x Resource) place {
	switch x := x.(type) {
	case Address:
		return addressPlace{x.Prefix, x.Link}
	case Route:
		return x.Route
	case Rule:
		return x.Rule
	}
	return x
}

type addressPlace struct {
	prefix netip.Prefix
	link   string
}

// deadlines is a heap of routers, the earliest deadline first.
type deadlines []*virtualRouter

func (d deadlines) Len() int { return len(d) }
func (d deadlines) Less(i, j int) bool {
	return d[i].deadline < d[j].deadline || d[i].deadline == d[j].deadline && d[i].pos < d[j].pos
}
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}
func (d *deadlines) Push(x any) {
	r := x.(*virtualRouter)
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
