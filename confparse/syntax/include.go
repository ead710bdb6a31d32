package syntax

import (
	"fmt"
	"path"
	"strings"

	"vigil/confparse/diag"
)

// includeChecks is what an include keyword enforces.
type includeChecks uint8

const (
	checkRead     includeChecks = 1 << iota // files must be readable and regular
	checkMatch                              // a name without wildcards must exist
	checkWildcard                           // a wildcard must match something
	checkBrace                              // each brace alternative must exist
	checkNothing  includeChecks = 0
	checkAll                    = checkRead | checkMatch | checkWildcard | checkBrace
)

var includeKeywords = map[string]includeChecks{
	"include":  checkNothing,
	"includer": checkRead,
	"includem": checkRead | checkMatch,
	"includew": checkRead | checkMatch | checkWildcard,
	"includeb": checkRead | checkBrace,
	"includea": checkAll,
}

func isInclude(t Token) bool {
	if len(t.Text) < len("include") || t.Text[0] != 'i' || t.Quoted {
		return false
	}
	_, ok := includeKeywords[t.Text]
	return ok
}

// includeOf splits an include line. The pattern is the rest of the line: quotes and braces mean nothing to it.
func includeOf(line string) (checks includeChecks, pattern string, ok bool) {
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		return 0, "", false
	}
	checks, ok = includeKeywords[line[:i]]
	return checks, strings.TrimSpace(line[i:]), ok
}

// include reads the files that match pattern in place of the current line.
func (r *Reader) include(checks includeChecks, pattern string) {
	checks |= r.level
	if r.env.AllConfig {
		checks = checkAll
	}
	shown := pattern
	if !path.IsAbs(pattern) {
		pattern = path.Join(r.cur.src.dir(), pattern)
	}
	at := r.cur.whole()
	depth := 0
	for s := r.cur.src; s != nil; s = s.up {
		depth++
	}
	if depth >= maxIncludeDepth {
		r.report(diag.CodeRunaway, at, "includes are nested too deeply", fmt.Sprintf("more than %d levels", maxIncludeDepth))
		return
	}
	for _, alt := range braceAlternatives(pattern) {
		if len(r.glob(alt)) == 0 && strings.ContainsRune(pattern, '{') && checks&checkBrace != 0 {
			r.report(diag.CodeIncludeRefused, at, fmt.Sprintf("Config files missing '%s'.", shown), "no file "+alt)
			return
		}
	}
	names := r.glob(pattern)
	if len(names) == 0 {
		r.nothingIncluded(checks, shown, pattern, at)
		return
	}
	for _, name := range names {
		r.includeOne(checks, name, hasWildcard(pattern), at)
	}
}

func (r *Reader) nothingIncluded(checks includeChecks, shown, pattern string, at diag.Range) {
	wild := hasWildcard(pattern)
	code := diag.CodeIncludeMissing
	switch {
	case wild && checks&checkWildcard != 0, !wild && checks&(checkMatch) != 0:
		code = diag.CodeIncludeRefused
	case wild:
		code = diag.CodeIncludeNoMatch
	}
	r.report(code, at, fmt.Sprintf("Config files missing '%s'.", shown), "no file matches "+pattern)
}

func (r *Reader) includeOne(checks includeChecks, name string, wild bool, at diag.Range) {
	for s := r.cur.src; s != nil; s = s.up {
		if s.path == name {
			r.report(diag.CodeIncludeCycle, at, "file "+name+" includes itself", "")
			return
		}
	}
	if r.files >= maxFiles {
		r.stopped = true
		r.report(diag.CodeRunaway, at, "too many included files", fmt.Sprintf("more than %d", maxFiles))
		return
	}
	text, err := r.readFile(name)
	if err != nil {
		code := diag.CodeIncludeUnreadable
		switch {
		case checks&checkRead != 0:
			code = diag.CodeIncludeRefused
		case wild:
			code = diag.CodeIncludeSkipped
		}
		r.report(code, at, fmt.Sprintf("cannot include %s: %v", name, err), "")
		return
	}
	r.readSource(&source{path: name, text: text, up: r.cur.src, from: &diag.Place{Range: at, Note: "included from here"}})
}

// includeCheck is global_defs { include_check … }: it changes what plain includes enforce from here on.
func (r *Reader) includeCheck(n *Node) {
	names := map[string]includeChecks{"read": checkRead, "match": checkMatch, "wildcard_match": checkWildcard,
		"brace_match": checkBrace}
	if len(n.Args) == 0 {
		r.level = checkAll
		return
	}
	for i, a := range n.Args {
		name := strings.TrimLeft(a.Text, "+-")
		bit, ok := names[name]
		switch {
		case !ok:
			r.report(diag.CodeUnknownWord, n.RangeOf(a), fmt.Sprintf("Unknown include_check option '%s'", a.Text),
				"use read, match, wildcard_match or brace_match")
		case strings.HasPrefix(a.Text, "-"):
			r.level &^= bit
		case strings.HasPrefix(a.Text, "+"):
			r.level |= bit
		case i == 0:
			r.level = bit | checkRead
		default:
			r.report(diag.CodeUnknownWord, n.RangeOf(a), fmt.Sprintf("include_check '%s' needs a + or -", a.Text), "")
		}
	}
}
