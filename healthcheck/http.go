package healthcheck

import (
	"context"
	"crypto/tls"
	"errors"
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
)

// A peer that sends a little now and then would never run into the timeout of a single read, and its check would never
// end, which nobody notices. So a whole reply has this long, or this many times connect_timeout if that is more.
const (
	replyTime     = time.Minute
	replyTimeouts = 10
)

// httpCheck asks for one URL of HTTP_GET or SSL_GET on a connection of its own.
type httpCheck struct {
	dial     dial
	url      urlSpec
	protocol confparse.HTTPProtocol
	tls      bool
}

// Check implements Checker.
func (c httpCheck) Check(ctx context.Context) Result {
	file, err := c.dial.connect(ctx)
	if err != nil {
		var local *localError
		var immediate *immediateError
		switch {
		case errors.As(err, &local):
			return postponed(err)
		case errors.As(err, &immediate):
			return failed(httpErrorConnecting, err)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return failed(httpTimeoutConnecting, err)
		}
		return failed(httpConnectionFailed, err)
	}
	defer file.Close()
	stop := context.AfterFunc(ctx, func() { file.Close() })
	defer stop()
	conn := &deadlineConn{File: file, target: c.dial.target, timeout: c.dial.timeout}
	if !c.tls {
		return c.exchange(conn, conn)
	}
	conn.SetDeadline(time.Now().Add(c.dial.timeout))
	client := tls.Client(conn, tlsConfig())
	if err := client.HandshakeContext(ctx); err != nil {
		return failed(httpHandshakeError, err)
	}
	return c.exchange(tlsStream{client}, conn)
}

// exchange sends the request and judges the reply. rw is conn itself or the TLS session on it.
func (c httpCheck) exchange(rw io.ReadWriter, conn *deadlineConn) Result {
	conn.SetDeadline(time.Now().Add(c.dial.timeout))
	if _, err := rw.Write(c.request()); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return failed(httpTimeoutSending, err)
		}
		return failed(httpCannotSend, err)
	}
	timeoutReason := httpTimeoutReading
	if c.tls { // one connect_timeout for the whole reply
		timeoutReason = sslTimeoutReading
		conn.SetDeadline(time.Now().Add(c.dial.timeout))
	} else { // one for each read
		conn.end = time.Now().Add(max(replyTime, replyTimeouts*c.dial.timeout))
	}
	reply, err := readReply(rw, c.url.hasDigest)
	switch {
	case errors.Is(err, errNoHeader):
		return failed(httpNoData, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failed(timeoutReason, err)
	case err != nil:
		return failed(httpReadError, err)
	case !c.url.status.has(reply.status):
		return failed(httpStatusError, nil)
	case !c.url.hasDigest:
		return passed(httpStatusSuccess)
	case reply.digest != c.url.digest:
		return failed(httpDigestError, nil)
	}
	return passed(httpDigestSuccess)
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

// deadlineConn is the connection of an HTTP check. Once end is set, each read waits for timeout, but not beyond end.
type deadlineConn struct {
	*os.File
	target  netip.AddrPort
	timeout time.Duration
	end     time.Time
}

// Read implements io.Reader.
func (c *deadlineConn) Read(b []byte) (int, error) {
	if !c.end.IsZero() {
		deadline := time.Now().Add(c.timeout)
		if deadline.After(c.end) {
			deadline = c.end
		}
		if err := c.SetReadDeadline(deadline); err != nil {
			return 0, err
		}
	}
	return c.File.Read(b)
}

// LocalAddr implements net.Conn.
func (c *deadlineConn) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements net.Conn.
func (c *deadlineConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.target) }

// tlsStream ends at the end of the connection, with or without the close_notify of RFC 8446 §6.1: many servers leave
// it out, and a reply cut short shows in its header or digest.
type tlsStream struct{ *tls.Conn }

// Read implements io.Reader.
func (s tlsStream) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// tlsConfig is what SSL_GET offers: everything the library can do, because the question is whether the server works
// and not how good its TLS is; certificates are not verified and no server name is sent.
var tlsConfig = sync.OnceValue(func() *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		c.CipherSuites = append(c.CipherSuites, suite.ID)
	}
	return c
})
