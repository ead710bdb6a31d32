package bfd

import (
	"github.com/prometheus/client_golang/prometheus"
)

var (
	sessionLabels = []string{"name", "neighbor"}

	stateDesc  = desc("bfd_session_state", "State of the BFD session: 0 AdminDown, 1 Down, 2 Init, 3 Up.", sessionLabels)
	detectDesc = desc("bfd_session_detection_seconds", "Time without a packet that takes the session down; 0 while no neighbour is heard.",
		sessionLabels)
	sentDesc     = desc("bfd_packets_sent_total", "BFD packets sent.", sessionLabels)
	receivedDesc = desc("bfd_packets_received_total", "BFD packets received that counted for the session.", sessionLabels)
	errorsDesc   = desc("bfd_send_errors_total", "BFD packets that could not be sent.", sessionLabels)
	downsDesc    = desc("bfd_session_down_total", "How often the session has left Up.", sessionLabels)
	droppedDesc  = desc("bfd_packets_dropped_total", "Datagrams to the ports of BFD that were of no use.", []string{"reason"})
)

func desc(name, help string, labels []string) *prometheus.Desc {
	return prometheus.NewDesc("keepalived_"+name, help, labels, nil)
}

// collector shows a Runner's Status.
type collector struct{ r *Runner }

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{stateDesc, detectDesc, sentDesc, receivedDesc, errorsDesc, downsDesc, droppedDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. Sessions that leave are left out: one of the same name may have come.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	st := c.r.Status()
	for _, s := range st.Sessions {
		if s.Leaving {
			continue
		}
		neighbor := s.Neighbor.String()
		put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64) {
			ch <- prometheus.MustNewConstMetric(d, kind, v, s.Name, neighbor)
		}
		put(stateDesc, prometheus.GaugeValue, float64(s.State))
		put(detectDesc, prometheus.GaugeValue, s.Detection.Seconds())
		put(sentDesc, prometheus.CounterValue, float64(s.Counters.Sent))
		put(receivedDesc, prometheus.CounterValue, float64(s.Counters.Received))
		put(errorsDesc, prometheus.CounterValue, float64(s.Counters.SendErrors))
		put(downsDesc, prometheus.CounterValue, float64(s.Counters.Downs))
	}
	for _, d := range st.Dropped {
		ch <- prometheus.MustNewConstMetric(droppedDesc, prometheus.CounterValue, float64(d.Count), d.Reason)
	}
}
