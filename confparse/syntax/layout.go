package syntax

import (
	"slices"
	"strings"
)

// blanks separate words.
const blanks = " \t\f\v\r"

// laid is a line of the layout.
type laid struct {
	depth         int
	code, comment string
	verbatim      bool // code is the whole line, as it was
	joins         bool // a { on the next line belongs to it
}

func (l laid) blank() bool  { return l.code == "" && l.comment == "" && !l.verbatim }
func (l laid) opens() bool  { return !l.verbatim && strings.HasSuffix(l.code, "{") }
func (l laid) closes() bool { return !l.verbatim && strings.HasPrefix(l.code, "}") }

// Layout returns text with one statement on a line, indented by blocks. Lines with parameters, loops or conditions keep
// their words as they are: what they mean depends on where they end.
func Layout(text string) string {
	var out []laid
	var l lexer
	depth, continued := 0, false
	emit := func(line laid) {
		if line.blank() && (len(out) == 0 || out[len(out)-1].blank() || out[len(out)-1].opens()) {
			return
		}
		for line.closes() && len(out) > 0 && out[len(out)-1].blank() {
			out = out[:len(out)-1]
		}
		out = append(out, line)
	}
	for _, raw := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		raw = strings.TrimSuffix(raw, "\r")
		line := strings.Trim(raw, blanks)
		code, comment := splitComment(line)
		more := strings.HasSuffix(line, `\`) || strings.HasSuffix(code, `\`)
		switch {
		case continued, more && code != "" && strings.IndexByte("@~$", code[0]) >= 0:
			continued = more
			emit(laid{code: raw, verbatim: true})
		case code == "":
			emit(laid{depth: depth, comment: comment})
		case l.kept(code):
			opens, closes, leading := l.braces(code)
			emit(laid{depth: max(depth-leading, 0), code: code, comment: comment})
			depth = max(depth+opens-closes, 0)
		default:
			for _, piece := range l.cut(code) {
				last := len(out) - 1
				switch {
				case piece == "{" && last >= 0 && out[last].joins && (comment == "" || out[last].comment == ""):
					out[last].code += " {"
					out[last].joins = false
					out[last].comment += comment
					comment = ""
					depth++
					continue
				case piece == "}":
					depth = max(depth-1, 0)
				}
				emit(laid{depth: depth, code: piece, comment: comment, joins: piece != "{" && piece != "}" && !strings.HasSuffix(piece, `\`)})
				comment = ""
				if piece == "{" {
					depth++
				}
			}
		}
	}
	for len(out) > 0 && out[len(out)-1].blank() {
		out = out[:len(out)-1]
	}
	return render(out)
}

// kept reports whether the words of a line must stay as they are: what @, ~ and include mean depends on whether they
// begin a line, so that nothing may come in front of them or be taken away there.
func (l *lexer) kept(code string) bool {
	if strings.Contains(code, "$") {
		return true
	}
	for _, piece := range l.cut(code) {
		if strings.IndexByte("@~", piece[0]) >= 0 || strings.HasPrefix(piece, "include") {
			return true
		}
	}
	return false
}

// splitComment divides a line in front of its comment.
func splitComment(line string) (code, comment string) {
	at, _ := commentIn(line)
	if at == len(line) {
		return line, ""
	}
	return strings.TrimRight(line[:at], blanks), line[at:]
}

// asWritten cuts a line that has no comment, with no regard to the references in it.
func (l *lexer) asWritten(code string) { l.lex(code, 0, &cookedClass, 0, []place{}) }

// braces counts the braces of a kept line that are not part of a ${NAME}, and the closing ones in front.
func (l *lexer) braces(code string) (opens, closes, leading int) {
	b := []byte(code)
	for i := range b {
		if ref, ok := referenceAt(b, i); ok && b[i] == '$' {
			for k := i; k < ref.end; k++ {
				b[k] = '$'
			}
		}
	}
	l.asWritten(string(b))
	for i, p := range l.pieces {
		switch p.kind {
		case pieceOpen:
			opens++
		case pieceClose:
			if closes++; leading == i {
				leading++
			}
		}
	}
	return opens, closes, leading
}

// cut divides a line at its braces and sets one blank between words. Behind a quote that never closes it stays as it is.
func (l *lexer) cut(code string) (pieces []string) {
	l.asWritten(code)
	for _, p := range l.pieces {
		if p.kind == pieceWords {
			pieces = append(pieces, l.spaced(code, p))
		} else {
			pieces = append(pieces, code[p.from:p.to])
		}
	}
	if u := l.unterminated; u >= 0 {
		if n := len(l.pieces); n > 0 && l.pieces[n-1].kind == pieceWords {
			pieces, u = pieces[:n-1], int(l.pieces[n-1].from)
		}
		pieces = append(pieces, code[u:])
	}
	return pieces
}

// spaced sets one blank between the words of a statement. Where single quotes or backslashes may give blanks a meaning
// they stay.
func (l *lexer) spaced(code string, p piece) string {
	text := code[p.from:p.to]
	if strings.ContainsAny(text, `'\`) {
		return text
	}
	var b strings.Builder
	end := p.from
	for _, t := range l.toks[p.lo:p.hi] {
		if t.Offset > end {
			b.WriteByte(' ')
		}
		end = t.Offset + int32(t.Len)
		b.WriteString(code[t.Offset:end])
	}
	return b.String()
}

// render writes the lines; comments behind adjacent lines begin in one column.
func render(lines []laid) string {
	const indent = "    "
	var b strings.Builder
	column := func(l laid) int { return len(indent)*l.depth + len(l.code) + 1 }
	trails := func(l laid) bool { return l.code != "" && l.comment != "" && !l.verbatim }
	for i := 0; i < len(lines); {
		at, j := 0, i
		for ; j < len(lines) && trails(lines[j]); j++ {
			at = max(at, column(lines[j]))
		}
		for j = max(j, i+1); i < j; i++ {
			l := lines[i]
			line := l.code
			if !l.verbatim && !l.blank() {
				line = strings.Repeat(indent, l.depth) + l.code
				if trails(l) {
					line += strings.Repeat(" ", at-column(l)+1)
				}
				line += l.comment
			}
			if len(line) > MaxLineLength && !l.verbatim {
				line = strings.Trim(l.code+" "+l.comment, " ")
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// Comments returns the comments of a text in order.
func Comments(text string) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		if _, c := splitComment(strings.Trim(line, blanks)); c != "" {
			list = append(list, c)
		}
	}
	return list
}

// Words returns the words and braces of a text in order as they are written, those of blocks that nobody reads among
// them.
func Words(text string) (list []string) {
	var l lexer
	for _, line := range strings.Split(text, "\n") {
		code, _ := splitComment(strings.Trim(line, blanks))
		l.asWritten(code)
		for _, p := range l.pieces {
			if p.kind != pieceWords {
				list = append(list, code[p.from:p.to])
			}
			for _, t := range l.toks[p.lo:p.hi] {
				list = append(list, code[t.Offset:t.Offset+int32(t.Len)])
			}
		}
		if l.unterminated >= 0 {
			list = append(list, code[l.unterminated:])
		}
	}
	return list
}

// ConditionIDs returns the configuration ids that the @ lines of a text name.
func ConditionIDs(text string) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		if word, ok := strings.CutPrefix(strings.TrimLeft(line, blanks), "@"); ok {
			if f := strings.Fields(strings.TrimPrefix(word, "^")); len(f) > 0 && !slices.Contains(list, f[0]) {
				list = append(list, f[0])
			}
		}
	}
	return list
}
