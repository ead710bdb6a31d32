package bfd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// packetQueue is how many packets may wait for the Runner. What comes then waits in the socket.
	packetQueue = 256
	// reopenDelay is how long after a socket could not be opened that is tried again.
	reopenDelay = time.Second
	// StopLimit is how long neighbours are told that the sessions end.
	StopLimit = time.Second
	// patience is for packets that have arrived and not been read when a detection time is over: the machine was busy, and
	// that says nothing of the neighbour. Only the session itself has it.
	patience = 20 * time.Millisecond
	// patienceLooks is how often is looked in it, and lookAgain how long after each other: when all of the patience went by in
	// a hold-up, who reads has had no time yet either.
	patienceLooks = 20
	lookAgain     = patience / 40
)

// ErrStopped is the error of Apply when the Runner has stopped or is about to.
var ErrStopped = errors.New("BFD has stopped")

// Options is what a Runner needs. Network is required.
type Options struct {
	Network Network
	// Logger gets keepalived's messages. Its handler must not block. nil logs nothing.
	Logger *slog.Logger
	// Registerer gets the metrics; nil measures nothing.
	Registerer prometheus.Registerer
}

// Runner runs all sessions. One goroutine, Run, owns them; others may ask for the Status.
type Runner struct {
	network Network
	log     *slog.Logger
	epoch   time.Time // Instant 0
	changes changes

	requests chan request
	packets  chan arrival
	ended    chan struct{} // closed when Run has returned
	quit     chan struct{} // closed when nobody takes packets any more
	table    atomic.Pointer[table]
	drops    [dropCount]atomic.Uint64
	told     atomic.Int64 // when a packet of no use was logged last, as an Instant

	mu       sync.Mutex // what Status reads, below
	sessions []*session // in the order of the Spec, then those that leave
	byHandle map[handle]*session
	ports    map[Port]*port

	// Owned by Run.
	last     handle
	queue    deadlines
	reopenAt Instant
	stopping bool
	stopAt   Instant
}

// request is an Apply on its way.
type request struct {
	spec Spec
	done chan<- struct{}
}

// arrival is a packet on its way from a reader to Run.
type arrival struct {
	session handle
	packet  Packet
}

// NewRunner returns a Runner without sessions. The error is that of the Registerer.
func NewRunner(o Options) (*Runner, error) {
	if o.Network == nil {
		return nil, errors.New("BFD runner without a network")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Runner{network: o.Network, log: o.Logger, epoch: time.Now(), changes: newChanges(), requests: make(chan request),
		packets: make(chan arrival, packetQueue), ended: make(chan struct{}), quit: make(chan struct{}),
		byHandle: make(map[handle]*session), ports: make(map[Port]*port), reopenAt: Never, stopAt: Never}
	r.table.Store(newTable())
	r.told.Store(int64(-logEvery))
	if o.Registerer != nil {
		if err := o.Registerer.Register(collector{r}); err != nil {
			return nil, fmt.Errorf("register BFD metrics: %w", err)
		}
	}
	return r, nil
}

// Apply makes spec the sessions that are run and returns when Run has taken it. A session that has only other settings
// lives on; one that is no more, or is between others, is taken down and its neighbour told. The error is ctx's or
// ErrStopped.
func (r *Runner) Apply(ctx context.Context, spec Spec) error {
	done := make(chan struct{})
	select {
	case r.requests <- request{spec, done}:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ended:
		return ErrStopped
	}
}

// Run runs the sessions until ctx ends; then all neighbours are told that they end, for StopLimit at most, and Run returns
// nil. It may be called once.
func (r *Runner) Run(ctx context.Context) error {
	defer close(r.ended)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	requests, stop, armed := r.requests, ctx.Done(), Never
	for {
		select {
		case a := <-r.packets:
			r.receive(a)
		case req := <-requests:
			r.apply(req.spec)
			close(req.done)
		case <-stop:
			requests, stop = nil, nil
			r.stop()
		case <-timer.C:
			armed = Never
			r.wake()
		}
		if r.stopping && (len(r.byHandle) == 0 || r.stopAt <= r.now()) {
			r.closeAll()
			return nil
		}
		if next := r.next(); next != armed {
			armed = next
			timer.Reset(next.Sub(r.now()))
		}
	}
}

// next is when Run has something to do by itself.
func (r *Runner) next() Instant { return min(r.queue.first(), r.reopenAt, r.stopAt) }

func (r *Runner) now() Instant { return Instant(time.Since(r.epoch)) }

// wake does what is due. What has arrived by now counts before a detection time is over; a session that waits for it holds up no
// other, as long as a flood may be. All of it is done as of the moment after which was looked: this process may be held up again
// in between, and of that time it has heard nothing yet.
func (r *Runner) wake() {
	if r.reopenAt <= r.now() {
		r.reopen()
	}
	r.receiveAll()
	now, pending := r.now(), sync.OnceValue(r.pending)
	for r.queue.first() <= now {
		s := r.queue[0]
		if s.waits(now, pending) {
			r.queue.move(s, now.Add(lookAgain))
			continue
		}
		r.stepAt(now, s, Wake{Jitter: uint8(rand.Uint32())})
		if s.core.Deadline() <= now { // no event of the core asks for that; a loop without an end would be worse
			r.log.Error("a BFD session asks to be woken in the past", "session", s.spec.Name)
			r.queue.move(s, now.Add(time.Second))
			return
		}
	}
}

// pending reports that packets have arrived that nobody has looked at. It looks in the order in which they come, so that none goes
// by it.
func (r *Runner) pending() bool {
	for _, p := range r.ports {
		if p.listener != nil && p.listener.Pending() {
			return true
		}
	}
	return len(r.packets) > 0
}

// receiveAll handles what readers have delivered by now.
func (r *Runner) receiveAll() {
	for range len(r.packets) {
		r.receive(<-r.packets)
	}
}

func (r *Runner) receive(a arrival) {
	if s := r.byHandle[a.session]; s != nil {
		r.step(s, PacketReceived{a.packet})
	}
}

// deliver is called by the readers with every datagram. What is of no use ends here, so that no flood of it comes in the way
// of a session.
func (r *Runner) deliver(d Datagram) {
	e, p, drop := r.table.Load().find(d)
	if drop != DropNone {
		r.drops[drop].Add(1)
		r.logDrop(d, e, p, drop)
		return
	}
	select {
	case r.packets <- arrival{e.handle, p}:
	case <-r.quit:
	}
}

func (r *Runner) step(s *session, ev Event) { r.stepAt(r.now(), s, ev) }

// stepAt gives one event to one session and does what follows.
func (r *Runner) stepAt(now Instant, s *session, ev Event) {
	s.patientUntil = 0
	r.mu.Lock()
	if _, counts := ev.(PacketReceived); counts {
		s.counters.Received++
	}
	actions := s.core.Step(now, ev)
	for _, a := range actions {
		switch a := a.(type) {
		case Send:
			s.send(r, a.Packet)
		case Changed:
			r.changed(s, a)
		case Polling:
			r.logPolling(s)
		case Negotiated:
			r.logNegotiated(s, a.Timers)
		}
	}
	r.queue.move(s, s.core.Deadline())
	done := s.core.Done()
	r.mu.Unlock()
	if done {
		r.remove(s)
		r.reopenAt = r.now() // its port may not be needed any more
	}
}

// changed notes a change of state, and tells whoever follows them.
func (r *Runner) changed(s *session, c Changed) {
	s.since = time.Now()
	if c.To == Up {
		s.counters.Ups++
	} else if c.From == Up {
		s.counters.Downs++
	}
	r.logChanged(s, c)
	if (c.From == Up) != (c.To == Up) && !s.leaving {
		r.changes.put(Change{Name: s.spec.Name, Up: c.To == Up, Time: s.since})
	}
}

// stop takes all sessions down.
func (r *Runner) stop() {
	r.stopping, r.stopAt = true, r.now().Add(StopLimit)
	for _, s := range append([]*session(nil), r.sessions...) {
		r.disable(s)
	}
}

// disable takes one session down.
func (r *Runner) disable(s *session) {
	r.mu.Lock()
	s.leaving = true
	r.mu.Unlock()
	r.step(s, Disabled{})
}

// closeAll gives up what is left.
func (r *Runner) closeAll() {
	close(r.quit)
	for _, s := range append([]*session(nil), r.sessions...) {
		r.remove(s)
	}
	for _, p := range r.ports {
		r.closePort(p)
	}
}
