package healthcheck

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"vigil/confparse"
)

// The reasons of GRPC_CHECK, as its log lines end.
const (
	grpcSuccess    = "success"
	grpcTimeout    = "timeout"
	grpcFailed     = "connection failed"
	grpcHandshake  = "TLS handshake failed"
	grpcNoAnswer   = "no answer of a health service"
	grpcNotServing = "not serving"
)

var grpcWords = words{
	check:  "GRPC_CHECK",
	passed: func(server string) string { return "GRPC connection to " + server + " success." },
	failed: func(server, reason string) string { return "GRPC connection to " + server + " " + reason + "." },
	alert:  alerting("GRPC CHECK succeed on service", "GRPC CHECK failed on service"),
}

// grpcQuestion is GRPC_CHECK: whether Check of grpc.health.v1 says SERVING.
type grpcQuestion struct {
	service              string
	tls, verify          bool
	serverName, verified string
}

func askGRPC(ck *confparse.Checker) question {
	x, ok := ck.Detail.(*confparse.GRPCDetail)
	if !ok {
		return grpcQuestion{}
	}
	return grpcQuestion{service: x.Service, tls: x.TLS, verify: x.VerifyPeer, serverName: x.ServerName, verified: x.VerifyName}
}

func (q grpcQuestion) attempt(with means, _ int) Checker { return grpcCheck{q, with} }

func (q grpcQuestion) policy(t timing) policy { return t.policy() }

func (q grpcQuestion) same(o question) bool { return q == o }

// grpcGrace is how long after its time a call is ended whatever it does. The connection ends it in time, but looks first whether the
// answer is there.
const grpcGrace = time.Second

// grpcCheck calls Check once, on a connection of its own.
type grpcCheck struct {
	asks grpcQuestion
	with means
}

// Check implements Checker. The call has connect_timeout, besides the connection.
func (c grpcCheck) Check(ctx context.Context) Result {
	file, err := c.with.via.connect(ctx)
	if err != nil {
		return unconnected(err, grpcTimeout, grpcFailed)
	}
	return c.over(ctx, file)
}

// over makes the call over a connection, and closes it.
func (c grpcCheck) over(ctx context.Context, file stream) Result {
	defer file.Close()
	via := c.with.via
	ctx, cancel := context.WithTimeout(ctx, via.timeout+grpcGrace)
	defer cancel()
	end := time.Now().Add(via.timeout)
	_ = file.SetDeadline(end)
	stop := context.AfterFunc(ctx, func() { file.Close() })
	defer stop()
	conn := &replyConn{stream: file, target: via.target, timeout: via.timeout, limits: grpcLimits, done: ctx.Done()}
	if !c.asks.tls {
		conn.expect(time.Now(), via.timeout)
		return c.call(ctx, conn)
	}
	config := c.with.tls.config(c.asks.serverName, c.asks.verify, c.asks.verified).Clone()
	config.NextProtos, config.Renegotiation = []string{"h2"}, tls.RenegotiateNever // RFC 9113 §9.2.1
	client := tls.Client(conn, config)
	if err := client.HandshakeContext(ctx); err != nil {
		code := CodeTLSFailed
		if late(ctx, err) {
			code = CodeTLSTimeout
		}
		return failed(code, grpcHandshake, explained(err))
	}
	conn.expect(time.Now(), time.Until(end))
	return c.call(ctx, client)
}

// late reports whether the time of ctx is over, or err says so.
func late(ctx context.Context, err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded)
}

// The bounds of an answer. That of a health service has a few dozen bytes.
const (
	grpcMaxHeader = 16 << 10
	grpcMaxBody   = 4 << 10
)

// grpcLimits bound all that comes for one call, frames without end that are no answer among it.
var grpcLimits = replyLimits{size: 256 << 10, burst: 64 << 10, rate: 256 << 10}

// errOneConnection means that a server refused the call in a way that lets the client try on another connection (RFC 9113 §8.7).
var errOneConnection = errors.New("the server wants another connection")

// call makes the call over a connection, which the transport gets once: it would try again over one that it is still reading.
func (c grpcCheck) call(ctx context.Context, conn net.Conn) Result {
	var given atomic.Bool
	dialed := func(context.Context, string, string) (net.Conn, error) {
		if given.Swap(true) {
			return nil, errOneConnection
		}
		return conn, nil
	}
	transport := &http.Transport{
		DialContext:            dialed,
		DialTLSContext:         dialed,
		DisableCompression:     true,
		MaxResponseHeaderBytes: grpcMaxHeader,
		Protocols:              new(http.Protocols),
	}
	scheme := "http"
	if c.asks.tls {
		scheme = "https"
		transport.Protocols.SetHTTP2(true)
	} else {
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		scheme+"://"+c.with.via.target.String()+"/grpc.health.v1.Health/Check", bytes.NewReader(healthRequest(c.asks.service)))
	if err != nil {
		return postponed(err)
	}
	request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "User-Agent": {"KeepAliveClient"},
		"Grpc-Timeout": {strconv.FormatInt(max(c.with.via.timeout.Milliseconds(), 1), 10) + "m"}}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return unanswered(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, grpcMaxBody+1))
	if err == nil && len(body) > grpcMaxBody {
		err = errReplyTooLong
	}
	if err != nil {
		return unanswered(ctx, err)
	}
	return judgeGRPC(response, body)
}

// unanswered is the result of a call without an answer.
func unanswered(ctx context.Context, err error) Result {
	if late(ctx, err) {
		return failed(CodeAnswerTimeout, grpcTimeout, err)
	}
	return failed(CodeAnswerInvalid, grpcNoAnswer, err)
}

// judgeGRPC says what an answer means.
func judgeGRPC(r *http.Response, body []byte) Result {
	if r.StatusCode != http.StatusOK {
		return failed(CodeAnswerStatus, grpcNoAnswer, nil).with(r.StatusCode)
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return failed(CodeAnswerInvalid, grpcNoAnswer, errors.New("the answer is not one of gRPC"))
	}
	status, message := r.Trailer.Get("Grpc-Status"), r.Trailer.Get("Grpc-Message")
	if status == "" { // an answer without a message has it in its header
		status, message = r.Header.Get("Grpc-Status"), r.Header.Get("Grpc-Message")
	}
	if code, err := strconv.Atoi(status); err != nil || code != 0 {
		return failed(CodeAnswerStatus, grpcNoAnswer, fmt.Errorf("grpc-status %q %q", status, message)).with(code)
	}
	serving, err := healthStatus(body)
	switch {
	case err != nil:
		return failed(CodeAnswerInvalid, grpcNoAnswer, err)
	case serving != healthServing:
		return failed(CodeAnswerStatus, grpcNotServing, nil).with(int(serving))
	}
	return passed(CodeAnswered, grpcSuccess)
}
