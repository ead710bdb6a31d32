package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// FileDetail is what FILE_CHECK follows.
type FileDetail struct {
	TrackFile string
	Weight    int
	Reverse   bool
	File      *TrackFile // settled: the block that TrackFile names
}

// fileCheckRows are the rows of FILE_CHECK.
var fileCheckRows = blockOf[checkerScratch]{
	ownWordRow("track_file", oneWord, "", func(d *decoder, n *Node, s string, c *checkerScratch) {
		c.Detail.(*FileDetail).TrackFile, c.nameAt = s, n
	}, func(p *printer, c *checkerScratch) { p.line("track_file", quoted(c.Detail.(*FileDetail).TrackFile)) }),
	ownRow("weight", "the track_file's", (*decoder).fileWeight, func(p *printer, c *checkerScratch) {
		x := c.Detail.(*FileDetail)
		p.line(weightWords("weight", x.Weight, x.Reverse))
	}),
}

func (d *decoder) fileWeight(n *Node, c *checkerScratch) {
	if len(n.Args) == 0 {
		d.missing(n, true)
		return
	}
	v, ok := d.wholeNumber(n, n.Args[0], whole(-maxInt32, maxInt32))
	if !ok {
		return
	}
	x := c.Detail.(*FileDetail)
	switch n.Arg(1) {
	case "", "noreverse":
	case "reverse":
		x.Reverse = true
	default:
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeUnknownWord, "unknown FILE_CHECK weight option "+n.Arg(1),
			"use reverse or noreverse")
		return
	}
	x.Weight, c.weightSet = int(v), true
}

// settleFile looks for the file that is followed, whose weight counts unless the checker has one.
func (d *decoder) settleFile(n *Node, c *checkerScratch) bool {
	x := c.Detail.(*FileDetail)
	if x.TrackFile == "" {
		return d.dropChecker(n, "FILE_CHECK has no track_file specified - ignoring")
	}
	for _, f := range d.cfg.Files {
		if f.Name == x.TrackFile {
			x.File = f
			if !c.weightSet {
				x.Weight, x.Reverse = f.Weight, f.Reverse
			}
			return true
		}
	}
	d.about(c.nameAt, diag.CodeCheckerDropped, fmt.Sprintf("track_file %s not found", x.TrackFile),
		"the checker is left out")
	d.echoAtEnd(n, "FILE_CHECK has no track_file specified - ignoring")
	return false
}
