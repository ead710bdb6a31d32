package syntax

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"vigil/confparse/diag"
)

// Limits that no sane configuration meets; a runaway one ends with a diagnostic instead of the machine's memory.
const (
	maxFileSize     = 256 << 20 // bytes of one file
	maxIncludeDepth = 32
	maxFiles        = 10_000
)

// MaxLineLength is how many bytes a line may have: keepalived's line buffer. A longer one is not read.
const MaxLineLength = 1023

// source is one file that was read, or is being read.
type source struct {
	path string // as shown to the user
	text string
	from *diag.Place // the include that led here; nil for the file Load was given
	up   *source     // the file that included it
}

// lineText returns the line that begins at offset at.
func (s *source) lineText(at int32) string {
	if int(at) >= len(s.text) {
		return ""
	}
	line := s.text[at:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	return strings.TrimSuffix(line, "\r")
}

// dir is where relative includes of s start, and what ${_PWD} is.
func (s *source) dir() string { return path.Dir(s.path) }

// physicalLine is the line being read.
type physicalLine struct {
	src  *source
	at   int32 // offset
	num  int32 // 1-based
	seq  int32 // reading order over all files
	text string
}

// lineRef says which line it was.
type lineRef struct {
	src          *source
	at, num, seq int32
}

func (l lineRef) line() *physicalLine {
	return &physicalLine{src: l.src, at: l.at, num: l.num, seq: l.seq, text: l.src.lineText(l.at)}
}

func (l *physicalLine) rangeOf(start, end int32) diag.Range {
	return diag.Range{
		File:  l.src.path,
		Start: diag.Pos{Offset: start, Line: l.num, Col: start - l.at + 1},
		End:   diag.Pos{Offset: end, Line: l.num, Col: end - l.at + 1},
	}
}

// whole returns the place of the line without the blanks around it.
func (l *physicalLine) whole() diag.Range {
	start, end := 0, len(l.text)
	for start < end && cookedClass[l.text[start]] == blank {
		start++
	}
	for end > start && cookedClass[l.text[end-1]] == blank {
		end--
	}
	return l.rangeOf(l.at+int32(start), l.at+int32(end))
}

// Reader reads the files of a configuration line by line and builds their Tree.
type Reader struct {
	fsys      fs.FS
	env       Env
	rep       *diag.Reporter
	inputs    *Inputs
	lex       lexer
	build     *builder
	cur       physicalLine
	files     int
	level     includeChecks // what a plain include enforces
	params    map[string]*parameter
	open      *parameter // the multi-line definition being read
	budget               // what expansion has cost so far
	cooked    int        // lines so far that could not be cut as they stand
	backslash int        // the place, plus one, of the diagnostic about comments that end in one
	stopped   bool       // by a limit
	random    uint64
}

// NewReader returns a Reader of the files of fsys that reports to rep what is wrong with them.
func NewReader(fsys fs.FS, env Env, g *Grammar, rep *diag.Reporter) *Reader {
	return &Reader{fsys: fsys, env: env, rep: rep, inputs: &Inputs{}, build: newBuilder(g), random: env.Seed,
		budget: budget{maxWork: maxExpansionWork, maxSize: maxExpansionSize}}
}

// Read returns the statements of the configuration at path, which may be a pattern of several files: all of them, but
// for what a Sink has taken, and none after a runaway expansion.
func (r *Reader) Read(path string) *Tree {
	r.readMain(path)
	if r.runaway {
		return &Tree{}
	}
	return r.build.finish(r)
}

// Inputs returns everything that was looked at.
func (r *Reader) Inputs() *Inputs { return r.inputs }

// report adds a diagnostic about a place in the line being read.
func (r *Reader) report(code diag.Code, subject diag.Range, summary, detail string, related ...diag.Place) {
	d := diag.Diagnostic{Code: code, Subject: subject, Summary: summary, Detail: detail, Related: related}
	if r.cur.src != nil && subject.File != "" {
		d.Line = r.cur.src.lineText(r.cur.at)
		d.Related = append(d.Related, includedFrom(r.cur.src)...)
	}
	r.rep.Report(d, r.cur.seq)
	if r.rep.Full() {
		r.stopped = true // there is nothing to gain from the rest
	}
}

// includedFrom returns the chain of includes that led to s, innermost first.
func includedFrom(s *source) []diag.Place {
	var chain []diag.Place
	for ; s != nil && s.from != nil; s = s.up {
		chain = append(chain, *s.from)
	}
	return chain
}

// open errors that are not the file system's own.
var (
	errNotRegular = errors.New("not a regular file")
	errExecutable = errors.New("an executable file is not read as configuration (chmod a-x)")
	errTooBig     = fmt.Errorf("larger than %d MiB", maxFileSize>>20)
)

// readFile returns the text of a regular file without an execute bit and notes it among the inputs.
func (r *Reader) readFile(name string) (string, error) {
	var text strings.Builder
	in, err := readInput(r.fsys, name, func(size int64) io.Writer {
		text.Grow(int(size))
		return &text
	})
	r.inputs.list = append(r.inputs.list, in)
	if err != nil {
		return "", err
	}
	return text.String(), nil
}

// errnoOnly drops operation and path, which the diagnostic names itself.
func errnoOnly(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// readMain reads every file that name, which may be a pattern, stands for.
func (r *Reader) readMain(name string) {
	names := []string{name}
	if hasMeta(name) {
		names = r.glob(name)
	}
	read := 0
	for _, n := range names {
		text, err := r.readFile(n)
		if err != nil {
			code := diag.CodeConfigUnreadable
			if r.env.AllConfig {
				code = diag.CodeIncludeRefused
			}
			r.rep.Report(diag.Diagnostic{Code: code, Summary: fmt.Sprintf("Config files missing '%s'.", n),
				Detail: "cannot read " + n + ": " + err.Error()}, 0)
			continue
		}
		read++
		r.readSource(&source{path: n, text: text})
	}
	if len(names) == 0 {
		r.rep.Report(diag.Diagnostic{Code: diag.CodeConfigUnreadable, Summary: fmt.Sprintf("Config files missing '%s'.", name),
			Detail: "no file matches " + name}, 0)
	}
	if read > 0 {
		r.build.end()
	}
}

// readSource reads the lines of s.
func (r *Reader) readSource(s *source) {
	r.files++
	saved, level := r.cur, r.level
	r.cur = physicalLine{src: s}
	for at := 0; at < len(s.text) && !r.stopped; {
		line := s.text[at:]
		next := len(s.text)
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
			next = at + i + 1
		}
		if k := len(line); k > 0 && line[k-1] == '\r' {
			line = line[:k-1]
		}
		r.cur.num++
		r.cur.at, r.cur.seq, r.cur.text = int32(at), r.build.nextSeq(), line
		if size := r.build.stream.skip(r); size > 0 {
			at += size
			continue
		}
		r.physical()
		at = next
	}
	if saved.src != nil {
		r.cur = saved
	}
	r.level = level
}

// physical handles the line in r.cur.
func (r *Reader) physical() {
	line := r.cur.text
	if r.open == nil && len(line) <= MaxLineLength && r.lex.lexRaw(line, r.cur.at) {
		if line != "" && line[len(line)-1] == '\\' {
			r.commentBackslash()
		}
		if ps := r.lex.pieces; len(ps) == 0 {
			return
		} else if ps[0].kind != pieceWords || !isInclude(r.lex.toks[0]) {
			r.deliver(line, nil)
			return
		}
	}
	r.cooked++
	switch {
	case len(line) > MaxLineLength:
		if strings.TrimLeft(line, " \t") == "" {
			return
		}
		r.report(diag.CodeLineTooLong, r.cur.rangeOf(r.cur.at, r.cur.at+int32(len(line))), "line too long - ignoring",
			fmt.Sprintf("a line may have at most %d bytes, this one has %d", MaxLineLength, len(line)))
	case strings.IndexByte(line, 0) >= 0:
		r.report(diag.CodeNUL, r.cur.whole(), "line contains embedded NULs - ignoring", "")
	default:
		// A backslash ends a line of a definition whether it stands before or inside a comment.
		c := cook(line, r.cur.at).decomment()
		if r.open == nil && strings.HasSuffix(line, `\`) && !bytes.HasSuffix(c.b, []byte{'\\'}) && !bytes.HasPrefix(c.b, []byte{'$'}) {
			r.commentBackslash()
		}
		continued := strings.HasSuffix(strings.TrimRight(line, " \t"), `\`) || bytes.HasSuffix(c.b, []byte{'\\'})
		r.cookedLine(c, continued)
	}
}

// commentBackslash reports a comment that ends in a backslash, once with all the lines. To us it is a comment.
func (r *Reader) commentBackslash() {
	end := r.cur.at + int32(len(r.cur.text))
	at := r.cur.rangeOf(end-1, end)
	if k := r.backslash; k > 0 {
		if d := r.rep.At(k - 1); len(d.Echoes) < maxEchoes {
			d.Echoes = append(d.Echoes, diag.Place{Range: at, Note: d.Summary})
		}
		return
	}
	before := r.rep.Len()
	r.report(diag.CodeCommentBackslash, at, `Unknown keyword '\'`,
		"to keepalived 2.2.7, a backslash at the end of a comment is a word or ends one; remove it")
	if r.rep.Len() > before {
		r.backslash = r.rep.Len()
	}
}

// deliver hands the pieces of the lexer to the builder. text is what they were cut from. changed is nil when that is the
// line as it stands, else it is what is common to its statements.
func (r *Reader) deliver(text string, changed *expansion) {
	r.build.lastSeen = lineRef{r.cur.src, r.cur.at, r.cur.num, r.cur.seq}
	for i := range r.lex.pieces {
		switch p := &r.lex.pieces[i]; p.kind {
		case pieceOpen:
			r.build.openBrace(r, p)
		case pieceClose:
			r.build.closeBrace(r, p)
		default:
			e := changed
			if e != nil {
				e = &expansion{text: text[p.from:p.to], line: e.line, rewritten: e.rewritten}
			}
			r.build.statement(r, r.lex.toks[p.lo:p.hi], e)
		}
	}
	if u := r.lex.unterminated; u >= 0 {
		if k := len(r.build.kids); k > 0 && r.build.kids[k-1].seq == r.cur.seq {
			r.build.kids[k-1].damaged = true
		}
		r.build.damage()
		r.report(diag.CodeUnterminatedQuote, r.cur.whole(), fmt.Sprintf("Unmatched quote: '%s'", text[u:]),
			"the rest of the line, from the quote on, is lost")
	}
}
