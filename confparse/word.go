package confparse

import (
	"fmt"
	"strings"

	"vigil/confparse/diag"
	"vigil/confparse/syntax"
)

// The shapes of a keyword with one word.
var (
	oneWord      = value{kind: word}
	optionalWord = value{kind: word, optional: true}
)

// first keeps the first of several values of a setting.
func (d *decoder) first(n *Node, to *string, s string) {
	if *to != "" {
		d.about(n, diag.CodeRepeated, n.Keyword.Text+" is already specified - ignoring '"+s+"'", "")
		return
	}
	*to = s
}

// once returns the new value of a setting and reports that an old one is replaced. keepalived says so in SSL only.
func (d *decoder) once(n *Node, old, s string) string {
	if old != "" {
		code := diag.CodeOverridden
		if n.Row.In.Has(inSSL) {
			code = diag.CodeReplaced
		}
		d.about(n, code, fmt.Sprintf("%s is already specified, replacing '%s'", n.Keyword.Text, old), "")
	}
	return s
}

// onePath decodes a keyword that takes exactly one path.
func (d *decoder) onePath(n *Node, to *string) {
	if len(n.Args) != 1 || n.Arg(0) == "" {
		d.about(n, diag.CodeArgumentExpected, n.Keyword.Text+" takes exactly one path - ignoring", "")
		return
	}
	*to = d.intern(n.Arg(0))
}

// shortName cuts a name to the length its user has room for.
func (d *decoder) shortName(n *Node, s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	d.report(n, n.RangeOf(n.Args[0]), diag.CodeNameTruncated, fmt.Sprintf("%s '%s' too long - truncating to %d characters",
		n.Keyword.Text, s, limit), "")
	return s[:limit]
}

// listWords returns the words of one line of a plain list.
func (d *decoder) listWords(item *Node) []string {
	words := []string{d.intern(item.Keyword.Text)}
	for _, a := range item.Args {
		words = append(words, d.intern(a.Text))
	}
	return words
}

// nearest returns a "did you mean" for a word, or the list of words when none is near.
func nearest(s string, words []string) string {
	best, dist := "", 1+len(s)/3
	for _, w := range words {
		if n := syntax.EditDistance(s, w, dist); n <= dist {
			best, dist = w, n-1
		}
	}
	if best != "" {
		return "did you mean '" + best + "'?"
	}
	return "one of " + strings.Join(words, " ")
}
