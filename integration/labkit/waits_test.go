package labkit

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWaitsForAProcessor: threads that share one processor wait for it in turn.
func TestWaitsForAProcessor(t *testing.T) {
	if _, err := os.Stat("/proc/self/schedstat"); err != nil {
		t.Skip("the kernel does not count how long threads wait for a processor")
	}
	var allowed, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		t.Fatal(err)
	}
	for cpu := range 1024 {
		if allowed.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	w := startWaits(func() []int { return []int{os.Getpid()} }, time.Millisecond)
	from := time.Now()
	var enough atomic.Bool
	var busy sync.WaitGroup
	for range 3 {
		busy.Go(func() {
			runtime.LockOSThread() // and ends with the thread, whose processor nobody else should be bound to
			if err := unix.SchedSetaffinity(0, &one); err != nil {
				t.Error(err)
				return
			}
			for !enough.Load() {
			}
		})
	}
	for deadline := from.Add(time.Minute); w.longest(from, time.Now()) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("nobody has waited")
		}
	}
	enough.Store(true)
	busy.Wait()
	if got := w.longest(from.Add(-2*time.Hour), from.Add(-time.Hour)); got != 0 {
		t.Errorf("%v long before anything had begun", got)
	}
	if err := w.end(); err != nil {
		t.Error(err)
	}
}
