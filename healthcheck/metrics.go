package healthcheck

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
)

const (
	metricDuration     = "keepalived_check_duration_seconds"
	metricQueue        = "keepalived_check_queue_seconds"
	metricChecks       = "keepalived_checks_total"
	metricResults      = "keepalived_check_results_total"
	metricOverdue      = "keepalived_checks_overdue"
	metricOldest       = "keepalived_check_oldest_completion_seconds"
	metricInFlight     = "keepalived_checks_in_flight"
	metricRealServer   = "keepalived_real_server_up"
	resultPanicked     = "panic"
	labelVirtualServer = "virtual_server"
	labelRealServer    = "real_server"
)

// metrics counts what the probes do. There is nothing per server in it: the health of the servers is collected from
// the Manager when it is asked for.
type metrics struct {
	queue    prometheus.Histogram
	kinds    map[confparse.CheckerKind]*kindMetrics
	duration *prometheus.HistogramVec
	checks   *prometheus.CounterVec
	results  *prometheus.CounterVec

	mu sync.Mutex // guards kindMetrics.codes
}

// kindMetrics are the series of one kind of check, looked up once.
type kindMetrics struct {
	duration prometheus.Observer
	outcomes [Postponed + 1]prometheus.Counter
	panicked prometheus.Counter
	codes    [codeCount]prometheus.Counter // made when they are first counted
}

func newMetrics(reg prometheus.Registerer, m *Manager) *metrics {
	buckets := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	t := &metrics{
		kinds: make(map[confparse.CheckerKind]*kindMetrics, len(kinds)),
		queue: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: metricQueue, Help: "How long a check that was due waited for its turn.", Buckets: buckets,
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: metricDuration, Help: "How long one attempt of a check took.", Buckets: buckets,
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		}, []string{"kind"}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metricChecks, Help: "Attempts of checks, by how they ended.",
		}, []string{"kind", "result"}),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: metricResults, Help: "Attempts of checks, by the code of their result, such as L4TOUT.",
		}, []string{"kind", "code"}),
	}
	for kind := range kinds {
		name := kind.String()
		km := &kindMetrics{
			duration: t.duration.WithLabelValues(name), panicked: t.checks.WithLabelValues(name, resultPanicked),
		}
		for _, o := range []Outcome{Passed, Failed, Postponed} {
			km.outcomes[o] = t.checks.WithLabelValues(name, o.String())
		}
		t.kinds[kind] = km
	}
	if reg != nil {
		reg.MustRegister(t.queue, t.duration, t.checks, t.results, newCollector(m))
	}
	return t
}

func (t *metrics) observe(kind confparse.CheckerKind, r Result, panicked bool) {
	k := t.kinds[kind]
	k.duration.Observe(r.Took.Seconds())
	if panicked {
		k.panicked.Inc()
		return
	}
	k.outcomes[r.Outcome].Inc()
	t.code(kind, k, r.Code).Inc()
}

// code returns the counter of a code.
func (t *metrics) code(kind confparse.CheckerKind, k *kindMetrics, c Code) prometheus.Counter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k.codes[c] == nil {
		k.codes[c] = t.results.WithLabelValues(kind.String(), c.String())
	}
	return k.codes[c]
}

// collector turns the health of the servers into metrics at each scrape.
type collector struct {
	manager                               *Manager
	realServer, oldest, inFlight, overdue *prometheus.Desc
}

func newCollector(m *Manager) *collector {
	return &collector{
		manager: m,
		realServer: prometheus.NewDesc(metricRealServer,
			"Whether a real server passes all of its checks.", []string{labelVirtualServer, labelRealServer}, nil),
		oldest: prometheus.NewDesc(metricOldest,
			"How long ago the check that has not completed for the longest time did, or was added.", nil, nil),
		overdue: prometheus.NewDesc(metricOverdue,
			"Checks that have not completed in three of their intervals.", nil, nil),
		inFlight: prometheus.NewDesc(metricInFlight, "Checks under way.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.realServer
	ch <- c.oldest
	ch <- c.inFlight
	ch <- c.overdue
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	m := c.manager
	m.mu.Lock()
	inFlight, overdue := m.inFlight, m.overdue
	m.mu.Unlock()
	oldest := time.Duration(0)

	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	truth := map[bool]float64{true: 1}
	gauge(c.inFlight, float64(inFlight))
	gauge(c.overdue, float64(overdue))
	for _, vs := range m.pools() {
		v := m.view(vs)
		now := time.Since(m.epoch)
		name := v.id.Series()
		for _, rs := range v.servers {
			gauge(c.realServer, truth[rs.up], name, rs.id.String())
			for _, ck := range rs.checks {
				oldest = max(oldest, now-max(ck.added, ck.completed))
			}
		}
	}
	gauge(c.oldest, oldest.Seconds())
}
