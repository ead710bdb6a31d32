package vrrp

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"vigil/vrrp/election"
)

// pacers keep vrrp_garp_interval and vrrp_gna_interval: the least time between two announcements of a kind on one interface,
// whoever sends them. What is on a virtual link counts for the interface below. A garp_group has a pace of its own, for each of
// its interfaces or for all of them together.
type pacers struct {
	mu      sync.Mutex
	queues  map[paceKey]*pacer
	parents map[string]string        // of virtual links
	groups  map[string]election.Pace // by interface
	closed  bool

	sending sync.WaitGroup // announcements under way
}

// paceKey is what announcements share a pace by.
type paceKey struct {
	link string // or the first one of a group
	ipv6 bool
}

// pace is at which pace something is announced, and with what; an interval of 0 is at once.
type pace struct {
	key      paceKey
	interval time.Duration
}

// pacer is one queue. It is served round-robin, so that every address is announced once before any is announced again.
type pacer struct {
	interval time.Duration
	last     time.Time // of the last announcement
	queue    []pending
	timer    *time.Timer // runs while the queue is not empty
}

type pending struct {
	owner *reconciler
	addr  election.Address
	times int
	again bool // it was announced once
}

func newPacers() *pacers { return &pacers{queues: make(map[paceKey]*pacer)} }

// configure says which interfaces are on which, and which have a pace of their own.
func (p *pacers) configure(spec *election.Spec) {
	parents, groups := make(map[string]string), make(map[string]election.Pace)
	for i := range spec.Instances {
		for _, l := range spec.Instances[i].VirtualLinks() {
			parents[l.Name] = l.Parent
		}
	}
	for _, g := range spec.Paces {
		for _, link := range g.Links {
			groups[link] = g
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parents, p.groups = parents, groups
}

// paceOf returns the pace of an address on its interface, where usual is that of an interface without its own.
func (p *pacers) paceOf(a election.Address, usual time.Duration) pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	link := cmp.Or(p.parents[a.Link], a.Link)
	at := pace{paceKey{link, a.Prefix.Addr().Is6()}, usual}
	g, ok := p.groups[link]
	if !ok {
		return at
	}
	if g.Shared {
		at.key.link = g.Links[0]
	}
	at.interval = cmp.Or(g.ARP, usual)
	if at.key.ipv6 {
		at.interval = cmp.Or(g.NA, usual)
	}
	return at
}

// enqueue orders times announcements of an address. One that is queued already is not queued twice, it takes the larger
// number.
func (p *pacers) enqueue(owner *reconciler, a election.Address, times int, at pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	q := p.queues[at.key]
	if q == nil {
		q = new(pacer)
		p.queues[at.key] = q
	}
	q.interval = at.interval
	for i := range q.queue {
		if e := &q.queue[i]; e.owner == owner && e.addr == a {
			e.times = max(e.times, times)
			return
		}
	}
	next := slices.IndexFunc(q.queue, func(e pending) bool { return e.again })
	if next < 0 {
		next = len(q.queue)
	}
	q.queue = slices.Insert(q.queue, next, pending{owner, a, times, false})
	if q.timer == nil {
		q.timer = time.AfterFunc(max(0, time.Until(q.last.Add(at.interval))), func() { p.serve(q) })
	}
}

// serve sends the announcement at the head of the queue. Nobody waits for it meanwhile.
func (p *pacers) serve(q *pacer) {
	e, ok := p.take(q)
	if !ok {
		return
	}
	if err := e.owner.send(e.addr.Link, e.addr.Prefix.Addr()); err != nil {
		e.owner.log.announceFailed(err)
	}
	p.sending.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(q.queue) == 0 {
		q.timer = nil
		return
	}
	q.timer.Reset(q.interval)
}

// take returns the head of the queue and leaves in the queue what remains of it.
func (p *pacers) take(q *pacer) (pending, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(q.queue) == 0 {
		q.timer = nil
		return pending{}, false
	}
	e := q.queue[0]
	q.queue = slices.Delete(q.queue, 0, 1)
	q.last = time.Now()
	p.sending.Add(1)
	if e.times > 1 {
		q.queue = append(q.queue, pending{e.owner, e.addr, e.times - 1, true})
	}
	return e, true
}

// cancel drops what owner has queued.
func (p *pacers) cancel(owner *reconciler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.queues {
		q.queue = slices.DeleteFunc(q.queue, func(e pending) bool { return e.owner == owner })
	}
}

// close drops everything, stops the timers and waits for what is being sent.
func (p *pacers) close() {
	p.mu.Lock()
	p.closed = true
	for _, q := range p.queues {
		q.queue = nil
		if q.timer != nil {
			q.timer.Stop()
		}
	}
	p.mu.Unlock()
	p.sending.Wait()
}
