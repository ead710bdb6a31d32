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

var garpGroupsRow = blocksRow("garp_group", inGARPGroup, (*decoder).garpGroup,
	func(c *Config) []*GARPGroup { return c.GARPGroups },
	func(p *printer, g *GARPGroup) {
		p.open("garp_group")
		garpGroupBlock.write(p, g)
		p.close()
	})

// garpGroupBlock is the rows of garp_group.
var garpGroupBlock = blockOf[GARPGroup]{
	durationRow("garp_interval", decimal(0, maxMicros), func(g *GARPGroup) *time.Duration { return &g.GARPInterval }),
	durationRow("gna_interval", decimal(0, maxMicros), func(g *GARPGroup) *time.Duration { return &g.GNAInterval }),
	garpInterfaces(),
	{
		keyword: keyword{name: "interface", value: oneWord,
			str: func(d *decoder, at site, _ string) { d.garpInterface(at.n, at.n.Args[0], here[GARPGroup](at)) }},
		print: func(p *printer, g *GARPGroup) {
			for _, i := range g.Interfaces {
				if !g.Shared {
					p.line("interface", quoted(i))
				}
			}
		},
	},
}

func garpInterfaces() row[GARPGroup] {
	r := ownRow("interfaces", "", (*decoder).garpInterfaces, func(p *printer, g *GARPGroup) {
		if g.Shared {
			p.list("interfaces", g.Interfaces)
		}
	})
	r.list = &itemGrammar{name: "name", words: true}
	return r
}

func (d *decoder) garpGroup(n *Node) {
	gg := &GARPGroup{Range: n.RangeOf(n.Keyword)}
	garpGroupBlock.decode(d, n, gg)
	if gg.GARPInterval == 0 && gg.GNAInterval == 0 {
		d.atEnd(n, diag.CodeEmptyGroup, "garp group does not have any delay set - removing", "")
		return
	}
	d.cfg.GARPGroups = append(d.cfg.GARPGroups, gg)
}

func (d *decoder) garpInterface(n *Node, t Token, gg *GARPGroup) {
	if !d.interfaceName(n, t.Text) {
		return
	}
	for _, g := range append(d.cfg.GARPGroups, gg) {
		if slices.Contains(g.Interfaces, t.Text) {
			d.report(n, n.RangeOf(t), diag.CodeDuplicateTrack, "garp_group already specified for "+t.Text+" - ignoring", "",
				Place{Range: g.Range, Note: "first given here"})
			return
		}
	}
	gg.Interfaces = append(gg.Interfaces, d.intern(t.Text))
}

// garpInterfaces decodes "interfaces { IF… }", which keepalived looks at where it ends.
func (d *decoder) garpInterfaces(n *Node, gg *GARPGroup) {
	d.extraParameters(n)
	if len(n.Body) == 0 {
		d.atEnd(n, diag.CodeEmptyList, "No interfaces specified in interfaces block", "")
	}
	before := len(gg.Interfaces)
	d.toldAtEnd(n, func() {
		for _, item := range n.Body {
			d.garpInterface(item, item.Keyword, gg)
			for _, a := range item.Args {
				d.garpInterface(item, a, gg)
			}
		}
	})
	gg.Shared = gg.Shared || len(gg.Interfaces) > before
}
