package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// dial says how to reach the target of a check.
//
// Connecting is done with system calls and the runtime's poller rather than with net.Dialer, because a connection
// attempt is most of what a director with ten thousand servers does: net.Dialer makes about twice as many system calls
// for it, to set options that a connection closed at once has no use for.
type dial struct {
	target        netip.AddrPort
	timeout       time.Duration
	bindAddr      netip.Addr // bindto; invalid = any
	bindPort      uint16
	bindInterface string // bind_if; "" = any
	fwmark        uint32 // 0 = none
}

// localError is a failure on this side of the connection. It says nothing about the target.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// refusal reports whether an error of connect(2) is the network's or the target's answer. Anything else, such as
// EADDRNOTAVAIL when the ephemeral ports are used up, is a failure on our side.
func refusal(err error) bool {
	switch err {
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ECONNREFUSED, unix.EHOSTDOWN, unix.ENETDOWN, unix.ECONNRESET,
		unix.ECONNABORTED, unix.ETIMEDOUT:
		return true
	}
	return false
}

// immediateError is a refusal that connect(2) returned at once, without anything having been sent.
type immediateError struct{ err error }

func (e *immediateError) Error() string { return e.err.Error() }
func (e *immediateError) Unwrap() error { return e.err }

// connect makes a TCP connection and returns it as a non-blocking file that honours deadlines. The error is a
// *localError when the attempt could not be made, an *immediateError when the network refused it at once, wraps
// os.ErrDeadlineExceeded when the timeout passed or ctx ended, and is the errno of the connection otherwise.
func (d *dial) connect(ctx context.Context) (*os.File, error) {
	fd, sa, err := d.start()
	if err != nil && err != errInProgress {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "connection")
	if err == errInProgress {
		if err := d.await(ctx, f, sa); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// reach makes a TCP connection and closes it. The error is as that of connect.
func (d *dial) reach(ctx context.Context) error {
	fd, sa, err := d.start()
	switch err {
	case nil:
		unix.Close(fd)
		return nil
	case errInProgress:
		f := os.NewFile(uintptr(fd), "connection")
		defer f.Close()
		return d.await(ctx, f, sa)
	}
	return err
}

// errInProgress is the error of start for a connection that may still come about.
var errInProgress = errors.New("connection in progress")

// start makes a socket and begins to connect it. It asks for the outcome once, because a target on this machine or
// behind a virtual link has often answered by then, and setting up a wait costs more than asking. The descriptor is
// open only when err is nil or errInProgress.
func (d *dial) start() (fd int, sa unix.Sockaddr, err error) {
	fd, sa, err = d.socket(unix.SOCK_STREAM, unix.IPPROTO_TCP)
	if err != nil {
		return -1, nil, err
	}
	switch err = unix.Connect(fd, sa); {
	case err == nil && d.itself(fd):
		unix.Close(fd)
		return -1, nil, errItself
	case err == nil:
		return fd, sa, nil
	case err == unix.EINPROGRESS || err == unix.EINTR:
	default:
		unix.Close(fd)
		return -1, nil, immediate("connect", err)
	}
	switch done, err := d.outcome(fd, sa); {
	case !done:
		return fd, sa, errInProgress
	case err != nil:
		unix.Close(fd)
		return -1, nil, err
	}
	return fd, sa, nil
}

// outcome asks a connection in progress what became of it, with a second connect(2): that returns 0 once connected,
// EALREADY while not, and otherwise the error of the connection.
func (d *dial) outcome(fd int, sa unix.Sockaddr) (done bool, err error) {
	switch err := unix.Connect(fd, sa); err {
	case nil, unix.EISCONN:
		if d.itself(fd) {
			return true, errItself
		}
		return true, nil
	case unix.EALREADY, unix.EINTR:
		return false, nil
	default:
		return true, os.NewSyscallError("connect", err)
	}
}

// errItself is the answer of a target where nobody listens, as the kernel would have given it with another source port.
var errItself = os.NewSyscallError("connect to itself", unix.ECONNREFUSED)

// lowestEphemeral is the lowest port that the kernel ever takes as a source by itself.
const lowestEphemeral = 1024

// itself reports whether a socket is connected to itself. It can be where the target is on this host: by chance the kernel takes the
// port that nobody listens on as the source, and a connection of TCP comes about (RFC 9293 §3.5, simultaneous open), or a datagram comes back.
func (d *dial) itself(fd int) bool {
	if d.target.Port() < lowestEphemeral && d.bindPort == 0 {
		return false
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	switch own := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(own.Addr), uint16(own.Port)) == d.target
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(own.Addr).WithZone(d.target.Addr().Zone()), uint16(own.Port)) == d.target
	}
	return false
}

// immediate is the error of an attempt that a system call refused at once: the network's answer, or a failure on our side.
func immediate(call string, err error) error {
	if refusal(err) {
		return &immediateError{os.NewSyscallError(call, err)}
	}
	return &localError{os.NewSyscallError(call, err)}
}

// socket makes a socket that is ready to be connected to the target, whose address it returns. The error is a
// *localError.
func (d *dial) socket(kind, protocol int) (fd int, sa unix.Sockaddr, err error) {
	sa, family, err := sockaddr(d.target)
	if err != nil {
		return -1, nil, &localError{err}
	}
	fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return -1, nil, &localError{os.NewSyscallError("socket", err)}
	}
	if err := d.prepare(fd, family); err != nil {
		unix.Close(fd)
		return -1, nil, &localError{err}
	}
	return fd, sa, nil
}

// prepare sets the options of the socket that must be there before connect.
func (d *dial) prepare(fd, family int) error {
	if err := d.setOptions(fd); err != nil {
		return err
	}
	return d.bind(fd, family)
}

// setOptions sets the mark and the interface.
func (d *dial) setOptions(fd int) error {
	if d.fwmark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(d.fwmark)); err != nil {
			return fmt.Errorf("set mark %d: %w", d.fwmark, err)
		}
	}
	if d.bindInterface != "" {
		if err := unix.BindToDevice(fd, d.bindInterface); err != nil {
			return fmt.Errorf("bind to interface %s: %w", d.bindInterface, err)
		}
	}
	return nil
}

// bind gives the socket its source, if one is wanted.
func (d *dial) bind(fd, family int) error {
	if !d.bindAddr.IsValid() {
		return nil
	}
	from := netip.AddrPortFrom(d.bindAddr, d.bindPort)
	sa, f, err := sockaddr(from)
	if err != nil {
		return err
	}
	if f != family {
		return fmt.Errorf("bind to %v: %w", from, unix.EAFNOSUPPORT)
	}
	if d.bindPort != 0 {
		// A check leaves its port in TIME_WAIT; without this every second one would find it in use.
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	} else if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		// With it connect picks the port, which can then be shared by connections to different targets.
		return os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Bind(fd, sa); err != nil {
		return fmt.Errorf("bind to %v: %w", from, err)
	}
	return nil
}

// await waits for a connection in progress. RawConn.Write asks before every wait, so an answer that came before the
// poller was armed is not missed.
func (d *dial) await(ctx context.Context, f *os.File, sa unix.Sockaddr) error {
	if err := f.SetWriteDeadline(time.Now().Add(d.timeout)); err != nil {
		return &localError{err}
	}
	stop := context.AfterFunc(ctx, func() { f.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return &localError{err}
	}
	var answer error
	err = untilLate(raw, raw.Write, func(fd uintptr) (done bool) {
		done, answer = d.outcome(int(fd), sa)
		return done
	})
	if err != nil {
		return err
	}
	return answer
}

// sockaddr converts an address for the system calls and returns the family of its socket.
func sockaddr(a netip.AddrPort) (unix.Sockaddr, int, error) {
	addr := a.Addr()
	switch {
	case addr.Is4():
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: addr.As4()}, unix.AF_INET, nil
	case addr.Is6():
		sa := &unix.SockaddrInet6{Port: int(a.Port()), Addr: addr.As16()}
		if zone := addr.Zone(); zone != "" {
			link, err := net.InterfaceByName(zone)
			if err != nil {
				return nil, 0, fmt.Errorf("find interface %s: %w", zone, err)
			}
			sa.ZoneId = uint32(link.Index)
		}
		return sa, unix.AF_INET6, nil
	}
	return nil, 0, fmt.Errorf("connect to %v: %w", a, unix.EDESTADDRREQ)
}
