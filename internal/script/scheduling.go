package script

import "golang.org/x/sys/unix"

// resetChildren has the programs that the calling thread starts scheduled as usual, whatever priority this process has or
// gets (SCHED_RESET_ON_FORK, sched(7)). For good: taking it back would need a privilege. Where it cannot be had, they are
// scheduled as this process is.
func resetChildren() {
	if a, err := unix.SchedGetAttr(0, 0); err == nil {
		a.Flags |= unix.SCHED_FLAG_RESET_ON_FORK
		_ = unix.SchedSetAttr(0, a, 0)
	}
}
