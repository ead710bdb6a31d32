package diag

import "io"

// jsonReport is a report as JSON. Fields are added, never renamed; version counts changes of meaning.
type jsonReport struct {
	Version  int           `json:"version"`
	Files    []string      `json:"files"`
	Findings []jsonFinding `json:"findings"`
	Summary  jsonSummary   `json:"summary"`
}

type jsonSummary struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

type jsonFinding struct {
	Code     string      `json:"code"`
	Severity string      `json:"severity"` // note, warning, error or fatal
	Message  string      `json:"message"`
	Detail   string      `json:"detail,omitempty"`
	Place    *jsonPlace  `json:"place,omitempty"` // absent when no particular words are wrong
	Text     string      `json:"text,omitempty"`  // the line
	Related  []jsonPlace `json:"related,omitempty"`
}

// jsonPlace is a half-open stretch of a file; lines and columns count from 1, columns in bytes.
type jsonPlace struct {
	File      string `json:"file"`
	Line      int32  `json:"line"`
	Column    int32  `json:"column"`
	EndLine   int32  `json:"end_line"`
	EndColumn int32  `json:"end_column"`
	Note      string `json:"note,omitempty"`
}

func placeOf(r Range, note string) *jsonPlace {
	if r.File == "" {
		return nil
	}
	return &jsonPlace{r.File, r.Start.Line, r.Start.Col, r.End.Line, r.End.Col, note}
}

func severityWord(s Severity) string {
	if s == Fatal {
		return "fatal"
	}
	return s.String()
}

// JSON writes the report for programs, with the findings in their order.
func (r *Report) JSON(w io.Writer) error {
	out := jsonReport{Version: 1, Files: r.Files, Findings: []jsonFinding{}}
	out.Summary.Errors, out.Summary.Warnings, out.Summary.Notes = r.count()
	for _, d := range r.Findings {
		f := jsonFinding{Code: d.Code.String(), Severity: severityWord(d.Severity), Message: d.Summary, Detail: d.Detail,
			Place: placeOf(d.Subject, ""), Text: d.Line}
		for _, p := range d.Related {
			if place := placeOf(p.Range, p.Note); place != nil {
				f.Related = append(f.Related, *place)
			}
		}
		out.Findings = append(out.Findings, f)
	}
	return encode(w, out)
}
