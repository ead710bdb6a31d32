package healthcheck

import (
	"context"
	"errors"
	"os"
)

// The reasons of TCP_CHECK, as its log lines end.
const (
	tcpTimeout = "timeout"
	tcpFailed  = "failed"
	tcpSuccess = "success"
)

// tcpCheck is TCP_CHECK: it passes when a connection can be made, and closes it at once.
type tcpCheck struct{ dial dial }

// Check implements Checker.
func (c tcpCheck) Check(ctx context.Context) Result {
	err := c.dial.reach(ctx)
	if err == nil {
		return passed(tcpSuccess)
	}
	var local *localError
	switch {
	case errors.As(err, &local):
		return postponed(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failed(tcpTimeout, err)
	}
	return failed(tcpFailed, err)
}
