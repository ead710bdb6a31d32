package ipvs

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
)

const (
	defaultAudit = time.Minute
	stopTimeout  = 10 * time.Second
	idle         = time.Hour // between wake-ups when nothing is due
)

// Options are what a Reconciler needs.
type Options struct {
	// Open opens the kernel. It is called when there is something to program, not before.
	Open func(context.Context) (Kernel, error)

	Logger     *slog.Logger          // nil = none
	Registerer prometheus.Registerer // nil = no metrics

	// StatePath is a file, in the run directory, that remembers across a crash which services are ours. "" = none.
	StatePath string

	KeepOnStop  bool          // --dont-release-ipvs: leave the table as it is when Run returns
	AuditPeriod time.Duration // time in which the whole table is read back once; 0 = 60 s, below 0 = never
	PerServer   bool          // export the kernel's counters of each real server, not only of each virtual server
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

	kernel  Kernel // nil until something is to be programmed
	applied Table  // our part of the kernel's table; nil until it has been read
	state   stateFile

	services map[ServiceKey]*service
	byID     map[confparse.VirtualServerID][]*service
	order    []ServiceKey // of services, as in the Spec
	flush    bool         // lvs_flush
	onStop   confparse.LVSFlushOnStop
	unsaved  bool // which services are ours may be other than remembered

	failing map[ServiceKey]*failure
	opening failure // of opening the kernel and reading it
	written uint64  // operations that the kernel accepted
	drift   uint64  // those of them that repaired what an audit found
	auditAt time.Time
	audited int    // services of order read back in the current round
	buf     []dest // reused by planning
}

// service is a wanted service with what is known of its servers.
type service struct {
	spec   *ServiceSpec
	health serviceHealth
}

// NewReconciler returns a Reconciler. It does nothing until Run is called.
func NewReconciler(o Options) *Reconciler {
	r := &Reconciler{
		opts: o, log: o.Logger, state: stateFile{path: o.StatePath},
		inbox: inbox{signal: make(chan struct{}, 1)},
		ready: make(chan struct{}), stopped: make(chan struct{}),
		failing: make(map[ServiceKey]*failure), unsaved: true,
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.opts.AuditPeriod == 0 {
		r.opts.AuditPeriod = defaultAudit
	}
	r.status.Store(&Status{})
	r.metrics = newMetrics(o.Registerer, o.PerServer, r.Status)
	return r
}

// String names the part in logs.
func (r *Reconciler) String() string { return "ipvs" }

// Set replaces what the table is to be. h is complete: what it does not mention is up. The arguments are read later
// and must not be changed.
func (r *Reconciler) Set(s Spec, h Health) { r.inbox.set(s, h) }

// SetHealth changes the health of the servers and quorums that h mentions, and of no other. Those that the current
// Spec does not have are ignored.
func (r *Reconciler) SetHealth(h Health) { r.inbox.change(h) }

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
			r.audit(ctx)
			r.publish()
		}
	}
}

// update takes what was handed in and programs it.
func (r *Reconciler) update(ctx context.Context) error {
	start := time.Now()
	m := r.inbox.take()
	defer m.release()
	touched := make(map[ServiceKey]bool)
	if m.spec != nil {
		r.setSpec(*m.spec, m.health, touched)
	}
	r.changeHealth(m.changes, touched)
	switch {
	case m.spec != nil:
		if err := r.program(ctx, touched); err != nil {
			return err
		}
	case len(touched) == 0 || r.applied == nil:
		return nil // while the kernel cannot be opened, retry will come to it
	default:
		r.reconcile(ctx, slices.SortedFunc(maps.Keys(touched), compareServices))
	}
	r.metrics.duration.Observe(time.Since(start).Seconds())
	r.publish()
	return nil
}

// program makes the whole table right, where touched has the services that it may not be right for. The error is that
// of a first opening, which is final.
func (r *Reconciler) program(ctx context.Context, touched map[ServiceKey]bool) error {
	first := r.applied == nil
	if err := r.adopt(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		if r.kernel == nil && !r.isReady() {
			return err
		}
		r.log.Error("Can't initialize ipvs", "err", err, "retry_in", time.Until(r.opening.next).Round(time.Millisecond))
		return nil
	}
	r.remember() // before the services are there: a crash in between must not leave orphans
	keys := r.allKeys()
	if !first {
		keys = slices.DeleteFunc(keys, func(k ServiceKey) bool {
			return r.services[k] != nil && !touched[k] && r.failing[k] == nil
		})
	}
	r.reconcile(ctx, keys)
	r.remember()
	if !r.isReady() {
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

// setSpec takes over a new Spec and adds to touched the services that it wants otherwise than the one before.
func (r *Reconciler) setSpec(s Spec, h Health, touched map[ServiceKey]bool) {
	r.flush, r.onStop = s.FlushAtStart, s.FlushOnStop
	before := r.services
	r.services = make(map[ServiceKey]*service, len(s.Services))
	r.byID = make(map[confparse.VirtualServerID][]*service, len(s.Services))
	r.order = make([]ServiceKey, 0, len(s.Services))
	r.unsaved = r.unsaved || len(before) != len(s.Services)
	var real []RealServerHealth
	for i := range s.Services {
		spec := &s.Services[i]
		health := spec.health(h, real)
		real = health.real[:0]
		svc := before[spec.Key]
		r.unsaved = r.unsaved || svc == nil
		if svc == nil || !svc.health.equal(health) || !svc.spec.Equal(*spec) {
			touched[spec.Key] = true
			health.real = slices.Clone(health.real)
			svc = &service{health: health}
		}
		svc.spec = spec // the Spec before is not needed any more, not even where it is equal
		r.services[spec.Key] = svc
		r.byID[spec.ID] = append(r.byID[spec.ID], svc)
		r.order = append(r.order, spec.Key)
	}
	r.scheduleAudit()
}

// changeHealth takes over a change of health and adds to touched the services that it concerns.
func (r *Reconciler) changeHealth(h Health, touched map[ServiceKey]bool) {
	for id, rh := range h.RealServers {
		for _, svc := range r.byID[id.VS] {
			for i, rs := range svc.spec.RealServers {
				if rs.Addr == id.Addr && rs.Port == id.Port && svc.health.real[i] != rh {
					svc.health.real[i] = rh
					touched[svc.spec.Key] = true
				}
			}
		}
	}
	for id, up := range h.QuorumUp {
		for _, svc := range r.byID[id] {
			if svc.health.quorumUp != up {
				svc.health.quorumUp = up
				touched[svc.spec.Key] = true
			}
		}
	}
}

// allKeys returns every service that is wanted or there: first what stays, in the order of the Spec, then what goes.
func (r *Reconciler) allKeys() []ServiceKey {
	keys := slices.Clone(r.order)
	for k := range r.applied {
		if r.services[k] == nil {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys[len(r.order):], compareServices)
	return keys
}

// untilDue is the time until retry or audit has something to do.
func (r *Reconciler) untilDue() time.Duration {
	due := time.Now().Add(idle)
	soonest := func(t time.Time) {
		if t.Before(due) {
			due = t
		}
	}
	switch {
	case r.applied != nil:
		for _, f := range r.failing {
			soonest(f.next)
		}
		if r.auditing() {
			soonest(r.auditAt)
		}
	case r.opening.attempts > 0:
		soonest(r.opening.next)
	}
	return max(time.Until(due), 0)
}

// stop leaves the kernel as the options say. It has a time limit of its own, since Run's context has ended.
func (r *Reconciler) stop() {
	if r.applied == nil || r.opts.KeepOnStop {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if r.onStop == confparse.FlushOnStopAll {
		if err := r.kernel.Flush(ctx); err != nil {
			r.log.Error("Cannot flush the IPVS table, removing our own services", "err", err)
		} else {
			r.applied = make(Table)
		}
	}
	// Last added, first removed. The kernel keeps removed destinations for two minutes, the latest first, and looks
	// each new one up among them: a restart in this time finds every one at the head of the list.
	keys := r.allKeys()
	slices.Reverse(keys)
	r.setSpec(Spec{}, Health{}, make(map[ServiceKey]bool))
	r.reconcile(ctx, keys)
	r.remember()
	r.publish()
}

func (r *Reconciler) close() {
	r.metrics.kernel.Store(nil)
	if r.kernel != nil {
		_ = r.kernel.Close() // the table does not depend on the sockets
	}
}
