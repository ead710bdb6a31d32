package ipvs

import "github.com/prometheus/client_golang/prometheus"

var (
	syncRunningDesc = prometheus.NewDesc("keepalived_ipvs_sync_daemon",
		"Whether a synchronization daemon of lvs_sync_daemon runs in the kernel.", []string{"role"}, nil)
	syncFailingDesc = prometheus.NewDesc("keepalived_ipvs_sync_daemon_failing",
		"1 while the synchronization daemons are not as they are configured.", nil, nil)
)

// syncCollector turns the status of a SyncKeeper into metrics at each scrape.
type syncCollector struct{ status func() SyncStatus }

func registerSync(reg prometheus.Registerer, status func() SyncStatus) {
	if reg != nil {
		reg.MustRegister(syncCollector{status})
	}
}

// Describe implements prometheus.Collector.
func (c syncCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- syncRunningDesc
	ch <- syncFailingDesc
}

// Collect implements prometheus.Collector.
func (c syncCollector) Collect(ch chan<- prometheus.Metric) {
	s := c.status()
	for _, role := range []SyncRole{SyncMaster, SyncBackup} {
		ch <- prometheus.MustNewConstMetric(syncRunningDesc, prometheus.GaugeValue, oneIf(runs(s.Running, role)), role.String())
	}
	ch <- prometheus.MustNewConstMetric(syncFailingDesc, prometheus.GaugeValue, oneIf(len(s.Failing) > 0))
}
