package script

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// program writes a program and returns its path.
func program(t *testing.T, lines ...string) string {
	t.Helper()
	return programOf(t, append([]string{"#!/bin/sh"}, lines...)...)
}

func programOf(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// running returns a Runner whose Run is on, and an end to it that waits.
func running(t *testing.T, o Options) (*Runner, func()) {
	t.Helper()
	r := NewRunner(o)
	r.grace = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx)
	}()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return r, stop
}

// myself is who the tests run as.
func myself() Identity { return Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())} }

func execute(t *testing.T, r *Runner, argv ...string) Exit {
	t.Helper()
	return r.Execute(t.Context(), Command{Argv: argv, As: myself()})
}

// fifo returns the path of a pipe that is held by every process that has opened it for writing, and a wait for all of
// them to be gone, which returns what they have written.
func fifo(t *testing.T) (path string, gone func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	opened := make(chan *os.File, 1)
	go func() {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		opened <- f
	}()
	return path, func() string {
		t.Helper()
		w, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0) // or there is nobody whom Open would wait for
		for ; err != nil; w, err = os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0) {
			time.Sleep(time.Millisecond)
		}
		f := <-opened
		defer f.Close()
		w.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
}

// outOfTime runs a program that says when it is ready, with a timeout, and again with a longer one when it was not ready by then,
// as on a busy machine. All that have the pipe open are gone.
func outOfTime(t *testing.T, of func(pipe string) string, execute func(path string, timeout time.Duration) Exit) Exit {
	t.Helper()
	for timeout := 200 * time.Millisecond; ; timeout *= 2 {
		pipe, gone := fifo(t)
		e := execute(of(pipe), timeout)
		if gone() == "ready\n" || timeout > time.Minute {
			return e
		}
	}
}

// said returns what a program wrote to a file.
func said(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHowAProgramEnds(t *testing.T) {
	r, _ := running(t, Options{})
	readable := programOf(t, "anything")
	for _, tt := range []struct {
		name string
		argv []string
		want string
	}{
		{"status 0", []string{program(t, "exit 0")}, "exited with status 0"},
		{"another status", []string{program(t, "exit 253")}, "exited with status 253"},
		{"a signal", []string{program(t, "kill -USR1 $$")}, "due to signal 10"},
		{"SIGTERM of somebody else", []string{program(t, "kill -TERM $$")}, "due to signal 15"},
		{"arguments are as configured", []string{program(t, `[ $# = 2 ] && [ "$1" = 'a b' ] && [ "$2" = '$HOME;' ]`), "a b", "$HOME;"},
			"exited with status 0"},
		{"neither binary nor interpreter: the shell", []string{programOf(t, `[ "$1" = x ] && exit 7`), "x"}, "exited with status 7"},
		{"a name is searched for", []string{"true"}, "exited with status 0"},
		{"only a redirection, of a file that is there", []string{"<" + readable}, "exited with status 0"},
		{"much output", []string{program(t, "head -c 30000000 /dev/zero; head -c 30000000 /dev/zero >&2")}, "exited with status 0"},
		{"no input", []string{program(t, "cat")}, "exited with status 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := execute(t, r, tt.argv...)
			if e.String() != tt.want || e.Success() != (tt.want == "exited with status 0") || e.Took <= 0 {
				t.Errorf("%v, success %v, took %v; want %s", e, e.Success(), e.Took, tt.want)
			}
		})
	}
	if e := execute(t, r, "<"+readable+".not"); e.Err != nil || e.Code == 0 {
		t.Errorf("a redirection of a file that is not there: %v", e)
	}
}

func TestWhatCannotBeRun(t *testing.T) {
	r, _ := running(t, Options{})
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, argv := range [][]string{nil, {""}, {plain}, {plain + ".not"}, {"no-such-program-anywhere"}, {t.TempDir()}} {
		if e := execute(t, r, argv...); e.Err == nil || e.Success() || e.String() != e.Err.Error() {
			t.Errorf("%q: %v", argv, e)
		}
	}
	if len(r.turns) != 0 || len(r.own) != 0 {
		t.Errorf("%d turns and %d processes are left over", len(r.turns), len(r.own))
	}
}

// TestWhatCannotBeRunNow: what is short on our side says nothing of the program.
func TestWhatCannotBeRunNow(t *testing.T) {
	r, _ := running(t, Options{})
	path := program(t, "exit 0")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := execute(t, r, path); !e.Short() || !errors.Is(e.Err, unix.ETXTBSY) {
		t.Errorf("a program that is being written: %v", e)
	}
	f.Close()
	if e := execute(t, r, path); !e.Success() || e.Short() {
		t.Errorf("when it has been: %v", e)
	}
	for _, argv := range [][]string{{path + ".not"}, {t.TempDir()}, nil} {
		if e := execute(t, r, argv...); e.Err == nil || e.Short() {
			t.Errorf("%q: %v", argv, e)
		}
	}
}

// TestProgramsThatWaitAreTold: once for all of them, every now and then.
func TestProgramsThatWaitAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines strings.Builder
		r := NewRunner(Options{MaxRunning: 1, Logger: slog.New(slog.NewTextHandler(&lines, nil))})
		r.turns <- struct{}{}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := r.turn(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := strings.Count(lines.String(), "Programs wait"); n != 3 {
			t.Errorf("told %d times in three minutes\n%s", n, lines.String())
		}
	})
}

// TestFileThatIsExecuted: a file may stand for the first word, which the program gets all the same. What an interpreter is
// given is the file.
func TestFileThatIsExecuted(t *testing.T) {
	r, _ := running(t, Options{})
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rule string
		argv []string
		file string
		want string
	}{
		{"a binary", []string{"called/so", "-c", "exit $(($(tr '\\0' '\\n' </proc/$$/cmdline | head -n 1 | grep -c '^called/so$') + 10))"},
			shell, "exited with status 11"},
		{"a script", []string{"/nowhere/at all", "a"}, program(t, `[ "$1" = a ] && [ "${0##*/}" != "at all" ] && exit 12`), "exited with status 12"},
		{"one without an interpreter", []string{"/nowhere", "a"}, programOf(t, `[ "$1" = a ] && exit 13`), "exited with status 13"},
		{"a bare name that is not in PATH", []string{"no-such-name"}, program(t, "exit 14"), "exited with status 14"},
	} {
		e := r.Execute(t.Context(), Command{Argv: tt.argv, File: tt.file, As: myself()})
		if e.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.rule, e, tt.want)
		}
	}
}

// TestWhatAProgramHas: a process group of its own, the root directory, standard descriptors that go nowhere, default
// signals, and no other descriptor, not even one that was made without the close-on-exec mark.
func TestWhatAProgramHas(t *testing.T) {
	t.Setenv("IFS", "x")
	t.Setenv("LD_PRELOAD", "")
	t.Setenv("LD_LIBRARY_PATH", "/nowhere")
	t.Setenv("VIGIL_KEPT", "yes")
	var leak [2]int
	if err := unix.Pipe(leak[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak[0])
	defer unix.Close(leak[1])
	// Under nohup this process ignores the signal, and a daemon that reloads at it never does.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	r, _ := running(t, Options{})
	out := filepath.Join(t.TempDir(), "out")
	e := execute(t, r, program(t, "exec >"+out,
		`pwd`,
		`for f in /proc/self/fd/0 /proc/$$/fd/2; do readlink $f; done`,
		`ls /proc/$$/fd`,
		`env | grep -c -e '^IFS=' -e '^LD_'`,
		`echo $VIGIL_KEPT`,
		`[ "$(cut -d' ' -f5 /proc/$$/stat)" = $$ ] && echo leader`,
		`grep -e SigIgn -e SigBlk /proc/self/status`))
	// Descriptors that the shell has for its script; signals 32 and 33 are the C library's and come from whoever started us.
	got := strings.NewReplacer("\n10\n", "\n", "\n255\n", "\n", "SigIgn:\t0000000080000000", "SigIgn:\t0000000000000000",
		"SigIgn:\t0000000180000000", "SigIgn:\t0000000000000000").Replace(said(t, out))
	want := "/\n/dev/null\n/dev/null\n0\n1\n2\n0\nyes\nleader\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
	if !e.Success() || got != want {
		t.Errorf("%v\ngot  %q\nwant %q", e, got, want)
	}
}

func TestProgramRunsAsItsAccount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	r, _ := running(t, Options{})
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	path := program(t, `echo $(id -u) $(id -g) $(id -G) >`+out)
	for p := dir; p != "/"; p = filepath.Dir(p) { // the way to it, for somebody else
		if info, err := os.Stat(p); err == nil && info.Mode()&0o001 == 0 {
			if err := os.Chmod(p, info.Mode()|0o011); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(p, info.Mode()) })
		}
	}
	if err := os.WriteFile(out, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(out, 0o666)
	_ = os.Chmod(filepath.Dir(path), 0o755)
	for _, tt := range []struct {
		as   Identity
		want string
	}{
		{Identity{UID: 65534, GID: 65534}, "65534 65534 65534\n"},
		{Identity{UID: 65534, GID: 12}, "65534 12 12\n"},
		{Identity{UID: 65534, GID: 12, Supplementary: true}, "65534 12 12 65534\n"},
	} {
		if e := r.Execute(t.Context(), Command{Argv: []string{path}, As: tt.as}); !e.Success() || said(t, out) != tt.want {
			t.Errorf("%+v: %v, %q, want %q", tt.as, e, said(t, out), tt.want)
		}
	}
	if e := r.Execute(t.Context(), Command{Argv: []string{path}, As: Identity{UID: 4242424, GID: 1, Supplementary: true}}); e.Err == nil {
		t.Errorf("groups of nobody: %v", e)
	}
}

// stubborn is a program that has children, all of which hold a pipe, sleep for ever and do not mind SIGTERM.
func stubborn(t *testing.T, pipe string, children int) string {
	return program(t, "exec 8>"+pipe, "trap '' TERM",
		fmt.Sprintf("for i in $(seq %d); do sleep 1000 & done", children), "echo ready >&8", "sleep 1000")
}

// TestProgress: a program that ignores SIGTERM goes through every phase, one that ends by itself is idle again at once.
func TestProgress(t *testing.T) {
	r, _ := running(t, Options{})
	r.grace = 2 * time.Second // in which somebody is run who sees it
	var p, plain Progress
	var seen map[Phase]bool
	e := outOfTime(t, func(pipe string) string { return stubborn(t, pipe, 1) }, func(path string, timeout time.Duration) (e Exit) {
		seen = map[Phase]bool{p.Phase(): true}
		done := make(chan Exit, 1)
		go func() {
			done <- r.Execute(t.Context(), Command{Argv: []string{path}, As: myself(), Timeout: timeout, Progress: &p})
		}()
		for last := Idle; e.Took == 0; {
			select {
			case e = <-done:
			case <-time.After(time.Millisecond):
			}
			now := p.Phase()
			if now < last && now != Idle {
				t.Errorf("phase %d after %d", now, last)
			}
			last, seen[now] = now, true
		}
		return e
	})
	if !seen[Running] || !seen[Terminating] || p.Phase() != Idle || !e.TimedOut {
		t.Errorf("phases %v, %d in the end, %v", seen, p.Phase(), e)
	}
	if e := r.Execute(t.Context(), Command{Argv: []string{"true"}, As: myself(), Progress: &plain}); !e.Success() || plain.Phase() != Idle {
		t.Errorf("%v, phase %d", e, plain.Phase())
	}
	if none := (*Progress)(nil); none.Phase() != Idle {
		t.Error("no progress is some")
	}
}

// TestEndBeforeWeLookIsNoTimeout: a program that has ended is not taken for one that takes too long because this process was held
// up until its time was over.
func TestEndBeforeWeLookIsNoTimeout(t *testing.T) {
	r, _ := running(t, Options{})
	c := Command{Argv: []string{"true"}, As: myself(), Timeout: 1}
	if err := r.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := r.launch(t.Context(), c, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for !p.exited() {
		time.Sleep(time.Millisecond)
	}
	go func() {
		time.Sleep(50 * time.Millisecond) // the timeout is over before anybody has waited for it
		r.await(p)
	}()
	if e := r.attend(t.Context(), p, c, func() { t.Error("called late") }); !e.Success() {
		t.Errorf("%+v", e)
	}
}

func TestTimeoutKillsTheGroup(t *testing.T) {
	r, _ := running(t, Options{})
	t.Run("children that ignore SIGTERM", func(t *testing.T) {
		var limit time.Duration
		e := outOfTime(t, func(pipe string) string { return stubborn(t, pipe, 50) }, func(path string, timeout time.Duration) Exit {
			limit = timeout
			return r.Execute(t.Context(), Command{Argv: []string{path}, As: myself(), Timeout: timeout})
		})
		if !e.TimedOut || e.Signal != unix.SIGKILL || e.Success() || e.String() != "timed out" {
			t.Errorf("%+v", e)
		}
		if e.Took < limit+r.grace {
			t.Errorf("killed after %v, before the grace was over", e.Took)
		}
	})
	t.Run("the program goes at SIGTERM and leaves children that do not", func(t *testing.T) {
		e := outOfTime(t, func(pipe string) string {
			return program(t, "exec 8>"+pipe, "(trap '' TERM; exec sleep 1000) &", "echo ready >&8", "exec sleep 1000")
		}, func(path string, timeout time.Duration) Exit {
			return r.Execute(t.Context(), Command{Argv: []string{path}, As: myself(), Timeout: timeout})
		})
		if !e.TimedOut || e.Signal == 0 {
			t.Errorf("%+v", e)
		}
	})
	t.Run("the program says its status at SIGTERM", func(t *testing.T) {
		path := program(t, "trap 'exit 0' TERM", "while :; do sleep 0.01; done")
		if e := r.Execute(t.Context(), Command{Argv: []string{path}, As: myself(), Timeout: 300 * time.Millisecond}); !e.TimedOut || e.Success() {
			t.Errorf("%+v", e)
		}
	})
	t.Run("what an orderly program leaves running is its own affair", func(t *testing.T) {
		pipe, gone := fifo(t)
		pid := filepath.Join(t.TempDir(), "pid")
		e := execute(t, r, program(t, "exec 8>"+pipe, "sleep 1000 & echo $! >"+pid, "exit 0"))
		var n int
		fmt.Sscan(said(t, pid), &n)
		if err := unix.Kill(n, 0); err != nil || !e.Success() {
			t.Errorf("%v: its child: %v", e, err)
		}
		_ = unix.Kill(n, unix.SIGKILL)
		gone()
	})
	if len(r.turns) != 0 || len(r.own) != 0 {
		t.Errorf("%d turns and %d processes are left over", len(r.turns), len(r.own))
	}
}

func TestCancelledProgramEnds(t *testing.T) {
	r, _ := running(t, Options{})
	pipe, gone := fifo(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan Exit, 1)
	path := program(t, "exec 8>"+pipe, "echo ready >&8", "exec sleep 1000")
	go func() { done <- r.Execute(ctx, Command{Argv: []string{path}, As: myself()}) }()
	time.AfterFunc(200*time.Millisecond, cancel) // while it starts or while it runs: it ends
	if e := <-done; !e.Cancelled && !errors.Is(e.Err, context.Canceled) {
		t.Errorf("%+v", e)
	}
	gone()
	if e := r.Execute(ctx, Command{Argv: []string{path}}); !errors.Is(e.Err, context.Canceled) {
		t.Errorf("nobody wants it: %+v", e)
	}
}

func TestEndOfRunEndsPrograms(t *testing.T) {
	r, stop := running(t, Options{})
	pipe, gone := fifo(t)
	exits := make(chan Exit, 1)
	ready := filepath.Join(t.TempDir(), "ready")
	if err := unix.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { exits <- execute(t, r, program(t, "exec 8>"+pipe, "echo >"+ready, "exec sleep 1000")) }()
	said(t, ready)
	stop()
	gone()
	if e := <-exits; !e.Cancelled {
		t.Errorf("%+v", e)
	}
	if e := execute(t, r, "true"); !errors.Is(e.Err, ErrStopped) {
		t.Errorf("after the end: %+v", e)
	}
}

// TestLateBeforeItRuns: of a program that waits too long for its turn, or whose start hangs, is said once that it is late.
func TestLateBeforeItRuns(t *testing.T) {
	r, _ := running(t, Options{MaxRunning: 1})
	late, done := make(chan string, 10), make(chan Exit, 1)
	c := Command{Argv: []string{"true"}, As: myself(), Timeout: 10 * time.Millisecond, Late: func() { late <- "turn" }}
	r.turns <- struct{}{}
	go func() { done <- r.Execute(t.Context(), c) }()
	<-late
	<-r.turns
	if e := <-done; e.Err != nil || len(late) > 0 {
		t.Errorf("%+v, said %d times more", e, len(late))
	}
	hangs := NewRunner(Options{}) // nobody starts anything
	ctx, cancel := context.WithCancel(t.Context())
	c.Late = func() { late <- "start"; cancel() }
	if e := hangs.Execute(ctx, c); !errors.Is(e.Err, context.Canceled) || <-late != "start" {
		t.Errorf("%+v", e)
	}
}

// TestLimitOfPrograms: more than may run wait for their turn, each gets one, and no process is left.
func TestLimitOfPrograms(t *testing.T) {
	r, _ := running(t, Options{MaxRunning: 3})
	log := filepath.Join(t.TempDir(), "log")
	path := program(t, "echo + >>"+log, "sleep 0.02", "echo - >>"+log)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if e := execute(t, r, path); !e.Success() {
				t.Error(e)
			}
		})
	}
	all.Wait()
	under, peak, total := 0, 0, 0
	for _, line := range strings.Fields(said(t, log)) {
		if line == "+" {
			under++
			total++
		} else {
			under--
		}
		peak = max(peak, under)
	}
	if peak != 3 || total != 20 {
		t.Errorf("%d at once and %d in all, want 3 and 20", peak, total)
	}
	waiting, cancel := context.WithCancel(t.Context())
	for range 3 {
		r.turns <- struct{}{}
	}
	cancel()
	if e := r.Execute(waiting, Command{Argv: []string{"true"}}); !errors.Is(e.Err, context.Canceled) {
		t.Errorf("waits for its turn when nobody wants it any more: %+v", e)
	}
	for range 3 {
		<-r.turns
	}
}

// The tests below need a process of their own, which is this program again.
func TestMain(m *testing.M) {
	switch os.Getenv("VIGIL_SCRIPT_TEST") {
	case "parent":
		r := NewRunner(Options{})
		go r.Execute(context.Background(), Command{Argv: []string{os.Getenv("VIGIL_PROGRAM")}, As: myself()})
		_ = r.Run(context.Background())
	case "subreaper":
		os.Exit(adopt())
	case "once":
		once()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func again(t *testing.T, as, program string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "VIGIL_SCRIPT_TEST="+as, "VIGIL_PROGRAM="+program)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// TestProgramsEndWithTheProcess: when the process is killed, its programs get SIGTERM.
func TestProgramsEndWithTheProcess(t *testing.T) {
	pipe, gone := fifo(t)
	ready := filepath.Join(t.TempDir(), "ready")
	if err := unix.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := again(t, "parent", program(t, "exec 8>"+pipe, "echo >"+ready, "exec sleep 1000"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said(t, ready)
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	gone()
}

// TestOrphansAreReaped: a process that others hand their children to, as the first one of a container, leaves no zombie.
func TestOrphansAreReaped(t *testing.T) {
	if err := again(t, "subreaper", program(t, "(sleep 0.1 &) &", "wait", "exit 0")).Run(); err != nil {
		t.Error(err)
	}
}

// adopt runs a program whose grandchild outlives it, and reaps that.
func adopt() int {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil || !adopts() {
		fmt.Fprintln(os.Stderr, "not a subreaper:", err)
		return 1
	}
	r := NewRunner(Options{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	if e := r.Execute(ctx, Command{Argv: []string{os.Getenv("VIGIL_PROGRAM")}, As: myself()}); !e.Success() {
		fmt.Fprintln(os.Stderr, e)
		return 2
	}
	mine := exec.Command("sleep", "0.3") // somebody else's child, who waits for it
	if err := mine.Start(); err != nil {
		return 3
	}
	if err := mine.Wait(); err != nil {
		fmt.Fprintln(os.Stderr, "the child of somebody else:", err)
		return 4
	}
	_ = unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil) // until the orphan has ended
	r.reapOrphans()
	if err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil); err != unix.ECHILD {
		fmt.Fprintln(os.Stderr, "there are still children:", err)
		return 5
	}
	cancel()
	<-done
	return 0
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{"PATH=/bin", "IFS=", "LD_PRELOAD=x", "LD_LIBRARY_PATH=y", "LD_DEBUG=z", "IFSX=1", "odd"})
	if want := []string{"PATH=/bin", "LD_DEBUG=z", "IFSX=1", "odd"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
