package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

// printsBack checks that what config prints of a text means the same, and is printed in the same way. It reports
// whether there was something to print.
func printsBack(t *testing.T, name, text string) bool {
	t.Helper()
	_, out, _ := call(t, text, "config", "-i", "lb1", "-")
	if out == "" {
		return false
	}
	code, again, stderr := call(t, out, "config", "-i", "lb1", "-")
	want := exitOK
	if _, ds := confparse.Load(confparse.Overlay(confparse.OSFS(), standardInput, out), standardInput, (&reading{id: "lb1"}).env()); ds.HasFatal() {
		want = exitErrors // it is printed, and the daemon would refuse it
	}
	if code != want || again != out {
		t.Errorf("%s: config of what config printed: %d %s\n%s", name, code, stderr, cmp.Diff(out, again))
	}
	read := func(text string) *confparse.Config {
		env := (&reading{id: "lb1"}).env()
		cfg, _ := confparse.Load(confparse.Overlay(confparse.OSFS(), standardInput, text), standardInput, env)
		return cfg
	}
	if d := cmp.Diff(read(text), read(out), sameMeaning); d != "" {
		t.Errorf("%s: the meaning of what was printed (-file +printed)\n%s", name, d)
	}
	return true
}

func TestConfigPrintsBackOurFiles(t *testing.T) {
	texts := goldenTexts(t)
	printed := 0
	for i, text := range exampleTexts(t) {
		texts[fmt.Sprint("example ", i)] = text
	}
	for name, text := range texts {
		if printsBack(t, name, text) {
			printed++
		}
	}
	t.Logf("%d of %d files are printed", printed, len(texts))
	if printed < len(texts)/2 {
		t.Errorf("%d of %d files are printed", printed, len(texts))
	}
}

func TestConfigPrintsBackTheCorpus(t *testing.T) {
	dir := os.Getenv("VIGIL_CORPUS")
	if dir == "" {
		t.Skip("VIGIL_CORPUS does not name a directory of configurations")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil || len(paths) == 0 {
		t.Fatal(len(paths), err)
	}
	printed := 0
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if printsBack(t, p, string(text)) {
			printed++
		}
	}
	t.Logf("%d of %d files are printed", printed, len(paths))
}
