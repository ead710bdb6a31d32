package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/internal/announce"
	"vigil/internal/firewall"
	"vigil/internal/script"
	"vigil/internal/status"
	"vigil/ipvs"
)

// How long the ends of this part may take. The kernel takes back ten thousand destinations in well under a second.
const (
	checkStopLimit  = 3 * time.Second
	scriptStopLimit = 12 * time.Second
	carryStopLimit  = time.Second
	tableStopLimit  = 12 * time.Second
	// tableHeadStart is how long the virtual routers wait for the table to be programmed: an address owner becomes master
	// at once, and should not do so in front of an empty table. Waiting longer would cost a process that comes back after
	// a crash its mastership.
	tableHeadStart = 100 * time.Millisecond
)

// tableState ends the name of the file that remembers which services are ours.
const tableState = "-ipvs.json"

// services is the part that runs health checks and makes the kernel's table follow them. It starts with the first
// virtual server.
type services struct {
	surroundings
	teller  *teller
	running atomic.Pointer[runningServices] // nil until it runs

	// mu makes one of taking what the checks say and giving it to the table: what was taken first is given first.
	mu sync.Mutex

	// Owned by the daemon's goroutine.
	tasks   struct{ scripts, checks, carry, table, watch, marks, sources, announce *task }
	network Network // that is watched

	quorums quorums
}

type runningServices struct {
	checks    *healthcheck.Manager
	table     *ipvs.Reconciler
	suspended *suspension
	marks     *markKeeper
	sources   *sourceKeeper
	announced *announcements
}

func newServices(s surroundings, told *teller) *services {
	return &services{surroundings: s, teller: told, quorums: quorums{tell: s.tracked.Set, forget: s.tracked.Forget}}
}

func (s *services) String() string { return "virtual servers" }

// prepare opens the kernel's table before the first virtual server: whether there is one may take seconds to find out.
// Without any it does so only if an earlier run has left services behind, which then cannot be a reason not to start.
func (s *services) prepare(ctx context.Context, next Desired) (prepared, error) {
	material, err := healthcheck.LoadTLS(next.Checks.TLS)
	if err != nil {
		return prepared{}, err
	}
	if r := s.running.Load(); r != nil {
		return prepared{commit: func(ctx context.Context) error {
			r.checks.UseTLS(material)
			s.set(ctx, next)
			return nil
		}}, nil
	}
	none := len(next.IPVS.VirtualServers) == 0
	if none && !ipvs.LeftBehind(s.statePath(tableState)) && !announce.LeftBehind(s.statePath(announceState)) {
		return prepared{}, nil
	}
	kernel, err := s.openIPVS(ctx, next.IPVS.Buffers.Command, s.log.With(componentKey, "ipvs"))
	if err != nil && none {
		s.log.Warn("IPVS services of an earlier run may have stayed behind", "err", err)
		return prepared{}, nil
	}
	if err != nil {
		return prepared{}, fmt.Errorf("virtual servers are configured: %w", err)
	}
	if none {
		next.IPVS = ipvs.Spec{} // lvs_flush and lvs_flush_on_stop are for those who have virtual servers
	}
	return prepared{
		commit: func(ctx context.Context) error {
			s.start(kernel, next.IPVS.Buffers.Command)
			s.running.Load().checks.UseTLS(material)
			s.set(ctx, next)
			return nil
		},
		abort: func() { kernel.Close() },
	}, nil
}

// start starts checks and table, the latter with a kernel that is open.
func (s *services) start(kernel ipvs.Kernel, buffer confparse.BufferSize) {
	open := func(ctx context.Context) (ipvs.Kernel, error) {
		if k := kernel; k != nil {
			kernel = nil
			return k, nil
		}
		return s.openIPVS(ctx, buffer, s.log.With(componentKey, "ipvs"))
	}
	log := s.log.With(componentKey, "checkers")
	checking := script.NewRunner(script.Options{Logger: log})
	s.tasks.scripts = startTask("programs of checks", s.ended, checking.Run)
	r := &runningServices{
		checks: healthcheck.NewManager(healthcheck.Options{Logger: log, Registerer: s.metrics, Scripts: checking,
			BFD: s.followed}),
		table: ipvs.NewReconciler(ipvs.Options{Open: open, Logger: s.log.With(componentKey, "ipvs"), Registerer: s.metrics,
			StatePath: s.statePath(tableState), KeepOnStop: s.opts.KeepIPVS, Audit: s.opts.Audit, Tell: s.tell}),
	}
	r.suspended = newSuspension(r.checks.Suspend)
	r.marks = newMarkKeeper(new(firewall.MarkTable), s.log.With(componentKey, "ipvs"), s.metrics)
	r.sources = newSourceKeeper(s.sourceTable(), s.log.With(componentKey, "ipvs"), s.metrics)
	r.announced = newAnnouncements(announce.New(announce.Options{Open: s.openNetworkOfIPVS, Logger: s.log.With(componentKey, "ipvs"),
		Registerer: s.metrics, StatePath: s.statePath(announceState), KeepOnStop: s.opts.KeepIPVS}))
	s.running.Store(r) // who tells of the table looks there
	s.tasks.table = startTask("ipvs", s.ended, r.table.Run)
	s.tasks.checks = startTask("healthcheck", s.ended, r.checks.Run)
	s.tasks.carry = startTask("health to table", s.ended, func(ctx context.Context) error { return s.carry(ctx, r) })
}

// tell tells of what has happened to a virtual server.
func (s *services) tell(e ipvs.Event) {
	s.quorums.take(e)
	s.running.Load().announced.take(e)
	s.teller.tell(e)
}

// set makes next what is checked and what the table is to be, and gives the table its head start.
func (s *services) set(ctx context.Context, next Desired) {
	r := s.running.Load()
	if r.suspended.want(next.IPVS) && s.tasks.watch == nil {
		s.watch(r, next.IPVS.Buffers.Monitor)
	}
	r.sources.widen(next.IPVS) // before the services are there that need it
	// What is announced no more has to go before the services do, and what is announced from now on waits for theirs.
	if r.announced.set(next.IPVS) && s.tasks.announce == nil {
		s.tasks.announce = startTask("announced addresses", s.ended, func(ctx context.Context) error { return r.announced.run(ctx, s.prospect(r)) })
	}
	clearing, cancelClearing := context.WithTimeout(ctx, clearLimit)
	r.announced.keeper.Sync(clearing)
	cancelClearing()
	s.mu.Lock()
	now := r.checks.Apply(next.Checks)
	r.table.Report(changesOfHealth(now.Untaken))
	r.table.Set(next.IPVS, healthOf(next.Checks, now))
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, tableHeadStart)
	defer cancel()
	_ = r.table.Sync(ctx) // late is no failure, and its end is seen by its owner
	s.quorums.set(next.Followed, r.table.Pools())
	if r.sources.set(next.IPVS) && s.tasks.sources == nil {
		s.tasks.sources = startTask("source addresses", s.ended, r.sources.run)
	}
	// The services that packets are sent to by this are there.
	if r.marks.set(next.IPVS) && s.tasks.marks == nil {
		s.tasks.marks = startTask("firewall marks", s.ended, r.marks.run)
	}
}

// watch begins to follow which addresses are here. Without that nobody is suspended.
func (s *services) watch(r *runningServices, buffer confparse.BufferSize) {
	network, err := s.openNetwork(buffer, confparse.BufferSize{})
	if err != nil {
		s.log.Error("ha_suspend: cannot tell which addresses are here", "err", err)
		r.suspended.blinded()
		return
	}
	s.network = network
	s.tasks.watch = startTask("addresses", s.ended, func(ctx context.Context) error {
		if err := r.suspended.run(ctx, network); err != nil && ctx.Err() == nil {
			return fmt.Errorf("ha_suspend: %w", err)
		}
		return nil
	})
}

// carry gives the table what the checks find, until ctx ends.
func (s *services) carry(ctx context.Context, r *runningServices) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.checks.Changed():
			s.mu.Lock()
			r.table.Report(changesOfHealth(r.checks.Take()))
			s.mu.Unlock()
		}
	}
}

// recheck has checks made again that say nothing any more.
func (s *services) recheck() {
	if r := s.running.Load(); r != nil {
		r.checks.Recheck()
	}
}

// ready is closed when the table has been programmed for the first time, or when there is none.
func (s *services) ready() <-chan struct{} {
	if r := s.running.Load(); r != nil {
		return r.table.Ready()
	}
	at := make(chan struct{})
	close(at)
	return at
}

func (s *services) stop() error {
	// First, so that no more clients come.
	err := stopTasks(stopping{s.tasks.announce, withdrawLimit}, stopping{s.tasks.watch, suspendStopLimit}, stopping{s.tasks.checks, checkStopLimit},
		stopping{s.tasks.carry, carryStopLimit}, stopping{s.tasks.table, tableStopLimit}, stopping{s.tasks.marks, carryStopLimit}, stopping{s.tasks.sources, carryStopLimit})
	if r := s.running.Load(); r != nil && !s.opts.KeepIPVS {
		err = errors.Join(err, r.marks.close(), r.sources.close())
	}
	if s.network != nil {
		err = errors.Join(err, s.network.Close())
	}
	return errors.Join(err, stopTasks(stopping{s.tasks.scripts, scriptStopLimit}))
}

func (s *services) unready() string {
	if r := s.running.Load(); r != nil {
		select {
		case <-r.table.Ready():
		default:
			return "the IPVS table has not been programmed yet"
		}
		if st := r.table.Status(); st.Lost {
			return "the kernel's IPVS cannot be had: " + st.Failing[0].Error
		}
	}
	return ""
}

func (s *services) status(to *status.Status) {
	if r := s.running.Load(); r != nil {
		to.Checks, to.IPVS = checksStatus(r.checks.Status(), r.table.Pools()), ipvsStatus(r.table.Status())
		for _, k := range []*ruleKeeper{r.marks.ruleKeeper, r.sources.ruleKeeper} {
			if f := k.failure.Load(); f != nil {
				to.IPVS.Failing = append(to.IPVS.Failing, *f)
			}
		}
		if f := r.announced.failure(); f != nil {
			to.IPVS.Failing = append(to.IPVS.Failing, *f)
		}
	}
}

// healthOf is the Snapshot of a Spec as IPVS wants it, which takes what is not mentioned for up with its configured
// weight: of thousands of servers a few are worth a word.
func healthOf(spec healthcheck.Spec, s healthcheck.Snapshot) ipvs.Health {
	h := ipvs.Health{RealServers: make(map[confparse.RealServerID]ipvs.RealServerHealth)}
	for i, vs := range s.VirtualServers {
		for k, rs := range vs.RealServers {
			if !rs.Up || rs.Weight != spec.VirtualServers[i].RealServers[k].Weight {
				h.RealServers[rs.ID] = ipvs.RealServerHealth{Up: rs.Up, Weight: rs.Weight}
			}
		}
	}
	return h
}

// changesOfHealth is a batch of changes as IPVS wants it.
func changesOfHealth(changes []healthcheck.Change) []ipvs.HealthChange {
	list := make([]ipvs.HealthChange, len(changes))
	for i, c := range changes {
		list[i] = ipvs.HealthChange{Server: c.RealServer, RealServerHealth: ipvs.RealServerHealth{Up: c.Up, Weight: c.Weight},
			Same: c.Same}
		for _, a := range c.Alerts {
			list[i].Alerts = append(list[i].Alerts, ipvs.Alert(a))
		}
	}
	return list
}
