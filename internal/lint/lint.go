// Package lint finds what a keepalived.conf says correctly and yet does not mean: settings that are each valid and do
// harm together, and two directors' files that do not fit. It is pure: it looks at configurations that were read and
// returns diagnostics, and asks nothing of the machine.
package lint

import (
	"slices"
	"strings"

	"vigil/confparse"
)

// File is a configuration as it was read.
type File struct {
	Config *confparse.Config
	Tree   *confparse.Tree   // the statements of the same files; nil leaves out what only the raw text shows
	Text   map[string]string // the text of each file that was read, by its name in the diagnostics
}

// Options are what a File alone does not say.
type Options struct {
	// PeerPriority is the priority of the other director, 1-255, for the arithmetic of weights; 0 = not known.
	PeerPriority int
}

// Check returns what is wrong with one configuration beyond what Load reports, in the order of the files.
func Check(f File, o Options) confparse.Diagnostics {
	c := &checker{f: f}
	c.cutWords()
	c.flags()
	for _, vi := range f.Config.Instances {
		c.weights(vi, o)
		c.strict(vi)
		c.ownPeer(vi)
		c.source(vi)
	}
	c.mixedPreemption()
	c.scripts()
	c.unused()
	c.alerts()
	c.owners()
	for _, vs := range f.Config.VirtualServers {
		c.servers(vs)
	}
	c.sharedServices()
	return Sort(c.found, f)
}

// checker collects what is found in one configuration.
type checker struct {
	f     File
	found confparse.Diagnostics
}

// report adds a finding with the severity of its code.
func (c *checker) report(code confparse.Code, at confparse.Range, summary, detail string, related ...confparse.Place) {
	c.reportAs(codes[code].severity, code, at, summary, detail, related...)
}

func (c *checker) reportAs(s confparse.Severity, code confparse.Code, at confparse.Range, summary, detail string,
	related ...confparse.Place) {
	c.found = append(c.found, confparse.Diagnostic{Severity: s, Code: code, Summary: summary, Detail: detail, Subject: at,
		Line: c.f.line(at), Related: related})
}

// line returns the text of the line that at is on, or "" when its file is not at hand.
func (f File) line(at confparse.Range) string {
	text, ok := f.Text[at.File]
	start := int(at.Start.Offset - (at.Start.Col - 1))
	if !ok || start < 0 || start > len(text) {
		return ""
	}
	line, _, _ := strings.Cut(text[start:], "\n")
	return strings.TrimSuffix(line, "\r")
}

// Sort returns ds in the order in which f's files were read, what has no place last.
func Sort(ds confparse.Diagnostics, f File) confparse.Diagnostics {
	files := f.Config.Inputs.Files()
	rank := func(d confparse.Diagnostic) int {
		if i := slices.Index(files, d.Subject.File); i >= 0 {
			return i
		}
		return len(files)
	}
	slices.SortStableFunc(ds, func(a, b confparse.Diagnostic) int {
		if r := rank(a) - rank(b); r != 0 {
			return r
		}
		return int(a.Subject.Start.Offset) - int(b.Subject.Start.Offset)
	})
	return ds
}
