package main

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vigil/confparse"
	"vigil/confparse/syntax"
	"vigil/internal/fuzzing"
)

// sameMeaning compares configurations without the places of their words.
var sameMeaning = cmp.Options{
	cmpopts.IgnoreTypes(confparse.Range{}),
	cmpopts.IgnoreFields(confparse.Config{}, "Inputs", "Known"),
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

// FuzzFmt checks that fmt refuses a text only for what is wrong with the text, that what it prints has the same
// meaning, and that printing that again changes nothing.
func FuzzFmt(f *testing.F) {
	for _, s := range []string{
		"", "\n\n", "# only a comment\n", clean, warns, errs, tracked, "a x # why\n{ # and\nb } c {\nd\n}\n",
		"vrrp_instance VI {interface eth0;}\n", "global_defs\n{\nrouter_id \"a  b\" # c\n}\n", "$A=eth0\nvrrp_instance V {\ninterface $A\n}\n",
		"$M= \\\n interface eth0 \\\n virtual_router_id 5\nvrrp_instance V {\n$M\n}\n", "global_defs {\n@lb1   router_id a\n@^lb1 router_id b\n}\n",
		"~SEQ(N, 1, 3)   vrrp_instance V$N {\n}\n", "include *.conf\ninclude inc.conf # more\n", "~LST({a,b}, {1,2}, 3) k ${a}${b} { }\n",
		"vrrp_script s {\nscript \"/bin/x 'a  b' \\\"c\"\n}\n", "global_defs { # one\n  ! two\n\n\n  router_id \\#x # three\n}\r\n",
		"vrrp_instance ${X} {\n}\n", "virtual_server 192.0.2.1 80 { real_server 192.0.2.2 80 { TCP_CHECK { } } }\n", "a\x00b\n\"\n",
		"lobar_id \"\n{", "vrrp_instance{0}", "global_defs{@}",
	} {
		f.Add(s)
	}
	for _, text := range exampleTexts(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const name = "test.conf"
		fsys := fstest.MapFS{"inc.conf": {Data: []byte("vrrp_script inc {\nscript /bin/true\n}\n"), Mode: 0o644}}
		env := confparse.Env{Hostname: "lb1"}
		var after string
		var damage confparse.Diagnostics
		var err error
		fuzzing.Within(t, 4*time.Second, func() { after, damage, err = format(fsys, name, text, env) }) // reads it for two ids, twice, twice
		if err != nil {
			if len(damage) == 0 {
				t.Fatal(err)
			}
			return
		}
		read := func(text string) *confparse.Config {
			cfg, _ := confparse.Load(confparse.Overlay(fs.FS(fsys), name, text), name, env)
			return cfg
		}
		if d := cmp.Diff(read(text), read(after), sameMeaning); d != "" {
			t.Fatalf("the meaning changed (-before +after)\n%s\n%s", d, after)
		}
		if d := cmp.Diff(after, syntax.Layout(after)); d != "" {
			t.Fatalf("a second time (-first +second)\n%s", d)
		}
	})
}

// exampleTexts returns the text of every example.
func exampleTexts(t testing.TB) (texts []string) {
	t.Helper()
	paths, err := filepath.Glob("../../examples/*.conf")
	if err != nil || len(paths) < 25 {
		t.Fatal(len(paths), err)
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}
