package healthcheck

import (
	"bufio"
	"context"
	"crypto/md5"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// readRequest reads a request up to and including its empty line.
func readRequest(r io.Reader) string {
	var request strings.Builder
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadString('\n')
		request.WriteString(line)
		if err != nil || line == "\r\n" {
			return request.String()
		}
	}
}

// answering returns a server that answers every request with reply and closes.
func answering(t *testing.T, reply string) netip.AddrPort {
	return listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		readRequest(c)
		io.WriteString(c, reply)
	})
}

// statuses returns a set of one range.
func statuses(first, last uint16) (s statusSet) {
	s.add(first, last)
	return s
}

func TestHTTPRequest(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("192.168.0.1:80"), netip.MustParseAddrPort("[2001:db8::1]:80")
	long := strings.Repeat("x", 3000)
	tests := []struct {
		name  string
		check httpCheck
		want  string
	}{
		{"a virtual host as written (case 36)",
			httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/x", host: "r.example"}},
			"GET /x HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: r.example\r\n\r\n"},
		{"no virtual host (case 37)", httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/x"}},
			"GET /x HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.168.0.1:80\r\n\r\n"},
		{"no virtual host, IPv6 (case 37)", httpCheck{dial: dial{target: v6}, url: urlSpec{path: "/"}},
			"GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: [2001:db8::1]:80\r\n\r\n"},
		{"no zone in the Host field (RFC 6874 §4)",
			httpCheck{dial: dial{target: netip.MustParseAddrPort("[fe80::1%eth0]:80")}, url: urlSpec{path: "/"}},
			"GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: [fe80::1]:80\r\n\r\n"},
		{"http_protocol 1.1 (case 37)",
			httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/"}, protocol: confparse.HTTP11},
			"GET / HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: 192.168.0.1:80\r\n\r\n"},
		{"http_protocol 1.0C", httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/"}, protocol: confparse.HTTP10C},
			"GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: 192.168.0.1:80\r\n\r\n"},
		{"the path is not escaped", httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/a b?c=%zz&d=ä", host: "h"}},
			"GET /a b?c=%zz&d=ä HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: h\r\n\r\n"},
		{"headers of our own, in the place of those of their name", httpCheck{dial: dial{target: v4}, protocol: confparse.HTTP11,
			url: urlSpec{path: "/", method: "HEAD", headers: "host: h\r\nX-Check: yes\r\nUser-Agent: me\r\n"}},
			"HEAD / HTTP/1.1\r\nConnection: close\r\nhost: h\r\nX-Check: yes\r\nUser-Agent: me\r\n\r\n"},
		{"a long request is cut at 2047 bytes", httpCheck{dial: dial{target: v4}, url: urlSpec{path: "/" + long}},
			("GET /" + long)[:2047]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(tt.check.request())); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHTTPCheckSendsItsRequest(t *testing.T) {
	requests := make(chan string, 1)
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		requests <- readRequest(c)
		io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
	})
	c := httpCheck{
		dial: dial{target: target, timeout: 5 * time.Second},
		url:  urlSpec{path: "/x", host: "h", status: statuses(200, 299)}, limits: replyLimit,
	}
	if r := c.Check(t.Context()); r.Outcome != Passed {
		t.Fatalf("got %v, %q, %v", r.Outcome, r.Reason, r.Err)
	}
	if diff := cmp.Diff(string(c.request()), <-requests); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// inTime makes a check that has a timeout, and once more with a longer one while it runs into another timeout than it should: on a
// busy machine the server may not be run in a short time. It returns the last result.
func inTime(timeout time.Duration, as func(Result) bool, check func(timeout time.Duration) Result) Result {
	for {
		r := check(timeout)
		over := r.Code == CodeConnectTimeout || r.Code == CodeTLSTimeout || r.Code == CodeAnswerTimeout
		if as(r) || !over || timeout >= 5*time.Second {
			return r
		}
		timeout *= 4
	}
}

func TestHTTPCheck(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	moved := "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"
	digest := func(body string) urlSpec {
		return urlSpec{path: "/", status: statuses(200, 299), digest: md5.Sum([]byte(body)), hasDigest: true}
	}
	plain := urlSpec{path: "/", status: statuses(200, 299)}
	redirects := urlSpec{path: "/", status: statuses(200, 200)}
	redirects.status.add(300, 399)
	tests := []struct {
		name    string
		target  netip.AddrPort
		url     urlSpec
		outcome Outcome
		code    Code
		reason  string
	}{
		{"a plain reply", answering(t, ok), plain, Passed, CodeAnswered, "HTTP status code"},
		{"digest (case 41)", answering(t, ok+"more"), digest("hello"), Passed, CodeAnswered, "MD5 digest"},
		{"wrong digest", answering(t, ok), digest("other"), Failed, CodeAnswerInvalid, "MD5 digest error to"},
		{"right digest, wrong status", answering(t, "HTTP/1.1 500 Sorry\r\n\r\nhello"), digest("hello"), Failed, CodeAnswerStatus,
			"HTTP status code error to"},
		{"status line without reason (case 39)", answering(t, "HTTP/1.1 200\r\n\r\n"), plain, Failed, CodeAnswerStatus,
			"HTTP status code error to"},
		{"redirect with the default set (case 40)", answering(t, moved), plain, Failed, CodeAnswerStatus, "HTTP status code error to"},
		{"redirect in the set (case 40)", answering(t, moved), redirects, Passed, CodeAnswered, "HTTP status code"},
		{"nothing received", answering(t, ""), plain, Failed, CodeAnswerInvalid, "Read, no data received from"},
		{"no end of header", answering(t, "HTTP/1.1 200 OK\r\n"), plain, Failed, CodeAnswerInvalid, "Read, no data received from"},
		{"refused", closedPort(t), plain, Failed, CodeConnectFailed, "Connection failed"},
		{"unreachable at once", unreachable, plain, Failed, CodeConnectFailed, "Error connecting"},
		{"no answer to SYN", fullBacklog(t), plain, Failed, CodeConnectTimeout, "Timeout connecting"},
		{"reset instead of a reply", listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			readRequest(c)
			c.SetLinger(0)
		}), plain, Failed, CodeAnswerInvalid, "Read error with"},
		{"the connection stays open after the reply (case 38)", listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			readRequest(c)
			io.WriteString(c, ok)
			io.Copy(io.Discard, c) // until the check gives up
		}), plain, Failed, CodeAnswerTimeout, "Timeout HTTP read"},
		{"no target", netip.AddrPort{}, plain, Postponed, CodeSocketError, "could not be made"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			timeout := 5 * time.Second
			if strings.Contains(tt.reason, "Timeout") {
				timeout = 50 * time.Millisecond
			}
			as := func(r Result) bool {
				return r.Outcome == tt.outcome && r.Code == tt.code && r.Reason == tt.reason && r.Step == "/"
			}
			r := inTime(timeout, as, func(timeout time.Duration) Result {
				return httpCheck{dial: dial{target: tt.target, timeout: timeout}, url: tt.url, limits: replyLimit}.Check(t.Context())
			})
			if !as(r) {
				t.Errorf("got %v, %v, %q, %v of %q; want %v, %v, %q of /", r.Outcome, r.Code, r.Reason, r.Err, r.Step,
					tt.outcome, tt.code, tt.reason)
			}
		})
	}
}

// TestHTTPCheckTimerRestartsPerRead has §2.2: a reply may take longer than connect_timeout as long as no pause in it
// does.
func TestHTTPCheckTimerRestartsPerRead(t *testing.T) {
	const timeout = 600 * time.Millisecond
	var paused atomic.Bool // for longer than it may
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		readRequest(c)
		last := time.Now()
		for _, part := range []string{"HTTP/1.1 200", " OK\r\n", "\r\n", "hel", "lo", "!"} {
			io.WriteString(c, part)
			<-time.After(timeout / 4) // the peer's pace is what is tested
			if now := time.Now(); now.Sub(last) < timeout {
				last = now
			} else {
				paused.Store(true)
			}
		}
	})
	c := httpCheck{
		dial: dial{target: target, timeout: timeout}, url: urlSpec{path: "/", status: statuses(200, 299)}, limits: replyLimit,
	}
	for try := 1; ; try++ {
		paused.Store(false)
		r := c.Check(t.Context())
		if r.Outcome == Passed {
			return
		}
		if !paused.Load() || try == 100 { // a busy machine may not run the server for that long
			t.Fatalf("got %v, %q, %v", r.Outcome, r.Reason, r.Err)
		}
	}
}

// TestReplyConnEnds has the bound that keepalived lacks: no read waits beyond the end of the whole reply.
func TestReplyConnEnds(t *testing.T) {
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) { io.Copy(io.Discard, c) })
	d := dial{target: target, timeout: time.Hour}
	f, err := d.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := &replyConn{stream: f, timeout: time.Hour, limits: replyLimit}
	c.expect(time.Now(), 0)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read past the end: %v", err)
	}
}

func TestHTTPCheckEndsWithContext(t *testing.T) {
	asked := make(chan struct{})
	target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
		readRequest(c)
		close(asked)
		io.Copy(io.Discard, c)
	})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan Result)
	go func() {
		result <- httpCheck{dial: dial{target: target, timeout: time.Hour}, url: urlSpec{path: "/"}, limits: replyLimit}.Check(ctx)
	}()
	<-asked
	cancel()
	if r := <-result; r.Outcome != Failed {
		t.Errorf("got %v, %q, %v", r.Outcome, r.Reason, r.Err)
	}
}

// TestHTTPTimeouts: a server that says nothing is told from one that does not say all, as keepalived 2.2.7 does.
func TestHTTPTimeouts(t *testing.T) {
	for says, want := range map[string]string{"": "Timeout WEB read", "HTTP/1.1 200 OK\r\nCont": "Timeout HTTP read",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc": "Timeout HTTP read"} {
		target := listen(t, "127.0.0.1:0", func(c *net.TCPConn) {
			io.WriteString(c, says)
			io.Copy(io.Discard, c)
		})
		as := func(r Result) bool {
			return r.Outcome == Failed && r.Code == CodeAnswerTimeout && r.Reason == want && errors.Is(r.Err, os.ErrDeadlineExceeded)
		}
		r := inTime(100*time.Millisecond, as, func(timeout time.Duration) Result {
			return httpCheck{dial: dial{target: target, timeout: timeout}, limits: replyLimit,
				url: urlSpec{path: "/", status: statuses(200, 299)}}.Check(t.Context())
		})
		if !as(r) {
			t.Errorf("%q: %v, %v, %q, %v; want %q", says, r.Outcome, r.Code, r.Reason, r.Err, want)
		}
	}
}
