package healthcheck

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// counters returns every series with its labels in the order of their names, a histogram as its sum.
func (l *lab) counters(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := l.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			name := f.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			switch {
			case metric.Counter != nil:
				values[name] = metric.Counter.GetValue()
			case metric.Gauge != nil:
				values[name] = metric.Gauge.GetValue()
			case metric.Histogram != nil:
				values[name] = metric.Histogram.GetSampleSum()
			}
		}
	}
	return values
}

func TestMetrics(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.takes(s / 2)
		l.breaks(2)
		l.run(config(pool(2)))
		l.until(14 * s)
		want := map[string]float64{
			"keepalived_check_queue_seconds":                  0,
			"keepalived_check_oldest_completion_seconds":      2,
			"keepalived_checks_in_flight":                     0,
			"keepalived_real_server_up " + rs1 + " " + vsName: 1,
			"keepalived_real_server_up " + rs2 + " " + vsName: 0,
		}
		for k := range kinds {
			want["keepalived_check_duration_seconds "+k.String()] = 0
			for _, end := range []string{"failure", "panic", "rescheduled", "success"} {
				want["keepalived_checks_total "+k.String()+" "+end] = 0
			}
		}
		want["keepalived_check_duration_seconds TCP_CHECK"] = 2
		want["keepalived_checks_total TCP_CHECK failure"] = 2
		want["keepalived_checks_total TCP_CHECK success"] = 2
		if diff := cmp.Diff(want, l.counters(t)); diff != "" {
			t.Errorf("mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestMetricsOfSharedMark has two virtual servers that go by one name: a mark with a service of each family. The family
// tells their series apart.
func TestMetricsOfSharedMark(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		four, six := pool(1), pool(1)
		four.ID = vsIDOfMark(4)
		six.ID = vsIDOfMark(6)
		four.RealServers[0].ID.VS, six.RealServers[0].ID.VS = four.ID, six.ID
		l.run(config(four, six))
		got := l.counters(t)
		for _, family := range []string{"IPv4", "IPv6"} {
			server := four.RealServers[0].ID.String() + " FWM 5 " + family
			if got["keepalived_real_server_up "+server] != 1 {
				t.Errorf("%s is missing in %v", server, got)
			}
		}
	})
}
