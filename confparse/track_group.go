package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// TrackGroup is a track_group block: the instances that watch a static address, route or rule.
type TrackGroup struct {
	Range   Range
	Name    string
	Members []InstanceName
}

var trackGroupsRow = blocksRow("track_group", inTrackGroup, (*decoder).trackGroup,
	func(c *Config) []*TrackGroup { return c.TrackGroups },
	func(p *printer, g *TrackGroup) { trackGroupBlock.print(p, "track_group", g.Name, g) })

// trackGroupBlock is the rows of track_group.
var trackGroupBlock = blockOf[TrackGroup]{trackGroupMembers()}

func trackGroupMembers() row[TrackGroup] {
	r := ownRow("group", "", (*decoder).trackGroupMembers, func(p *printer, g *TrackGroup) {
		p.members(g.Members)
	})
	r.list = &itemGrammar{name: "name", words: true}
	return r
}

func (d *decoder) trackGroup(n *Node) {
	var first *Node
	for _, g := range d.trackGroups {
		if g.Arg(0) == n.Arg(0) {
			first = g
		}
	}
	if !d.named(n, first) {
		return
	}
	tg := &TrackGroup{Range: n.RangeOf(n.Args[0]), Name: d.intern(n.Arg(0))}
	trackGroupBlock.decode(d, n, tg)
	if len(tg.Members) == 0 {
		d.about(n, diag.CodeEmptyGroup, fmt.Sprintf("track_group %s has no members - removing", tg.Name), "")
		return
	}
	d.trackGroups = append(d.trackGroups, n)
	d.cfg.TrackGroups = append(d.cfg.TrackGroups, tg)
}

func (d *decoder) trackGroupMembers(n *Node, tg *TrackGroup) {
	d.extraParameters(n)
	if len(tg.Members) > 0 {
		d.about(n, diag.CodeRepeated, "track_group "+tg.Name+" already has a list of members - ignoring", "")
		return
	}
	tg.Members = d.members(n)
}

// knownTrackGroup checks the name of a track_group option.
func (d *decoder) knownTrackGroup(n *Node, t Token) string {
	for _, g := range d.cfg.TrackGroups {
		if g.Name == t.Text {
			return g.Name
		}
	}
	d.report(n, n.RangeOf(t), diag.CodeUnknownTracker, "track_group "+t.Text+" not found", "it must be defined above its use")
	return ""
}
