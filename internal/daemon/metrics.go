package daemon

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

const (
	metricUp            = "keepalived_up"
	metricBuildInfo     = "keepalived_build_info"
	metricReloadOK      = "keepalived_config_last_reload_successful"
	metricReloadTime    = "keepalived_config_last_reload_success_timestamp_seconds"
	metricReloads       = "keepalived_config_reloads_total"
	metricReloadSeconds = "keepalived_config_reload_seconds"
)

// metrics are the daemon's own; each part registers its own beside them.
type metrics struct {
	reloadOK      prometheus.Gauge
	reloadTime    prometheus.Gauge
	reloads       *prometheus.CounterVec
	reloadSeconds prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{Name: metricReloadOK,
			Help: "Whether the last load or reload of the configuration was applied."}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{Name: metricReloadTime,
			Help: "Unix time of the last load or reload that was applied."}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{Name: metricReloads,
			Help: "Reloads by result: applied, unchanged or refused."}, []string{"result"}),
		reloadSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: metricReloadSeconds,
			Help:    "Time from the request to reload until the difference has been handed to all parts.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5}}),
	}
	up := prometheus.NewGauge(prometheus.GaugeOpts{Name: metricUp, Help: "1 while the daemon runs."})
	up.Set(1)
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: metricBuildInfo, Help: "A constant 1, labelled by version.",
		ConstLabels: prometheus.Labels{"version": Version, "goversion": runtime.Version()}})
	info.Set(1)
	for _, r := range []string{reloadApplied, reloadUnchanged, reloadRefused} {
		m.reloads.WithLabelValues(r)
	}
	reg.MustRegister(m.reloadOK, m.reloadTime, m.reloads, m.reloadSeconds, up, info, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// The results of a reload, as the label of keepalived_config_reloads_total.
const (
	reloadApplied   = "applied"
	reloadUnchanged = "unchanged"
	reloadRefused   = "refused"
)

// loaded notes that a configuration is in force since at, or, not ok, that one was refused.
func (m *metrics) loaded(ok bool, at time.Time) {
	if !ok {
		m.reloadOK.Set(0)
		return
	}
	m.reloadOK.Set(1)
	m.reloadTime.Set(float64(at.UnixNano()) / 1e9)
}

func (m *metrics) reloaded(result string, took time.Duration) {
	m.reloads.WithLabelValues(result).Inc()
	m.reloadSeconds.Observe(took.Seconds())
}
