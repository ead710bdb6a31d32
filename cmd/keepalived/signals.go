package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"vigil/cmd/keepalived/hangup"
	"vigil/internal/daemon"
)

// caughtSignals are the signals of the process. What comes before somebody reads them waits.
type caughtSignals struct {
	requests chan os.Signal
	stops    chan os.Signal
}

// catch begins to catch signals. SIGTERM and SIGINT end the process until somebody asks for them.
func catch() *caughtSignals {
	c := &caughtSignals{requests: hangup.Signals, stops: make(chan os.Signal, 1)}
	signal.Notify(c.requests, daemon.HandledSignals()...)
	disregard(syscall.SIGPIPE, syscall.SIGALRM, syscall.SIGQUIT, syscall.SIGABRT)
	return c
}

// disregard makes signals have no effect here. They are not ignored: programs that are run would inherit that.
func disregard(signals ...os.Signal) { signal.Notify(make(chan os.Signal, 1), signals...) }

// until returns a context that ends with the first signal that stops the daemon, and a function that gives the signals
// back: after it the context has ended if there was one, a further one ends the process, and those that ask for
// something are ignored, in the program that this process may execute too.
func (c *caughtSignals) until(ignoreInterrupt bool) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	wanted := []os.Signal{syscall.SIGTERM, os.Interrupt}
	if ignoreInterrupt {
		disregard(os.Interrupt)
		wanted = wanted[:1]
	}
	signal.Notify(c.stops, wanted...)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range c.stops {
			cancel()
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(c.stops)
		close(c.stops)
		<-ended
		signal.Ignore(daemon.HandledSignals()...)
	})
}
