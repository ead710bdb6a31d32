// Package netio is the rest of the program's view of rtnetlink: links, addresses, and a watch over both that never
// loses a state. It hides the traps of the library under it (dumps that are interrupted, subscriptions that die of
// ENOBUFS, broadcast addresses nobody asked for) and speaks net/netip.
package netio

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"

	"vigil/internal/namespace"
)

// Protocol is the address protocol number (IFA_PROTO, Linux 5.18) that marks an address as ours. It is the number the
// kernel's registry gives to keepalived, so either program finds what the other left behind.
const Protocol = 18

// requestTimeout bounds one rtnetlink exchange: a reply that never comes is an error, not a hang.
const requestTimeout = 10 * time.Second

// ErrNoLink reports that an interface does not exist. Test with errors.Is.
var ErrNoLink = errors.New("no such interface")

// Handle talks rtnetlink in one network namespace. Its methods may be called from several goroutines, and none waits
// for another unless very many are under way: each exchange has a socket of its own.
type Handle struct {
	ns namespace.Network // outlives the thread it was taken from

	exchanges pool[*netlink.Handle]
	requests  pool[*nl.SocketHandle] // for messages that are built here

	workers     workers
	promotions  promotions
	watchBuffer atomic.Pointer[buffer] // nil: the usual one
	askBuffer   atomic.Pointer[buffer] // of the sockets of exchanges; nil: the system's
}

// Open returns a Handle for the network namespace of the calling thread. A caller that has changed the namespace of
// its thread must have locked the goroutine to it. No capability is needed for the namespace that the process is in;
// CAP_SYS_ADMIN is for any other.
func Open() (*Handle, error) {
	ns, err := namespace.OfThread()
	if err != nil {
		return nil, err
	}
	h := &Handle{ns: ns, workers: newWorkers()}
	if err := h.exchange(func(*netlink.Handle) error { return nil }); err != nil {
		_ = ns.Close()
		return nil, err
	}
	return h, nil
}

// Close releases the sockets and the namespace. No method may be called after it, and every Watch must have returned.
func (h *Handle) Close() error {
	h.exchanges.close()
	h.requests.close()
	return h.ns.Close()
}

// Do runs f on a thread that is in the Handle's network namespace: the place to open sockets and to read
// /proc/sys/net, which belong to the namespace of the thread that does so.
func (h *Handle) Do(f func() error) error { return h.ns.Do(f) }
