package confparse

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vigil/confparse/diag"
)

// finding is a line that one of both programs names and the other does not, or an exit code that differs (line 0).
type finding struct {
	file string
	raw  string
	line int
	text string // the line
	says string // the message
	code Code   // of ours
	o    oracle
	log  string // what keepalived says with -l, for messages that go to the log only
	ours Diagnostics
}

func (f *finding) reported(c Code) bool {
	return slices.ContainsFunc(f.ours, func(d Diagnostic) bool { return d.Code == c })
}

// cause explains findings.
type cause struct {
	name string
	of   func(f *finding) bool
}

var unknownWord = regexp.MustCompile(`Unknown keyword '([^']*)'`)

// newerThan227 reports whether keepalived's first complaints are about a keyword that came with 2.3 or later.
func newerThan227(f *finding) bool {
	for _, m := range unknownWord.FindAllStringSubmatch(f.o.text, -1) {
		for i := range grammar.Blocks {
			if kw := rowIn(blockID(i), m[1]); kw != nil && (strings.HasPrefix(kw.since, "2.3") || strings.HasPrefix(kw.since, "2.4")) {
				return true
			}
		}
	}
	return false
}

// says returns a cause's condition: keepalived says one of these.
func says(texts ...string) func(*finding) bool {
	return func(f *finding) bool {
		return slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(f.o.text, s) })
	}
}

func both(a, b func(*finding) bool) func(*finding) bool {
	return func(f *finding) bool { return a(f) && b(f) }
}

var (
	// missedCauses explain what keepalived names and we do not.
	missedCauses = []cause{
		{"2.2.7 takes an escaped \\# for a comment when it reads the line again", func(f *finding) bool {
			return strings.Contains(f.raw, `\#`)
		}},
		{"a keyword newer than 2.2.7, and what it makes 2.2.7 misread", newerThan227},
		{"a list without its '{' takes the keywords behind it for items", both(says("Missing '{'", "has extra parameters"),
			func(f *finding) bool { return strings.Contains(f.says, "tracked interface") })},
	}
	// addedCauses explain what we name as an error and keepalived does not.
	addedCauses = []cause{
		{"keepalived says it without a line", func(f *finding) bool { return strings.Contains(f.o.text, f.says) }},
		{"keepalived says it to its log only", func(f *finding) bool { return strings.Contains(f.log, f.says) }},
		{"keepalived ends where a network namespace does not exist", func(f *finding) bool { return f.reported(diag.CodeNoNamespace) }},
		{"keepalived ends the checks of instances at one that has no interface or VRID", both(func(f *finding) bool { return f.code >= 3000 },
			says("Non-existent interface specified", "the virtual router id must be set", "Unknown interface!"))},
		{"keepalived does not look into a block it rejects", both(func(f *finding) bool { return f.code == diag.CodeUnknownKeyword },
			says("- skipping", "already defined"))},
		{"keepalived has left a block at a brace it did not expect; Vigil reads it on", both(
			func(f *finding) bool { return f.code >= 3000 }, func(f *finding) bool { return f.reported(diag.CodeUnexpectedOpen) })},
		{"checks keepalived does not have", func(f *finding) bool {
			return f.code == diag.CodeGroupFamily || f.code == diag.CodeDuplicateServer || f.code == diag.CodeDuplicateReal ||
				f.code == diag.CodePortReset
		}},
	}
	exitCauses = []cause{missedCauses[1], {"2.2.7 takes the backslash at the end of a comment for a word", func(f *finding) bool {
		return f.reported(diag.CodeCommentBackslash)
	}}}
)

// tally counts findings by cause and lists those without one.
type tally struct {
	causes  []cause
	count   map[string]int
	files   map[string]map[string]bool
	unknown []string
}

func newTally(causes []cause) *tally {
	return &tally{causes, map[string]int{}, map[string]map[string]bool{}, nil}
}

func (t *tally) add(f *finding) {
	for _, c := range t.causes {
		if c.of(f) {
			t.count[c.name]++
			if t.files[c.name] == nil {
				t.files[c.name] = map[string]bool{}
			}
			t.files[c.name][f.file] = true
			return
		}
	}
	t.unknown = append(t.unknown, fmt.Sprintf("%s:%d: %s", f.file, f.line, f.says))
}

func (t *tally) report(tb testing.TB, title string) {
	for _, name := range slices.Sorted(maps.Keys(t.count)) {
		tb.Logf("%s: %4d in %3d files: %s", title, t.count[name], len(t.files[name]), name)
	}
	for _, u := range t.unknown {
		tb.Logf("%s, unexplained: %s", title, u)
	}
}

// TestCorpusAgainstKeepalived compares exit codes and the lines that messages name with keepalived 2.2.7's, for every
// file of VIGIL_CORPUS. Interfaces are those of the network namespace it runs in.
func TestCorpusAgainstKeepalived(t *testing.T) {
	dir := os.Getenv("VIGIL_CORPUS")
	if dir == "" {
		t.Skip("VIGIL_CORPUS does not name a directory of configurations")
	}
	needOracle(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	env := Env{Hostname: host, ConfigTest: true, LookupEnv: os.LookupEnv, System: OSSystem()}
	exits, missed, added := newTally(exitCauses), newTally(missedCauses), newTally(addedCauses)
	same, named, hit := 0, 0, 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
		o := ask(t, file)
		_, ds := Load(OSFS(), file, env)
		var b strings.Builder
		_ = ds.ConfigTest(&b)
		ours := namedLines(b.String(), file)
		base := finding{file: file, raw: string(raw), o: o, log: ask(t, file, "-l").text, ours: ds}

		if same++; o.exit != ds.ExitCode() {
			same--
			f := base
			f.says = fmt.Sprintf("exit code %d, keepalived's is %d: %s", ds.ExitCode(), o.exit, o.text)
			for n, m := range o.lines { // the line that decides, when all are of one kind
				f.line, f.text, f.says = n, lines[min(n, len(lines))-1], m[0]
			}
			exits.add(&f)
		}
		for n, m := range o.lines {
			if named++; ours[n] != nil {
				hit++
				continue
			}
			f := base
			f.line, f.text, f.says = n, lines[min(n, len(lines))-1], m[0]
			missed.add(&f)
		}
		seen := map[int]bool{}
		for _, d := range ds {
			n := int(d.Subject.Start.Line)
			if d.EndLine > 0 {
				n = int(d.EndLine)
			}
			counts := d.Severity >= Error || d.Severity == Warning && d.Code.Counted()
			if !counts || n == 0 || d.Subject.File != file || o.lines[n] != nil || seen[n] {
				continue
			}
			seen[n] = true
			f := base
			f.line, f.says, f.code = n, d.Summary, d.Code
			added.add(&f)
		}
	}
	percent := func(a, b int) float64 { return 100 * float64(a) / float64(b) }
	t.Logf("exit codes: %d of %d equal (%.1f %%)", same, len(files), percent(same, len(files)))
	exits.report(t, "exit code")
	t.Logf("lines: %d of %d named by keepalived are named by Vigil (%.1f %%)", hit, named, percent(hit, named))
	rest := named
	for _, c := range missedCauses {
		rest -= missed.count[c.name]
		t.Logf("lines: %d of %d (%.1f %%) also without: %s", hit, rest, percent(hit, rest), c.name)
	}
	missed.report(t, "line missed")
	added.report(t, "line added")
	if len(exits.unknown)+len(added.unknown) > 0 {
		t.Errorf("%d exit codes and %d lines are unexplained", len(exits.unknown), len(added.unknown))
	}
	if same*100 < 97*len(files) || hit*100 < 97*rest {
		t.Errorf("less than 97 %% are equal")
	}
}
