package fuzzing

import (
	"sync/atomic"
	"testing"
	"time"
)

// recorder is a testing.TB that keeps a failure to itself.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Fatalf(string, ...any) { r.failed = true }
func (r *recorder) Helper()               {}

func TestWithinCountsWorkAndNotWaiting(t *testing.T) {
	// To wait is what is tested here; nothing is concluded from how long it takes.
	waits := &recorder{TB: t}
	Within(waits, 20*time.Millisecond, func() { time.Sleep(100 * time.Millisecond) })
	if waits.failed {
		t.Error("waiting counts as work")
	}
	works := &recorder{TB: t}
	Within(works, time.Millisecond, func() {
		for start := used(t); used(t)-start < 100*slowdown*time.Millisecond; {
		}
	})
	if !works.failed {
		t.Error("too much work is not noticed")
	}
}

func TestCostIsOfThisThread(t *testing.T) {
	var stop atomic.Bool
	other := make(chan struct{})
	go func() {
		defer close(other)
		for !stop.Load() {
		}
	}()
	cost := Cost(t, func() {
		for start := used(t); used(t)-start < 200*time.Millisecond; {
		}
	})
	stop.Store(true)
	<-other
	if cost < 200*time.Millisecond || cost > 300*time.Millisecond {
		t.Errorf("200 ms of work beside another thread's cost %v", cost)
	}
}
