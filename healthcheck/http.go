package healthcheck

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"vigil/confparse"
)

// The reasons of HTTP_GET and SSL_GET, as their log lines begin.
const (
	httpErrorConnecting   = "Error connecting"
	httpTimeoutConnecting = "Timeout connecting"
	httpConnectionFailed  = "Connection failed"
	httpHandshakeError    = "SSL handshake/communication error connecting to"
	httpCannotSend        = "Cannot send get request to"
	httpTimeoutSending    = "Timeout WEB read"
	httpTimeoutReading    = "Timeout HTTP read"
	sslTimeoutReading     = "Timeout SSL read"
	httpReadError         = "Read error with"
	httpNoData            = "Read, no data received from"
	httpStatusError       = "HTTP status code error to"
	httpDigestError       = "MD5 digest error to"
	httpStatusSuccess     = "HTTP status code"
	httpDigestSuccess     = "MD5 digest"

	httpTooLong = "Reply too long from" // keepalived has no bound, and no word for it
)

// httpCheck asks for one URL of HTTP_GET or SSL_GET on a connection of its own.
type httpCheck struct {
	dial     dial
	url      urlSpec
	protocol confparse.HTTPProtocol
	tls      bool
	limits   replyLimits
}

// Check implements Checker.
func (c httpCheck) Check(ctx context.Context) Result {
	r := c.check(ctx)
	r.Step = c.url.path
	return r
}

func (c httpCheck) check(ctx context.Context) Result {
	file, err := c.dial.connect(ctx)
	if err != nil {
		var local *localError
		var immediate *immediateError
		switch {
		case errors.As(err, &local):
			return postponed(err)
		case errors.As(err, &immediate):
			return failed(CodeConnectFailed, httpErrorConnecting, err)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return failed(CodeConnectTimeout, httpTimeoutConnecting, err)
		}
		return failed(CodeConnectFailed, httpConnectionFailed, err)
	}
	defer file.Close()
	stop := context.AfterFunc(ctx, func() { file.Close() })
	defer stop()
	conn := &replyConn{File: file, target: c.dial.target, timeout: c.dial.timeout, limits: c.limits, done: ctx.Done()}
	if !c.tls {
		return c.exchange(conn, conn)
	}
	conn.SetDeadline(time.Now().Add(c.dial.timeout))
	client := tls.Client(conn, tlsConfig())
	if err := client.HandshakeContext(ctx); err != nil {
		code := CodeTLSFailed
		if errors.Is(err, os.ErrDeadlineExceeded) {
			code = CodeTLSTimeout
		}
		return failed(code, httpHandshakeError, explained(err))
	}
	return c.exchange(client, conn)
}

// exchange sends the request and judges the reply. rw is conn itself or the TLS session on it.
func (c httpCheck) exchange(rw io.ReadWriter, conn *replyConn) Result {
	conn.SetDeadline(time.Now().Add(c.dial.timeout))
	if _, err := rw.Write(c.request()); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return failed(CodeAnswerTimeout, httpTimeoutSending, err)
		}
		return failed(CodeAnswerInvalid, httpCannotSend, err)
	}
	timeoutReason, ends, patience := httpTimeoutReading, atEOF, max(replyTime, replyTimeouts*c.dial.timeout)
	if c.tls { // one connect_timeout for the whole reply
		timeoutReason, ends, patience = sslTimeoutReading, atAnyError, c.dial.timeout
	}
	conn.expect(time.Now(), patience)
	reply, err := readReply(rw, c.url.hasDigest, ends)
	switch {
	case errors.Is(err, errNoHeader):
		return failed(CodeAnswerInvalid, httpNoData, err)
	case errors.Is(err, errReplyTooLong):
		return failed(CodeAnswerInvalid, httpTooLong, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failed(CodeAnswerTimeout, timeoutReason, err)
	case err != nil:
		return failed(CodeAnswerInvalid, httpReadError, err)
	case !c.url.status.has(reply.status):
		return failed(CodeAnswerStatus, httpStatusError, nil)
	case !c.url.hasDigest:
		return passed(CodeAnswered, httpStatusSuccess)
	case reply.digest != c.url.digest:
		return failed(CodeAnswerInvalid, httpDigestError, nil)
	}
	return passed(CodeAnswered, httpDigestSuccess)
}

// request returns the bytes of the request. The path is sent as written, and the Host field is the virtual host as
// written, without a port, or else the target with its port.
func (c httpCheck) request() []byte {
	b := make([]byte, 0, 128+len(c.url.path)+len(c.url.host))
	b = append(b, "GET "...)
	b = append(b, c.url.path...)
	if c.protocol == confparse.HTTP11 {
		b = append(b, " HTTP/1.1\r\n"...)
	} else {
		b = append(b, " HTTP/1.0\r\n"...)
	}
	b = append(b, "User-Agent: KeepAliveClient\r\n"...)
	if c.protocol != confparse.HTTP10 {
		b = append(b, "Connection: close\r\n"...)
	}
	b = append(b, "Host: "...)
	if c.url.host != "" {
		b = append(b, c.url.host...)
	} else {
		t := c.dial.target
		b = netip.AddrPortFrom(t.Addr().WithZone(""), t.Port()).AppendTo(b)
	}
	b = append(b, "\r\n\r\n"...)
	return b[:min(len(b), maxRequest)]
}

// atEOF is the end of a reply over HTTP.
func atEOF(err error) bool { return errors.Is(err, io.EOF) }

// atAnyError is the end of a reply over TLS, with or without the close_notify of RFC 8446 §6.1: many servers leave it
// out or reset the connection, and a reply cut short shows in its header or digest. Only silence is no end, nor is a
// reply without one.
func atAnyError(err error) bool {
	return !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errReplyTooLong)
}

// explained adds to an error of the TLS handshake what the operator can do nothing about: crypto/tls has no
// finite-field DHE (RFC 5288), and a server that offers nothing else answers with handshake_failure (RFC 8446 §6.2).
func explained(err error) error {
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" && remote.Err.Error() == handshakeFailure.Error() {
		return fmt.Errorf("%w: the server may offer only cipher suites that this build lacks, such as finite-field DHE", err)
	}
	return err
}

const handshakeFailure = tls.AlertError(40)

// tlsConfig is what SSL_GET offers: everything the library can do, because the question is whether the server works
// and not how good its TLS is; certificates are not verified and no server name is sent.
var tlsConfig = sync.OnceValue(func() *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		c.CipherSuites = append(c.CipherSuites, suite.ID)
	}
	return c
})
