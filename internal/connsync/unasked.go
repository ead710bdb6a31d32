package connsync

import (
	"context"
	"hash/maphash"
	"time"
)

const (
	// unaskedPause is how long there is between windows of what is told unasked, where nobody says that it has been read.
	unaskedPause = 20 * time.Millisecond
	// unaskedMemory is how long it is known of which connections was told unasked, from the end of that on.
	unaskedMemory = 5 * time.Second
)

// unasked is what is to be told without a question. It belongs to Run, but for asked and waiting, which are guarded by the mutex of the
// Exchange.
type unasked struct {
	asked   bool
	waiting []chan struct{} // until it has been told

	due     bool
	telling bool
	known   *knownConnections // nil = none
	until   time.Time         // it is of use
	done    []chan struct{}
}

// knownConnections are those that have been told.
type knownConnections struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

func newKnownConnections() *knownConnections {
	return &knownConnections{seed: maphash.MakeSeed(), seen: make(map[uint64]struct{})}
}

// fresh reports whether a connection is not known yet, and is from then on.
func (k *knownConnections) fresh(c *Connection) bool {
	key := c.hash(k.seed)
	_, is := k.seen[key]
	k.seen[key] = struct{}{}
	return !is
}

// Tell tells the kernels of the group all connections without a question, as who hands over does: its own kernel keeps the latest
// for two seconds. Those are left out that were told so within the last five seconds, and are as they were. It does not wait.
func (x *Exchange) Tell() {
	x.change(func() { x.unasked.asked = true })
}

// Flush waits until what was to be told before the call has been, or cannot be, or Run ends; or ctx does, whose error it returns.
func (x *Exchange) Flush(ctx context.Context) error {
	done := make(chan struct{})
	x.change(func() { x.unasked.waiting = append(x.unasked.waiting, done) })
	select {
	case <-done:
		return nil
	case <-x.stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeUnasked takes what Tell and Flush want; x.mu is held.
func (x *Exchange) takeUnasked() {
	u := &x.unasked
	u.due = u.due || u.asked
	u.done = append(u.done, u.waiting...)
	u.asked, u.waiting = false, nil
}

// stepUnasked begins to tell when no answer is under way, and lets those go on who wait when it is over. An answer goes before: it tells all to
// the same kernels.
func (x *Exchange) stepUnasked(ctx context.Context) {
	u := &x.unasked
	if !u.telling && !time.Now().Before(u.until) {
		u.known = nil
	}
	if u.telling && len(x.asked) > 0 {
		u.known = nil
		x.cancel()
	}
	if u.due && x.telling == nil {
		if u.due = false; x.conn != nil { // else there is nobody
			if u.known == nil {
				u.known = newKnownConnections()
			}
			t := newTelling(x.conn, x.spec.ID, nil)
			t.known = u.known
			u.telling = true
			x.begin(ctx, t)
		}
	}
	if !u.due && !u.telling {
		for _, c := range u.done {
			close(c)
		}
		u.done = nil
	}
}

// unaskedEnded takes note of what came of it; x.telling has been cleared.
func (x *Exchange) unaskedEnded(err error) {
	u := &x.unasked
	u.telling, u.until = false, time.Now().Add(unaskedMemory)
	if err != nil { // of some it is not known whether they were told
		u.known = nil
	}
}
