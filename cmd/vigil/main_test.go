package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// call runs vigil and returns its exit status and output.
func call(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// file writes a configuration and returns its name.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keepalived.conf")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

const (
	clean = "vrrp_instance VI {\n    interface eth0\n    virtual_router_id 51\n    priority 100\n" +
		"    virtual_ipaddress {\n        192.0.2.100\n    }\n}\n"
	// The é is one character and two bytes.
	warns = "global_defs { # é\n}\n" + clean + "vrrp_sync_group G { group { VI } }\n"
	errs  = "vrrp_instance VI {\n    interface eth0\n    virtual_router_id 51\n    priority 300\n" +
		"    virtual_ipaddress {\n        192.0.2.100\n    }\n}\n"
	tracked = "vrrp_instance VI {\n interface eth0\n virtual_router_id 51\n priority 100\n virtual_ipaddress {\n 192.0.2.100\n }\n" +
		" track_interface {\n eth1 weight -2\n }\n}\n"
)

func TestExitStatus(t *testing.T) {
	ok, warning, broken := file(t, clean), file(t, warns), file(t, errs)
	for name, test := range map[string]struct {
		args []string
		want int
	}{
		"nothing":              {nil, exitUsage},
		"help":                 {[]string{"--help"}, exitOK},
		"help of a command":    {[]string{"lint", "--help"}, exitOK},
		"an unknown command":   {[]string{"fix", ok}, exitUsage},
		"no file":              {[]string{"lint"}, exitUsage},
		"three files":          {[]string{"lint", ok, ok, ok}, exitUsage},
		"an unknown option":    {[]string{"lint", "--no", ok}, exitUsage},
		"an unknown format":    {[]string{"lint", "--format", "xml", ok}, exitUsage},
		"an unknown level":     {[]string{"lint", "--level", "x", ok}, exitUsage},
		"a priority too large": {[]string{"lint", "--peer-priority", "256", ok}, exitUsage},
		"clean":                {[]string{"lint", "--strict", ok}, exitOK},
		"a warning":            {[]string{"lint", warning}, exitOK},
		"a warning, strictly":  {[]string{"lint", "--strict", warning}, exitWarnings},
		"a hidden warning":     {[]string{"lint", "--strict", "--level", "error", warning}, exitWarnings},
		"an error":             {[]string{"lint", "--strict", broken}, exitErrors},
		"a missing file":       {[]string{"lint", filepath.Join(t.TempDir(), "none")}, exitErrors},
		"a directory":          {[]string{"lint", t.TempDir()}, exitErrors},
		"a pair that ties":     {[]string{"lint", "--strict", ok, ok}, exitWarnings},
		"config":               {[]string{"config", ok}, exitOK},
		"config of an error":   {[]string{"config", broken}, exitErrors},
		"keywords":             {[]string{"keywords"}, exitOK},
		"keywords of a file":   {[]string{"keywords", ok}, exitUsage},
		"keywords as what":     {[]string{"keywords", "--format", "x"}, exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			if got, out, err := call(t, "", test.args...); got != test.want {
				t.Errorf("exit status %d, want %d\n%s%s", got, test.want, out, err)
			}
		})
	}
}

func TestLintReadsStandardInput(t *testing.T) {
	code, out, _ := call(t, errs, "lint", "-")
	if code != exitErrors || !strings.HasPrefix(out, "<stdin>:4:14: error: ") {
		t.Errorf("%d\n%s", code, out)
	}
}

func TestLintPeerPriority(t *testing.T) {
	for peer, want := range map[string]bool{"90": true, "99": false} {
		if _, out, _ := call(t, tracked, "lint", "--peer-priority", peer, "-"); strings.Contains(out, "[VL1001]") != want {
			t.Errorf("against %s:\n%s", peer, out)
		}
	}
}

func TestLintJSON(t *testing.T) {
	name := file(t, errs)
	_, out, _ := call(t, "", "lint", "--format", "json", name)
	var got struct {
		Version  int
		Files    []string
		Findings []struct{ Code, Severity string }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Findings) == 0 || got.Findings[0].Code != "KA2010" || got.Findings[0].Severity != "error" {
		t.Fatalf("%s", out)
	}
	if got.Version != 1 || !cmp.Equal(got.Files, []string{name}) {
		t.Errorf("%+v", got)
	}
	if _, out, _ := call(t, clean, "lint", "--format", "json", "-"); !strings.Contains(out, `"findings": []`) {
		t.Errorf("a clean file has no list of findings:\n%s", out)
	}
}

func TestConfigPrintsTheEffectiveConfiguration(t *testing.T) {
	_, out, _ := call(t, clean, "config", "-")
	for _, want := range []string{"priority 100", "garp_master_delay 5", "192.0.2.100/32"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	code, again, _ := call(t, out, "config", "-")
	if code != exitOK || again != out {
		t.Errorf("printing what was printed (-first +second):\n%s", cmp.Diff(out, again))
	}
}

func TestKeywordsListsEveryKeywordOnce(t *testing.T) {
	_, all, _ := call(t, "", "keywords", "--format", "tsv")
	seen := map[string]bool{}
	lines := strings.Split(strings.TrimSuffix(all, "\n"), "\n")
	for _, line := range lines[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 7 {
			t.Fatalf("%d columns: %q", len(f), line)
		}
		if seen[f[0]+" "+f[1]] {
			t.Errorf("%s in %s twice", f[1], f[0])
		}
		seen[f[0]+" "+f[1]] = true
	}
	if len(lines) < 600 || !seen["vrrp_instance virtual_router_id"] {
		t.Errorf("%d lines", len(lines))
	}
	_, pending, _ := call(t, "", "keywords", "--pending", "--format", "tsv")
	if n := strings.Count(pending, "\n"); n >= len(lines) || strings.Contains(pending, "\tyes\tyes\tyes\t") {
		t.Errorf("%d lines are pending of %d", n, len(lines))
	}
}
