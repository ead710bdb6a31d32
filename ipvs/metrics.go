package ipvs

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	countersMaxAge  = 5 * time.Second // the kernel's counters are read no more often
	countersTimeout = 3 * time.Second
)

// metrics are the numbers of the part, exported through the Registerer it was given.
type metrics struct {
	ops      [DelService + 1][2]prometheus.Counter // by kind; [0] ok, [1] error
	duration prometheus.Histogram
	drift    prometheus.Counter

	// For the collector of the kernel's counters, which runs in the goroutine of a scrape.
	kernel atomic.Pointer[Kernel]
	owned  atomic.Pointer[map[ServiceKey]bool]
}

func newMetrics(reg prometheus.Registerer, perServer bool, status func() Status, pools func() []PoolStatus) *metrics {
	m := &metrics{
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "keepalived_ipvs_reconcile_duration_seconds",
			Help:    "Time from a change being taken up to the kernel having it.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}),
		drift: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "keepalived_ipvs_drift_repaired_total",
			Help: "Operations that repaired what others had changed in our services.",
		}),
	}
	ops := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keepalived_ipvs_ops_total",
		Help: "Changes to the kernel's IPVS table, by operation and result.",
	}, []string{"op", "result"})
	for k := AddService; k <= DelService; k++ {
		m.ops[k] = [2]prometheus.Counter{ops.WithLabelValues(k.String(), "ok"), ops.WithLabelValues(k.String(), "error")}
	}
	if reg == nil {
		return m
	}
	gauge := func(name, help string, value func(Status) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(value(status())) })
	}
	reg.MustRegister(ops, m.duration, m.drift,
		gauge("keepalived_ipvs_services", "Our services in the kernel's IPVS table.",
			func(s Status) int { return s.Services }),
		gauge("keepalived_ipvs_destinations", "Destinations of our services in the kernel's IPVS table.",
			func(s Status) int { return s.Destinations }),
		gauge("keepalived_ipvs_overrides", "Weights of destinations that others have set and that are kept.",
			func(s Status) int { return len(s.Overrides) }),
		gauge("keepalived_ipvs_failing", "Services that the kernel does not have as configured.",
			func(s Status) int { return len(s.Failing) }),
		newCounterCollector(m, perServer), poolCollector{pools})
	return m
}

// poolCollector turns the state of the pools into metrics at each scrape.
type poolCollector struct{ pools func() []PoolStatus }

var (
	quorumDesc = prometheus.NewDesc("keepalived_virtual_server_quorum_up", "Whether a virtual server has its quorum.",
		[]string{"virtual_server"}, nil)
	panicDesc = prometheus.NewDesc("keepalived_virtual_server_panic",
		"Whether so many servers have failed that no more are taken out (panic_threshold).", []string{"virtual_server"}, nil)
	backupDesc = prometheus.NewDesc("keepalived_virtual_server_backup_serves", "Whether the backup servers serve.",
		[]string{"virtual_server"}, nil)
)

// Describe implements prometheus.Collector.
func (c poolCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- quorumDesc
	ch <- panicDesc
	ch <- backupDesc
}

// Collect implements prometheus.Collector.
func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	for _, p := range c.pools() {
		name := p.VirtualServer.Series()
		ch <- prometheus.MustNewConstMetric(quorumDesc, prometheus.GaugeValue, oneIf(p.QuorumUp), name)
		if p.Panic {
			ch <- prometheus.MustNewConstMetric(panicDesc, prometheus.GaugeValue, 1, name)
		}
		if p.BackupServes {
			ch <- prometheus.MustNewConstMetric(backupDesc, prometheus.GaugeValue, 1, name)
		}
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *metrics) count(k OpKind, err error) {
	result := 0
	if err != nil {
		result = 1
	}
	m.ops[k][result].Inc()
}

// counterCollector exports the kernel's counters of our services under the names of gen2brain's keepalived_exporter.
type counterCollector struct {
	source    *metrics
	perServer bool
	virtual   [5]*prometheus.Desc
	real      [5]*prometheus.Desc
	active    *prometheus.Desc
	inactive  *prometheus.Desc

	mu    sync.Mutex // scrapes may overlap
	read  time.Time
	cache []ServiceStats
}

func newCounterCollector(source *metrics, perServer bool) *counterCollector {
	c := &counterCollector{source: source, perServer: perServer}
	for i, what := range [...]string{"conn", "in_packets", "out_packets", "in_bytes", "out_bytes"} {
		c.virtual[i] = prometheus.NewDesc("keepalived_lvs_vip_"+what, "The kernel's "+what+" of a virtual server.",
			[]string{"addr", "proto"}, nil)
		c.real[i] = prometheus.NewDesc("keepalived_lvs_rs_"+what, "The kernel's "+what+" of a real server.",
			[]string{"vip", "addr", "proto"}, nil)
	}
	c.active = prometheus.NewDesc("keepalived_lvs_rs_active_conn", "Active connections of a real server.",
		[]string{"vip", "addr", "proto"}, nil)
	c.inactive = prometheus.NewDesc("keepalived_lvs_rs_inactive_conn", "Inactive connections of a real server.",
		[]string{"vip", "addr", "proto"}, nil)
	return c
}

// Describe implements prometheus.Collector.
func (c *counterCollector) Describe(ch chan<- *prometheus.Desc) {
	for i := range c.virtual {
		ch <- c.virtual[i]
		ch <- c.real[i]
	}
	ch <- c.active
	ch <- c.inactive
}

// Collect implements prometheus.Collector.
func (c *counterCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.counters() {
		addr, proto := vipLabel(s.Key), strconv.Itoa(int(s.Key.Protocol))
		for i, v := range s.values() {
			ch <- prometheus.MustNewConstMetric(c.virtual[i], prometheus.CounterValue, float64(v), addr, proto)
		}
		for _, d := range s.Dests {
			labels := []string{addr, d.Key.String(), proto}
			for i, v := range d.values() {
				ch <- prometheus.MustNewConstMetric(c.real[i], prometheus.CounterValue, float64(v), labels...)
			}
			ch <- prometheus.MustNewConstMetric(c.active, prometheus.GaugeValue, float64(d.Active), labels...)
			ch <- prometheus.MustNewConstMetric(c.inactive, prometheus.GaugeValue, float64(d.Inactive), labels...)
		}
	}
}

// counters reads the kernel, unless it did so just now. What cannot be read is left out of the scrape.
func (c *counterCollector) counters() []ServiceStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, owned := c.source.kernel.Load(), c.source.owned.Load()
	if k == nil || owned == nil || len(*owned) == 0 {
		return nil
	}
	if !c.read.IsZero() && time.Since(c.read) < countersMaxAge {
		return c.cache
	}
	ctx, cancel := context.WithTimeout(context.Background(), countersTimeout)
	defer cancel()
	stats, err := (*k).Stats(ctx, func(s ServiceKey) bool { return (*owned)[s] }, c.perServer)
	if err != nil {
		stats = nil
	}
	c.cache, c.read = stats, time.Now()
	return stats
}

func (c Counters) values() [5]uint64 {
	return [...]uint64{c.Connections, c.PacketsIn, c.PacketsOut, c.BytesIn, c.BytesOut}
}

// vipLabel is "192.0.2.1:80", or "fwmark 5 IPv4".
func vipLabel(k ServiceKey) string {
	if k.Fwmark != 0 {
		return k.String()
	}
	return netip.AddrPortFrom(k.Addr, k.Port).String()
}
