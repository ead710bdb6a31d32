package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"vigil/confparse"
	"vigil/internal/notify"
	"vigil/internal/script"
)

// tellStopLimit is how long programs, and the mail server, may take that are told of the end.
const tellStopLimit = time.Second

// maxTold is how many programs that are told of something run at once. Each of some hundred virtual routers may have a few
// that take long, and none of them should wait for those of another.
const maxTold = 2000

// toldSpec is who is told of everything, and how.
type toldSpec struct {
	All, Services, Routers pipeSpec // notify_fifo, lvs_notify_fifo, vrrp_notify_fifo
	Mail                   mailSpec
	Priorities             bool // vrrp_notify_priority_changes
	StatesOnReload         bool // fifo_write_vrrp_states_on_reload
	Startup, Shutdown      onceSpec
}

func toldOf(g *confparse.Global) toldSpec {
	return toldSpec{All: pipeOf(&g.NotifyFIFO), Services: pipeOf(&g.LVSFIFO), Routers: pipeOf(&g.VRRPFIFO), Mail: mailOf(g),
		Priorities: g.NotifyPriorityChanges, StatesOnReload: g.StatesOnReload,
		Startup:  onceOf(&g.Daemon.Startup, g.Daemon.StartupTimeout),
		Shutdown: onceOf(&g.Daemon.Shutdown, g.Daemon.ShutdownTimeout)}
}

// teller tells pipes, programs and people what happens. What its set and close do is for the daemon's goroutine; the rest
// may be called from any goroutine, and never waits.
type teller struct {
	log      *slog.Logger
	scripts  *script.Runner
	programs *notify.Programs[confparse.Program]

	all, services, routers outlet
	mail                   atomic.Pointer[mailing] // nil: nobody is written to
	parted                 []*task                 // Mailers of before, which have been told to end
	priorities             atomic.Bool
}

// newTeller returns a teller whose programs run while scripts runs.
func newTeller(log *slog.Logger, scripts *script.Runner) *teller {
	t := &teller{log: log, scripts: scripts}
	t.programs = notify.NewPrograms(t.run)
	for name, o := range map[string]*outlet{"notify_fifo": &t.all, "lvs_notify_fifo": &t.services, "vrrp_notify_fifo": &t.routers} {
		o.name, o.log, o.scripts = name, log, scripts
	}
	return t
}

// run runs a program to its end.
func (t *teller) run(ctx context.Context, p confparse.Program) {
	if e := t.scripts.Insist(ctx, command(p)); e.Err != nil && ctx.Err() == nil {
		t.log.Error("A program cannot be run", "program", p.Argv()[0], "err", e.Err)
	}
}

// hook runs a program that a virtual router waits for. The error says how it ended, if that was no success.
func (t *teller) hook(ctx context.Context, p confparse.Program) error {
	if e := t.scripts.Execute(ctx, command(p)); !e.Success() {
		return errors.New(e.String())
	}
	return nil
}

// set makes next who is told.
func (t *teller) set(next toldSpec) {
	pipes := map[*outlet]pipeSpec{&t.all: next.All, &t.services: next.Services, &t.routers: next.Routers}
	leaving := make(map[string]bool)
	for o, spec := range pipes {
		if spec != o.spec {
			leaving[o.spec.Path] = true
		}
	}
	// All of them first: a path goes with the pipe that made it, and another one may get it, or may have it too.
	for o := range pipes {
		if leaving[o.spec.Path] {
			o.close()
		}
	}
	for o, spec := range pipes {
		o.set(spec)
	}
	t.setMail(next.Mail)
	t.priorities.Store(next.Priorities)
}

// lost is how many messages were lost for the want of somebody who takes them, by where they were to go.
func (t *teller) lost() map[string]uint64 {
	list := map[string]uint64{"mail": 0}
	for _, o := range []*outlet{&t.all, &t.services, &t.routers} {
		list[o.name] = o.lost()
	}
	if m := t.mail.Load(); m != nil {
		list["mail"] = m.mailer.Lost()
	}
	return list
}

// close ends everything: programs that run, and mails that wait, get a second.
func (t *teller) close() {
	ctx, cancel := context.WithTimeout(context.Background(), tellStopLimit)
	defer cancel()
	var ends sync.WaitGroup
	ends.Go(func() { t.programs.Close(ctx) })
	ends.Go(func() {
		t.setMail(mailSpec{})
		for _, mailer := range t.parted { // their second is the same
			mailer.stop(tellStopLimit)
		}
	})
	ends.Wait()
	for _, o := range []*outlet{&t.all, &t.services, &t.routers} {
		o.close()
	}
}
