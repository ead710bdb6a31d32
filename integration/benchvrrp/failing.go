package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"vigil/integration/labkit"
)

// What the log says of each server.
const (
	serverFailed = "failed after"
	serverGone   = "Removing service"
	serverBack   = "Adding service"
)

// measureFailing has all real servers of director 1 fail within a second, and come back. It has to be master all the time, and
// punctual.
func measureFailing(ctx context.Context, s scale, p labkit.Program) ([]figure, error) {
	return withServers(ctx, s, p, s.servers, (*loaded).fail)
}

func (l *loaded) fail(ctx context.Context) ([]figure, error) {
	if err := patiently(ctx, "every server has been checked", func() error {
		if n := l.answers.Load(); n < 2*int64(l.servers) {
			return fmt.Errorf("%d checks", n)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	quiet := time.Now()
	if err := pause(ctx, l.window); err != nil {
		return nil, err
	}
	failed := time.Now()
	l.listener.Close()
	if _, err := l.site.said(ctx, 0, serverGone, failed, l.servers); err != nil {
		return nil, err
	}
	gone := l.times(serverGone, failed)
	ends := l.times(serverFailed, failed)
	back := time.Now()
	if err := l.listen(); err != nil {
		return nil, err
	}
	if _, err := l.site.said(ctx, 0, serverBack, back, l.servers); err != nil {
		return nil, err
	}
	if err := pause(ctx, settled); err != nil {
		return nil, err
	}
	ended := time.Now()
	master, usurped := l.site.capture.Adverts("d1", quiet), l.site.capture.Adverts("d2", quiet)
	before, while := lateAdverts(between(master, failed), hasty), lateAdverts(l.site.capture.Adverts("d1", failed), hasty)
	var stay time.Duration // of a server whose check had failed
	for i, at := range gone {
		stay = max(stay, at.Sub(ends[i]))
	}
	return []figure{
		number("fail-overs", len(episodes(between(usurped, ended))), 0),
		milliseconds("adverts late while servers fail and return, 99 %", while.p99, 5*time.Millisecond),
		told("latest", float64(while.max.Microseconds())/1000, "ms"),
		told("adverts late before, 99 %", float64(before.p99.Microseconds())/1000, "ms"),
		told("latest", float64(before.max.Microseconds())/1000, "ms"),
		told("checks failed within", ends[len(ends)-1].Sub(ends[0]).Seconds(), "s"),
		seconds("each server out after its check, at the most", stay, time.Second),
	}, nil
}

// times are when the log said something of a server, in its order.
func (l *loaded) times(text string, since time.Time) (list []time.Time) {
	for _, line := range l.site.directors[0].Process.Log.Lines() {
		if line.Time.After(since) && strings.Contains(line.Text, text) {
			list = append(list, line.Time)
		}
	}
	return list
}
