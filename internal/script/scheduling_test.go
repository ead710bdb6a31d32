package script

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestProgramsAreScheduledAsUsual: whatever the priority of the thread that starts them.
func TestProgramsAreScheduledAsUsual(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a priority above the usual takes a privilege")
	}
	out := filepath.Join(t.TempDir(), "nice")
	r := NewRunner(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	asked := make(chan int, 1)
	go func() {
		runtime.LockOSThread()
		err := unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -7)
		if err != nil {
			asked <- 0
			ended <- nil
			return
		}
		asked <- -7
		ended <- r.Run(ctx)
	}()
	if <-asked == 0 {
		t.Skip("this process may not raise its priority")
	}
	if e := r.Execute(ctx, Command{Argv: []string{"/bin/sh", "-c", "nice >" + out}}); !e.Success() {
		t.Fatal(e)
	}
	if b, err := os.ReadFile(out); string(b) != "0\n" {
		t.Errorf("nice %q, %v", b, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
