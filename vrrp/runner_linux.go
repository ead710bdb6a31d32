package vrrp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/lan"
)

const (
	// packetQueue is how many received packets may wait for the Runner: some hundred routers' adverts of one instant.
	packetQueue = 1024
	// publishDelay is how long a Status may be out of date. Transitions are published at once, those of many routers with one cause
	// when all have been told of it.
	publishDelay = 250 * time.Millisecond
	// reopenDelay is how long after a socket could not be opened that is tried again.
	reopenDelay = time.Second
)

// ErrStopped is the error of Apply when the Runner has stopped or is about to.
var ErrStopped = errors.New("vrrp has stopped")

// Options is what a Runner needs. Network is required.
type Options struct {
	Network lan.Network
	// Logger gets keepalived's messages. Its handler must not block: adverts would wait for it. nil logs nothing.
	Logger *slog.Logger
	// Registerer gets the metrics; nil measures nothing.
	Registerer prometheus.Registerer
	// HeartbeatFile lets a process that was killed resume within its own master-down interval; "" does without.
	HeartbeatFile string
	// KeepOnStop ends Run without resigning and leaves the addresses in place (--dont-release-vrrp).
	KeepOnStop bool
	// OnLoss is what a MASTER does about an address, a route or a rule that somebody else has removed.
	OnLoss LossPolicy
	// RecordFile gets what the Engine is given, for vrrp/recording to play again; "" records nothing. Program is who writes it.
	RecordFile, Program string
	// Servers returns the real servers whose answers to the clients of a virtual address come back through this host, as
	// with address translation. It must not block; nil knows none.
	Servers func(netip.Addr) []netip.AddrPort
	// Tracked is where the values of tracked objects come from; nil makes one of the Runner's own.
	Tracked *Tracked

	// Hook runs a program that a virtual router waits for (pre_master, ensure_master) to its end, or until ctx ends, which
	// it obeys within seconds. The error says why it did not succeed. nil runs none.
	Hook func(ctx context.Context, p confparse.Program) error

	bootTime func() int64 // nanoseconds since the boot; tests have their own
}

// Runner runs all virtual routers of the process: it gives the Engine what happens and does what the Engine decides.
// One goroutine, Run, owns everything; what is slow is done by one worker per virtual router.
type Runner struct {
	network    lan.Network
	log        *slog.Logger
	keepOnStop bool
	onLoss     LossPolicy
	servers    func(netip.Addr) []netip.AddrPort
	tracked    *Tracked
	epoch      time.Time // Instant 0
	bootTime   func() int64
	metrics    *metrics
	heartbeat  *heartbeat // nil without one

	requests chan request
	asks     chan chan<- []Explained // which have room
	killed   chan struct{}
	killOnce sync.Once
	ended    chan struct{} // closed when Run has returned
	thread   atomic.Int64  // of Run; 0 before it
	board    board
	err      error // why Run ended early; set before ended is closed
	changes  *changes
	taken    *Changes // by TakeChanges

	packets      chan packetIn
	dropped      atomic.Uint64 // packets that found the queue full
	results      chan result
	hooks        hooks
	opens        chan opened
	configured   chan hostConfigured
	beats        chan []beat
	filterLosses chan lan.FilterLoss
	quit         chan struct{}  // closed when nobody reads results and opens any more
	io           sync.WaitGroup // goroutines that open and close sockets
	pacers       *pacers
	places       *places
	warned       atomic.Bool // that neighbours are answered during a hand-over, for want of nftables

	// Owned by Run.
	engine      recordedEngine
	wanted      election.Spec // as applied
	spec        election.Spec // as the interfaces allow
	instances   map[election.Handle]*virtualRouter
	starting    []*virtualRouter // Start seen, Started still to come
	answers     []chan<- error   // of the requests whose routers are still starting
	draining    []*virtualRouter // Stopped, their workers still at work
	dirty       []*virtualRouter // may have to be told about links and addresses
	sockets     map[socketKey]*socket
	virtual     *virtualLinks
	hosted      election.HostSettings // as the kernel was told, or is being told
	configuring bool                  // a request waits for that
	view        networkView
	statics     statics
	links       linkJudge
	linkbeat    linkbeat
	synced      bool
	cleaned     bool // addresses left by an earlier process have been dealt with
	stopping    bool
	reopenAt    election.Instant
	publishAt   election.Instant
	unpublished bool      // a change that is published when all have been told of its cause
	renew       bool      // the routers themselves have changed, not only their status
	polled      []*socket // scratch
}

// request is an Apply on its way.
type request struct {
	spec election.Spec
	done chan<- error // has room
}

// NewRunner returns a Runner without virtual routers. The error is that of the Registerer.
func NewRunner(o Options) (*Runner, error) {
	if o.Network == nil {
		return nil, errors.New("vrrp runner without a network")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Tracked == nil {
		o.Tracked = NewTracked()
	}
	r := &Runner{
		network: o.Network, log: o.Logger, keepOnStop: o.KeepOnStop, onLoss: o.OnLoss, servers: o.Servers, tracked: o.Tracked, epoch: time.Now(),
		requests: make(chan request), asks: make(chan chan<- []Explained), killed: make(chan struct{}), ended: make(chan struct{}), changes: new(changes),
		packets: make(chan packetIn, packetQueue), results: make(chan result), hooks: newHooks(o.Hook), opens: make(chan opened), configured: make(chan hostConfigured), quit: make(chan struct{}), pacers: newPacers(), places: newPlaces(),
		engine: recordedEngine{Engine: election.NewEngine()}, instances: make(map[election.Handle]*virtualRouter), sockets: make(map[socketKey]*socket),
		view: newNetworkView(), statics: newStatics(), links: newLinkJudge(), linkbeat: newLinkbeat(), beats: make(chan []beat), filterLosses: make(chan lan.FilterLoss), reopenAt: election.Never, publishAt: election.Never,
	}
	r.taken = r.changes.follow()
	r.virtual = newVirtualLinks(r)
	r.metrics = newMetrics(r.Status, r.Trackers)
	if o.Registerer != nil {
		if err := o.Registerer.Register(r.metrics); err != nil {
			return nil, fmt.Errorf("register VRRP metrics: %w", err)
		}
	}
	if o.bootTime == nil {
		o.bootTime = bootTime
	}
	r.bootTime = o.bootTime
	if o.RecordFile != "" {
		r.record(o.RecordFile, o.Program)
	}
	if o.HeartbeatFile != "" {
		var err error
		if r.heartbeat, err = openHeartbeat(o.HeartbeatFile, r.epoch, o.bootTime); err != nil {
			// Resuming is a comfort; the addresses are served without it.
			r.log.Warn("cannot remember adverts across a crash", slog.String("file", o.HeartbeatFile), slog.Any("err", err))
		}
	}
	return r, nil
}

// Apply makes spec the desired state of all virtual routers and returns when Run has taken it: routers that are new
// have been started, others reconfigured or told to resign. It waits for Run to have learned the state of the
// interfaces, and for the sockets. The error is ctx's or wraps ErrStopped and says why.
func (r *Runner) Apply(ctx context.Context, spec election.Spec) error {
	done := make(chan error, 1)
	select {
	case r.requests <- request{spec, done}:
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ended:
		return r.whyStopped()
	}
	select {
	case err := <-done:
		return err
	case <-r.ended:
		return r.whyStopped()
	}
}

// whyStopped is ErrStopped with the reason why Run ended early, if it did.
func (r *Runner) whyStopped() error {
	if r.err != nil {
		return fmt.Errorf("%w: %w", ErrStopped, r.err)
	}
	return ErrStopped
}

// Kill ends Run at once: nothing is sent, nothing is released.
func (r *Runner) Kill() { r.killOnce.Do(func() { close(r.killed) }) }

// Track says the value of a tracked object, as Tracked.Set does. It may be called from any goroutine at any time.
func (r *Runner) Track(id track.ID, value int) { r.tracked.Set(id, value) }

// Status returns the latest snapshot. Transitions are in it at once, of many routers that follow one object when all have been told
// of it, counters within a quarter of a second.
func (r *Runner) Status() Status { return r.board.snapshot() }

// Trackers returns what is known of the objects that virtual routers follow, and what comes of it for each.
func (r *Runner) Trackers() []TrackerStatus {
	return trackersOf(r.board.snapshot().Instances, r.tracked.all())
}

// Thread is the number of the thread on which all virtual routers run, and 0 before Run has begun.
func (r *Runner) Thread() int { return int(r.thread.Load()) }

// Changed receives when TakeChanges has something to return. There is one reader of these two; Follow is for others.
func (r *Runner) Changed() <-chan struct{} { return r.taken.Changed() }

// TakeChanges returns the transitions since the last call in the order in which they happened.
func (r *Runner) TakeChanges() []Change { return r.taken.Take() }

// Follow returns a further reader of the transitions from now on. The reader must take them: none is ever dropped.
func (r *Runner) Follow() *Changes { return r.changes.follow() }

// FollowDecisions returns a reader that is told of the transitions of virtual routers when they are decided, before their
// resources have followed: of each, what it told comes before what a reader of Follow is told.
func (r *Runner) FollowDecisions() *Changes { return r.changes.followEarly() }

// Unfollow ends what Follow or FollowDecisions began.
func (r *Runner) Unfollow(c *Changes) { r.changes.unfollow(c) }

// Run runs the virtual routers until ctx ends; then all of them resign, hand over to a successor and release their
// addresses, and Run returns nil, or why some of them could not be removed. It returns early with an error only when links
// and addresses cannot be watched at all. It may be called once.
func (r *Runner) Run(ctx context.Context) error {
	defer close(r.ended)
	// The timer and the adverts of all virtual routers hang on this thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r.thread.Store(int64(unix.Gettid()))

	events := make(chan netio.Event, 256)
	watchCtx, stopWatch := context.WithCancel(context.Background())
	watched := make(chan error, 1)
	go func() { watched <- r.network.Watch(watchCtx, events) }()
	r.io.Go(func() { r.network.WatchFilter(watchCtx, r.filterLosses) })

	err := r.loop(ctx, events, watched)
	r.err = err

	stopWatch()
	if err == nil || !errors.Is(err, errWatch) {
		<-watched
	}
	if left := r.shutDown(); err == nil && r.stopping {
		err = left
	}
	return err
}

var errWatch = errors.New("watch ended")

func (r *Runner) loop(ctx context.Context, events <-chan netio.Event, watched <-chan error) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	armed := election.Never
	stop := ctx.Done()
	for {
		var requests chan request
		if r.synced && !r.configuring {
			requests = r.requests
		}
		select {
		case p := <-r.packets:
			r.receive(p, r.now())
		case ev := <-events:
			r.observe(ev)
		case l := <-r.filterLosses:
			r.filterLost(l)
		case res := <-r.results:
			r.finished(res)
		case e := <-r.hooks.ends:
			r.hookEnded(e)
		case o := <-r.opens:
			r.opened(o)
		case list := <-r.beats:
			r.answered(list)
		case <-r.tracked.wake:
			r.takeTracked()
		case made := <-r.virtual.results:
			r.virtual.made(made)
		case req := <-requests:
			r.take(req)
		case done := <-r.configured:
			r.hostIsConfigured(done)
		case answer := <-r.asks:
			answer <- r.explain()
		case <-timer.C:
			armed = election.Never
			if late, due := r.late(); due {
				r.metrics.lateness.Observe(late.Seconds())
			}
			r.wake()
		case <-stop:
			stop = nil
			if r.keepOnStop {
				return nil
			}
			r.stopping = true
			now := r.now()
			r.do(now, r.engine.Stop(now))
		case <-r.killed:
			return nil
		case err := <-watched:
			return fmt.Errorf("%w: %w", errWatch, err)
		}
		r.followUp()
		if r.stopping && r.engine.Idle() {
			return nil
		}
		if next := r.next(); next != armed {
			armed = next
			timer.Reset(next.Sub(r.now()))
		}
	}
}

// late is how long ago a timer of the Engine was due; false when it was another one that fired.
func (r *Runner) late() (time.Duration, bool) {
	d, ok := r.engine.Timer()
	late := r.now().Sub(d)
	return late, ok && late >= 0
}

// next is when Run has something to do by itself.
func (r *Runner) next() election.Instant {
	d, _ := r.engine.Deadline()
	return min(d, r.publishAt, r.reopenAt, r.virtual.againAt, r.links.next(), r.linkbeat.at, r.statics.retryAt)
}

// wake does what is due.
func (r *Runner) wake() {
	now := r.now()
	if r.reopenAt <= now {
		r.reopen()
	}
	if r.virtual.againAt <= now {
		r.virtual.again(now)
	}
	if r.statics.retryAt <= now {
		r.retryStatics()
	}
	r.judgeLinks(now)
	if r.linkbeat.at <= now {
		r.askLinks()
	}
	now = r.now()
	r.listenBeforeWake(now)
	r.do(now, r.engine.Wake(now))
	if r.publishAt <= now {
		r.publish()
	}
}

// followUp brings up what the last event has left to be done: routers that start, news about links and addresses, and the
// answer to who waits for that.
func (r *Runner) followUp() {
	for {
		switch {
		case r.startNext():
		case len(r.dirty) > 0:
			in := r.dirty[0]
			r.dirty = r.dirty[1:]
			in.dirty = false
			r.inform(in)
		default:
			r.answer()
			return
		}
	}
}

func (r *Runner) apply(req request) {
	if r.stopping {
		req.done <- ErrStopped
		return
	}
	r.wanted = req.spec
	r.applyFitting()
	r.removeStale()
	r.answers = append(r.answers, req.done)
	r.followUp()
}

// answer tells who asked for routers that they have started. A router that waits for addresses, or a virtual link, which another
// one still has to remove is not waited for.
func (r *Runner) answer() {
	if len(r.answers) == 0 || slices.ContainsFunc(r.starting, func(in *virtualRouter) bool {
		return in.socket != nil || r.virtual.making(in)
	}) {
		return
	}
	r.publish()
	for _, done := range r.answers {
		done <- nil
	}
	r.answers = nil
}

// step gives one event to one virtual router.
func (r *Runner) step(in *virtualRouter, ev election.Event) { r.stepAt(r.now(), in, ev) }

func (r *Runner) stepAt(now election.Instant, in *virtualRouter, ev election.Event) {
	r.do(now, r.engine.Step(now, in.handle, ev))
}

// all returns the virtual routers in the order in which they started.
func (r *Runner) all() []*virtualRouter {
	byHandle := func(a, b *virtualRouter) int { return cmp.Compare(a.handle, b.handle) }
	return slices.SortedFunc(maps.Values(r.instances), byHandle)
}

func (r *Runner) now() election.Instant { return election.Instant(time.Since(r.epoch)) }

// timeOf is by the system clock as it is set now.
func (r *Runner) timeOf(i election.Instant) time.Time {
	now := time.Now()
	return now.Add(time.Duration(i) - now.Sub(r.epoch))
}

// shutDown ends everything Run has started and waits for it. It returns why something that was to be removed is still there.
func (r *Runner) shutDown() (left error) {
	for _, s := range r.sockets {
		r.close(s)
	}
	abandon := !r.stopping
	workers := r.draining
	for _, in := range r.all() {
		in.worker.close(abandon)
		workers = append(workers, in)
	}
	r.endHooks()
	close(r.quit)
	for _, in := range workers {
		<-in.worker.done
		left = errors.Join(left, in.worker.stays)
	}
	left = errors.Join(left, r.releaseStatics(abandon), r.virtual.close(abandon))
	r.io.Wait()
	r.pacers.close()
	r.renew = true
	r.publish()
	r.endRecord()
	if r.heartbeat != nil {
		if err := r.heartbeat.close(); err != nil {
			r.log.Warn("close heartbeat", slog.Any("err", err))
		}
	}
	return left
}
