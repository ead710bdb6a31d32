package syntax

import (
	"fmt"
	"strconv"
	"strings"

	"vigil/confparse/diag"
)

// loop handles a ~SEQ, ~SEQx or ~LST line: the rest of the line is read once for each value, with the loop's
// variables set as parameters. It reports whether the line was one.
func (r *Reader) loop(c cooked, depth int) bool {
	text := string(c.b)
	open := strings.IndexByte(text, '(')
	if open < 0 {
		return false
	}
	word := text[:open]
	if word != "~SEQ" && word != "~SEQx" && word != "~LST" {
		return false
	}
	closing := closingParen(text, open)
	if closing < 0 {
		r.badLoop(c, word, "its ')' is missing")
		return true
	}
	args, multi, _ := r.substitute(c.slice(open+1, closing))
	if multi != nil {
		r.badLoop(c, word, "a multi-line definition cannot be an argument")
		return true
	}
	rest := c.slice(closing+1, len(c.b)).trim()
	if word == "~LST" {
		r.loopList(c, string(args.b), rest, depth)
	} else {
		r.loopSequence(c, word, string(args.b), rest, depth)
	}
	return true
}

// closingParen returns the place of the parenthesis that ends the one at open.
func closingParen(s string, open int) int {
	if i := strings.IndexByte(s[open:], ')'); i >= 0 {
		return open + i
	}
	return -1
}

func (r *Reader) badLoop(c cooked, word, why string) {
	summary := "Invalid ~SEQ values"
	if word == "~LST" {
		summary = "Invalid ~LST specification"
	}
	at := r.cur.whole()
	if n := len(c.at); n > 0 {
		at = r.cur.rangeOf(c.at[0].start, c.at[n-1].end)
	}
	r.report(diag.CodeBadLoop, at, summary, why)
}

// iterate reads rest once with the given parameters set. They stay set afterwards.
func (r *Reader) iterate(rest cooked, depth int, names, values []string) bool {
	if !r.spend(costRound) {
		return false
	}
	for i, name := range names {
		v := ""
		if i < len(values) {
			v = values[i]
		}
		r.setParameter(&parameter{name: name, lines: []string{v}, at: r.cur.whole()})
	}
	r.logical(rest, false, depth+1, true)
	return !r.stopped
}

// loopSequence is ~SEQ(VAR, [[START,] [STEP,]] END): START 1, or -1 for a negative END; STEP 1 in END's direction.
func (r *Reader) loopSequence(c cooked, word, args string, rest cooked, depth int) {
	parts := strings.Split(args, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if len(parts) < 2 || len(parts) > 4 || parts[0] == "" {
		r.badLoop(c, word, "it takes (VAR, [[START,] [STEP,]] END)")
		return
	}
	var nums [3]int64
	for i, p := range parts[1:] {
		v, err := strconv.ParseInt(strings.TrimPrefix(p, "+"), 0, 64)
		if err != nil || v > 1<<40 || v < -(1<<40) {
			r.badLoop(c, word, fmt.Sprintf("'%s' is not a number", p))
			return
		}
		nums[i] = v
	}
	var start, step, end int64
	switch len(parts) {
	case 2:
		end = nums[0]
		start = 1
		if end < 0 {
			start = -1
		}
	case 3:
		start, end = nums[0], nums[1]
	case 4:
		start, step, end = nums[0], nums[1], nums[2]
	}
	if len(parts) < 4 {
		step = 1
		if end < start {
			step = -1
		}
	}
	switch {
	case step == 0, end > start && step < 0, end < start && step > 0:
		r.badLoop(c, word, fmt.Sprintf("steps of %d do not lead from %d to %d", step, start, end))
		return
	case word == "~SEQx" && (start < 0 || end < 0):
		r.badLoop(c, word, "hexadecimal numbers cannot be negative")
		return
	}
	base := 10
	if word == "~SEQx" {
		base = 16
	}
	leave, ok := r.enter((end-start)/step + 1)
	if !ok {
		return
	}
	defer leave()
	name := []string{parts[0]}
	for v := start; step > 0 && v <= end || step < 0 && v >= end; v += step {
		if !r.iterate(rest, depth, name, []string{strconv.FormatInt(v, base)}) {
			return
		}
	}
}

// loopList is ~LST(VAR, a, b…) or ~LST({V1,V2}, {a,1}, {b,2}…). Missing values of a set are empty.
func (r *Reader) loopList(c cooked, args string, rest cooked, depth int) {
	sets, ok := listSets(args)
	if !ok || len(sets) < 2 {
		r.badLoop(c, "~LST", "it takes (VAR, VALUE, …) or ({VAR, …}, {VALUE, …}, …)")
		return
	}
	names := sets[0]
	for _, n := range names {
		if n == "" {
			r.badLoop(c, "~LST", "a variable has no name")
			return
		}
	}
	for _, values := range sets[1:] {
		if len(values) > len(names) {
			r.badLoop(c, "~LST", fmt.Sprintf("%d values for %d variables", len(values), len(names)))
			return
		}
	}
	leave, ok := r.enter(int64(len(sets) - 1))
	if !ok {
		return
	}
	defer leave()
	for _, values := range sets[1:] {
		if !r.iterate(rest, depth, names, values) {
			return
		}
	}
}

// listSets splits "a, {b, c}, d" at its outer commas.
func listSets(s string) (sets [][]string, ok bool) {
	for s = strings.TrimSpace(s); s != ""; {
		var item string
		if s[0] == '{' {
			end := strings.IndexByte(s, '}')
			if end < 0 {
				return nil, false
			}
			item, s = s[1:end], strings.TrimSpace(s[end+1:])
			if s != "" && s[0] != ',' {
				return nil, false
			}
		} else {
			end := strings.IndexByte(s, ',')
			if end < 0 {
				end = len(s)
			}
			item, s = s[:end], s[end:]
			if strings.ContainsAny(strings.TrimSpace(item), " \t\"") {
				return nil, false
			}
		}
		set := strings.Split(item, ",")
		for i := range set {
			set[i] = strings.TrimSpace(set[i])
		}
		sets = append(sets, set)
		s = strings.TrimSpace(strings.TrimPrefix(s, ","))
	}
	return sets, true
}
