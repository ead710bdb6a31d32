package lan

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// timestamped asks the kernel to tell with each packet when it came, socket(7). One before Linux 5.1 does not know the option;
// its packets count from when they are read.
func timestamped(fd int) { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1) }

// queued is how long ago, by the system clock, the packet came that the ancillary data are of; 0 if they do not say.
func queued(oob []byte, now time.Time) time.Duration {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return 0
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS_NEW && len(data) >= 16 {
			sec, nsec := int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:]))
			return now.Sub(time.Unix(sec, nsec))
		}
		oob = rest
	}
	return 0
}

// bounded is what of queued can be true for a packet that is read now from a socket in which there was nothing at empty: the
// system clock may have been set meanwhile.
func bounded(queued time.Duration, empty, now time.Time) time.Duration {
	return max(0, min(queued, now.Sub(empty)))
}
