package vrrp

import (
	"context"
	"errors"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// errNoHooks is why no hook is run.
var errNoHooks = errors.New("nobody runs programs")

// hookRun is a program that a virtual router waits for.
type hookRun struct {
	handle election.Handle
	kind   election.HookKind
}

// hookEnd is its end.
type hookEnd struct {
	hookRun
	serial uint64
	err    error
}

// hooks are the programs that virtual routers wait for. They are owned by Run.
type hooks struct {
	run     func(context.Context, confparse.Program) error
	running map[hookRun]context.CancelFunc
	ends    chan hookEnd
}

func newHooks(run func(context.Context, confparse.Program) error) hooks {
	if run == nil {
		run = func(context.Context, confparse.Program) error { return errNoHooks }
	}
	return hooks{run: run, running: make(map[hookRun]context.CancelFunc), ends: make(chan hookEnd)}
}

// runHook starts a program. Run goes on, and takes its end from hooks.ends.
func (r *Runner) runHook(h election.Handle, a election.RunHook) {
	which := hookRun{h, a.Hook}
	r.endHook(which)
	ctx, cancel := context.WithCancel(context.Background())
	r.hooks.running[which] = cancel
	r.io.Go(func() {
		defer cancel()
		end := hookEnd{hookRun: which, serial: a.Serial, err: r.hooks.run(ctx, a.Program)}
		if ctx.Err() != nil {
			return // nobody waits for it any more
		}
		select {
		case r.hooks.ends <- end:
		case <-ctx.Done():
		case <-r.quit:
		}
	})
}

// endHook has a program end, if it runs. It does not wait for that.
func (r *Runner) endHook(which hookRun) {
	if cancel := r.hooks.running[which]; cancel != nil {
		cancel()
		delete(r.hooks.running, which)
	}
}

// hookEnded passes on the end of a program.
func (r *Runner) hookEnded(e hookEnd) {
	delete(r.hooks.running, e.hookRun)
	if in := r.instances[e.handle]; in != nil {
		r.step(in, election.HookDone{Hook: e.kind, Serial: e.serial, Err: e.err})
	}
}

// endHooks has all programs end.
func (r *Runner) endHooks() {
	for which := range r.hooks.running {
		r.endHook(which)
	}
}
