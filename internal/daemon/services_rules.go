package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/internal/firewall"
	"vigil/internal/namespace"
	"vigil/internal/status"
	"vigil/ipvs"
)

// tendRulesEvery is how often it is looked whether rules of the firewall are still there.
const tendRulesEvery = 2 * time.Second

// ruleTable is a table of the firewall.
type ruleTable interface {
	Tend() (again bool, err error)
	Close() error
}

// markTable is the firewall's table of marks, or what stands for it.
type markTable interface {
	ruleTable
	Set(name string, priority int32, marks map[firewall.MarkedEndpoint]uint32) error
}

// sourceTable is the firewall's table of source addresses, or what stands for it.
type sourceTable interface {
	ruleTable
	Set(flows []firewall.SourceFlow) error
}

// ruleKeeper keeps a table of the firewall on which virtual servers rest. What cannot be made is tried again, and what others
// delete, as a firewall does that is loaded anew, is made again.
type ruleKeeper struct {
	ruleWords
	log     *slog.Logger
	missing prometheus.Gauge

	failure atomic.Pointer[status.IPVSFailure] // nil: there is none

	mu    sync.Mutex // held while the kernel is at work, which takes seconds for 2^18 addresses
	table ruleTable
}

// ruleWords are how a ruleKeeper tells of its table.
type ruleWords struct {
	keyword string // that asks for it
	lost    string // what it means that it is not there
	metric  string
	help    string
}

func newRuleKeeper(words ruleWords, table ruleTable, log *slog.Logger, metrics prometheus.Registerer) *ruleKeeper {
	k := &ruleKeeper{ruleWords: words, log: log, table: table, missing: prometheus.NewGauge(prometheus.GaugeOpts{Name: words.metric, Help: words.help})}
	metrics.MustRegister(k.missing)
	return k
}

// markKeeper keeps the table of nftables_ipvs: without it the services by mark have no clients.
type markKeeper struct {
	*ruleKeeper
	marks markTable
}

func newMarkKeeper(table markTable, log *slog.Logger, metrics prometheus.Registerer) *markKeeper {
	return &markKeeper{newRuleKeeper(ruleWords{"nftables_ipvs", "virtual servers of groups have no clients", "keepalived_nftables_ipvs_failing",
		"1 while packets do not get the firewall marks of nftables_ipvs."}, table, log, metrics), table}
}

// set has the firewall give packets the marks of spec, and reports whether there are any.
func (k *markKeeper) set(spec ipvs.Spec) (any bool) {
	marks := make(map[firewall.MarkedEndpoint]uint32)
	for _, vs := range spec.VirtualServers {
		for _, e := range vs.Marked {
			at := firewall.MarkedEndpoint{AddrPort: e.AddrPort, Protocol: uint8(e.Protocol)}
			if _, taken := marks[at]; !taken { // by a group that comes first
				marks[at] = e.Mark
			}
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.came(k.marks.Set(spec.Firewall.Table, spec.Firewall.Priority, marks))
	return len(marks) > 0
}

// sourceKeeper keeps the table of FNAT: without it the answers of servers that have no route back do not come.
type sourceKeeper struct {
	*ruleKeeper
	sources sourceTable
	flows   []firewall.SourceFlow // by the last set
}

func newSourceKeeper(table sourceTable, log *slog.Logger, metrics prometheus.Registerer) *sourceKeeper {
	return &sourceKeeper{newRuleKeeper(ruleWords{"lvs_method FNAT", "packets reach servers with the address of the client", "keepalived_fnat_failing",
		"1 while packets to servers of FNAT do not get a source address of the director."}, table, log, metrics), table, nil}
}

// sourceTable is the one of the network namespace in which virtual servers are.
func (s surroundings) sourceTable() sourceTable {
	table := new(firewall.SourceTable)
	if s.opts.ipvsNamespace == "" {
		return table
	}
	return &sourcesElsewhere{table, s.opts.ipvsNamespace}
}

// sourcesElsewhere is a table of another network namespace, net_namespace_ipvs.
type sourcesElsewhere struct {
	table *firewall.SourceTable
	path  string
}

func (e *sourcesElsewhere) Set(flows []firewall.SourceFlow) error {
	return e.do(func() error { return e.table.Set(flows) })
}

func (e *sourcesElsewhere) Tend() (again bool, err error) {
	err = e.do(func() (err error) {
		again, err = e.table.Tend()
		return err
	})
	return again, err
}

func (e *sourcesElsewhere) Close() error { return e.do(e.table.Close) }

func (e *sourcesElsewhere) do(f func() error) error {
	ns, err := namespace.At(e.path)
	if err != nil {
		return err
	}
	defer ns.Close()
	return ns.Do(f)
}

// set has the firewall give packets to FNAT servers a source address, and reports whether there are any.
func (k *sourceKeeper) set(spec ipvs.Spec) (any bool) {
	flows := flowsOf(spec)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.flows = flows
	k.came(k.sources.Set(flows))
	return len(flows) > 0
}

// widen is set for as long as services of the Spec before may be there besides those of this one.
func (k *sourceKeeper) widen(spec ipvs.Spec) {
	k.mu.Lock()
	defer k.mu.Unlock()
	type key struct {
		protocol        uint8
		virtual, server netip.AddrPort
	}
	flows := flowsOf(spec)
	has := make(map[key]bool, len(flows))
	for _, f := range flows {
		has[key{f.Protocol, f.Virtual, f.Server}] = true
	}
	for _, f := range k.flows {
		if !has[key{f.Protocol, f.Virtual, f.Server}] {
			flows = append(flows, f)
		}
	}
	k.came(k.sources.Set(flows))
}

// flowsOf is what the firewall has to do for a Spec.
func flowsOf(spec ipvs.Spec) (flows []firewall.SourceFlow) {
	for _, f := range spec.Flows() {
		flows = append(flows, firewall.SourceFlow{Protocol: uint8(f.Protocol), Virtual: f.Virtual, Server: f.Server, Local: f.Local})
	}
	return flows
}

// run looks after the table until ctx ends.
func (k *ruleKeeper) run(ctx context.Context) error {
	every := time.NewTicker(tendRulesEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			k.tend()
		case <-ctx.Done():
			return nil
		}
	}
}

func (k *ruleKeeper) tend() {
	k.mu.Lock()
	defer k.mu.Unlock()
	again, err := k.table.Tend()
	switch {
	case again && k.failure.Load() == nil:
		k.log.Warn(k.keyword + ": the firewall's table was changed behind our back, and is made again")
	case again:
		k.log.Info(k.keyword + ": the firewall's table is there again")
	}
	k.came(err)
}

// came takes note of what has come of an attempt; k.mu is held. It is told once.
func (k *ruleKeeper) came(err error) {
	if err == nil {
		k.failure.Store(nil)
		k.missing.Set(0)
		return
	}
	now := time.Now()
	next := status.IPVSFailure{Service: k.keyword, Error: err.Error(), Attempts: 1, Since: now, Retry: now.Add(tendRulesEvery)}
	if before := k.failure.Load(); before != nil {
		next.Attempts, next.Since = before.Attempts+1, before.Since
	} else {
		k.log.Error(k.keyword+": "+k.lost, "err", err)
	}
	k.failure.Store(&next)
	k.missing.Set(1)
}

// close deletes the table.
func (k *ruleKeeper) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.table.Close(); err != nil {
		return fmt.Errorf("%s: %w", k.keyword, err)
	}
	return nil
}
