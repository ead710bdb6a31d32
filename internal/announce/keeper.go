package announce

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/internal/netio"
)

// Network is the kernel as a Keeper needs it; see netio.Handle.
type Network interface {
	Watch(ctx context.Context, events chan<- netio.Event) error
	Addresses() ([]netio.Address, error)
	AddAddress(netio.Address) error
	DelAddress(netio.Address) error
	io.Closer
}

// Options are what a Keeper works with.
type Options struct {
	Open       func() (Network, error)
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	StatePath  string // where the places of this process are remembered; "": nowhere
	KeepOnStop bool   // what is there at the end stays there
}

// Failure is what keeps addresses from being as they are to be.
type Failure struct {
	Error    string
	Attempts int
	Since    time.Time
	Retry    time.Time // of the next attempt; sooner when something changes
}

// Keeper keeps addresses where they are wanted. Its methods may be called from any goroutine, Run once.
type Keeper struct {
	opts    Options
	metrics keeperMetrics
	failure atomic.Pointer[Failure] // nil: there is none
	changed chan struct{}           // has room for one

	mu      sync.Mutex
	places  map[Place]Want  // that are looked after
	leave   map[Place]bool  // that are not any more, and may be there
	waiting []chan struct{} // of Sync

	// Run's.
	state     stateFile
	network   Network
	host      host
	recheck   bool // somebody may have removed an address that is wanted
	forgetful bool // the file of the places cannot be written, which was told
	here      map[Place]placed
	retry     time.Time // zero: nothing is to be tried again
}

// placed is how an address has come to its Place.
type placed struct {
	index int // of the interface
	at    time.Time
}

// New returns a Keeper that looks after nothing. What an earlier process remembers at Options.StatePath is cleared by Run unless it
// is one of the places by then.
func New(o Options) *Keeper {
	k := &Keeper{opts: o, metrics: newMetrics(o.Registerer), state: stateFile{path: o.StatePath}, changed: make(chan struct{}, 1),
		places: make(map[Place]Want), leave: make(map[Place]bool), host: newHost(), here: make(map[Place]placed)}
	left, err := k.state.load()
	if err != nil {
		o.Logger.Warn("announced addresses of an earlier process may have stayed behind", "err", err)
	}
	for _, p := range left {
		k.leave[p] = true
	}
	return k
}

// Set makes places those that are looked after. Those that were until now and are not any more are cleared.
func (k *Keeper) Set(places map[Place]Want) {
	k.mu.Lock()
	for p := range k.places {
		k.leave[p] = true
	}
	for p := range places {
		delete(k.leave, p)
	}
	k.places = maps.Clone(places)
	k.mu.Unlock()
	k.wake()
}

// Want changes what some of the places are to be. Others are ignored.
func (k *Keeper) Want(changes map[Place]Want) {
	k.mu.Lock()
	for p, w := range changes {
		if _, ok := k.places[p]; ok {
			k.places[p] = w
		}
	}
	k.mu.Unlock()
	k.wake()
}

func (k *Keeper) wake() {
	select {
	case k.changed <- struct{}{}:
	default: // it will look anyway
	}
}

// Sync waits until what was to be cleared before the call has been, or could not be. It returns at once if there is nothing to clear.
func (k *Keeper) Sync(ctx context.Context) {
	k.mu.Lock()
	if len(k.leave) == 0 {
		k.mu.Unlock()
		return
	}
	done := make(chan struct{})
	k.waiting = append(k.waiting, done)
	k.mu.Unlock()
	k.wake()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Idle reports whether there is nothing for Run to do.
func (k *Keeper) Idle() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.places)+len(k.leave) == 0
}

// Failure returns what keeps addresses from being as they are to be, or nil.
func (k *Keeper) Failure() *Failure { return k.failure.Load() }

// Run makes it so until ctx ends; then it clears all places, unless they are to stay, and returns nil. A network that cannot be had is
// tried again.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		err := k.session(ctx)
		if ctx.Err() != nil {
			if err != nil {
				k.opts.Logger.Error("announce_on: addresses stay behind", "err", err)
			}
			return nil
		}
		k.came([]error{err})
		wait := time.NewTimer(retryEvery)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			k.farewell()
			return nil
		}
	}
}

// farewell is the end of a Run that has no network at the moment.
func (k *Keeper) farewell() {
	if k.opts.KeepOnStop || k.Idle() {
		return
	}
	n, err := k.opts.Open()
	if err == nil {
		k.network = n
		err = k.end()
		_ = n.Close()
	}
	if err != nil {
		k.opts.Logger.Error("announce_on: addresses stay behind", "err", err)
	}
}

// session is Run with one network.
func (k *Keeper) session(ctx context.Context) (err error) {
	if k.network, err = k.opts.Open(); err != nil {
		return err
	}
	defer k.network.Close()
	k.host = newHost()
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	events, done := make(chan netio.Event, 64), make(chan error, 1)
	go func() { done <- k.network.Watch(watching, events) }()
	timer, audit := time.NewTimer(0), time.NewTicker(auditEvery)
	defer timer.Stop()
	defer audit.Stop()
	for {
		select {
		case ev := <-events:
			k.take(ev)
			if len(events) > 0 {
				continue // what has happened is looked at together
			}
		case <-k.changed:
		case <-timer.C:
		case <-audit.C:
			k.recheck = k.recheck || !k.Idle()
		case err := <-done:
			if ctx.Err() == nil {
				return err
			}
			return k.end()
		case <-ctx.Done():
			cancel()
			<-done
			return k.end()
		}
		if k.host.synced {
			k.converge()
		}
		timer.Stop()
		if !k.retry.IsZero() {
			timer.Reset(time.Until(k.retry))
		}
	}
}

// take takes note of a change of the network.
func (k *Keeper) take(ev netio.Event) {
	if gone, ok := ev.(netio.AddressGone); ok {
		// It may be what we have removed, and put back since. What is there now is asked, not concluded.
		k.recheck = k.recheck || k.keeps(gone.Address)
	}
	k.host.take(ev)
}

// keeps reports whether an address is at a Place that is wanted.
func (k *Keeper) keeps(a netio.Address) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, link := range k.host.links {
		if link.Index == a.Index {
			return k.places[Place{name, a.Prefix.Addr()}] == Present
		}
	}
	return false
}

// end clears all places.
func (k *Keeper) end() error {
	if k.opts.KeepOnStop {
		return nil
	}
	if !k.host.synced { // what is where is not known, and remembered for the next process
		return errors.New("the network has not said what is there")
	}
	k.Set(nil)
	list, err := k.network.Addresses()
	if err != nil {
		return err
	}
	k.host.reset(list)
	errs := k.clear(k.due().clear)
	_ = k.state.save(k.due().known)
	return joined(errs)
}
