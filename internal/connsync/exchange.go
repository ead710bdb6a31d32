package connsync

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options are what an Exchange needs. All but the last three are required.
type Options struct {
	Network  Network
	Services func(context.Context) (*Services, error) // that the kernel has
	Done     func(Outcome)                            // is called once for each Ask that is not replaced by another, and must not wait
	Log      *slog.Logger                             // nil = none
	Metrics  prometheus.Registerer                    // nil = no metrics
	Session  func() uint32                            // nil = at random
}

const (
	// signalQueue is how many signals may wait; more are lost, and said again.
	signalQueue = 64
	// answerPause is how long there is between the end of one answer and the beginning of the next.
	answerPause = time.Second
	// rejoinFirst and rejoinMost are the pauses after which it is tried again to join the group.
	rejoinFirst, rejoinMost = time.Second, time.Minute
)

// Exchange asks the other directors for their connections, and tells them ours. One goroutine, Run, owns it; the other methods may
// be called from any.
type Exchange struct {
	Options
	wake   chan struct{} // one slot
	heard  chan Signal
	ended  chan told // the answer that was under way
	status atomic.Pointer[Status]

	mu      sync.Mutex
	wanted  Spec
	rejoin  bool   // what is open is of no use any more
	ask     uint64 // 0 = nothing new
	cease   bool
	answers bool
	unasked unasked
	stopped chan struct{}

	// Owned by Run.
	spec    Spec
	conn    Conn // nil while the group is not joined
	failed  error
	retry   time.Time // when joining is tried again
	pause   time.Duration
	asking  *asking
	telling *telling
	cancel  context.CancelFunc // of telling
	asked   []uint32           // sessions that wait for an answer
	told    time.Time          // the last answer ended
	counts  Status
}

// Status is a snapshot of an Exchange.
type Status struct {
	Asking    bool
	Telling   bool
	Failing   string        // why the group cannot be joined; "" = nothing is wrong
	Answered  uint64        // own questions
	Unheard   uint64        // own questions that nobody answered in time
	Learned   uint64        // connections, by answers
	Lost      uint64        // messages that the own kernel could not take meanwhile
	LastTook  time.Duration // of the last answer that was complete
	Told      uint64        // answers to others
	Connected uint64        // connections told, in them and unasked
	Unknown   uint64        // connections that were not told, because no service has them
}

// New returns an Exchange that does nothing until Run is called.
func New(o Options) *Exchange {
	x := &Exchange{Options: o, wake: make(chan struct{}, 1), heard: make(chan Signal, signalQueue), ended: make(chan told, 1),
		stopped: make(chan struct{})}
	if x.Log == nil {
		x.Log = slog.New(slog.DiscardHandler)
	}
	if x.Session == nil {
		x.Session = rand.Uint32
	}
	x.status.Store(&Status{})
	register(o.Metrics, x.Status)
	return x
}

// Configure replaces where others are asked.
func (x *Exchange) Configure(s Spec) {
	x.change(func() { x.wanted = s })
}

// Rejoin joins the group again: the interface has been made anew.
func (x *Exchange) Rejoin() {
	x.change(func() { x.rejoin = true })
}

// Ask asks; a question that is under way, of which nothing has been heard yet, goes on in its place, and another ends without an
// Outcome. The Outcome has the number, which is above 0.
func (x *Exchange) Ask(number uint64) {
	x.change(func() { x.ask, x.cease = number, false })
}

// Cease ends a question that is under way, without an Outcome: nobody wants to know any more.
func (x *Exchange) Cease() {
	x.change(func() { x.ask, x.cease = 0, true })
}

// Answer says whether we have what others ask for.
func (x *Exchange) Answer(yes bool) {
	x.change(func() { x.answers = yes })
}

func (x *Exchange) change(f func()) {
	x.mu.Lock()
	f()
	x.mu.Unlock()
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// Status returns the latest snapshot.
func (x *Exchange) Status() Status { return *x.status.Load() }

// String names the part in logs.
func (x *Exchange) String() string { return "connections of other directors" }

// Run asks and answers until ctx ends. It may be called once.
func (x *Exchange) Run(ctx context.Context) error {
	defer close(x.stopped)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			x.drop()
			x.leave()
			return nil
		case <-x.wake:
		case s := <-x.heard:
			x.receive(s)
		case t := <-x.ended:
			x.tellingEnded(t)
		case <-timer.C:
		}
		x.update()
		x.step(ctx)
		x.publish()
		timer.Reset(time.Until(x.due()))
	}
}

// update takes what was asked of it.
func (x *Exchange) update() {
	x.mu.Lock()
	wanted, rejoin, ask, cease, answers := x.wanted, x.rejoin, x.ask, x.cease, x.answers
	x.rejoin, x.ask, x.cease = false, 0, false
	x.takeUnasked()
	x.mu.Unlock()
	if wanted != x.spec || rejoin {
		x.leave()
		x.spec, x.retry, x.pause, x.failed = wanted, time.Time{}, 0, nil
	}
	if !answers {
		x.asked = nil
	}
	if cease {
		x.drop()
	}
	x.join()
	switch {
	case ask == 0:
	case !x.spec.Exists():
		x.asking = nil
		x.Done(Outcome{Number: ask})
	case x.asking != nil && !x.asking.answered:
		x.asking.number, x.asking.heard = ask, time.Now()
	default:
		x.drop()
		x.asking = newAsking(time.Now(), x.spec, x.Session(), ask)
	}
}

// drop ends a question. Who tells would wait for acknowledgements, and could not be asked again before.
func (x *Exchange) drop() {
	if x.asking != nil {
		x.signal(Signal{Kind: Drop, ID: x.spec.ID, Session: x.asking.session})
	}
	x.asking = nil
}

// join joins the group, if it is time.
func (x *Exchange) join() {
	if x.conn != nil || !x.spec.Exists() || time.Now().Before(x.retry) {
		return
	}
	conn, err := x.Network.Listen(x.spec, x.deliver)
	if err != nil {
		x.pause = min(max(2*x.pause, rejoinFirst), rejoinMost)
		x.retry = time.Now().Add(x.pause)
		if x.failed == nil || x.failed.Error() != err.Error() {
			x.Log.Warn("connections cannot be asked for on "+x.spec.Interface, slog.Any("err", err))
		}
		x.failed = err
		return
	}
	x.conn, x.failed, x.pause = conn, nil, 0
}

// leave leaves the group, and with it what is under way.
func (x *Exchange) leave() {
	if x.telling != nil {
		x.cancel()
		x.unasked.due = x.unasked.due || x.unasked.telling // in the group that comes next
		x.tellingEnded(<-x.ended)
	}
	if x.conn != nil {
		if err := x.conn.Close(); err != nil {
			x.Log.Warn("leave the group of directors", slog.Any("err", err))
		}
		x.conn = nil
	}
	x.unasked.known = nil
}

// deliver takes a signal from the network.
func (x *Exchange) deliver(s Signal) {
	select {
	case x.heard <- s:
	default:
	}
}

func (x *Exchange) receive(s Signal) {
	if s.ID != x.spec.ID {
		return
	}
	switch s.Kind {
	case Mark, End:
		if x.asking != nil {
			x.asking.receive(time.Now(), s)
		}
	case Drop:
		x.asked = slices.DeleteFunc(x.asked, func(session uint32) bool { return session == s.Session })
		fallthrough
	case Ack:
		if x.telling != nil {
			x.telling.ack(s)
		}
	case Ask:
		x.mu.Lock()
		answers := x.answers && x.asking == nil // who asks does not know
		x.mu.Unlock()
		is := x.telling != nil && x.telling.has(s.Session)
		if answers && !is && len(x.asked) < mostAskers && !slices.Contains(x.asked, s.Session) {
			x.asked = append(x.asked, s.Session)
		}
	}
}

// step asks, and begins to tell, what is due.
func (x *Exchange) step(ctx context.Context) {
	now := time.Now()
	if x.asking != nil {
		send, done := x.asking.step(now, x.unread())
		for _, s := range send {
			x.signal(s)
		}
		if done != nil {
			x.asking = nil
			x.finished(*done)
		}
	}
	if len(x.asked) > 0 && x.telling == nil && x.conn != nil && now.Sub(x.told) >= answerPause {
		t := newTelling(x.conn, x.spec.ID, x.asked)
		x.asked = nil
		x.begin(ctx, t)
	}
	x.stepUnasked(ctx)
}

// begin has a telling run, the only one until it has ended.
func (x *Exchange) begin(ctx context.Context, t *telling) {
	ctx, x.cancel = context.WithCancel(ctx)
	x.telling = t
	go func() { x.ended <- t.run(ctx, x.Network.Listing, x.Services) }()
}

// due is when step is to be called next by itself.
func (x *Exchange) due() time.Time {
	now := time.Now()
	at := now.Add(time.Hour)
	if x.asking != nil {
		at = x.asking.deadline(now)
	}
	if x.conn == nil && x.spec.Exists() && x.retry.Before(at) {
		at = x.retry
	}
	if next := x.told.Add(answerPause); len(x.asked) > 0 && x.telling == nil && x.conn != nil && next.Before(at) {
		at = next
	}
	if u := &x.unasked; u.known != nil && !u.telling && u.until.Before(at) {
		at = u.until
	}
	return at
}

func (x *Exchange) signal(s Signal) {
	if x.conn == nil {
		return
	}
	if err := x.conn.Signal(s); err != nil {
		x.Log.Debug("signal to the other directors", slog.Any("err", err)) // it is said again
	}
}

// unread asks the own kernel, as far as that can be.
func (x *Exchange) unread() Unread {
	if x.conn == nil {
		return Unread{}
	}
	u, err := x.conn.Unread()
	if err != nil {
		x.Log.Debug("what the kernel has yet to read", slog.Any("err", err))
		return Unread{}
	}
	return u
}

// finished reports an outcome.
func (x *Exchange) finished(o Outcome) {
	if o.Answered {
		x.counts.Answered++
		x.counts.Learned += uint64(o.Connections)
		x.counts.LastTook = o.Took
	} else {
		x.counts.Unheard++
	}
	x.counts.Lost += uint64(o.Lost)
	x.publish()
	x.Done(o)
}

// tellingEnded takes note of an answer that has ended, or of what was told unasked.
func (x *Exchange) tellingEnded(t told) {
	x.cancel()
	x.telling, x.cancel = nil, nil
	unasked := x.unasked.telling
	if unasked {
		x.unaskedEnded(t.err)
	} else {
		x.counts.Told++
		x.told = time.Now()
	}
	x.counts.Connected += uint64(t.connections)
	x.counts.Unknown += uint64(t.unknown + t.skipped)
	if errors.Is(t.err, context.Canceled) {
		return // by a stop, or a reload
	}
	count := slog.Int("connections", t.connections)
	switch {
	case unasked && t.err != nil:
		x.Log.Warn("not all connections were told to the director that takes over", count, slog.Any("err", t.err))
	case t.err != nil:
		x.Log.Warn("not all connections were told to a director that asked", count, slog.Any("err", t.err))
	case unasked && t.connections == 0: // nothing new
	case unasked:
		x.Log.Info("told the director that takes over of connections", count)
	default:
		x.Log.Info("told a director that asked of all connections", count)
	}
}

func (x *Exchange) publish() {
	s := x.counts
	s.Asking, s.Telling = x.asking != nil, x.telling != nil
	if x.failed != nil {
		s.Failing = x.failed.Error()
	}
	x.status.Store(&s)
}
