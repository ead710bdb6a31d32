package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"vigil/confparse"
	"vigil/internal/track"
)

const (
	// pollInterval is how often the processes are looked at where the kernel does not tell of them.
	pollInterval = time.Second
	// recountInterval is how often they are looked at where it does, lest something was missed, and how often it is asked
	// again where it did not.
	recountInterval = 30 * time.Second
)

// processSource is where processes are seen: the kernel's, or that of a test.
type processSource interface {
	// all calls visit with every process that runs, and its command line if argv is set. With an error some may be missing.
	all(argv bool, visit func(pid int, name string, argv []string)) error
	// one returns what a process is called. The error is errNoProcess when it is gone.
	one(pid int, argv bool) (name string, args []string, err error)
	// events opens the kernel's reports of what happens to processes from now on. The error says why there are none.
	// buffer is for what is not taken at once.
	events(ctx context.Context, buffer confparse.BufferSize) (processEvents, error)
}

// processEvents is an open stream of what happens to processes.
type processEvents interface {
	// next waits for news until the time. The error is errMissed when something may have been missed, and
	// os.ErrDeadlineExceeded when the time has come.
	next(until time.Time) ([]processEvent, error)
	close()
}

// errNoProcess says that there is no such process.
var errNoProcess = errors.New("no such process")

// errMissed says that more has happened than could be told.
var errMissed = errors.New("events of processes were missed")

// processEvent is what happened to a process.
type processEvent struct {
	kind  processEventKind
	pid   int
	child int // of forked
}

type processEventKind uint8

const (
	forked  processEventKind = iota + 1
	renamed                  // it executes another program, or has given itself a name
	ended
)

// processWatch counts processes.
type processWatch struct {
	log    *slog.Logger
	source processSource
	tell   func(track.ID, int)

	mu      sync.Mutex
	census  *census
	blind   bool // the processes could not be looked at: how many there are is not known
	quorums []*quorum
	buffer  confparse.BufferSize // of what the kernel reports

	changed chan struct{} // 1 slot: there may be something to count now
	polling bool          // as has been said; owned by run
}

// quorum is what became of one Process.
type quorum struct {
	p     Process
	count int
	up    bool
	told  bool      // of up; not before the processes have been looked at
	due   time.Time // when it changes; zero = it does not
}

func newProcessWatch(log *slog.Logger, source processSource, tell func(track.ID, int)) *processWatch {
	return &processWatch{log: log, source: source, tell: tell, census: newCensus(nil), changed: make(chan struct{}, 1)}
}

// set makes list what is counted, with that buffer from when the kernel is asked next, tells of what is new at once, and returns what is gone.
func (w *processWatch) set(list []Process, buffer confparse.BufferSize) (gone []Process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buffer = buffer
	known := make(map[string]*quorum, len(w.quorums))
	for _, q := range w.quorums {
		known[q.p.Name] = q
	}
	w.census = newCensus(list)
	w.recount()
	w.quorums = nil
	for i, count := range w.census.counts() {
		p := list[i]
		q := known[p.Name]
		delete(known, p.Name)
		if q == nil || !q.p.Equal(p) {
			q = &quorum{p: p}
			w.begin(q, count)
		}
		w.quorums = append(w.quorums, q)
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
	for _, q := range known {
		gone = append(gone, q.p)
	}
	return gone
}

// begin tells of a quorum for the first time, if it is known. mu is held.
func (w *processWatch) begin(q *quorum, count int) {
	if !w.blind {
		q.count, q.up, q.told = count, q.p.enough(count), true
		w.tellOf(q)
	}
}

func (w *processWatch) tellOf(q *quorum) {
	value := track.Down
	if q.up {
		value = track.Up
	}
	w.tell(q.p.id(), value)
}

// recount looks at all processes. Where that cannot be done, as when no descriptor is left, it says nothing. mu is held.
func (w *processWatch) recount() {
	fresh := newCensus(w.census.list)
	if len(fresh.list) == 0 {
		w.blind = false
		return
	}
	err := w.source.all(fresh.needsArgv(), fresh.is)
	if err == nil {
		w.census, w.blind = fresh, false
		return
	}
	if !w.blind {
		w.log.Warn("processes cannot be looked at; tracked ones count as they did", slog.Any("err", err))
	}
	w.blind = true
}

// judge tells of the quorums that have been gained or lost, those with a delay when it is over. fork_delay is for what
// more processes have brought about, terminate_delay for what fewer have. It returns when the next delay is over; zero when
// none runs. mu is held.
func (w *processWatch) judge(now time.Time) (next time.Time) {
	if w.blind {
		return now.Add(pollInterval)
	}
	for i, count := range w.census.counts() {
		q := w.quorums[i]
		if !q.told {
			w.begin(q, count)
		}
		before := q.count
		q.count = count
		up := q.p.enough(count)
		switch {
		case up == q.up:
			q.due = time.Time{}
			continue
		case q.due.IsZero() && count > before:
			q.due = now.Add(q.p.ForkDelay)
		case q.due.IsZero():
			q.due = now.Add(q.p.TerminateDelay)
		}
		if now.Before(q.due) {
			if next.IsZero() || q.due.Before(next) {
				next = q.due
			}
			continue
		}
		q.up, q.due = up, time.Time{}
		what := "lost"
		if up {
			what = "gained"
		}
		w.log.Info(fmt.Sprintf("Quorum %s for tracked process %s", what, q.p.Name))
		w.tellOf(q)
	}
	return next
}

// run counts until ctx ends.
func (w *processWatch) run(ctx context.Context) {
	for ctx.Err() == nil {
		if !w.any() {
			select {
			case <-w.changed:
			case <-ctx.Done():
			}
			continue
		}
		events, err := w.source.events(ctx, w.eventsBuffer())
		if err != nil {
			if !w.polling {
				w.log.Info("The kernel does not report processes here; they are looked at every second", slog.Any("err", err))
			}
			w.polling = true
			w.poll(ctx)
			continue
		}
		w.polling = false
		w.follow(ctx, events)
	}
}

// any reports whether there is anything to count.
func (w *processWatch) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.census.list) > 0
}

func (w *processWatch) eventsBuffer() confparse.BufferSize {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buffer
}

// look counts anew and returns when a delay is over.
func (w *processWatch) look() (next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recount()
	return w.judge(time.Now())
}

// poll looks every now and then, until it is time to ask the kernel again.
func (w *processWatch) poll(ctx context.Context) {
	for end := time.Now().Add(recountInterval); time.Now().Before(end) && w.any(); {
		wake := time.Now().Add(pollInterval)
		if next := w.look(); !next.IsZero() && next.Before(wake) {
			wake = next
		}
		t := time.NewTimer(time.Until(wake))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// follow goes by what the kernel reports, until it does not any more.
func (w *processWatch) follow(ctx context.Context, events processEvents) {
	defer events.close()
	stop := context.AfterFunc(ctx, events.close)
	defer stop()
	next, recount := w.look(), time.Now().Add(recountInterval)
	for ctx.Err() == nil && w.any() {
		until := recount
		if !next.IsZero() && next.Before(until) {
			until = next
		}
		list, err := events.next(until)
		now := time.Now()
		due := !next.IsZero() && !now.Before(next) // what has happened in the delay may not have been read yet
		switch {
		case errors.Is(err, errMissed) || due || !now.Before(recount):
			next, recount = w.look(), time.Now().Add(recountInterval)
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			if ctx.Err() == nil {
				w.log.Info("The kernel does not report processes any more", slog.Any("err", err))
			}
			return
		default:
			next = w.take(list)
		}
	}
}

// take takes what has happened. What a process is called is looked at now: if it is gone since, or called otherwise, that
// has been reported too.
func (w *processWatch) take(list []processEvent) (next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	doubt := w.blind
	for _, e := range list {
		switch e.kind {
		case forked:
			w.census.forked(e.pid, e.child)
		case ended:
			w.census.ended(e.pid)
		case renamed:
			switch name, argv, err := w.source.one(e.pid, w.census.needsArgv()); {
			case err == nil:
				w.census.is(e.pid, name, argv)
			case errors.Is(err, errNoProcess):
				w.census.ended(e.pid)
			default:
				doubt = true
			}
		}
	}
	if doubt {
		w.recount()
	}
	return w.judge(time.Now())
}
