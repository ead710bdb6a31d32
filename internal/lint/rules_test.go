package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/confparse/diag"
)

// sections of a rule's file begin with "-- NAME --".
var section = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// readSections returns what stands in front of the first section, and the sections.
func readSections(text string) (head string, files map[string]string) {
	files = map[string]string{}
	marks := section.FindAllStringSubmatchIndex(text, -1)
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		files[text[m[2]:m[3]]] = text[m[1]:end]
	}
	return text[:marks[0][0]], files
}

// judge returns everything that lint says of a file, and of the pair when there is a peer's. What the program does not
// act on yet is no matter of the file.
func judge(files map[string]string, name, peer string, o Options) (list confparse.Diagnostics) {
	fsys := fstest.MapFS{}
	for n, text := range files {
		fsys[n] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	env := confparse.Env{Hostname: "lb1"}
	var read []File
	for _, n := range []string{name, peer} {
		if files[n] == "" {
			continue
		}
		cfg, ds := confparse.Load(fsys, n, env)
		tree, _ := confparse.Parse(fsys, n, env)
		f := File{Config: cfg, Tree: tree, Text: files}
		for _, d := range Sort(append(ds, Check(f, o)...), f) {
			if d.Code != diag.CodeNotSupported && d.Code != diag.CodeNeedless {
				list = append(list, d)
			}
		}
		read = append(read, f)
	}
	if len(read) == 2 {
		list = append(list, Pair(read[0], read[1])...)
	}
	return list
}

// TestRules shows what each of the well-known mistakes looks like: a file with it, what is said, and the same file
// without it, of which nothing is said.
func TestRules(t *testing.T) {
	paths, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal(len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			head, files := readSections(string(raw))
			var o Options
			if _, n, ok := strings.Cut(head, "peer-priority: "); ok {
				if _, err := fmt.Sscan(n, &o.PeerPriority); err != nil {
					t.Fatal(err)
				}
			}
			code, _, _ := strings.Cut(name, "-")
			bad := judge(files, "bad.conf", "bad-peer.conf", o)
			for _, d := range bad {
				if d.Code.String() != code && d.Severity >= confparse.Warning {
					t.Errorf("%s is said of the bad file as well: %v", d.Code, d)
				}
			}
			var said strings.Builder
			if err := bad.Render(&said); err != nil || len(bad) == 0 {
				t.Fatal("nothing is said of the bad file", err)
			}
			if *update {
				text, _, _ := strings.Cut(string(raw), "-- said --\n")
				if err := os.WriteFile(path, []byte(text+"-- said --\n"+said.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if d := cmp.Diff(files["said"], said.String()); d != "" {
				t.Errorf("said of the bad file (-want +got):\n%s", d)
			}
			for _, d := range judge(files, "good.conf", "good-peer.conf", o) {
				t.Errorf("said of the good file: %v", d)
			}
		})
	}
}
