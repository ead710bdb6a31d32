package diag

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func report(findings ...Diagnostic) *Report {
	return &Report{Tool: "tool", Page: "page.md", Title: Code.Title, Files: []string{"a.conf"}, Findings: findings}
}

func finding(s Severity) Diagnostic {
	return Diagnostic{Severity: s, Code: CodeUnknownWord, Summary: "what <is> wrong", Line: "a bcd",
		Subject: Range{File: "a.conf", Start: Pos{Line: 4, Col: 3, Offset: 30}, End: Pos{Line: 4, Col: 6, Offset: 33}}}
}

// TestTextReportCounts: the last line counts the findings, fatal ones as errors; without findings there is none.
func TestTextReportCounts(t *testing.T) {
	for _, tt := range []struct {
		findings []Diagnostic
		want     string
	}{
		{nil, ""},
		{[]Diagnostic{finding(Fatal), finding(Error), finding(Warning)}, "2 errors, 1 warning, 0 notes; page.md explains the codes\n"},
		{[]Diagnostic{finding(Error), finding(Note), finding(Note)}, "1 error, 0 warnings, 2 notes; page.md explains the codes\n"},
	} {
		var b strings.Builder
		if err := report(tt.findings...).Text(&b); err != nil {
			t.Fatal(err)
		}
		rendered := len(tt.findings)
		if !strings.HasSuffix(b.String(), tt.want) || strings.Count(b.String(), "["+CodeUnknownWord.String()+"]") != rendered {
			t.Errorf("%d findings:\n%s", rendered, b.String())
		}
	}
}

func TestJSONReport(t *testing.T) {
	nowhere := Diagnostic{Severity: Fatal, Code: CodeUnknownWord, Summary: "s", Detail: "d"}
	here := finding(Note)
	here.Related = []Place{{Range: here.Subject, Note: "n"}, {Note: "without a place"}}
	var b bytes.Buffer
	if err := report(nowhere, here).JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got jsonReport
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	code, place := CodeUnknownWord.String(), jsonPlace{File: "a.conf", Line: 4, Column: 3, EndLine: 4, EndColumn: 6}
	noted := place
	noted.Note = "n"
	want := jsonReport{Version: 1, Files: []string{"a.conf"}, Summary: jsonSummary{Errors: 1, Notes: 1}, Findings: []jsonFinding{
		{Code: code, Severity: "fatal", Message: "s", Detail: "d"},
		{Code: code, Severity: "note", Message: "what <is> wrong", Place: &place, Text: "a bcd", Related: []jsonPlace{noted}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the report (-want +got):\n%s", d)
	}
	if !strings.Contains(b.String(), "what <is> wrong") {
		t.Errorf("the text is escaped for HTML:\n%s", b.String())
	}
}

func TestSARIFColumnsCountCharacters(t *testing.T) {
	for column, want := range map[int32]int32{0: 1, 1: 1, 2: 2, 4: 3, 99: 5} {
		if got := characters("aébc", column); got != want {
			t.Errorf("byte column %d is character %d, want %d", column, got, want)
		}
	}
	for name, want := range map[string]string{"a b/ü.conf": "a%20b/%C3%BC.conf", "/etc/x#1.conf": "file:///etc/x%231.conf",
		"lb1:a.conf": "./lb1:a.conf", "<stdin>": "%3Cstdin%3E"} {
		if got := sarifURI(name).URI; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
