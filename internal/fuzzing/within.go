// Package fuzzing has what the fuzz targets share, and other tests of what something costs.
package fuzzing

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hung is when work that does not end is given up; nothing slower than that is a matter of a busy machine.
const hung = 60 * time.Second

// Within runs work and fails when it needs more than limit of processor time. The processor's time, unlike the
// clock's, does not pass while other programs run; under the race detector there is more of it. Work that never ends stops
// the program, so that a fuzzer keeps its input.
func Within(t testing.TB, limit time.Duration, work func()) {
	t.Helper()
	watchdog := time.AfterFunc(hung, func() { panic("the work does not end") })
	defer watchdog.Stop()
	if took := Cost(t, work); took > limit*slowdown {
		t.Fatalf("the work took %v of processor time, more than %v", took, limit*slowdown)
	}
}

// Cost is the processor time that work takes, of this thread alone: a measure that other programs do not change.
func Cost(t testing.TB, work func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := used(t)
	work()
	return used(t) - before
}

// used returns the processor time that this thread has had, to the nanosecond: rusage counts by the tick.
func used(t testing.TB) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
