package confparse

import (
	"fmt"
	"slices"

	"vigil/confparse/diag"
)

// SyncGroup is a vrrp_sync_group block.
type SyncGroup struct {
	Range   Range
	Name    GroupName
	Members []InstanceName

	TrackInterfaces []TrackInterface
	Tracking        Tracking
	TrackingWeight  bool // sync_group_tracking_weight
	Notify          Notify
}

var syncGroupsRow = blocksRow("vrrp_sync_group", inSyncGroup, (*decoder).syncGroup,
	func(c *Config) []*SyncGroup { return c.SyncGroups },
	func(p *printer, g *SyncGroup) {
		syncGroupBlock.print(p, "vrrp_sync_group", string(g.Name), newGroup(nil, g))
	})

// groupScratch is a vrrp_sync_group in the making.
type groupScratch struct {
	*SyncGroup
	watcher
	node *Node
}

func newGroup(n *Node, g *SyncGroup) *groupScratch {
	return &groupScratch{SyncGroup: g, node: n, watcher: watcher{string(g.Name), &g.Notify, &g.Tracking}}
}

// syncGroupBlock is the rows of vrrp_sync_group.
var syncGroupBlock = blockOf[groupScratch]{
	syncGroupMembers(),
	trackInterfaces(func(g *groupScratch) *[]TrackInterface { return &g.TrackInterfaces }),
	including(trackingRows, (*groupScratch).part),
	trackingWeight, trackingWeight.asDeprecated("global_tracking"),
	including(notifyRows, (*groupScratch).part),
}

var trackingWeight = flagRow("sync_group_tracking_weight", func(g *groupScratch) *bool { return &g.TrackingWeight })

// syncGroup decodes a vrrp_sync_group block.
func (d *decoder) syncGroup(n *Node) {
	var first *Node
	for _, g := range d.groups {
		if string(g.Name) == n.Arg(0) {
			first = g.node
		}
	}
	if !d.named(n, first) {
		return
	}
	g := newGroup(n, &SyncGroup{Range: n.RangeOf(n.Args[0]), Name: GroupName(d.intern(n.Arg(0)))})
	syncGroupBlock.decode(d, n, g)
	if len(g.Members) == 0 {
		d.about(n, diag.CodeEmptyGroup, fmt.Sprintf("Sync group %s has no virtual router(s). removing", g.Name), "")
		return
	}
	d.groups = append(d.groups, g)
}

// syncGroupMembers is the list of a group's instances.
func syncGroupMembers() row[groupScratch] {
	r := ownRow("group", "", (*decoder).syncGroupMembers, func(p *printer, g *groupScratch) { p.members(g.Members) })
	r.list = &itemGrammar{name: "name", words: true}
	return r
}

func (d *decoder) syncGroupMembers(n *Node, g *groupScratch) {
	d.extraParameters(n)
	if len(g.Members) > 0 {
		d.about(n, diag.CodeRepeated, fmt.Sprintf("vrrp_sync_group %s already has a list of members - ignoring", g.Name), "")
		return
	}
	if len(n.Body) == 0 {
		d.atEnd(n, diag.CodeEmptyList, fmt.Sprintf("Warning - sync group %s has empty group block", g.Name), "")
	}
	g.Members = d.members(n)
}

// members reads the instances of a group.
func (d *decoder) members(n *Node) []InstanceName {
	var list []InstanceName
	for _, item := range n.Body {
		for _, w := range d.listWords(item) {
			list = append(list, InstanceName(w))
		}
	}
	return list
}

func (p *printer) members(list []InstanceName) {
	p.open("group")
	for _, m := range list {
		p.line(quoted(string(m)))
	}
	p.close()
}

// settleGroups drops members that do not exist or are in another group, and groups without members.
func (d *decoder) settleGroups() {
	for _, g := range d.groups {
		n := g.node
		g.Members = slices.DeleteFunc(g.Members, func(name InstanceName) bool {
			vi := d.instances[name]
			switch {
			case vi == nil:
				d.about(n, diag.CodeUnknownMember, fmt.Sprintf(
					"Virtual router %s specified in sync group %s doesn't exist - ignoring", name, g.Name), "")
				return true
			case vi.inGroup != "":
				d.about(n, diag.CodeTwoGroups, fmt.Sprintf(
					"Virtual router %s cannot exist in more than one sync group; ignoring %s", name, g.Name),
					"it is in "+string(vi.inGroup)+" already")
				return true
			}
			vi.inGroup = g.Name
			if vi.Notify.PriorityChanges == Unset {
				vi.Notify.PriorityChanges = g.Notify.PriorityChanges
			}
			return false
		})
		switch len(g.Members) {
		case 0:
			d.about(n, diag.CodeEmptyGroup, fmt.Sprintf(
				"Sync group %s, no matching virtual router found in group declaration - removing", g.Name), "")
			continue
		case 1:
			d.about(n, diag.CodeLonelyGroup, fmt.Sprintf(
				"Sync group %s has only 1 virtual router(s) - this probably isn't what you want", g.Name), "")
		}
		d.settleGroupTracking(n, g.SyncGroup)
		d.cfg.SyncGroups = append(d.cfg.SyncGroups, g.SyncGroup)
	}
}
