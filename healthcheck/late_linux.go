package healthcheck

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A director that has no processor for its checks finds the answer and the end of its time at the same moment, and then it is the
// director that was late. So whoever has waited in vain looks once more.

// untilLate is wait, the Read or Write of a connection, which calls ready until that is done, and once more when the deadline has
// passed. The error is that of wait if even then it is not done.
func untilLate(c syscall.RawConn, wait func(func(uintptr) bool) error, ready func(fd uintptr) bool) error {
	err := wait(ready)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	done := false
	if late := c.Control(func(fd uintptr) { done = ready(fd) }); late == nil && done {
		return nil
	}
	return err
}

// readLate reads what is there although the deadline has passed; timeout is the error if nothing is.
func readLate(f *os.File, b []byte, timeout error) (n int, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0, timeout
	}
	if late := c.Control(func(fd uintptr) { n, err = unix.Read(int(fd), b) }); late != nil {
		return 0, timeout
	}
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return 0, timeout
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}
