package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vigil/internal/firewall"
	"vigil/internal/netio"
)

// worker carries out what is slow for one virtual router, in order: a netlink request that hangs holds up this router
// only, and never an advert. The Runner puts jobs in; results come back to it as values.
type worker struct {
	network Network
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

// job is one Action for a worker, with what it needs to know of the spec at the time it was ordered. Without an action
// it asks whether address is still there.
type job struct {
	action   Action
	addrs    []Address     // SetAddresses, PassOn: all; Announce: those to announce
	via      string        // PassOn: the interface of the virtual router
	interval time.Duration // Announce: least spacing on an interface
	address  Address
	order    uint64 // of the SetAddresses that the question is about
}

// result is the outcome of a job: of action when that is not nil, else the answer that address is gone.
type result struct {
	handle Handle
	action Action
	err    error
	lost   Address
	order  uint64
	ended  bool // the worker has ended; nothing follows
}

// newWorker starts the goroutine; close ends it.
func newWorker(
	h Handle, network Network, p *pacers, log instanceLog, results chan<- result, quit <-chan struct{},
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

func (w *worker) run(h Handle) {
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
	case SetAddresses:
		return result{action: a, err: w.change(j.addrs, a.Present)}, true
	case PreparePassOn:
		if m, err := w.move(a.Previous, 0, j); err == nil {
			_ = w.network.PreparePassOn(m, a.Within) // PassOn reports what cannot be had
		}
	case PassOn:
		m, err := w.move(a.Previous, a.For, j)
		if err == nil {
			err = w.network.PassOn(m)
		}
		if err != nil {
			w.log.passOnFailed(err)
		}
	case ChangeAddresses:
		// Removed first: an address whose attributes changed is in both lists.
		return result{action: a, err: errors.Join(w.change(a.Remove, false), w.change(a.Add, true))}, true
	case Announce:
		w.announce(j.addrs, a.Repeat, j.interval)
	case CancelAnnouncements:
		w.pacers.cancel(w)
	case nil:
		if lost, err := w.lost(j.address); err == nil && lost {
			return result{lost: j.address, order: j.order}, true
		}
	}
	return result{}, false
}

// change installs or removes addresses, in order. Each is tried whatever became of the others.
func (w *worker) change(addrs []Address, present bool) error {
	links := make(map[string]linkResult)
	var errs []error
	for _, a := range addrs {
		l, ok := links[a.Link]
		if !ok {
			l.Link, l.err = w.network.Link(a.Link)
			links[a.Link] = l
		}
		err := l.err
		switch addr := kernelAddress(a, l.Index); {
		case err != nil && !present && errors.Is(err, netio.ErrNoLink):
			err = nil // gone with its interface
		case err != nil:
			err = fmt.Errorf("%s: %w", a.Prefix, err)
		case present:
			err = w.network.AddAddress(addr)
		default:
			err = w.network.DelAddress(addr)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%w (interface %s)", err, a.Link))
		}
	}
	return errors.Join(errs...)
}

// move describes the hand-over of the virtual router's addresses from the previous master.
func (w *worker) move(previous netip.Addr, d time.Duration, j job) (firewall.Move, error) {
	via, err := w.network.Link(j.via)
	if err != nil {
		return firewall.Move{}, err
	}
	m := firewall.Move{Links: []int{via.Index}, Previous: previous, Via: via.Index, For: d}
	for _, addr := range j.addrs {
		m.Addresses = append(m.Addresses, addr.Prefix.Addr())
		l, err := w.network.Link(addr.Link)
		if err != nil {
			return firewall.Move{}, err
		}
		if !slices.Contains(m.Links, l.Index) {
			m.Links = append(m.Links, l.Index)
		}
	}
	return m, nil
}

type linkResult struct {
	netio.Link
	err error
}

// kernelAddress translates a virtual address to what the kernel is told.
func kernelAddress(a Address, index int) netio.Address {
	return netio.Address{Index: index, Prefix: a.Prefix, Scope: a.Scope, Label: a.Label,
		Broadcast: a.Broadcast, Peer: a.Peer}
}

// sameAddress reports whether the kernel's address is the virtual address a.
func sameAddress(k netio.Address, a Address) bool {
	return k.Prefix.Addr() == a.Prefix.Addr() && (a.Peer.IsValid() || k.Prefix.Bits() == a.Prefix.Bits())
}

// lost asks the kernel whether the address is missing from an interface that could have it. The notification that
// raised the question may be about a removal of our own, or be older than a new installation.
func (w *worker) lost(a Address) (bool, error) {
	link, err := w.network.Link(a.Link)
	if err != nil || !link.Up {
		return false, err // the interface is the problem, and it is reported for itself
	}
	all, err := w.network.Addresses()
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(all, func(k netio.Address) bool {
		return k.Index == link.Index && sameAddress(k, a)
	}), nil
}

// announce sends rounds of announcements: each address once, then all again. Where an interval limits them they are
// queued with their interfaces instead.
func (w *worker) announce(addrs []Address, rounds int, interval time.Duration) {
	for _, a := range addrs {
		w.log.announcing(a.Prefix.Addr(), a.Link)
		if interval > 0 {
			w.pacers.enqueue(w, a.Link, a.Prefix.Addr(), rounds, interval)
		}
	}
	if interval > 0 {
		return
	}
	for range rounds {
		var failed error
		for _, a := range addrs {
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
