// Package confparsetest reads the rows of the language: for every keyword and word of a list, statements with what each
// changes in an otherwise sound configuration. The rows are files of confparse/testdata/rows, one for each block, written
// by hand from the rules of the language. They are what confparse is tested with, and what shows whether a keyword does
// anything to the program.
//
// A file is
//
//	path: vrrp_instance             the block, as confparse.Keywords names it; @item:… for a list
//	prefix: Instances[0].           of the fields of Config that belong to the block
//	codes: KA2034                   what is wrong with the text around the statement
//	plain: 192.0.2.5                a sound item, which a try takes the place of
//	-- before --
//	the text in front of the statement
//	-- after --
//	the text behind it
//	-- rows --
//	priority (strict)
//		1	Priority=1
//		256		KA2010
//
// where a row is a keyword with its shape and, behind a tab each, the words of a statement, what it changes ("Field=value;
// Field=value") and the codes of its diagnostics. \n, \t, \\ and \e stand for a line end, a tab, a
// backslash and nothing.
package confparsetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Block is a block of the language, or a list, with a text around a place for one statement of it.
type Block struct {
	Path          string
	Prefix        string
	Codes         string
	Plain         string
	Before, After string
	Rows          []Row
}

// Row is a keyword, or a word of the items of a list.
type Row struct {
	Word  string
	Shape string // flag, bool, lenient, strict or custom; "" for the word of an item
	Tries []Try
}

// Try is a statement. Args is what stands behind the keyword, or the whole item.
type Try struct {
	Args  string
	Want  string // "" means no change
	Codes string
}

// IsList reports whether the statements of b are the items of a list.
func (b Block) IsList() bool { return len(b.Rows) > 0 && b.Rows[0].Shape == "" }

// With returns the configuration with a statement in its place.
func (b Block) With(statement string) string { return b.Before + statement + "\n" + b.After }

// Statement returns the statement of a try.
func (b Block) Statement(r Row, x Try) string {
	if b.IsList() {
		return x.Args
	}
	return r.Word + " " + x.Args
}

// Read returns the blocks of the files in dir, in the order of the files' names.
func Read(t testing.TB, dir string) []Block {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.rows"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no rows in %s: %v", dir, err)
	}
	var blocks []Block
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, parse(t, name, string(text)))
	}
	return blocks
}

var unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\e`, "")

// parse reads one file.
func parse(t testing.TB, name, text string) (b Block) {
	t.Helper()
	head, rest, ok1 := strings.Cut(text, "-- before --\n")
	before, rest, ok2 := strings.Cut(rest, "-- after --\n")
	after, rows, ok3 := strings.Cut(rest, "-- rows --\n")
	if !ok1 || !ok2 || !ok3 {
		t.Fatalf("%s lacks a section", name)
	}
	b.Before, b.After = before, after
	for _, line := range strings.Split(strings.TrimSpace(head), "\n") {
		key, value, _ := strings.Cut(line, ": ")
		field := map[string]*string{"path": &b.Path, "prefix": &b.Prefix, "codes": &b.Codes, "plain": &b.Plain}[key]
		if field == nil {
			t.Fatalf("%s: what is %q?", name, line)
		}
		*field = value
	}
	for _, line := range strings.Split(strings.TrimSuffix(rows, "\n"), "\n") {
		if !strings.HasPrefix(line, "\t") {
			r := Row{Word: line}
			if at := strings.LastIndex(line, " ("); at > 0 && !strings.HasPrefix(b.Path, "@") && strings.HasSuffix(line, ")") {
				r = Row{Word: line[:at], Shape: line[at+2 : len(line)-1]}
			}
			b.Rows = append(b.Rows, r)
			continue
		}
		parts := append(strings.Split(line[1:], "\t"), "", "")
		if len(b.Rows) == 0 || len(parts) > 5 {
			t.Fatalf("%s: %q is no try of a row", name, line)
		}
		r := &b.Rows[len(b.Rows)-1]
		r.Tries = append(r.Tries, Try{unescape.Replace(parts[0]), parts[1], parts[2]})
	}
	return b
}
