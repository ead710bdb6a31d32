package vrrp

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// worker carries out what is slow for one virtual router, in order: a netlink request that hangs holds up this router
// only, and never an advert. The Runner puts jobs in; results come back to it as values.
type worker struct {
	network lan.Network
	pacers  *pacers
	log     instanceLog
	results chan<- result
	quit    <-chan struct{} // closed when nobody takes results any more

	announced atomic.Uint64 // gratuitous ARPs and neighbour advertisements sent

	mu     sync.Mutex
	jobs   []job
	closed bool
	signal chan struct{} // holds one token while there may be jobs
	done   chan struct{} // closed when the goroutine has ended
}

// job is one Action for a worker. Without an action it asks whether address is still there.
type job struct {
	action  election.Action
	move    lan.Move // PassOn: without Via
	address election.Address
	order   uint64 // generation of the Own that the question is about
}

// result is the outcome of a job: of action when that is not nil, else the answer that address is gone.
type result struct {
	handle   election.Handle
	action   election.Action
	failures []election.Failure
	lost     election.Address
	order    uint64
	ended    bool // the worker has ended; nothing follows
}

// newWorker starts the goroutine; close ends it.
func newWorker(
	h election.Handle, network lan.Network, p *pacers, log instanceLog, results chan<- result, quit <-chan struct{},
) *worker {
	w := &worker{network: network, pacers: p, log: log, results: results, quit: quit,
		signal: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run(h)
	return w
}

// put orders a job. It never blocks.
func (w *worker) put(j job) {
	w.mu.Lock()
	w.jobs = append(w.jobs, j)
	w.mu.Unlock()
	w.wake()
}

// close lets the worker end when what was ordered is done; abandon tells it to end as soon as it can.
func (w *worker) close(abandon bool) {
	w.mu.Lock()
	w.closed = true
	if abandon {
		w.jobs = nil
	}
	w.mu.Unlock()
	w.wake()
}

func (w *worker) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

func (w *worker) next() (j job, ok, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.jobs) == 0 {
		return job{}, false, w.closed
	}
	j = w.jobs[0]
	w.jobs = slices.Delete(w.jobs, 0, 1)
	return j, true, false
}

func (w *worker) run(h election.Handle) {
	defer close(w.done)
	defer w.pacers.cancel(w)
	report := func(r result) {
		r.handle = h
		select {
		case w.results <- r:
		case <-w.quit:
		}
	}
	for {
		j, ok, ended := w.next()
		switch {
		case ended:
			report(result{ended: true})
			return
		case !ok:
			<-w.signal
		default:
			if r, due := w.do(j); due {
				report(r)
			}
		}
	}
}

// do carries out one job and tells whether there is something to report.
func (w *worker) do(j job) (r result, due bool) {
	switch a := j.action.(type) {
	case election.Own:
		return result{action: a, failures: w.own(a)}, true
	case election.PreparePassOn:
		_ = w.network.PreparePassOn(a.Previous, a.Within) // PassOn reports what cannot be had
	case election.PassOn:
		via, err := w.network.Link(a.Link)
		if err == nil {
			j.move.Via = via.Index
			err = w.network.PassOn(j.move)
		}
		if err != nil {
			w.log.passOnFailed(err)
		}
	case election.Announce:
		w.announce(a)
	case election.CancelAnnouncements:
		w.pacers.cancel(w)
	case nil:
		if lost, err := lan.Missing(w.network, lan.Address(j.address)); err == nil && lost {
			return result{lost: j.address, order: j.order}, true
		}
	}
	return result{}, false
}

// own has exactly the resources of o in place and returns what failed.
func (w *worker) own(o election.Own) (failures []election.Failure) {
	set := func(r election.Resource, present bool) {
		if a, ok := r.(election.Address); ok {
			if err := lan.SetAddresses(w.network, []lan.Address{lan.Address(a)}, present); err != nil {
				failures = append(failures, election.Failure{Resource: r, Err: err})
			}
		}
	}
	for _, r := range slices.Backward(o.Remove) {
		set(r, false)
	}
	for _, r := range o.Resources {
		set(r, true)
	}
	return failures
}

// onLinks are the addresses as the kernel's side knows them.
func onLinks(addrs []election.Address) []lan.Address {
	list := make([]lan.Address, len(addrs))
	for i, a := range addrs {
		list[i] = lan.Address(a)
	}
	return list
}

// announce sends rounds of announcements: each address once, then all again. Where an interval limits them they are
// queued with their interfaces instead.
func (w *worker) announce(order election.Announce) {
	for _, a := range order.Addresses {
		w.log.announcing(a.Prefix.Addr(), a.Link)
		if order.Interval > 0 {
			w.pacers.enqueue(w, a.Link, a.Prefix.Addr(), order.Repeat, order.Interval)
		}
	}
	if order.Interval > 0 {
		return
	}
	for range order.Repeat {
		var failed error
		for _, a := range order.Addresses {
			if err := w.send(a.Link, a.Prefix.Addr()); err != nil && failed == nil {
				failed = err
			}
		}
		if failed != nil {
			w.log.announceFailed(failed)
			return
		}
	}
}

// send transmits one announcement. The interface is looked up each time: its MAC address may have changed.
func (w *worker) send(link string, addr netip.Addr) error {
	l, err := w.network.Link(link)
	if err != nil {
		return err
	}
	if err := w.network.Announce(l, addr); err != nil {
		return err
	}
	w.announced.Add(1)
	w.log.announced(addr, link)
	return nil
}
