// Package netio is the rest of the program's view of rtnetlink: links, addresses, and a watch over both that never
// loses a state. It hides the traps of the library under it (dumps that are interrupted, subscriptions that die of
// ENOBUFS, broadcast addresses nobody asked for) and speaks net/netip.
package netio

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Protocol is the address protocol number (IFA_PROTO, Linux 5.18) that marks an address as ours. It is the number the
// kernel's registry gives to keepalived, so either program finds what the other left behind.
const Protocol = 18

const (
	// requestTimeout bounds one rtnetlink exchange: a reply that never comes is an error, not a hang.
	requestTimeout = 10 * time.Second
	// idleSockets is how many sockets are kept for later exchanges.
	idleSockets = 8
)

// ErrNoLink reports that an interface does not exist. Test with errors.Is.
var ErrNoLink = errors.New("no such interface")

// Handle talks rtnetlink in one network namespace. Its methods may be called from several goroutines, and none waits
// for another: each exchange has a socket of its own.
type Handle struct {
	ns netns.NsHandle // a descriptor of our own, so the namespace outlives the thread it was taken from

	mu   sync.Mutex
	idle []*netlink.Handle

	promotions  promotions
	watchBuffer atomic.Pointer[buffer] // nil: the usual one
	askBuffer   atomic.Pointer[buffer] // of the sockets of exchanges; nil: the system's
}

// Open returns a Handle for the network namespace of the calling thread. A caller that has changed the namespace of
// its thread must have locked the goroutine to it. No capability is needed for the namespace that the process is in;
// CAP_SYS_ADMIN is for any other.
func Open() (*Handle, error) {
	ns, err := netns.Get()
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	h := &Handle{ns: ns}
	if err := h.exchange(func(*netlink.Handle) error { return nil }); err != nil {
		_ = ns.Close()
		return nil, err
	}
	return h, nil
}

// Close releases the sockets and the namespace. No method may be called after it, and every Watch must have returned.
func (h *Handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, nl := range h.idle {
		_ = nl.Close()
	}
	h.idle = nil
	return h.ns.Close()
}

// exchange runs f with a socket that nobody else uses meanwhile. After an error the socket is not used again: the reply
// to a request that timed out may still come.
func (h *Handle) exchange(f func(*netlink.Handle) error) error {
	nl, err := h.socket()
	if err != nil {
		return err
	}
	if err := f(nl); err != nil {
		_ = nl.Close()
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.idle) == idleSockets {
		return nl.Close()
	}
	h.idle = append(h.idle, nl)
	return nil
}

func (h *Handle) socket() (nl *netlink.Handle, err error) {
	h.mu.Lock()
	if last := len(h.idle) - 1; last >= 0 {
		nl, h.idle = h.idle[last], h.idle[:last]
	}
	h.mu.Unlock()
	if nl != nil {
		return nl, nil
	}
	// The namespace is entered by Do: the library would do so even where the thread is in it, and needs privileges then.
	err = h.Do(func() (err error) {
		nl, err = netlink.NewHandleWithOptions(netlink.HandleOptions{
			DisableVFInfoCollection: true,
			RetryInterrupted:        true, // a dump that raced with a change says so and is read again
		}, unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	if err := nl.SetSocketTimeout(requestTimeout); err != nil {
		_ = nl.Close()
		return nil, fmt.Errorf("set rtnetlink timeout: %w", err)
	}
	if b := h.askBuffer.Load(); b != nil {
		if err := nl.SetSocketReceiveBufferSize(b.bytes, b.force); err != nil {
			_ = nl.Close()
			return nil, fmt.Errorf("receive buffer of %d bytes for rtnetlink: %w", b.bytes, err)
		}
	}
	return nl, nil
}

// Do runs f on a thread that is in the Handle's network namespace: the place to open sockets and to read
// /proc/sys/net, which belong to the namespace of the thread that does so.
func (h *Handle) Do(f func() error) error {
	runtime.LockOSThread()
	here, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("read network namespace of the thread: %w", err)
	}
	defer here.Close()
	if here.Equal(h.ns) {
		defer runtime.UnlockOSThread()
		return f()
	}
	if err := netns.Set(h.ns); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace: %w", err)
	}
	err = f()
	if back := netns.Set(here); back != nil {
		// The goroutine stays locked, so the runtime ends this thread with it instead of reusing it in the wrong place.
		return errors.Join(err, fmt.Errorf("leave network namespace: %w", back))
	}
	runtime.UnlockOSThread()
	return err
}
