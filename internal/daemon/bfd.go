package daemon

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"vigil/internal/bfd"
	"vigil/internal/status"
	"vigil/internal/track"
)

const (
	// bfdTakeLimit is how long the sessions may take to accept a configuration, which is a matter of microseconds.
	bfdTakeLimit = 5 * time.Second
	// bfdStopLimit is how long the end of the sessions may take: their neighbours are told of it.
	bfdStopLimit = bfd.StopLimit + time.Second
)

// sessions is the part that runs BFD. It starts with the first bfd_instance. It comes before the parts that follow its
// sessions, so that they begin with what is known of them, and ends after them.
type sessions struct {
	surroundings
	runner atomic.Pointer[bfd.Runner] // nil until it runs

	// telling makes one of taking what has changed and telling it.
	telling sync.Mutex

	// Owned by the daemon's goroutine.
	tasks struct{ run, tell *task }
	spec  bfd.Spec
}

func (s *sessions) String() string { return "bfd" }

// diff compares sessions by name.
func (s *sessions) diff(old, new Desired) []Step {
	name := func(s bfd.SessionSpec) string { return s.Name }
	d := diffLists(old.BFD.Sessions, new.BFD.Sessions, name, func(a, b bfd.SessionSpec) bool { return a == b })
	var steps []Step
	for _, list := range []struct {
		verb  Verb
		names []string
	}{{Add, d.added}, {Change, d.changed}, {Remove, d.removed}} {
		for _, k := range list.names {
			steps = append(steps, step(list.verb, "bfd_instance %s", k))
		}
	}
	if d.reordered {
		steps = append(steps, step(Change, "order of the bfd_instances"))
	}
	return steps
}

func (s *sessions) prepare(_ context.Context, next Desired) (prepared, error) {
	if s.runner.Load() == nil && len(next.BFD.Sessions) == 0 {
		return prepared{}, nil
	}
	return prepared{commit: func(ctx context.Context) error { return s.take(ctx, next.BFD) }}, nil
}

// take hands the sessions of next to the Runner. Without one (-B) all of them are down, as with keepalived.
func (s *sessions) take(ctx context.Context, next bfd.Spec) error {
	if s.runner.Load() == nil && s.opts.BFD {
		if err := s.start(); err != nil {
			return err
		}
	}
	gone := diffLists(s.spec.Sessions, next.Sessions, func(s bfd.SessionSpec) string { return s.Name },
		func(a, b bfd.SessionSpec) bool { return a == b }).removed
	s.spec = next
	if runner := s.runner.Load(); runner != nil {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), bfdTakeLimit)
		defer cancel()
		if err := runner.Apply(limit, next); err != nil && ctx.Err() == nil {
			return fmt.Errorf("bfd does not take its configuration: %w", err)
		}
		s.tell(runner)
	} else {
		for _, w := range next.Sessions {
			s.tracked.Set(track.ID{Kind: track.BFD, Name: w.Name}, track.Down)
		}
	}
	for _, name := range gone {
		s.tracked.Forget(track.ID{Kind: track.BFD, Name: name})
		s.followed.Forget(name)
	}
	return nil
}

func (s *sessions) start() error {
	network := s.opts.BFDNetwork
	if network == nil {
		network = bfd.OpenNetwork()
	}
	runner, err := bfd.NewRunner(bfd.Options{Network: network, Logger: s.log.With(componentKey, "bfd"), Registerer: s.metrics})
	if err != nil {
		return err
	}
	s.tasks.run = startTask(s.String(), s.ended, runner.Run)
	s.tasks.tell = startTask("bfd to those who follow", s.ended, func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-runner.Changed():
				s.tell(runner)
			}
		}
	})
	s.runner.Store(runner)
	return nil
}

// tell takes what has become of the sessions to the virtual routers and the checks.
func (s *sessions) tell(runner *bfd.Runner) {
	s.telling.Lock()
	defer s.telling.Unlock()
	for _, c := range runner.Take() {
		value, state := track.Down, bfd.Down
		if c.Up {
			value, state = track.Up, bfd.Up
		}
		if s.opts.VRRP {
			s.log.With(componentKey, "vrrp").Info(fmt.Sprintf("Received BFD event: instance %s is in state %s (delivered in %d usec)",
				c.Name, state, time.Since(c.Time).Microseconds()))
		}
		s.tracked.Set(track.ID{Kind: track.BFD, Name: c.Name}, value)
		s.followed.Set(c.Name, c.Up)
	}
}

// stop tells the neighbours that the sessions end. Nobody here is told: they are no longer followed.
func (s *sessions) stop() error {
	return stopTasks(stopping{s.tasks.tell, carryStopLimit}, stopping{s.tasks.run, bfdStopLimit})
}

func (s *sessions) unready() string { return "" }

func (s *sessions) status(to *status.Status) {
	if runner := s.runner.Load(); runner != nil {
		to.BFD = bfdStatus(runner.Status())
	}
}

func bfdStatus(from bfd.Status) *status.BFD {
	to := &status.BFD{Sessions: make([]status.BFDSession, len(from.Sessions)), Dropped: make([]status.BFDDropped, len(from.Dropped))}
	for i, s := range from.Sessions {
		to.Sessions[i] = status.BFDSession{Name: s.Name, Neighbor: s.Neighbor, Source: s.Source, Multihop: s.Multihop, Passive: s.Passive,
			State: s.State.String(), RemoteState: s.RemoteState.String(), Diagnostic: s.Diagnostic.String(),
			RemoteDiagnostic: s.RemoteDiagnostic.String(), LocalDiscriminator: s.Local, RemoteDiscriminator: s.Remote,
			TransmitSeconds: status.Seconds(s.TX), DetectionSeconds: status.Seconds(s.Detection), LastTransition: s.Since,
			Leaving: s.Leaving, Error: s.Trouble, Sent: s.Counters.Sent, Received: s.Counters.Received, SendErrors: s.Counters.SendErrors,
			Ups: s.Counters.Ups, Downs: s.Counters.Downs}
	}
	for _, p := range from.Ports {
		to.Failing = append(to.Failing, status.BFDPort{Port: p.Port, IPv6: p.Six, Error: p.Trouble})
	}
	for i, d := range from.Dropped {
		to.Dropped[i] = status.BFDDropped(d)
	}
	return to
}
