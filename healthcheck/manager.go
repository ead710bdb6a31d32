// Package healthcheck decides which real servers are up and which virtual servers have their quorum. It probes the
// servers of a Spec on their schedule and hands out verdicts; what the kernel's table makes of them is decided
// elsewhere. It imports nothing of the other parts.
//
// The rules are in pure files without clock or I/O: tracker.go (retries, URL walk), quorum.go, server.go and spec.go.
// Manager is the shell around them, with the runtime's timers as its scheduler: a check that waits costs a timer and
// no goroutine.
package healthcheck

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"vigil/confparse"
)

// bootstrapDelay is what the first run of every check waits for besides its warmup.
const bootstrapDelay = time.Second

// Options are what a Manager needs from its surroundings. The zero value works.
type Options struct {
	Logger     *slog.Logger          // nil discards; its handler must not block, nor call the Manager
	Registerer prometheus.Registerer // nil leaves the metrics unregistered
	// MaxInFlight bounds the probes under way at one time. There are never more than 3/4 of RLIMIT_NOFILE, which is
	// also the bound when this is 0.
	MaxInFlight int
	// Rand spreads the first runs over warmup; nil is seeded by the system. The Manager alone uses it from then on.
	Rand *rand.Rand
}

// Manager runs the checks of a Spec. Its methods may be called from any goroutine.
//
// Every field below mu is guarded by it, and so are all probes and servers. It is never held while a probe runs.
type Manager struct {
	log         *slog.Logger
	metrics     *metrics
	maxInFlight int
	epoch       time.Time
	newChecker  func(c CheckSpec, url int) Checker
	signal      chan struct{} // 1 slot: mailbox is not empty

	mu       sync.Mutex
	rand     *rand.Rand
	ctx      context.Context // of Run; nil before and after
	probes   map[CheckSpec]*probe
	servers  []*virtualServer // in configuration order
	mailbox  []changed        // since the last Take, each server once
	inFlight int              // probes under way
	waiting  probeQueue       // probes due that found maxInFlight under way
	running  sync.WaitGroup   // the goroutines of the probes under way
}

// changed names what a Change will be made of when it is taken: a real server, or a virtual server's quorum.
type changed struct {
	rs *realServer
	vs *virtualServer
}

// Change is the latest health of one real server, or, when RealServer is zero, the quorum of one virtual server.
type Change struct {
	VirtualServer confparse.VirtualServerID
	RealServer    confparse.RealServerID
	Up            bool  // the real server is up
	Weight        int32 // its weight, whether it is up or not
	QuorumUp      bool  // the virtual server has its quorum
}

// Snapshot is the health of everything in a Spec, in its order.
type Snapshot struct {
	VirtualServers []VirtualServerHealth
}

// VirtualServerHealth is the health of one virtual server.
type VirtualServerHealth struct {
	ID          confparse.VirtualServerID
	QuorumUp    bool
	RealServers []RealServerHealth
}

// RealServerHealth is the health of one real server.
type RealServerHealth struct {
	ID     confparse.RealServerID
	Up     bool
	Weight int32
}

// NewManager returns a Manager with nothing to check. It registers its metrics with o.Registerer and panics when that
// has them already.
func NewManager(o Options) *Manager {
	m := &Manager{
		log:         o.Logger,
		maxInFlight: inFlightLimit(o.MaxInFlight),
		epoch:       time.Now(),
		newChecker:  newChecker,
		signal:      make(chan struct{}, 1),
		rand:        o.Rand,
		probes:      make(map[CheckSpec]*probe),
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.rand == nil {
		m.rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	m.metrics = newMetrics(o.Registerer, m)
	return m
}

// inFlightLimit leaves a quarter of the file descriptors to the rest of the process.
func inFlightLimit(configured int) int {
	limit := 1024
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err == nil {
		limit = int(min(r.Cur/4*3, 1<<20))
	}
	if configured > 0 {
		limit = min(limit, configured)
	}
	return max(limit, 1)
}

// Run probes until ctx ends, then ends the probes under way, waits for them and returns nil. It must not be called
// while another Run of the same Manager has not returned. Verdicts survive between two runs.
func (m *Manager) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	m.mu.Lock()
	m.ctx = ctx
	for _, vs := range m.servers { // in configuration order, for the sake of a seeded Rand
		for i := range vs.servers {
			for _, c := range vs.servers[i].checks {
				m.arm(c.probe)
			}
		}
	}
	m.mu.Unlock()

	<-ctx.Done()

	m.mu.Lock()
	m.ctx = nil
	for _, p := range m.probes {
		p.disarm()
	}
	m.waiting = probeQueue{}
	m.mu.Unlock()
	cancel()
	m.running.Wait()
	return nil
}

// Changed receives a value when Take has something to return. It is never closed.
func (m *Manager) Changed() <-chan struct{} { return m.signal }

// Take returns what has changed since the last Take or Apply, each real server and each virtual server once with its
// latest health, in the order in which they first changed.
func (m *Manager) Take() []Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.mailbox) == 0 {
		return nil
	}
	changes := make([]Change, 0, len(m.mailbox))
	for _, c := range m.mailbox {
		if c.rs == nil {
			c.vs.dirty = false
			changes = append(changes, Change{VirtualServer: c.vs.id, QuorumUp: c.vs.quorum.up})
			continue
		}
		c.rs.dirty = false
		changes = append(changes, Change{
			VirtualServer: c.vs.id, RealServer: c.rs.id(), Up: c.rs.up(), Weight: c.rs.weight,
			QuorumUp: c.vs.quorum.up,
		})
	}
	m.mailbox = nil
	return changes
}

// notify puts a server into the mailbox, or a quorum when rs is nil.
func (m *Manager) notify(vs *virtualServer, rs *realServer) {
	dirty := &vs.dirty
	if rs != nil {
		dirty = &rs.dirty
	}
	if *dirty {
		return
	}
	*dirty = true
	m.mailbox = append(m.mailbox, changed{rs, vs})
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

// deliver tells every real server that is judged by p of its new verdict.
func (m *Manager) deliver(p *probe) {
	for _, s := range p.subscribers {
		if s.rs.judge(s.check, p.tracker.state == up) {
			m.logTransition(s.rs)
			m.notify(s.rs.vs, s.rs)
			m.evaluate(s.rs.vs, false)
		}
	}
}

// evaluate lets a virtual server's quorum and sorry server follow its live weight.
func (m *Manager) evaluate(vs *virtualServer, initial bool) {
	e := vs.quorum.evaluate(initial, vs.sorry.IsValid() && !vs.sorryActive)
	if e == quorumKept {
		return
	}
	active := vs.sorry.IsValid() && e != quorumGained
	m.logQuorum(vs, e, initial, active != vs.sorryActive)
	vs.sorryActive = active
	m.notify(vs, nil)
}

// snapshot returns the health of everything.
func (m *Manager) snapshot() Snapshot {
	s := Snapshot{VirtualServers: make([]VirtualServerHealth, 0, len(m.servers))}
	total := 0
	for _, vs := range m.servers {
		total += len(vs.servers)
	}
	all := make([]RealServerHealth, 0, total) // each virtual server has its window
	for _, vs := range m.servers {
		from := len(all)
		for i := range vs.servers {
			rs := &vs.servers[i]
			all = append(all, RealServerHealth{ID: rs.id(), Up: rs.up(), Weight: rs.weight})
		}
		s.VirtualServers = append(s.VirtualServers, VirtualServerHealth{
			ID: vs.id, QuorumUp: vs.quorum.up, RealServers: all[from:len(all):len(all)],
		})
	}
	return s
}
