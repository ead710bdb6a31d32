package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEndedAtAnyMoment: a program that is told to stop, or killed, at whatever moment of its start leaves nothing that keeps
// the next one from running, and one that was told to stop leaves no address and no pid file.
func TestEndedAtAnyMoment(t *testing.T) {
	m := newMachine(t)
	m.configure("net_namespace red\n")
	// How long a start takes here is the measure of where the moments lie.
	begun := time.Now()
	p := m.start("--metrics-listen=off")
	m.until("the address", func() bool { return m.hasAddress("red") })
	whole := time.Since(begun)
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	const moments = 12
	end := func(moment int, s syscall.Signal) error {
		p := m.start("--metrics-listen=off")
		<-time.After(whole * time.Duration(moment) / moments)
		if err := p.Signal(s); err != nil {
			t.Error(err)
		}
		err := p.Wait(t.Context())
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Sys().(syscall.WaitStatus).Signal() == s {
			return nil // before anything is begun a signal ends the process as it ends any
		}
		if err != nil {
			return fmt.Errorf("%w\n%s", err, p.Log.Tail(60))
		}
		return nil
	}
	for i := range moments {
		if err := end(i, syscall.SIGTERM); err != nil {
			t.Errorf("moment %d: %v", i, err)
		}
		if m.hasAddress("red") {
			t.Errorf("moment %d: the address is there", i)
		}
		out, err := m.output("sh", "-c", "find /run/keepalived -name '*.pid' 2>/dev/null || true")
		if err != nil || strings.TrimSpace(out) != "" {
			t.Errorf("moment %d: pid files left: %s %v", i, out, err)
		}
	}
	for i := range moments {
		if err := end(i, syscall.SIGKILL); err != nil {
			t.Errorf("moment %d: %v", i, err)
		}
	}
	p = m.start("--metrics-listen=off")
	m.until("the last one", func() bool { return m.readPID(0, "keepalived/red/keepalived.pid") == p.PID() })
	// What a killed one has left is looked for when virtual routers begin, until when its heartbeat says that there is something.
	m.until("the address of the last one", func() bool { return m.hasAddress("red") && strings.Contains(p.Log.Tail(60), "Startup complete") })
	err := p.Stop(t.Context())
	if address, dir := m.hasAddress("red"), m.exists("keepalived"); err != nil || address || dir {
		left, _ := m.output("find", "/run/keepalived")
		t.Errorf("in the end: %v, the address is there: %v, left:\n%s\n%s", err, address, left, p.Log.Tail(20))
	}
}
