package healthcheck

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// closing is a connection that knows whether it was closed.
type closing struct {
	net.Conn
	closed atomic.Bool
}

func (c *closing) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// SetReadDeadline is that of a socket, which has one whatever its peer has done.
func (c *closing) SetReadDeadline(t time.Time) error {
	if err := c.Conn.SetReadDeadline(t); c.closed.Load() {
		return err
	}
	return nil
}

// drips sends a text a byte each time the pause is over, and then the last byte again and again.
func drips(text string, pause time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		for b := []byte(text); ; time.Sleep(pause) {
			if _, err := c.Write(b[:1]); err != nil {
				return
			}
			b = b[min(1, len(b)-1):]
		}
	}
}

// pours sends a text, and then another one without end.
func pours(text, again string) func(net.Conn) {
	return func(c net.Conn) {
		_, err := io.WriteString(c, text)
		for b := []byte(strings.Repeat(again, 1+1<<14/len(again))); err == nil; {
			_, err = c.Write(b)
		}
	}
}

// says sends a text and then nothing, until the connection is closed.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, text)
		io.Copy(io.Discard, c)
	}
}

// afterRequest has a server read the request before it does what it does.
func afterRequest(serve func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		serve(c)
	}
}

// taking has a server take whatever comes besides.
func taking(serve func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		go io.Copy(io.Discard, c)
		serve(c)
	}
}

// sending has a server of HTTP/2 take whatever comes and send its settings before it does what it does.
func sending(serve func(net.Conn)) func(net.Conn) {
	return taking(func(c net.Conn) {
		if _, err := io.WriteString(c, frame(4, 0, 0, "")+frame(4, 1, 0, "")); err == nil {
			serve(c)
		}
	})
}

// aRead is how long the limits let one read of a reply wait, or a little more: over TLS it has 16 KiB (RFC 8446 §5.1).
const aRead = 70 * ms

const (
	aHeader  = "HTTP/1.1 200 OK\r\nX: y"
	wholeOne = "HTTP/1.1 200 OK\r\n\r\n"
)

// overTime are checks of servers whose replies take their time: what comes of it, and when. connect_timeout is 5 s; of a reply 1 MiB is
// read, a quarter of it at once and the rest in 3 s.
var overTime = []struct {
	kind, server string
	serve        func(net.Conn)
	want         Result
	took         time.Duration
}{
	// The timer starts anew with each read of plain HTTP, so it is the bound of a whole reply that ends it.
	{"HTTP_GET", "drips its header", afterRequest(drips(aHeader, s)), failed(CodeAnswerTimeout, httpTimeoutReading, nil), time.Minute},
	{"HTTP_GET", "drips its body", afterRequest(drips(wholeOne, s)), failed(CodeAnswerTimeout, httpTimeoutReading, nil), time.Minute},
	{"HTTP_GET", "drips in time, and ends", afterRequest(func(c net.Conn) {
		for i := range wholeOne {
			time.Sleep(2 * s)
			io.WriteString(c, wholeOne[i:i+1])
		}
		c.Close()
	}), passed(CodeAnswered, httpStatusSuccess), time.Duration(2*len(wholeOne)) * s},
	{"HTTP_GET", "drips too slowly", afterRequest(drips(aHeader, 6*s)), failed(CodeAnswerTimeout, httpTimeoutReading, nil), 5 * s},
	{"HTTP_GET", "drips a header that does not end", afterRequest(drips(aHeader, 10*ms)), failed(CodeAnswerInvalid, ReasonNoData, nil),
		4094 * 10 * ms},
	{"HTTP_GET", "says nothing", afterRequest(says("")), failed(CodeAnswerTimeout, httpTimeoutWaiting, nil), 5 * s},
	{"HTTP_GET", "reads nothing", func(c net.Conn) { time.Sleep(time.Hour) }, failed(CodeAnswerTimeout, httpTimeoutWaiting, nil), 5 * s},
	{"HTTP_GET", "stops within its header", afterRequest(says(aHeader)), failed(CodeAnswerTimeout, httpTimeoutReading, nil), 5 * s},
	{"HTTP_GET", "does not end", afterRequest(says(wholeOne)), failed(CodeAnswerTimeout, httpTimeoutReading, nil), 5 * s},
	{"HTTP_GET", "pours", afterRequest(pours(wholeOne, "x")), failed(CodeAnswerInvalid, httpTooLong, nil), 3 * s},
	{"HTTP_GET", "pours its header", afterRequest(pours(aHeader, "x")), failed(CodeAnswerInvalid, ReasonNoData, nil), 0},

	// Over TLS there is one connect_timeout from the request on.
	{"SSL_GET", "drips its header", afterRequest(drips(aHeader, s)), failed(CodeAnswerTimeout, sslTimeoutReading, nil), 5 * s},
	{"SSL_GET", "drips a body behind a whole header", afterRequest(func(c net.Conn) {
		io.WriteString(c, wholeOne)
		drips("x", s)(c)
	}), failed(CodeAnswerTimeout, sslTimeoutReading, nil), 5 * s},
	{"SSL_GET", "says nothing", afterRequest(says("")), failed(CodeAnswerTimeout, sslTimeoutReading, nil), 5 * s},
	{"SSL_GET", "does not end", afterRequest(says(wholeOne)), failed(CodeAnswerTimeout, sslTimeoutReading, nil), 5 * s},
	{"SSL_GET", "ends in time", afterRequest(func(c net.Conn) {
		io.WriteString(c, wholeOne)
		time.Sleep(5*s - 1)
	}), passed(CodeAnswered, httpStatusSuccess), 5*s - 1},
	{"SSL_GET", "pours", afterRequest(pours(wholeOne, "x")), failed(CodeAnswerInvalid, httpTooLong, nil), 3 * s},
	{"SSL_GET", "pours its header", afterRequest(pours(aHeader, "x")), failed(CodeAnswerInvalid, ReasonNoData, nil), 0},
	{"SSL_GET", "resets within its header", afterRequest(func(c net.Conn) {
		io.WriteString(c, aHeader)
		c.(*tls.Conn).NetConn().Close()
	}), failed(CodeAnswerInvalid, ReasonNoData, nil), 0},
	{"SSL_GET, tls_compliant", "reads no end", afterRequest(func(c net.Conn) {
		io.WriteString(c, wholeOne)
		c.(*tls.Conn).CloseWrite()
		time.Sleep(time.Hour)
	}), passed(CodeAnswered, httpStatusSuccess), 5 * s},
	{"SSL_GET of plain text", "drips the beginning of a handshake", taking(drips("\x16\x03\x03\x40\x00\x02", s)),
		failed(CodeTLSTimeout, httpTimeoutConnecting, nil), 5 * s},
	{"SSL_GET of plain text", "drips text", taking(drips(aHeader, s)), failed(CodeTLSFailed, httpHandshakeError, nil), 4 * s},
	{"SSL_GET of plain text", "pours", taking(pours("", "x")), failed(CodeTLSFailed, httpHandshakeError, nil), 0},

	{"SMTP_CHECK", "drips its greeting", drips("220 x", s), failed(CodeAnswerTimeout, smtpReadTimeout, nil), time.Minute},
	{"SMTP_CHECK", "drips too slowly", drips("220 x", 6*s), failed(CodeAnswerTimeout, smtpReadTimeout, nil), 5 * s},
	{"SMTP_CHECK", "drips a line that does not end", drips("220 x", 100*ms), failed(CodeAnswerInvalid, smtpTooLong, nil), 510 * 100 * ms},
	{"SMTP_CHECK", "says nothing", says(""), failed(CodeAnswerTimeout, smtpReadTimeout, nil), 5 * s},
	{"SMTP_CHECK", "greets and says nothing", says("220 x\r\n"), failed(CodeAnswerTimeout, smtpReadTimeout, nil), 5 * s},
	{"SMTP_CHECK", "greets and reads nothing", func(c net.Conn) {
		io.WriteString(c, "220 x\r\n")
		time.Sleep(time.Hour)
	}, failed(CodeAnswerTimeout, smtpWriteTimeout, nil), 5 * s},
	{"SMTP_CHECK", "pours", pours("220", " "), failed(CodeAnswerInvalid, smtpTooLong, nil), 0},

	// A call has one connect_timeout.
	{"GRPC_CHECK", "says nothing", says(""), failed(CodeAnswerTimeout, grpcTimeout, nil), 5 * s},
	{"GRPC_CHECK", "drips", sending(drips(frame(6, 0, 0, "12345678"), s)), failed(CodeAnswerTimeout, grpcTimeout, nil), 5 * s},
	{"GRPC_CHECK", "drips frames", sending(func(c net.Conn) {
		for err := error(nil); err == nil; time.Sleep(s) {
			_, err = io.WriteString(c, frame(6, 0, 0, "12345678"))
		}
	}), failed(CodeAnswerTimeout, grpcTimeout, nil), 5 * s},
	{"GRPC_CHECK", "pours frames", sending(pours("", frame(8, 0, 0, "\x00\x00\x00\x01"))), failed(CodeAnswerInvalid, grpcNoAnswer, nil), 750 * ms},
	{"GRPC_CHECK over TLS", "says nothing", says(""), failed(CodeAnswerTimeout, grpcTimeout, nil), 5 * s},
	{"GRPC_CHECK over TLS", "drips", sending(drips(frame(6, 0, 0, "12345678"), s)), failed(CodeAnswerTimeout, grpcTimeout, nil), 5 * s},
	{"GRPC_CHECK over TLS", "pours frames", sending(pours("", frame(8, 0, 0, "\x00\x00\x00\x01"))),
		failed(CodeAnswerInvalid, grpcNoAnswer, nil), 750 * ms},
}

// served returns a connection to a server, behind a handshake if it is secure, and what is closed when that has ended.
func served(serve func(net.Conn), secure bool, certificate tls.Certificate) (conn *closing, ended <-chan struct{}) {
	client, server := net.Pipe()
	end := make(chan struct{})
	go func() {
		defer close(end)
		defer server.Close()
		if !secure {
			serve(server)
			return
		}
		session := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"},
			SessionTicketsDisabled: true}) // a ticket would be written while the request is
		if session.Handshake() == nil {
			serve(session)
		}
	}()
	return &closing{Conn: client}, end
}

// TestServersThatTakeTheirTime: every check ends when it should and to what it should, with its connection closed and no goroutine left.
func TestServersThatTakeTheirTime(t *testing.T) {
	certificate := certificate(t)
	for _, tt := range overTime {
		t.Run(tt.kind+" of one that "+tt.server, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := dial{target: target(1), timeout: 5 * s}
				page := httpCheck{dial: d, url: urlSpec{path: "/", status: statuses(200, 299)},
					limits: replyLimits{size: 1 << 20, burst: 1 << 18, rate: 1 << 18}}
				over := map[string]func(context.Context, stream) Result{
					"SMTP_CHECK":          smtpCheck{d, "me"}.over,
					"GRPC_CHECK":          grpcCheck{with: means{via: d}}.over,
					"GRPC_CHECK over TLS": grpcCheck{grpcQuestion{tls: true}, means{via: d}}.over,
				}[tt.kind]
				if over == nil {
					if strings.HasPrefix(tt.kind, "SSL_GET") {
						page.tls = tlsConfig()
						page.url.closeNotify = strings.HasSuffix(tt.kind, "tls_compliant")
					}
					over = page.over
				}
				secure := (page.tls != nil || tt.kind == "GRPC_CHECK over TLS") && tt.kind != "SSL_GET of plain text"
				conn, ended := served(tt.serve, secure, certificate)
				start := time.Now()
				r := over(t.Context(), conn)
				took := time.Since(start)
				if r.Outcome != tt.want.Outcome || r.Code != tt.want.Code || r.Reason != tt.want.Reason {
					t.Errorf("%v, %v, %q, %v; want %v, %v, %q", r.Outcome, r.Code, r.Reason, r.Err, tt.want.Outcome, tt.want.Code, tt.want.Reason)
				}
				if off := took - tt.took; off < -aRead || off > aRead {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				if !conn.closed.Load() {
					t.Error("the connection is not closed")
				}
				<-ended // time stands still without this goroutine, and one that is left fails the test
			})
		})
	}
}

// TestChecksThatAreGivenUp: one that is ended while its server takes its time ends then, whatever it waits for.
func TestChecksThatAreGivenUp(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"drips": afterRequest(drips(wholeOne, s)), "pours": afterRequest(pours(wholeOne, "x")), "says nothing": says(""),
	} {
		synctest.Test(t, func(t *testing.T) {
			conn, ended := served(serve, false, tls.Certificate{})
			ctx, cancel := context.WithTimeout(t.Context(), 1500*ms)
			defer cancel()
			start := time.Now()
			c := httpCheck{dial: dial{timeout: 5 * s}, limits: replyLimits{size: 1 << 30, burst: 1 << 10, rate: 1 << 10}}
			if r := c.over(ctx, conn); r.Outcome != Failed || time.Since(start) != 1500*ms || !conn.closed.Load() {
				t.Errorf("%s: %v after %v, closed %v", name, r.Outcome, time.Since(start), conn.closed.Load())
			}
			<-ended
		})
	}
}
