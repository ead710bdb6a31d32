package syntax

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestBraceAlternatives(t *testing.T) {
	tests := map[string][]string{
		"a":              {"a"},
		"{a,b}.c":        {"a.c", "b.c"},
		"x{a,b{1,2}}y":   {"xay", "xb1y", "xb2y"},
		"{a}":            {"a"},
		"{a,b}{c,d}":     {"ac", "ad", "bc", "bd"},
		"a{b":            {"a{b"},
		"{,x}/{,y}.conf": {"/.conf", "/y.conf", "x/.conf", "x/y.conf"},
	}
	for in, want := range tests {
		if diff := cmp.Diff(want, braceAlternatives(in)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", in, diff)
		}
	}
}

func TestGlobMatchesAsTheShellDoes(t *testing.T) {
	fsys := fstest.MapFS{"etc/b.conf": {}, "etc/a.conf": {}, "etc/.hidden.conf": {}, "etc/c.txt": {}, "etc/d/a.conf": {},
		"etc/e/a.conf": {}, "etc/dir.conf/x": {}}
	tests := map[string][]string{
		"/etc/*.conf":         {"/etc/a.conf", "/etc/b.conf"},
		"/etc/.*.conf":        {"/etc/.hidden.conf"},
		"/etc/*/a.conf":       {"/etc/d/a.conf", "/etc/e/a.conf"},
		"/etc/[!b].conf":      {"/etc/a.conf"},
		"/etc/{b,a}.conf":     {"/etc/b.conf", "/etc/a.conf"},
		"/*/c.txt":            {"/etc/c.txt"},
		"/etc/missing.conf":   nil,
		"/etc/dir.conf":       nil,
		"/nowhere/*.conf":     nil,
		"/etc/{a,zz}.conf":    {"/etc/a.conf"},
		"etc/?.conf":          {"etc/a.conf", "etc/b.conf"},
		"/etc/[.conf":         nil,
		"/etc/{d,e}/{a,b}.co": nil,
	}
	for pattern, want := range tests {
		r := &Reader{fsys: fsys, inputs: &Inputs{}}
		if diff := cmp.Diff(want, r.glob(pattern)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", pattern, diff)
		}
	}
}

// TestEditDistance compares with the textbook recursion.
func TestEditDistance(t *testing.T) {
	var slow func(a, b string) int
	slow = func(a, b string) int {
		if a == "" || b == "" {
			return len(a) + len(b)
		}
		cost := 1
		if a[len(a)-1] == b[len(b)-1] {
			cost = 0
		}
		best := min(slow(a[:len(a)-1], b)+1, slow(a, b[:len(b)-1])+1, slow(a[:len(a)-1], b[:len(b)-1])+cost)
		if len(a) > 1 && len(b) > 1 && a[len(a)-1] == b[len(b)-2] && a[len(a)-2] == b[len(b)-1] {
			best = min(best, slow(a[:len(a)-2], b[:len(b)-2])+1)
		}
		return best
	}
	rapid.Check(t, func(rt *rapid.T) {
		a := rapid.StringMatching(`[abc]{0,5}`).Draw(rt, "a")
		b := rapid.StringMatching(`[abc]{0,5}`).Draw(rt, "b")
		limit := rapid.IntRange(0, 6).Draw(rt, "limit")
		want, got := slow(a, b), EditDistance(a, b, limit)
		if want <= limit && got != want || want > limit && got <= limit {
			rt.Fatalf("%q %q: %d, want %d (limit %d)", a, b, got, want, limit)
		}
	})
}

// TestKeywordIsOfItsBlock: what followed a statement elsewhere does not count where it has another meaning, or none.
func TestKeywordIsOfItsBlock(t *testing.T) {
	g := small()
	b := newBuilder(g)
	for i := range g.Blocks {
		blk := &g.Blocks[i]
		for _, followed := range g.Blocks {
			for word, kw := range followed.Words {
				b.after[b.before] = kw
				if got := b.keyword(blk, word); got != blk.Words[word] {
					t.Errorf("%s in block %d is a keyword of another block", word, i)
				}
			}
		}
	}
}
