package confparse

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// includeTree is what the include tests read from: a directory of parts, one that must not be read, and one elsewhere.
func includeTree(text string) fstest.MapFS {
	file := func(text string, mode fs.FileMode) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(text), Mode: mode}
	}
	return fstest.MapFS{
		"etc/test.conf":      file(text, 0o644),
		"etc/a.inc":          file("router_id a\n", 0o644),
		"etc/b.inc":          file("router_id b\n", 0o644),
		"etc/x.run":          file("router_id x\n", 0o755),
		"etc/sub/c.inc":      file("router_id c\n", 0o644),
		"etc/sub/deep.conf":  file("include c.inc\nrouter_id ${_PWD}\n", 0o644),
		"etc/open.part":      file("global_defs {\n", 0o644),
		"etc/cycle.inc":      file("include cycle.inc\n", 0o644),
		"etc/checked.inc":    file("include_check\ninclude none.inc\n", 0o644),
		"etc/dir.inc/inner":  file("", 0o644),
		"etc/with space.inc": file("router_id space\n", 0o644),
	}
}

// included reads lines inside global_defs and returns its statements and codes.
func included(lines string, env Env) (string, string, Diagnostics) {
	env.Hostname = "lb1"
	tree, ds := Parse(includeTree(globals(lines)), "etc/test.conf", env)
	s := strings.TrimSuffix(strings.TrimPrefix(shown(tree.Root), "global_defs { "), " }")
	return s, strings.Join(codesOf(ds), " "), ds
}

// TestInclude: files take the place of the line, wherever it stands.
func TestInclude(t *testing.T) {
	for _, tt := range []struct{ rule, lines, want, codes string }{
		{"a file", "include a.inc", "router_id a", ""},
		{"between statements", "lvs_flush\ninclude a.inc\nlvs_flush", "lvs_flush; router_id a; lvs_flush", ""},
		{"a pattern, in alphabetical order", "include ?.inc", "router_id a; router_id b", ""},
		{"alternatives in their order", "include {b,a}.inc", "router_id b; router_id a", ""},
		{"a class", "include [^a].inc", "router_id b", ""},
		{"relative to the file that includes", "include sub/deep.conf", "router_id c; router_id etc/sub", ""},
		{"and back where it stood", "include sub/c.inc\ninclude a.inc", "router_id c; router_id a", ""},
		{"the rest of the line is the pattern", "include with space.inc", "router_id space", ""},
		{"quotes are letters of it", `include "a.inc"`, "", "2:KA1002"},
		{"a comment is not", "include a.inc # b", "router_id a", ""},
		{"a parameter in the name", "$F=a\ninclude $F\ninclude ${F}.inc", "router_id a", "3:KA1002"},
		{"behind a condition", "@lb1 include a.inc\n@lb2 include b.inc", "router_id a", ""},
		{"in a loop", "~LST(f, a, b) include ${f}.inc", "router_id a; router_id b", ""},
		{"without a name it is a keyword", "include", "", "2:KA2001"},
		{"not in the middle of a line", "router_id include a.inc", "router_id include a.inc", ""},
		{"not with more letters", "includes a.inc", "", "2:KA2001"},
		{"a missing file is reported, and the rest read", "include none.inc\nlvs_flush", "lvs_flush", "2:KA1002"},
		{"a pattern without a match", "include *.none", "", "2:KA1003"},
		{"a file with an execute bit is left out", "include x.run", "", "2:KA1004"},
		{"also when a pattern matches it", "include x.*", "", "2:KA1005"},
		{"a directory is left out", "include dir.inc", "", "2:KA1002"},
		{"a file that includes itself", "include cycle.inc", "", "1:KA1007"},
	} {
		t.Run(strings.ReplaceAll(tt.rule, " ", "_"), func(t *testing.T) {
			if got, codes, _ := included(tt.lines, Env{}); got != tt.want || codes != tt.codes {
				t.Errorf("%s\n got %s, %q\nwant %s, %q", tt.lines, got, codes, tt.want, tt.codes)
			}
		})
	}
}

// TestIncludeMayOpenABlock: a file is read in place, its braces as well.
func TestIncludeMayOpenABlock(t *testing.T) {
	tree, ds := Parse(includeTree("include open.part\nrouter_id a\n}\n"), "etc/test.conf", Env{})
	if got := shown(tree.Root); got != "global_defs { router_id a }" || len(ds) > 0 {
		t.Errorf("got %s, %v", got, ds)
	}
}

// TestStrictIncludes: which failure of each form ends keepalived with status 6.
func TestStrictIncludes(t *testing.T) {
	files := []string{"a.inc", "x.run", "none.inc", "*.none", "{a,none}.inc"}
	want := map[string]string{ // a digit for each file: 6 is refused
		"include":  "00000",
		"includer": "06000",
		"includem": "06600",
		"includew": "06660",
		"includeb": "06006",
		"includea": "06666",
	}
	for form, w := range want {
		got := ""
		for _, f := range files {
			_, _, ds := included(form+" "+f, Env{})
			got += string(rune('0' + ds.ExitCode()))
		}
		if got != w {
			t.Errorf("%s: exit statuses of %v are %s, want %s", form, files, got, w)
		}
	}
	// -e is includea for everything.
	got := ""
	for _, f := range files {
		_, _, ds := included("include "+f, Env{AllConfig: true})
		got += string(rune('0' + ds.ExitCode()))
	}
	if got != want["includea"] {
		t.Errorf("-e: exit statuses of %v are %s, want %s", files, got, want["includea"])
	}
}

// TestIncludeCheck: include_check raises what later includes enforce; its words add, and with - take away.
func TestIncludeCheck(t *testing.T) {
	for _, tt := range []struct{ lines, want string }{
		{"include none.inc", "0"},
		{"include_check\ninclude none.inc", "6"},
		{"include_check\ninclude *.none", "6"},
		{"include_check match\ninclude none.inc", "6"},
		{"include_check match\ninclude *.none", "0"},
		{"include_check wildcard_match\ninclude *.none", "6"},
		{"include_check wildcard_match\ninclude none.inc", "0"},
		{"include_check read\ninclude x.run", "6"},
		{"include_check read\ninclude none.inc", "0"},
		{"include_check brace_match\ninclude {a,none}.inc", "6"},
		{"include_check match\ninclude x.run", "6"}, // a word without a sign sets read as well
		{"include_check\ninclude_check -match\ninclude none.inc", "0"},
		{"include_check\ninclude_check -match\ninclude *.none", "6"},
		{"include_check +match\ninclude none.inc", "6"},
		{"include none.inc\ninclude_check", "0"},       // only what comes later
		{"include checked.inc\ninclude b.inc", "6"},    // the file's own include
		{"include checked.part\ninclude a.inc", "0"},   // a plain miss
		{"include_check readable\ninclude a.inc", "5"}, // read, not readable
	} {
		_, _, ds := included(tt.lines, Env{})
		cfg, all := Load(includeTree(globals(tt.lines)), "etc/test.conf", Env{})
		if got := string(rune('0' + all.ExitCode())); got != tt.want || cfg == nil {
			t.Errorf("%q ends with %s, want %s: %v %v", tt.lines, got, tt.want, codesOf(all), codesOf(ds))
		}
	}
}

// TestIncludeCheckEndsWithItsFile: what a file raises holds until its end.
func TestIncludeCheckEndsWithItsFile(t *testing.T) {
	fsys := includeTree(globals("include level.inc\ninclude none.inc"))
	fsys["etc/level.inc"] = &fstest.MapFile{Data: []byte("include_check\n"), Mode: 0o644}
	_, ds := Load(fsys, "etc/test.conf", Env{})
	if got := strings.Join(codesOf(ds), " "); got != "3:KA1002" {
		t.Errorf("codes are %s", got)
	}
}

// TestMainFile: the file itself must be there, be regular and have no execute bit.
func TestMainFile(t *testing.T) {
	for name, want := range map[string]string{"etc/none.conf": "KA1001", "etc": "KA1001", "etc/x.run": "KA1001", "etc/*.none": "KA1001"} {
		_, ds := Load(includeTree(""), name, Env{})
		if codeList(ds) != want || !ds.HasFatal() || ds.ExitCode() != 0 {
			t.Errorf("%s: %s, exit %d", name, codeList(ds), ds.ExitCode())
		}
	}
	cfg, ds := Load(includeTree(""), "etc/[ab].inc", Env{})
	if codeList(ds) != "KA2001 KA2001" || cfg == nil {
		t.Errorf("a pattern reads %s", codeList(ds))
	}
}

// TestIncludedMistakesNameTheirFile: a diagnostic has the file and line of the mistake, and the includes that led there.
func TestIncludedMistakesNameTheirFile(t *testing.T) {
	fsys := includeTree("global_defs {\ninclude sub/bad.inc\n}\n")
	fsys["etc/sub/bad.inc"] = &fstest.MapFile{Data: []byte("\nnonsense\n"), Mode: 0o644}
	_, ds := Parse(fsys, "etc/test.conf", Env{})
	if len(ds) != 1 || ds[0].Subject.String() != "etc/sub/bad.inc:2" {
		t.Fatalf("diagnostics are %v", ds)
	}
	if r := ds[0].Related; len(r) != 1 || r[0].Range.String() != "etc/test.conf:2" {
		t.Errorf("related places are %v", r)
	}
}
