package daemon

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

const (
	// reloadGCPercent lets the heap grow during a reload instead of collecting several times on the way.
	reloadGCPercent = 1000
	// abandonLimit is how long a stopping daemon waits for a reload under way to let go of what it has opened.
	abandonLimit = time.Second
)

// reload is a reload under way. Reading, comparing and preparing may take long, so they do not hold up the goroutine
// that owns the daemon, which commits the outcome.
type reload struct {
	begun  time.Time
	cancel context.CancelFunc
	done   chan outcome // has room
	asked  []Request
	// revises says that nothing is read, and only what others than the configuration say of virtual servers is taken.
	revises bool
	waiting []chan<- error // of who has said it; each has room
	later   []Request      // asked meanwhile: they may want what was written after it was read
}

// outcome is what a reload has come to. Nothing has changed yet.
type outcome struct {
	next     loaded
	prepared []prepared
	result   string
	err      error
}

// beginReload brings the running state to what the configuration now says: load, compare, prepare, commit. Any error
// leaves everything as it is. When nothing that was read has changed, nothing is even parsed.
func (d *daemon) beginReload(ctx context.Context, r Request) {
	if d.reloading != nil {
		d.reloading.later = append(d.reloading.later, r)
		return
	}
	d.reloadFor(ctx, r)
}

func (d *daemon) reloadFor(ctx context.Context, asked ...Request) {
	d.log.Info("Reloading ...")
	notifyReloading(d.log)
	ctx, cancel := context.WithCancel(ctx)
	r := &reload{begun: time.Now(), cancel: cancel, done: make(chan outcome, 1), asked: asked}
	d.reloading = r
	running := d.running
	go func() { r.done <- d.findOut(ctx, running) }()
}

// findOut does what may take long and fail. It is not the owner's goroutine: of d it reads what never changes.
func (d *daemon) findOut(ctx context.Context, running loaded) outcome {
	refused := func(err error) outcome { return outcome{result: reloadRefused, err: err} }
	if running.inputs.Unchanged(d.opts.files(), environment(d.opts).Text()) {
		d.log.Debug("the configuration files are unchanged")
		return outcome{next: running, result: reloadUnchanged}
	}
	surround := running.desired.Program.Reloading
	if err := surround.validate(d.opts, d.log); err != nil {
		return refused(err)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(reloadGCPercent))
	unmark := surround.mark(running.identity, d.log)
	next, err := load(d.opts, running, d.log)
	unmark()
	if err == nil || errors.Is(err, errElsewhere) {
		err = errMoved(running.identity, next.identity)
	}
	if err != nil {
		return refused(err)
	}
	if list := strangers(next.interfaces, running.accepted, environment(d.opts).System.Interface); len(list) > 0 && !next.dynamic {
		return refused(errStrangers(list))
	}
	next = d.revised(ctx, next, learnLimit)
	plan := planOf(d.parts, running.desired, next.desired)
	if plan.Empty() {
		return outcome{next: next, result: reloadUnchanged}
	}
	all, err := prepareAll(ctx, d.parts, next.desired)
	if err != nil {
		return refused(err)
	}
	d.log.Info("Applying the difference: " + plan.Summary())
	d.logPlan(plan)
	return outcome{next: next, prepared: all, result: reloadApplied}
}

// inForce makes l what runs, and keeps a copy of it where config_save_dir asks for one.
func (d *daemon) inForce(l loaded) {
	if dir := l.desired.Program.SaveDir; dir != "" && l.text != "" {
		if err := d.saver.save(dir, l.text); err != nil {
			d.log.Warn("config_save_dir: the configuration is not saved", "err", err)
		}
		l.text = ""
	}
	d.running = l
	d.members.use(l)
}

// reloadOutcome receives when the reload under way can be ended.
func (d *daemon) reloadOutcome() <-chan outcome {
	if d.reloading == nil {
		return nil
	}
	return d.reloading.done
}

// endReload commits what a reload has come to. An error means that a part has failed, and ends the daemon.
func (d *daemon) endReload(ctx context.Context, out outcome) error {
	r := d.reloading
	d.reloading = nil
	r.cancel()
	if err := commitAll(ctx, out.prepared); err != nil {
		return err
	}
	if r.revises {
		d.endRevision(r, out)
	} else {
		d.endAsked(r, out)
	}
	if len(r.later) > 0 {
		d.reloadFor(ctx, r.later...)
	}
	d.revise(ctx) // by what has changed meanwhile
	return nil
}

// endAsked takes and tells what a reload that was asked for has come to.
func (d *daemon) endAsked(r *reload, out outcome) {
	if check := (errCheck{}); errors.As(out.err, &check) {
		d.log.Error(check.Error())
	} else if out.err != nil {
		d.log.Error("New config failed validation, keeping the running one", "err", out.err)
	} else {
		d.tellMembers(out.next)
		d.inForce(out.next)
		d.routers.tellStates(out.next.desired.Told)
		d.log.Info("Reload complete")
	}
	d.loaded(out.result, out.err, r.begun)
	d.metrics.reloaded(out.result, time.Since(r.begun))
	if out.result == reloadApplied {
		go runtime.GC() // what reading has left behind; freeing it at once would hold up a processor, and the adverts on it
	}
	notifyReady(d.log)
	for _, asked := range r.asked {
		asked.answer(Reply{Text: out.result, Err: out.err})
	}
}

// abandonReload gives up a reload under way, because the daemon stops.
func (d *daemon) abandonReload() {
	r := d.reloading
	if r == nil {
		return
	}
	r.cancel()
	limit := time.NewTimer(abandonLimit)
	defer limit.Stop()
	select {
	case out := <-r.done:
		abortAll(out.prepared)
	case <-limit.C: // it hangs in the file system, and ends with the process
	}
	for _, asked := range append(r.asked, r.later...) {
		asked.answer(Reply{Err: errStopping})
	}
}

// planLines is how much of a plan is logged in detail.
const planLines = 100

func (d *daemon) logPlan(p Plan) {
	for i, s := range p.Steps {
		if i == planLines {
			d.log.Debug(fmt.Sprintf("and %d more changes", len(p.Steps)-planLines))
			return
		}
		d.log.Debug(strings.TrimSpace(string(s.Verb) + " " + s.Object))
	}
}
