package confparse

import (
	"slices"
	"time"

	"vigil/confparse/diag"
)

// GARPGroup is a garp_group block: interfaces that share a pace of announcements.
type GARPGroup struct {
	Range        Range
	GARPInterval time.Duration
	GNAInterval  time.Duration
	Interfaces   []string
	Shared       bool // interfaces{}: one limit for all of them
}

func (d *decoder) garpGroup(n *Node) {
	d.gg = &GARPGroup{Range: n.RangeOf(n.Keyword)}
	d.body(n.Body)
	gg := d.gg
	d.gg = nil
	if gg.GARPInterval == 0 && gg.GNAInterval == 0 {
		d.atEnd(n, diag.CodeEmptyGroup, "garp group does not have any delay set - removing", "")
		return
	}
	d.cfg.GARPGroups = append(d.cfg.GARPGroups, gg)
}

func (d *decoder) garpInterface(n *Node, t Token) {
	if !d.interfaceName(t.Text) {
		return
	}
	for _, g := range append(d.cfg.GARPGroups, d.gg) {
		if slices.Contains(g.Interfaces, t.Text) {
			d.report(n, n.RangeOf(t), diag.CodeDuplicateTrack, "garp_group already specified for "+t.Text+" - ignoring", "",
				Place{Range: g.Range, Note: "first given here"})
			return
		}
	}
	d.gg.Interfaces = append(d.gg.Interfaces, d.intern(t.Text))
}

func (d *decoder) garpInterfaces(n *Node) {
	d.extraParameters(n)
	if len(n.Body) == 0 {
		d.about(n, diag.CodeEmptyList, "No interfaces specified in interfaces block", "")
	}
	before := len(d.gg.Interfaces)
	for _, item := range n.Body {
		d.n = item
		d.garpInterface(item, item.Keyword)
		for _, a := range item.Args {
			d.garpInterface(item, a)
		}
	}
	d.gg.Shared = d.gg.Shared || len(d.gg.Interfaces) > before
}
