package daemon

import (
	"context"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/status"
	"vigil/ipvs"
	"vigil/vrrp"
)

// syncStopLimit is how long the kernel's synchronization daemons may take to end.
const syncStopLimit = 6 * time.Second

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
	runner *vrrp.Runner     // nil until there are virtual routers
	taken  bool             // it has the configuration that spec is of
	roles  map[confparse.InstanceName]role
}

// role is what a virtual router is.
type role struct {
	master bool // it is decided
	serves bool // what a master has is in place, as well
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
				return s.openIPVS(ctx, next.IPVS.Buffers.Command)
			}})
		s.tasks.keeper = startTask(s.String(), s.ended, s.keeper.Run)
	}
	if s.spec.Instance == "" {
		s.keeper.Want(s.spec.Wanted(false))
	}
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
		for {
			select {
			case <-decisions.Changed():
			case <-changes.Changed():
			case <-ctx.Done():
				return nil
			}
			followed := changes.Take()
			s.look(decisions.Take(), followed) // what was decided of them is among these, or was before
		}
	})
}

// look has the kernel's daemon follow what has become of the virtual routers. One that is master has it when clients come to
// it; one that is not any more wants at once what its successor has to tell. The end of one says nothing.
func (s *syncing) look(decided, followed []vrrp.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range decided {
		if now := s.roles[c.Instance]; c.To != vrrp.Init {
			now.master = c.To == vrrp.Master
			now.serves = now.serves && now.master
			s.roles[c.Instance] = now
		}
	}
	for _, c := range followed {
		if now := s.roles[c.Instance]; c.Kind == vrrp.Transition && c.To != vrrp.Init {
			now.serves = now.master && c.To == vrrp.Master
			s.roles[c.Instance] = now
		}
	}
	s.want()
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
		}
		s.roles[in.Name] = now
	}
	s.want()
}

// want tells the keeper; mu is held.
func (s *syncing) want() {
	if s.keeper != nil && s.spec.Instance != "" && s.taken {
		s.keeper.Want(s.spec.Wanted(s.roles[s.spec.Instance].serves))
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
	return stopTasks(stopping{s.tasks.follow, carryStopLimit}, stopping{s.tasks.keeper, syncStopLimit})
}

func (s *syncing) unready() string { return "" }

func (s *syncing) status(to *status.Status) {
	s.mu.Lock()
	keeper, spec := s.keeper, s.spec
	s.mu.Unlock()
	if keeper == nil {
		return
	}
	to.Sync = syncStatus(keeper.Status())
	to.Sync.Instance = string(spec.Instance)
}
