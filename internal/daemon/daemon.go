package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/internal/status"
	"vigil/internal/web"
	"vigil/vrrp"
)

// httpStopLimit is how long the HTTP listener may take to end.
const httpStopLimit = time.Second

// steadyGCPercent trades a little CPU for memory: in the steady state a director allocates next to nothing.
const steadyGCPercent = 50

// daemon is the running whole. One goroutine, that of Run, owns it; what others may read says so.
type daemon struct {
	opts     Options
	log      *slog.Logger
	writer   *logWriter           // of log; nil = somebody else's
	registry *prometheus.Registry // of all parts, for any goroutine
	metrics  *metrics
	started  time.Time

	sessions      *sessions
	services      *services
	routers       *routers
	tables        *tables
	syncing       *syncing
	notifications *notifications
	members       *following
	self          *self
	parts         []part // those that are to run, in the order in which they start; never changed

	running       loaded
	reloading     *reload         // nil while none is under way
	draining      sync.Mutex      // held while it is decided whether there may be another drain
	drains        drains          // what operators have drained
	drained       chan drainOrder // of which that is to be so
	membersAt     time.Time       // of the last revision for members
	stale         bool            // members or drains may have changed since they were last taken
	waiting       []chan<- error  // of who waits for that
	reviseAgain   *time.Timer     // when it is tried again to take them
	asked         chan Request    // of the program itself
	saver         saver
	dumps         dumps
	configuration atomic.Pointer[status.Configuration]

	ended chan *task
	http  *task
}

// Run loads the configuration, runs the parts until ctx ends, and stops them in order. Configuration errors and parts
// that cannot ever work are *ExitError.
func Run(ctx context.Context, o Options) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(steadyGCPercent)
	}
	close := func() {}
	var writer *logWriter
	if o.Logger == nil {
		o.Logger, writer = newLogger(o.Log, os.Stderr)
		close = writer.close
	}
	defer close()
	d := newDaemon(o)
	d.writer = writer
	err := d.run(ctx)
	if errors.Is(err, errElsewhere) {
		return d.move(ctx, close)
	}
	return err
}

// move executes the program again in the network namespace that it belongs in. As keepalived, a daemon that cannot
// enter it ends without an exit status that says so.
func (d *daemon) move(ctx context.Context, closeLog func()) error {
	name, closed := d.running.identity.namespace, false
	err := reexec(d.opts, name, true, func() error {
		if d.opts.LastSignals != nil {
			d.opts.LastSignals()
		}
		if ctx.Err() == nil {
			closeLog()
			closed = true
		}
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		return nil // told to stop before anything has begun
	case closed:
		return &ExitError{Code: ExitFatal, Err: err}
	}
	forgiven, ok := errors.AsType[notEntered](err)
	if !ok {
		return d.fail(ExitFatal, err)
	}
	for _, line := range forgiven.lines(name) {
		d.log.Error(line)
	}
	return nil
}

func newDaemon(o Options) *daemon {
	d := &daemon{opts: o, log: o.Logger, registry: prometheus.NewRegistry(), started: time.Now(), ended: make(chan *task, 16),
		asked: make(chan Request, 1), reviseAgain: time.NewTimer(math.MaxInt64), drained: make(chan drainOrder)}
	d.metrics = newMetrics(d.registry)
	d.configuration.Store(&status.Configuration{File: o.ConfigFile})
	s := surroundings{opts: &d.opts, log: d.log, metrics: d.registry, ended: d.ended, tracked: vrrp.NewTracked(),
		followed: healthcheck.NewBFDSessions()}
	d.notifications, d.sessions = newNotifications(s), &sessions{surroundings: s}
	d.self = &self{surroundings: s, reload: d.asked}
	d.tables = newTables(s)
	d.parts = append(d.parts, d.self, d.tables, d.notifications, d.sessions)
	d.services, d.syncing = newServices(s, d.notifications.teller), &syncing{surroundings: s, roles: make(map[confparse.InstanceName]role)}
	d.routers = &routers{surroundings: s, teller: d.notifications.teller, syncing: d.syncing}
	d.members = newFollowing(s)
	if o.Checkers {
		d.parts = append(d.parts, d.services, d.members)
	}
	d.parts = append(d.parts, d.syncing)
	if o.VRRP {
		d.parts = append(d.parts, &tracking{surroundings: s}, d.routers)
	}
	return d
}

func (d *daemon) run(ctx context.Context) error {
	if d.opts.entered == "" {
		d.log.Info("Starting " + banner())
		d.log.Info("Command line: " + commandLine(os.Args))
		d.log.Info("Configuration file " + d.opts.ConfigFile)
	}
	first, err := d.loadFirst(ctx)
	switch {
	case errors.Is(err, errElsewhere) && d.opts.entered == "":
		d.running.identity = first.identity
		return err
	case errors.Is(err, errElsewhere):
		return d.fail(ExitConfig, fmt.Errorf("the network namespace was %s a moment ago and is to be %q: not starting",
			d.opts.entered, first.identity.namespace))
	case err != nil && ctx.Err() != nil:
		return nil // told to stop before anything has begun
	case errors.Is(err, fs.ErrNotExist):
		return d.fail(ExitNoConfig, err)
	case err != nil:
		return d.fail(ExitConfig, fmt.Errorf("%w: not starting", err))
	}
	if err := first.identity.check(); err != nil {
		return d.fail(ExitConfig, fmt.Errorf("%w: not starting", err))
	}
	d.take(first.identity)
	d.self.setUmask(first.desired.Program)
	if err := d.drains.load(d.drainsPath()); err != nil {
		d.log.Error("What was drained before this start is not known any more", "err", err)
	}
	if first = d.firstRevision(ctx, first); ctx.Err() != nil {
		return nil
	}
	release, err := d.claim(first.desired)
	if errors.Is(err, errAlreadyRunning) {
		d.log.Info("daemon is already running", "err", err)
		return nil
	}
	if err != nil {
		return d.fail(ExitFatal, err)
	}
	defer release()
	defer d.serve()()
	defer d.serveControl()()
	if err = d.begin(ctx, first); err == nil {
		first = loaded{}
		err = d.loop(ctx)
	} else {
		err = d.forgo(ctx, first.desired, err)
	}
	notifyStopping(d.log)
	d.log.Info("Stopping")
	d.abandonReload()
	defer d.dumps.finish()
	if stopErr := stopAll(d.parts); err == nil {
		err = stopErr
	} else if stopErr != nil {
		d.log.Error(stopErr.Error())
	}
	d.running.desired.Told.Shutdown.run(context.Background(), "shutdown_script", d.log)
	if err != nil {
		err = d.fail(ExitFatal, err)
	}
	d.log.Info("Stopped " + banner())
	return err
}

// take makes id what the process is called.
func (d *daemon) take(id identity) {
	d.opts.PIDFiles, d.opts.ipvsNamespace = id.pidFiles(d.opts.PIDFiles), id.ipvsNamespace
	d.running.identity = id
	suffix := id.suffix()
	if suffix == "" {
		return
	}
	d.log.Info("Changing syslog ident to " + idents[""] + suffix)
	if d.writer != nil {
		d.writer.rename(suffix)
	}
}

// loadFirst loads the configuration, however long that takes, unless ctx ends.
func (d *daemon) loadFirst(ctx context.Context) (loaded, error) {
	type result struct {
		loaded
		err error
	}
	done := make(chan result, 1)
	go func() {
		first, err := load(d.opts, loaded{}, d.log)
		done <- result{first, err}
	}()
	select {
	case r := <-done:
		return r.loaded, r.err
	case <-ctx.Done():
		return loaded{}, ctx.Err() // a file that cannot be read to its end is left to the end of the process
	}
}

// begin starts the parts that first asks for.
func (d *daemon) begin(ctx context.Context, first loaded) error {
	begun := time.Now()
	first.desired.Told.Startup.run(ctx, "startup_script", d.log)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	all, err := prepareAll(ctx, d.parts, first.desired)
	if err != nil {
		return err
	}
	if err := commitAll(ctx, all); err != nil {
		return err
	}
	d.tellMembers(first)
	d.inForce(first)
	d.loaded(reloadApplied, nil, begun)
	if d.services.running.Load() == nil && d.routers.runner.Load() == nil && d.sessions.runner.Load() == nil {
		d.log.Warn("Warning - keepalived has no configuration to run")
	}
	d.log.Info("Startup complete")
	notifyReady(d.log)
	if d.opts.Started != nil {
		d.opts.Started()
	}
	return nil
}

// forgo ends a start that came to nothing for cause; being told to stop is no failure.
func (d *daemon) forgo(ctx context.Context, next Desired, cause error) error {
	if ctx.Err() != nil {
		cause = nil
	}
	if !d.opts.VRRP {
		return cause
	}
	err := d.routers.forgo(next)
	switch {
	case cause == nil:
		return err
	case err != nil:
		d.log.Error(err.Error())
	}
	return cause
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
	programmed := d.services.ready()
	recheck := time.NewTimer(0)
	defer recheck.Stop()
	defer d.reviseAgain.Stop()
	<-recheck.C
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-d.opts.Requests:
			d.handle(ctx, r)
		case r := <-d.asked:
			d.handle(ctx, r)
		case out := <-d.reloadOutcome():
			if err := d.endReload(ctx, out); err != nil {
				return err
			}
		case <-d.members.changed():
			d.membersDue(ctx)
		case <-d.reviseAgain.C:
			d.revisionDue(ctx)
		case o := <-d.drained:
			d.waiting = append(d.waiting, o.done)
			d.revisionDue(ctx)
		case <-d.routers.changed():
			if slices.ContainsFunc(d.routers.runner.Load().TakeChanges(), pathsChanged) {
				recheck.Reset(recheckDelay)
			}
		case <-recheck.C:
			d.services.recheck()
		case <-programmed:
			programmed = nil
			debug.FreeOSMemory() // parsing and programming took more than running will
		case t := <-d.ended:
			if err := d.taskEnded(t); err != nil {
				return err
			}
		}
	}
}

// recheckDelay is how long after a change of role checks are made again: the addresses are here by then, and those who send
// to them know.
const recheckDelay = 100 * time.Millisecond

// pathsChanged reports whether a change of role comes with other paths between this host and the real servers: a link
// has come back, or the address that is their gateway has come here. Checks that failed until then say nothing any more.
func pathsChanged(c vrrp.Change) bool {
	return c.Kind == vrrp.Transition && !c.Initial && (c.To == vrrp.Master || c.From == vrrp.Fault)
}

// taskEnded decides what the end of a task means. VRRP, checks and IPVS are what the daemon is for; systemd starts it
// again, and meanwhile the peer takes over.
func (d *daemon) taskEnded(t *task) error {
	if t == d.http {
		if t.err != nil {
			d.log.Warn("metrics are no longer served", "err", t.err)
		}
		return nil
	}
	if t.err == nil {
		return fmt.Errorf("%s ended unexpectedly", t.name)
	}
	return fmt.Errorf("%s: %w", t.name, t.err)
}

// loaded notes what became of an attempt to load the configuration that began at begun.
func (d *daemon) loaded(result string, err error, begun time.Time) {
	now := time.Now()
	c := status.Configuration{File: d.opts.ConfigFile, Result: result, Attempted: begun,
		InForce: d.configuration.Load().InForce, TookSeconds: status.Seconds(now.Sub(begun))}
	if err != nil {
		c.Error = err.Error()
	} else {
		c.InForce = now
	}
	d.configuration.Store(&c)
	d.metrics.loaded(err == nil, now)
}

// claim writes the pid files of the subsystems that will run. The function it returns removes them.
func (d *daemon) claim(first Desired) (func(), error) {
	paths := []string{d.opts.PIDFiles.Daemon}
	if d.opts.VRRP {
		paths = append(paths, d.opts.PIDFiles.VRRP)
	}
	if d.opts.Checkers {
		paths = append(paths, d.opts.PIDFiles.Checkers)
	}
	if d.opts.BFD && len(first.BFD.Sessions) > 0 {
		paths = append(paths, d.opts.PIDFiles.BFD)
	}
	var files []*pidFile
	release := func() {
		for _, f := range files {
			if err := f.remove(); err != nil {
				d.log.Warn("remove pid file", "err", err)
			}
		}
		d.opts.removePIDDir()
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
	l := web.Listen(d.opts.MetricsListen, log)
	if l == nil {
		return func() {}
	}
	h := web.NewHandler(web.Source{Metrics: d.registry, Status: d.status, Explain: d.explain, Unready: d.unready}, log)
	d.http = startTask("http", d.ended, func(ctx context.Context) error { return web.Serve(ctx, l, h, log) })
	return func() { d.http.stop(httpStopLimit) }
}

func commandLine(argv []string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = "'" + a + "'"
	}
	return strings.Join(quoted, " ")
}
