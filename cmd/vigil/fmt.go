package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"vigil/confparse"
)

// fmtCommand prints a file in the canonical layout.
func fmtCommand(args []string, s streams) (int, error) {
	f := newFlags("fmt", "FILE", s)
	var r reading
	r.flags(f)
	check := f.Bool("check", false, "print nothing; exit with 1 when the layout would change the file")
	if err := parse(f, args, 1, 1); err != nil {
		return exitOK, err
	}
	fsys, name, err := open(f.Arg(0), s)
	if err != nil {
		return exitErrors, err
	}
	text, err := readFile(fsys, name)
	if err != nil {
		return exitErrors, err
	}
	after, problems, err := format(fsys, name, text, r.env())
	if err != nil {
		return exitErrors, errors.Join(problems.Render(s.err), err)
	}
	if *check {
		if after != text {
			return exitWarnings, nil
		}
		return exitOK, nil
	}
	if _, err := io.WriteString(s.out, after); err != nil {
		return exitErrors, err
	}
	return exitOK, nil
}

// format returns text in the canonical layout. It refuses a file whose structure is damaged, and one that would not
// mean the same, or would lose a comment: both forms are read and compared, for every configuration id that the file
// tells apart.
func format(fsys fs.FS, name, text string, env confparse.Env) (string, confparse.Diagnostics, error) {
	after := layout(text)
	if !slices.Equal(comments(text), comments(after)) {
		return "", nil, errors.New("the file cannot be laid out without touching a comment; nothing is printed")
	}
	for _, id := range ids(text, env.ConfigID) {
		env.ConfigID = id
		before, problems := meaning(confparse.Overlay(fsys, name, text), name, env)
		if damage := structural(problems); len(damage) > 0 {
			return "", damage, errors.New("the structure of the file is damaged; nothing is printed")
		}
		if now, _ := meaning(confparse.Overlay(fsys, name, after), name, env); now != before {
			return "", nil, fmt.Errorf("the file cannot be laid out without changing what it means (as %q); nothing is printed", id)
		}
	}
	return after, nil, nil
}

// structural returns the errors of lines and braces.
func structural(ds confparse.Diagnostics) (list confparse.Diagnostics) {
	for _, d := range ds {
		if d.Severity >= confparse.Error && (d.Code >= confparse.CodeIncludeCycle && d.Code < confparse.CodeUnknownKeyword ||
			d.Code == confparse.CodeConfigUnreadable) {
			list = append(list, d)
		}
	}
	return list
}

// ids returns the configuration ids that give different readings: those that the text names, and another.
func ids(text, own string) []string {
	list := []string{own, "another-id"}
	for _, line := range strings.Split(text, "\n") {
		if word, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), "@"); ok {
			if f := strings.Fields(strings.TrimPrefix(word, "^")); len(f) > 0 && !slices.Contains(list, f[0]) {
				list = append(list, f[0])
			}
		}
	}
	return list
}

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
	for _, d := range ds {
		fmt.Fprintln(&b, d.Code, d.Severity, d.Summary)
	}
	cfg.WriteTo(&b) // a strings.Builder takes everything
	return b.String(), ds
}

// comments returns the comments of a text in order.
func comments(text string) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		if _, c := splitComment(strings.TrimSpace(line)); c != "" {
			list = append(list, c)
		}
	}
	return list
}
