package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/connsync"
	"vigil/internal/netio"
	"vigil/internal/status"
	"vigil/ipvs"
	"vigil/vrrp"
)

const (
	// syncStopLimit is how long the kernel's synchronization daemons may take to end.
	syncStopLimit = 6 * time.Second
	// handOverTime is how long after a change of role the kernel both tells and learns: it keeps what it has to tell for two seconds, and
	// so does the other director's.
	handOverTime = 3 * time.Second
	// farewellLimit is how long a stop waits until the other director has been told of the connections under way.
	farewellLimit = time.Second
)

// syncing is the part that has the kernel share its connections with the other director (lvs_sync_daemon). Which of the
// kernel's daemons runs follows a virtual router, and neither waits for the other: it starts before the virtual routers, is
// told by them when they have a configuration, and ends after they have handed over.
type syncing struct {
	surroundings

	// Owned by the daemon's goroutine.
	tasks struct{ keeper, follow *task }

	mu     sync.Mutex
	spec   ipvs.SyncSpec
	keeper *ipvs.SyncKeeper // nil until there is something to run
	resync *resync          // the same; or it cannot be had
	runner *vrrp.Runner     // nil until there are virtual routers
	taken  bool             // it has the configuration that spec is of
	due    bool             // a question, when it has
	moving time.Time        // until when a change of role has the kernel tell and learn
	gave   bool             // what is served is to be another's, and is here still
	roles  map[confparse.InstanceName]role
}

// role is what a virtual router is.
type role struct {
	master bool // it is decided
	serves bool // what a master has is in place, as well
	here   bool // it is in place, whatever has been decided since
}

func (s *syncing) String() string { return "lvs_sync_daemon" }

// prepare never fails: without IPVS in the kernel the rest is of use all the same, and it is tried again.
func (s *syncing) prepare(_ context.Context, next Desired) (prepared, error) {
	return prepared{commit: func(context.Context) error {
		s.set(next)
		return nil
	}}, nil
}

func (s *syncing) set(next Desired) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spec, s.taken = s.ofThisProcess(next.Sync), false
	if s.keeper == nil {
		if !s.spec.Exists() {
			return
		}
		s.keeper = ipvs.NewSyncKeeper(ipvs.SyncOptions{Logger: s.log.With(componentKey, "ipvs"), Registerer: s.metrics,
			KeepOnStop: s.opts.KeepIPVS, Open: func(ctx context.Context) (ipvs.Kernel, error) {
				return s.openIPVS(ctx, next.IPVS.Buffers.Command, s.log.With(componentKey, "ipvs"))
			}})
		s.tasks.keeper = startTask(s.String(), s.ended, s.keeper.Run)
		s.startResync(next.IPVS.Buffers.Command)
	}
	news := s.resync != nil && s.resync.configure(s.spec)
	if s.spec.Instance != "" {
		if news {
			s.resync.hold()
			s.due = true // when the virtual routers have this configuration
		}
		return
	}
	s.keeper.Want(s.spec.Wanted(true, true))
	if s.resync != nil {
		s.resync.exchange.Answer(s.spec.Exists() && s.serving())
		if news && !s.master() {
			s.resync.ask()
		}
	}
}

// startResync starts what asks other directors; without it the rest is of use.
func (s *syncing) startResync(buffer confparse.BufferSize) {
	resync, err := newResync(s.surroundings, s.keeper, buffer, func(o connsync.Outcome) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.resync.done(o)
	}, func(number uint64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if number == s.resync.number { // nothing has happened meanwhile
			s.resync.exchange.Ask(number)
		}
	}, s.linkChanged)
	if err != nil {
		s.log.Warn("connections cannot be asked for", slog.Any("err", err))
		return
	}
	s.resync = resync
}

// linkChanged asks again when a cable is back, unless it is the others who ask.
func (s *syncing) linkChanged(ev netio.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resync.linkReturned(ev) && !s.master() {
		s.resync.ask()
	}
}

// master reports whether it is others who ask: the instance is master, or, without one, any virtual router. Who asked would be told what
// it knows better.
func (s *syncing) master() bool { return s.any(func(r role) bool { return r.master }) }

// serving reports whether there is something to tell. Where there are no virtual routers nobody knows better.
func (s *syncing) serving() bool {
	return s.spec.Instance == "" && len(s.roles) == 0 || s.any(func(r role) bool { return r.serves })
}

// any reports whether has is true of the virtual router that is followed, or without one of any.
func (s *syncing) any(has func(role) bool) bool {
	if s.spec.Instance != "" {
		return has(s.roles[s.spec.Instance])
	}
	for _, r := range s.roles {
		if has(r) {
			return true
		}
	}
	return false
}

// ofThisProcess is what a daemon that runs virtual routers or virtual servers alone makes of a SyncSpec.
func (s *syncing) ofThisProcess(spec ipvs.SyncSpec) ipvs.SyncSpec {
	if spec.Instance != "" && !s.opts.VRRP || spec.Instance == "" && !s.opts.Checkers {
		return ipvs.SyncSpec{}
	}
	return spec
}

// follow has the part learn of every change of role. The owner calls it, once, before the virtual routers run.
func (s *syncing) follow(runner *vrrp.Runner) {
	s.mu.Lock()
	s.runner = runner
	s.mu.Unlock()
	decisions, changes := runner.FollowDecisions(), runner.Follow()
	s.tasks.follow = startTask("roles for "+s.String(), s.ended, func(ctx context.Context) error {
		defer runner.Unfollow(decisions)
		defer runner.Unfollow(changes)
		moved := time.NewTimer(handOverTime)
		defer moved.Stop()
		for {
			select {
			case <-decisions.Changed():
			case <-changes.Changed():
			case <-moved.C:
			case <-ctx.Done():
				return nil
			}
			followed := changes.Take()
			if left := s.look(decisions.Take(), followed); left > 0 { // what was decided of them is among these, or was before
				moved.Reset(left)
			}
		}
	})
}

// look has the kernel's daemon follow what has become of the virtual routers. One that is to be master tells from that moment, and learns
// until clients come to it; one that is not any more learns at once, and tells what it has when that is decided, and again
// when it serves nobody any more. It is to be called again when the time that it returns is over, if that is above 0.
func (s *syncing) look(decided, followed []vrrp.Change) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	master, serving := s.master(), s.serving()
	for _, c := range decided {
		now := s.roles[c.Instance]
		if now.serves && c.To != vrrp.Master && s.follows(c.Instance) && s.servesAll() {
			s.gave = true
			s.tell()
		}
		if c.To != vrrp.Init {
			now.master = c.To == vrrp.Master
			now.serves = now.serves && now.master
			s.roles[c.Instance] = now
			s.moved(c.Instance, c.To)
		}
	}
	for _, c := range followed {
		if c.Kind != vrrp.Transition {
			continue
		}
		if s.gave && c.To != vrrp.Master && s.follows(c.Instance) {
			s.tell()
			s.gave = c.To == vrrp.Init // until the very end
		}
		if now := s.roles[c.Instance]; c.To != vrrp.Init {
			now.here = c.To == vrrp.Master
			now.serves = now.master && now.here
			s.roles[c.Instance] = now
		}
	}
	if s.master() != master || s.serving() != serving {
		s.moving = time.Now().Add(handOverTime)
	}
	s.want()
	return time.Until(s.moving)
}

// follows reports whether the role of a virtual router matters.
func (s *syncing) follows(instance confparse.InstanceName) bool {
	return s.spec.Instance == "" || s.spec.Instance == instance
}

// servesAll reports whether all connections here are those of clients that come here. Of the others, that of them which serves knows better.
func (s *syncing) servesAll() bool {
	if s.spec.Instance == "" {
		for _, r := range s.roles {
			if !r.serves {
				return false
			}
		}
	}
	return true
}

// tell has the one that takes over told of the connections of which the kernel has not told yet.
func (s *syncing) tell() {
	if s.resync != nil {
		s.resync.exchange.Tell()
	}
}

// moved has one that becomes BACKUP learn what the master knows. Nobody waits for that any more who is master, and one that is in FAULT
// waits from its first moment after.
func (s *syncing) moved(instance confparse.InstanceName, to vrrp.State) {
	if s.resync == nil || !s.follows(instance) {
		return
	}
	switch to {
	case vrrp.Backup:
		if s.spec.Instance != "" && !s.taken {
			s.due = true // the kernel has not been told to listen
			return
		}
		if s.want(); !s.master() {
			s.resync.ask()
		}
	case vrrp.Master:
		s.resync.cease()
	case vrrp.Fault:
		if s.spec.Instance != "" {
			s.resync.hold()
		}
	}
}

// take has the part know that the virtual routers have the configuration that it was given last: an instance may have another
// name in it, or be new, and nothing was known of it before.
func (s *syncing) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.roles
	s.taken, s.roles = true, make(map[confparse.InstanceName]role)
	for _, in := range s.runner.Status().Instances {
		now, known := before[in.Name]
		if !known {
			now.master = in.State == vrrp.Master
			now.serves = now.master && !in.Preparing
			now.here = now.serves
		}
		s.roles[in.Name] = now
		if due := s.due && in.Name == s.spec.Instance; due && in.State == vrrp.Backup {
			defer s.resync.ask()
		} else if due && in.State == vrrp.Master {
			s.resync.release()
		}
	}
	s.due = false
	s.want()
}

// want tells the keeper; mu is held.
func (s *syncing) want() {
	if s.keeper == nil || !s.taken {
		return
	}
	if s.spec.Instance != "" {
		moving := time.Now().Before(s.moving)
		learns := !s.serving() || moving
		if s.spec.BackupOnly() { // who learns does not distribute
			learns = !s.any(func(r role) bool { return r.here })
		}
		s.keeper.Want(s.spec.Wanted(s.master() || moving, learns))
	}
	if s.resync != nil && s.spec.Exists() {
		s.resync.exchange.Answer(s.serving())
	}
}

func (s *syncing) diff(old, new Desired) []Step {
	if old.Sync == new.Sync {
		return nil
	}
	verb := Change
	switch {
	case !old.Sync.Exists():
		verb = Add
	case !new.Sync.Exists():
		verb = Remove
	}
	return []Step{step(verb, "lvs_sync_daemon")}
}

func (s *syncing) stop() error {
	err := stopTasks(stopping{s.tasks.follow, carryStopLimit})
	s.mu.Lock()
	resync, gave := s.resync, s.gave
	s.mu.Unlock()
	if gave && resync != nil {
		ctx, enough := context.WithTimeout(context.Background(), farewellLimit)
		resync.exchange.Tell()
		_ = resync.exchange.Flush(ctx) // what is told is told
		enough()
	}
	return errors.Join(err, resync.stop(), stopTasks(stopping{s.tasks.keeper, syncStopLimit}))
}

func (s *syncing) unready() string { return "" }

func (s *syncing) status(to *status.Status) {
	s.mu.Lock()
	keeper, spec, resync := s.keeper, s.spec, s.resync
	s.mu.Unlock()
	if keeper == nil {
		return
	}
	to.Sync = syncStatus(keeper.Status())
	to.Sync.Instance = string(spec.Instance)
	if resync != nil && spec.Exists() {
		to.Sync.Resync = resync.status()
	}
}
