package process

import "time"

// The times between two looks at how late the process is.
const (
	shortestLook = 50 * time.Millisecond
	longestLook  = 500 * time.Millisecond
)

// lateness finds out how late the process gets to run, by a timer of its own: whatever keeps that from firing in time keeps
// all others too.
type lateness struct {
	timer *time.Timer
	every time.Duration // 0 = nobody wants to know
	least time.Duration // what counts as late
	due   time.Time
}

func newLateness() *lateness {
	l := &lateness{timer: time.NewTimer(time.Hour)}
	l.timer.Stop()
	return l
}

// begin looks for what s calls late, if it wants to know.
func (l *lateness) begin(s Spec) {
	l.timer.Stop()
	if l.every = 0; s.MaxAuto <= 0 {
		return
	}
	// A stall of one and a half times what counts as late is always seen.
	l.least, l.every = s.MinLate, min(max(s.MinLate/2, shortestLook), longestLook)
	l.next()
}

func (l *lateness) next() {
	l.due = time.Now().Add(l.every)
	l.timer.Reset(l.every)
}

// C receives at every look.
func (l *lateness) C() <-chan time.Time { return l.timer.C }

// late returns how late the look is that is had now, and whether that counts.
func (l *lateness) late() (time.Duration, bool) {
	if l.every == 0 {
		return 0, false
	}
	late := time.Since(l.due)
	l.next()
	return late, late >= l.least
}

func (l *lateness) stop() { l.timer.Stop() }
