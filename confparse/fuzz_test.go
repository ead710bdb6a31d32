package confparse

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"vigil/confparse/syntax"
	"vigil/internal/fuzzing"
)

// patience is what reading one input may take, whatever it holds.
const patience = time.Second

// FuzzExpand checks that parameters, loops and includes end, and that each word has a place in its file.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{
		"$A=1\nrouter_id $A\n", "$A=$A\nx $A\n", "$A=${A}${A}\nx ${A}\n", "$M= \\\n a $B \\\n b\n$M\n",
		"$M= \\\n $M \\\n $M\n$M\n", "~SEQ(i, 1, 5) x $i\n", "~SEQ(i, 1000000) ~SEQ(j, 1000000) x\n", "~SEQ(i, 1000000) Q~ES(j,", "~SEQ(i, 1000000) $i$i{}", "~SEQx(i,9,-1,0) y ${i}z\n",
		"~LST({a,b}, {1,2}, 3) k ${a}${b}\n", "@lb1 a\n@^lb1 b\n", "include inc.conf\n", "include *.conf\n", "${_RANDOM 1 3} ${_PWD}\n",
		"$H=${_HASH}\na $H b\n", "\\# \"a # b\" ! c\n",
		"$VIP=192.0.2.1\n$NET=/24\nvirtual_ipaddress {\n ${VIP}${NET} dev eth0\n}\n",
		"$RS= \\\nreal_server 192.0.2.$N 80 { \\\n TCP_CHECK { } \\\n}\nvirtual_server 192.0.2.1 80 {\n$N=5\n$RS\n}\n",
		"~SEQ(N, 1, 250) vrrp_instance V${N} { interface eth$N }\n", "@${_INSTANCE} router_id a\n@^ b\n", "$A=@lb1\n$A x\n",
		"$PASS=ab\\#cd\nauth_pass ${PASS}\n", "include $F\n$F=inc.conf\ninclude ${_PWD}/$F\n", "$A={\na $A\n}\n",
		"${_ENV HOME} ${_ENV} ${_RANDOM 9 1} ${_RANDOM x}\n", "includea none.conf\ninclude_check match\n", "~LST(a,{},1)~SEQ(b,-3,3)${a}\n",
	} {
		f.Add(s)
	}
	for _, s := range exampleTexts(f) {
		f.Add(string(s))
	}
	f.Fuzz(func(t *testing.T, s string) {
		fsys := fstest.MapFS{"test.conf": {Data: []byte(s), Mode: 0o644}, "inc.conf": {Data: []byte("a b\n"), Mode: 0o644}}
		var tree *Tree
		fuzzing.Within(t, patience, func() { tree, _ = Parse(fsys, "test.conf", Env{Hostname: "lb1"}) })
		var walk func([]*Node)
		walk = func(nodes []*Node) {
			for _, n := range nodes {
				r := n.Range()
				if r.Start.Line < 1 || r.Start.Col < 1 || r.End.Offset < r.Start.Offset || r.File == "test.conf" && int(r.End.Offset) > len(s) {
					t.Fatalf("%q is at %+v", n.Keyword.Text, r)
				}
				walk(n.Body)
			}
		}
		walk(tree.Root)
	})
}

// FuzzLoad checks that any bytes give a Config and diagnostics with places, and that a Config without a fatal one can
// be printed and read back. More seeds are in testdata/fuzz.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("virtual_server group \"\" {\nlb_kind DR\nreal_server 192.0.2.1 80 {\n}\n}\n"))
	for _, s := range exampleTexts(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := fstest.MapFS{"test.conf": {Data: data, Mode: 0o644}}
		env := Env{Hostname: "lb1"}
		var cfg *Config
		var ds Diagnostics
		fuzzing.Within(t, patience, func() { cfg, ds = Load(fsys, "test.conf", env) })
		lines := int32(bytes.Count(data, []byte{'\n'}) + 1)
		for _, d := range ds {
			if d.Subject.Start.Line > lines || d.Summary == "" || d.Severity == 0 {
				t.Fatalf("diagnostic %+v of %d lines", d, lines)
			}
		}
		var b bytes.Buffer
		if err := ds.Render(&b); err != nil {
			t.Fatal(err)
		}
		if again, _ := Load(fsys, "test.conf", env); !cfg.Inputs.Equal(again.Inputs) {
			t.Fatal("two loads read different inputs")
		}
		printed := dump(t, cfg)
		if ds.HasFatal() || tooLong(printed) {
			return
		}
		roundTrip(t, t, cfg)
	})
}

// exampleTexts returns the text of every example.
func exampleTexts(t testing.TB) (texts [][]byte) {
	t.Helper()
	paths, err := filepath.Glob("../examples/*.conf")
	if err != nil || len(paths) == 0 {
		t.Fatal("no examples:", err)
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	return texts
}

func tooLong(text string) bool {
	for _, line := range strings.Split(text, "\n") {
		if len(line) > syntax.MaxLineLength {
			return true
		}
	}
	return false
}
