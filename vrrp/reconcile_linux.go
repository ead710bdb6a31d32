package vrrp

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vigil/internal/netio"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

// quietLimit is how long, at most, the addresses that are being handed over go without answers to who asks for them:
// longer than any grace, and short enough when there is nobody to take them after all.
const quietLimit = time.Second

// reconciler makes the kernel have what the Engine wants for one virtual router, on a goroutine of its own: what hangs
// there holds up this router only, and never an advert. The Runner says what is wanted and never waits; outcomes come
// back to it as values.
//
// Resources are desired state: the latest Own counts, one that was not carried out yet is skipped, and one that is being
// carried out is left where it stands. Announcements are a schedule beside them with at most one pending round for each
// address. Everything else keeps its place in the order of what the Engine said.
type reconciler struct {
	network lan.Network
	links   *linkBook
	places  *places
	pacers  *pacers
	log     instanceLog
	handle  election.Handle
	changes *changes
	results chan<- result
	quit    <-chan struct{} // closed when nobody takes results any more
	warned  *atomic.Bool    // it was said that addresses cannot be made quiet

	announced atomic.Uint64 // gratuitous ARPs and neighbour advertisements sent

	mu       sync.Mutex
	orders   []any // election.Own, election.PreparePassOn, passOn, announcing, leftovers, *change, *look
	rounds   rounds
	suspects map[election.Resource]bool
	again    bool // try what failed
	deny     bool // prepare NoAccept
	closed   bool
	signal   chan struct{} // holds one token while there may be something to do
	done     chan struct{} // closed when the goroutine has ended

	// Of the goroutine.
	own     election.Own               // the latest that was begun
	have    map[election.Resource]bool // what is installed
	gone    []election.Resource        // what is still to be removed, the last one first
	failed  bool                       // the last pass left something undone
	stays   error                      // why something that was to be removed did not go in the last pass
	hushed  []netip.Addr               // what neighbours are not answered for
	prepare bool                       // of hushing
}

// passOn is an election.PassOn with what the Runner knows beside it. The previous master is on the link.
type passOn struct {
	move lan.Move // without Via
	link string
}

// announcing is the place of pending announcements among the orders.
type announcing struct{}

// result is what a reconciler reports: the outcome of an Own, or what somebody else has removed, or its end.
type result struct {
	handle     election.Handle
	generation uint64
	failures   []election.Failure
	lost       []election.Resource // if not nil: these, and nothing else
	looked     *looked             // if not nil: this, and nothing else
	ended      bool                // nothing follows
}

// newReconciler starts the goroutine; close ends it.
func newReconciler(r *Runner, h election.Handle, log instanceLog) *reconciler {
	w := &reconciler{network: r.network, links: r.view.book, places: r.places, pacers: r.pacers, log: log, handle: h, changes: r.changes, results: r.results,
		quit: r.quit, warned: &r.warned, suspects: make(map[election.Resource]bool), have: make(map[election.Resource]bool),
		signal: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// order gives the reconciler an order. It never blocks.
func (w *reconciler) order(o any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch o := o.(type) {
	case election.Own:
		w.orders = append(w.supersede(&o), o)
	case election.Announce:
		w.rounds.add(o, w.pacers.paceOf)
		if last := len(w.orders) - 1; last < 0 || w.orders[last] != (announcing{}) {
			w.orders = append(w.orders, announcing{})
		}
	default:
		w.orders = append(w.orders, o)
	}
	w.wake()
}

// supersede drops the Own that waits, but not what it was to remove. w.mu is held.
func (w *reconciler) supersede(o *election.Own) []any {
	return slices.DeleteFunc(w.orders, func(waiting any) bool {
		old, ok := waiting.(election.Own)
		if ok {
			for _, res := range old.Remove {
				if !slices.Contains(o.Remove, res) && !slices.Contains(o.Resources, res) {
					o.Remove = append(slices.Clip(o.Remove), res)
				}
			}
		}
		return ok
	})
}

// cancel drops the announcements that are pending. One that is being sent may still leave.
func (w *reconciler) cancel() {
	w.mu.Lock()
	w.rounds = rounds{}
	w.mu.Unlock()
	w.pacers.cancel(w)
}

// suspect has the reconciler look whether a resource is still there.
func (w *reconciler) suspect(res election.Resource) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.suspects[res] = true
	w.wake()
}

// retry has the reconciler try again what failed.
func (w *reconciler) retry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.again = true
	w.wake()
}

// prepareNoAccept has the reconciler do beforehand what keeps addresses from being accepted, when there is nothing better to do.
func (w *reconciler) prepareNoAccept() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deny = true
	w.wake()
}

// close lets the reconciler end when what was ordered is done; abandon tells it to end as soon as it can.
func (w *reconciler) close(abandon bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if abandon {
		w.orders, w.rounds, w.again, w.deny = nil, rounds{}, false, false
		clear(w.suspects)
	}
	w.wake()
}

func (w *reconciler) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// next returns what is to be done; nil when there is nothing.
func (w *reconciler) next() (do func(), ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(w.orders) > 0:
		o := w.orders[0]
		w.orders = slices.Delete(w.orders, 0, 1)
		return func() { w.carryOut(o) }, false
	case w.again:
		w.again = false
		return w.tryAgain, false
	case w.deny: // for the day the addresses come
		w.deny = false
		return w.network.PrepareNoAccept, false
	case w.prepare: // for the day the addresses are handed over, when there is nothing better to do
		w.prepare = false
		return w.network.PrepareQuiet, false
	case len(w.suspects) > 0:
		suspects := w.suspects
		w.suspects = make(map[election.Resource]bool)
		return func() { w.verify(suspects) }, false
	}
	return nil, w.closed
}

func (w *reconciler) run() {
	defer close(w.done)
	defer w.pacers.cancel(w)
	for {
		switch do, ended := w.next(); {
		case ended:
			w.report(result{ended: true})
			return
		case do == nil:
			<-w.signal
		default:
			do()
		}
	}
}

func (w *reconciler) report(r result) {
	r.handle = w.handle
	select {
	case w.results <- r:
	case <-w.quit:
	}
}

func (w *reconciler) carryOut(order any) {
	switch o := order.(type) {
	case election.Own:
		w.own = o
		w.pass()
	case announcing:
		w.announce()
	case *change:
		w.changes.end(o)
	case election.PreparePassOn:
		w.network.PreparePassOn(o.Previous, o.Within)
	case leftovers:
		w.sweep(o)
	case *look:
		w.look(o)
	case passOn:
		if err := w.passOn(o); err != nil {
			w.log.passOnFailed(err)
		}
	}
}

func (w *reconciler) passOn(o passOn) error {
	via, err := w.link(o.link)
	if err != nil {
		return err
	}
	o.move.Via = via.Index
	return w.network.PassOn(o.move)
}

// link returns an interface, without asking the kernel if it is known.
func (w *reconciler) link(name string) (netio.Link, error) {
	if l, ok := w.links.find(name); ok {
		return l, nil
	}
	return w.network.Link(name)
}

// superseded reports whether a newer Own waits.
func (w *reconciler) superseded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.orders, func(o any) bool {
		_, ok := o.(election.Own)
		return ok
	})
}

// pass makes the kernel have what w.own wants and reports how that went, unless it is no longer wanted.
func (w *reconciler) pass() {
	wanted := w.own.Resources
	for _, res := range w.own.Remove {
		if !slices.Contains(w.gone, res) {
			w.gone = append(w.gone, res)
		}
	}
	w.gone = slices.DeleteFunc(w.gone, func(res election.Resource) bool { return slices.Contains(wanted, res) })
	// What is no longer wanted and not to be removed is another router's now, and may go without our knowledge.
	maps.DeleteFunc(w.have, func(res election.Resource, _ bool) bool { return !slices.Contains(wanted, res) })
	if w.own.Quiet {
		w.hush()
	}
	var failures []election.Failure
	w.stays = nil
	place := lan.NewPlacer(w.network, w.links.find)
	for len(w.gone) > 0 {
		if w.superseded() {
			return
		}
		last := len(w.gone) - 1
		res := w.gone[last]
		w.gone = w.gone[:last]
		if err := w.remove(place, res); err != nil {
			w.stays = errors.Join(w.stays, err)
			failures = append(failures, election.Failure{Resource: res, Err: err})
		}
	}
	for _, res := range wanted {
		if w.have[res] || w.own.Quiet { // nothing new is handed over
			continue
		}
		if w.superseded() {
			return
		}
		if err := w.install(place, res); err != nil {
			failures = append(failures, election.Failure{Resource: res, Err: err})
			continue
		}
		w.have[res] = true
	}
	// Not before what was handed over is gone, or neighbours would be answered in between.
	if !w.own.Quiet && len(w.hushed) > 0 {
		_ = w.network.Quiet(w.hushed, 0) // it ends by itself in any case
		w.hushed = nil
	}
	w.failed = len(failures) > 0
	if len(wanted) > 0 && !w.own.Quiet {
		w.prepare = true
	}
	w.report(result{generation: w.own.Generation, failures: failures})
}

// tryAgain repeats the last pass if it left something undone.
func (w *reconciler) tryAgain() {
	if w.failed {
		w.pass()
	}
}

// hush stops the answers to who asks for addresses that are being handed over.
func (w *reconciler) hush() {
	var addrs []netip.Addr
	for _, res := range w.own.Resources {
		if a, ok := res.(election.Address); ok {
			addrs = append(addrs, a.Prefix.Addr())
			if !slices.Contains(w.hushed, a.Prefix.Addr()) {
				w.hushed = append(w.hushed, a.Prefix.Addr())
			}
		}
	}
	if err := w.network.Quiet(addrs, quietLimit); err != nil && !w.warned.Swap(true) {
		w.log.quietFailed(err)
	}
}
