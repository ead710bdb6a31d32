package netio

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// idleSockets is how many sockets of a pool are kept for later exchanges.
const idleSockets = 8

// pool keeps open sockets for later exchanges.
type pool[S io.Closer] struct {
	mu   sync.Mutex
	idle []S
}

// use runs f with a socket that nobody else uses meanwhile. After an error that is no answer of the kernel the socket is not used
// again: the reply to a request that timed out may still come.
func (p *pool[S]) use(open func() (S, error), f func(S) error) error {
	s, err := p.take(open)
	if err != nil {
		return err
	}
	if err = f(s); err == nil || answered(err) {
		p.put(s)
	} else {
		_ = s.Close()
	}
	return err
}

// answered reports whether err is what the kernel has said to a request.
func answered(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && errno != unix.EAGAIN && errno != unix.EINTR && errno != unix.ENOBUFS && errno != unix.EBADF
}

func (p *pool[S]) take(open func() (S, error)) (S, error) {
	p.mu.Lock()
	if last := len(p.idle) - 1; last >= 0 {
		defer p.mu.Unlock()
		s := p.idle[last]
		p.idle = p.idle[:last]
		return s, nil
	}
	p.mu.Unlock()
	return open()
}

func (p *pool[S]) put(s S) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == idleSockets {
		_ = s.Close()
		return
	}
	p.idle = append(p.idle, s)
}

func (p *pool[S]) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.idle {
		_ = s.Close()
	}
	p.idle = nil
}

// exchange runs f, which talks to the kernel in no other way, with a socket of the library that nobody else uses meanwhile.
func (h *Handle) exchange(f func(*netlink.Handle) error) error {
	return h.workers.do(func() error { return h.exchanges.use(h.openExchange, f) })
}

func (h *Handle) openExchange() (nl *netlink.Handle, err error) {
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

// request sends a message that was built here and returns the kernel's answers of one type, 0 for all.
func (h *Handle) request(req *nl.NetlinkRequest, reply int) (msgs [][]byte, err error) {
	err = h.workers.do(func() error {
		return h.requests.use(h.openRequest, func(s *nl.SocketHandle) (err error) {
			req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: s}
			msgs, err = req.Execute(unix.NETLINK_ROUTE, uint16(reply))
			return err
		})
	})
	return msgs, err
}

func (h *Handle) openRequest() (*nl.SocketHandle, error) {
	s := new(nl.SocketHandle)
	err := h.Do(func() (err error) {
		s.Socket, err = nl.Subscribe(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	// An older kernel ignores the filter of a dump, and who reads it looks again.
	_ = unix.SetsockoptInt(s.Socket.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	timeout := unix.NsecToTimeval(requestTimeout.Nanoseconds())
	err = errors.Join(s.Socket.SetSendTimeout(&timeout), s.Socket.SetReceiveTimeout(&timeout))
	if b := h.askBuffer.Load(); b != nil {
		err = errors.Join(err, s.Socket.SetReceiveBufferSize(b.bytes, b.force))
	}
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("set up rtnetlink: %w", err)
	}
	return s, nil
}
