package confparse

import (
	"fmt"
	"slices"

	"vigil/confparse/diag"
)

// settleTracking drops the instance's own interface, which is watched anyway, scripts that cannot be run, and the weights of
// an address owner.
func (d *decoder) settleTracking(vi *instanceScratch) {
	d.dropDisabled(&vi.Tracking)
	d.dropUnknownServers(vi.node, string(vi.Name), &vi.Tracking)
	owner := vi.Priority == 255
	vi.TrackInterfaces = slices.DeleteFunc(vi.TrackInterfaces, func(t TrackInterface) bool {
		if t.Interface == vi.Interface && vi.Interface != "" {
			d.report(vi.node, t.Range, diag.CodeOwnInterface,
				fmt.Sprintf("(%s) Ignoring track_interface %s since own interface", vi.Name, t.Interface), "")
			return true
		}
		if owner && t.Weight != 0 {
			d.report(vi.node, t.Range, diag.CodeOwnerWeight,
				fmt.Sprintf("(%s) ignoring weight of tracked interface %s: the priority of an address owner never changes",
					vi.Name, t.Interface), "")
			return true
		}
		return false
	})
	if owner {
		d.dropWeights(vi, "address_owner", func(t Tracked, what string) bool {
			d.report(vi.node, t.Range, diag.CodeOwnerWeight, fmt.Sprintf("(%s) %s", vi.Name, what),
				"the priority of an address owner never changes")
			return true
		})
	}
}

// dropDisabled takes out the scripts that cannot be run, which has been reported.
func (d *decoder) dropDisabled(t *Tracking) {
	t.Scripts = slices.DeleteFunc(t.Scripts, func(t Tracked) bool { return d.disabledScripts[t.Name] })
}

// dropWeights takes out the trackers of vi that have a weight, for a reason that report is told of; it returns true. A file
// that has a weight because it always has one keeps its place without.
func (d *decoder) dropWeights(vi *instanceScratch, why string, report func(t Tracked, what string) bool) {
	vi.Tracking.Scripts = slices.DeleteFunc(vi.Tracking.Scripts, func(t Tracked) bool {
		return t.Weight != 0 && report(t, "ignoring tracked script "+t.Name+" with weights due to "+why)
	})
	for i, t := range vi.Tracking.Files {
		if t.Weight == 1 && !t.Reverse { // which it has when none is written
			report(t, "ignoring weight from tracked file "+t.Name+" due to "+why+". specify weight 0")
			vi.Tracking.Files[i].Weight = 0
		}
	}
	for _, list := range []struct {
		what string
		of   *[]Tracked
	}{{"file", &vi.Tracking.Files}, {"process", &vi.Tracking.Processes}, {"bfd", &vi.Tracking.BFD}, {"virtual server", &vi.Tracking.Servers}} {
		*list.of = slices.DeleteFunc(*list.of, func(t Tracked) bool {
			return t.Weight != 0 && report(t, fmt.Sprintf("ignoring tracked %s %s with weight %d due to %s", list.what, t.Name, t.Weight, why))
		})
	}
}

// settleGroupTracking takes from the members of g what may not move one of them alone: trackers with a weight, unless
// sync_group_tracking_weight allows them. It also reports interfaces that both the group and a member watch.
func (d *decoder) settleGroupTracking(n *Node, g *SyncGroup) {
	d.dropDisabled(&g.Tracking)
	d.dropUnknownServers(n, string(g.Name), &g.Tracking)
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
		report := func(at Range, what string) bool {
			d.report(vi.node, at, diag.CodeTrackerWeight, fmt.Sprintf("(%s) %s", vi.Name, what),
				"the members of a group change together; write sync_group_tracking_weight in the group, or no weight")
			return true
		}
		for i, t := range vi.TrackInterfaces {
			if t.Weight != 0 {
				report(t.Range, fmt.Sprintf("ignoring %s tracked interface weight due to SYNC group", t.Interface))
				vi.TrackInterfaces[i].Weight, vi.TrackInterfaces[i].Reverse = 0, false
			}
		}
		d.dropWeights(vi, "SYNC group", func(t Tracked, what string) bool { return report(t.Range, what) })
	}
}

// dropUnrunnable takes out the definitions of scripts that cannot be run, after those that refer to them.
func (d *decoder) dropUnrunnable() {
	d.cfg.Scripts = slices.DeleteFunc(d.cfg.Scripts, func(s *TrackScript) bool { return d.disabledScripts[s.Name] })
}
