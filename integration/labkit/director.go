package labkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"vigil/integration/debian"
	"vigil/internal/testlan"
)

// hung is when a program that is expected to do something is given up; nothing sooner than that is a matter of a busy machine.
const hung = 5 * time.Minute

// Program is a daemon that takes keepalived's arguments.
type Program struct {
	Name string
	Argv []string
}

// Keepalived is the first keepalived in PATH, Debian's unless a test run has put another before it.
func Keepalived() Program {
	path, err := debian.LookPath("keepalived")
	if err != nil {
		path = "/usr/sbin/keepalived" // who starts it learns that it is not there
	}
	return Program{"keepalived", []string{path}}
}

// Vigil is the program under test. It does not listen for HTTP: directors share one loopback address only in name, but
// nobody asks.
func Vigil(path string) Program {
	return Program{"vigil", []string{path, "--metrics-listen", "off"}}
}

// Director is a host that runs a Program. The program sees a /run of its own, which survives its restarts, and a /sys that
// shows its namespace.
type Director struct {
	Host    *testlan.Host
	Cable   *testlan.Cable // to the clients' segment
	Program Program
	Process *testlan.Process // the present or last run
	Log     []*testlan.Log   // of every run, oldest first
	Terse   bool             // without the details in the log

	dir string
	pid atomic.Int64 // of Process, for those who look on
}

// NewDirector makes a host the director that runs p.
func NewDirector(lab *testlan.Lab, h *testlan.Host, p Program) (*Director, error) {
	dir := filepath.Join(lab.Dir(), h.Name)
	return &Director{Host: h, Program: p, dir: dir}, os.MkdirAll(filepath.Join(dir, "run"), 0o755)
}

// ConfigFile is the file that the program reads.
func (d *Director) ConfigFile() string { return filepath.Join(d.dir, "keepalived.conf") }

// Configure replaces the file; a running program learns of it by Reload.
func (d *Director) Configure(text string) error {
	if err := os.WriteFile(d.ConfigFile()+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(d.ConfigFile()+".new", d.ConfigFile())
}

// Start starts the program.
func (d *Director) Start() error {
	const private = `mount --make-rprivate / && mount --bind "$1" /run && mount -t sysfs sysfs /sys && shift && exec "$@"`
	run := filepath.Join(d.dir, "run")
	detail := []string{"-D"}
	if d.Terse {
		detail = nil
	}
	argv := slices.Concat([]string{"unshare", "-m", "sh", "-c", private, "sh", run}, d.Program.Argv, detail,
		[]string{"-n", "-l", "-f", d.ConfigFile(), "-p", "/run/k.pid", "-r", "/run/v.pid", "-c", "/run/c.pid", "-b", "/run/b.pid"})
	p, err := d.Host.Start(d.Program.Name+" on "+d.Host.Name, nil, argv...)
	if err != nil {
		return err
	}
	d.Process = p
	d.pid.Store(int64(p.PID()))
	d.Log = append(d.Log, p.Log)
	return nil
}

// Stop asks the program to end in order and waits.
func (d *Director) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	defer cancel()
	return d.Process.Stop(ctx)
}

// Terminate asks the program to end in order and does not wait.
func (d *Director) Terminate() error { return d.Process.Signal(syscall.SIGTERM) }

// Kill ends the program and its children as SIGKILL does.
func (d *Director) Kill() { d.Process.Kill() }

// Reload asks the program to read its file again.
func (d *Director) Reload() error { return d.Process.Signal(syscall.SIGHUP) }

// Running fails when the program has ended by itself.
func (d *Director) Running() error {
	if d.Process == nil {
		return errors.New(d.Host.Name + " was never started")
	}
	select {
	case <-d.Process.Done():
		return fmt.Errorf("%s has ended (%v):\n%s", d.Process.Name, d.Process.Err(), d.Process.Log.Tail(15))
	default:
		return nil
	}
}
