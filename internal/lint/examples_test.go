package lint

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

var update = flag.Bool("update", false, "write the golden files anew")

// example reads a file of the examples directory as director id would.
func example(t *testing.T, path, id string) (File, confparse.Diagnostics) {
	t.Helper()
	env := confparse.Env{Hostname: "lb1", ConfigID: id}
	cfg, ds := confparse.Load(confparse.OSFS(), path, env)
	tree, _ := confparse.Parse(confparse.OSFS(), path, env)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return File{Config: cfg, Tree: tree, Text: map[string]string{path: string(text)}}, ds
}

func examples(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("../../examples/*.conf")
	if err != nil || len(paths) < 25 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	return paths
}

// TestExamples checks that every example says what it is for, has nothing wrong with it, and means what it meant.
func TestExamples(t *testing.T) {
	for _, path := range examples(t) {
		name := strings.TrimSuffix(filepath.Base(path), ".conf")
		t.Run(name, func(t *testing.T) {
			f, ds := example(t, path, "")
			for _, d := range append(ds, Check(f, Options{PeerPriority: 90})...) {
				if d.Severity >= confparse.Warning {
					t.Error(d)
				}
			}
			if text := f.Text[path]; !strings.HasPrefix(text, "# ") {
				t.Error("no comment at the top says what it is for")
			}
			var plan strings.Builder
			if _, err := f.Config.WriteTo(&plan); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "plan", name+".golden")
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(plan.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), plan.String()); d != "" {
				t.Errorf("effective configuration (-want +got):\n%s", d)
			}
		})
	}
}

func TestOneFileExampleFitsItself(t *testing.T) {
	const path = "../../examples/one-file.conf"
	a, _ := example(t, path, "lb1")
	b, _ := example(t, path, "lb2")
	if got := Pair(a, b); len(got) != 0 {
		t.Error(got)
	}
	if got := Pair(a, a); len(got) == 0 {
		t.Error("the same director twice is no pair, and nothing was said")
	}
}

// TestExamplesNameNewKeywords checks that an example which keepalived 2.2.7 does not accept says since when it works.
func TestExamplesNameNewKeywords(t *testing.T) {
	since := map[string]string{}
	for _, k := range confparse.Keywords() {
		if strings.HasPrefix(k.Since, "2.") {
			since[k.Path+"/"+k.Keyword] = strings.TrimSuffix(k.Since, "+")
		}
	}
	found := 0
	for _, path := range examples(t) {
		f, _ := example(t, path, "")
		var walk func(nodes []*confparse.Node, above string)
		walk = func(nodes []*confparse.Node, above string) {
			for _, n := range nodes {
				here := strings.TrimPrefix(above+"/"+n.Keyword.Text, "/")
				if release := since[here]; release != "" {
					found++
					if !strings.Contains(f.Text[path], "keepalived "+release) {
						t.Errorf("%s does not say that %s needs keepalived %s", path, n.Keyword.Text, release)
					}
				}
				walk(n.Body, here)
			}
		}
		walk(f.Tree.Root, "")
	}
	if found == 0 {
		t.Error("no example has a new keyword, or none is recognised")
	}
}

// TestExamplesCoverEveryBlock checks that there is an example of every block that has keywords of its own.
func TestExamplesCoverEveryBlock(t *testing.T) {
	used := map[string]bool{}
	var walk func(nodes []*confparse.Node, above string)
	walk = func(nodes []*confparse.Node, above string) {
		for _, n := range nodes {
			path := strings.TrimPrefix(above+"/"+n.Keyword.Text, "/")
			used[path] = true
			walk(n.Body, path)
		}
	}
	for _, path := range examples(t) {
		f, _ := example(t, path, "")
		walk(f.Tree.Root, "")
	}
	for _, k := range confparse.Keywords() {
		if !strings.HasPrefix(k.Path, "@") && !strings.HasPrefix(k.Path, "(") && !used[k.Path] {
			t.Errorf("no example has a %s block", k.Path)
			used[k.Path] = true
		}
	}
	for kind := confparse.TCPCheck; kind <= confparse.FileCheck; kind++ {
		if !used["virtual_server/real_server/"+kind.String()] {
			t.Errorf("no example has a %s", kind)
		}
	}
}
