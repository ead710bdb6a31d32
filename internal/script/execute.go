package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Exit is how a program ended.
type Exit struct {
	Err       error          // it was not run, for this reason; the other fields say nothing then
	Code      int            // its exit status, if no signal ended it
	Signal    syscall.Signal // that ended it; 0 = none
	TimedOut  bool           // it was made to end because its time was over
	Cancelled bool           // it was made to end because nobody wants it any more
	Took      time.Duration  // from its start, waiting for a turn excluded
}

// Success reports whether the program ended by itself with status 0.
func (e Exit) Success() bool {
	return e.Err == nil && e.Code == 0 && e.Signal == 0 && !e.TimedOut && !e.Cancelled
}

// Short reports whether the program was not run because of something on our side that passes: descriptors, processes or
// memory are used up, or its file is being written. That says nothing of what it would have said. Neither does that we lack
// the right to become its account.
func (e Exit) Short() bool {
	var errno syscall.Errno
	if !errors.As(e.Err, &errno) {
		return false
	}
	switch errno {
	case unix.EMFILE, unix.ENFILE, unix.EAGAIN, unix.ENOMEM, unix.ETXTBSY, unix.EPERM:
		return true
	}
	return false
}

// String says how it ended: "exited with status 3", "due to signal 9", "timed out".
func (e Exit) String() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.TimedOut:
		return "timed out"
	case e.Cancelled:
		return "cancelled"
	case e.Signal != 0:
		return fmt.Sprintf("due to signal %d", int(e.Signal))
	}
	return fmt.Sprintf("exited with status %d", e.Code)
}

// process is a program that runs.
type process struct {
	cmd       *exec.Cmd
	condemned atomic.Bool // its group is to end with it
	ended     chan struct{}
}

// Execute runs a program to its end, or until ctx or Run ends, and returns how it ended. It waits for a turn first. What
// is left of the process group is killed with a program that did not end by itself; what one that did has left running
// is its own affair.
func (r *Runner) Execute(ctx context.Context, c Command) Exit {
	if err := ctx.Err(); err != nil { // which is not left to chance below
		return Exit{Err: err}
	}
	late := sync.OnceFunc(func() {
		if c.Late != nil {
			c.Late()
		}
	})
	onTurn := after(10*c.Timeout, late)
	err := r.turn(ctx)
	onTurn()
	if err != nil {
		return Exit{Err: err}
	}
	p, err := r.launch(ctx, c, late)
	if err != nil {
		<-r.turns
		return Exit{Err: err}
	}
	begin := time.Now()
	c.Progress.enter(Running)
	defer c.Progress.enter(Idle)
	go r.await(p)
	e := r.attend(ctx, p, c, late)
	e.Took = time.Since(begin)
	return e
}

// insistTries is how often Insist tries to start a program, insistPause the time in between.
const (
	insistTries = 30
	insistPause = time.Second
)

// after calls f in d, if that is not 0, unless stop is called before. When stop has returned f is not called any more.
func after(d time.Duration, f func()) (stop func()) {
	if d <= 0 {
		return func() {}
	}
	done := make(chan struct{})
	t := time.AfterFunc(d, func() { f(); close(done) })
	return func() {
		if !t.Stop() {
			<-done
		}
	}
}

// Insist is Execute for a program that is to run late rather than never: while it cannot be started because this machine is
// short of something (Exit.Short) it is tried again, for half a minute.
func (r *Runner) Insist(ctx context.Context, c Command) Exit {
	e := r.Execute(ctx, c)
	for try := 1; e.Short() && try < insistTries; try++ {
		select {
		case <-ctx.Done():
			return e
		case <-time.After(insistPause):
		}
		e = r.Execute(ctx, c)
	}
	return e
}

// longWait is how long a program waits for its turn before that is told.
const longWait = 10 * time.Second

// turn waits for a turn.
func (r *Runner) turn(ctx context.Context) error {
	select {
	case r.turns <- struct{}{}:
		return nil
	default:
	}
	long := time.NewTimer(longWait)
	defer long.Stop()
	for {
		select {
		case r.turns <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-r.stopping:
			return ErrStopped
		case <-long.C:
			last, now := r.told.Load(), time.Now().Unix()
			if now-last >= 60 && r.told.CompareAndSwap(last, now) { // once a minute for all that wait
				r.log.Warn("Programs wait for others to end", "running", len(r.turns))
			}
			long.Reset(longWait)
		}
	}
}

// launch has the thread of Run start a program. It calls late when the start hangs, as on a file system that does, and much later
// when that of another one does.
func (r *Runner) launch(ctx context.Context, c Command, late func()) (*process, error) {
	started := make(chan startAnswer, 1)
	queued := after(10*c.Timeout, late)
	select {
	case r.starts <- startOrder{c, started}:
		queued()
	case <-ctx.Done():
		queued()
		return nil, ctx.Err()
	case <-r.stopping:
		queued()
		return nil, ErrStopped
	}
	hangs := after(2*c.Timeout, late)
	a := <-started
	hangs()
	if a.err != nil {
		return nil, a.err
	}
	return &process{cmd: a.cmd, ended: make(chan struct{})}, nil
}

// attend waits for the end of a program, and brings it about when it is time.
func (r *Runner) attend(ctx context.Context, p *process, c Command, late func()) (e Exit) {
	var timeout <-chan time.Time
	if c.Timeout > 0 {
		t := time.NewTimer(c.Timeout)
		defer t.Stop()
		timeout = t.C
	}
	ended := true
	select {
	case <-p.ended:
	case <-timeout:
		if p.exited() { // in time perhaps: it is we who were held up
			known := after(max(2*c.Timeout, time.Second), late) // while the start of another hangs nobody can know
			<-p.ended
			known()
			break
		}
		e.TimedOut = true
		late()
		ended = r.end(p, c.Progress, r.grace)
	case <-ctx.Done():
		e.Cancelled = true
		ended = r.end(p, c.Progress, stopGrace)
	case <-r.stopping:
		e.Cancelled = true
		ended = r.end(p, c.Progress, stopGrace)
	}
	if !ended {
		r.log.Warn("a program does not end, not even when killed", "program", c.Argv[0], "pid", p.cmd.Process.Pid)
		e.Signal = unix.SIGKILL
		return e
	}
	e.describe(p.cmd.ProcessState)
	return e
}

func (e *Exit) describe(state *os.ProcessState) {
	if state == nil {
		return
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = status.Signal()
		return
	}
	e.Code = state.ExitCode()
}

// end makes the process group of p end and reports whether it has.
func (r *Runner) end(p *process, progress *Progress, grace time.Duration) bool {
	p.condemned.Store(true)
	for _, rung := range []struct {
		phase  Phase
		signal unix.Signal
		wait   time.Duration
	}{{Terminating, unix.SIGTERM, grace}, {Killing, unix.SIGKILL, killLimit}} {
		progress.enter(rung.phase)
		p.signal(rung.signal)
		t := time.NewTimer(rung.wait)
		select {
		case <-p.ended:
			t.Stop()
			return true
		case <-t.C:
		}
	}
	return false
}

// exited reports whether p has ended, as far as the kernel knows.
func (p *process) exited() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return err == unix.ECHILD || err == nil && info.Signo != 0 // or it has been waited for already
}

// signal signals the process group. Nobody has waited for its leader yet, so its number is not another's.
func (p *process) signal(s unix.Signal) { _ = unix.Kill(-p.cmd.Process.Pid, s) }

// await waits for the end of p. What is left of a condemned group is killed before the leader's process is given back
// to the kernel, while the number of the group cannot be another's.
func (r *Runner) await(p *process) {
	defer r.running.Done()
	for {
		err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	if p.condemned.Load() {
		p.signal(unix.SIGKILL)
	}
	_ = p.cmd.Wait() // its state says more than the error
	r.mu.Lock()
	delete(r.own, p.cmd.Process.Pid)
	r.mu.Unlock()
	<-r.turns
	close(p.ended)
	select { // it may have stood in front of orphans
	case r.poke <- unix.SIGCHLD:
	default:
	}
}
