package vrrp

import (
	"maps"
	"sync"
	"time"

	"vigil/internal/track"
)

// Tracked holds the last word about everything that is tracked besides interfaces. It outlives a Runner and may be told
// before there is one, so that a virtual router begins with what is known. It may be used from any goroutine.
type Tracked struct {
	mu     sync.Mutex
	values map[track.ID]int
	since  map[track.ID]time.Time // of the values
	runs   map[track.ID]func() track.RunState
	taken  map[track.ID]int
	news   []trackedNews // in the order in which they were told
	wake   chan struct{} // 1 slot
}

// NewTracked returns a Tracked that knows nothing.
func NewTracked() *Tracked {
	return &Tracked{values: make(map[track.ID]int), since: make(map[track.ID]time.Time), runs: make(map[track.ID]func() track.RunState),
		taken: make(map[track.ID]int), wake: make(chan struct{}, 1)}
}

// Set says the value of a tracked object: track.Up or track.Down, of a file the number in it. It never blocks; of values
// that follow each other faster than they are taken the last one counts.
func (t *Tracked) Set(id track.ID, value int) {
	t.mu.Lock()
	old, known := t.values[id]
	changed := !known || old != value
	if changed {
		t.values[id], t.since[id] = value, time.Now()
		t.news = append(t.news, trackedNews{id, known})
	}
	t.mu.Unlock()
	if changed {
		t.announce()
	}
}

// announce has who waits for wake call take.
func (t *Tracked) announce() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Forget drops what is known of an object that is not watched any more. Routers that still reference it keep the value
// that they have.
func (t *Tracked) Forget(id track.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.values, id)
	delete(t.since, id)
	delete(t.runs, id)
	delete(t.taken, id)
}

// Runs gives what says how far the program of a script is; it may be asked from any goroutine.
func (t *Tracked) Runs(id track.ID, state func() track.RunState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs[id] = state
}

// value returns the last word about an object; false when there is none.
func (t *Tracked) value(id track.ID) (int, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, ok := t.values[id]
	return v, ok
}

// known is what is known of everything that is tracked.
type known struct {
	values map[track.ID]int
	since  map[track.ID]time.Time
	runs   map[track.ID]track.RunState
}

func (t *Tracked) all() known {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := known{maps.Clone(t.values), maps.Clone(t.since), make(map[track.ID]track.RunState, len(t.runs))}
	for id, state := range t.runs {
		k.runs[id] = state()
	}
	return k
}

// trackedNews is an object of which something was said. changed: not for the first time.
type trackedNews struct {
	id      track.ID
	changed bool
}

// trackedValue is what was said of an object.
type trackedValue struct {
	trackedNews
	value  int
	before *int // the value that was taken before; nil = none was
}

// take returns the oldest of what is new; false when there is nothing. One object at a time, so that what else is due need not
// wait for all of them: wake has another token while there are more.
func (t *Tracked) take() (trackedValue, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.news) > 0 {
		n := t.news[0]
		if t.news = t.news[1:]; len(t.news) > 0 {
			t.announce()
		}
		v, ok := t.values[n.id]
		if !ok {
			continue // nobody watches it any more
		}
		one := trackedValue{trackedNews: n, value: v}
		if before, is := t.taken[n.id]; is {
			one.before = &before
		}
		t.taken[n.id] = v
		return one, true
	}
	return trackedValue{}, false
}
