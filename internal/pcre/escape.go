package pcre

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// escape translates what a backslash begins, in a class or not.
func (t *translator) escape(inClass bool) error {
	if t.at+1 == len(t.in) {
		return errors.New("a backslash ends the pattern")
	}
	c := t.in[t.at+1]
	if set, negated, ok := t.shorthand(c); ok {
		t.at += 2
		switch {
		case !inClass && negated != "":
			t.out.WriteString("[^" + negated + "]")
		case !inClass:
			t.out.WriteString("[" + set + "]")
		default:
			t.out.WriteString(set)
		}
		return nil
	}
	switch {
	case c == 'Q':
		t.quoted()
		return nil
	case c == 'E': // of a quotation that has ended
		t.at += 2
		return nil
	case c == 'x' || c == 'o' && strings.HasPrefix(t.in[t.at+2:], "{") || c == '0' || inClass && isDigit(c):
		return t.number(c)
	case isDigit(c):
		return t.reference()
	case c == 'c':
		return t.control()
	}
	if inClass {
		return t.escapeInClass(c)
	}
	return t.escapeOutside(c)
}

// shorthand returns the class of \d, \D and the like. negated is what the class leaves out, outside of brackets. With the
// option ucp those for digits, words and spaces are the engine's own.
func (t *translator) shorthand(c byte) (set, negated string, ok bool) {
	if t.flags.ucp && strings.IndexByte("dDwWsS", c) >= 0 {
		return "", "", false
	}
	switch c {
	case 'd':
		return digits, "", true
	case 'w':
		return wordChars, "", true
	case 's':
		return spaces, "", true
	case 'h':
		return blanks, "", true
	case 'v':
		return verticals, "", true
	case 'D':
		return notDigits, digits, true
	case 'W':
		return notWords, wordChars, true
	case 'S':
		return notSpaces, spaces, true
	case 'H':
		return notBlanks, blanks, true
	case 'V':
		return notVerts, verticals, true
	}
	return "", "", false
}

// quoted translates \Q…\E.
func (t *translator) quoted() {
	text, _, ended := strings.Cut(t.in[t.at+2:], `\E`)
	for i := range len(text) {
		t.character(rune(text[i]), text[i] >= 0x80 && t.flags.utf)
	}
	t.at += 2 + len(text)
	if ended {
		t.at += 2
	}
}

// character writes a character so that it means nothing else. raw is for a byte of one that has several.
func (t *translator) character(c rune, raw bool) {
	switch {
	case raw:
		t.out.WriteByte(byte(c))
	case c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
		t.out.WriteByte(byte(c))
	case c < 0x100:
		fmt.Fprintf(&t.out, `\x%02X`, c)
	default:
		t.out.WriteRune(c)
	}
}

// number translates \xHH, \x{H…}, \o{O…}, \0OO and, in a class, \OOO.
func (t *translator) number(kind byte) error {
	rest, base, room := t.in[t.at+2:], 16, 2
	skip := 2
	if kind != 'x' {
		base, room = 8, 3
		if kind != 'o' {
			rest, skip = t.in[t.at+1:], 1
		}
	}
	if strings.HasPrefix(rest, "{") {
		text, _, closed := strings.Cut(rest[1:], "}")
		n, err := strconv.ParseUint(text, base, 31)
		if !closed || err != nil || n > 0x10FFFF || n > 0xFF && !t.flags.utf {
			return fmt.Errorf("the character \\%c{%s} is not one", kind, text)
		}
		t.character(rune(n), false)
		t.at += 2 + len(text) + 2
		return nil
	}
	n, used := uint64(0), 0
	for used < room && used < len(rest) {
		d, err := strconv.ParseUint(rest[used:used+1], base, 8)
		if err != nil {
			break
		}
		n, used = n*uint64(base)+d, used+1
	}
	if used == 0 && kind != 'x' {
		return fmt.Errorf("\\%c is not a number here", kind)
	}
	t.character(rune(n&0xFF), false)
	t.at += skip + used
	return nil
}

// reference translates \N, which is an octal number when there are not as many groups and it has several digits.
func (t *translator) reference() error {
	end := t.at + 1
	for end < len(t.in) && isDigit(t.in[end]) && end < t.at+4 {
		end++
	}
	n, _ := strconv.Atoi(t.in[t.at+1 : end])
	if n > 9 && n > t.groups && t.in[t.at+1] < '8' {
		return t.number('0')
	}
	t.special(fmt.Sprintf(`(?:\%d)`, n))
	t.at = end
	return nil
}

// control translates \cX.
func (t *translator) control() error {
	if t.at+2 == len(t.in) || t.in[t.at+2] < ' ' || t.in[t.at+2] > '~' {
		return errors.New(`\c needs a character`)
	}
	c := t.in[t.at+2]
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	t.character(rune(c^0x40), false)
	t.at += 3
	return nil
}

// letters are the escapes of single characters.
var letters = map[byte]rune{'a': 7, 'e': 0x1B, 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (t *translator) escapeInClass(c byte) error {
	switch r, known := letters[c]; {
	case known:
		t.character(r, false)
	case c == 'b':
		t.character('\b', false)
	case strings.IndexByte("dDwWsS", c) >= 0: // with ucp
		t.special(`\` + string(c))
	case c == 'p' || c == 'P':
		return t.property(c)
	case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
		return fmt.Errorf("\\%c is not supported in a class", c)
	default:
		t.character(rune(c), c >= 0x80 && t.flags.utf)
	}
	t.at += 2
	return nil
}

func (t *translator) escapeOutside(c byte) error {
	switch r, known := letters[c]; {
	case known:
		t.character(r, false)
	case c == 'R':
		t.special(anyNewline)
	case c == 'N' && !strings.HasPrefix(t.in[t.at+2:], "{"):
		t.out.WriteString(`[^\n]`)
	case c == 'A' || c == 'b' || c == 'B' || c == 'z':
		t.out.WriteByte('\\')
		t.out.WriteByte(c)
	case c == 'Z':
		t.special(`(?=\n?\z)`)
	case c == 'G' || strings.IndexByte("dDwWsS", c) >= 0: // the latter with ucp
		t.special(`\` + string(c))
	case c == 'p' || c == 'P':
		return t.property(c)
	case c == 'g' || c == 'k':
		return t.namedReference(c)
	case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
		return fmt.Errorf("\\%c is not supported", c)
	default:
		t.character(rune(c), c >= 0x80 && t.flags.utf)
	}
	t.at += 2
	return nil
}

// property translates \p{Name} and \pN, which both engines have.
func (t *translator) property(c byte) error {
	rest := t.in[t.at+2:]
	if name, _, ok := strings.Cut(strings.TrimPrefix(rest, "{"), "}"); ok && strings.HasPrefix(rest, "{") {
		t.special(`\` + string(c) + "{" + name + "}")
		t.at += 2 + len(name) + 2
		return nil
	}
	if rest == "" {
		return errors.New("a property has no name")
	}
	t.special(`\` + string(c) + "{" + rest[:1] + "}")
	t.at += 3
	return nil
}

// namedReference translates \k<name>, \k'name', \k{name}, \g{name}, \gN, \g{N} and \g{-N}.
func (t *translator) namedReference(c byte) error {
	rest := t.in[t.at+2:]
	if rest == "" {
		return errors.New("a reference has no name")
	}
	closing := map[byte]byte{'{': '}', '<': '>', '\'': '\''}[rest[0]]
	if c == 'g' && closing != '}' && closing != 0 {
		return errors.New("recursion is not supported")
	}
	name, length := "", 0
	if closing != 0 {
		name, _, _ = strings.Cut(rest[1:], string(closing))
		length = len(name) + 2
	} else {
		for length < len(rest) && (isDigit(rest[length]) || length == 0 && rest[0] == '-') {
			length++
		}
		name = rest[:length]
	}
	if name == "" || length > len(rest) || strings.ContainsAny(name, "<>'(){}[]\\") {
		return errors.New("a reference has no proper name")
	}
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 {
			n += t.groups + 1
		}
		if n <= 0 {
			return errors.New("a reference leads nowhere")
		}
		t.special(fmt.Sprintf(`(?:\%d)`, n))
	} else {
		t.special(`\k<` + name + `>`)
	}
	t.at += 2 + length
	return nil
}
