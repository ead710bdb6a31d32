package announce

import "github.com/prometheus/client_golang/prometheus"

// keeperMetrics are what a Keeper counts.
type keeperMetrics struct {
	addresses prometheus.Gauge
	failing   prometheus.Gauge
	repaired  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) keeperMetrics {
	m := keeperMetrics{
		addresses: prometheus.NewGauge(prometheus.GaugeOpts{Name: "keepalived_announced_addresses",
			Help: "Addresses that are on an interface for announce_on."}),
		failing: prometheus.NewGauge(prometheus.GaugeOpts{Name: "keepalived_announce_failing",
			Help: "1 while an address of announce_on is not on its interface although it is to be, or is although it is not."}),
		repaired: prometheus.NewCounter(prometheus.CounterOpts{Name: "keepalived_announce_repaired_total",
			Help: "Addresses of announce_on that others had removed and that were put back."}),
	}
	r.MustRegister(m.addresses, m.failing, m.repaired)
	return m
}
