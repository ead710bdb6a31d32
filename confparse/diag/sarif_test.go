package diag_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse"
	"vigil/confparse/diag"
)

// sarifLog is what the tests below read of a SARIF log.
type sarifLog struct {
	Runs []struct {
		Tool struct {
			Driver struct{ Rules []struct{ ID string } }
		}
		Results []struct {
			RuleID    string
			RuleIndex int
			Locations []sarifLocation
			Related   []sarifLocation `json:"relatedLocations"`
		}
	}
}

type sarifLocation struct {
	Physical struct {
		Region struct{ StartLine, StartColumn, EndLine, EndColumn int }
	} `json:"physicalLocation"`
}

// shape is what the schema of SARIF 2.1.0 says of the objects that a report has, and of no others: "*" behind a property
// marks a required one, "[]" an array. The schema forbids properties that it does not know.
var shape = map[string]map[string]string{
	"sarifLog":            {"$schema": "uri", "version*": "2.1.0", "runs*": "[]run"},
	"run":                 {"tool*": "tool", "columnKind": "utf16CodeUnits|unicodeCodePoints", "results": "[]result"},
	"tool":                {"driver*": "toolComponent"},
	"toolComponent":       {"name*": "text", "rules": "[]reportingDescriptor"},
	"reportingDescriptor": {"id*": "text", "shortDescription": "multiformat", "help": "multiformat"},
	"multiformat":         {"text*": "text"},
	"result": {"ruleId": "text", "ruleIndex": "index", "level": "none|note|warning|error", "message*": "message",
		"locations": "[]location", "relatedLocations": "[]location"},
	"message":          {"text*": "text"},
	"location":         {"id": "index", "physicalLocation*": "physicalLocation", "message": "message"},
	"physicalLocation": {"artifactLocation*": "artifactLocation", "region": "region"},
	"artifactLocation": {"uri*": "uri-reference"},
	"region":           {"startLine*": "place", "startColumn": "place", "endLine": "place", "endColumn": "place"},
}

// valid reports what is wrong with a value of a kind.
func valid(t *testing.T, at, kind string, v any) {
	t.Helper()
	if item, ok := strings.CutPrefix(kind, "[]"); ok {
		list, ok := v.([]any)
		if !ok {
			t.Errorf("%s is no array: %v", at, v)
		}
		for i, e := range list {
			valid(t, fmt.Sprintf("%s[%d]", at, i), item, e)
		}
		return
	}
	if properties, ok := shape[kind]; ok {
		object, ok := v.(map[string]any)
		if !ok {
			t.Errorf("%s is no object: %v", at, v)
		}
		for name, k := range properties {
			bare, required := strings.CutSuffix(name, "*")
			if value, there := object[bare]; there {
				valid(t, at+"."+bare, k, value)
				delete(object, bare)
			} else if required {
				t.Errorf("%s lacks %s", at, bare)
			}
		}
		for name := range object {
			t.Errorf("%s has %s, which the schema does not know", at, name)
		}
		return
	}
	text, isText := v.(string)
	number, isNumber := v.(float64)
	switch kind {
	case "text":
		if text == "" {
			t.Errorf("%s is %v, no text", at, v)
		}
	case "uri", "uri-reference":
		u, err := url.Parse(text)
		if err != nil || text == "" || kind == "uri" && !u.IsAbs() || strings.ContainsAny(text, " <>\"\\^`{|}") ||
			strings.HasPrefix(text, "/") {
			t.Errorf("%s is %v: %v", at, v, err)
		}
	case "index", "place":
		if least := map[string]float64{"index": 0, "place": 1}[kind]; !isNumber || number < least || number != float64(int32(number)) {
			t.Errorf("%s is %v", at, v)
		}
	default:
		if !isText || !slices.Contains(strings.Split(kind, "|"), text) {
			t.Errorf("%s is %v, not %s", at, v, kind)
		}
	}
}

// sarif returns the SARIF report of findings in the files of the given names.
func sarif(t *testing.T, findings diag.Diagnostics, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	r := diag.Report{Tool: "vigil lint", Page: "docs/lint.md", Title: diag.Code.Title, Files: files, Findings: findings}
	if err := r.SARIF(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fits checks a report against the schema, and what the schema cannot say.
func fits(t *testing.T, report []byte, empty bool) sarifLog {
	t.Helper()
	var raw any
	if err := json.Unmarshal(report, &raw); err != nil {
		t.Fatal(err)
	}
	valid(t, "log", "sarifLog", raw)
	var log sarifLog
	if err := json.Unmarshal(report, &log); err != nil {
		t.Fatal(err)
	}
	meaningful(t, log, empty)
	return log
}

func TestSARIFFitsItsSchema(t *testing.T) {
	const warns = "global_defs {\n    router_id lb1 lb2\n    vrrp_garp_interval 2\n}\n"
	files := fstest.MapFS{}
	for name, text := range map[string]string{"clean.conf": "global_defs {\n}\n", "a dir: ü#%/warns.conf": warns,
		"errs: é.conf": "# é\nvrrp_instance VI {\n    priority 300\n}\nfoo é\n", "open.conf": "vrrp_instance VI {\n",
		"include.conf": "include a dir: ü#%/warns.conf\ninclude none.conf\n", "quote.conf": "a \"b\nc\x00d\n",
		"loop.conf": "~SEQ(i, 1, 3) vrrp_instance V$i { interface é }\n", "empty.conf": ""} {
		files[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	for _, name := range append(slices.Collect(maps.Keys(files)), "none.conf") {
		t.Run(name, func(t *testing.T) {
			_, ds := confparse.Load(files, name, confparse.Env{Hostname: "h"})
			fits(t, sarif(t, ds, name), len(ds) == 0)
			if want := name == "clean.conf" || name == "empty.conf"; (len(ds) == 0) != want {
				t.Errorf("%d findings", len(ds))
			}
		})
	}
}

// TestSARIFPlaces: findings whose place is of an unusual kind.
func TestSARIFPlaces(t *testing.T) {
	at := func(line, from, last, to int32) diag.Range {
		return diag.Range{File: "/etc/ü 1.conf", Start: diag.Pos{Line: line, Col: from}, End: diag.Pos{Line: last, Col: to}}
	}
	for _, tt := range []struct {
		what string
		d    diag.Diagnostic
		want string // line, column, last line, last column
	}{
		{"the whole configuration", diag.Diagnostic{}, "1 0 0 0"},
		{"words behind others that are not ASCII", diag.Diagnostic{Subject: at(3, 7, 3, 10), Line: "é é foo"}, "3 5 3 8"},
		{"a line whose text is not known", diag.Diagnostic{Subject: at(3, 7, 3, 10)}, "3 0 3 0"},
		{"several lines", diag.Diagnostic{Subject: at(3, 7, 5, 2), Line: "é é foo"}, "3 0 5 0"},
		{"an end before its beginning", diag.Diagnostic{Subject: at(3, 7, 2, 1), Line: "é é foo"}, "3 0 3 0"},
		{"a related place without a file", diag.Diagnostic{Subject: at(1, 1, 1, 2), Line: "x",
			Related: []diag.Place{{Note: "nowhere"}, {Range: at(9, 1, 9, 2), Note: "there"}}}, "1 1 1 2"},
	} {
		tt.d.Code, tt.d.Severity, tt.d.Summary = diag.CodeUnknownWord, diag.Fatal, "s"
		result := fits(t, sarif(t, diag.Diagnostics{tt.d}, "a.conf"), false).Runs[0].Results[0]
		g := result.Locations[0].Physical.Region
		if got := fmt.Sprint(g.StartLine, g.StartColumn, g.EndLine, g.EndColumn); got != tt.want {
			t.Errorf("%s is at %s, want %s", tt.what, got, tt.want)
		}
		if len(result.Related) != max(len(tt.d.Related)-1, 0) {
			t.Errorf("%s: %d related places", tt.what, len(result.Related))
		}
	}
}

// meaningful checks what the schema cannot say.
func meaningful(t *testing.T, log sarifLog, empty bool) {
	t.Helper()
	if len(log.Runs) != 1 {
		t.Fatalf("%d runs", len(log.Runs))
	}
	run := log.Runs[0]
	rules := run.Tool.Driver.Rules
	for i := range rules[:max(len(rules)-1, 0)] {
		if rules[i].ID >= rules[i+1].ID {
			t.Errorf("the rules are not in order, or one is there twice: %v", rules)
		}
	}
	if empty != (len(run.Results) == 0) {
		t.Errorf("%d results", len(run.Results))
	}
	for _, r := range run.Results {
		if r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("%s is not rule %d", r.RuleID, r.RuleIndex)
		}
		if len(r.Locations) != 1 {
			t.Errorf("%s has %d locations", r.RuleID, len(r.Locations))
		}
		for _, l := range append(r.Locations, r.Related...) {
			g := l.Physical.Region
			if g.EndLine != 0 && g.EndLine < g.StartLine || g.EndColumn != 0 && g.EndLine == g.StartLine && g.EndColumn < g.StartColumn {
				t.Errorf("%s ends before it begins: %+v", r.RuleID, g)
			}
		}
	}
}
