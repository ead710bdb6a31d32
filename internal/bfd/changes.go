package bfd

import (
	"sync"
	"time"
)

// Change is a session that has come up or gone down, or that has begun, which it does down. One that is no longer
// configured has none.
type Change struct {
	Name string
	Up   bool
	Time time.Time
}

// changes are those that nobody has taken yet. None is lost.
type changes struct {
	mu     sync.Mutex
	list   []Change
	signal chan struct{} // holds one token while list may be not empty
}

func newChanges() changes { return changes{signal: make(chan struct{}, 1)} }

func (c *changes) put(ch Change) {
	c.mu.Lock()
	c.list = append(c.list, ch)
	c.mu.Unlock()
	select {
	case c.signal <- struct{}{}:
	default:
	}
}

// Changed receives when Take has something to return. There is one reader of these two.
func (r *Runner) Changed() <-chan struct{} { return r.changes.signal }

// Take returns the changes since the last call, oldest first.
func (r *Runner) Take() []Change {
	r.changes.mu.Lock()
	defer r.changes.mu.Unlock()
	list := r.changes.list
	r.changes.list = nil
	return list
}
