package healthcheck

import (
	"context"
	"errors"
	"os"

	"vigil/confparse"
)

// The reasons of TCP_CHECK, as its log lines end.
const (
	tcpTimeout = "timeout"
	tcpFailed  = "failed"
	tcpSuccess = "success"
)

var tcpWords = words{
	check:  "TCP_CHECK",
	passed: func(server string) string { return "TCP connection to " + server + " success." },
	failed: func(server, reason string) string { return "TCP connection to " + server + " " + reason + "." },
	alert:  alerting("TCP CHECK succeed on service", "TCP CHECK failed on service"),
}

// tcpQuestion is TCP_CHECK: whether a connection can be made.
type tcpQuestion struct{}

func askTCP(*confparse.Checker) question { return tcpQuestion{} }

func (tcpQuestion) attempt(with means, _ int) Checker { return tcpCheck{with.via} }

func (tcpQuestion) policy(t timing) policy { return t.policy() }

func (q tcpQuestion) same(o question) bool { return o == q }

// tcpCheck passes when a connection can be made, and closes it at once.
type tcpCheck struct{ dial dial }

// Check implements Checker.
func (c tcpCheck) Check(ctx context.Context) Result {
	err := c.dial.reach(ctx)
	if err == nil {
		return passed(CodeConnected, tcpSuccess)
	}
	return unconnected(err, tcpTimeout, tcpFailed)
}

// unconnected is the result of an attempt that ended before there was a connection: for a reason of this host's, because
// nobody answered in time, or because it was refused.
func unconnected(err error, late, refused string) Result {
	var local *localError
	switch {
	case errors.As(err, &local):
		return postponed(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failed(CodeConnectTimeout, late, err)
	}
	return failed(CodeConnectFailed, refused, err)
}
