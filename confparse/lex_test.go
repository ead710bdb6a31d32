package confparse

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// lexCase is a text and the statements it is cut into. The name says which rule it shows.
type lexCase struct {
	rule  string
	text  string
	want  string // see shown
	codes string // "LINE:CODE" of every diagnostic of reading
}

// shown prints statements as "keyword word word; block word { statement; statement }". A word that would not read back
// is quoted as in Go.
func shown(nodes []*Node) string {
	var list []string
	for _, n := range nodes {
		words := []string{shownWord(n.Keyword)}
		for _, a := range n.Args {
			words = append(words, shownWord(a))
		}
		s := strings.Join(words, " ")
		if n.Row != nil && n.Row.Opens() {
			s += " { " + shown(n.Body) + " }"
		}
		list = append(list, s)
	}
	return strings.Join(list, "; ")
}

func shownWord(t Token) string {
	if t.Text == "" || strings.ContainsAny(t.Text, " \t\"{};\\") {
		return fmt.Sprintf("%q", t.Text)
	}
	return t.Text
}

// lexed reads the statements of a text without giving them meaning.
func lexed(text string, env Env, more ...string) (string, string) {
	fsys := fstest.MapFS{"test.conf": {Data: []byte(text), Mode: 0o644}}
	for i := 0; i+1 < len(more); i += 2 {
		fsys[more[i]] = &fstest.MapFile{Data: []byte(more[i+1]), Mode: 0o644}
	}
	if env.Hostname == "" {
		env.Hostname = "lb1.example.net"
	}
	tree, ds := Parse(fsys, "test.conf", env)
	return shown(tree.Root), strings.Join(codesOf(ds), " ")
}

func checkLexed(t *testing.T, cases []lexCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.rule, " ", "_"), func(t *testing.T) {
			want, codes := lexed(c.text, Env{})
			if want != c.want || codes != c.codes {
				t.Errorf("%q\n got %s, %q\nwant %s, %q", c.text, want, codes, c.want, c.codes)
			}
		})
	}
}

// globals wraps statements into global_defs, on lines of their own.
func globals(statements string) string { return "global_defs {\n" + statements + "\n}\n" }
