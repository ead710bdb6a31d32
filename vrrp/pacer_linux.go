package vrrp

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// pacers keep vrrp_garp_interval: the least time between two announcements on one interface, whoever sends them.
type pacers struct {
	mu     sync.Mutex
	links  map[string]*pacer
	closed bool

	sending sync.WaitGroup // announcements under way
}

// pacer is the queue of one interface. It is served round-robin, so that every address is announced once before any is
// announced again.
type pacer struct {
	link     string
	interval time.Duration
	last     time.Time // of the last announcement
	queue    []pending
	timer    *time.Timer // runs while the queue is not empty
}

type pending struct {
	owner *reconciler
	addr  netip.Addr
	times int
}

func newPacers() *pacers { return &pacers{links: make(map[string]*pacer)} }

// enqueue orders times announcements of addr. One that is queued already is not queued twice, it takes the larger
// number.
func (p *pacers) enqueue(owner *reconciler, link string, addr netip.Addr, times int, interval time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	q := p.links[link]
	if q == nil {
		q = &pacer{link: link}
		p.links[link] = q
	}
	q.interval = interval
	for i := range q.queue {
		if e := &q.queue[i]; e.owner == owner && e.addr == addr {
			e.times = max(e.times, times)
			return
		}
	}
	q.queue = append(q.queue, pending{owner, addr, times})
	if q.timer == nil {
		q.timer = time.AfterFunc(max(0, time.Until(q.last.Add(interval))), func() { p.serve(q) })
	}
}

// serve sends the announcement at the head of the queue. Nobody waits for it meanwhile.
func (p *pacers) serve(q *pacer) {
	e, ok := p.take(q)
	if !ok {
		return
	}
	if err := e.owner.send(q.link, e.addr); err != nil {
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
		q.queue = append(q.queue, pending{e.owner, e.addr, e.times - 1})
	}
	return e, true
}

// cancel drops what owner has queued.
func (p *pacers) cancel(owner *reconciler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.links {
		q.queue = slices.DeleteFunc(q.queue, func(e pending) bool { return e.owner == owner })
	}
}

// close drops everything, stops the timers and waits for what is being sent.
func (p *pacers) close() {
	p.mu.Lock()
	p.closed = true
	for _, q := range p.links {
		q.queue = nil
		if q.timer != nil {
			q.timer.Stop()
		}
	}
	p.mu.Unlock()
	p.sending.Wait()
}
