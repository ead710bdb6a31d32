package healthcheck

import (
	"context"
	"errors"
	"time"

	"vigil/confparse"
)

// The reasons of PING_CHECK, as its log lines end.
const (
	pingSuccess = "success"
	pingFailed  = "failed"
	pingTimeout = "timeout"
)

var pingWords = words{
	check:  "ICMP CHECK",
	failed: func(server, reason string) string { return "ICMP connection to address " + server + " " + reason + "." },
	verdict: func(t told) string {
		if t.verdict == up {
			return "ICMP connection to " + t.server + " success."
		}
		if t.retries == 0 {
			return "ICMP CHECK on service " + t.server + " failed."
		}
		return "ICMP CHECK on service " + t.server + " of " + t.vs + " failed" + afterRetries(t.retries) + "."
	},
	alert: alerting("ICMP CHECK succeed on service", "ICMP CHECK failed on service"),
}

// pingQuestion is PING_CHECK: whether a host answers an echo request.
type pingQuestion struct{}

func askPing(*confparse.Checker) question { return pingQuestion{} }

func (pingQuestion) attempt(with means, _ int) Checker { return pingCheck{with.via, with.echoes} }

func (pingQuestion) policy(t timing) policy { return t.policy() }

func (q pingQuestion) same(o question) bool { return o == q }

// pingCheck passes when the answer to its request comes in time. Its socket is shared with the requests to other hosts
// that are under way.
type pingCheck struct {
	dial   dial
	echoes *echoSockets
}

// Check implements Checker.
func (c pingCheck) Check(ctx context.Context) Result {
	socket, err := c.echoes.join(&c.dial)
	if err != nil {
		return unsent(err, pingFailed)
	}
	defer c.echoes.leave(socket)
	timeout := time.NewTimer(c.dial.timeout)
	defer timeout.Stop()
	answer, seq := socket.expect(c.dial.target.Addr())
	defer socket.forget(seq)
	if err := socket.send(&c.dial, seq); err != nil {
		var local *localError
		if errors.As(err, &local) {
			c.echoes.retire(socket) // the interface it is bound to may have come back as another
		}
		return unsent(err, pingFailed)
	}
	select {
	case <-answer:
		return passed(CodeConnected, pingSuccess)
	case <-timeout.C:
		socket.look()
		select {
		case <-answer:
			return passed(CodeConnected, pingSuccess)
		default:
			return failed(CodeConnectTimeout, pingTimeout, nil)
		}
	case <-socket.broken:
		return postponed(errEchoSocket)
	case <-ctx.Done():
		return failed(CodeUnknown, pingFailed, ctx.Err())
	}
}

// errEchoSocket means that the socket of echo requests can no longer be read.
var errEchoSocket = errors.New("the socket of echo requests is broken")
