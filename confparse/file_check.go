package confparse

import (
	"vigil/confparse/diag"
)

// FileDetail is what FILE_CHECK follows.
type FileDetail struct {
	TrackFile string
	Weight    int
	Reverse   bool
}

func (d *decoder) fileWeight(n *Node) {
	if len(n.Args) == 0 {
		d.missing(n, true)
		return
	}
	v, ok := d.wholeNumber(n, n.Args[0], whole(-maxInt32, maxInt32))
	if !ok {
		return
	}
	x := d.ck.Detail.(*FileDetail)
	switch n.Arg(1) {
	case "", "noreverse":
	case "reverse":
		x.Reverse = true
	default:
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeUnknownWord, "unknown FILE_CHECK weight option "+n.Arg(1),
			"use reverse or noreverse")
		return
	}
	x.Weight, d.ck.weightSet = int(v), true
}
