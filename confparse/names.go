package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// named checks the one name a block must have, and that it is new. It returns false when the block is to be skipped.
func (d *decoder) named(n *Node, first *Node) bool {
	switch {
	case len(n.Args) == 0:
		d.about(n, diag.CodeMissingName, fmt.Sprintf("%s has no name - skipping", n.Keyword.Text), "")
		return false
	case len(n.Args) > 1:
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeExtraName,
			fmt.Sprintf("%s name '%s' is followed by further words - skipping", n.Keyword.Text, n.Arg(0)),
			"a name with blanks must be quoted")
		return false
	case first != nil:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeDuplicateName,
			fmt.Sprintf("%s %s already defined - skipping", n.Keyword.Text, n.Arg(0)), "",
			Place{Range: first.RangeOf(first.Args[0]), Note: "first defined here"})
		return false
	}
	return true
}

// missingItem reports a word of an item whose value is missing.
func (d *decoder) missingItem(n *Node, w Token) {
	d.report(n, n.RangeOf(w), diag.CodeMissingArgument, fmt.Sprintf("*** Configuration line starting `%s` is missing a "+
		"parameter after keyword `%s`", n.Keyword.Text, w.Text), "")
}

// oneOf runs the action of a word, or reports it.
func (d *decoder) oneOf(n *Node, s string, actions map[string]func(), hint string) {
	if f := actions[s]; f != nil {
		f()
		return
	}
	d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, fmt.Sprintf("Unknown %s '%s'", n.Keyword.Text, s), hint)
}

// needName reports a block without the name it must have.
func (d *decoder) needName(n *Node) bool {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return false
	}
	if len(n.Args) > 1 {
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeSecondName, fmt.Sprintf("%s is named '%s'; what follows is not used",
			n.Keyword.Text, n.Arg(0)), "a name with blanks must be quoted")
	}
	return true
}

// blockAccount decodes a "user USER [GROUP]" line of a block.
func (d *decoder) blockAccount(n *Node, to *Account, tolerated bool) {
	if len(n.Args) == 0 {
		d.missing(n, tolerated)
		return
	}
	words := make([]string, 0, len(n.Args))
	for _, a := range n.Args {
		words = append(words, a.Text)
	}
	*to = d.account(words)
}
