package healthcheck

import (
	"context"
	"errors"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// datagrams is a UDP socket that is connected to the target of a check: what others send does not arrive.
type datagrams struct {
	*os.File
	queued bool // what ICMP says of the target is in the error queue
	stop   func() bool
}

// datagrams opens a socket for one attempt, which ends when the timeout has passed or ctx ends. With queued, every word of
// ICMP about the target arrives; without, those alone that a connected socket is told (RFC 1122 §4.1.3.3). The error is
// a *localError or an *immediateError.
func (d *dial) datagrams(ctx context.Context, queued bool) (*datagrams, error) {
	fd, sa, err := d.socket(unix.SOCK_DGRAM, unix.IPPROTO_UDP)
	if err != nil {
		return nil, err
	}
	if queued {
		level, option := unix.IPPROTO_IP, unix.IP_RECVERR
		if d.target.Addr().Is6() {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
		}
		if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
			unix.Close(fd)
			return nil, &localError{os.NewSyscallError("setsockopt", err)}
		}
	}
	if err := unix.Connect(fd, sa); err != nil {
		unix.Close(fd)
		return nil, immediate("connect", err)
	}
	if d.itself(fd) {
		unix.Close(fd)
		return nil, &immediateError{errItself}
	}
	s := &datagrams{File: os.NewFile(uintptr(fd), "datagrams"), queued: queued}
	if err := s.SetDeadline(time.Now().Add(d.timeout)); err != nil {
		s.File.Close()
		return nil, &localError{err}
	}
	s.stop = context.AfterFunc(ctx, func() { s.SetDeadline(time.Unix(1, 0)) })
	return s, nil
}

// Close ends the attempt.
func (s *datagrams) Close() error {
	s.stop()
	return s.File.Close()
}

// send sends one datagram. The error is a *localError, or an *immediateError when the network has refused it.
func (s *datagrams) send(b []byte) error {
	_, err := s.Write(b)
	if err == nil {
		return nil
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		return immediate("send", errno)
	}
	return &localError{err}
}

// receive waits for a datagram, of which it stores what b has room for, and returns how long it was. The error wraps
// os.ErrDeadlineExceeded when none has come in time; otherwise it is what ICMP says of the target.
func (s *datagrams) receive(b []byte) (n int, err error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return 0, &localError{err}
	}
	var answer error
	err = untilLate(raw, raw.Read, func(fd uintptr) (done bool) {
		for {
			n, _, answer = unix.Recvfrom(int(fd), b, unix.MSG_TRUNC)
			switch answer {
			case nil:
				return true
			case unix.EAGAIN:
				return false
			case unix.EINTR:
				continue
			}
			if !s.queued || answer == unix.ECONNREFUSED || toldUnreachable(int(fd)) {
				return true
			}
		}
	})
	if err != nil {
		return 0, err
	}
	if answer != nil {
		return 0, os.NewSyscallError("receive", answer)
	}
	return n, nil
}

// toldUnreachable empties the error queue and reports whether a router or the target has said that the target cannot be
// reached, for whatever reason (RFC 792; RFC 4443 §3.1).
func toldUnreachable(fd int) (found bool) {
	control := make([]byte, 512)
	for {
		_, n, _, _, err := unix.Recvmsg(fd, nil, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			return found
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil {
			return found
		}
		for _, m := range messages {
			found = found || saysUnreachable(m)
		}
	}
}

const (
	icmpUnreachable   = 3 // RFC 792
	icmpv6Unreachable = 1 // RFC 4443 §3.1
)

// saysUnreachable reports whether a message of the error queue is an ICMP one that says so.
func saysUnreachable(m unix.SocketControlMessage) bool {
	queued := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR ||
		m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
	if !queued || len(m.Data) < int(unsafe.Sizeof(unix.SockExtendedErr{})) {
		return false
	}
	switch e := (*unix.SockExtendedErr)(unsafe.Pointer(unsafe.SliceData(m.Data))); e.Origin {
	case unix.SO_EE_ORIGIN_ICMP:
		return e.Type == icmpUnreachable
	case unix.SO_EE_ORIGIN_ICMP6:
		return e.Type == icmpv6Unreachable
	}
	return false
}
