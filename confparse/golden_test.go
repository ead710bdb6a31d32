package confparse

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// archive is a text with files in it, each behind a line "-- NAME --".
type archive struct {
	comment string
	names   []string
	files   map[string]string
}

func readArchive(text string) *archive {
	a := &archive{files: map[string]string{}}
	name := ""
	for _, line := range strings.SplitAfter(text, "\n") {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(n, " --") {
			name = strings.TrimSuffix(n, " --")
			a.names = append(a.names, name)
			a.files[name] = ""
			continue
		}
		if name == "" {
			a.comment += line
		} else {
			a.files[name] += line
		}
	}
	return a
}

func (a *archive) String() string {
	var b strings.Builder
	b.WriteString(a.comment)
	for _, n := range a.names {
		fmt.Fprintf(&b, "-- %s --\n%s", n, a.files[n])
		if !strings.HasSuffix(a.files[n], "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func (a *archive) set(name, text string) {
	if _, ok := a.files[name]; !ok {
		a.names = append(a.names, name)
	}
	a.files[name] = text
}

// env reads the "env: WORD…" line of the comment: id=NAME, test, strict, all, interfaces=A,B, programs=A,B.
func (a *archive) env() Env {
	e := Env{Hostname: "lb1.example.net", Seed: 7, LookupEnv: func(name string) (string, bool) {
		return map[string]string{"SITE": "north"}[name], name == "SITE"
	}}
	for _, line := range strings.Split(a.comment, "\n") {
		words, ok := strings.CutPrefix(line, "env: ")
		if !ok {
			continue
		}
		for _, w := range strings.Fields(words) {
			key, value, _ := strings.Cut(w, "=")
			has := func(name string) bool { return strings.Contains(","+value+",", ","+name+",") }
			switch key {
			case "id":
				e.ConfigID = value
			case "test":
				e.ConfigTest = true
			case "strict":
				e.Strict = true
			case "all":
				e.AllConfig = true
			case "interfaces":
				e.System.Interface = has
			case "programs":
				e.System.Program = func(path string, _, _ uint32) ProgramState {
					if has(path) {
						return ProgramOK
					}
					return ProgramMissing
				}
				e.System.Account = func(user, _ string) (uint32, uint32, error) {
					if user == "nobody" {
						return 65534, 65534, nil
					}
					return 0, 0, fs.ErrNotExist
				}
			}
		}
	}
	return e
}

// TestGolden loads test.conf of each archive and compares the rendered diagnostics, the --config-test lines with their
// exit status, and what the configuration means beyond the defaults.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no golden files", err)
	}
	empty := map[string]bool{}
	cfg, _ := load(t, "")
	for _, line := range strings.Split(dump(t, cfg), "\n") {
		empty[line] = true
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			a := readArchive(string(raw))
			fsys := fstest.MapFS{}
			for _, n := range a.names {
				mode := fs.FileMode(0o644)
				if strings.HasSuffix(n, ".sh") {
					mode = 0o755
				}
				fsys[n] = &fstest.MapFile{Data: []byte(a.files[n]), Mode: mode}
			}
			cfg, ds := Load(fsys, "test.conf", a.env())
			var shown, test strings.Builder
			_ = ds.Render(&shown)
			_ = ds.ConfigTest(&test)
			fmt.Fprintf(&test, "exit %d\n", ds.ExitCode())
			var meaning strings.Builder
			for _, line := range strings.SplitAfter(dump(t, cfg), "\n") {
				if trimmed := strings.TrimSuffix(line, "\n"); !empty[trimmed] || trimmed == "}" && meaning.Len() > 0 {
					meaning.WriteString(line)
				}
			}
			want := a.String()
			a.set("diagnostics", shown.String())
			a.set("config-test", test.String())
			a.set("meaning", meaning.String())
			if *update {
				if err := os.WriteFile(path, []byte(a.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, a.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !ds.HasFatal() {
				roundTrip(t, t, cfg)
			}
		})
	}
}

// TestGoldenTable keeps the list of keywords, so that a change of the language is seen in review.
func TestGoldenTable(t *testing.T) {
	var b strings.Builder
	for _, c := range Keywords() {
		state := "acted on"
		if !c.ActedOn {
			state = "typed"
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Path, c.Keyword, state, c.Default, c.Since, c.AliasOf)
	}
	const path = "testdata/keywords.tsv"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
