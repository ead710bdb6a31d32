package daemon

import (
	"context"
	"time"

	"vigil/internal/script"
	"vigil/internal/status"
	"vigil/internal/track/watch"
)

const (
	// watchStopLimit is how long the watching may take to end: programs get a second, and then they are killed.
	watchStopLimit = 12 * time.Second
	// maxTrackScripts is how many programs that are tracked may run at once. Each waits for none of the others: what it says
	// would come late.
	maxTrackScripts = 1 << 16
)

// tracking is the part that watches what the priorities of virtual routers depend on besides interfaces. It starts with the
// first thing to watch, before the virtual routers, and tells surroundings.tracked.
type tracking struct {
	surroundings

	// Owned by the daemon's goroutine.
	tasks   struct{ scripts, watch *task }
	watcher *watch.Watcher // nil until it runs
}

func (t *tracking) String() string { return "tracking" }

func (t *tracking) prepare(_ context.Context, next Desired) (prepared, error) {
	spec := next.Tracking
	if t.watcher == nil && len(spec.Scripts)+len(spec.Processes)+len(spec.Files) == 0 {
		return prepared{}, nil
	}
	return prepared{commit: func(context.Context) error {
		if t.watcher == nil {
			t.start()
		}
		t.watcher.Set(spec)
		return nil
	}}, nil
}

func (t *tracking) start() {
	log := t.log.With(componentKey, "vrrp")
	scripts := script.NewRunner(script.Options{Logger: log, MaxRunning: maxTrackScripts})
	t.tasks.scripts = startTask("tracked programs", t.ended, scripts.Run)
	t.watcher = watch.New(watch.Options{Logger: log, Execute: scripts.Execute, Tell: t.tracked.Set, Forget: t.tracked.Forget,
		Runs: t.tracked.Runs})
	t.tasks.watch = startTask(t.String(), t.ended, t.watcher.Run)
}

func (t *tracking) stop() error {
	return stopTasks(stopping{t.tasks.watch, watchStopLimit}, stopping{t.tasks.scripts, watchStopLimit})
}

func (t *tracking) diff(old, new Desired) []Step {
	a, b := old.Tracking, new.Tracking
	steps := diffTrackers("vrrp_script", a.Scripts, b.Scripts, func(s watch.Script) string { return s.Name }, watch.Script.Equal)
	steps = append(steps, diffTrackers("vrrp_track_process", a.Processes, b.Processes,
		func(p watch.Process) string { return p.Name }, watch.Process.Equal)...)
	steps = append(steps, diffTrackers("track_file", a.Files, b.Files, func(f watch.File) string { return f.Name },
		func(f, g watch.File) bool { return f == g })...)
	if a.EventsBuffer != b.EventsBuffer {
		steps = append(steps, step(Change, "process_monitor_rcv_bufs, for when the kernel is asked next"))
	}
	return steps
}

// diffTrackers compares the trackers of one kind.
func diffTrackers[T any](block string, old, new []T, name func(T) string, equal func(a, b T) bool) (steps []Step) {
	d := diffLists(old, new, name, equal)
	for _, of := range []struct {
		verb  Verb
		names []string
	}{{Add, d.added}, {Change, d.changed}, {Remove, d.removed}} {
		for _, n := range of.names {
			steps = append(steps, step(of.verb, "%s %s", block, n))
		}
	}
	return steps
}

func (t *tracking) unready() string       { return "" }
func (t *tracking) status(*status.Status) {}
