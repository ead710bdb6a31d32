package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// TrackFile is a track_file block.
type TrackFile struct {
	Range     Range
	Name      string
	Path      string
	Weight    int // 1; 0 = a value other than 0 means FAULT
	Reverse   bool
	Init      bool // init_file: write InitValue at start
	InitValue int
	Overwrite bool
}

var filesRow = blocksRow("track_file", inTrackFile, (*decoder).trackFile,
	func(c *Config) []*TrackFile { return c.Files },
	func(p *printer, t *TrackFile) { fileBlock.print(p, "track_file", t.Name, &fileScratch{TrackFile: t}) })

// fileScratch is a track_file in the making.
type fileScratch struct {
	*TrackFile
	weighted bool // a weight is written
}

// fileBlock is the rows of track_file.
var fileBlock = blockOf[fileScratch]{
	ownRow("file", "", func(d *decoder, n *Node, t *fileScratch) {
		words := d.scriptWords(n)
		if len(words) == 0 {
			d.missing(n, true)
			return
		}
		d.first(n, &t.Path, d.intern(words[0]))
	}, func(p *printer, t *fileScratch) { p.text("file", t.Path) }),
	weightRow(254, 1, func(t *fileScratch) *int { return &t.Weight }, func(t *fileScratch) *bool { return &t.Reverse },
		func(t *fileScratch) *bool { return &t.weighted }),
	ownRow("init_file", "0", (*decoder).initFile, func(p *printer, t *fileScratch) {
		switch {
		case t.Init && t.Overwrite:
			p.line("init_file", t.InitValue, "overwrite")
		case t.Init:
			p.line("init_file", t.InitValue)
		}
	}),
}

// trackFile decodes a track_file block and settles it.
func (d *decoder) trackFile(n *Node) {
	if !d.needName(n) {
		return
	}
	tf := &fileScratch{TrackFile: &TrackFile{Range: n.RangeOf(n.Args[0]), Name: d.intern(n.Arg(0))}}
	fileBlock.decode(d, n, tf)
	if tf.Path == "" {
		d.atEnd(n, diag.CodeTrackerDropped, fmt.Sprintf("No file set for track_file %s - ignoring", tf.Name), "")
		return
	}
	d.cfg.Files = append(d.cfg.Files, tf.TrackFile)
}

// initFile decodes "init_file [VALUE] [overwrite]".
func (d *decoder) initFile(n *Node, t *fileScratch) {
	t.Init = true
	for _, a := range n.Args {
		if a.Text == "overwrite" {
			t.Overwrite = true
			continue
		}
		if c := a.Text[:min(1, len(a.Text))]; c == "" || c[0] != '-' && c[0] != '+' && (c[0] < '0' || c[0] > '9') {
			d.report(n, n.RangeOf(a), diag.CodeUnknownWord, "Unknown track file "+t.Name+" init option "+a.Text,
				"only a number and overwrite are known")
			continue
		}
		if v, ok := d.wholeNumber(n, a, wholeStrict(minInt32, maxInt32)); ok {
			t.InitValue = int(v)
			if v < -254 || v > 254 {
				d.report(n, n.RangeOf(a), diag.CodeRaised, fmt.Sprintf("Track file %s initial value %d outside [-254, 254]",
					t.Name, v), "")
			}
		}
	}
}
