// Package members has lists of real servers that come from outside of the configuration: from files, and from DNS with its TTL. A list that
// is good stays until there is another good one, over the end of the program too. It knows nothing of virtual servers.
package members

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/trackfile"
)

// Options are what a Watcher works with. The zero value of each is what a daemon wants, but for StatePath.
type Options struct {
	Logger *slog.Logger
	// StatePath is the file that keeps the lists over the end of the program; "" = they are not kept.
	StatePath string
	// Exchange replaces the network on which name servers are asked.
	Exchange Exchange
	// Configuration is the path of resolv.conf(5); "" = that of the machine.
	Configuration string
	// Files replaces the kernel's watch of files.
	Files Files
}

// Files tells when files change, as trackfile.Watcher does.
type Files interface {
	Watch(path string, touched func()) (stop func())
	Run(context.Context) error
}

// Watcher follows sources. Its methods may be called from any goroutine.
type Watcher struct {
	log      *slog.Logger
	resolver resolver
	files    Files
	state    stateFile
	changed  chan struct{}
	wanted   chan struct{} // what is followed has changed
	unsaved  chan struct{}

	mu      sync.Mutex
	before  map[confparse.Source]remembered // lists of an earlier run; nil: not read yet
	sources map[confparse.Source]*source
}

// source is one source, once it has been learned of.
type source struct {
	from     confparse.Source
	asks     asker
	touched  chan struct{}
	followed bool
	cancel   context.CancelFunc // while it is being asked time and again

	list  []confparse.Member // in order, none twice; never changed
	known bool               // there is a good list
	next  time.Time          // when it is to be asked; zero: at once
	Status
}

// asker asks a source for its members, in order. The answer holds for a time; 0: until something happens.
type asker interface {
	ask(context.Context) (list []confparse.Member, valid time.Duration, err error)
}

// Status is how things are with a source.
type Status struct {
	Members int       // in its list
	Since   time.Time // the list is what it is; zero: there never was one
	// Remembered says that the list is of an earlier run: the source has not answered in this one.
	Remembered bool
	Failure    string    // why there is no newer list; "" = it is as the source has it
	Attempts   int       // that have failed since the last answer
	Failing    time.Time // since when
	Retry      time.Time // when it is asked again at the latest
}

// New returns a Watcher that follows nothing yet.
func New(o Options) *Watcher {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Watcher{log: o.Logger, resolver: newResolver(o.Exchange, o.Configuration), files: o.Files, state: stateFile{o.StatePath},
		changed: make(chan struct{}, 1), wanted: make(chan struct{}, 1), unsaved: make(chan struct{}, 1),
		sources: make(map[confparse.Source]*source)}
	if w.files == nil {
		w.files = trackfile.NewWatcher(o.Logger)
	}
	return w
}

// Changed receives when lists of sources that are followed may have changed.
func (w *Watcher) Changed() <-chan struct{} { return w.changed }

// Learn finds out what sources have that are new. A file is read; DNS is asked, as long as ctx lasts, unless a list of an earlier run
// will do for the moment. What cannot be had has no members.
func (w *Watcher) Learn(ctx context.Context, sources []confparse.Source) {
	var fresh []*source
	w.mu.Lock()
	for from, s := range w.sources {
		if !s.followed && !slices.Contains(sources, from) { // of a configuration that was refused
			delete(w.sources, from)
		}
	}
	for _, from := range sources {
		if s := w.sources[from]; s != nil {
			if !s.followed { // the same, and what it had then may have changed
				fresh = append(fresh, s)
			}
			continue
		}
		s := &source{from: from, touched: make(chan struct{}, 1)}
		s.asks = w.resolver.of(from)
		if from.File != "" {
			s.asks = &file{path: from.File}
		}
		if old, ok := w.earlier()[from]; ok {
			s.list, s.known, s.Members, s.Since, s.Remembered = old.list, true, len(old.list), old.since, true
			delete(w.before, from) // from now on this run knows better
		}
		w.sources[from] = s
		if from.File != "" || !s.known {
			fresh = append(fresh, s)
		}
	}
	w.mu.Unlock()
	var asked sync.WaitGroup
	for _, s := range fresh {
		if s.from.File != "" || ctx.Err() == nil {
			asked.Go(func() { w.ask(ctx, s) })
		}
	}
	asked.Wait()
}

// earlier is what an earlier run has left. mu is held.
func (w *Watcher) earlier() map[confparse.Source]remembered {
	if w.before == nil {
		var err error
		if w.before, err = w.state.read(); err != nil {
			w.log.Warn("The members of the last run are not known", "err", err)
		}
	}
	return w.before
}

// List returns the members that a source has, by the last good answer; none if it was never learned of. It must not be changed.
func (w *Watcher) List(from confparse.Source) []confparse.Member {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.sources[from]; s != nil {
		return s.list
	}
	return nil
}

// Status returns how things are with a source, if it is followed.
func (w *Watcher) Status(from confparse.Source) (st Status, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.sources[from]; s != nil && s.followed {
		return s.Status, true
	}
	return Status{}, false
}

// Follow makes sources those that are followed while Run is on. They have been learned of. The others are forgotten.
func (w *Watcher) Follow(sources []confparse.Source) {
	w.mu.Lock()
	w.before = map[confparse.Source]remembered{} // what was not followed at the start is too old later
	for from, s := range w.sources {
		if s.followed = slices.Contains(sources, from); !s.followed {
			delete(w.sources, from)
			if s.cancel != nil {
				s.cancel()
			}
		}
	}
	w.mu.Unlock()
	signal(w.wanted)
	signal(w.unsaved)
}

// signal sends to a channel with room for one, unless it has it.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
