package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/internal/firewall"
	"vigil/internal/status"
	"vigil/ipvs"
)

// tendMarksEvery is how often it is looked whether packets still get their firewall marks.
const tendMarksEvery = 2 * time.Second

// markTable is the firewall's table of marks, or what stands for it.
type markTable interface {
	Set(name string, priority int32, marks map[firewall.MarkedEndpoint]uint32) error
	Tend() (again bool, err error)
	Close() error
}

// markKeeper keeps the firewall's table of nftables_ipvs: without it the services by mark have no clients. What cannot be
// made is tried again, and what others delete, as a firewall does that is loaded anew, is made again.
type markKeeper struct {
	log     *slog.Logger
	missing prometheus.Gauge

	failure atomic.Pointer[status.IPVSFailure] // nil: there is none

	mu    sync.Mutex // held while the kernel is at work, which takes seconds for 2^18 addresses
	table markTable
}

func newMarkKeeper(table markTable, log *slog.Logger, metrics prometheus.Registerer) *markKeeper {
	k := &markKeeper{log: log, table: table, missing: prometheus.NewGauge(prometheus.GaugeOpts{Name: "keepalived_nftables_ipvs_failing",
		Help: "1 while packets do not get the firewall marks of nftables_ipvs."})}
	metrics.MustRegister(k.missing)
	return k
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
	k.came(k.table.Set(spec.Firewall.Table, spec.Firewall.Priority, marks))
	return len(marks) > 0
}

// run looks after the table until ctx ends.
func (k *markKeeper) run(ctx context.Context) error {
	every := time.NewTicker(tendMarksEvery)
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

func (k *markKeeper) tend() {
	k.mu.Lock()
	defer k.mu.Unlock()
	again, err := k.table.Tend()
	switch {
	case again && k.failure.Load() == nil:
		k.log.Warn("nftables_ipvs: the table of firewall marks was changed behind our back, and is made again")
	case again:
		k.log.Info("nftables_ipvs: packets get their firewall marks again")
	}
	k.came(err)
}

// came takes note of what has come of an attempt; k.mu is held. It is told once.
func (k *markKeeper) came(err error) {
	if err == nil {
		k.failure.Store(nil)
		k.missing.Set(0)
		return
	}
	now := time.Now()
	next := status.IPVSFailure{Service: "nftables_ipvs", Error: err.Error(), Attempts: 1, Since: now, Retry: now.Add(tendMarksEvery)}
	if before := k.failure.Load(); before != nil {
		next.Attempts, next.Since = before.Attempts+1, before.Since
	} else {
		k.log.Error("nftables_ipvs: virtual servers of groups have no clients", "err", err)
	}
	k.failure.Store(&next)
	k.missing.Set(1)
}

// close deletes the table.
func (k *markKeeper) close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.table.Close(); err != nil {
		return errors.Join(errors.New("nftables_ipvs"), err)
	}
	return nil
}
