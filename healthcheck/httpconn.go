package healthcheck

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

// A peer that sends a little now and then would never run into the timeout of a single read, and its check would never
// end, which nobody notices. So a whole reply has this long, or this many times connect_timeout if that is more.
const (
	replyTime     = time.Minute
	replyTimeouts = 10
)

// replyLimits bound what a reply may cost: keepalived reads whatever comes until it ends.
type replyLimits struct {
	size  int64 // bytes; a reply that is longer fails
	burst int64 // bytes that are read as fast as they come
	rate  int64 // bytes per second, of what follows
}

// replyLimit is far above any page that is worth a check. A gigabit link brings 120 MB/s.
var replyLimit = replyLimits{size: 64 << 20, burst: 1 << 20, rate: 16 << 20}

// pause returns how long to wait before reading on, n bytes having been read in elapsed.
func (l replyLimits) pause(n int64, elapsed time.Duration) time.Duration {
	return max(0, time.Duration(n-l.burst)*time.Second/time.Duration(l.rate)-elapsed)
}

// shortestPause is worth setting a timer for; less of it waits until there is more.
const shortestPause = 10 * time.Millisecond

// errReplyTooLong means that a reply was longer than its limit.
var errReplyTooLong = errors.New("the reply does not end")

// stream is a connection: an *os.File, or what stands for one in simulated time.
type stream interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// replyConn is the connection of an HTTP check. Once a reply is expected each read waits for timeout, but not beyond the
// end, and the reply stays within limits.
type replyConn struct {
	stream
	target  netip.AddrPort
	timeout time.Duration
	limits  replyLimits
	done    <-chan struct{} // the check is to end

	start, end time.Time // of the reply; zero until one is expected
	received   int64     // bytes of it
	late       int64     // bytes that were there, and not read, when the time was over
}

// lateRoom is how much of that is read: what fits into the buffers of a socket, and not an endless reply.
const lateRoom = 4 << 20

// expect says that a reply follows, which has patience to end.
func (c *replyConn) expect(now time.Time, patience time.Duration) {
	c.start, c.end, c.received, c.late = now, now.Add(patience), 0, 0
}

// Read implements io.Reader.
func (c *replyConn) Read(b []byte) (int, error) {
	if c.end.IsZero() {
		return c.readFile(b)
	}
	if c.received > c.limits.size {
		return 0, errReplyTooLong
	}
	now := time.Now()
	if c.received > c.limits.burst {
		if pause := c.limits.pause(c.received, now.Sub(c.start)); pause >= shortestPause {
			if err := c.rest(pause); err != nil {
				return 0, err
			}
			now = time.Now()
			c.end = c.end.Add(pause) // the peer is not to blame for it
		}
	}
	deadline := now.Add(c.timeout)
	if deadline.After(c.end) {
		deadline = c.end
	}
	if err := c.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	n, err := c.readFile(b)
	c.received += int64(n)
	return n, err
}

// readFile reads, also what came in time although this process was held up until that was over.
func (c *replyConn) readFile(b []byte) (int, error) {
	n, err := c.stream.Read(b)
	if f, ok := c.stream.(*os.File); ok && n == 0 && c.late < lateRoom && errors.Is(err, os.ErrDeadlineExceeded) {
		n, err = readLate(f, b, err)
		c.late += int64(n)
	}
	return n, err
}

// rest waits for d, or until the check is to end.
func (c *replyConn) rest(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.done:
		return os.ErrClosed
	}
}

// LocalAddr implements net.Conn.
func (c *replyConn) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements net.Conn.
func (c *replyConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.target) }
