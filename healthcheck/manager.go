// Package healthcheck decides which real servers are up, and with which weight. It imports nothing of the other parts.
//
// FromConfig copies what a configuration says of checks into a Spec. Manager.Apply makes that Spec the one that is run,
// Manager.Run runs it until its context ends, and what the checks find is handed out as Changes: Manager.Changed says
// that there are some and Manager.Take returns them, each server once with its latest health. What a pool and the
// kernel's table make of that is decided elsewhere.
//
// One check asks a question of its target, again and again (kind.go has a line for each kind, which is otherwise at home
// in a file of its own). An attempt ends in a Result, the results become a verdict (judgement.go), and a real server is
// up while none of its checks says otherwise (server.go). These are pure files without clock or I/O. Manager is the shell
// around them (dispatch.go begins what is due): a check that waits costs a place in an agenda and no goroutine, and equal
// checks of several servers are made once.
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
	"vigil/internal/script"
	"vigil/internal/trackfile"
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
	// Scripts runs the programs of checks; without it they are not made.
	Scripts *script.Runner
	// BFD tells of BFD sessions; without it nothing is heard of any.
	BFD *BFDSessions
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
	newChecker  func(c CheckSpec, with means, step int) Checker
	means       means
	files       *trackfile.Watcher
	sessions    *BFDSessions
	mail        mailbox
	sooner      chan struct{} // 1 slot: another probe is the first one of the agenda

	mu        sync.Mutex
	rand      *rand.Rand
	ctx       context.Context // of Run; nil before and after
	probes    map[CheckSpec]*probe
	servers   []*virtualServer // in configuration order
	inFlight  int              // probes under way
	suspended map[confparse.VirtualServerID]bool
	agenda    agenda         // of the probes that wait until they are due
	waiting   probeQueue     // probes due that found maxInFlight under way
	running   sync.WaitGroup // the goroutines of the probes under way, and of what tells others

	listening bool        // files.Run is on
	watch     *time.Timer // of watchOverdue, while Run is on
	overdue   int         // checks that it has found
}

// NewManager returns a Manager with nothing to check. It registers its metrics with o.Registerer and panics when that
// has them already.
func NewManager(o Options) *Manager {
	m := &Manager{
		log:         o.Logger,
		maxInFlight: inFlightLimit(o.MaxInFlight),
		epoch:       time.Now(),
		newChecker:  CheckSpec.checker,
		means:       means{echoes: &echoSockets{}, scripts: o.Scripts, expressions: &expressions{}},
		mail:        newMailbox(),
		sessions:    o.BFD,
		rand:        o.Rand,
		probes:      make(map[CheckSpec]*probe),
		sooner:      make(chan struct{}, 1),
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.files = trackfile.NewWatcher(m.log)
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

// UseTLS gives checks over TLS what the SSL block names, from the next attempts on.
func (m *Manager) UseTLS(material *TLSMaterial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.means.tls = material
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
	m.watch = time.AfterFunc(lookEvery, m.watchOverdue)
	m.mu.Unlock()

	m.dispatch(ctx)

	m.mu.Lock()
	m.ctx = nil
	m.watch.Stop()
	m.overdue = 0
	for _, p := range m.probes {
		p.disarm()
	}
	m.waiting = probeQueue{}
	m.mu.Unlock()
	cancel()
	m.running.Wait()
	return nil
}
