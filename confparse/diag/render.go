package diag

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Render writes the diagnostics for people: place, severity, text and code, the line with the words marked, what to do
// about it, and what else it concerns.
//
//	keepalived.conf:17:22: error: number '300' outside range [1, 255] [KA2010]
//	   17 |     virtual_router_id 300
//	      |                       ^^^
//	      = virtual_router_id takes a whole number from 1 to 255
//	      = included from here: site.conf:3
func (ds Diagnostics) Render(w io.Writer) error {
	var b strings.Builder
	for _, d := range ds {
		d.render(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (d Diagnostic) render(b *strings.Builder) {
	b.WriteString(d.Error())
	b.WriteByte('\n')
	margin := "      "
	if d.Line != "" {
		num := strconv.Itoa(int(d.Subject.Start.Line))
		shown, from, to := markable(d.Line, int(d.Subject.Start.Col)-1, int(d.Subject.End.Col)-1)
		fmt.Fprintf(b, "%5s | %s\n", num, shown)
		fmt.Fprintf(b, "%s| %s%s\n", margin, strings.Repeat(" ", from), strings.Repeat("^", max(to-from, 1)))
	}
	if d.Detail != "" {
		fmt.Fprintf(b, "%s= %s\n", margin, d.Detail)
	}
	if n := len(d.Echoes); n > 0 {
		fmt.Fprintf(b, "%s= keepalived misreads %d places behind it, the last at line %d\n", margin, n,
			d.Echoes[n-1].Range.Start.Line)
	}
	for _, p := range d.Related {
		if at := p.Range.String(); at != "" {
			fmt.Fprintf(b, "%s= %s: %s\n", margin, p.Note, at)
		} else {
			fmt.Fprintf(b, "%s= %s\n", margin, p.Note)
		}
	}
}

// maxShownLine is how much of a long line is printed.
const maxShownLine = 160

// markable makes a line printable, one column for each byte, and returns where the marked bytes are in it.
func markable(line string, from, to int) (string, int, int) {
	from = min(max(from, 0), len(line))
	to = min(max(to, from), len(line))
	start := 0
	if to > maxShownLine {
		start = max(from-20, 0)
	}
	end := min(len(line), start+maxShownLine)
	shown := []byte(line[start:end])
	for i, c := range shown {
		if c == '\t' || c < ' ' || c == 0x7f {
			shown[i] = ' '
		}
	}
	return strings.TrimRight(string(shown), " "), from - start, min(to, end) - start
}

// ConfigTest writes the diagnostics that keepalived has too in the form of its --config-test, one line each:
// "(FILE: Line N) message".
func (ds Diagnostics) ConfigTest(w io.Writer) error {
	var b strings.Builder
	for _, d := range ds {
		if d.Code.info().class == classNone && d.Severity < Error {
			continue
		}
		line := d.Subject.Start.Line
		if d.EndLine > 0 {
			line = d.EndLine
		}
		configTestLine(&b, d.Subject.File, line, d.Summary)
		for _, e := range d.Echoes {
			configTestLine(&b, e.Range.File, e.Range.Start.Line, e.Note)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func configTestLine(b *strings.Builder, file string, line int32, message string) {
	if file != "" {
		fmt.Fprintf(b, "(%s: Line %d) ", file, line)
	}
	b.WriteString(message)
	b.WriteByte('\n')
}
