package diag

import (
	"cmp"
	"fmt"
	"slices"
)

// MaxDiagnostics bounds what a file of noise can produce.
const MaxDiagnostics = 5000

// Reporter collects the diagnostics of one reading, each once, and never more than MaxDiagnostics that are not Fatal.
type Reporter struct {
	Strict bool // warnings count as errors

	list    Diagnostics
	keys    []orderKey // parallel to list
	seen    map[diagKey]bool
	dropped int
	fatal   bool
}

// diagKey tells diagnostics apart: a line that is read several times, in a loop, reports a mistake once.
type diagKey struct {
	code    Code
	file    string
	offset  int32
	summary string
}

// orderKey sorts diagnostics in reading order: by when the file was entered, then by line; whole-file ones last. Of one line, what is
// said of its form comes before what is said of its meaning, which may be known earlier or later.
type orderKey struct {
	seq     int32
	late    bool
	meaning bool
}

// Report adds d, which is about the form of the text, with the severity of its code. seq is the reading order of the line it
// belongs to; 0 means none.
func (r *Reporter) Report(d Diagnostic, seq int32) { r.report(d, orderKey{seq: seq, late: seq == 0}) }

// ReportMeaning is Report of what is about the meaning of the text.
func (r *Reporter) ReportMeaning(d Diagnostic, seq int32) {
	r.report(d, orderKey{seq: seq, late: seq == 0, meaning: true})
}

func (r *Reporter) report(d Diagnostic, at orderKey) {
	info := d.Code.info()
	if d.Severity == 0 {
		d.Severity = info.severity
	}
	if r.Strict && d.Severity == Warning {
		d.Severity = Error
	}
	key := keyOf(d.Code, d.Subject, d.Summary)
	if r.seen[key] {
		return
	}
	if r.seen == nil {
		r.seen = map[diagKey]bool{}
	}
	r.fatal = r.fatal || d.Severity >= Fatal
	if len(r.list) >= MaxDiagnostics && d.Severity < Fatal {
		r.dropped++
		return
	}
	if len(r.list) >= 2*MaxDiagnostics {
		r.dropped++
		return
	}
	r.seen[key] = true
	r.list = append(r.list, d)
	r.keys = append(r.keys, at)
}

func keyOf(code Code, at Range, summary string) diagKey {
	return diagKey{code, at.File, at.Start.Offset, summary}
}

// Wants reports whether a diagnostic would be shown, for those whose detail costs more than the rest: it counts one
// that has no room.
func (r *Reporter) Wants(code Code, at Range, summary string) bool {
	if r.seen[keyOf(code, at, summary)] {
		return false
	}
	if len(r.list) >= MaxDiagnostics {
		r.dropped++
		return false
	}
	return true
}

// Count returns how many diagnostics there are so far.
func (r *Reporter) Count() int { return len(r.list) + r.dropped }

// Full reports whether no further diagnostic will be kept, whatever it is.
func (r *Reporter) Full() bool { return len(r.list) >= 2*MaxDiagnostics }

// Len returns how many diagnostics are kept so far.
func (r *Reporter) Len() int { return len(r.list) }

// At returns the i-th diagnostic that is kept, for what is found out about it later.
func (r *Reporter) At(i int) *Diagnostic { return &r.list[i] }

// Fatal reports whether one of the diagnostics is Fatal.
func (r *Reporter) Fatal() bool { return r.fatal }

// Dropped returns how many diagnostics were not kept for want of room.
func (r *Reporter) Dropped() int { return r.dropped }

// Finish returns the diagnostics in reading order.
func (r *Reporter) Finish() Diagnostics {
	switch {
	case r.Full(): // the rest was not read
		d := Diagnostic{Code: CodeTooManyProblems, Severity: Fatal, Summary: "too many problems; the rest is not looked at"}
		r.list, r.keys = append(r.list, d), append(r.keys, orderKey{late: true})
	case r.dropped > 0:
		r.Report(Diagnostic{Code: CodeTooManyProblems, Severity: Fatal,
			Summary: fmt.Sprintf("%d further problems are not shown", r.dropped)}, 0)
	}
	if len(r.list) == 0 {
		return nil
	}
	order := make([]int, len(r.list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		ka, kb := r.keys[a], r.keys[b]
		switch {
		case ka.late != kb.late:
			if ka.late {
				return 1
			}
			return -1
		case ka.late:
			return 0
		case ka.seq != kb.seq:
			return cmp.Compare(ka.seq, kb.seq)
		case ka.meaning == kb.meaning:
			return 0
		case ka.meaning:
			return 1
		}
		return -1
	})
	sorted := make(Diagnostics, len(order))
	for i, j := range order {
		sorted[i] = r.list[j]
	}
	return sorted
}
