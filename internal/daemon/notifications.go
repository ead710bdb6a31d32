package daemon

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/internal/script"
	"vigil/internal/status"
)

// notifications is the part that tells of what happens. It begins before the parts that have something to tell, and ends
// after them.
type notifications struct {
	surroundings
	*teller // its programs run from the first commit on

	// Owned by the daemon's goroutine.
	running *task // of the teller's programs; nil until then
}

func newNotifications(s surroundings) *notifications {
	log := s.log.With(componentKey, "notify")
	n := &notifications{surroundings: s,
		teller: newTeller(log, script.NewRunner(script.Options{Logger: log, MaxRunning: maxTold}))}
	n.metrics.MustRegister(lostMessages{n.teller})
	return n
}

func (n *notifications) String() string { return "notifications" }

func (n *notifications) prepare(_ context.Context, next Desired) (prepared, error) {
	return prepared{commit: func(context.Context) error {
		if n.running == nil {
			n.running = startTask("programs that are told", n.ended, n.scripts.Run)
		}
		n.set(next.Told)
		return nil
	}}, nil
}

func (n *notifications) diff(old, new Desired) []Step {
	var steps []Step
	add := func(differ bool, what string) {
		if differ {
			steps = append(steps, step(Change, "%s", what))
		}
	}
	o, w := old.Told, new.Told
	add(o.All != w.All, "notify_fifo")
	add(o.Services != w.Services, "lvs_notify_fifo")
	add(o.Routers != w.Routers, "vrrp_notify_fifo")
	add(o.Mail != w.Mail, "alerts by mail")
	add(o.Priorities != w.Priorities, "vrrp_notify_priority_changes")
	add(o.StatesOnReload != w.StatesOnReload, "fifo_write_vrrp_states_on_reload")
	add(o.Startup != w.Startup, "startup_script, for the next start")
	add(o.Shutdown != w.Shutdown, "shutdown_script")
	return steps
}

func (n *notifications) stop() error {
	if n.running == nil {
		return nil
	}
	n.teller.close()
	return stopTasks(stopping{n.running, scriptStopLimit})
}

func (n *notifications) unready() string { return "" }

func (n *notifications) status(*status.Status) {}

// lostMessages is the metric of what was lost.
type lostMessages struct{ of *teller }

var lostDesc = prometheus.NewDesc("keepalived_notifications_lost_total",
	"Lines of a named pipe and alerts by mail that were lost because nobody took them in time.", []string{"to"}, nil)

// Describe sends the description of the metric.
func (lostMessages) Describe(ch chan<- *prometheus.Desc) { ch <- lostDesc }

// Collect sends the metric.
func (l lostMessages) Collect(ch chan<- prometheus.Metric) {
	for to, n := range l.of.lost() {
		ch <- prometheus.MustNewConstMetric(lostDesc, prometheus.CounterValue, float64(n), to)
	}
}
