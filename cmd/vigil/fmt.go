package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"vigil/confparse"
	"vigil/confparse/diag"
	"vigil/confparse/syntax"
)

// fmtOptions say what becomes of a file that is laid out.
type fmtOptions struct {
	write, list, diff, check bool
}

// fmtCommand lays files out. What is wrong with one does not keep it from the others.
func fmtCommand(args []string, s streams) (int, error) {
	f := newFlags("fmt", "FILE...", s)
	var r reading
	var o fmtOptions
	f.BoolVarP(&o.write, "write", "w", false, "write the result back to FILE")
	f.BoolVarP(&o.list, "list", "l", false, "only name the files that would change, or with -w do")
	f.BoolVarP(&o.diff, "diff", "d", false, "only show what would change, or with -w does")
	f.BoolVar(&o.check, "check", false, "print nothing; like --list and --diff, exit with 1 when a file would change")
	r.flags(f)
	if err := parse(f, args, 1, len(args)+1); err != nil {
		return exitOK, err
	}
	if o.write && slices.Contains(f.Args(), "-") {
		return exitOK, errUsage{"--write needs a file, and - is standard input"}
	}
	if o.write && o.check {
		return exitOK, errUsage{"--write and --check exclude each other"}
	}
	code := exitOK
	for _, name := range f.Args() {
		c, err := formatFile(name, o, r.env(), s)
		if err != nil {
			c = exitErrors
			fmt.Fprintf(s.err, "vigil fmt: %s: %v\n", name, err)
		}
		code = max(code, c)
	}
	return code, nil
}

// formatFile lays one file out and does with the result what o says. It returns the exit status.
func formatFile(arg string, o fmtOptions, env confparse.Env, s streams) (int, error) {
	fsys, name, err := open(arg, s)
	if err != nil {
		return exitErrors, err
	}
	text, err := readFile(fsys, name)
	if err != nil {
		return exitErrors, bareError(err)
	}
	after, problems, err := format(fsys, name, text, env)
	if err != nil {
		return exitErrors, errors.Join(problems.Render(s.err), err)
	}
	var out string
	switch {
	case o.diff:
		out = unified(name, text, after)
	case o.list && after != text:
		out = name + "\n"
	case !o.list && !o.write && !o.check:
		out = after
	}
	if _, err := io.WriteString(s.out, out); err != nil {
		return exitErrors, err
	}
	switch {
	case after == text:
		return exitOK, nil
	case o.write:
		return exitOK, replaceFile(name, text, after)
	case o.list, o.diff, o.check:
		return exitWarnings, nil
	}
	return exitOK, nil
}

// bareError drops operation and path, which the message names itself.
func bareError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// format returns text in the canonical layout. It refuses a file whose structure is damaged, and one that would not
// mean the same, or would lose a word or a comment: both forms are read and compared, for every configuration id that
// the file tells apart.
func format(fsys fs.FS, name, text string, env confparse.Env) (string, confparse.Diagnostics, error) {
	after := syntax.Layout(text)
	for _, id := range ids(text, env.ConfigID) {
		env.ConfigID = id
		before, problems := meaning(confparse.Overlay(fsys, name, text), name, env)
		if damage := structural(problems); len(damage) > 0 {
			return "", damage, errors.New("the structure of the file is damaged")
		}
		if now, _ := meaning(confparse.Overlay(fsys, name, after), name, env); now != before {
			return "", nil, fmt.Errorf("the file cannot be laid out without changing what it means (as %q)", id)
		}
	}
	if !slices.Equal(syntax.Comments(text), syntax.Comments(after)) || !slices.Equal(syntax.Words(text), syntax.Words(after)) {
		return "", nil, errors.New("the file cannot be laid out without touching a word or a comment")
	}
	return after, nil, nil
}

// structural returns the errors of lines and braces.
func structural(ds confparse.Diagnostics) (list confparse.Diagnostics) {
	for _, d := range ds {
		if d.Severity >= confparse.Error && (d.Code >= diag.CodeIncludeCycle && d.Code < diag.CodeUnknownKeyword ||
			d.Code == diag.CodeConfigUnreadable) {
			list = append(list, d)
		}
	}
	return list
}

// ids returns the configuration ids that give different readings: those that the text names, and another.
func ids(text, own string) []string {
	list := []string{own, "another-id"}
	for _, id := range syntax.ConditionIDs(text) {
		if !slices.Contains(list, id) {
			list = append(list, id)
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
	said := make([]string, len(ds))
	for i, d := range ds {
		said[i] = fmt.Sprintln(d.Code, d.Severity, d.Summary)
	}
	slices.Sort(said) // two problems of one line may end up on two, and the other way round
	b.WriteString(strings.Join(said, ""))
	cfg.WriteTo(&b) // a strings.Builder takes everything
	return b.String(), ds
}
