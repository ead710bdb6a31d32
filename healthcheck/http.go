package healthcheck

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
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
	httpTimeoutWaiting    = "Timeout WEB read" // nothing of a reply has come, or the request did not leave
	httpTimeoutReading    = "Timeout HTTP read"
	sslTimeoutReading     = "Timeout SSL read"
	httpReadError         = "Read error with"
	httpStatusError       = "HTTP status code error to"
	httpDigestError       = "MD5 digest error to"
	httpStatusSuccess     = "HTTP status code"
	httpDigestSuccess     = "MD5 digest"
	httpRegexError        = "Regex match failed"
	httpRegexSuccess      = "Regex match"

	// ReasonNoData is the reason of a reply that has no header.
	ReasonNoData = "Read, no data received from"

	httpTooLong = "Reply too long from" // keepalived has no bound, and no word for it
)

// httpCheck asks for one URL of HTTP_GET or SSL_GET on a connection of its own.
type httpCheck struct {
	dial     dial
	url      urlSpec
	protocol confparse.HTTPProtocol
	tls      *tls.Config // nil: plain HTTP
	limits   replyLimits

	expressions *expressions

	seen  func([]byte)           // is shown the reply as it is read; nil: nobody looks
	whole func(httpReply) Result // judges a whole reply; nil: judge does
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
	return c.over(ctx, file)
}

// over asks over a connection, and closes it.
func (c httpCheck) over(ctx context.Context, file stream) Result {
	defer file.Close()
	stop := context.AfterFunc(ctx, func() { file.Close() })
	defer stop()
	conn := &replyConn{stream: file, target: c.dial.target, timeout: c.dial.timeout, limits: c.limits, done: ctx.Done()}
	if c.tls == nil {
		return c.exchange(conn, conn)
	}
	conn.SetDeadline(time.Now().Add(c.dial.timeout))
	client := tls.Client(conn, c.tls)
	if err := client.HandshakeContext(ctx); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return failed(CodeTLSTimeout, httpTimeoutConnecting, err)
		}
		return failed(CodeTLSFailed, httpHandshakeError, explained(err))
	}
	r := c.exchange(client, conn)
	if c.url.closeNotify {
		conn.SetWriteDeadline(time.Now().Add(c.dial.timeout))
		_ = client.CloseWrite() // what the server makes of it does not change what it has said
	}
	return r
}

// exchange sends the request and judges the reply. rw is conn itself or the TLS session on it.
func (c httpCheck) exchange(rw io.ReadWriter, conn *replyConn) Result {
	conn.SetDeadline(time.Now().Add(c.dial.timeout))
	if _, err := rw.Write(c.request()); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return failed(CodeAnswerTimeout, httpTimeoutWaiting, err)
		}
		return failed(CodeAnswerInvalid, httpCannotSend, err)
	}
	timeoutReason, ends, patience := httpTimeoutReading, atEOF, max(replyTime, replyTimeouts*c.dial.timeout)
	if c.tls != nil { // one connect_timeout for the whole reply
		timeoutReason, ends, patience = sslTimeoutReading, atAnyError, c.dial.timeout
	}
	conn.expect(time.Now(), patience)
	wanted := wantedReply{digest: c.url.hasDigest, limit: c.url.maxBody}
	if c.url.hasRegex {
		wanted.keep = maxSubject
	}
	if c.seen != nil {
		rw = seenReader{rw, c.seen}
	}
	reply, err := readReply(rw, wanted, ends)
	switch {
	case errors.Is(err, errNoHeader):
		return failed(CodeAnswerInvalid, ReasonNoData, err)
	case errors.Is(err, errReplyTooLong):
		return failed(CodeAnswerInvalid, httpTooLong, err)
	case errors.Is(err, errSilent) && c.tls == nil:
		return failed(CodeAnswerTimeout, httpTimeoutWaiting, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failed(CodeAnswerTimeout, timeoutReason, err)
	case err != nil:
		return failed(CodeAnswerInvalid, httpReadError, err)
	}
	if c.whole != nil {
		return c.whole(reply)
	}
	return c.judge(reply).with(reply.status)
}

// judge says what a whole reply means: its status, its digest and its text must all be right.
func (c httpCheck) judge(reply httpReply) Result {
	switch {
	case !c.url.status.has(reply.status):
		return failed(CodeAnswerStatus, httpStatusError, nil)
	case c.url.hasDigest && reply.digest != c.url.digest:
		return failed(CodeAnswerInvalid, httpDigestError, nil)
	case c.url.hasRegex:
		found, err := c.expressions.match(c.url.regex, reply.body)
		if err != nil || found == c.url.noMatch {
			return failed(CodeAnswerInvalid, httpRegexError, err)
		}
		return passed(CodeAnswered, httpRegexSuccess)
	case c.url.hasDigest:
		return passed(CodeAnswered, httpDigestSuccess)
	}
	return passed(CodeAnswered, httpStatusSuccess)
}

// atEOF is the end of a reply over HTTP.
func atEOF(err error) bool { return errors.Is(err, io.EOF) }

// atAnyError is the end of a reply over TLS, with or without the close_notify of RFC 8446 §6.1: many servers leave it
// out or reset the connection, and a reply cut short shows in its header or digest. Only silence is no end, nor is a
// reply without one.
func atAnyError(err error) bool {
	return !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errReplyTooLong)
}
