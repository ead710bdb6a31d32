package syntax

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzLexer checks that a line is cut into words that are in it, in order, whatever it holds.
func FuzzLexer(f *testing.F) {
	for _, s := range []string{"", "a b", `x "y z"w`, "a{b}c", `"open`, "# all comment", "a # b", `\# a`, "a\tb\x00c", "$x ${y}",
		"    auth_pass  ab!cd", "\treal_server 192.0.2.1 80 { # one", `notify_master "/bin/n 'a b' c" root`, "}}", "a\\", `misc_path "x\"y"`,
		"interface eth0\r", "192.0.2.1/24 dev eth0 label eth0:1 ! vip", "@^lb1 state MASTER", "~SEQ(a,1,2) b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\n") || len(s) > MaxLineLength {
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
