package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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

func TestSARIFFitsItsSchema(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a dir: ü#%")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for name, text := range map[string]string{"clean.conf": clean, "warns.conf": warns, "errs: é.conf": "# é\n" + errs, "tracked.conf": tracked,
		"open.conf": "vrrp_instance VI {\n", "include.conf": "include warns.conf\ninclude none.conf\n", "quote.conf": "a \"b\nc\x00d\n",
		"loop.conf": "~SEQ(i, 1, 3) vrrp_instance V$i { interface é }\n", "empty.conf": ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, files := range [][]string{{"clean.conf"}, {"warns.conf"}, {"errs: é.conf"}, {"tracked.conf", "clean.conf"}, {"open.conf"},
		{"include.conf"}, {"quote.conf"}, {"loop.conf"}, {"empty.conf"}, {"none.conf"}, {"-"}, {filepath.Join(dir, "warns.conf")},
		{"clean.conf", "errs: é.conf"}} {
		t.Run(strings.Join(files, " "), func(t *testing.T) {
			_, out, stderr := call(t, warns, append([]string{"lint", "--format", "sarif", "--peer-priority", "99", "--"}, files...)...)
			var raw any
			if err := json.Unmarshal([]byte(out), &raw); err != nil {
				t.Fatal(err, out, stderr)
			}
			valid(t, "log", "sarifLog", raw)
			var log sarifLog
			if err := json.Unmarshal([]byte(out), &log); err != nil {
				t.Fatal(err)
			}
			meaningful(t, log, len(files) == 1 && (files[0] == "clean.conf" || files[0] == "empty.conf"))
		})
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
	if !slices.IsSortedFunc(rules, func(a, b sarifRule) int { return strings.Compare(a.ID, b.ID) }) ||
		len(slices.CompactFunc(slices.Clone(rules), func(a, b sarifRule) bool { return a.ID == b.ID })) != len(rules) {
		t.Errorf("the rules are not in order, or one is there twice: %v", rules)
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
