package main

import (
	"fmt"
	"io"

	"vigil/confparse"
	"vigil/confparse/diag"
	"vigil/internal/lint"
)

// formats are the forms of a report.
var formats = map[string]func(*diag.Report, io.Writer) error{
	"text":  (*diag.Report).Text,
	"json":  (*diag.Report).JSON,
	"sarif": (*diag.Report).SARIF,
}

var levels = map[string]confparse.Severity{"note": confparse.Note, "warning": confparse.Warning, "error": confparse.Error}

func lintCommand(args []string, s streams) (int, error) {
	f := newFlags("lint", "FILE [PEERFILE]", s)
	var r, peer reading
	var o lint.Options
	format := f.StringP("format", "f", "text", "text, json or sarif")
	level := f.String("level", "note", "the least that is shown: note, warning or error")
	strict := f.Bool("strict", false, "exit with 1 when there are warnings")
	f.IntVar(&o.PeerPriority, "peer-priority", 0, "the other director's priority, when its file is not at hand")
	r.flags(f)
	f.StringVar(&peer.id, "peer-config-id", "", "which @ID lines count in PEERFILE")
	if err := parse(f, args, 1, 2); err != nil {
		return exitOK, err
	}
	write, ok := formats[*format]
	if !ok {
		return 0, errUsage{fmt.Sprintf("--format is text, json or sarif, not %q", *format)}
	}
	least, ok := levels[*level]
	if !ok {
		return 0, errUsage{fmt.Sprintf("--level is note, warning or error, not %q", *level)}
	}
	if o.PeerPriority < 0 || o.PeerPriority > 255 {
		return 0, errUsage{"--peer-priority is 1 to 255"}
	}
	peer.all = r.all
	all, err := examine(f.Args(), r, peer, o, s)
	if err != nil {
		return exitErrors, err
	}
	worst := all.Worst()
	shown := diag.Report{Tool: "vigil lint", Page: "docs/lint.md", Title: lint.Title, Files: f.Args()}
	for _, d := range all {
		if d.Severity >= least {
			shown.Findings = append(shown.Findings, d)
		}
	}
	if err := write(&shown, s.out); err != nil {
		return exitErrors, err
	}
	switch {
	case worst >= confparse.Error:
		return exitErrors, nil
	case worst == confparse.Warning && *strict:
		return exitWarnings, nil
	}
	return exitOK, nil
}

// examine returns everything that is wrong with one or two files. A file with a fatal error is not looked at further:
// what it seems to say is not what it was meant to.
func examine(names []string, r, peer reading, o lint.Options, s streams) (confparse.Diagnostics, error) {
	var all confparse.Diagnostics
	var files []lint.File
	sound := true
	for i, name := range names {
		if i == 1 {
			r = peer
		}
		fsys, path, err := open(name, s)
		if err != nil {
			return nil, err
		}
		file, ds := load(fsys, path, r.env())
		if ds.HasFatal() {
			sound = false
		} else {
			ds = lint.Sort(append(ds, lint.Check(file, o)...), file)
		}
		all = append(all, ds...)
		files = append(files, file)
	}
	if len(files) == 2 && sound {
		all = append(all, lint.Pair(files[0], files[1])...)
	}
	return all, nil
}
