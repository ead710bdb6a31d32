package main

import (
	"bufio"
	"fmt"
	"io"
	"text/tabwriter"

	"vigil/confparse"
)

// keywordsCommand lists the language and how far the program has come with it.
func keywordsCommand(args []string, s streams) (int, error) {
	f := newFlags("keywords", "", s)
	pending := f.Bool("pending", false, "only what the program does not act on yet")
	format := f.StringP("format", "f", "text", "text, or tsv for programs")
	if err := parse(f, args, 0, 0); err != nil {
		return exitOK, err
	}
	var list []confparse.Coverage
	acted, needless := 0, 0
	all := confparse.Keywords()
	for _, k := range all {
		if k.ActedOn {
			acted++
		}
		if k.Needless {
			needless++
		}
		if !*pending || !k.ActedOn && !k.Needless {
			list = append(list, k)
		}
	}
	switch *format {
	case "tsv":
		return exitOK, writeKeywords(s.out, list)
	case "text":
	default:
		return exitOK, errUsage{fmt.Sprintf("--format is text or tsv, not %q", *format)}
	}
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	if err := writeKeywords(w, list); err != nil {
		return exitErrors, err
	}
	if err := w.Flush(); err != nil {
		return exitErrors, err
	}
	_, err := fmt.Fprintf(s.out, "\n%d of %d keywords and words are acted on; to %d nothing in this program corresponds\n", acted, len(all), needless)
	return exitOK, err
}

// writeKeywords writes a head and one line for each keyword, with tabs between the columns.
func writeKeywords(w io.Writer, list []confparse.Coverage) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "BLOCK\tKEYWORD\tPARSED\tTYPED\tACTED ON\tSINCE\tDEFAULT")
	for _, k := range list {
		def := k.Default
		if k.AliasOf != "" {
			def = "as " + k.AliasOf
		}
		fmt.Fprintf(b, "%s\t%s\tyes\t%s\t%s\t%s\t%s\n", k.Path, k.Keyword, yesNo(k.Typed), actedOn(k), k.Since, def)
	}
	return b.Flush()
}

func actedOn(k confparse.Coverage) string {
	if k.Needless {
		return "needless"
	}
	return yesNo(k.ActedOn)
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}
