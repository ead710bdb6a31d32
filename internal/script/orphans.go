package script

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// adopts reports whether processes whose parents have ended become children of this one: it is the first of its
// namespace, as in a container, or a subreaper (prctl(2)).
func adopts() bool {
	var subreaper int32
	err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0, 0, 0)
	return os.Getpid() == 1 || err == nil && subreaper != 0
}

// siginfo is the part of siginfo_t (waitid(2)) that says whose end it is about.
type siginfo struct {
	signo, errno, code int32
	_                  int32
	pid                int32
	rest               [108]byte
}

// reapOrphans waits for children that have ended and that nobody else waits for. Those of the Runner are left to
// whoever started them.
func (r *Runner) reapOrphans() {
	if !adopts() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var info siginfo
		err := unix.Waitid(unix.P_ALL, 0, (*unix.Siginfo)(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if _, ours := r.own[int(info.pid)]; err != nil || info.pid == 0 || ours {
			return
		}
		if _, err := unix.Wait4(int(info.pid), nil, unix.WNOHANG, nil); err != nil {
			return
		}
	}
}
