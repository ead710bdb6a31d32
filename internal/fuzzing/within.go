// Package fuzzing has what the fuzz targets share.
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
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	watchdog := time.AfterFunc(hung, func() { panic("the work does not end") })
	defer watchdog.Stop()
	before := used(t)
	work()
	if took := used(t) - before; took > limit*slowdown {
		t.Fatalf("the work took %v of processor time, more than %v", took, limit*slowdown)
	}
}

// used returns the processor time that this thread has had.
func used(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
