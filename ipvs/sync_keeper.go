package ipvs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// SyncOptions are what a SyncKeeper needs.
type SyncOptions struct {
	// Open opens the kernel. It is called when there is a daemon to run, not before, and again when IPVS was unloaded
	// meanwhile.
	Open func(context.Context) (Kernel, error)

	Logger     *slog.Logger          // nil = none
	Registerer prometheus.Registerer // nil = no metrics

	KeepOnStop  bool          // --dont-release-ipvs: leave them running when Run returns
	AuditPeriod time.Duration // time after which it is looked whether they still run; 0 = 60 s, below 0 = never
}

// SyncKeeper keeps the kernel's synchronization daemons equal to what was wanted last. It has a goroutine and a Kernel of its
// own beside the Reconciler's: to end a daemon the kernel waits for a thread of its own, and neither should a change of role
// stand behind ten thousand servers, nor a server behind a change of role. There may be daemons without a virtual server.
type SyncKeeper struct {
	opts    SyncOptions
	log     *slog.Logger
	signal  chan struct{} // one slot
	stopped chan struct{}
	status  atomic.Pointer[SyncStatus]

	mu      sync.Mutex
	asked   Sync // the last Want
	fresh   bool // and that it has not been taken yet
	waiters []chan struct{}

	// Owned by Run.
	kernel   Kernel
	want     Sync
	ours     map[SyncRole]ownSync // those that run and were started, or taken over, for want
	running  []SyncDaemon         // as the kernel tells of them; what is not ours is another's
	settings settingsKept
	settled  bool // want has been made so
	failure  failure
}

// ownSync is a daemon that is ours.
type ownSync struct {
	SyncDaemon     // as it was started
	link       int // the number that its interface had
}

// SyncStatus is a snapshot of a SyncKeeper.
type SyncStatus struct {
	Running []SyncDaemon  // those that are ours, as the kernel tells of them
	Failing []SyncFailure // none or one
}

// SyncFailure is that the daemons are not as they are wanted.
type SyncFailure struct {
	Error    string
	Attempts int
	Since    time.Time
	Retry    time.Time // of the next attempt
}

// NewSyncKeeper returns a SyncKeeper. It does nothing until Run is called.
func NewSyncKeeper(o SyncOptions) *SyncKeeper {
	k := &SyncKeeper{opts: o, log: o.Logger, signal: make(chan struct{}, 1), stopped: make(chan struct{}),
		ours: make(map[SyncRole]ownSync)}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if k.opts.AuditPeriod == 0 {
		k.opts.AuditPeriod = defaultAudit
	}
	k.status.Store(&SyncStatus{})
	registerSync(o.Registerer, k.Status)
	return k
}

// String names the part in logs.
func (k *SyncKeeper) String() string { return "lvs_sync_daemon" }

// Want replaces what is to be; it is not changed afterwards. While it has daemons, all that run are ours; with none, those are
// ended that were, and settings get back what they were. What has failed is tried again at once.
func (k *SyncKeeper) Want(s Sync) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.asked.Equal(s) && len(k.Status().Failing) == 0 {
		return
	}
	k.asked, k.fresh = s, true
	k.wake()
}

func (k *SyncKeeper) wake() {
	select {
	case k.signal <- struct{}{}:
	default:
	}
}

// Sync waits until what was wanted before the call is so, or has failed once.
func (k *SyncKeeper) Sync(ctx context.Context) error {
	done := make(chan struct{})
	k.mu.Lock()
	k.waiters = append(k.waiters, done)
	k.wake()
	k.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-k.stopped:
		return errors.New("lvs_sync_daemon has stopped")
	}
}

// Status returns the latest snapshot.
func (k *SyncKeeper) Status() SyncStatus { return *k.status.Load() }

// Run keeps the daemons until ctx ends, then ends those that are ours and returns nil. It may be called once.
func (k *SyncKeeper) Run(ctx context.Context) error {
	defer close(k.stopped)
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		timer.Reset(k.untilDue())
		select {
		case <-ctx.Done():
			k.stop()
			return nil
		case <-k.signal:
			k.update(ctx, false)
		case <-timer.C:
			k.update(ctx, true)
		}
	}
}

// untilDue is the time until something failed is tried again, or it is looked whether the daemons still run.
func (k *SyncKeeper) untilDue() time.Duration {
	switch {
	case k.failure.attempts > 0:
		return max(time.Until(k.failure.next), 0)
	case k.opts.AuditPeriod > 0 && len(k.want.Daemons) > 0:
		return k.opts.AuditPeriod
	}
	return idle
}

// update takes what is wanted and makes it so, if that is news or it is time.
func (k *SyncKeeper) update(ctx context.Context, due bool) {
	k.mu.Lock()
	want, fresh, waiters := k.asked, k.fresh, k.waiters
	k.fresh, k.waiters = false, nil
	k.mu.Unlock()
	if !want.Equal(k.want) {
		k.want, k.settled = want, false
	}
	if fresh || due {
		k.came(ctx, k.converge(ctx))
		k.publish()
	}
	for _, w := range waiters {
		close(w)
	}
}

func (k *SyncKeeper) publish() {
	s := &SyncStatus{}
	for _, d := range k.running {
		if _, ours := k.ours[d.Role]; ours {
			s.Running = append(s.Running, d)
		}
	}
	if f := k.failure; f.attempts > 0 {
		s.Failing = []SyncFailure{{Error: f.err.Error(), Attempts: f.attempts, Since: f.since, Retry: f.next}}
	}
	k.status.Store(s)
}
