package netio

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Jobs run beside each other up to the limit, each once, and each gets its own answer.
func TestWorkersAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkers()
		var under, done atomic.Int32
		hold := make(chan struct{})
		var all sync.WaitGroup
		for i := range 10 * maxExchanges {
			all.Go(func() {
				want := fmt.Errorf("answer %d", i)
				err := w.do(func() error {
					under.Add(1)
					<-hold
					under.Add(-1)
					done.Add(1)
					return want
				})
				if !errors.Is(err, want) {
					t.Errorf("job %d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		if got := under.Load(); got != maxExchanges {
			t.Errorf("%d at once, want %d", got, maxExchanges)
		}
		close(hold)
		all.Wait()
		if got := done.Load(); got != 10*maxExchanges {
			t.Errorf("%d jobs were done", got)
		}
		synctest.Wait() // all workers have ended, or synctest complains
	})
}

// A job that hangs holds up no other.
func TestWorkersDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkers()
		hang := make(chan struct{})
		go func() { _ = w.do(func() error { <-hang; return nil }) }()
		synctest.Wait()
		for range 3 * maxExchanges {
			if err := w.do(func() error { return nil }); err != nil {
				t.Error(err)
			}
		}
		close(hang)
	})
}
