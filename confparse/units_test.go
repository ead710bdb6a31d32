package confparse

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigil/confparse/diag"
)

func memory(text string) fs.FS { return fstest.MapFS{"test.conf": {Data: []byte(text), Mode: 0o644}} }

func TestSplitWords(t *testing.T) {
	tests := []struct {
		in   string
		want []string
		ok   bool
	}{
		{"notify /bin/a b", []string{"notify", "/bin/a", "b"}, true},
		{`notify "/bin/a 'b c'" root`, []string{"notify", "/bin/a 'b c'", "root"}, true},
		{`x 'a "b" c'd"e f"`, []string{"x", `a "b" cde f`}, true},
		{`x a\ b \" \\`, []string{"x", `a\ b`, `\"`, `\\`}, true},
		{`x "a\"b"`, []string{"x", `a\"b`}, true},
		{`x ''`, []string{"x", ""}, true},
		{`x "open`, []string{"x"}, false},
	}
	for _, tt := range tests {
		got, ok := splitWords(tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok {
			t.Errorf("%s: ok %v (-want +got)\n%s", tt.in, ok, diff)
		}
	}
}

func TestSplitCommand(t *testing.T) {
	tests := []struct {
		in   string
		want []string
		ok   bool
	}{
		{`/bin/a b  c`, []string{"/bin/a", "b", "c"}, true},
		{`a 'b c' "d 'e'" ''`, []string{"a", "b c", "d 'e'", ""}, true},
		{`a\ b \x41\102\n\t\cA\E\q`, []string{"a b", "AB\n\t\x01\x1bq"}, true},
		{`'a\nb' "a\nb"`, []string{"a\nb", "a\nb"}, true}, // as keepalived 2.2.7 and 2.3.3, of whatever kind the quotes are
		{`/bin/sh -c 'echo \"x y\" \\z'`, []string{"/bin/sh", "-c", `echo "x y" \z`}, true},
		{`'a b\' c`, []string{"a b' c"}, false},
		{`\8\x`, []string{"8x"}, true},
		{`a "b`, []string{"a", "b"}, false},
	}
	for _, tt := range tests {
		got, ok := splitCommand(tt.in)
		if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok {
			t.Errorf("%s: ok %v (-want +got)\n%s", tt.in, ok, diff)
		}
	}
}

// TestCommandReadsBack draws arguments of any bytes a configuration can hold.
func TestCommandReadsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		argv := rapid.SliceOfN(rapid.StringMatching(`[ -~\n\t]{0,12}`), 1, 5).Draw(rt, "argv")
		line := "notify " + command(argv)
		words, ok := splitWords(line)
		if !ok || len(words) != 2 {
			rt.Fatalf("%s is %q", line, words)
		}
		got, ok := splitCommand(words[1])
		if diff := cmp.Diff(argv, got); diff != "" || !ok {
			rt.Fatalf("%s (-want +got)\n%s", line, diff)
		}
		tree, _ := Parse(memory("vrrp_instance V {\n"+line+"\n}\n"), "test.conf", Env{})
		if body := tree.Root[0].Body; len(body) != 1 || len(body[0].Args) != 1 || body[0].Args[0].Text != words[1] {
			rt.Fatalf("reading makes %v of %s", body, line)
		}
	})
}

// TestOSFSReadsFiles loads from a real directory, with an include relative to the file.
func TestOSFSReadsFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("k.conf", "include *.inc\n")
	write("a.inc", "global_defs { router_id here }\n")
	cfg, ds := Load(OSFS(), filepath.Join(dir, "k.conf"), Env{})
	if codeList(ds) != "" || cfg.Global.RouterID != "here" {
		t.Errorf("router_id %q, %v", cfg.Global.RouterID, ds)
	}
	for name, want := range map[string]string{"missing.conf": "no such file", ".": "not a regular file"} {
		_, ds := Load(OSFS(), filepath.Join(dir, name), Env{})
		if !ds.HasFatal() || !strings.Contains(ds[0].Detail, want) || ds.ExitCode() != 0 {
			t.Errorf("%s: %+v", name, ds)
		}
	}
}

// TestOSSystem asks about what every Linux has.
func TestOSSystem(t *testing.T) {
	s := OSSystem()
	if !s.Interface("lo") || s.Interface("no-such-link") {
		t.Error("interfaces are not known")
	}
	if uid, gid, err := s.Account("root", ""); uid != 0 || gid != 0 || err != nil {
		t.Errorf("root is %d:%d, %v", uid, gid, err)
	}
	if _, _, err := s.Account("no-such-user-here", ""); err == nil {
		t.Error("an unknown user is accepted")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "p")
	if got := s.Program(path, 0, 0); got != ProgramMissing {
		t.Errorf("a missing program is %d", got)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := s.Program(path, 0, 0); got != ProgramNotExecutable {
		t.Errorf("a file without execute bit is %d", got)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := s.Program(path, 0, 0); got != ProgramInsecure {
		t.Errorf("a file all can write is %d", got)
	}
}

// TestStatementText: a statement's text is what stands in the file or, where a line was rewritten, what it became.
func TestStatementText(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"as it stands", "  router_id   one  \"two  three\"   # four", `router_id   one  "two  three"`},
		{"keyword alone", "  lvs_flush ", "lvs_flush"},
		{"a quoted word last", `router_id "a b" `, `router_id "a b"`},
		{"an escaped comment sign", `router_id a\#b "c  d" ! e`, `router_id a#b "c  d"`},
		{"a parameter", "router_id  ${V}  x", "router_id  value  x"},
		{"behind a brace", "lvs_flush } global_defs { router_id  a }", "lvs_flush"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "$V=value\nglobal_defs {\n" + tt.line + "\n}\n"
			tree, _ := Parse(fstest.MapFS{"k.conf": {Data: []byte(text)}}, "k.conf", Env{})
			if got := tree.Root[0].Body[0].Text(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestPlainNumber: the short way to a number agrees with the long one wherever it gives an answer.
func TestPlainNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[-+ ]?[0-9]{0,11}(\.[0-9]{0,7})?[a ]?`).Draw(t, "word")
		lo := rapid.Int64Range(-10, 5_000_000).Draw(t, "min")
		v := value{kind: timer, min: lo, max: lo + rapid.Int64Range(0, 1<<53).Draw(t, "width")}
		d := &decoder{rep: &diag.Reporter{}, table: table}
		tree, _ := Parse(memory("use_pid_dir"), "test.conf", Env{})
		n := tree.Root[0]
		if got, ok := plainNumber(s, &v, 1); ok {
			if want, good := d.wholeNumber(n, Token{Text: s}, v); !good || got != want {
				t.Errorf("%q is %d, want %d %v", s, got, want, good)
			}
		}
		if got, ok := plainNumber(s, &v, 1e6); ok {
			if want, good := d.fixedPoint(n, Token{Text: s}, v, 6); !good || got != want {
				t.Errorf("%q is %d µs, want %d %v", s, got, want, good)
			}
		}
	})
}

// TestKeywordIsOfItsBlock: what followed a statement elsewhere does not count where it has another meaning, or none.
func TestKeywordIsOfItsBlock(t *testing.T) {
	text := "virtual_server 10.0.0.1 80 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n delay_loop 1\n weight 3\n" +
		" real_server 10.0.0.2 80 {\n  delay_loop 2\n  weight 4\n }\n delay_loop 5\n weight 6\n" +
		" real_server 10.0.0.3 80 {\n  delay_loop 7\n  lb_algo rr\n }\n lb_algo wrr\n}\n"
	cfg, ds := Load(fstest.MapFS{"k.conf": {Data: []byte(text)}}, "k.conf", Env{})
	if len(ds) != 1 || ds[0].Code != diag.CodeUnknownKeyword || ds[0].Subject.Start.Line != 15 {
		t.Errorf("diagnostics: %v", ds)
	}
	vs := cfg.VirtualServers[0]
	if rs := vs.RealServers; vs.Scheduler != "wrr" || rs[0].Weight != 4 || rs[1].Weight != 6 {
		t.Errorf("scheduler %s, weights %d %d", vs.Scheduler, rs[0].Weight, rs[1].Weight)
	}
}
