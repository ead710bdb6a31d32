package diag

import (
	"strings"
	"testing"
)

// TestExitCodeOfConfigTest follows keepalived: the numerically highest class counts, a missing argument ends it all.
func TestExitCodeOfConfigTest(t *testing.T) {
	tests := []struct {
		codes []Code
		want  int
	}{
		{nil, 0},
		{[]Code{CodeNotSupported, CodeSlowPacing}, 0},
		{[]Code{CodeIncludeMissing, CodeConfigUnreadable}, 0},
		{[]Code{CodeUnknownKeyword}, 5},
		{[]Code{CodeDelayInterface}, 4},
		{[]Code{CodeDelayInterface, CodeUnknownKeyword}, 5},
		{[]Code{CodeUnknownKeyword, CodeScriptSecurity, CodeDelayInterface}, 6},
		{[]Code{CodeIncludeRefused}, 6},
		{[]Code{CodeScriptSecurity, CodeMissingArgument}, 2},
		{[]Code{CodeMissingArgument, CodeNoNamespace}, 0},
	}
	for _, tt := range tests {
		var ds Diagnostics
		for _, c := range tt.codes {
			ds = append(ds, Diagnostic{Code: c})
		}
		if got := ds.ExitCode(); got != tt.want {
			t.Errorf("%v: exit %d, want %d", tt.codes, got, tt.want)
		}
	}
}

func TestSeverities(t *testing.T) {
	tests := []struct {
		severities           []Severity
		hasErrors, hasFatals bool
	}{
		{nil, false, false},
		{[]Severity{Note, Warning}, false, false},
		{[]Severity{Error, Note}, true, false},
		{[]Severity{Fatal, Note}, true, true},
	}
	for _, tt := range tests {
		var ds Diagnostics
		for _, s := range tt.severities {
			ds = append(ds, Diagnostic{Severity: s, Summary: s.String()})
		}
		if ds.HasErrors() != tt.hasErrors || ds.HasFatal() != tt.hasFatals {
			t.Errorf("%v: errors %v, fatal %v", tt.severities, ds.HasErrors(), ds.HasFatal())
		}
	}
	ds := Diagnostics{{Severity: Warning, Summary: "mild", Code: CodeUnknownKeyword},
		{Severity: Fatal, Summary: "grave", Code: CodeMissingAtEnd}}
	if got := ds.Error(); !strings.Contains(got, "grave") || !strings.Contains(got, "1 more") {
		t.Errorf("the error is %q", got)
	}
}

// TestEveryCodeIsDescribed keeps codes and their table together, and inside their ranges.
func TestEveryCodeIsDescribed(t *testing.T) {
	titles := map[string]Code{}
	for c, info := range codes {
		if info.title == "" || info.severity == 0 || c < 1000 || c > 4999 {
			t.Errorf("%s: %+v", c, info)
		}
		if old, ok := titles[info.title]; ok {
			t.Errorf("%s and %s are both %q", old, c, info.title)
		}
		titles[info.title] = c
	}
	if got := CodeBadBool.String(); got != "KA2013" {
		t.Errorf("CodeBadBool prints as %s", got)
	}
}
