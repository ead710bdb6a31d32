package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfigTestStatus: what keepalived 2.2.7 exits with for the same, and what it prints.
func TestConfigTestStatus(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name, config string
		strict       bool
		log          string
		want         int
		prints       string
	}{
		{"nothing wrong", file("ok", "global_defs {\n router_id x\n}\n"), false, "", 0, ""},
		{"an empty file", file("empty", ""), false, "", 0, ""},
		{"an unknown keyword", file("unknown", "frobnicate\n"), false, "", 5, "Line 1) Unknown keyword 'frobnicate'"},
		{"no file", "/nonexistent", false, "", 0, "Config files missing '/nonexistent'."},
		{"no file, which must be", "/nonexistent", true, "", 4, "Config files missing '/nonexistent'."},
		{"a directory", dir, false, "", 0, "Config files missing"},
		{"nowhere to print to", filepath.Join(dir, "ok"), false, "/nowhere/x", 1, "Unable to open config-test log file /nowhere/x"},
	} {
		o := DefaultOptions()
		o.ConfigFile, o.AllConfig = c.config, c.strict
		var stderr bytes.Buffer
		if got := ConfigTest(o, c.log, &stderr); got != c.want || !strings.Contains(stderr.String(), c.prints) || c.prints == "" && stderr.Len() > 0 {
			t.Errorf("%s: status %d, want %d: %s", c.name, got, c.want, stderr.String())
		}
	}
	log := filepath.Join(dir, "log")
	for range 2 {
		ConfigTest(Options{ConfigFile: filepath.Join(dir, "unknown")}, log, new(bytes.Buffer))
	}
	if b, err := os.ReadFile(log); strings.Count(string(b), "(") != 2 || err != nil {
		t.Errorf("the log is appended to: %q, %v", b, err)
	}
}
