package confparse

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vigil/confparse/diag"
)

// TestEveryKeywordOfTheReference compares the table with a list of keepalived's keywords, a tab-separated file whose
// first two columns are block and keyword.
func TestEveryKeywordOfTheReference(t *testing.T) {
	dir := os.Getenv("VIGIL_SPEC")
	if dir == "" {
		t.Skip("VIGIL_SPEC does not name the directory of keywords.tsv")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "keywords.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, c := range Keywords() {
		have[c.Path+" "+c.Keyword] = true
		if c.Path == "track_file" {
			have["vrrp_track_file "+c.Keyword] = true
		}
	}
	want := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
		f := strings.Split(line, "\t")
		want[f[0]+" "+f[1]] = true
		if !have[f[0]+" "+f[1]] {
			t.Errorf("%s: %s is not in the table", f[0], f[1])
		}
	}
	for _, c := range Keywords() {
		if !want[c.Path+" "+c.Keyword] && c.Since != ours {
			t.Errorf("%s: %s is not in the reference", c.Path, c.Keyword)
		}
	}
}

// TestWordsWithoutEffectAreReported: a word behind a keyword that does nothing is told of like a keyword that does nothing.
func TestWordsWithoutEffectAreReported(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []diag.Code
	}{
		{"global_defs {\ndynamic_interfaces\n}\n", nil},
		{"global_defs {\ndynamic_interfaces allow_if_changes\n}\n", []diag.Code{diag.CodeNeedless}},
		{instanceText("V", "1", "192.0.2.1", "use_vmac v\n"), nil},
		{instanceText("V", "1", "192.0.2.1", "use_vmac v netlink_notify_msg\n"), []diag.Code{diag.CodeNotSupported}},
	} {
		var got []diag.Code
		_, ds := load(t, tt.text)
		for _, d := range ds {
			got = append(got, d.Code)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: %v, want %v", tt.text, got, tt.want)
		}
	}
}
