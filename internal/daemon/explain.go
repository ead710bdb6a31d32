package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"vigil/internal/status"
	"vigil/internal/track"
	"vigil/vrrp"
)

// explainLimit is how long who asks waits for the virtual routers, which always have something more urgent to do.
const explainLimit = 5 * time.Second

// explain returns why the virtual router called name, or each of them for "", is what it is.
func (d *daemon) explain(ctx context.Context, name string) (status.Explanations, error) {
	all := status.Explanations{At: time.Now(), Instances: []status.Explanation{}}
	if runner := d.routers.runner.Load(); runner != nil {
		ctx, cancel := context.WithTimeout(ctx, explainLimit)
		defer cancel()
		list, err := runner.Explain(ctx)
		if err != nil {
			return all, err
		}
		for i := range list {
			if name == "" || name == string(list[i].Spec.Name) {
				all.Instances = append(all.Instances, explanation(&list[i]))
			}
		}
	}
	if name != "" && len(all.Instances) == 0 {
		return all, fmt.Errorf("no vrrp_instance %s runs", name)
	}
	return all, nil
}

func explanation(e *vrrp.Explained) status.Explanation {
	why := &e.Why
	to := status.Explanation{Name: string(e.Spec.Name), VRID: e.Spec.VRID, Interface: e.Spec.Link, State: why.State.String(),
		Since: e.Moment(why.Last.At), From: why.Last.From.String(), Cause: e.Cause(), By: why.Last.By.Source, ByPriority: why.Last.By.Priority,
		BasePriority: why.BasePriority, EffectivePriority: why.Priority, Faults: e.Faults(), Next: e.Next(), NextAt: e.Moment(why.Deadline),
		Changes: e.Changes()}
	for _, c := range why.Contributions {
		to.Contributions = append(to.Contributions, status.Contribution{Kind: kindWord(c.Tracker.ID), Name: c.Tracker.ID.Name, Value: c.Value,
			Weight: c.Tracker.Weight, Reverse: c.Tracker.Reverse, Points: c.Points})
	}
	for _, v := range why.Vetoes {
		to.Vetoes = append(to.Vetoes, status.Veto{Kind: kindWord(v.Tracker.ID), Name: v.Tracker.ID.Name, Value: v.Value,
			Reverse: v.Tracker.Reverse, Known: v.Known, Fails: v.Fails})
	}
	for _, p := range why.Peers {
		h := status.Heard{Address: p.Source, UnicastPeer: p.Configured, Silent: p.Silent, Priority: p.Priority, IntervalSeconds: status.Seconds(p.Interval), At: e.Moment(p.Heard),
			Resigned: p.Resigned, Rejected: p.Rejected}
		if p.Rejected > 0 {
			h.Reason = p.Reason.String()
		}
		to.Heard = append(to.Heard, h)
	}
	explainOthers(e, &to)
	for _, f := range e.Failures() {
		to.Failures = append(to.Failures, status.Failure{Address: f.Prefix, Interface: f.Link, Resource: f.Resource, Error: f.Error})
	}
	return to
}

// explainOthers adds what is wrong between this router and the others.
func explainOthers(e *vrrp.Explained, to *status.Explanation) {
	for _, r := range e.Why.Rivals {
		rival := status.Rival{Address: r.Source, Priority: r.Priority, Since: e.Moment(r.Since), At: e.Moment(r.Heard), Adverts: r.Adverts,
			OneWay: r.OneWay}
		if r.OneWay {
			rival.Causes = e.OneWayCauses()
		}
		to.Rivals = append(to.Rivals, rival)
	}
	for _, m := range e.Mismatches() {
		to.Mismatches = append(to.Mismatches, status.Mismatch{Kind: m.Kind, Address: m.Source, Theirs: m.Theirs, Ours: m.Ours,
			Refused: m.Refused, At: m.At, Times: m.Times})
	}
	l := &e.Why.Lateness
	if latest := e.Moment(l.LatestAt); !latest.IsZero() {
		to.Lateness = &status.Lateness{LatestSeconds: status.Seconds(l.Latest), LatestAt: latest,
			WorstSeconds: status.Seconds(l.Worst), WorstAt: e.Moment(l.WorstAt), ToleratedSeconds: status.Seconds(l.Tolerated)}
	}
}

// kindWord is a kind as the keyword track_KIND has it.
func kindWord(id track.ID) string { return strings.ReplaceAll(id.Kind.String(), " ", "_") }
