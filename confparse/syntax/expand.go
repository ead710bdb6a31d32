package syntax

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"vigil/confparse/diag"
)

// Bounds on what expansion may produce, so that a definition that refers to itself, or a loop to a million, ends.
const (
	maxExpansionWork = 650_000  // per Load, see spend
	maxExpansionSize = 32 << 20 // bytes per Load, see hold
	maxLineRefs      = 400      // substitutions in one line
	maxNesting       = 40       // multi-line definitions and loops inside one another
	maxRounds        = 1 << 16  // of loops inside one another
	maxDefinition    = 40_000   // lines
)

const sizeOfWord = int(unsafe.Sizeof(Token{}))

// budget is what the expansion of one configuration has cost, and what it may.
type budget struct {
	maxWork int
	maxSize int
	work    int   // see spend
	size    int   // see hold
	rounds  int64 // of the loops around the line being read, multiplied; 0 outside of any
	runaway bool  // it was too much: nothing of the configuration is kept
}

// parameter is a $NAME= definition. lines has more than one element for a multi-line one.
type parameter struct {
	name  string
	lines []string
	multi bool
	at    diag.Range // the defining line
}

// cookedLine handles a decommented line. continued says that its physical line ends in a backslash.
func (r *Reader) cookedLine(c cooked, continued bool) {
	if r.open != nil {
		r.extendDefinition(c, continued)
		return
	}
	r.logical(c, continued, 0, false)
}

// The cost of expansion: a round of a loop sets its parameters anew.
const (
	costLine  = 1 // also of a substitution
	costRound = 3
)

// spend counts the cost of a step of expansion and stops the Load when there has been too much. Thirty thousand real
// servers, of a dozen lines each, may come from one loop; an endless one ends within a second.
func (r *Reader) spend(cost int) bool {
	if r.stopped {
		return false
	}
	if r.work += cost; r.work > r.maxWork {
		r.giveUp("expansion of parameters and loops does not end", fmt.Sprintf("gave up after %d steps", r.maxWork))
	}
	return !r.stopped
}

// hold counts the memory that an expanded line, or a substitution, takes, and stops the Load when there has been too much:
// a loop over a long line fills it in few steps.
func (r *Reader) hold(bytes int) bool {
	if r.size += bytes; r.size > r.maxSize && !r.stopped {
		r.giveUp("expansion of parameters and loops fills the memory",
			fmt.Sprintf("gave up after %d MiB of statements", r.maxSize>>20))
	}
	return !r.stopped
}

// enter counts the rounds of a loop that begins inside of others. It returns false when they are too many to be meant, before
// the first of them is made; else leave ends the loop.
func (r *Reader) enter(rounds int64) (leave func(), ok bool) {
	outer := r.rounds
	if r.rounds = max(outer, 1) * rounds; r.rounds > maxRounds {
		r.giveUp("a loop has too many rounds", fmt.Sprintf("more than %d, those of the loops around it counted", maxRounds))
		return nil, false
	}
	return func() { r.rounds = outer }, true
}

// giveUp stops the Load, and drops what has been read.
func (r *Reader) giveUp(summary, detail string) {
	r.stopped, r.runaway = true, true
	r.report(diag.CodeRunaway, r.cur.whole(), summary, detail)
}

// logical handles one line in keepalived's order: condition, definition, loop, substitution, include, statement. A
// line that substitution changed is looked at again from the start.
func (r *Reader) logical(c cooked, continued bool, depth int, changed bool) {
	if depth > maxNesting {
		r.report(diag.CodeRunaway, r.cur.whole(), "definitions or loops are nested too deeply",
			fmt.Sprintf("a definition that uses itself? More than %d levels", maxNesting))
		return
	}
	for pass := 0; len(c.b) > 0; pass++ {
		if r.stopped {
			return
		}
		if c.b[0] == '@' {
			if c = r.condition(c); len(c.b) == 0 {
				return
			}
			continue
		}
		if r.define(c, continued) {
			return
		}
		if c.b[0] == '~' && r.loop(c, depth) {
			return
		}
		if pass > maxNesting {
			break
		}
		sub, multi, did := r.substitute(c)
		if multi != nil {
			r.playBack(sub, multi, depth)
			return
		}
		if !did {
			break
		}
		changed = true
		c = sub.decomment()
	}
	if len(c.b) == 0 {
		return
	}
	if level, pattern, ok := includeOf(string(c.b)); ok {
		r.include(level, pattern)
		return
	}
	rest := cooked{}
	if cut := afterBrace(c.b); cut > 0 {
		c, rest = c.slice(0, cut), c.slice(cut, len(c.b)).trim()
	}
	text := string(c.b)
	r.lex.lexCooked(text, c.at)
	if changed && !r.hold(len(text)+sizeOfWord*len(r.lex.toks)) {
		return
	}
	r.deliver(text, &expansion{line: text, rewritten: changed})
	if len(rest.b) > 0 {
		r.logical(rest, continued, depth, changed)
	}
}

// afterBrace returns where a line begins anew behind a brace that is not quoted, or 0.
func afterBrace(b []byte) int {
	quoted := false
	for i, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && cookedClass[c] == brace && beginsAnew(b[i+1:]):
			return i + 1
		}
	}
	return 0
}

// condition handles @ID and @^ID: it returns the rest of the line when it counts, and nothing otherwise.
func (r *Reader) condition(c cooked) cooked {
	end := 1
	for end < len(c.b) && cookedClass[c.b[end]] != blank {
		end++
	}
	id := string(c.b[1:end])
	negate := strings.HasPrefix(id, "^")
	id = strings.TrimPrefix(id, "^")
	r.inputs.addOnce(inputConfigID, "", r.env.ID)
	if (id == r.env.ID) == negate {
		return cooked{}
	}
	return c.slice(end, len(c.b)).trim()
}

// define handles a $NAME=VALUE line and reports whether it was one.
func (r *Reader) define(c cooked, continued bool) bool {
	if c.b[0] != '$' {
		return false
	}
	end := nameEnd(c.b, 1)
	if end == 1 || end >= len(c.b) || c.b[end] != '=' {
		return false
	}
	p := &parameter{name: string(c.b[1:end]), at: r.cur.whole()}
	value := c.slice(end+1, len(c.b)).trim()
	if continued {
		p.multi = true
		r.open = p
	}
	p.add(value, continued)
	if !continued {
		r.setParameter(p)
	}
	return true
}

// add appends a line of a definition without its continuation mark. A first line that is empty counts for nothing.
func (p *parameter) add(c cooked, continued bool) {
	text := string(c.b)
	if continued {
		text = strings.TrimRight(strings.TrimSuffix(text, `\`), " \t")
	}
	if p.multi && len(p.lines) == 0 && text == "" {
		return
	}
	p.lines = append(p.lines, text)
}

func (r *Reader) extendDefinition(c cooked, continued bool) {
	if len(c.b) > 0 {
		r.open.add(c, continued)
	}
	if len(r.open.lines) > maxDefinition {
		r.giveUp("a definition does not end", fmt.Sprintf("$%s has more than %d lines", r.open.name, maxDefinition))
		return
	}
	if !continued {
		r.setParameter(r.open)
		r.open = nil
	}
}

func (r *Reader) setParameter(p *parameter) {
	if r.params == nil {
		r.params = map[string]*parameter{}
	}
	r.params[p.name] = p
}

// playBack re-reads the lines of a multi-line definition where a reference to it ends a line: what stood before the
// reference goes in front of the first of them.
func (r *Reader) playBack(prefix cooked, p *parameter, depth int) {
	use := place{r.cur.at, r.cur.at + int32(len(r.cur.text))}
	if n := len(prefix.at); n > 0 {
		use = prefix.at[n-1] // the reference itself, see substitute
		prefix = prefix.slice(0, n-1)
	}
	for i, text := range p.lines {
		if !r.spend(costLine) {
			return
		}
		var line cooked
		if i == 0 {
			line = cooked{b: append([]byte(nil), prefix.b...), at: append([]place(nil), prefix.at...)}
		}
		for k := range len(text) {
			line.add(text[k], use)
		}
		if len(line.b) > MaxLineLength {
			r.report(diag.CodeLineTooLong, r.cur.whole(), "line too long - ignoring", "after expansion of $"+p.name)
			continue
		}
		if i == 0 {
			line = line.decomment() // what stands before the reference may have become a comment
		}
		r.logical(line.trim(), false, depth+1, true)
	}
}

// reference is a $NAME or ${NAME ARG…} in a line.
type reference struct {
	name string
	args []string
	end  int
}

// referenceAt parses the reference at b[i] == '$'. The brace-less form must be followed by a blank, a comma, a closing
// parenthesis or the end.
func referenceAt(b []byte, i int) (reference, bool) {
	if i+1 < len(b) && b[i+1] == '{' {
		end := nameEnd(b, i+2)
		if end == i+2 || end >= len(b) {
			return reference{}, false
		}
		ref := reference{name: string(b[i+2 : end])}
		if b[end] == '}' {
			ref.end = end + 1
			return ref, true
		}
		stop := end
		for stop < len(b) && b[stop] != '}' {
			stop++
		}
		if b[end] != ' ' || stop == len(b) || b[stop-1] == ' ' {
			return reference{}, false
		}
		ref.args = strings.Fields(string(b[end:stop]))
		ref.end = stop + 1
		return ref, true
	}
	end := nameEnd(b, i+1)
	if end == i+1 || end < len(b) && !strings.ContainsRune(" \t,)", rune(b[end])) {
		return reference{}, false
	}
	return reference{name: string(b[i+1 : end]), end: end}, true
}

// nameEnd returns the end of the parameter name that starts at b[i].
func nameEnd(b []byte, i int) int {
	start := i
	for i < len(b) {
		c := b[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == start || c < '0' || c > '9') {
			break
		}
		i++
	}
	return i
}

// substitute replaces the references in c, and those in their values. When the line ends in a reference to a
// multi-line definition it returns that, with what stands before it and the place of the reference as last byte.
func (r *Reader) substitute(c cooked) (out cooked, multi *parameter, did bool) {
	if bytes.IndexByte(c.b, '$') < 0 {
		return c, nil, false
	}
	out = c
	refs := 0
	for i := 0; i < len(out.b); {
		if out.b[i] != '$' {
			i++
			continue
		}
		ref, ok := referenceAt(out.b, i)
		if !ok {
			i++
			continue
		}
		value, p, ok := r.value(ref, out, i)
		if !ok {
			i++
			continue
		}
		where := place{out.at[i].start, out.at[ref.end-1].end}
		if p != nil && p.multi {
			if ref.end != len(out.b) {
				i = ref.end
				continue
			}
			prefix := cooked{b: append([]byte(nil), out.b[:i]...), at: append([]place(nil), out.at[:i]...)}
			prefix.add(0, where)
			return prefix, p, true
		}
		if !r.spend(costLine) || !r.hold(len(out.b)+len(value)) {
			return cooked{}, nil, true
		}
		if refs++; refs > maxLineRefs {
			r.report(diag.CodeRunaway, r.cur.whole(), "expansion of parameters does not end",
				"does $"+ref.name+" refer to itself?")
			return cooked{}, nil, true
		}
		if len(out.b)-(ref.end-i)+len(value) > MaxLineLength {
			r.report(diag.CodeLineTooLong, r.cur.whole(), "line too long after expansion of $"+ref.name,
				fmt.Sprintf("a line may have at most %d bytes", MaxLineLength))
			return cooked{}, nil, true
		}
		next := cooked{b: make([]byte, 0, len(out.b)+len(value)), at: make([]place, 0, len(out.b)+len(value))}
		next.b = append(next.b, out.b[:i]...)
		next.at = append(next.at, out.at[:i]...)
		for k := range len(value) {
			next.add(value[k], where)
		}
		next.b = append(next.b, out.b[ref.end:]...)
		next.at = append(next.at, out.at[ref.end:]...)
		out, did = next, true
	}
	return out, nil, did
}

// value returns what a reference stands for, or false when it stays as it is.
func (r *Reader) value(ref reference, c cooked, at int) (string, *parameter, bool) {
	if p, ok := r.params[ref.name]; ok && len(ref.args) == 0 {
		if p.multi {
			return "", p, true
		}
		return p.lines[0], p, true
	}
	switch ref.name {
	case "_PWD":
		return r.cur.src.dir(), nil, len(ref.args) == 0
	case "_INSTANCE":
		r.inputs.addOnce(inputConfigID, "", r.env.ID)
		return r.env.ID, nil, len(ref.args) == 0
	case "_HASH":
		return "#", nil, len(ref.args) == 0
	case "_BANG":
		return "!", nil, len(ref.args) == 0
	case "_ENV":
		if len(ref.args) != 1 {
			r.report(diag.CodeBadParameter, r.refRange(c, at, ref), "${_ENV} takes the name of one variable", "")
			return "", nil, false
		}
		v := r.env.lookup(ref.args[0])
		r.inputs.addOnce(inputEnvironment, ref.args[0], v)
		return v, nil, true
	case "_RANDOM":
		v, ok := r.randomValue(ref, c, at)
		return v, nil, ok
	}
	if c.b[at+1] == '{' {
		r.report(diag.CodeUndefinedParameter, r.refRange(c, at, ref), "parameter '"+ref.name+"' is not defined",
			"its braces are read as the braces of a block; define it above with $"+ref.name+"=")
	}
	return "", nil, false
}

func (r *Reader) refRange(c cooked, at int, ref reference) diag.Range {
	return r.cur.rangeOf(c.at[at].start, c.at[ref.end-1].end)
}

// randomValue is ${_RANDOM [MIN [MAX]]}: a whole number, 0 to 32767 unless said otherwise.
func (r *Reader) randomValue(ref reference, c cooked, at int) (string, bool) {
	lo, hi := int64(0), int64(32767)
	var err1, err2 error
	if len(ref.args) > 0 {
		lo, err1 = strconv.ParseInt(ref.args[0], 10, 32)
	}
	if len(ref.args) > 1 {
		hi, err2 = strconv.ParseInt(ref.args[1], 10, 32)
	}
	if err1 != nil || err2 != nil || len(ref.args) > 2 {
		r.report(diag.CodeBadParameter, r.refRange(c, at, ref), "${_RANDOM} takes two decimal numbers at most", "")
		return "", false
	}
	if lo > hi {
		r.report(diag.CodeBadParameter, r.refRange(c, at, ref), "${_RANDOM}: the minimum is above the maximum",
			"the minimum is used")
		return strconv.FormatInt(lo, 10), true
	}
	r.inputs.addOnce(inputRandom, "", "")
	r.random += 0x9e3779b97f4a7c15 // SplitMix64
	z := r.random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return strconv.FormatInt(lo+int64(z%uint64(hi-lo+1)), 10), true
}
