package connsync

import "github.com/prometheus/client_golang/prometheus"

var (
	askingDesc = prometheus.NewDesc("keepalived_ipvs_resync_asking", "Whether connections are being asked for.", nil, nil)
	askedDesc  = prometheus.NewDesc("keepalived_ipvs_resync_asked_total",
		"Times that connections were asked for, by whether all of them came.", []string{"answered"}, nil)
	learnedDesc = prometheus.NewDesc("keepalived_ipvs_resync_learned_total", "Connections that were told by answers.", nil, nil)
	lostDesc    = prometheus.NewDesc("keepalived_ipvs_resync_lost_messages_total", "Messages that the kernel could not take while connections were asked for.", nil, nil)
	secondsDesc = prometheus.NewDesc("keepalived_ipvs_resync_seconds", "How long the last complete answer took.", nil, nil)
	toldDesc    = prometheus.NewDesc("keepalived_ipvs_resync_told_total", "Answers to other directors.", nil, nil)
	givenDesc   = prometheus.NewDesc("keepalived_ipvs_resync_told_connections_total", "Connections that were told to other directors.", nil, nil)
	unknownDesc = prometheus.NewDesc("keepalived_ipvs_resync_untold_connections_total", "Connections that were not told, because no virtual service has them.", nil, nil)
	failingDesc = prometheus.NewDesc("keepalived_ipvs_resync_failing", "1 while the group of the directors cannot be joined.", nil, nil)
)

// collector turns the status of an Exchange into metrics at each scrape.
type collector struct{ status func() Status }

func register(reg prometheus.Registerer, status func() Status) {
	if reg != nil {
		reg.MustRegister(collector{status})
	}
}

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{askingDesc, askedDesc, learnedDesc, lostDesc, secondsDesc, toldDesc, givenDesc, unknownDesc, failingDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	s := c.status()
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(askingDesc, oneIf(s.Asking))
	gauge(failingDesc, oneIf(s.Failing != ""))
	gauge(secondsDesc, s.LastTook.Seconds())
	counter(askedDesc, s.Answered, "yes")
	counter(askedDesc, s.Unheard, "no")
	counter(learnedDesc, s.Learned)
	counter(lostDesc, s.Lost)
	counter(toldDesc, s.Told)
	counter(givenDesc, s.Connected)
	counter(unknownDesc, s.Unknown)
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
