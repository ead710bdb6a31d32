package daemon

import (
	"slices"

	"vigil/confparse"
	"vigil/vrrp"
)

// diff compares virtual routers by their identity, as the part itself does: one that is renamed lives on, one that gets
// another VRID is another one.
func (r *routers) diff(old, new Desired) []Step {
	var steps []Step
	if old.VRRP.StartupDelay != new.VRRP.StartupDelay {
		steps = append(steps, step(Change, "vrrp_startup_delay, for the next start"))
	}
	if old.VRRP.DelayAfterBoot != new.VRRP.DelayAfterBoot {
		steps = append(steps, step(Change, "vrrp_delay_after_boot, for the next start"))
	}
	if !slices.Equal(old.VRRP.LinkDelays, new.VRRP.LinkDelays) {
		steps = append(steps, step(Change, "interface_up_down_delays"))
	}
	if old.VRRP.LinkbeatAll != new.VRRP.LinkbeatAll || !slices.Equal(old.VRRP.Linkbeat, new.VRRP.Linkbeat) {
		steps = append(steps, step(Change, "linkbeat_interfaces"))
	}
	if old.VRRP.LogUnknownVRIDs != new.VRRP.LogUnknownVRIDs {
		steps = append(steps, step(Change, "log_unknown_vrids"))
	}
	if !slices.EqualFunc(old.VRRP.Paces, new.VRRP.Paces, vrrp.Pace.Equal) {
		steps = append(steps, step(Change, "garp_group"))
	}
	if old.VRRP.Host != new.VRRP.Host {
		steps = append(steps, step(Change, "settings of the host and its nftables table for VRRP"))
	}
	return slices.Concat(steps, diffStatics(old.VRRP, new.VRRP), diffInstances(old.VRRP, new.VRRP), diffGroups(old.VRRP, new.VRRP))
}

func diffStatics(old, new vrrp.Spec) []Step {
	key := func(s vrrp.Static) vrrp.Resource { return s.Resource }
	d := diffLists(old.Statics, new.Statics, key, func(a, b vrrp.Static) bool { return a == b })
	var steps []Step
	for _, k := range d.added {
		steps = append(steps, step(Add, "static %s", vrrp.ResourceText(k)))
	}
	for _, k := range d.changed {
		steps = append(steps, step(Change, "track_group of static %s", vrrp.ResourceText(k)))
	}
	for _, k := range d.removed {
		steps = append(steps, step(Remove, "static %s", vrrp.ResourceText(k)))
	}
	if d.reordered {
		steps = append(steps, step(Change, "order of what is static"))
	}
	return steps
}

func diffInstances(old, new vrrp.Spec) []Step {
	d := diffLists(old.Instances, new.Instances, vrrp.InstanceSpec.Key, vrrp.InstanceSpec.Equal)
	// An instance that stays under its name and is another router is one step.
	renewed := make(map[confparse.InstanceName]bool)
	for _, k := range d.removed {
		renewed[d.old[k].Name] = false
	}
	var steps []Step
	for _, k := range d.added {
		name := d.new[k].Name
		if _, same := renewed[name]; same {
			renewed[name] = true
			steps = append(steps, step(Change, "vrrp_instance %s starts anew, as another virtual router", name))
		} else {
			steps = append(steps, step(Add, "vrrp_instance %s", name))
		}
	}
	for _, k := range d.changed {
		if was, name := d.old[k].Name, d.new[k].Name; was != name {
			steps = append(steps, step(Change, "vrrp_instance %s, was %s", name, was))
		} else {
			steps = append(steps, step(Change, "vrrp_instance %s", name))
		}
	}
	for _, k := range d.removed {
		if name := d.old[k].Name; !renewed[name] {
			steps = append(steps, step(Remove, "vrrp_instance %s", name))
		}
	}
	if d.reordered {
		steps = append(steps, step(Change, "order of the vrrp_instances"))
	}
	return steps
}

func diffGroups(old, new vrrp.Spec) []Step {
	name := func(g vrrp.GroupSpec) confparse.GroupName { return g.Name }
	d := diffLists(old.Groups, new.Groups, name, vrrp.GroupSpec.Equal)
	var steps []Step
	for _, k := range d.added {
		steps = append(steps, step(Add, "vrrp_sync_group %s", k))
	}
	for _, k := range d.changed {
		steps = append(steps, step(Change, "vrrp_sync_group %s", k))
	}
	for _, k := range d.removed {
		steps = append(steps, step(Remove, "vrrp_sync_group %s", k))
	}
	if d.reordered {
		steps = append(steps, step(Change, "order of the vrrp_sync_groups"))
	}
	return steps
}
