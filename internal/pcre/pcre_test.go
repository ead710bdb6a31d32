package pcre

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vigil/internal/fuzzing"
)

// found is where PCRE2 10.42 finds an expression in a text: -1 = not, -2 = it does not compile.
type found struct {
	pattern, options, text string
	at                     int
}

// agreed are expressions that mean the same here. What PCRE2 says of each was asked of the library.
var agreed = []found{
	{"OK", "", "all OK", 4},
	{"ok", "caseless", "all OK", 4},
	{"^b", "", "a\nb", -1},
	{"^b", "multiline", "a\nb", 2},
	{"^", "multiline", "", 0},
	{"b$", "", "ab\n", 1},
	{"b$", "", "ab\n\n", -1},
	{"b$", "dollar_endonly", "ab\n", -1},
	{"b$", "multiline", "ab\nc", 1},
	{`b\Z`, "", "ab\n", 1},
	{`b\z`, "", "ab\n", -1},
	{"a.b", "", "a\nb", -1},
	{"a.b", "dotall", "a\nb", 0},
	{"a b # c", "extended", "xab", 1},
	{`[[:alpha:]]+[[:digit:]]`, "", "--ab1", 2},
	{`[[:punct:]]{3}`, "", "ab-[`x", 2},
	{`x[[:]]y`, "", "-x:]y", 1}, // no name: a bracket like any other
	{`x[[:a]]y`, "", "-xa]y", 1},
	{`[^[:space:]]x`, "", " x\tx-x", 4},
	{`\d+`, "", "\xd9\xa0 7", 3},
	{`\w`, "", "\xe9-_", 2},
	{`\s\S`, "", "a\x0b.", 1},
	{`\h+\H`, "", "a\xa0\t b", 1},
	{`\v`, "", "a\x85", 1},
	{`[\d\-x]+$`, "", "ab1-x", 2},
	{`[^\D]`, "", "ab1", 2},
	{`[\W]a`, "", "_a-a", 2},
	{`[]a]+`, "", "x]a", 1},
	{`[^]a]`, "", "]ax", 2},
	{`[a-z-[x]`, "", "A[", 1},
	{`[a&&b]`, "", "x&", 1},
	{`\Qa.b\E+`, "", "axb a.bb", 4},
	{`\Qa.b`, "", "a.b", 0},
	{`\x41\x{42}\103\o{104}`, "", "xABCD", 1},
	{`\x4z`, "", "\x04z", 0},
	{`\e\cA\0`, "", "\x1b\x01\x00", 0},
	{`(a)(b)\2\1`, "", "abba", 0},
	{`(a)\g1\g{1}\g{-1}`, "", "aaaa", 0},
	{`(?<n>a)\k<n>\k'n'\k{n}(?P=n)\g{n}`, "", "aaaaaa", 0},
	{`(?P<n>x)(?'m'y)`, "", "axy", 1},
	{`a++a`, "", "aaa", -1},
	{`a*+b`, "", "aab", 0},
	{`a{1,2}+a`, "", "aaa", 0},
	{`(?>a+)a`, "", "aaa", -1},
	{`a(?=b)`, "", "acab", 2},
	{`a(?!b)`, "", "abac", 2},
	{`(?<=a)b`, "", "bab", 2},
	{`(?<!a)b`, "", "abcb", 3},
	{`(a)?(?(1)b|c)`, "", "xc", 1},
	{`(?<n>a)?(?(<n>)b|c)d`, "", "acd abd", 1},
	{`(?i)AB(?-i)C`, "", "abC", 0},
	{`(?i:A)B`, "", "aB", 0},
	{`x(?#comment)y`, "", "xy", 0},
	{`a{,3}`, "", "a{,3}", 0},
	{`a{2`, "", "a{2", 0},
	{`a.*?b`, "ungreedy", "aabb", 0},
	{`(a+)(a*)b\2`, "ungreedy", "aabaa", 0},
	{`a\Rb`, "", "a\r\nb", 0},
	{`\R\n`, "", "\r\n", -1},
	{`\Nx`, "", "\nxyx", 2},
	{`b`, "firstline", "aa\nb", -1},
	{`\nb`, "firstline", "aa\nb", 2},
	{`.`, "", "\xc3\xa9", 0},
	{`\xe9$`, "", "caf\xe9", 3},
	{"\xe9+", "", "caf\xe9", 3},
	{"caf.$", "utf", "caf\xc3\xa9", 0},
	{`\x{e9}`, "utf", "x\xc3\xa9", 1},
	{"\xc3\xa9z", "utf", "x\xc3\xa9z", 1},
	{`\bfoo\b`, "", "xfoo foo", 5},
	{`\Bo`, "", "oo", 1},
	{`[\b]`, "", "a\x08", 1},
	{`(a|ab)(c|bcd)(d*)$`, "", "abcd", 0},
	{`(?:a|b)+?c`, "", "xabc", 1},
	{`\/\-\_`, "", "x/-_", 1},
	{"status: *\"?(up|ready)", "", `{"status":"ready"}`, -1},
	{`"status"\s*:\s*"(up|ready)"`, "caseless", `{"status" : "UP"}`, 1},
	{"(", "", "", -2}, {")", "", "", -2}, {"[a", "", "", -2}, {"a**", "", "", -2}, {`\`, "", "", -2}, {"(?z)", "", "", -2},
	{"(?<n", "", "", -2}, {`(?<=a+)b`, "", "", -2}, {"*a", "", "", -2},
}

func TestAsPCRE(t *testing.T) {
	for _, tt := range agreed {
		e, err := Compile(Spec{Pattern: tt.pattern, Options: tt.options, Max: -1})
		if tt.at == -2 {
			if err == nil && tt.pattern != `(?<=a+)b` { // the engine can do more than PCRE2 10.42
				t.Errorf("%q: it compiles", tt.pattern)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q %s: %v", tt.pattern, tt.options, err)
			continue
		}
		if at, err := e.find([]byte(tt.text)); !tt.firstLine() && (at != tt.at || err != nil) {
			t.Errorf("%q %s in %q: at %d, %v; want %d", tt.pattern, tt.options, tt.text, at, err, tt.at)
		}
		if ok, err := e.Match([]byte(tt.text)); ok != (tt.at >= 0) || err != nil {
			t.Errorf("%q %s in %q: %v, %v; want %d", tt.pattern, tt.options, tt.text, ok, err, tt.at)
		}
	}
}

func (f found) firstLine() bool { return f.options == "firstline" }

// TestRefused: what means something else to the engines, or nothing, is refused by name and never passed over.
func TestRefused(t *testing.T) {
	for _, tt := range []struct{ pattern, options, says string }{
		{`(?R)`, "", "recursion"}, {`(a)(?1)`, "", "recursion"}, {`(?&n)`, "", "recursion"}, {`(?P>n)`, "", "recursion"},
		{`\g<n>`, "", "recursion"}, {`(?-1)`, "", "recursion"}, {`(?|a|b)`, "", "(?|"}, {`a\Kb`, "", `\K`}, {`\X`, "", `\X`},
		{`\C`, "", `\C`}, {`(*UTF8)a`, "", "verb"}, {`a(*SKIP)b`, "", "verb"}, {`(?C1)`, "", "callouts"},
		{`(?(DEFINE)a)`, "", "condition"}, {`(?J)a`, "", "(?J"}, {`(?U)a`, "", "(?U"}, {`[[.a.]]`, "", "collating"},
		{`[[:^alpha:]]`, "", "[:^alpha:]"}, {`[[:nonsense:]]`, "", "[:nonsense:]"}, {`a[]b`, "allow_empty_class", "allow_empty_class"},
		{`\u0041`, "alt_bsux", "alt_bsux"}, {`(a)?\1`, "match_unset_backref", "match_unset_backref"}, {`\x{100}`, "", "character"},
		{`(?<a b>x`, "", ""}, {`\g{`, "", ""}, {`\k`, "", ""}, {`\c`, "", `\c`}, {`\p`, "", "property"}, {`(?#`, "", "comment"},
	} {
		if _, err := Compile(Spec{Pattern: tt.pattern, Options: tt.options, Max: -1}); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q %s: %v, want %q", tt.pattern, tt.options, err, tt.says)
		}
	}
}

func TestOffsets(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		min, max      int
		want          bool
	}{
		{"a", "xxa", 0, -1, true}, {"a", "xxa", 0, 2, true}, {"a", "xxa", 0, 1, false}, {"a", "xxa", 2, -1, true},
		{"a", "axa", 1, 1, false}, {"a", "axa", 1, 2, true}, {"a", "xxa", 3, -1, false}, {"a", "xxa", 9, -1, false},
		{"^a", "aa", 1, -1, false}, {"(?<=x)a", "xa", 1, -1, true}, {"a", "\xff\xffa", 0, 1, false}, {"a", "\xff\xffa", 0, 2, true},
		{"", "", 0, 0, true},
	} {
		e, err := Compile(Spec{Pattern: tt.pattern, Min: tt.min, Max: tt.max})
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := e.Match([]byte(tt.text)); ok != tt.want || err != nil {
			t.Errorf("%q from %d to %d in %q: %v, %v", tt.pattern, tt.min, tt.max, tt.text, ok, err)
		}
	}
	e, err := Compile(Spec{Pattern: "a", Options: "utf", Min: 2, Max: 2})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := e.Match([]byte("\u00e9a")); !ok || err != nil {
		t.Errorf("an offset counts bytes: %v, %v", ok, err)
	}
	if _, err := e.Match([]byte("\xff\xffa")); !errors.Is(err, errUnicode) {
		t.Errorf("no UTF-8: %v", err)
	}
}

// TestTimeIsBounded: an expression that takes ages with PCRE2 too is given up, and one that need not is linear.
func TestTimeIsBounded(t *testing.T) {
	text := []byte(strings.Repeat("a", 1<<16))
	e, err := Compile(Spec{Pattern: `(?=x|a)(a+)+$b`, Max: -1})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := e.Match(text); ok || !errors.Is(err, ErrTime) {
		t.Errorf("%v, %v", ok, err)
	}
	if e, err = Compile(Spec{Pattern: `(a+)+b`, Max: -1}); err != nil || e.linear == nil {
		t.Fatalf("%v; it needs no backtracking", err)
	}
	if ok, err := e.Match(text); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	small, err := Compile(Spec{Pattern: `(?=a)(a|aa)*$b`, Max: -1, Stack: 1024})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := small.Match(text); err == nil {
		t.Error("the bound of the stack is not kept")
	}
}

func FuzzCompile(f *testing.F) {
	for _, tt := range agreed {
		f.Add(tt.pattern, tt.options, tt.text)
	}
	f.Fuzz(func(t *testing.T, pattern, options, text string) {
		if len(pattern) > 200 || len(text) > 200 {
			return
		}
		var e *Expression
		var err error
		fuzzing.Within(t, time.Second, func() { e, err = Compile(Spec{Pattern: pattern, Options: options, Max: -1}) })
		if err != nil {
			return
		}
		var ok bool
		fuzzing.Within(t, time.Second, func() { ok, err = e.Match([]byte(text)) })
		if err != nil && ok {
			t.Errorf("%q in %q: found, with %v", pattern, text, err)
		}
	})
}
