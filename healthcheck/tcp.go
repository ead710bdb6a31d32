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
	var local *localError
	switch {
	case errors.As(err, &local):
		return postponed(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failed(CodeConnectTimeout, tcpTimeout, err)
	}
	return failed(CodeConnectFailed, tcpFailed, err)
}
