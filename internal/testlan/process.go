package testlan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a program running on a host, in a process group of its own.
type Process struct {
	Name    string
	Started time.Time
	Log     *Log

	cmd   *exec.Cmd
	group int
	done  chan struct{}
	err   error // valid when done is closed
}

// Start starts a program. Its output goes to Process.Log and, if stdout is not nil, its standard output goes there instead.
func (h *Host) Start(name string, stdout io.Writer, argv ...string) (*Process, error) {
	if err := adoptOrphans(); err != nil {
		return nil, fmt.Errorf("start %s: become the parent of orphans: %w", name, err)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	cmd.Stderr, cmd.Stdout = w, w
	if stdout != nil {
		cmd.Stdout = stdout
	}
	p := &Process{Name: name, Log: &Log{}, cmd: cmd, done: make(chan struct{}), Started: time.Now()}
	err = h.start(cmd)
	w.Close()
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("start %s on %s: %w", name, h.Name, err)
	}
	p.group = cmd.Process.Pid
	go func() {
		p.Log.collect(r)
		r.Close()
	}()
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	h.lab.mu.Lock()
	h.lab.processes = append(h.lab.processes, p)
	h.lab.mu.Unlock()
	return p, nil
}

// PID is the process id of the program itself.
func (p *Process) PID() int { return p.group }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is the exit error of a program that has ended.
func (p *Process) Err() error { return p.err }

// Signal sends a signal to the program, not to its children.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s to %s: %w", s, p.Name, err)
	}
	return nil
}

// Wait waits for the end of the program; an exit status other than 0 is an error.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s: %w", p.Name, p.err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s (pid %d) still runs: %w", p.Name, p.group, ctx.Err())
	}
}

// Stop asks the program to end and waits for it.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.Wait(ctx)
}

// Kill ends the program and its children at once and waits for all of them: a child that nobody has waited for still counts
// as a running daemon for one that looks at pid files.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.group, syscall.SIGKILL) // nobody there is what we want
	<-p.done
	for {
		if _, err := syscall.Wait4(-p.group, nil, 0, nil); err != nil && !errors.Is(err, syscall.EINTR) {
			return // ECHILD: none left
		}
	}
}

// adoptOrphans makes this process the parent of children whose own parent has died.
var adoptOrphans = sync.OnceValue(func() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
})
