package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/confparse/syntax"
)

func TestLayout(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"empty":         {"", "\n"},
		"indents":       {"a x {\nb   y\n\t}\n", "a x {\n    b y\n}\n"},
		"one line":      {"a { b { c } }", "a {\n    b {\n        c\n    }\n}\n"},
		"brace below":   {"a x # why\n{\nb\n}\n", "a x { # why\n    b\n}\n"},
		"two comments":  {"a x # why\n{ # and\nb\n}\n", "a x # why\n{   # and\n    b\n}\n"},
		"blank lines":   {"\n\na {\n\nb\n\n\nc\n\n}\n\n", "a {\n    b\n\n    c\n}\n"},
		"aligns":        {"a 1 # x\nbbb 2 ! y\n\nc # z\n", "a 1   # x\nbbb 2 ! y\n\nc # z\n"},
		"quotes":        {"a \"x  {  # y\"   b\n", "a \"x  {  # y\" b\n"},
		"single quotes": {"s \"/x 'a  b'\"   u\n", "s \"/x 'a  b'\"   u\n"},
		"escapes":       {"p a\\#b   c # d\n", "p a\\#b   c # d\n"},
		"definitions":   {"$A= \\\n   b  { \\\n  c\nd   e\n", "$A= \\\n   b  { \\\n  c\nd e\n"},
		"conditions":    {"a {\n@x   b   c\n}\n", "a {\n    @x   b   c\n}\n"},
		"loops":         {"a {\n~SEQ(N, 1, 2)   b $N { c }\n}\n", "a {\n    ~SEQ(N, 1, 2)   b $N { c }\n}\n"},
		"references":    {"a ${X} {\nb\n}\n", "a ${X} {\n    b\n}\n"},
		"DOS":           {"a {\r\nb\r\n}\r\n", "a {\n    b\n}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.want == "\n" {
				test.want = ""
			}
			if d := cmp.Diff(test.want, syntax.Layout(test.in)); d != "" {
				t.Errorf("layout (-want +got):\n%s", d)
			}
			if d := cmp.Diff(test.want, syntax.Layout(test.want)); d != "" {
				t.Errorf("a second time (-want +got):\n%s", d)
			}
		})
	}
}

func TestLayoutKeepsLinesShortEnough(t *testing.T) {
	name := strings.Repeat("x", syntax.MaxLineLength-len("router_id "))
	for _, text := range []string{"global_defs {\nrouter_id " + name + "\n}\n", "global_defs {\n#" + name + "\n}\n",
		"global_defs {\nrouter_id x #" + name[20:] + "\nno_email_faults # y\n}\n"} {
		after, _, err := format(confparse.OSFS(), "x.conf", text, confparse.Env{Hostname: "lb1", Seed: 1})
		if err != nil {
			t.Error(err)
		}
		for _, line := range strings.Split(after, "\n") {
			if len(line) > syntax.MaxLineLength {
				t.Errorf("%d bytes: %s", len(line), line)
			}
		}
		if syntax.Layout(after) != after {
			t.Error("a second time it is another")
		}
	}
}

func TestFmtRefusesADamagedFile(t *testing.T) {
	for _, text := range []string{"vrrp_instance VI {\n", "global_defs {\nrouter_id \"x\n}\n", "}\n"} {
		code, out, err := call(t, text, "fmt", "-")
		if code != exitErrors || out != "" || err == "" {
			t.Errorf("%q: %d %q %q", text, code, out, err)
		}
	}
}

func TestFmtCheck(t *testing.T) {
	for text, want := range map[string]int{clean: exitOK, tracked: exitWarnings} {
		if got, out, _ := call(t, text, "fmt", "--check", "-"); got != want || out != "" {
			t.Errorf("%d, want %d; %q", got, want, out)
		}
	}
}

// formatted checks that a file is laid out, and that doing so again changes nothing. What it means is compared by
// format itself; refused says that it gave up.
func formatted(t interface{ Errorf(string, ...any) }, name, text string) (refused bool) {
	after, damage, err := format(confparse.OSFS(), name, text, confparse.Env{Hostname: "lb1", Seed: 1})
	if err != nil {
		if len(damage) == 0 {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		return true
	}
	if d := cmp.Diff(after, syntax.Layout(after)); d != "" {
		t.Errorf("%s: a second time (-first +second):\n%s", name, d)
	}
	return false
}

// TestFmtKeepsTheMeaningOfOurFiles lays out the examples and the texts of the golden files.
func TestFmtKeepsTheMeaningOfOurFiles(t *testing.T) {
	for i, text := range exampleTexts(t) {
		if formatted(t, fmt.Sprint("example ", i), text) {
			t.Errorf("example %d is refused:\n%s", i, text)
		}
	}
	refused := 0
	texts := goldenTexts(t)
	for name, text := range texts {
		if formatted(t, name, text) {
			refused++
		}
	}
	t.Logf("%d of %d golden files are refused", refused, len(texts))
	if refused > len(texts)/3 {
		t.Errorf("%d of %d files are refused", refused, len(texts))
	}
}

func TestFmtKeepsTheMeaningOfTheCorpus(t *testing.T) {
	dir := os.Getenv("VIGIL_CORPUS")
	if dir == "" {
		t.Skip("VIGIL_CORPUS does not name a directory of configurations")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil || len(paths) == 0 {
		t.Fatal(len(paths), err)
	}
	refused := 0
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if formatted(t, p, string(text)) {
			refused++
		}
	}
	t.Logf("%d of %d files are refused", refused, len(paths))
}

// TestFmtKeepsTheMeaningOfAnything lays out random mixtures of what the language is made of.
func TestFmtKeepsTheMeaningOfAnything(t *testing.T) {
	parts := []string{"vrrp_instance VI", "virtual_server 192.0.2.1 80", "global_defs", "virtual_ipaddress", "{", "}", "\n", "\n",
		"\n", " ", "\t", "# note", "! note", "priority 100", "interface  eth0", "\"a  b\"", "'a  b'", "\\#", "\\", "$A=x", "$A",
		"${A}", "${B}", "@lb1 ", "@^lb1 ", "~SEQ(N, 1, 2) ", "$N", "192.0.2.1", "\"", "router_id x", "\r\n", "$M= \\\n"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 40).Draw(t, "parts"), "")
		env := confparse.Env{Hostname: "lb1", Seed: 1}
		after, _, err := format(confparse.OSFS(), "x.conf", text, env)
		if err != nil {
			return // refused: nothing is printed
		}
		if again, _, err := format(confparse.OSFS(), "x.conf", after, env); err != nil || again != after {
			t.Fatalf("%q\nbecame %q\nthen   %q, %v", text, after, again, err)
		}
	})
}
