package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/healthcheck"
	"vigil/ipvs"
	"vigil/vrrp"
	"vigil/vrrp/election"
)

// How long parts may take to end. A hand-over takes at most the largest skew of VRRPv2, a second, and a bit; the
// kernel takes back ten thousand destinations in well under a second.
const (
	vrrpStopLimit  = 5 * time.Second
	checkStopLimit = 3 * time.Second
	ipvsStopLimit  = 12 * time.Second
	httpStopLimit  = time.Second
	// ipvsHeadStart is how long VRRP waits at start for the table to be programmed: an address owner becomes master
	// at once, and should not do so in front of an empty table. Waiting longer would cost a process that comes back
	// after a crash its mastership.
	ipvsHeadStart = 100 * time.Millisecond
)

// steadyGCPercent trades a little CPU for memory: in the steady state a director allocates next to nothing.
const steadyGCPercent = 50

// daemon is the running whole. One goroutine, that of Run, owns it.
type daemon struct {
	opts    Options
	log     *slog.Logger
	metrics *metrics
	view    *view // what the HTTP listener reads

	running loaded

	ended  chan *task
	vrrp   *vrrp.Runner
	checks *healthcheck.Manager
	ipvs   *ipvs.Reconciler
	tasks  struct{ vrrp, checks, ipvs, http *task }
}

// Run loads the configuration, runs the parts until ctx ends, and stops them in order. Configuration errors and parts
// that cannot ever work are *ExitError.
func Run(ctx context.Context, o Options) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(steadyGCPercent)
	}
	log := o.Logger
	if log == nil {
		var flush func()
		log, flush = newLogger(o.Log, os.Stderr)
		defer flush()
	}
	reg := prometheus.NewRegistry()
	d := &daemon{opts: o, log: log, metrics: newMetrics(reg), view: newView(reg),
		ended: make(chan *task, 16)}
	return d.run(ctx)
}

func (d *daemon) run(ctx context.Context) error {
	d.log.Info("Starting " + banner())
	d.log.Info("Command line: " + commandLine(os.Args))
	d.log.Info("Configuration file " + d.opts.ConfigFile)
	first, err := load(d.opts, loaded{}, d.log)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.fail(ExitNoConfig, err)
	case err != nil:
		return d.fail(ExitConfig, fmt.Errorf("%w: not starting", err))
	}
	release, err := d.claim()
	if errors.Is(err, errAlreadyRunning) {
		d.log.Info("daemon is already running", "err", err)
		return nil
	}
	if err != nil {
		return d.fail(ExitFatal, err)
	}
	defer release()
	defer d.serve()()
	if err := d.apply(first.desired); err != nil {
		d.shutDown()
		return d.fail(ExitFatal, err)
	}
	d.running = first
	d.metrics.loaded(time.Now())
	first = loaded{}
	if d.tasks.vrrp == nil && d.tasks.checks == nil {
		d.log.Warn("Warning - keepalived has no configuration to run")
	}
	d.log.Info("Startup complete")
	notifyReady(d.log)
	err = d.loop(ctx)
	notifyStopping(d.log)
	d.log.Info("Stopping")
	if stopErr := d.shutDown(); err == nil {
		err = stopErr
	}
	if err != nil {
		err = d.fail(ExitFatal, err)
	}
	d.log.Info("Stopped " + banner())
	return err
}

// fail logs err, once, and gives it its exit status.
func (d *daemon) fail(code int, err error) error {
	var exit *ExitError
	if errors.As(err, &exit) {
		return exit
	}
	if errors.Is(err, os.ErrPermission) {
		code = ExitPermission
	}
	d.log.Error(err.Error())
	return &ExitError{Code: code}
}

// loop handles events until ctx ends or a part does.
func (d *daemon) loop(ctx context.Context) error {
	started := d.started()
	settled := time.NewTimer(0)
	defer settled.Stop()
	<-settled.C
	for {
		var changed, moved <-chan struct{}
		if d.checks != nil {
			changed = d.checks.Changed()
		}
		if d.vrrp != nil {
			moved = d.vrrp.Changed()
		}
		select {
		case <-ctx.Done():
			return nil
		case s := <-d.opts.Signals:
			d.signal(s)
		case <-changed:
			d.ipvs.SetHealth(changeOfHealth(d.checks.Take()))
		case <-moved:
			if slices.ContainsFunc(d.vrrp.TakeChanges(), pathsChanged) {
				settled.Reset(settling)
			}
		case <-settled.C:
			if d.checks != nil {
				d.checks.Recheck()
			}
		case <-started:
			started = nil
			debug.FreeOSMemory() // parsing and programming took more than running will
		case t := <-d.ended:
			if err := d.taskEnded(t); err != nil {
				return err
			}
		}
	}
}

// settling is how long after a change of role checks are made again: the addresses are here by then, and those who send
// to them know.
const settling = 100 * time.Millisecond

// pathsChanged reports whether a change of role comes with other paths between this host and the real servers: a link
// has come back, or the address that is their gateway has come here. Checks that failed until then say nothing any more.
func pathsChanged(c vrrp.Change) bool {
	return !c.Initial && (c.To == election.Master || c.From == election.Fault)
}

// started is closed when everything that happens once has happened.
func (d *daemon) started() <-chan struct{} {
	if d.ipvs != nil {
		return d.ipvs.Ready()
	}
	at := make(chan struct{})
	close(at)
	return at
}

// taskEnded decides what the end of a task means. VRRP, checks and IPVS are what the daemon is for; systemd starts it
// again, and meanwhile the peer takes over.
func (d *daemon) taskEnded(t *task) error {
	switch t {
	case d.tasks.vrrp, d.tasks.checks, d.tasks.ipvs:
		if t.err == nil {
			t.err = errors.New("ended unexpectedly")
		}
		return fmt.Errorf("%s: %w", t.name, t.err)
	case d.tasks.http:
		if t.err != nil {
			d.log.Warn("metrics are no longer served", "err", t.err)
		}
	}
	return nil // never came to run; whoever started it has reported that
}

func (d *daemon) signal(s os.Signal) {
	if s == syscall.SIGHUP {
		d.reload()
		return
	}
	d.log.Warn("Signal is accepted, not supported yet; ask /status and /metrics instead", "signal", s)
}

// claim writes the pid files of the subsystems that will run. The function it returns removes them.
func (d *daemon) claim() (func(), error) {
	paths := []string{d.opts.PIDFiles.Daemon}
	if d.opts.VRRP {
		paths = append(paths, d.opts.PIDFiles.VRRP)
	}
	if d.opts.Checkers {
		paths = append(paths, d.opts.PIDFiles.Checkers)
	}
	var files []*pidFile
	release := func() {
		for _, f := range files {
			if err := f.remove(); err != nil {
				d.log.Warn("remove pid file", "err", err)
			}
		}
	}
	for _, p := range paths {
		if p == "" {
			continue
		}
		f, err := createPIDFile(p)
		if err != nil {
			release()
			return nil, err
		}
		files = append(files, f)
	}
	return release, nil
}

// serve starts the HTTP listener, if there is to be one. The function it returns stops it.
func (d *daemon) serve() func() {
	log := d.log.With(componentKey, "metrics")
	l := listenHTTP(d.opts.MetricsListen, log)
	if l == nil {
		return func() {}
	}
	h := newHandler(d.view, d.view.status, d.view.unhealthy, log)
	d.tasks.http = startTask("http", d.ended, func(ctx context.Context) error { return serveHTTP(ctx, l, h, log) })
	return func() { d.tasks.http.stop(httpStopLimit) }
}

// shutDown stops the parts in the order that loses nothing: VRRP hands over while the table still works, then checks
// stop, then the table goes.
func (d *daemon) shutDown() error {
	var late []string
	for _, s := range []struct {
		task  *task
		limit time.Duration
	}{{d.tasks.vrrp, vrrpStopLimit}, {d.tasks.checks, checkStopLimit}, {d.tasks.ipvs, ipvsStopLimit}} {
		if !s.task.stop(s.limit) {
			late = append(late, fmt.Sprintf("%s did not stop in %v", s.task.name, s.limit))
		}
	}
	if len(late) > 0 {
		return errors.New(strings.Join(late, ", "))
	}
	return nil
}

// statePath is the path of a state file: beside the pid file and named after it, so that daemons with pid files of
// their own have state of their own.
func (d *daemon) statePath(suffix string) string {
	pid := d.opts.PIDFiles.Daemon
	if pid == "" {
		return ""
	}
	return strings.TrimSuffix(pid, filepath.Ext(pid)) + suffix
}

func commandLine(argv []string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = "'" + a + "'"
	}
	return strings.Join(quoted, " ")
}
