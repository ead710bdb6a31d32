package vrrp

import (
	"net/netip"
	"runtime"
	"slices"
	"time"

	"vigil/internal/netio"
	"vigil/vrrp/election"
)

// rounds are pending announcements: each address once, then those with repetitions left once more, and so on. There is
// at most one entry for each address, so they have no more than there are addresses.
type rounds struct {
	queue []round
}

type round struct {
	address election.Address
	times   int
	pace    pace
	fresh   bool // nothing of it was sent
}

// add makes an Announce pending, each address at the pace of its interface. What is pending already takes the larger number
// of repetitions.
func (r *rounds) add(order election.Announce, paceOf func(election.Address, time.Duration) pace) {
	for _, a := range order.Addresses {
		interval := order.Interval
		if a.Prefix.Addr().Is6() {
			interval = order.NAInterval
		}
		pace := paceOf(a, interval)
		i := slices.IndexFunc(r.queue, func(e round) bool { return e.address == a })
		if i < 0 {
			r.queue = append(r.queue, round{address: a, times: order.Repeat, pace: pace, fresh: true})
			continue
		}
		r.queue[i].times, r.queue[i].pace = max(r.queue[i].times, order.Repeat), pace
	}
}

// take returns the next one to be sent whose address does not have to wait, and leaves in the queue what remains of it.
func (r *rounds) take(waits func(election.Address) bool) (round, bool) {
	i := slices.IndexFunc(r.queue, func(e round) bool { return !e.fresh || !waits(e.address) })
	if i < 0 {
		return round{}, false
	}
	e := r.queue[i]
	r.queue = slices.Delete(r.queue, i, i+1)
	if e.times > 1 && e.pace.interval == 0 {
		r.queue = append(r.queue, round{address: e.address, times: e.times - 1, pace: e.pace})
	}
	return e, true
}

// announce sends what is pending. Where an interval limits announcements they are queued with their interfaces instead.
// One that fails is no reason to leave out the others, or the next round. What is not installed is not announced, and what
// the host does not receive yet only when it does.
func (w *reconciler) announce() {
	links := make(map[string]netio.Link)
	var failed error
	unused := w.unused()
	yielded := false
	for {
		w.mu.Lock()
		e, ok := w.rounds.take(unused.has)
		w.mu.Unlock()
		if !ok && unused.wait() {
			continue
		}
		if !ok {
			break
		}
		if !e.fresh && !yielded { // of many routers that take over, the last one's first comes before anybody's second
			runtime.Gosched()
			yielded = true
		}
		a := e.address
		if !w.have[a] {
			continue
		}
		if e.fresh {
			w.log.announcing(a.Prefix.Addr(), a.Link)
		}
		if e.pace.interval > 0 {
			w.pacers.enqueue(w, a, e.times, e.pace)
			continue
		}
		l, known := links[a.Link]
		if !known || e.fresh {
			var err error
			if l, err = w.link(a.Link); err != nil {
				failed = first(failed, err)
				continue
			}
			links[a.Link] = l
		}
		failed = first(failed, w.sendOn(l, a.Prefix.Addr()))
	}
	if failed != nil {
		w.log.announceFailed(failed)
	}
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// send transmits one announcement, with the MAC address that the interface has now.
func (w *reconciler) send(link string, addr netip.Addr) error {
	l, err := w.link(link)
	if err != nil {
		return err
	}
	return w.sendOn(l, addr)
}

func (w *reconciler) sendOn(l netio.Link, addr netip.Addr) error {
	if err := w.network.Announce(l, addr); err != nil {
		return err
	}
	w.announced.Add(1)
	w.log.announced(addr, l.Name)
	return nil
}
