package diag

import (
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"unicode/utf8"
)

// The part of SARIF 2.1.0 (OASIS, section 3) that a report needs.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string       `json:"id"`
	Short sarifMessage `json:"shortDescription"`
	Help  sarifMessage `json:"help"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifMessage    `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
	Related   []sarifLocation `json:"relatedLocations,omitempty"`
}

type sarifLocation struct {
	ID       int           `json:"id,omitempty"`
	Physical sarifPhysical `json:"physicalLocation"`
	Message  *sarifMessage `json:"message,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int32 `json:"startLine"`
	StartColumn int32 `json:"startColumn,omitempty"`
	EndLine     int32 `json:"endLine,omitempty"`
	EndColumn   int32 `json:"endColumn,omitempty"`
}

// SARIF writes the report as SARIF 2.1.0, with a rule for each code that it has.
func (r *Report) SARIF(w io.Writer) error {
	driver := sarifDriver{Name: r.Tool, Rules: []sarifRule{}}
	results := []sarifResult{}
	var codes []Code
	for _, d := range r.Findings {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	for _, c := range codes {
		driver.Rules = append(driver.Rules, sarifRule{ID: c.String(), Short: sarifMessage{r.Title(c)},
			Help: sarifMessage{"See " + c.String() + " in " + r.Page + "."}})
	}
	for _, d := range r.Findings {
		i, _ := slices.BinarySearch(codes, d.Code)
		result := sarifResult{RuleID: d.Code.String(), RuleIndex: i, Level: sarifLevel(d.Severity), Message: sarifMessage{d.Summary}}
		if d.Detail != "" {
			result.Message.Text += ": " + d.Detail
		}
		if d.Subject.File != "" {
			result.Locations = []sarifLocation{{Physical: physical(d.Subject, d.Line)}}
		} else if len(r.Files) > 0 {
			result.Locations = []sarifLocation{{Physical: sarifPhysical{sarifURI(r.Files[0]), sarifRegion{StartLine: 1}}}}
		}
		for _, p := range d.Related {
			if p.Range.File != "" {
				result.Related = append(result.Related, sarifLocation{ID: len(result.Related) + 1,
					Physical: physical(p.Range, ""), Message: &sarifMessage{p.Note}})
			}
		}
		results = append(results, result)
	}
	return encode(w, sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{{Tool: sarifTool{driver}, ColumnKind: "unicodeCodePoints", Results: results}},
	})
}

func sarifLevel(s Severity) string {
	switch {
	case s >= Error:
		return "error"
	case s == Warning:
		return "warning"
	}
	return "note"
}

// sarifURI names a file: relative to wherever the report is used, or by itself when the name is absolute.
func sarifURI(name string) sarifArtifact {
	u := url.URL{Path: name}
	if filepath.IsAbs(name) {
		u.Scheme = "file"
	}
	return sarifArtifact{u.String()}
}

// physical returns the place of r on the line of that text. SARIF counts characters where a Range counts bytes; without
// the text only the lines are told.
func physical(r Range, text string) sarifPhysical {
	first := max(r.Start.Line, 1)
	p := sarifPhysical{sarifURI(r.File), sarifRegion{StartLine: first, EndLine: max(r.End.Line, first)}}
	if text != "" && r.Start.Line == r.End.Line {
		p.Region.StartColumn = characters(text, r.Start.Col)
		p.Region.EndColumn = max(characters(text, r.End.Col), p.Region.StartColumn)
	}
	return p
}

// characters turns a column in bytes into one in characters; both count from 1.
func characters(text string, column int32) int32 {
	n := min(max(int(column)-1, 0), len(text))
	return int32(utf8.RuneCountInString(text[:n])) + 1
}
