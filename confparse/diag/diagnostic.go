// Package diag is what is wrong with a configuration, and where: codes, places, how much it matters, and how all of it is
// shown to people, to programs and in the words of keepalived's --config-test.
package diag

import (
	"fmt"
	"strings"
)

// Severity says how much a Diagnostic matters.
type Severity uint8

// The severities, mildest first. keepalived goes on after everything below Fatal; so may a daemon. A configuration
// with a Fatal diagnostic must not be applied, in whole or in part.
const (
	Note    Severity = iota + 1 // worth knowing, such as a setting that has no effect yet
	Warning                     // accepted, but most likely not what was meant
	Error                       // a statement was rejected and its default, or nothing, stands in its place
	Fatal                       // the configuration cannot be trusted
)

var severityNames = [...]string{"", "note", "warning", "error", "fatal error"}

// String returns the word printed in front of a diagnostic.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return ""
}

// Diagnostic is one problem found in a configuration.
type Diagnostic struct {
	Severity Severity
	Code     Code
	Summary  string  // one line; keepalived's own words where tools match them
	Detail   string  // what to do about it, or ""
	Subject  Range   // the words that are wrong; zero when the whole configuration is
	Line     string  // the text of the line Subject is on
	EndLine  int32   // the line keepalived names where that is another one, such as the end of Subject's block; or 0
	Echoes   []Place // what keepalived says of the lines behind it, which are right once this is mended
	Related  []Place // where a name was first defined, which include or definition led here
}

// Place is a second place a Diagnostic refers to, with what is to be seen there.
type Place struct {
	Range Range
	Note  string
}

// Error returns "FILE:LINE:COL: severity: summary [CODE]".
func (d Diagnostic) Error() string {
	var b strings.Builder
	if d.Subject.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", d.Subject.File, d.Subject.Start.Line, d.Subject.Start.Col)
	}
	fmt.Fprintf(&b, "%s: %s [%s]", d.Severity, d.Summary, d.Code)
	return b.String()
}

// Diagnostics is every problem of one Load, in the order of the files.
type Diagnostics []Diagnostic

// Error returns the first of the gravest diagnostics and how many others there are.
func (ds Diagnostics) Error() string {
	if len(ds) == 0 {
		return "no problems"
	}
	worst := ds[0]
	for _, d := range ds {
		if d.Severity > worst.Severity {
			worst = d
		}
	}
	if len(ds) == 1 {
		return worst.Error()
	}
	return fmt.Sprintf("%s (and %d more)", worst.Error(), len(ds)-1)
}

// HasErrors reports whether a statement was rejected: any Error or Fatal.
func (ds Diagnostics) HasErrors() bool { return ds.Worst() >= Error }

// HasFatal reports whether the configuration must not be applied.
func (ds Diagnostics) HasFatal() bool { return ds.Worst() >= Fatal }

// Worst returns the gravest severity, and 0 when there is no diagnostic.
func (ds Diagnostics) Worst() Severity {
	var w Severity
	for _, d := range ds {
		w = max(w, d.Severity)
	}
	return w
}

// ExitCode is the exit status `keepalived --config-test` has for these problems: 0 none that it counts, 2 a missing
// argument (which ends its reading), 4 a fatal one alone, 5 ordinary ones, 6 script security or a refused include.
// A fatal problem next to an ordinary one is 5 there, because keepalived remembers the mildest; so it is here. A
// network namespace that does not exist makes it 0, since keepalived then ends before it looks further.
func (ds Diagnostics) ExitCode() int {
	var seen [classGone + 1]bool
	for _, d := range ds {
		seen[d.Code.info().class] = true
	}
	switch {
	case seen[classGone]:
		return 0
	case seen[classMissing]:
		return 2
	case seen[classSecurity]:
		return 6
	case seen[classOrdinary]:
		return 5
	case seen[classFatal]:
		return 4
	}
	return 0
}
