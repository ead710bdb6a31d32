package daemon

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"vigil/confparse"
)

// reloadGCPercent lets the heap grow during a reload instead of collecting several times on the way.
const reloadGCPercent = 1000

// reload brings the running state to what the configuration now says: load, compare, apply the difference. Any error
// leaves everything as it is. When nothing that was read has changed, nothing is even parsed.
func (d *daemon) reload() {
	start := time.Now()
	d.log.Info("Reloading ...")
	notifyReloading(d.log)
	defer notifyReady(d.log)
	result, err := d.reloadOnce()
	if err != nil {
		d.log.Error("New config failed validation, keeping the running one", "err", err)
	} else {
		d.log.Info("Reload complete")
	}
	d.metrics.reloaded(result, time.Now(), time.Since(start))
}

func (d *daemon) reloadOnce() (result string, err error) {
	if d.running.inputs.Unchanged(confparse.OSFS(), environment(d.opts).Text()) {
		d.log.Debug("the configuration files are unchanged")
		return reloadUnchanged, nil
	}
	// What parsing leaves behind is collected at once when the difference is applied, and not while that waits.
	defer debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(reloadGCPercent))
	start := time.Now()
	next, err := load(d.opts, d.running, d.log)
	if err != nil {
		return reloadRefused, err
	}
	read := time.Since(start)
	if missing := strangers(d.running.desired.VRRP, next.desired.VRRP, environment(d.opts).System.Interface); len(missing) > 0 && !next.dynamic {
		return reloadRefused, fmt.Errorf("no such interface: %s (set dynamic_interfaces if it comes later)", strings.Join(missing, ", "))
	}
	plan := Diff(d.running.desired, next.desired)
	if plan.Empty() {
		d.running = next
		return reloadUnchanged, nil
	}
	d.log.Info("Applying the difference: " + plan.Summary())
	d.logPlan(plan)
	if err := d.apply(next.desired); err != nil {
		return reloadRefused, fmt.Errorf("apply: %w", err)
	}
	d.running = next
	d.log.Debug("Reloaded", "reading", read, "comparing_and_applying", time.Since(start)-read)
	return reloadApplied, nil
}

// planLines is how much of a plan is logged in detail.
const planLines = 100

func (d *daemon) logPlan(p Plan) {
	for i, s := range p.Steps {
		if i == planLines {
			d.log.Debug(fmt.Sprintf("and %d more changes", len(p.Steps)-planLines))
			return
		}
		d.log.Debug(strings.TrimSpace(string(s.Verb) + " " + s.Object))
	}
}
