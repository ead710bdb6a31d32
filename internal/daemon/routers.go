package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"vigil/internal/process"
	"vigil/internal/status"
	"vigil/vrrp"
)

const (
	// takeLimit is how long the virtual routers may take to accept a configuration: at start they first learn about the
	// interfaces, which the kernel tells in milliseconds.
	takeLimit = 5 * time.Second
	// forcedReleaseLimit is how long removing addresses may take when handing them over has failed.
	forcedReleaseLimit = 2 * time.Second
)

// routers is the part that runs VRRP. It starts with the first virtual router.
type routers struct {
	surroundings
	teller  *teller
	syncing *syncing
	runner  atomic.Pointer[vrrp.Runner] // nil until it runs

	// Owned by the daemon's goroutine.
	network    Network
	task       *task
	herald     *herald
	telling    *task // of the herald
	spec       vrrp.Spec
	untaken    bool   // the Runner has not taken spec
	threadName string // of the Runner's; "" = as the process
	// answering is for the Runner's questions.
	answering answering
	// leaving are the routers that spec has no more, or has otherwise, while they may still be resigning.
	leaving []leaving
}

// leaving is a router as it was before a reload. It has released its addresses by until.
type leaving struct {
	router vrrp.InstanceSpec
	until  time.Time
}

func (r *routers) String() string { return "vrrp" }

func (r *routers) prepare(_ context.Context, next Desired) (prepared, error) {
	if r.runner.Load() != nil {
		return prepared{commit: func(ctx context.Context) error { return r.take(ctx, next) }}, nil
	}
	if len(next.VRRP.Instances)+len(next.VRRP.Statics) == 0 {
		return prepared{}, nil
	}
	network, err := r.openNetwork(next.Program.VRRPMonitor, next.Program.VRRPCommands)
	if err != nil {
		return prepared{}, fmt.Errorf("vrrp: %w", err)
	}
	return prepared{
		commit: func(ctx context.Context) error {
			if err := r.start(network); err != nil {
				network.Close()
				return err
			}
			return r.take(ctx, next)
		},
		abort: func() { network.Close() },
	}, nil
}

func (r *routers) start(network Network) error {
	runner, err := r.newRunner(network)
	if err != nil {
		return err
	}
	r.network = network
	changes := runner.Follow()
	r.herald = newHerald(r.teller)
	r.telling = startTask("notifications of vrrp", nil, func(ctx context.Context) error {
		r.herald.run(ctx, changes)
		return nil
	})
	r.syncing.follow(runner)
	r.task = startTask(r.String(), r.ended, runner.Run)
	r.runner.Store(runner)
	return nil
}

func (r *routers) newRunner(network Network) (*vrrp.Runner, error) {
	return vrrp.NewRunner(vrrp.Options{Network: network, Logger: r.log.With(componentKey, "vrrp"), Registerer: r.metrics,
		HeartbeatFile: r.statePath("-vrrp.beat"), KeepOnStop: r.opts.KeepVRRP, OnLoss: r.opts.OnLoss,
		RecordFile: r.opts.recordFile(), Program: "Vigil " + Version,
		Servers: r.answering.servers, Tracked: r.tracked, Hook: r.teller.hook})
}

// take hands the virtual routers of next to the Runner.
func (r *routers) take(ctx context.Context, next Desired) error {
	spec := next.VRRP
	r.answering.set(next.IPVS)
	r.replace(spec)
	// A stop waits for it: what a life before this one has left is only released by who knows of it.
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeLimit)
	defer cancel()
	err := r.runner.Load().Apply(limit, spec)
	r.untaken = err != nil
	r.syncing.take()
	r.nameThread(next.Program.VRRPThread)
	if err == nil || ctx.Err() != nil { // told to stop, which is no failure
		return nil
	}
	return fmt.Errorf("vrrp does not take its configuration: %w", err)
}

// nameThread gives the thread of the Runner its name; "" is that of the process, which it has had before.
func (r *routers) nameThread(name string) {
	thread := r.runner.Load().Thread()
	if thread == 0 || name == r.threadName {
		return
	}
	r.threadName = name
	if name == "" {
		name = process.Name()
	}
	if err := process.NameThread(thread, name); err != nil {
		r.log.Warn(err.Error())
	}
}

// replace makes spec the one that runs and notes what leaves by it. What left by reloads before may not be done yet.
func (r *routers) replace(spec vrrp.Spec) {
	r.leaving = r.stillLeaving()
	until := time.Now().Add(vrrp.StopLimit(r.spec))
	d := diffLists(r.spec.Instances, spec.Instances, vrrp.InstanceSpec.Key, vrrp.InstanceSpec.Equal)
	for _, k := range slices.Concat(d.removed, d.changed) {
		r.leaving = append(r.leaving, leaving{d.old[k], until})
	}
	r.spec = spec
}

func (r *routers) stillLeaving() []leaving {
	return slices.DeleteFunc(r.leaving, func(l leaving) bool { return !time.Now().Before(l.until) })
}

// changed receives when a virtual router has moved; nil while none runs.
func (r *routers) changed() <-chan struct{} {
	if runner := r.runner.Load(); runner != nil {
		return runner.Changed()
	}
	return nil
}

// stop hands over and releases the addresses. How long that may take follows from what runs. After it, or when it has
// failed, the addresses are removed without a hand-over: none stays behind.
func (r *routers) stop() error {
	if r.task == nil {
		return nil
	}
	r.leaving = r.stillLeaving() // all of them are waited for, and removed by force if that is not enough
	limit := vrrp.StopLimit(r.spec)
	for _, l := range r.leaving {
		limit = max(limit, time.Until(l.until))
	}
	inTime := r.task.stop(limit)
	r.telling.stop(tellStopLimit)
	var errs []error
	if !inTime {
		errs = append(errs, fmt.Errorf("vrrp did not stop in %v", limit))
	}
	if (!inTime || r.task.err != nil || r.untaken) && !r.opts.KeepVRRP {
		spec := vrrp.Spec{Instances: slices.Clone(r.spec.Instances), Statics: r.spec.Statics}
		for _, l := range r.leaving {
			spec.Instances = append(spec.Instances, l.router)
		}
		errs = append(errs, release(r.runner.Load(), spec))
	}
	if inTime {
		errs = append(errs, r.network.Close())
	}
	return errors.Join(errs...)
}

// forgo is stop for a start that came to nothing before VRRP had begun: what a killed daemon before this one has left
// is released as after any stop, for nobody else knows of it.
func (r *routers) forgo(next Desired) error {
	if r.task != nil || r.opts.KeepVRRP || len(next.VRRP.Instances)+len(next.VRRP.Statics) == 0 {
		return nil
	}
	network, err := r.openNetwork(next.Program.VRRPMonitor, next.Program.VRRPCommands)
	if err != nil {
		return fmt.Errorf("vrrp: %w", err)
	}
	runner, err := r.newRunner(network)
	if err != nil {
		return errors.Join(err, network.Close())
	}
	return errors.Join(release(runner, next.VRRP), network.Close())
}

// release removes all addresses of spec that may be there.
func release(runner *vrrp.Runner, spec vrrp.Spec) error {
	done := make(chan error, 1)
	go func() { done <- runner.Release(spec) }()
	limit := time.NewTimer(forcedReleaseLimit)
	defer limit.Stop()
	select {
	case err := <-done:
		return err
	case <-limit.C:
		return errors.New("virtual addresses may have stayed behind: the kernel does not answer")
	}
}

func (r *routers) unready() string { return "" }

func (r *routers) status(s *status.Status) {
	if runner := r.runner.Load(); runner != nil {
		s.VRRP = vrrpStatus(runner.Status(), runner.Trackers())
	}
}
