package ipvs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/namespace"
)

const (
	// maxBatch bounds the messages of one send. Their answers must fit the receive queue, which holds 256 small ones
	// by default, and one send occupies the kernel's IPVS lock and our thread for its whole length.
	maxBatch = 200

	replyTimeout  = 5 * time.Second
	receiveBuffer = 1 << 20
)

// errInterrupted says that the table changed during a dump, which is incomplete then.
var errInterrupted = errors.New("dump interrupted by a change")

// conn is a generic netlink socket for the IPVS family. It has no lock: one goroutine at a time.
type conn struct {
	fd     int
	family uint16
	netns  string // path; "" = the process's
	buffer confparse.BufferSize
	seq    uint32
	req    request
	rbuf   []byte
}

func dial(family uint16, netns string, buffer confparse.BufferSize) (*conn, error) {
	c := &conn{fd: -1, family: family, netns: netns, buffer: buffer, rbuf: make([]byte, 16<<10)}
	if err := c.redial(); err != nil {
		return nil, err
	}
	return c, nil
}

// redial replaces the socket, and with it whatever answers are still under way.
func (c *conn) redial() error {
	c.close()
	return inNetNS(c.netns, func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_GENERIC)
		if err != nil {
			return fmt.Errorf("open generic netlink socket: %w", err)
		}
		c.fd = fd
		// Without the right to a large buffer the default one holds a whole batch of refusals; without CAP_ACK the
		// answers are only longer.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer)
		if b := c.buffer; b.Bytes > 0 {
			option := unix.SO_RCVBUF
			if b.Force {
				option = unix.SO_RCVBUFFORCE
			}
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, int(min(b.Bytes, math.MaxInt32)))
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
		tv := unix.NsecToTimeval(replyTimeout.Nanoseconds())
		err = errors.Join(
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv),
			unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		)
		if err != nil {
			c.close()
			return fmt.Errorf("set up generic netlink socket: %w", err)
		}
		return nil
	})
}

func (c *conn) close() {
	if c.fd >= 0 {
		_ = unix.Close(c.fd)
		c.fd = -1
	}
}

// send sends what is in c.req. The kernel has dealt with all of it when send returns without error, and with none of
// it when it returns an error.
func (c *conn) send() error {
	if c.fd < 0 {
		if err := c.redial(); err != nil {
			return err
		}
	}
	for {
		err := unix.Sendto(c.fd, c.req.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// message is one netlink message of a datagram.
type message struct {
	typ   uint16
	flags uint16
	seq   uint32
	data  []byte
}

// errno is the errno of an NLMSG_ERROR or NLMSG_DONE, 0 for success.
func (m message) errno() syscall.Errno {
	if len(m.data) < 4 {
		return 0
	}
	return syscall.Errno(-int32(native.Uint32(m.data)))
}

// receive reads one datagram and calls each for its messages, whose data is valid during the call. It waits no longer
// than replyTimeout and fails with ETIMEDOUT then; with unix.MSG_DONTWAIT it fails at once.
func (c *conn) receive(flags int, each func(message)) error {
	deadline := time.Now().Add(replyTimeout)
	for {
		n, from, err := unix.Recvfrom(c.fd, c.rbuf, flags|unix.MSG_TRUNC)
		switch {
		case errors.Is(err, unix.EINTR) && time.Now().Before(deadline):
			continue
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return syscall.ETIMEDOUT
		case err != nil:
			return err
		case n > len(c.rbuf):
			return fmt.Errorf("netlink message of %d bytes: %w", n, syscall.EMSGSIZE)
		}
		if sa, ok := from.(*unix.SockaddrNetlink); !ok || sa.Pid != 0 {
			continue // not from the kernel
		}
		return messages(c.rbuf[:n], each)
	}
}

// messages calls each for the netlink messages of a datagram.
func messages(b []byte, each func(message)) error {
	for len(b) > 0 {
		if len(b) < nlHeaderLen {
			return errShort
		}
		n := int(native.Uint32(b))
		if n < nlHeaderLen || n > len(b) {
			return errShort
		}
		each(message{native.Uint16(b[4:]), native.Uint16(b[6:]), native.Uint32(b[8:]), b[nlHeaderLen:n]})
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

// apply makes the changes, as many in one send as maxBatch allows. errs is parallel to ops and all nil.
func (c *conn) apply(ctx context.Context, ops []Op, errs []error) {
	for len(ops) > 0 {
		n := min(len(ops), maxBatch)
		if err := ctx.Err(); err != nil {
			fill(errs, err)
			return
		}
		c.batch(ops[:n], errs[:n])
		ops, errs = ops[n:], errs[n:]
	}
}

// batch makes up to maxBatch changes with one send. The kernel answers a message without NLM_F_ACK only when it fails, so
// one behind them asks for an answer, which does nothing: when that is here, everything not reported has succeeded. It is
// not the last change that is asked for it, for a change that was interrupted is never answered, and stopping a sync daemon
// that has not run yet is one.
func (c *conn) batch(ops []Op, errs []error) {
	c.req.buf = c.req.buf[:0]
	first := c.seq + 1
	for _, o := range ops {
		c.seq++
		c.req.op(c.family, o, unix.NLM_F_REQUEST, c.seq)
	}
	c.seq++
	c.req.noop(unix.NLM_F_REQUEST|unix.NLM_F_ACK, c.seq)
	if err := c.send(); err != nil {
		fill(errs, err)
		return
	}
	var lost error
	answered, flags := false, 0
	for !answered {
		err := c.receive(flags, func(m message) {
			i := m.seq - first
			if i > uint32(len(ops)) || m.typ != unix.NLMSG_ERROR {
				return // an answer nobody waits for any more
			}
			if i == uint32(len(ops)) {
				answered = true
			} else if e := m.errno(); e != 0 {
				errs[i] = e
			}
		})
		if err == nil {
			continue
		}
		// ENOBUFS: answers were dropped. All that were not are already queued, since the kernel is done.
		if lost != nil || !errors.Is(err, unix.ENOBUFS) {
			if lost == nil {
				lost = err
			}
			break
		}
		lost, flags = err, unix.MSG_DONTWAIT
	}
	if lost != nil {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = lost
			}
		}
	}
}

func fill(errs []error, err error) {
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
}

// get sends a request without NLM_F_ACK and hands each message of the answer, less its netlink header, to each. With
// the dump flag the answer is a sequence that ends with NLMSG_DONE.
func (c *conn) get(cmd uint8, dump bool, arg func(*request), each func([]byte) error) error {
	c.req.buf = c.req.buf[:0]
	c.seq++
	flags := uint16(unix.NLM_F_REQUEST)
	if dump {
		flags |= unix.NLM_F_DUMP
	}
	m := c.req.begin(c.family, cmd, flags, c.seq)
	if arg != nil {
		arg(&c.req)
	}
	c.req.end(m)
	return c.answer(dump, each)
}

// answer sends the one message that is in c.req and reads the answer to it. It leaves no socket behind that has more to
// say than was waited for.
func (c *conn) answer(dump bool, each func([]byte) error) error {
	if err := c.send(); err != nil {
		return err
	}
	var failed error
	for done := false; !done; {
		err := c.receive(0, func(m message) {
			if m.seq != c.seq {
				return
			}
			if m.flags&unix.NLM_F_DUMP_INTR != 0 {
				failed = errInterrupted
			}
			switch m.typ {
			case unix.NLMSG_ERROR, unix.NLMSG_DONE:
				done = true
				if e := m.errno(); e != 0 && failed == nil {
					failed = e
				}
			case c.family:
				done = done || !dump
				if failed == nil { // after a failure the rest is read and dropped, or the socket stays busy
					failed = each(m.data)
				}
			}
		})
		if err != nil {
			return errors.Join(err, c.redial())
		}
	}
	return failed
}

// command makes a change that has no argument.
func (c *conn) command(cmd uint8) error {
	c.req.buf = c.req.buf[:0]
	c.seq++
	c.req.end(c.req.begin(c.family, cmd, unix.NLM_F_REQUEST|unix.NLM_F_ACK, c.seq))
	return c.answer(false, func([]byte) error { return nil })
}

// inNetNS runs f in the network namespace of path. Sockets stay in the one they were opened in.
func inNetNS(path string, f func() error) error {
	if path == "" {
		return f()
	}
	ns, err := namespace.At(path)
	if err != nil {
		return err
	}
	defer ns.Close()
	return ns.Do(f)
}
