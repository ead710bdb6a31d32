package diag

import (
	"encoding/json"
	"fmt"
	"io"
)

// Report is what a program found in the files that it was given.
type Report struct {
	Tool     string            // the program's name
	Page     string            // the page that explains the codes
	Title    func(Code) string // what a code stands for, in a few words
	Files    []string          // as the program was given them
	Findings Diagnostics
}

// count returns how many findings there are of each severity; fatal ones are errors.
func (r *Report) count() (errors, warnings, notes int) {
	for _, d := range r.Findings {
		switch {
		case d.Severity >= Error:
			errors++
		case d.Severity == Warning:
			warnings++
		default:
			notes++
		}
	}
	return errors, warnings, notes
}

// Text writes the report for people: the diagnostics as Render has them, and how many there are. A report without
// findings is empty.
func (r *Report) Text(w io.Writer) error {
	if len(r.Findings) == 0 {
		return nil
	}
	if err := r.Findings.Render(w); err != nil {
		return err
	}
	e, n, i := r.count()
	_, err := fmt.Fprintf(w, "%s, %s, %s; %s explains the codes\n", plural(e, "error"), plural(n, "warning"), plural(i, "note"), r.Page)
	return err
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
