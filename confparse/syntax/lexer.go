package syntax

// The lexer cuts one line into statements and braces, and statements into words. Words end at a blank, a brace or a
// double quote; a quoted word runs to the next quote, and nothing escapes a quote.

// byte classes; a plain byte is part of a word.
const (
	plain = iota
	blank
	brace
	quote
	comment
	special // needs the slow path: $ references, backslash pairs, NUL
)

// rawClass is for text as it stands in a file, cookedClass for text whose comments and references are dealt with.
var rawClass, cookedClass = classes()

// IsBlank reports whether c separates words.
func IsBlank(c byte) bool { return cookedClass[c] == blank }

func classes() (raw, cooked [256]uint8) {
	for _, c := range []byte(" \t\f\v\r\n") {
		raw[c], cooked[c] = blank, blank
	}
	raw['{'], cooked['{'] = brace, brace
	raw['}'], cooked['}'] = brace, brace
	raw['"'], cooked['"'] = quote, quote
	raw['#'], raw['!'] = comment, comment
	raw['$'], raw['\\'], raw[0] = special, special, special
	return raw, cooked
}

type pieceKind uint8

const (
	pieceWords pieceKind = iota
	pieceOpen
	pieceClose
)

// piece is a statement, or a brace, of one line. lo and hi bound its words in lexer.toks, from and to its text.
type piece struct {
	kind     pieceKind
	lo, hi   int32
	from, to int32
}

// lexer holds the words and pieces of the line it was last given.
type lexer struct {
	toks   []Token
	places []place // of the text, when it is a cooked one
	pieces []piece
	// unterminated is the offset in the text of a quote that never closes, or -1. The rest of the line is lost.
	unterminated int
}

// lexRaw cuts a line as it stands in a file, whose first byte has offset base. It returns false, and nothing useful,
// when the line needs decommenting or expansion first.
func (l *lexer) lexRaw(s string, base int32) bool {
	i := 0
	for i < len(s) && rawClass[s[i]] == blank {
		i++
	}
	if i < len(s) && (s[i] == '@' || s[i] == '~') {
		return false
	}
	return l.lex(s, i, &rawClass, base, nil) && l.unterminated < 0
}

// lexCooked cuts a line of which comments and references are gone. places[i] is where byte i was written.
func (l *lexer) lexCooked(s string, places []place) {
	l.lex(s, 0, &cookedClass, 0, places)
	for i := range l.toks {
		t := &l.toks[i]
		first, last := places[t.Offset], places[t.Offset+int32(t.Len)-1]
		t.Offset = first.start
		t.Len = uint16(min(max(last.end-first.start, 0), 1<<16-1))
	}
}

// lex cuts s from byte i on. The words get base plus their place in s.
func (l *lexer) lex(s string, i int, class *[256]uint8, base int32, places []place) bool {
	toks, pieces := l.toks[:0], l.pieces[:0]
	l.places, l.unterminated = places, -1
	lo, from, to := 0, 0, 0 // of the statement being collected
scan:
	for i < len(s) {
		start, end := i, i+1 // of a word
		switch class[s[i]] {
		case blank:
			i++
			continue
		case comment:
			break scan
		case special:
			return false
		case brace:
			if len(toks) > lo {
				pieces = append(pieces, piece{pieceWords, int32(lo), int32(len(toks)), int32(from), int32(to)})
				lo = len(toks)
			}
			kind := pieceOpen
			if s[i] == '}' {
				kind = pieceClose
			}
			pieces = append(pieces, piece{kind: kind, from: int32(i), to: int32(end)})
			i++
			if places == nil && beginsAnew(s[i:]) {
				return false
			}
			continue
		case quote:
			for end < len(s) && s[end] != '"' {
				if (s[end] == '$' || s[end] == 0) && places == nil {
					return false
				}
				end++
			}
			if end == len(s) {
				l.unterminated = start
				break scan
			}
			end++
			toks = append(toks, Token{Text: s[start+1 : end-1], Offset: base + int32(start), Len: wordLen(end - start), Quoted: true})
		default:
			for end < len(s) && class[s[end]] == plain {
				end++
			}
			if end < len(s) && class[s[end]] == special {
				return false
			}
			toks = append(toks, Token{Text: s[start:end], Offset: base + int32(start), Len: wordLen(end - start)})
		}
		if len(toks) == lo+1 {
			from = start
		}
		i, to = end, end
	}
	if len(toks) > lo {
		pieces = append(pieces, piece{pieceWords, int32(lo), int32(len(toks)), int32(from), int32(to)})
	}
	l.toks, l.pieces = toks, pieces
	return true
}

// beginsAnew reports whether what follows a brace is a condition, a loop or a definition, as at the start of a line.
func beginsAnew[T string | []byte](s T) bool {
	for i := range len(s) {
		switch {
		case cookedClass[s[i]] == blank:
			continue
		case s[i] == '$':
			end := i + 1
			for end < len(s) && s[end] != '=' && cookedClass[s[end]] == plain {
				end++
			}
			return end < len(s) && s[end] == '='
		default:
			return s[i] == '@' || s[i] == '~'
		}
	}
	return false
}

func wordLen(n int) uint16 { return uint16(min(n, 1<<16-1)) }

// place is where a byte of an expanded line was written: a byte of the file, or the reference that produced it.
type place struct{ start, end int32 }

// cooked is a line in the making: its bytes and where each was written.
type cooked struct {
	b  []byte
	at []place
}

func (c *cooked) add(b byte, p place) {
	c.b = append(c.b, b)
	c.at = append(c.at, p)
}

// cook turns a line of a file, whose first byte has offset base, into a cooked one.
func cook(s string, base int32) cooked {
	c := cooked{b: []byte(s), at: make([]place, len(s))}
	for i := range c.at {
		c.at[i] = place{base + int32(i), base + int32(i) + 1}
	}
	return c
}

// slice returns the bytes from i to j.
func (c cooked) slice(i, j int) cooked { return cooked{b: c.b[i:j:j], at: c.at[i:j:j]} }

// trim returns c without blanks at either end.
func (c cooked) trim() cooked {
	i, j := 0, len(c.b)
	for i < j && cookedClass[c.b[i]] == blank {
		i++
	}
	for j > i && cookedClass[c.b[j-1]] == blank {
		j--
	}
	return c.slice(i, j)
}

// commentIn returns where the # or ! comment of a line begins, or its length: outside double quotes, and with no backslash
// in front. escaped is the first \# or \! before it, or -1. Other backslash pairs mean nothing; in particular \" does not
// open a quote for this purpose.
func commentIn[T string | []byte](s T) (at, escaped int) {
	quoted := false
	escaped = -1
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '#' || c == '!':
			return i, escaped
		case c == '\\' && i+1 < len(s):
			if i++; escaped < 0 && (s[i] == '#' || s[i] == '!') {
				escaped = i - 1
			}
		}
	}
	return len(s), escaped
}

// decomment drops a comment, and turns \# and \! in front of it into the bare character.
func (c cooked) decomment() cooked {
	at, escaped := commentIn(c.b)
	if escaped >= 0 {
		return c.unescape(escaped)
	}
	return c.slice(0, at).trim()
}

// unescape is decomment from the first \# or \! on, which has to copy.
func (c cooked) unescape(from int) cooked {
	out := cooked{b: make([]byte, from, len(c.b)), at: make([]place, from, len(c.b))}
	copy(out.b, c.b)
	copy(out.at, c.at)
	quoted := false
	for i := from; i < len(c.b); i++ {
		b := c.b[i]
		switch {
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '#' || b == '!':
			return out.trim()
		case b == '\\' && i+1 < len(c.b):
			next := c.b[i+1]
			if next == '#' || next == '!' {
				out.add(next, place{c.at[i].start, c.at[i+1].end})
			} else {
				out.add(b, c.at[i])
				out.add(next, c.at[i+1])
			}
			i++
			continue
		}
		out.add(b, c.at[i])
	}
	return out.trim()
}
