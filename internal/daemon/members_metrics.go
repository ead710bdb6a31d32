package daemon

import "github.com/prometheus/client_golang/prometheus"

var (
	membersDesc = prometheus.NewDesc("keepalived_members", "Real servers that a virtual server has of a source (real_servers_from).",
		[]string{"virtual_server", "source"}, nil)
	membersFailingDesc = prometheus.NewDesc("keepalived_members_source_failing",
		"1 while a source has no good list of members, and the last one is kept.", []string{"virtual_server", "source"}, nil)
)

// memberMetrics are the numbers of a following, when they are asked for.
type memberMetrics struct{ *following }

// Describe implements prometheus.Collector.
func (memberMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- membersDesc
	to <- membersFailingDesc
}

// Collect implements prometheus.Collector.
func (m memberMetrics) Collect(to chan<- prometheus.Metric) {
	uses := m.uses.Load()
	if uses == nil {
		return
	}
	for _, u := range *uses {
		failing := 0.0
		if st, _ := m.watcher().Status(u.from); st.Failure != "" {
			failing = 1
		}
		to <- prometheus.MustNewConstMetric(membersDesc, prometheus.GaugeValue, float64(u.members), u.server, u.from.String())
		to <- prometheus.MustNewConstMetric(membersFailingDesc, prometheus.GaugeValue, failing, u.server, u.from.String())
	}
}
