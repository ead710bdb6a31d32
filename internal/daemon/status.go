package daemon

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"vigil/healthcheck"
	"vigil/ipvs"
	"vigil/vrrp"
)

// Status is what /status answers: a snapshot of every part that runs.
type Status struct {
	Version string              `json:"version"`
	Started time.Time           `json:"started"`
	VRRP    *vrrp.Status        `json:"vrrp,omitempty"`
	Checks  *healthcheck.Status `json:"checks,omitempty"`
	IPVS    *ipvs.Status        `json:"ipvs,omitempty"`
}

// view is the running parts as request goroutines see them. The parts' own snapshots are safe to read at any time.
type view struct {
	started time.Time
	now     atomic.Pointer[runningParts]
}

type runningParts struct {
	vrrp    *vrrp.Runner
	checks  *healthcheck.Manager
	ipvs    *ipvs.Reconciler
	metrics prometheus.Gatherers
}

func newView(own prometheus.Gatherer) *view {
	v := &view{started: time.Now()}
	v.now.Store(&runningParts{metrics: prometheus.Gatherers{own}})
	return v
}

// services and routers add parts that have started. Only the daemon's goroutine calls them.
func (v *view) services(c *healthcheck.Manager, t *ipvs.Reconciler, g prometheus.Gatherer) {
	p := *v.now.Load()
	p.checks, p.ipvs, p.metrics = c, t, append(slices.Clone(p.metrics), g)
	v.now.Store(&p)
}

func (v *view) routers(r *vrrp.Runner, g prometheus.Gatherer) {
	p := *v.now.Load()
	p.vrrp, p.metrics = r, append(slices.Clone(p.metrics), g)
	v.now.Store(&p)
}

// Gather returns the metrics of all parts that run.
func (v *view) Gather() ([]*dto.MetricFamily, error) { return v.now.Load().metrics.Gather() }

func (v *view) status() Status {
	p := v.now.Load()
	s := Status{Version: Version, Started: v.started}
	if p.vrrp != nil {
		st := p.vrrp.Status()
		s.VRRP = &st
	}
	if p.checks != nil {
		st := p.checks.Status()
		s.Checks = &st
	}
	if p.ipvs != nil {
		st := p.ipvs.Status()
		s.IPVS = &st
	}
	return s
}

// unhealthy says what keeps the daemon from doing its job, or "".
func (v *view) unhealthy() string {
	if p := v.now.Load(); p.ipvs != nil {
		select {
		case <-p.ipvs.Ready():
		default:
			return "the IPVS table has not been programmed yet"
		}
	}
	return ""
}
