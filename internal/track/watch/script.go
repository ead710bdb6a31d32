package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"vigil/internal/script"
	"vigil/internal/track"
)

// scriptWatch runs one script time and again.
type scriptWatch struct {
	spec   Script
	w      *Watcher
	cancel context.CancelFunc

	progress script.Progress

	mu      sync.Mutex
	verdict verdict
	status  int  // its last exit status
	short   bool // it could not be started at last, for the want of something here
	ended   bool // its results count no more
}

// setScripts begins with what is new and ends what is gone. A script of which only the times or counts have changed keeps
// its verdict; one of which the program has changed counts for what it was until the new one has run.
func (w *Watcher) setScripts(list []Script) {
	if w.running == nil || w.running.Err() != nil {
		w.announceFailures(list)
		return
	}
	wanted := make(map[string]Script, len(list))
	for _, s := range list {
		wanted[s.Name] = s
	}
	for _, name := range slices.Sorted(maps.Keys(w.scripts)) {
		old := w.scripts[name]
		next, stays := wanted[name]
		if stays && next.Equal(old.spec) {
			continue
		}
		old.end() // what runs is told to end, and not waited for
		delete(w.scripts, name)
		switch {
		case !stays:
			w.forget(old.spec.id())
		case next.sameProgram(old.spec):
			w.begin(next, old)
		default:
			w.begin(next, nil)
		}
	}
	for _, s := range list {
		if w.scripts[s.Name] == nil {
			w.begin(s, nil)
		}
	}
}

// announceFailures tells of the scripts that count as failed before they have run, so that virtual routers begin with it.
func (w *Watcher) announceFailures(list []Script) {
	for _, s := range list {
		if s.InitFail {
			w.tell(s.id(), track.Down)
		}
	}
}

// begin begins to run a script, after another definition of the same program if before is not nil.
func (w *Watcher) begin(s Script, before *scriptWatch) {
	ctx, cancel := context.WithCancel(w.running)
	x := &scriptWatch{spec: s, w: w, verdict: newVerdict(s), cancel: cancel}
	if before != nil && before.verdict.known {
		x.verdict, x.status = before.verdict, before.status
		x.verdict.follow(s)
		result := "unsuccessful"
		if x.verdict.up {
			result = "successful"
		}
		w.log.Info(fmt.Sprintf("VRRP_Script(%s) considered %s on reload", s.Name, result))
	} else if s.InitFail {
		w.tell(s.id(), track.Down)
	}
	w.scripts[s.Name] = x
	if w.runs != nil {
		w.runs(s.id(), func() track.RunState { return track.RunState(x.progress.Phase()) })
	}
	w.ending.Go(func() { x.run(ctx) })
}

// end ends the program, if it runs. Nothing is told of it when end has returned.
func (x *scriptWatch) end() {
	x.cancel()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended = true
}

// run runs the script at once and then at every interval, unless it is still running then.
func (x *scriptWatch) run(ctx context.Context) {
	every := time.NewTicker(x.spec.Interval)
	defer every.Stop()
	results, overdue := make(chan script.Exit, 1), make(chan struct{}, 1)
	busy, late := false, false
	begin := func() {
		busy, late = true, false
		go func() {
			results <- x.w.execute(ctx, script.Command{Argv: x.spec.Argv, File: x.spec.File, As: x.spec.As, Timeout: x.spec.Timeout,
				Late: func() { overdue <- struct{}{} }, Progress: &x.progress})
		}()
	}
	begin()
	for {
		select {
		case <-every.C:
			switch {
			case late:
				x.logf("Track script %s is being timed out, expect idle - skipping run", x.spec.Name)
			case busy:
				x.logf("Track script %s is already running, expect idle - skipping run", x.spec.Name)
			default:
				begin()
			}
		case <-overdue: // it counts as failed now, however long its end takes
			late = true
			x.observe(script.Exit{TimedOut: true})
		case e := <-results:
			if len(overdue) > 0 {
				<-overdue // its result is known at the same moment, and counts
			}
			if busy = false; !late {
				x.observe(e)
			}
			late = false
		case <-ctx.Done():
			if busy {
				<-results
			}
			return
		}
	}
}

// observe takes the result of a run. That nobody wanted it any more says nothing.
func (x *scriptWatch) observe(e script.Exit) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended || e.Cancelled || e.Err == script.ErrStopped || e.Err == context.Canceled {
		return
	}
	// That it may not become its account does not pass by itself.
	if e.Short() && !errors.Is(e.Err, fs.ErrPermission) {
		if !x.short {
			x.logf("VRRP_Script(%s) cannot be run, which says nothing of it: %v", x.spec.Name, e.Err)
		}
		x.short = true
		return
	}
	x.short = false
	if e.Err == nil && !e.TimedOut && e.Signal == 0 && e.Code != x.status {
		x.status = e.Code
		x.logf("Script `%s` now returning %d", x.spec.Name, e.Code)
	}
	if !x.verdict.observe(e.Success()) {
		return
	}
	value, how := track.Down, "failed ("+e.String()+")"
	switch {
	case x.verdict.up:
		value, how = track.Up, "succeeded"
	case e.TimedOut:
		how = "timed_out"
	}
	x.logf("VRRP_Script(%s) %s", x.spec.Name, how)
	x.w.tell(x.spec.id(), value)
}

func (x *scriptWatch) logf(format string, args ...any) { x.w.log.Info(fmt.Sprintf(format, args...)) }
