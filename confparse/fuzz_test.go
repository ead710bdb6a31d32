package confparse

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// FuzzLexer checks that a line is cut into words that are in it, in order, whatever it holds.
func FuzzLexer(f *testing.F) {
	for _, s := range []string{"", "a b", `x "y z"w`, "a{b}c", `"open`, "# all comment", "a # b", `\# a`, "a\tb\x00c", "$x ${y}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\n") || len(s) > maxLineLength {
			return
		}
		var raw lexer
		ok := raw.lexRaw(s, 0)
		c := cook(s, 0).decomment()
		if len(c.b) != len(c.at) {
			t.Fatalf("%d bytes have %d places", len(c.b), len(c.at))
		}
		var slow lexer
		slow.lexCooked(string(c.b), c.at)
		last := int32(-1)
		for _, tok := range slow.toks {
			if tok.Offset < last || int(tok.Offset)+int(tok.Len) > len(s) {
				t.Fatalf("word %q is at %d+%d of %q", tok.Text, tok.Offset, tok.Len, s)
			}
			last = tok.Offset
		}
		if !ok {
			return
		}
		// What the fast path takes, the slow path reads in the same way.
		if diff := cmp.Diff(slow.toks, raw.toks); diff != "" {
			t.Fatalf("fast and slow path differ on %q (-slow +fast)\n%s", s, diff)
		}
		kinds := func(l *lexer) (k []pieceKind) {
			for _, p := range l.pieces {
				k = append(k, p.kind)
			}
			return k
		}
		if diff := cmp.Diff(kinds(&slow), kinds(&raw)); diff != "" {
			t.Fatalf("pieces of %q differ (-slow +fast)\n%s", s, diff)
		}
	})
}

// FuzzExpand checks that parameters, loops and includes end, and that each word has a place in its file.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{
		"$A=1\nrouter_id $A\n", "$A=$A\nx $A\n", "$A=${A}${A}\nx ${A}\n", "$M= \\\n a $B \\\n b\n$M\n",
		"$M= \\\n $M \\\n $M\n$M\n", "~SEQ(i, 1, 5) x $i\n", "~SEQ(i, 1000000) ~SEQ(j, 1000000) x\n", "~SEQx(i,9,-1,0) y ${i}z\n",
		"~LST({a,b}, {1,2}, 3) k ${a}${b}\n", "@lb1 a\n@^lb1 b\n", "include inc.conf\n", "include *.conf\n", "${_RANDOM 1 3} ${_PWD}\n",
		"$H=${_HASH}\na $H b\n", "\\# \"a # b\" ! c\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fsys := fstest.MapFS{"test.conf": {Data: []byte(s), Mode: 0o644}, "inc.conf": {Data: []byte("a b\n"), Mode: 0o644}}
		tree, _ := Parse(fsys, "test.conf", Env{Hostname: "lb1"})
		var walk func([]*Node)
		walk = func(nodes []*Node) {
			for _, n := range nodes {
				r := n.Range()
				if r.Start.Line < 1 || r.Start.Col < 1 || r.End.Offset < r.Start.Offset || int(r.End.Offset) > len(n.src.text) {
					t.Fatalf("%q is at %+v", n.Keyword.Text, r)
				}
				walk(n.Body)
			}
		}
		walk(tree.Root)
	})
}

// FuzzLoad checks that any bytes give a Config and diagnostics with places, and that a Config without a fatal one can
// be printed and read back.
func FuzzLoad(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := fstest.MapFS{"test.conf": {Data: data, Mode: 0o644}}
		env := Env{Hostname: "lb1"}
		cfg, ds := Load(fsys, "test.conf", env)
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
		if ds.HasErrors() || strings.ContainsAny(printed, "\\$\"'") || tooLong(printed) {
			return
		}
		roundTrip(t, t, cfg)
	})
}

func tooLong(text string) bool {
	for _, line := range strings.Split(text, "\n") {
		if len(line) > maxLineLength {
			return true
		}
	}
	return false
}

// seeds are small configurations of every kind of block.
var seeds = []string{
	"global_defs {\n router_id a\n vrrp_garp_interval 0.5\n}\n",
	"vrrp_instance v {\n interface e\n virtual_router_id 1\n virtual_ipaddress {\n 1.2.3.4/24 dev x brd +\n }\n}\n",
	"vrrp_instance v { interface e\n virtual_router_id 1 } }\n",
	"virtual_server 1.2.3.4 80 {\n protocol TCP\n lb_algo sh\n sh-port\n real_server 5.6.7.8 {\n TCP_CHECK { retry 5 }\n }\n}\n",
	"virtual_server fwmark 7 {\n real_server ::1 80 { HTTP_GET { url { path /\n status_code 1 200-3 } } }\n}\n",
	"virtual_server_group g {\n 1.2.3.4-9 80\n fwmark 3\n 10.0.0.0/30\n}\nvirtual_server group g {\n real_server 1.1.1.1 1 { }\n}\n",
	"vrrp_script s {\n script \"a 'b c' \\x41\"\n interval 0.001\n}\nvrrp_sync_group g { group { a b } }\n",
	"static_routes {\n default via 1.2.3.4 dev e encap mpls 5/6\n 1/8 nexthop via 1.1.1.1 weight 300\n}\nstatic_rules {\n from any table 5\n goto 3\n}\n",
	"bfd_instance b {\n neighbor_ip 1.2.3.4\n min_rx 1.2345\n}\ntrack_file t { file /x\n weight 1 reverse }\n",
	"SSL { ca a\n ca b }\ngarp_group { interface e\n garp_interval 1 }\ninterface_up_down_delays { e 1 2 }\n",
	"real_server {\n{{}}}\n}}} \" { \n", "@x\n$\n~\n~SEQ(\n~LST()\ninclude\nincludea /x\n", "a\x00b\n\xff\xfe\n",
	"virtual_server 1.2.3.4 80 {\n real_server 1.1.1.1 1 {\n UDP_CHECK { payload 0g\n require_reply xX }\n DNS_CHECK { name a..b }\n" +
		" MISC_CHECK { misc_path \"\" }\n SMTP_CHECK { host { connect_port 5 } }\n FILE_CHECK { weight 1 }\n BFD_CHECK { } }\n}\n",
}
