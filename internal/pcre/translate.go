// Package pcre searches for expressions that were written for PCRE2: those of HTTP_GET. They are translated for an engine
// that is not PCRE2, with what it does not have refused by name; an expression that uses nothing special gets the engine
// of the standard library, which takes a time in proportion to the text.
package pcre

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// translator writes a pattern of PCRE2 (pcre2pattern(3)) in the syntax that both engines read.
type translator struct {
	in     string
	at     int
	out    strings.Builder
	flags  flags
	groups int  // opened so far
	plain  bool // nothing of it needs backtracking
}

// The classes that are the same in ASCII and by default, without brackets.
const (
	digits     = `0-9`
	wordChars  = `A-Za-z0-9_`
	spaces     = `\t-\r\x20`
	blanks     = `\t\x20\xA0`
	verticals  = `\n-\r\x85`
	notDigits  = `\x00-/:-\xFF`
	notWords   = "\\x00-/:-@\\[-\\^\x60{-\\xFF"
	notSpaces  = `\x00-\x08\x0E-\x1F!-\xFF`
	notBlanks  = `\x00-\x08\n-\x1F!-\x9F\xA1-\xFF`
	notVerts   = `\x00-\t\x0E-\x84\x86-\xFF`
	anyNewline = `(?>\r\n|[` + verticals + `])`
)

// posix are the classes with names, for ASCII as they are without the option ucp.
var posix = map[string]string{"alpha": `A-Za-z`, "digit": digits, "alnum": `A-Za-z0-9`, "upper": `A-Z`, "lower": `a-z`,
	"space": spaces, "blank": `\t\x20`, "punct": "!-/:-@\\[-\x60{-~", "cntrl": `\x00-\x1F\x7F`, "graph": `!-~`,
	"print": `\x20-~`, "xdigit": `0-9A-Fa-f`, "word": wordChars, "ascii": `\x00-\x7F`}

func (t *translator) run() error {
	t.plain = true
	for t.at < len(t.in) {
		if err := t.next(); err != nil {
			return err
		}
	}
	return nil
}

// next translates one piece.
func (t *translator) next() error {
	c := t.in[t.at]
	switch {
	case c == '\\':
		return t.escape(false)
	case c == '[':
		return t.class()
	case c == '(':
		return t.group()
	case c == '^' && t.flags.multiline && !t.flags.altCircumflex:
		// It does not match behind a newline that ends the text.
		t.special(`(?:^(?!\z)|\A)`)
	case c == '$' && t.flags.endOnly && !t.flags.multiline:
		t.out.WriteString(`\z`)
	case c == '$' && !t.flags.multiline:
		t.special(`(?=\n?\z)`)
	case c == '$':
		t.special(`(?=\n|\z)`)
	case c == '#' && t.flags.extended:
		end := strings.IndexByte(t.in[t.at:], '\n')
		if end < 0 {
			end = len(t.in) - t.at - 1
		}
		t.at += end
	case c == '*' || c == '+' || c == '?' || c == '{':
		t.quantifier()
		return nil
	default:
		t.literal(c)
	}
	t.at++
	return nil
}

// special writes what the linear engine lacks.
func (t *translator) special(s string) {
	t.plain = false
	t.out.WriteString(s)
}

// literal writes a byte of the pattern that stands for itself, or has the same meaning everywhere.
func (t *translator) literal(c byte) {
	if c >= 0x80 && !t.flags.utf {
		fmt.Fprintf(&t.out, `\x%02X`, c)
		return
	}
	t.out.WriteByte(c)
}

// quantifier translates what follows a piece: greedy, lazy ("?") or possessive ("+"), which ungreedy turns round.
func (t *translator) quantifier() {
	from := t.at
	if t.in[from] == '{' {
		end := strings.IndexByte(t.in[from:], '}')
		if end < 0 || !isRepeat(t.in[from+1:from+end]) {
			t.out.WriteString(`\{`)
			t.at++
			return
		}
		t.at += end
	}
	t.at++
	t.out.WriteString(t.in[from:t.at])
	suffix := byte(0)
	if t.at < len(t.in) {
		suffix = t.in[t.at]
	}
	switch {
	case suffix == '+':
		t.special("+")
		t.at++
	case suffix == '?' && t.flags.ungreedy:
		t.at++
	case suffix == '?':
		t.out.WriteByte('?')
		t.at++
	case t.flags.ungreedy:
		t.out.WriteByte('?')
	}
}

// isRepeat reports whether s is N, N, or N,M.
func isRepeat(s string) bool {
	low, high, two := strings.Cut(s, ",")
	digit := func(s string) bool { return s != "" && strings.Trim(s, digitsOnly) == "" }
	return digit(low) && (!two || high == "" || digit(high))
}

const digitsOnly = "0123456789"

// group translates what an opening parenthesis begins.
func (t *translator) group() error {
	rest := t.in[t.at:]
	if strings.HasPrefix(rest, "(*") {
		return errors.New("(* begins a verb, which is not supported")
	}
	if !strings.HasPrefix(rest, "(?") {
		if !t.flags.explicit {
			t.groups++
		}
		t.out.WriteByte('(')
		t.at++
		return nil
	}
	body := rest[2:]
	switch {
	case strings.HasPrefix(body, "#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return errors.New("a comment has no end")
		}
		t.at += end + 1
		return nil
	case strings.HasPrefix(body, "|"):
		return errors.New("(?| is not supported")
	case strings.HasPrefix(body, "P="):
		name, end, err := between(body[2:], ')')
		if err != nil {
			return err
		}
		t.special(`\k<` + name + `>`)
		t.at += 4 + end + 1
		return nil
	case strings.HasPrefix(body, "R") || strings.HasPrefix(body, "&") || strings.HasPrefix(body, "P>") ||
		body != "" && (isDigit(body[0]) || (body[0] == '+' || body[0] == '-') && len(body) > 1 && isDigit(body[1])):
		return errors.New("recursion is not supported")
	case strings.HasPrefix(body, "C"):
		return errors.New("callouts are not supported")
	case strings.HasPrefix(body, "(R") || strings.HasPrefix(body, "(DEFINE") || strings.HasPrefix(body, "(VERSION") ||
		strings.HasPrefix(body, "(+") || strings.HasPrefix(body, "(-"):
		return errors.New("this condition is not supported")
	}
	return t.marked(body)
}

// marked translates "(?" with a kind of group that the engines have, or with flags.
func (t *translator) marked(body string) error {
	for _, kind := range []string{"=", "!", "<=", "<!", ">", "("} {
		if strings.HasPrefix(body, kind) {
			t.special("(?" + kind)
			t.at += 2 + len(kind)
			if kind == "(" { // a condition: its own parenthesis is read as a group would be, without being one
				t.conditionName()
			}
			return nil
		}
	}
	for _, kind := range []struct {
		open  string
		close byte
	}{{"P<", '>'}, {"<", '>'}, {"'", '\''}} {
		if strings.HasPrefix(body, kind.open) {
			name, end, err := between(body[len(kind.open):], kind.close)
			if err != nil {
				return err
			}
			t.groups++
			t.out.WriteString("(?<" + name + ">")
			t.at += 2 + len(kind.open) + end + 1
			return nil
		}
	}
	end := strings.IndexAny(body, ":)")
	if end < 0 || strings.Trim(body[:end], "imsxn-") != "" || strings.Contains(body[:end], "xx") {
		return fmt.Errorf("(?%s is not supported", body[:min(len(body), 1)])
	}
	if strings.ContainsAny(body[:end], "xn") || body[end] == ')' {
		t.plain = false
	}
	t.out.WriteString("(?" + body[:end+1])
	t.at += 2 + end + 1
	return nil
}

// conditionName copies the number or name of a condition: (1), (<name>), ('name'), (name).
func (t *translator) conditionName() {
	end := strings.IndexByte(t.in[t.at:], ')')
	if end < 0 || strings.ContainsAny(t.in[t.at:t.at+end], "?*") {
		return // an assertion, or nothing: the engine says
	}
	t.out.WriteString(strings.Trim(t.in[t.at:t.at+end], "<>'"))
	t.at += end
}

// between returns what stands in s before the closing byte.
func between(s string, closing byte) (name string, end int, err error) {
	end = strings.IndexByte(s, closing)
	if end <= 0 || strings.ContainsAny(s[:end], "<>'(){}[]\\") {
		return "", 0, errors.New("a group has no proper name")
	}
	return s[:end], end, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// posixName is the name in s if that begins with [:name:], and "" otherwise: then the brackets are what they are elsewhere.
func posixName(s string) string {
	s, begun := strings.CutPrefix(s, "[:")
	name, _, ended := strings.Cut(s, ":]")
	if !begun || !ended || strings.ContainsAny(name, `[]\`) {
		return ""
	}
	return name
}

// class translates a class: [abc], [^a-z], [[:digit:]_].
func (t *translator) class() error {
	t.out.WriteByte('[')
	t.at++
	if t.at < len(t.in) && t.in[t.at] == '^' {
		t.out.WriteByte('^')
		t.at++
	}
	for first := true; t.at < len(t.in); first = false {
		c, rest := t.in[t.at], t.in[t.at:]
		switch {
		case c == ']' && !first:
			t.out.WriteByte(']')
			t.at++
			return nil
		case c == '\\':
			if err := t.escape(true); err != nil {
				return err
			}
			continue
		case posixName(rest) != "":
			name := posixName(rest)
			set, known := posix[name]
			if !known {
				return fmt.Errorf("the class [:%s:] is not supported", name)
			}
			t.out.WriteString(set)
			t.at += len(name) + 4
			continue
		case strings.HasPrefix(rest, "[.") || strings.HasPrefix(rest, "[="):
			return errors.New("collating elements are not supported")
		case c == '[' || c == ']' || c == '^':
			t.out.WriteByte('\\')
			t.out.WriteByte(c)
		case c == ' ' || c == '#':
			t.out.WriteString(`\x` + strconv.FormatUint(uint64(c), 16))
		default:
			t.literal(c)
		}
		t.at++
	}
	return errors.New("a class has no end")
}
