package lint

import (
	"fmt"

	"vigil/confparse"
)

// The range of an effective priority; an address owner's is always 255 (RFC 9568 §5.2.4).
const (
	minEffective = 1
	maxEffective = 254
	owner        = 255
)

// tracker is something with a weight that an instance, or its group, follows.
type tracker struct {
	at    confparse.Range
	label string // "track_script chk"
	high  int    // what it adds in the state that is better for the instance
	low   int    // what it adds in the other one
	open  bool   // a file: it adds a multiple of its weight
}

// swing is by how much the priority falls when the tracker changes for the worse.
func (t tracker) swing() int { return t.high - t.low }

func newTracker(at confparse.Range, label string, weight int, reverse bool) tracker {
	up, down := max(weight, 0), min(weight, 0)
	if reverse {
		up, down = -up, -down
	}
	return tracker{at: at, label: label, high: max(up, down), low: min(up, down)}
}

// trackersOf returns everything with a weight that moves the priority of vi.
func trackersOf(c *confparse.Config, vi *confparse.VRRPInstance) []tracker {
	if vi.Priority == owner {
		return nil
	}
	list := weighted(vi.TrackInterfaces, &vi.Tracking)
	if g := groupOf(c, vi.Name); g != nil {
		list = append(list, weighted(g.TrackInterfaces, &g.Tracking)...)
	}
	return list
}

func weighted(interfaces []confparse.TrackInterface, tracking *confparse.Tracking) (list []tracker) {
	for _, t := range interfaces {
		if t.Weight != 0 {
			list = append(list, newTracker(t.Range, "track_interface "+t.Interface, t.Weight, t.Reverse))
		}
	}
	for _, kind := range []struct {
		word  string
		items []confparse.Tracked
	}{{"track_script", tracking.Scripts}, {"track_process", tracking.Processes}, {"track_bfd", tracking.BFD}} {
		for _, t := range kind.items {
			if t.Weight != 0 {
				list = append(list, newTracker(t.Range, kind.word+" "+t.Name, t.Weight, t.Reverse))
			}
		}
	}
	for _, t := range tracking.Files {
		if t.Weight != 0 {
			list = append(list, tracker{at: t.Range, label: "track_file " + t.Name, open: true})
		}
	}
	return list
}

func groupOf(c *confparse.Config, name confparse.InstanceName) *confparse.SyncGroup {
	for _, g := range c.SyncGroups {
		for _, m := range g.Members {
			if m == name {
				return g
			}
		}
	}
	return nil
}

// best returns the priority of vi before it is cut to its range, everything it tracks being well.
func best(vi *confparse.VRRPInstance, trackers []tracker) int {
	total := int(vi.Priority)
	for _, t := range trackers {
		total += t.high
	}
	return total
}

// effective cuts a sum of weights to the range of priorities.
func effective(total int) int { return min(max(total, minEffective), maxEffective) }

// arithmetic shows how t changes the priority: "priority 100 - 2 = 98", "150 - 20 = 130, which is cut to …".
func arithmetic(total int, t tracker) string {
	after := total - t.swing()
	s := fmt.Sprintf("%d - %d = %d", total, t.swing(), after)
	if e := effective(after); e != after {
		s += fmt.Sprintf(", which counts as %d", e)
	}
	return s
}

// weights judges what vi tracks: weights that the range of priorities swallows, weights that nopreempt disarms, and
// weights too small for a known priority of the peer.
func (c *checker) weights(vi *confparse.VRRPInstance, o Options) {
	trackers := trackersOf(c.f.Config, vi)
	total := best(vi, trackers)
	for _, t := range trackers {
		if !t.open && effective(total) == effective(total-t.swing()) {
			c.report(WeightWithoutEffect, t.at,
				fmt.Sprintf("(%s) the weight of %s never changes the priority", vi.Name, t.label),
				fmt.Sprintf("all well: %d, which counts as %d; when it fails: %s", total, effective(total), arithmetic(total, t)))
		}
	}
	if len(trackers) > 0 && vi.NoPreempt {
		c.report(WeightAndNoPreempt, trackers[0].at,
			fmt.Sprintf("(%s) weights only work if the other director preempts", vi.Name),
			"this instance has nopreempt; a director with nopreempt leaves a living master alone whatever its priority, "+
				"so with nopreempt on both no weight causes a failover (a weight of 0 does: it means FAULT)")
	}
	if o.PeerPriority > 0 {
		c.tooSmall(WeightWithoutEffect, vi, trackers, min(o.PeerPriority, owner))
	}
}

// tooSmall reports the trackers of vi, the master when all is well, whose failure leaves it above the peer's priority.
func (c *checker) tooSmall(code confparse.Code, vi *confparse.VRRPInstance, trackers []tracker, peer int,
	related ...confparse.Place) {
	total := best(vi, trackers)
	if effective(total) <= peer {
		return // the peer is master already
	}
	all := total
	for _, t := range trackers {
		if t.open {
			all = minEffective
		}
		all -= t.swing()
	}
	for _, t := range trackers {
		after := effective(total - t.swing())
		if t.open || after < peer {
			continue
		}
		severity, alone := confparse.Warning, ""
		if effective(all) < peer {
			severity, alone = confparse.Note, " by itself"
		}
		c.reportAs(severity, code, t.at,
			fmt.Sprintf("(%s) the failure of %s causes no failover%s", vi.Name, t.label, alone),
			fmt.Sprintf("all well: %d against the peer's %d; when it fails: %s, not below %d; the weight must be above %d, or 0 for FAULT",
				total, peer, arithmetic(total, t), peer, total-peer), related...)
	}
}
