package main

import "strings"

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

// layout returns text with one statement on a line, indented by blocks. Lines with parameters, loops or conditions keep
// their words as they are: what they mean depends on where they end.
func layout(text string) string {
	var out []laid
	depth, continued := 0, false
	emit := func(l laid) {
		if l.blank() && (len(out) == 0 || out[len(out)-1].blank() || out[len(out)-1].opens()) {
			return
		}
		for l.closes() && len(out) > 0 && out[len(out)-1].blank() {
			out = out[:len(out)-1]
		}
		out = append(out, l)
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
		case kept(code):
			opens, closes, leading := braces(code)
			emit(laid{depth: max(depth-leading, 0), code: code, comment: comment})
			depth = max(depth+opens-closes, 0)
		default:
			for _, piece := range cut(code) {
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
func kept(code string) bool {
	if strings.Contains(code, "$") {
		return true
	}
	for _, piece := range cut(code) {
		if strings.IndexByte("@~", piece[0]) >= 0 || strings.HasPrefix(piece, "include") {
			return true
		}
	}
	return false
}

// splitComment divides a line where a # or ! begins a comment: outside double quotes, without a backslash in front.
func splitComment(line string) (code, comment string) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\\':
			i++
		case c == '#' || c == '!':
			return strings.TrimRight(line[:i], blanks), line[i:]
		}
	}
	return line, ""
}

// braces counts the braces of a kept line that are neither quoted nor part of a ${NAME}, and the closing ones in front.
func braces(code string) (opens, closes, leading int) {
	quoted := false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '$' && i+1 < len(code) && code[i+1] == '{':
			if end := strings.IndexByte(code[i:], '}'); end > 0 {
				i += end
			}
		case c == '{':
			opens++
		case c == '}':
			if closes++; opens == 0 && strings.Trim(code[:i], "} \t") == "" {
				leading++
			}
		}
	}
	return opens, closes, leading
}

// cut divides a line at its braces and sets one blank between words.
func cut(code string) (pieces []string) {
	from, quoted := 0, false
	flush := func(to int) {
		if s := spaced(strings.Trim(code[from:to], blanks)); s != "" {
			pieces = append(pieces, s)
		}
	}
	for i := range len(code) {
		switch c := code[i]; {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '}'):
			flush(i)
			pieces = append(pieces, string(c))
			from = i + 1
		}
	}
	flush(len(code))
	return pieces
}

// spaced sets one blank between words. Where single quotes or backslashes may give blanks a meaning they stay.
func spaced(s string) string {
	if strings.ContainsAny(s, `'\`) {
		return s
	}
	var b strings.Builder
	quoted, blank := false, false
	for i := range len(s) {
		c := s[i]
		isBlank := !quoted && strings.IndexByte(blanks, c) >= 0
		if c == '"' {
			quoted = !quoted
		}
		switch {
		case !isBlank:
			b.WriteByte(c)
		case !blank:
			b.WriteByte(' ')
		}
		blank = isBlank
	}
	return b.String()
}

// longest is how many bytes a line may have. A longer one would not be read.
const longest = 1023

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
			if len(line) > longest && !l.verbatim {
				line = strings.Trim(l.code+" "+l.comment, " ")
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
