package lan

import (
	"errors"
	"fmt"

	"vigil/internal/firewall"
	"vigil/internal/netio"
)

// Kernel is the real Network: that of the network namespace it was opened in.
type Kernel struct {
	*netio.Handle
	handover  handover
	announcer announcer
	quiet     quieting
	filter    *firewall.Filter
	virtual   virtualLinks
	settings  settings
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
	k := newKernel(h, new(firewall.Handover), new(firewall.Quiet))
	// What nftables needs may have to be loaded into the kernel first, which takes seconds where machines are slow: now, and
	// not when somebody is about to take over.
	k.handover.prepare()
	k.PrepareQuiet()
	return k, nil
}

func newKernel(h *netio.Handle, passOn handoverRules, quiet quietRules) *Kernel {
	k := &Kernel{Handle: h}
	k.handover.rules, k.handover.do = passOn, k.Do
	k.quiet.rules, k.quiet.do = quiet, k.Do
	k.filter = firewall.NewFilter(func(name string) (int, error) {
		l, err := k.Link(name)
		return l.Index, err
	})
	return k
}

// Close releases the sockets, what is left of a hand-over, and the namespace. The Runner must have ended.
func (k *Kernel) Close() error {
	k.announcer.close()
	return errors.Join(k.handover.close(), k.quiet.close(), k.settings.restore(k),
		k.Do(k.filter.Close), k.Handle.Close())
}

// Listen implements Network.
func (k *Kernel) Listen(on Segment, deliver func(Received)) (conn Conn, err error) {
	err = k.Do(func() error {
		s, err := listen(on, deliver, k.Do)
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
