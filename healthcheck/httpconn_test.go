package healthcheck

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestPauseOfReply(t *testing.T) {
	l := replyLimits{burst: 1000, rate: 500}
	for _, tt := range []struct {
		n       int64
		elapsed time.Duration
		want    time.Duration
	}{
		{0, 0, 0}, {1000, 0, 0}, {1500, 0, s}, {1500, 400 * ms, 600 * ms}, {1500, s, 0}, {1500, time.Minute, 0},
	} {
		if got := l.pause(tt.n, tt.elapsed); got != tt.want {
			t.Errorf("pause after %d bytes in %v: %v, want %v", tt.n, tt.elapsed, got, tt.want)
		}
	}
	if got := replyLimit.pause(replyLimit.size, 0); got <= 0 || got > 5*s {
		t.Errorf("the largest reply takes %v, want less than the default connect_timeout", got)
	}
}

// TestRestEndsWithTheCheck: a check that is to end does not sit out its pause.
func TestRestEndsWithTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done, start := make(chan struct{}), time.Now()
		c := replyConn{done: done}
		if err := c.rest(3 * s); err != nil || time.Since(start) != 3*s {
			t.Errorf("rested %v, %v", time.Since(start), err)
		}
		time.AfterFunc(s, func() { close(done) })
		if err := c.rest(time.Hour); err == nil || time.Since(start) != 4*s {
			t.Errorf("rested until %v, %v", time.Since(start), err)
		}
	})
}

// TestEndlessReply: a reply without an end fails, and no more of it is taken than the limit and what the sockets hold.
// It is taken at the rate of the limit.
func TestEndlessReply(t *testing.T) {
	for _, digest := range []bool{false, true} {
		sent := make(chan int64, 1)
		target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			readRequest(c)
			c.SetWriteBuffer(1 << 16)
			total := int64(0)
			for b := append([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), make([]byte, 1<<14)...); ; {
				n, err := c.Write(b)
				total += int64(n)
				if err != nil {
					sent <- total
					return
				}
			}
		})
		limits := replyLimits{size: 1 << 20, burst: 1 << 18, rate: 4 << 20} // 0.1875 s
		begin := time.Now()
		r := httpCheck{
			dial: dial{target: target, timeout: time.Minute}, limits: limits,
			url: urlSpec{path: "/", status: statuses(200, 200), hasDigest: digest},
		}.Check(t.Context())
		if r.Outcome != Failed || r.Code != CodeAnswerInvalid || r.Reason != httpTooLong {
			t.Errorf("got %v, %v, %q, %v", r.Outcome, r.Code, r.Reason, r.Err)
		}
		if took, least := time.Since(begin), limits.pause(limits.size, 0)-2*shortestPause; took < least {
			t.Errorf("took %v, want %v or more at that rate", took, least)
		}
		if total := <-sent; total > limits.size+16<<20 { // tcp_rmem and tcp_wmem are a few MB each
			t.Errorf("the server got rid of %d bytes", total)
		}
	}
}

// TestPauseIsNotThePeersFault: the time a reply may take does not shrink by what the check rested.
func TestPauseIsNotThePeersFault(t *testing.T) {
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		readRequest(c)
		c.Write(append([]byte("HTTP/1.1 200 OK\r\n\r\n"), make([]byte, 100_000)...))
	})
	d := dial{target: target, timeout: time.Minute}
	f, err := d.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("GET / HTTP/1.0\r\n\r\n")
	c := &replyConn{stream: f, timeout: d.timeout, limits: replyLimits{size: 1 << 20, burst: 10_000, rate: 1 << 20}}
	c.expect(time.Now(), d.timeout)
	end := c.end
	if r, err := readReply(c, wantedReply{}, atEOF); err != nil || r.status != 200 {
		t.Fatalf("%+v, %v", r, err)
	}
	// 90 kB at 1 MB/s are 86 ms, of which what the reading itself took is no pause.
	more := c.end.Sub(end)
	if reading := time.Since(c.start) - more; more+reading < 76*ms || more < 46*ms && reading < 30*ms || more > time.Second {
		t.Errorf("the end moved by %v, reading took %v", more, reading)
	}
}
