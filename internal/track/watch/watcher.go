package watch

import (
	"context"
	"log/slog"
	"sync"

	"vigil/internal/script"
	"vigil/internal/track"
	"vigil/internal/trackfile"
)

// Options is what a Watcher needs. Logger may be nil.
type Options struct {
	// Logger gets keepalived's messages.
	Logger *slog.Logger
	// Execute runs a program to its end, or until the context's; see script.Runner.Execute.
	Execute func(context.Context, script.Command) script.Exit
	// Tell is told each new value: track.Up or track.Down, of a file its number. Forget is told of what is not watched any
	// more. Neither may block; they are called from any goroutine, Tell in the order of the values of one object.
	Tell   func(track.ID, int)
	Forget func(track.ID)
	// Runs, unless it is nil, is given what says how far the program of a script is, and may be asked from any goroutine. What
	// was given before for the same script is over then.
	Runs func(track.ID, func() track.RunState)

	processes processSource // nil: the kernel's
}

// Watcher watches what its Spec says while Run is on.
type Watcher struct {
	log     *slog.Logger
	execute func(context.Context, script.Command) script.Exit
	tell    func(track.ID, int)
	forget  func(track.ID)
	runs    func(track.ID, func() track.RunState)

	files     *trackfile.Watcher
	processes *processWatch

	mu        sync.Mutex // held while the Spec changes
	running   context.Context
	scripts   map[string]*scriptWatch
	follows   map[string]*follow
	first     chan struct{} // closed with the first file; nothing is followed before
	spec      Spec
	following bool           // first is closed
	ending    sync.WaitGroup // goroutines of scripts
}

// follow is a file that is followed.
type follow struct {
	file   File
	unread func() // ends what tells of its number

	mu    sync.Mutex // held while a number is told
	ended bool
}

// tell tells a number, unless the end has been.
func (f *follow) tell(to func(track.ID, int), number int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ended {
		to(f.file.id(), int(number))
	}
}

// end ends it. Nothing is told of the file when it has returned.
func (f *follow) end() {
	f.unread()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
}

// New returns a Watcher of nothing.
func New(o Options) *Watcher {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.processes == nil {
		o.processes = kernelProcesses{}
	}
	w := &Watcher{log: o.Logger, execute: o.Execute, tell: o.Tell, forget: o.Forget, runs: o.Runs, files: trackfile.NewWatcher(o.Logger),
		scripts: make(map[string]*scriptWatch), follows: make(map[string]*follow), first: make(chan struct{})}
	w.processes = newProcessWatch(o.Logger, o.processes, o.Tell)
	return w
}

// Set makes spec what is watched. What stays as it was is not touched. When it returns, the values of files and processes
// have been told; that of a script comes with its first result.
func (w *Watcher) Set(spec Spec) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.setScripts(spec.Scripts)
	w.setFiles(spec.Files)
	for _, p := range w.processes.set(spec.Processes, spec.EventsBuffer) {
		w.forget(p.id())
	}
	w.spec = spec
}

func (w *Watcher) setFiles(list []File) {
	wanted := make(map[string]File, len(list))
	for _, f := range list {
		wanted[f.Name] = f
	}
	for name, old := range w.follows {
		next, stays := wanted[name]
		if stays && next == old.file {
			continue
		}
		old.end()
		delete(w.follows, name)
		if !stays {
			w.forget(old.file.id())
		}
	}
	for _, f := range list {
		if _, known := w.follows[f.Name]; known {
			continue
		}
		w.follows[f.Name] = w.beginFile(f)
	}
}

// beginFile begins to follow a file and tells its number now, before any later one.
func (w *Watcher) beginFile(f File) *follow {
	x := &follow{file: f}
	x.mu.Lock()
	defer x.mu.Unlock()
	var number int32
	number, x.unread = w.files.Follow(f.File, func(v int32) { x.tell(w.tell, v) })
	if !w.following {
		w.following = true
		close(w.first)
	}
	w.tell(f.id(), int(number))
	return x
}

// Run watches until ctx ends. It may be called once.
func (w *Watcher) Run(ctx context.Context) error {
	w.mu.Lock()
	w.running = ctx
	w.setScripts(w.spec.Scripts)
	w.mu.Unlock()

	var others sync.WaitGroup
	others.Go(func() { w.processes.run(ctx) })
	others.Go(func() {
		select {
		case <-w.first:
		case <-ctx.Done():
			return
		}
		if err := w.files.Run(ctx); err != nil {
			w.log.Error("track files are not watched any more", slog.Any("err", err))
		}
	})
	<-ctx.Done()
	others.Wait()
	w.mu.Lock() // no script begins any more
	defer w.mu.Unlock()
	w.ending.Wait()
	return nil
}
