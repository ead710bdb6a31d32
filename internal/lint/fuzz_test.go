package lint

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"vigil/confparse"
	"vigil/internal/fuzzing"
)

// FuzzLint checks that the linter says something sensible of whatever the reader makes of a text: each finding has a
// code with a title, a severity and, when it has a place, the line.
func FuzzLint(f *testing.F) {
	for _, path := range examples(f) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), string(text))
	}
	paths, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil || len(paths) == 0 {
		f.Fatal(len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		_, files := readSections(string(text))
		f.Add(files["bad.conf"], files["bad-peer.conf"])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		read := func(name, text string) File {
			fsys := fstest.MapFS{name: {Data: []byte(text), Mode: 0o644}}
			env := confparse.Env{Hostname: "lb1"}
			cfg, _ := confparse.Load(fsys, name, env)
			tree, _ := confparse.Parse(fsys, name, env)
			return File{Config: cfg, Tree: tree, Text: map[string]string{name: text}}
		}
		fa, fb := read("a.conf", a), read("b.conf", b)
		var found confparse.Diagnostics
		fuzzing.Within(t, time.Second, func() {
			found = append(Check(fa, Options{PeerPriority: 90}), Pair(fa, fb)...)
		})
		for _, d := range found {
			if Title(d.Code) == "" || d.Severity == 0 || d.Summary == "" || d.Subject.File != "" && d.Line == "" {
				t.Errorf("%+v", d)
			}
		}
	})
}
