package lint

import (
	"fmt"
	"slices"

	"vigil/confparse"
)

// statements calls f with every statement of the file. What a loop repeats comes once for each round.
func (c *checker) statements(f func(n *confparse.Node)) {
	if c.f.Tree == nil {
		return
	}
	var walk func(nodes []*confparse.Node)
	walk = func(nodes []*confparse.Node) {
		for _, n := range nodes {
			f(n)
			walk(n.Body)
		}
	}
	walk(c.f.Tree.Root)
}

// negations are what people write to turn a flag off.
var negations = []string{"false", "off", "no", "0", "False", "FALSE", "Off", "OFF", "No", "NO"}

// flags reports keywords that take no value, with a word behind them that is to turn them off: they are on.
func (c *checker) flags() {
	seen := map[confparse.Range]bool{}
	c.statements(func(n *confparse.Node) {
		if n.Row == nil || !n.Row.Bare || len(n.Args) == 0 || !slices.Contains(negations, n.Args[0].Text) || seen[n.Range()] {
			return
		}
		seen[n.Range()] = true
		without := "turn it off"
		if n.Keyword.Text == "nopreempt" {
			without = "allow preemption"
		}
		c.report(FlagTurnedOff, n.RangeOf(n.Args[0]), fmt.Sprintf("%s takes no value: it is on; remove the line to %s", n.Keyword.Text,
			without), "")
	})
}

// textual are the keywords whose value may well have a # or ! in it.
var textual = []string{"auth_pass", "key", "password", "path", "virtualhost", "misc_path", "script", "digest"}

// cutWords reports values that a comment cuts: the comment begins right behind the last word, without a blank. What is
// left is a valid word, so that only the raw text shows it.
func (c *checker) cutWords() {
	seen := map[confparse.Range]bool{}
	c.statements(func(n *confparse.Node) {
		if len(n.Args) == 0 || !slices.Contains(textual, n.Keyword.Text) {
			return
		}
		last := n.Args[len(n.Args)-1]
		at := n.RangeOf(last)
		end, text := int(at.End.Offset), c.f.Text[at.File]
		if last.Quoted || end >= len(text) || text[end] != '!' && text[end] != '#' || seen[at] {
			return
		}
		seen[at] = true
		c.report(WordCutByComment, at, fmt.Sprintf("the '%c' behind '%s' begins a comment: %s is only '%s'", text[end], last.Text,
			n.Keyword.Text, last.Text), "put the value in double quotes, or a blank before the comment")
	})
}
