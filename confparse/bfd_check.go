package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// BFDDetail is what BFD_CHECK follows.
type BFDDetail struct {
	Name string
}

// bfdCheckRows are the rows that BFD_CHECK has besides alpha.
var bfdCheckRows = blockOf[checkerScratch]{
	ownWordRow("name", optionalWord, "", func(d *decoder, n *Node, s string, c *checkerScratch) {
		d.first(n, &c.Detail.(*BFDDetail).Name, s)
		c.nameAt = n
	}, func(p *printer, c *checkerScratch) { p.line("name", quoted(c.Detail.(*BFDDetail).Name)) }),
}

// settleBFDCheck looks for the session that is followed.
func (d *decoder) settleBFDCheck(n *Node, c *checkerScratch) bool {
	x := c.Detail.(*BFDDetail)
	if x.Name == "" {
		return d.dropChecker(n, "BFD_CHECK has no name specified - ignoring")
	}
	for i := c.rs.firstChecker; i < len(d.checkers)-1; i++ {
		if other, ok := d.checkers[i].Detail.(*BFDDetail); ok && other.Name == x.Name {
			return d.dropChecker(n, "BFD_CHECK - RS already monitoring %s", x.Name)
		}
	}
	for _, b := range d.cfg.BFD {
		if b.Name == x.Name && b.Checkers {
			return true
		}
	}
	if !d.droppedBFD[x.Name] { // else reported at its definition
		d.about(c.nameAt, diag.CodeCheckerDropped, fmt.Sprintf("BFD_CHECK - BFD %s not configured", x.Name),
			"the checker is left out")
	}
	return false
}
