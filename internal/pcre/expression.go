package pcre

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// Spec is an expression as it is written, with what is said of it.
type Spec struct {
	Pattern string
	Options string // names of PCRE2 options, in lower case and without PCRE2_, with a blank between each
	// Min and Max are where a match may start, in bytes; Max < 0 is anywhere.
	Min, Max int
	// Stack bounds what backtracking may hold, in bytes; 0 = as much as the time allows.
	Stack int
}

// Expression is an expression that can be searched for. It may be used from any goroutine.
type Expression struct {
	spec      Spec
	linear    *regexp.Regexp  // takes a time in proportion to the text, where the expression allows that
	backtrack *regexp2.Regexp // otherwise
	utf       bool
	firstLine bool
}

// MatchTime is how long a search may take: a server can say what makes one go on for ages.
const MatchTime = 250 * time.Millisecond

// ErrTime means that a search did not come to an end in MatchTime.
var ErrTime = errors.New("the expression takes too long on this text")

// errUnicode is a text that is not UTF-8 for an expression that needs it.
var errUnicode = errors.New("the text is not UTF-8")

// flags are the options that decide what an expression means.
type flags struct {
	caseless, multiline, dotall, extended, explicit, ungreedy, endOnly, firstLine, utf, ucp, altCircumflex bool
}

// read reads the names of options. Those of which none of the expressions that can be had depends do nothing; the others
// that the engines do not have are looked at with the pattern.
func (f *flags) read(names []string) {
	for name, to := range map[string]*bool{"caseless": &f.caseless, "multiline": &f.multiline, "dotall": &f.dotall,
		"extended": &f.extended, "no_auto_capture": &f.explicit, "ungreedy": &f.ungreedy, "dollar_endonly": &f.endOnly,
		"firstline": &f.firstLine, "utf": &f.utf, "ucp": &f.ucp, "alt_circumflex": &f.altCircumflex} {
		*to = slices.Contains(names, name)
	}
}

// Compile returns the expression, or why it cannot be had.
func Compile(s Spec) (*Expression, error) {
	var f flags
	names := strings.Fields(s.Options)
	f.read(names)
	for _, n := range names {
		if err := unsupported(n, s.Pattern); err != nil {
			return nil, err
		}
	}
	t := translator{in: s.Pattern, flags: f}
	if err := t.run(); err != nil {
		return nil, err
	}
	e := &Expression{spec: s, utf: f.utf, firstLine: f.firstLine}
	if t.plain && s.Min == 0 && !f.extended && !f.explicit && !f.ucp {
		if re, err := regexp.Compile(f.prefix() + t.out.String()); err == nil {
			e.linear = re
			return e, nil
		}
	}
	options := []regexp2.CompileOption{f.engine()}
	if s.Stack > 0 {
		options = append(options, regexp2.OptionMaxBacktrackingStackSize(max(s.Stack/wordSize, 1)))
	}
	re, err := compile(t.out.String(), options)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = MatchTime
	e.backtrack = re
	return e, nil
}

// wordSize is what an entry of the engine's stack takes.
const wordSize = 8

// compile keeps an engine that breaks on an expression from breaking more than that.
func compile(pattern string, options []regexp2.CompileOption) (re *regexp2.Regexp, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the expression cannot be compiled: %v", v)
		}
	}()
	return regexp2.Compile(pattern, options...)
}

// prefix are the flags in the syntax of the linear engine.
func (f flags) prefix() string {
	set := ""
	for _, x := range []struct {
		on   bool
		flag string
	}{{f.caseless, "i"}, {f.multiline, "m"}, {f.dotall, "s"}} {
		if x.on {
			set += x.flag
		}
	}
	if set == "" {
		return ""
	}
	return "(?" + set + ")"
}

func (f flags) engine() regexp2.RegexOptions {
	o := regexp2.None
	for _, x := range []struct {
		on     bool
		option regexp2.RegexOptions
	}{{f.caseless, regexp2.IgnoreCase}, {f.multiline, regexp2.Multiline}, {f.dotall, regexp2.Singleline},
		{f.extended, regexp2.IgnorePatternWhitespace}, {f.explicit, regexp2.ExplicitCapture}} {
		if x.on {
			o |= x.option
		}
	}
	return o
}

// unsupported says that an option means something for a pattern that the engines cannot do.
func unsupported(option, pattern string) error {
	needs := map[string][]string{
		"allow_empty_class":   {"[]", "[^]"},
		"alt_bsux":            {`\u`, `\U`, `\x`},
		"match_unset_backref": {`\1`, `\2`, `\3`, `\4`, `\5`, `\6`, `\7`, `\8`, `\9`, `\k`, `\g`, "(?P="},
		"alt_verbnames":       {"(*"},
	}
	for _, what := range needs[option] {
		if strings.Contains(pattern, what) {
			return fmt.Errorf("the option %s with %s is not supported", option, what)
		}
	}
	return nil
}

// Match reports whether the expression is found in text. Without the option utf a byte is a character.
func (e *Expression) Match(text []byte) (bool, error) {
	limit := e.spec.Max
	if limit < 0 {
		limit = math.MaxInt
	}
	if e.firstLine {
		if i := slices.Index(text, '\n'); i >= 0 {
			limit = min(limit, i)
		}
	}
	if e.utf && !utf8.Valid(text) {
		return false, errUnicode
	}
	if e.spec.Min > len(text) {
		return false, nil
	}
	start, err := e.find(text)
	return err == nil && start >= 0 && start <= limit, err
}

// find returns where the first match starts, in bytes, or -1.
func (e *Expression) find(text []byte) (int, error) {
	if e.linear != nil {
		wide := text
		if !e.utf {
			wide = widened(text)
		}
		at := e.linear.FindIndex(wide)
		switch {
		case at == nil:
			return -1, nil
		case e.utf:
			return at[0], nil
		}
		return utf8.RuneCount(wide[:at[0]]), nil
	}
	runes, from := make([]rune, len(text)), e.spec.Min
	if e.utf {
		runes = []rune(string(text))
		from = utf8.RuneCount(text[:from])
	} else {
		for i, b := range text {
			runes[i] = rune(b)
		}
	}
	m, err := e.backtrack.FindRunesMatchStartingAt(runes, from)
	switch {
	case err != nil:
		return -1, fmt.Errorf("%w: %w", ErrTime, err)
	case m == nil:
		return -1, nil
	case e.utf:
		return len(string(runes[:m.RuneIndex])), nil
	}
	return m.RuneIndex, nil
}

// widened is text with each byte as the character of that number.
func widened(text []byte) []byte {
	if !slices.ContainsFunc(text, func(b byte) bool { return b >= utf8.RuneSelf }) {
		return text
	}
	wide := make([]byte, 0, len(text)+len(text)/4)
	for _, b := range text {
		wide = utf8.AppendRune(wide, rune(b))
	}
	return wide
}
