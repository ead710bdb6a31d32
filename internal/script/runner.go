// Package script runs the operator's programs: as the account they are to have, in a process group of their own that
// does not outlive its time, a limited number at once, and without leaving a process behind that nobody waits for. It
// knows nothing of what they are run for.
package script

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The ladder of a program that has to end: SIGTERM to its process group, SIGKILL after the grace, and after killLimit it
// is given up, which only happens to one that the kernel holds, or where a machine has no time for its end. Shutting down
// has less patience.
const (
	timeoutGrace = 2 * time.Second
	stopGrace    = time.Second
	killLimit    = 10 * time.Second
)

// orphanDelay is how long a child that has ended is left to whoever in this process may be waiting for it.
const orphanDelay = time.Second

// DefaultMaxRunning is how many programs run at once unless Options says otherwise.
const DefaultMaxRunning = 128

// ErrStopped means that a program was not started because the Runner has ended.
var ErrStopped = errors.New("programs are no longer started")

// Options are what a Runner needs from its surroundings. The zero value works.
type Options struct {
	Logger     *slog.Logger // nil discards
	MaxRunning int          // programs at once; further ones wait for their turn. 0 = DefaultMaxRunning
}

// Runner runs programs while its Run is on. Execute may be called from any goroutine.
type Runner struct {
	log      *slog.Logger
	turns    chan struct{}    // holds a value for each program that runs
	starts   chan startOrder  // to the thread of Run
	stopping chan struct{}    // closed when Run is to end
	poke     chan os.Signal   // 1 slot: a child has ended
	grace    time.Duration    // of a timeout
	running  sync.WaitGroup   // programs that have not ended
	told     atomic.Int64     // when it was told last that programs wait, in seconds since 1970
	mu       sync.Mutex       // also held while a program starts
	own      map[int]struct{} // the processes that somebody waits for
	stopped  bool
}

// NewRunner returns a Runner that starts nothing before its Run.
func NewRunner(o Options) *Runner {
	r := &Runner{log: o.Logger, starts: make(chan startOrder), stopping: make(chan struct{}), poke: make(chan os.Signal, 1),
		grace: timeoutGrace, own: make(map[int]struct{})}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if o.MaxRunning <= 0 {
		o.MaxRunning = DefaultMaxRunning
	}
	r.turns = make(chan struct{}, o.MaxRunning)
	return r
}

// startOrder asks the thread of Run to start a command.
type startOrder struct {
	command Command
	started chan<- startAnswer // has room for it
}

type startAnswer struct {
	cmd *exec.Cmd
	err error
}

// Run starts what Execute asks for until ctx ends; then it ends the programs that run and waits for them. It must be
// called once, in a goroutine of its own, whose thread ends with it. All programs are children of its thread: a parent-death signal follows the thread and not the process
// (prctl(2)), and so they end when the daemon is killed, and not when the runtime retires a thread.
func (r *Runner) Run(ctx context.Context) error {
	runtime.LockOSThread()
	resetChildren()
	if adopts() {
		signal.Notify(r.poke, syscall.SIGCHLD)
		defer signal.Stop(r.poke)
	}
	var orphans <-chan time.Time
	for {
		select {
		case o := <-r.starts:
			cmd, err := r.start(o.command)
			o.started <- startAnswer{cmd, err}
		case <-r.poke:
			if orphans == nil && adopts() {
				orphans = time.After(orphanDelay)
			}
		case <-orphans:
			orphans = nil
			r.reapOrphans()
		case <-ctx.Done():
			r.mu.Lock()
			r.stopped = true
			r.mu.Unlock()
			close(r.stopping)
			r.running.Wait()
			r.reapOrphans()
			return nil
		}
	}
}

// start starts a program on the calling thread.
func (r *Runner) start(c Command) (*exec.Cmd, error) {
	cmd, err := c.prepare()
	if err != nil {
		return nil, err
	}
	closeOnExec()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil, ErrStopped
	}
	if err = cmd.Start(); errors.Is(err, unix.ENOEXEC) {
		if cmd, err = c.throughShell(cmd.Path); err == nil {
			err = cmd.Start()
		}
	}
	if err != nil {
		return nil, err
	}
	r.own[cmd.Process.Pid] = struct{}{}
	r.running.Add(1)
	return cmd, nil
}

// closeOnExec marks every descriptor above the standard ones, so that those that were handed to the daemon, or that a
// library made without the mark, do not leak into programs. Kernels before 5.11 cannot do it at once.
func closeOnExec() {
	if unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		var fd int
		if _, err := fmt.Sscan(e.Name(), &fd); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}
