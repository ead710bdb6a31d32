package lan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"vigil/internal/netio"
	"vigil/vrrp/wire"
)

// lacking names the capability whose lack is the likely reason of a refusal; other errors it leaves alone. The result
// wraps fs.ErrPermission if err does.
func lacking(capability string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s is missing: %w", capability, err)
	}
	return err
}

// checkCapabilities finds out whether the kernel lets us do what VRRP takes. The sets of the process would not tell: a
// capability counts only in the user namespace that owns the network namespace.
func checkCapabilities(h *netio.Handle) error {
	if err := h.Privileged(); err != nil {
		return lacking("CAP_NET_ADMIN", err)
	}
	return h.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, wire.Protocol)
		if err != nil {
			return lacking("CAP_NET_RAW", os.NewSyscallError("socket", err))
		}
		return unix.Close(fd)
	})
}
