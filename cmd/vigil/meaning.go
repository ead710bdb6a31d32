package main

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"vigil/confparse"
)

// meaning returns what a file says, places aside: its statements word by word, its problems, and its configuration.
func meaning(fsys fs.FS, name string, env confparse.Env) (string, confparse.Diagnostics) {
	var b strings.Builder
	tree, _ := confparse.Parse(fsys, name, env)
	var walk func(nodes []*confparse.Node)
	walk = func(nodes []*confparse.Node) {
		for _, n := range nodes {
			fmt.Fprintf(&b, "%q %t", n.Keyword.Text, n.Keyword.Quoted)
			for _, a := range n.Args {
				fmt.Fprintf(&b, " %q %t", a.Text, a.Quoted)
			}
			b.WriteString(" (")
			walk(n.Body)
			b.WriteString(")\n")
		}
	}
	walk(tree.Root)
	cfg, ds := confparse.Load(fsys, name, env)
	said := make([]string, len(ds))
	for i, d := range ds {
		said[i] = fmt.Sprintln(d.Code, d.Severity, d.Summary)
	}
	slices.Sort(said) // two problems of one line may end up on two, and the other way round
	b.WriteString(strings.Join(said, ""))
	cfg.WriteTo(&b) // a strings.Builder takes everything
	return b.String(), ds
}

// comments returns the comments of a text in order.
func comments(text string) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		if _, c := splitComment(strings.Trim(line, blanks)); c != "" {
			list = append(list, c)
		}
	}
	return list
}

// words returns the words and braces of a text in order, those of blocks that nobody reads among them.
func words(text string) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		code, _ := splitComment(strings.Trim(line, blanks))
		from, quoted := 0, false
		end := func(to int) {
			if from < to {
				list = append(list, code[from:to])
			}
			from = to
		}
		for i := range len(code) {
			switch c := code[i]; {
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '{' || c == '}':
				end(i)
				end(i + 1)
			case strings.IndexByte(blanks, c) >= 0:
				end(i)
				from = i + 1
			}
		}
		end(len(code))
	}
	return list
}
