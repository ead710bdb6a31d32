package lan

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/vrrp/wire"
)

const (
	receiveBurst  = 64                     // packets read before somebody else may read
	receiveBuffer = 4608                   // bytes per packet; the longest advert has 255 IPv6 addresses
	receivePause  = 100 * time.Millisecond // after a read error, which the kernel might repeat at once
)

// socket is the Conn: a raw socket on one interface, for protocol 112 or for authentication headers.
type socket struct {
	family
	file *os.File
	sys  syscall.RawConn

	mu      sync.Mutex // held from reading a packet until it is delivered
	deliver func(Received)
	in      []byte
	vrids   [256]bool // that are delivered; of the others, with strangers, those that were not heard before
	others  bool
	heard   [256]bool

	empty time.Time // when there was nothing to read the last time

	buffer int // bytes, as the kernel has set it at first

	out   []byte // the packet being sent
	peers peers  // that this socket has no room for

	quit chan struct{} // closed by Close
	done chan struct{} // closed when the reader has ended
}

// family is what IPv4 and IPv6 have of their own.
type family interface {
	domain() int
	protocol() int
	// options configure the socket, in this order. The first ones keep foreign packets out.
	options(on Segment) []option
	// filter is the program for a set of VRIDs.
	filter(vrids []uint8) ([]bpf.RawInstruction, error)
	// send transmits one advert without waiting; buf may be used for it and is returned for the next.
	send(fd int, buf []byte, a wire.Advert, ip wire.IPHeader) ([]byte, error)
	// receive reads one packet without waiting. ok is false for what is not for this socket.
	receive(fd int, buf []byte) (r Received, ok bool, err error)
}

type option struct {
	name string
	set  func(fd int) error
}

// intOption sets an option whose value is a number.
func intOption(name string, level, opt, value int) option {
	return option{name, func(fd int) error { return unix.SetsockoptInt(fd, level, opt, value) }}
}

// listen opens the socket; it must run in the network namespace it is meant for, which do enters later.
func listen(on Segment, deliver func(Received), do func(func() error) error) (*socket, error) {
	var f family = &ipv4Family{multicast: on.Group.IsValid(), ah: on.AH}
	if on.Family == confparse.IPv6 {
		own := &ipv6Family{multicast: on.Group.IsValid(), index: on.Link.Index}
		if on.Source.IsValid() {
			own.index = 0
		}
		f = own
	}
	file, sys, err := openRaw(f, on)
	if err != nil {
		return nil, err
	}
	s := &socket{family: f, deliver: deliver, in: make([]byte, receiveBuffer), file: file, sys: sys,
		peers: peers{on: on, do: do}, empty: time.Now(), quit: make(chan struct{}), done: make(chan struct{})}
	if err := control(sys, func(fd int) (err error) {
		s.buffer, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return os.NewSyscallError("get receive buffer", err)
	}); err != nil {
		_ = file.Close()
		return nil, err
	}
	go s.read()
	return s, nil
}

// openRaw opens a socket that accepts nothing yet.
func openRaw(f family, on Segment) (*os.File, syscall.RawConn, error) {
	fd, err := unix.Socket(f.domain(), unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, f.protocol())
	if err != nil {
		return nil, nil, lacking("CAP_NET_RAW", os.NewSyscallError("socket", err))
	}
	file := os.NewFile(uintptr(fd), "vrrp")
	sys, err := file.SyscallConn()
	if err == nil {
		err = accept(f, sys, nil)
	}
	if err == nil {
		err = control(sys, func(fd int) error { return configure(fd, f, on) })
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, sys, nil
}

func configure(fd int, f family, on Segment) error {
	if on.Link.Name != "" {
		if err := unix.BindToDevice(fd, on.Link.Name); err != nil {
			return os.NewSyscallError("bind to device", err)
		}
	}
	timestamped(fd)
	for _, o := range f.options(on) {
		if err := o.set(fd); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return nil
}

// Admit implements Conn.
func (s *socket) Admit(a Admission) error {
	vrids := a.VRIDs
	s.mu.Lock()
	s.vrids, s.others, s.heard = [256]bool{}, a.Others, [256]bool{}
	for _, v := range a.VRIDs {
		s.vrids[v] = true
	}
	s.mu.Unlock()
	if a.Others {
		vrids = everyVRID()
	}
	if err := accept(s.family, s.sys, vrids); err != nil {
		return err
	}
	return s.resize(a.Buffer)
}

// everyVRID is 1 to 255.
func everyVRID() []uint8 {
	list := make([]uint8, 255)
	for i := range list {
		list[i] = uint8(i + 1)
	}
	return list
}

// resize gives the receive buffer a size; 0 is what it was at first. The kernel doubles what it is told, for what it needs
// itself, and so it answers with twice as much.
func (s *socket) resize(bytes int) error {
	if bytes == 0 {
		bytes = s.buffer / 2
	}
	return control(s.sys, func(fd int) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bytes); err == nil {
			return nil
		} // or CAP_NET_ADMIN is missing here
		return os.NewSyscallError("set receive buffer", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes))
	})
}

// admits reports whether a packet is to be delivered. s.mu is held.
func (s *socket) admits(r Received) bool {
	v := r.Advert.VRID
	if s.vrids[v] {
		return true
	}
	fresh := s.others && !s.heard[v] && v != 0
	s.heard[v] = true
	return fresh
}

func accept(f family, sys syscall.RawConn, vrids []uint8) error {
	program, err := f.filter(vrids)
	if err != nil {
		return err
	}
	filters := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filters[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return control(sys, func(fd int) error {
		p := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}
		return os.NewSyscallError("attach socket filter", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &p))
	})
}

// Send implements Conn.
func (s *socket) Send(a wire.Advert, ip wire.IPHeader) error {
	if own, ok := s.peers.senders[ip.Destination]; ok {
		return s.sendFrom(own.sys, a, ip)
	}
	err := s.sendFrom(s.sys, a, ip)
	if errors.Is(err, unix.EAGAIN) && !ip.Destination.IsMulticast() {
		if own, ok := s.peers.open(s.family, ip.Destination); ok {
			return s.sendFrom(own.sys, a, ip)
		}
	}
	return err
}

func (s *socket) sendFrom(sys syscall.RawConn, a wire.Advert, ip wire.IPHeader) error {
	return control(sys, func(fd int) (err error) {
		s.out, err = s.send(fd, s.out[:0], a, ip)
		return os.NewSyscallError("sendmsg", err)
	})
}

// Poll implements Conn.
func (s *socket) Poll() (all bool) {
	err := control(s.sys, func(fd int) (err error) {
		all, err = s.drain(fd)
		return err
	})
	return all || err != nil // an error is the reader's, who will see it again or not
}

// Close implements Conn.
func (s *socket) Close() error {
	close(s.quit)
	s.peers.close()
	err := s.file.Close()
	<-s.done
	return err
}

// read delivers what comes until Close.
func (s *socket) read() {
	defer close(s.done)
	for {
		var failed error
		closed := s.sys.Read(func(fd uintptr) bool {
			empty, err := s.drain(int(fd))
			failed = err
			return !empty // waits for the next packet when it is
		})
		if closed != nil {
			return
		}
		if failed != nil {
			pause(s.quit)
		}
	}
}

// drain delivers what has been received, up to a burst, and reports whether that was all.
func (s *socket) drain(fd int) (empty bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range receiveBurst {
		before := time.Now()
		r, ok, err := s.receive(fd, s.in)
		switch {
		case errors.Is(err, unix.EAGAIN):
			s.empty = before
			return true, nil
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return false, err
		case ok && s.admits(r):
			r.Queued = bounded(r.Queued, s.empty, time.Now())
			s.deliver(r)
		}
	}
	return false, nil
}

// pause waits after a read error, or until quit is closed.
func pause(quit <-chan struct{}) {
	t := time.NewTimer(receivePause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-quit:
	}
}

// control runs f on the descriptor, at once and without waiting for it to become ready.
func control(sys syscall.RawConn, f func(fd int) error) error {
	var err error
	if ctl := sys.Control(func(fd uintptr) { err = f(int(fd)) }); ctl != nil {
		return ctl
	}
	return err
}

var _ Conn = (*socket)(nil)
