package confparse

import (
	"fmt"
	"slices"

	"vigil/confparse/diag"
)

// settleGroupTracking takes from the members of g what may not move one of them alone: trackers with a weight, unless
// sync_group_tracking_weight allows them. It also reports interfaces that both the group and a member watch.
func (d *decoder) settleGroupTracking(g *SyncGroup) {
	for _, name := range g.Members {
		vi := d.instances[name]
		for _, t := range vi.TrackInterfaces {
			if slices.ContainsFunc(g.TrackInterfaces, func(o TrackInterface) bool { return o.Interface == t.Interface }) {
				d.report(vi.node, t.Range, diag.CodeTrackBoth, fmt.Sprintf("(%s) track_interface %s is configured on VRRP "+
					"instance and sync group. Remove vrrp instance or sync group config", vi.Name, t.Interface), "",
					Place{Range: g.Range, Note: "the group"})
			}
		}
		if g.TrackingWeight {
			continue
		}
		for i, t := range vi.TrackInterfaces {
			if t.Weight != 0 {
				d.weightInGroup(vi, t.Range, fmt.Sprintf("ignoring %s tracked interface weight due to SYNC group", t.Interface))
				vi.TrackInterfaces[i].Weight, vi.TrackInterfaces[i].Reverse = 0, false
			}
		}
		vi.Tracking.Scripts = slices.DeleteFunc(vi.Tracking.Scripts, func(t Tracked) bool {
			return t.Weight != 0 && d.weightInGroup(vi, t.Range, "ignoring tracked script "+t.Name+" with weights due to SYNC group")
		})
		for i, t := range vi.Tracking.Files {
			if t.Weight == 1 && !t.Reverse { // which it has when none is written
				d.weightInGroup(vi, t.Range, "ignoring weight from tracked file "+t.Name+" due to SYNC group. specify weight 0")
				vi.Tracking.Files[i].Weight = 0
			}
		}
		for _, list := range []struct {
			what string
			of   *[]Tracked
		}{{"file", &vi.Tracking.Files}, {"process", &vi.Tracking.Processes}, {"bfd", &vi.Tracking.BFD}} {
			*list.of = slices.DeleteFunc(*list.of, func(t Tracked) bool {
				return t.Weight != 0 && d.weightInGroup(vi, t.Range,
					fmt.Sprintf("ignoring tracked %s %s with weight %d due to SYNC group", list.what, t.Name, t.Weight))
			})
		}
	}
}

// weightInGroup reports a tracker of vi at place at. It returns true, for the predicates above.
func (d *decoder) weightInGroup(vi *instanceScratch, at Range, what string) bool {
	d.report(vi.node, at, diag.CodeTrackerWeight, fmt.Sprintf("(%s) %s", vi.Name, what),
		"the members of a group change together; write sync_group_tracking_weight in the group, or no weight")
	return true
}
