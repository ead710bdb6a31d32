package script

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestLadderOfATimeout: SIGTERM comes the moment the time of a program is over, and SIGKILL two seconds later; what it takes to die is
// its own. The program is a process that is stopped, whose signals wait where they can be seen, and time is simulated.
func TestLadderOfATimeout(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	defer func() { _ = unix.Kill(pid, unix.SIGKILL) }()
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED, nil); err != nil {
		t.Fatal(err)
	}
	terminated := func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "\nShdPnd:")
		var pending uint64
		if _, err := fmt.Sscanf(rest, "%x", &pending); err != nil {
			t.Fatal(err)
		}
		return pending&(1<<(unix.SIGTERM-1)) != 0
	}
	synctest.Test(t, func(t *testing.T) {
		p := &process{cmd: cmd, ended: make(chan struct{})}
		exit, c := make(chan Exit, 1), Command{Timeout: time.Second, Progress: new(Progress)}
		go func() { exit <- NewRunner(Options{}).attend(t.Context(), p, c, func() {}) }()
		later := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		if later(time.Second - 1); terminated() {
			t.Error("SIGTERM comes too early")
		}
		if later(1); !terminated() {
			t.Error("SIGTERM does not come in time")
		}
		if later(2*time.Second - 1); p.exited() {
			t.Error("SIGKILL comes too early")
		}
		if later(1); c.Progress.Phase() != Killing {
			t.Error("SIGKILL does not come in time")
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
			t.Errorf("it ended with %v", err)
		}
		close(p.ended)
		if e := <-exit; !e.TimedOut || e.Signal != unix.SIGKILL || e.String() != "timed out" {
			t.Errorf("%+v", e)
		}
	})
}
