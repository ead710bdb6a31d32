// Package fuzzing has what the fuzz targets share, and other tests of what something costs.
package fuzzing

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hung is when work that does not end is given up; nothing slower than that is a matter of a busy machine.
const hung = 60 * time.Second

// Within runs work and fails when it needs more than limit of processor time. The processor's time, unlike the
// clock's, does not pass while other programs run; but a processor that is shared below the kernel, by its twin or by another
// machine, is slower by as much: limit is for one that does reference in its nominal time. Under the race detector there is
// more of both. Work that never ends stops the program, so that a fuzzer keeps its input.
func Within(t testing.TB, limit time.Duration, work func()) {
	t.Helper()
	watchdog := time.AfterFunc(hung, func() { panic("the work does not end") })
	defer watchdog.Stop()
	limit *= slowdown
	took := Cost(t, work)
	if took <= limit {
		return
	}
	if slower := float64(Cost(t, reference)) / float64(nominal*slowdown); slower > 1 {
		limit = time.Duration(float64(limit) * slower)
	}
	if took > limit {
		t.Fatalf("the work took %v of processor time, more than %v", took, limit)
	}
}

// nominal is what reference costs on a processor that is nobody else's.
const nominal = 30 * time.Millisecond

// reference is work of the kind that reading is: words are cut, kept and found again.
func reference() {
	for range 1000 {
		seen := make(map[string]int)
		for i, word := range strings.Fields(strings.Repeat("virtual_server 192.0.2.1 80 { real_server 192.0.2.2 80 ", 40)) {
			seen[strconv.Itoa(i)+word] += i
		}
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
