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
	d.tg = &TrackGroup{Range: n.RangeOf(n.Args[0]), Name: d.intern(n.Arg(0))}
	d.body(n.Body)
	tg := d.tg
	d.tg = nil
	if len(tg.Members) == 0 {
		d.about(n, diag.CodeEmptyGroup, fmt.Sprintf("track_group %s has no members - removing", tg.Name), "")
		return
	}
	d.trackGroups = append(d.trackGroups, n)
	d.cfg.TrackGroups = append(d.cfg.TrackGroups, tg)
}

func (d *decoder) trackGroupMembers(n *Node) {
	d.extraParameters(n)
	if len(d.tg.Members) > 0 {
		d.about(n, diag.CodeRepeated, "track_group "+d.tg.Name+" already has a list of members - ignoring", "")
		return
	}
	for _, item := range n.Body {
		for _, w := range d.listWords(item) {
			d.tg.Members = append(d.tg.Members, InstanceName(w))
		}
	}
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
