package ipvs

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
	"vigil/ipvs/pool"
)

const (
	defaultAudit = time.Minute
	idle         = time.Hour // between wake-ups when nothing is due
)

// AuditMode is what becomes of a weight that somebody else has set.
type AuditMode uint8

// The modes.
const (
	AuditKeep   AuditMode = iota // it is reported, and kept until the configuration or a check changes that server
	AuditRepair                  // it is put right like everything else
)

// Options are what a Reconciler needs.
type Options struct {
	// Open opens the kernel. It is called when there is something to program, not before, and again when IPVS was
	// unloaded meanwhile.
	Open func(context.Context) (Kernel, error)

	Logger     *slog.Logger          // nil = none
	Registerer prometheus.Registerer // nil = no metrics

	// StatePath is a file, in the run directory, that remembers across a crash which services are ours. "" = none.
	StatePath string

	// Tell is given what has happened to the pools, in order, once the kernel has it. It must not block. nil = nobody.
	Tell func(Event)

	KeepOnStop  bool          // --dont-release-ipvs: leave the table as it is when Run returns
	AuditPeriod time.Duration // time in which the whole table is read back once; 0 = 60 s, below 0 = never
	Audit       AuditMode
	PerServer   bool // export the kernel's counters of each real server, not only of each virtual server
}

// Reconciler keeps the kernel's table equal to the last Spec and Health it was given. Run owns all of its state; the
// other methods may be called from anywhere, at any time.
type Reconciler struct {
	opts    Options
	log     *slog.Logger
	metrics *metrics
	inbox   inbox
	ready   chan struct{}
	stopped chan struct{}
	status  atomic.Pointer[Status]
	pools   atomic.Pointer[[]shown] // in the order of the Spec

	kernel  Kernel // nil until something is to be programmed, and while it is lost
	opened  bool   // it was open at some time
	flushed bool   // lvs_flush was done
	opening failure
	state   stateFile
	unsaved bool // which services are ours may be other than remembered

	servers  map[confparse.VirtualServerID]*virtualServer
	entries  map[ServiceKey]*entry
	listed   []*virtualServer // in the order of the Spec
	leaving  []*virtualServer // that have left the configuration, and whose servers drain
	ended    []*virtualServer // that a Spec has removed, and of which that is still to be told
	sequence []*entry         // those that are wanted, as in the Spec
	dirty    []*entry         // those that may not be in the kernel as they are wanted, or not wanted and there
	gen      uint64           // counts Specs
	flush    bool             // lvs_flush
	onStop   confparse.LVSFlushOnStop

	services int // that are present
	dests    int // of them
	failing  int // entries with a failure
	retryAt  time.Time
	written  uint64 // operations that the kernel accepted
	drift    uint64 // those of them that repaired what an audit found
	auditAt  time.Time
	round    []*entry // what the audit under way has not read back yet
	buf      []dest   // reused by planning
	verdicts []pool.Health

	overridden map[*virtualServer]bool // those with weights that others have set

	epoch    time.Time               // of the pools' Instants
	timed    map[*virtualServer]bool // those that change with time
	drainsAt time.Time               // when it is looked whose connections have ended; zero: nobody drains
	timeouts timeouts
	settings reconcilerSettings
}

// NewReconciler returns a Reconciler. It does nothing until Run is called.
func NewReconciler(o Options) *Reconciler {
	r := &Reconciler{
		opts: o, log: o.Logger, state: stateFile{path: o.StatePath},
		inbox: inbox{signal: make(chan struct{}, 1)},
		ready: make(chan struct{}), stopped: make(chan struct{}),
		entries: make(map[ServiceKey]*entry), overridden: make(map[*virtualServer]bool), unsaved: true,
		epoch: time.Now(), timed: make(map[*virtualServer]bool),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.opts.AuditPeriod == 0 {
		r.opts.AuditPeriod = defaultAudit
	}
	r.status.Store(&Status{})
	r.pools.Store(new([]shown))
	r.metrics = newMetrics(o.Registerer, o.PerServer, r.Status, r.Pools)
	return r
}

// String names the part in logs.
func (r *Reconciler) String() string { return "ipvs" }

// Set replaces what the table is to be. h is complete: what it does not mention is up, and what was reported before is in it
// and is told all the same. The arguments are read later and must not be changed.
func (r *Reconciler) Set(s Spec, h Health) { r.inbox.set(s, h) }

// Report takes what the checks have found out since: the order is that in which it is told. Servers that the current Spec
// does not have are ignored.
func (r *Reconciler) Report(changes []HealthChange) { r.inbox.change(changes) }

// Ready is closed when the first Spec has been programmed, each of its services with success or a recorded failure.
func (r *Reconciler) Ready() <-chan struct{} { return r.ready }

// Sync waits until everything handed in before the call has been programmed or has failed once.
func (r *Reconciler) Sync(ctx context.Context) error {
	done := r.inbox.wait()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.stopped:
		return errors.New("ipvs has stopped")
	}
}

// Run programs the kernel until ctx ends, then removes what it owns (or flushes, or keeps it, as configured) and
// returns nil. It fails only if the kernel cannot be opened for the first Spec. It may be called once.
func (r *Reconciler) Run(ctx context.Context) error {
	defer close(r.stopped)
	defer r.close()
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		timer.Reset(r.untilDue())
		select {
		case <-ctx.Done():
			r.stop()
			return nil
		case <-r.inbox.signal:
			if err := r.update(ctx); err != nil {
				return err
			}
		case <-timer.C:
			r.retry(ctx)
			r.advance(ctx)
		}
		r.audit(ctx) // here, so that no flood of changes keeps it from its turn
	}
}

// update takes what was handed in and programs it.
func (r *Reconciler) update(ctx context.Context) error {
	start := time.Now()
	m := r.inbox.take()
	defer m.release()
	if m.spec != nil {
		r.changeHealth(m.before.list)
		r.setSpec(*m.spec, m.health)
	}
	r.changeHealth(m.changes.list)
	switch {
	case m.spec != nil:
		if err := r.program(ctx); err != nil {
			return err
		}
	case r.kernel == nil || len(r.dirty) == 0:
		return nil // while the kernel cannot be opened, retry will come to it
	default:
		r.reconcile(ctx, r.takeDirty())
	}
	r.metrics.duration.Observe(time.Since(start).Seconds())
	r.publish()
	return nil
}

// program opens the kernel if it is not open, and makes right what may not be. The error is that of a first opening,
// which is final.
func (r *Reconciler) program(ctx context.Context) error {
	if err := r.open(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		if !r.opened && !r.isReady() {
			return err
		}
		r.opening.fail(err)
		r.log.Error("Can't initialize ipvs", "err", err, "retry_in", time.Until(r.opening.next).Round(time.Millisecond))
		return nil
	}
	r.opening = failure{}
	r.setTimeouts(ctx)
	r.setSettings(ctx, false)
	r.remember() // before the services are there: a crash in between must not leave orphans
	if r.failing > 0 {
		for _, e := range r.entries {
			if e.failure != nil {
				r.touch(e)
			}
		}
	}
	r.reconcile(ctx, r.takeDirty())
	r.setSettings(ctx, true)
	if !r.isReady() && ctx.Err() == nil {
		r.publish()
		close(r.ready)
	}
	return nil
}

func (r *Reconciler) isReady() bool {
	select {
	case <-r.ready:
		return true
	default:
		return false
	}
}

// touch marks a service as one that may not be in the kernel as it should.
func (r *Reconciler) touch(e *entry) {
	if !e.dirty {
		e.dirty = true
		r.dirty = append(r.dirty, e)
	}
}

// takeDirty returns what was touched: first what stays, in the order of the Spec, then what goes.
func (r *Reconciler) takeDirty() []*entry {
	entries := r.dirty
	r.dirty = nil
	for _, e := range entries {
		e.dirty = false
	}
	slices.SortFunc(entries, inOrder)
	return entries
}

func inOrder(a, b *entry) int {
	switch {
	case a.vs != nil && b.vs != nil:
		return cmp.Compare(a.pos, b.pos)
	case a.vs == nil && b.vs == nil:
		return compareServices(a.key, b.key)
	case a.vs != nil:
		return -1
	}
	return 1
}

// untilDue is the time until retry or audit has something to do.
func (r *Reconciler) untilDue() time.Duration {
	due := time.Now().Add(idle)
	soonest := func(t time.Time) {
		if t.Before(due) {
			due = t
		}
	}
	if r.opening.attempts > 0 {
		soonest(r.opening.next)
	}
	if r.kernel != nil && r.failing > 0 {
		soonest(r.retryAt)
	}
	if r.auditing() {
		soonest(r.auditAt)
	}
	if at, any := r.nextInstant(); any {
		soonest(at)
	}
	return max(time.Until(due), 0)
}

func (r *Reconciler) close() {
	r.metrics.kernel.Store(nil)
	if r.kernel != nil {
		_ = r.kernel.Close() // the table does not depend on the sockets
	}
}
