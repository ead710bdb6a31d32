package main

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/daemon"
)

// TestHangupIsCaughtBeforeOurOwnInitialisation looks at the order in which the packages are initialised.
func TestHangupIsCaughtBeforeOurOwnInitialisation(t *testing.T) {
	cmd := exec.Command(os.Args[0], "--version")
	cmd.Env = append(os.Environ(), asProgram+"=1", "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, "init vigil/"); ok {
			ours = append(ours, strings.Fields(name)[0])
		}
	}
	if len(ours) < 3 || ours[0] != "cmd/keepalived/hangup" {
		t.Errorf("the first of ours is not it: %v", ours)
	}
}

// raise sends a signal to this thread, so that it has been caught when raise returns.
func raise(t *testing.T, s syscall.Signal) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Tgkill(os.Getpid(), unix.Gettid(), s); err != nil {
		t.Fatal(err)
	}
}

func TestSignalsGoWhereTheyBelong(t *testing.T) {
	c := catch()
	raise(t, syscall.SIGHUP)
	if s := <-c.requests; s != syscall.SIGHUP {
		t.Errorf("caught %v", s)
	}
	ctx, release := c.until(false)
	raise(t, syscall.SIGTERM)
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Error("SIGTERM does not end the context")
	}
	release()
	release() // once more is no harm
}

// TestNoStopIsLostOnTheWayToAnotherProgram: what came before the release is known after it.
func TestNoStopIsLostOnTheWayToAnotherProgram(t *testing.T) {
	for range 100 {
		c := catch()
		ctx, release := c.until(true)
		raise(t, syscall.SIGTERM)
		release()
		if ctx.Err() == nil {
			t.Fatal("lost")
		}
	}
	raise(t, daemon.HandledSignals()[0].(syscall.Signal)) // ignored
}
