package lan

import (
	"errors"
	"fmt"

	"vigil/internal/netio"
)

// Kernel is the real Network: that of the network namespace it was opened in.
type Kernel struct {
	*netio.Handle
	handover  handover
	announcer announcer
	quiet     quieting
}

// OpenKernel returns the Network of the namespace of the calling thread. It needs CAP_NET_ADMIN and CAP_NET_RAW and
// nothing else; without them the error wraps fs.ErrPermission and names what is missing.
func OpenKernel() (*Kernel, error) {
	h, err := netio.Open()
	if err != nil {
		return nil, err
	}
	if err := checkCapabilities(h); err != nil {
		_ = h.Close()
		return nil, err
	}
	k := &Kernel{Handle: h}
	// What nftables needs may have to be loaded into the kernel first, which takes seconds where machines are slow: now, and
	// not when somebody is about to take over.
	k.handover.prepare(k.Do)
	k.PrepareQuiet()
	return k, nil
}

// Close releases the sockets, what is left of a hand-over, and the namespace. The Runner must have ended.
func (k *Kernel) Close() error {
	k.announcer.close()
	return errors.Join(k.handover.close(), k.quiet.close(k.Do), k.Handle.Close())
}

// Listen implements Network.
func (k *Kernel) Listen(on Segment, deliver func(Received)) (conn Conn, err error) {
	err = k.Do(func() error {
		s, err := listen(on, deliver)
		if err == nil {
			conn = s
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open %s socket on %s: %w", on.Family, on.Link.Name, err)
	}
	return conn, nil
}

var _ Network = (*Kernel)(nil)
