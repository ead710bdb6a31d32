package members

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"vigil/confparse"
)

// A source that fails is asked again after firstRetry, then after twice as long each time, up to lastRetry.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Run follows until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer cancel()
	watching := false
	for {
		w.mu.Lock()
		for _, s := range w.sources {
			if !s.followed || s.cancel != nil {
				continue
			}
			var one context.Context
			one, s.cancel = context.WithCancel(ctx)
			if s.from.File != "" && !watching {
				watching = true
				running.Go(func() { w.watch(ctx) })
			}
			running.Go(func() { w.follow(one, s) })
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
			cancel()
			running.Wait()
			w.save()
			return nil
		case <-w.wanted:
		case <-w.unsaved:
			w.save()
		}
	}
}

// watch has files watched until ctx ends.
func (w *Watcher) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.files.Run(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("Files with members are not watched for a moment", "err", err)
			wait(ctx, nil, firstRetry)
		}
	}
}

// follow asks s, time and again, until ctx ends.
func (w *Watcher) follow(ctx context.Context, s *source) {
	if s.from.File != "" { // between Learn and this it may have changed
		defer w.files.Watch(s.from.File, func() { signal(s.touched) })()
		signal(s.touched)
	}
	for {
		w.mu.Lock()
		next := s.next
		w.mu.Unlock()
		switch pause := time.Until(next); {
		case s.from.File != "" && next.IsZero():
			wait(ctx, s.touched, 0)
		case pause > 0:
			wait(ctx, s.touched, pause)
		}
		if ctx.Err() != nil {
			return
		}
		w.ask(ctx, s)
	}
}

// wait waits until something is touched, until ctx ends, or for a time; 0: for ever.
func wait(ctx context.Context, touched <-chan struct{}, patience time.Duration) {
	var over <-chan time.Time
	if patience > 0 {
		t := time.NewTimer(patience)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-ctx.Done():
	case <-touched:
	case <-over:
	}
}

// ask asks s once, and takes what it says.
func (w *Watcher) ask(ctx context.Context, s *source) {
	list, valid, err := s.asks.ask(ctx)
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if s.cancel != nil && ctx.Err() != nil {
			return // that it was interrupted says nothing
		}
		w.failed(s, err, now)
		return
	}
	if s.Failure != "" {
		w.log.Info(fmt.Sprintf("real_servers_from %s: there is a list again, of %d members", s.from, len(list)))
	}
	news := !s.known || s.Remembered || !slices.Equal(list, s.list)
	since := s.Since
	if !s.known || !slices.Equal(list, s.list) {
		since = now
	}
	s.list, s.known, s.next = list, true, time.Time{}
	s.Status = Status{Members: len(list), Since: since}
	if valid > 0 {
		s.next = now.Add(valid)
	}
	if news && s.followed {
		signal(w.changed)
		signal(w.unsaved)
	}
}

// failed notes that s has no good list, and tells of what is new about that. mu is held.
func (w *Watcher) failed(s *source, err error, now time.Time) {
	text := err.Error()
	if s.Failure != text {
		kept := fmt.Sprintf("the %d members stay that it had", len(s.list))
		switch {
		case !s.known:
			kept = "there are no members"
		case s.Remembered:
			kept = fmt.Sprintf("the %d members stay that it had before the start", len(s.list))
		}
		w.log.Error(fmt.Sprintf("real_servers_from %s: %s", s.from, kept), "err", err)
	}
	if s.Failure == "" {
		s.Failing = now
	}
	pause := lastRetry
	if s.Attempts < 6 {
		pause = min(firstRetry<<s.Attempts, lastRetry)
	}
	s.Failure = text
	s.Attempts++
	s.next = now.Add(pause)
	s.Retry = s.next
}

// save writes the lists of all sources that are followed into the state file.
func (w *Watcher) save() {
	all := make(map[confparse.Source]remembered)
	w.mu.Lock()
	for from, s := range w.sources {
		if s.followed && s.known {
			all[from] = remembered{s.list, s.Since}
		}
	}
	w.mu.Unlock()
	if err := w.state.write(all); err != nil {
		w.log.Warn("The members would not be known to the next run", "err", err)
	}
}
