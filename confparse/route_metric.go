package confparse

import (
	"fmt"
	"strconv"
	"strings"
)

// RouteMetric is one of the numeric metrics of a route, such as mtu.
type RouteMetric struct {
	Name  string
	Value uint32
	Lock  bool
}

// routeMetric decodes "[lock] NUMBER" behind the name of a metric; times take the suffixes s and ms.
func (d *decoder) routeMetric(w *words, t Token, r *Route) {
	m := RouteMetric{Name: d.intern(t.Text)}
	if w.peek() == "lock" && routeMetrics[t.Text] {
		w.next()
		m.Lock = true
	}
	switch t.Text {
	case "hoplimit":
		m.Value = uint32(w.number(t, 0, 255))
	case "quickack", "fastopen_no_cookie":
		m.Value = uint32(w.number(t, 0, 1))
	case "rtt", "rttvar", "rto_min":
		v, ok := w.value(t)
		if !ok {
			return
		}
		ms, valid := routeTime(v.Text, map[string]float64{"rtt": 8, "rttvar": 4, "rto_min": 1}[t.Text])
		if !valid {
			w.fail(v, fmt.Sprintf("Invalid %s '%s'", t.Text, v.Text))
			return
		}
		m.Value = ms
	default:
		m.Value = uint32(w.number(t, 0, maxUint32))
	}
	r.Metrics = append(r.Metrics, m)
}

// routeTime reads a time: with a suffix it is in seconds or milliseconds, and without one in 1/perMS milliseconds.
// The result, in milliseconds, is kept between 200 ms and 120 s.
func routeTime(s string, perMS float64) (uint32, bool) {
	digits := strings.TrimRight(s, "ms")
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || v < 0 || v > 1e9 {
		return 0, false
	}
	switch s[len(digits):] {
	case "s":
		v *= 1000
	case "ms":
	case "":
		v /= perMS
	default:
		return 0, false
	}
	return uint32(min(max(v, 200), 120_000)), true
}
