package confparse

import "fmt"

// builder turns the pieces of the lexer into a Tree. It knows the keyword table, because what a word means depends on
// the block it stands in: a statement, an item of a list, or a mistake.
type builder struct {
	arena  arena
	stream *stream // nil to keep the whole tree
	frames []frame
	kids   []*Node // children of the open blocks, outermost first
	// pending is a block statement whose '{' has not come yet.
	pending *Node
	// skip counts the open braces of a block that is not read: an unknown one, or one behind a plain statement.
	skip int
	// last is the statement before the current piece, for a '{' that should not be there.
	last lastKind
	// closed is the block of the root that ended last, while nothing else has begun.
	closed *Node
	// closedAt is where the brace of closed is.
	closedAt Range
	// muted is set inside what follows a block that was closed too early.
	muted int
	// suspect is the first block whose closing brace is indented unlike its opening line.
	suspect *Node
	// suspectAt is where that brace is.
	suspectAt   Range
	suspectLine string
	suspectSeq  int32
	lastSeen    lineRef // the last line with anything on it
	openedAt    int32   // the line of the last '{' that opened a block
	echo        *echo   // nil as long as keepalived reads the braces as we do
	seq         int32
	// before is the row of the last keyword, and after what followed each row the last time: most configurations say
	// the same things over and over, so that this is what comes next.
	before int32
	after  []*keyword
}

type lastKind uint8

const (
	lastNothing lastKind = iota
	lastUnknown
	lastPlain
	lastBrace
)

// frame is an open block. node is nil for the root.
type frame struct {
	node  *Node
	block *block // nil inside a list
	base  int    // where its children begin in builder.kids
}

func newBuilder() *builder {
	b := &builder{after: make([]*keyword, rows)}
	b.frames = append(b.frames, frame{block: &blocks[inRoot]})
	return b
}

func (b *builder) nextSeq() int32 {
	b.seq++
	return b.seq
}

func (b *builder) top() *frame { return &b.frames[len(b.frames)-1] }

// node makes a statement of the words of the current line.
func (b *builder) node(r *reader, toks []Token, e *expansion) *Node {
	n := b.arena.node()
	n.Keyword, n.Args, n.Body = toks[0], b.arena.words(toks[1:]), nil
	n.kw, n.expanded, n.closeLn, n.damaged = nil, e, 0, false
	n.src, n.lineAt, n.line, n.seq = r.cur.src, r.cur.at, r.cur.num, r.cur.seq
	return n
}

// statement adds the words of one statement to the block that is open.
func (b *builder) statement(r *reader, toks []Token, e *expansion) {
	if b.echo != nil {
		b.echo.statement(r, toks[0])
	}
	b.take(r, toks, e)
	if b.echo != nil {
		b.converged()
	}
}

// take is statement without what follows keepalived.
func (b *builder) take(r *reader, toks []Token, e *expansion) {
	if b.skip > 0 {
		return
	}
	if b.pending != nil {
		b.missingOpen(r)
		if len(b.frames) == 2 && b.echo != nil {
			b.echo.statement(r, toks[0])
		}
	}
	f := b.top()
	word := toks[0].Text
	if f.block == nil {
		b.item(r, toks, e)
		return
	}
	kw := b.keyword(f.block, word)
	if kw == nil {
		if kw = b.misplaced(r, toks); kw == nil {
			return
		}
	}
	if b.muted == 1 && kw.opens() && len(toks) > 1 {
		b.muted = 0
	}
	if b.muted > 0 {
		return
	}
	if b.stream != nil {
		b.stream.statement(r, kw, toks)
	}
	b.after[b.before] = kw
	b.before = kw.row
	n := b.node(r, toks, e)
	n.kw = kw
	b.kids = append(b.kids, n)
	b.last = lastPlain
	if kw.opens() {
		b.pending = n
	}
	if len(b.frames) == 1 {
		b.closed = nil
	}
	if kw.whileReading != nil {
		kw.whileReading(r, n)
	}
}

// keyword returns what word is in blk, or nil.
func (b *builder) keyword(blk *block, word string) *keyword {
	if kw := b.after[b.before]; kw != nil && kw.name == word && kw.in.has(blk.id) {
		return kw
	}
	return blk.words[word]
}

// item adds one line of a list block.
func (b *builder) item(r *reader, toks []Token, e *expansion) {
	if kw := b.outerBlock(r, toks); kw != nil {
		b.take(r, toks, e)
		return
	}
	if b.muted > 0 {
		return
	}
	n := b.node(r, toks, e)
	b.kids = append(b.kids, n)
	b.last = lastPlain
}

// misplaced deals with a word that the current block does not know. It returns the keyword after making its block the
// current one, or nil after reporting the word.
func (b *builder) misplaced(r *reader, toks []Token) *keyword {
	if kw := b.outerBlock(r, toks); kw != nil {
		return kw
	}
	word := toks[0].Text
	if b.muted > 0 {
		b.last = lastUnknown
		return nil
	}
	if len(b.frames) == 1 && b.closed != nil && b.closed.kw.inner().words[word] != nil {
		b.closedTooEarly(r, toks)
		return nil
	}
	t := toks[0]
	at, summary := r.cur.rangeOf(t.Offset, t.Offset+int32(t.Len)), fmt.Sprintf("Unknown keyword '%s'", word)
	if r.rep.wants(CodeUnknownKeyword, at, summary) {
		r.report(CodeUnknownKeyword, at, summary, b.advice(word))
	}
	b.last = lastUnknown
	return nil
}

// advice says what to write instead of a word that the current block does not know, if that can be guessed.
func (b *builder) advice(word string) string {
	f := b.top()
	if c := f.canonical(word); c != "" {
		return fmt.Sprintf("here it is called '%s'", c)
	}
	if near := suggest(word, f.block); near != "" {
		return "did you mean '" + near + "'?"
	}
	if home := b.belongsTo(word); home != "" {
		return fmt.Sprintf("'%s' belongs in a %s block", word, home)
	}
	return ""
}

// canonical returns the keyword of the block that word is another spelling of in some other block, or "".
func (f *frame) canonical(word string) string {
	for i := range blocks {
		if kw := blocks[i].words[word]; kw != nil && kw.alias != "" && f.block.words[kw.alias] != nil {
			return kw.alias
		}
	}
	return ""
}

// belongsTo names a block that knows word, if exactly one kind does.
func (b *builder) belongsTo(word string) string {
	found := ""
	for i := range blocks {
		if blocks[i].words[word] != nil {
			if found != "" && found != blocks[i].name {
				return ""
			}
			found = blocks[i].name
		}
	}
	return found
}

// outerBlock finds the block around the current one that a statement really belongs to, because a '}' is missing: the
// word is unknown here and known there, and it either opens a block of the root or is not indented below the block it
// is in. It closes the blocks in between.
func (b *builder) outerBlock(r *reader, toks []Token) *keyword {
	if len(b.frames) == 1 || b.muted > 0 {
		return nil
	}
	word := toks[0].Text
	f := b.top()
	if f.block == nil && !f.node.kw.list.excludes(word) {
		return nil
	}
	col := toks[0].Offset - r.cur.at
	for i := len(b.frames) - 2; i >= 0; i-- {
		outer := b.frames[i].block
		if outer == nil {
			continue
		}
		kw := outer.words[word]
		if kw == nil {
			continue
		}
		inner := b.frames[i+1].node
		indented := col > inner.Keyword.Offset-inner.lineAt
		rootBlock := i == 0 && kw.opens() && len(toks) > 1
		if inner.line == r.cur.num || indented && !rootBlock {
			return nil
		}
		b.missingClose(r, toks[0], f.node, inner)
		t := toks[0]
		if b.echo == nil {
			b.diverge(r)
			b.echo.statement(r, t)
		}
		for len(b.frames) > i+1 {
			b.damage()
			b.pop(nil)
		}
		return kw
	}
	return nil
}

// missingOpen treats a block whose '{' is missing as begun.
func (b *builder) missingOpen(r *reader) {
	n := b.pending
	d := Diagnostic{Code: CodeMissingOpen, Subject: n.Range(), Line: n.src.lineText(n.lineAt),
		Summary: "Missing '{' at beginning of configuration block",
		Detail:  fmt.Sprintf("'%s' opens a block", n.Keyword.Text), Related: includedFrom(n.src)}
	if r.cur.src == n.src {
		d.EndLine = r.cur.num
	}
	before := len(r.rep.list)
	r.rep.report(d, n.seq)
	if len(r.rep.list) > before && b.echo == nil {
		b.diverge(r)
		b.echo.passOver()
	}
	b.push(n)
}

func (b *builder) push(n *Node) {
	if len(b.frames) == 1 {
		b.suspect = nil
	}
	b.frames = append(b.frames, frame{node: n, block: n.kw.inner(), base: len(b.kids)})
	b.pending = nil
	b.openedAt = n.line
}

// pop ends the innermost block. r is nil when its brace is missing.
func (b *builder) pop(r *reader) {
	f := b.top()
	n := f.node
	n.Body = b.arena.body(b.kids[f.base:])
	b.kids = b.kids[:f.base]
	if r != nil && r.cur.src == n.src {
		n.closeLn = r.cur.num
	}
	b.frames = b.frames[:len(b.frames)-1]
	if b.closed = nil; r != nil && len(b.frames) == 1 && n.kw.inner() != nil {
		b.closed = n
	}
	if b.stream != nil && len(b.frames) == 1 {
		b.stream.closed(r, b, n)
	}
}

// openBrace handles a '{'.
func (b *builder) openBrace(r *reader, p *piece) {
	if b.echo != nil {
		b.echo.open(r, b.column(p, r))
	}
	b.open(r, p)
	b.last = lastBrace
	if b.echo != nil {
		b.converged()
	}
}

// open is openBrace without what follows keepalived.
func (b *builder) open(r *reader, p *piece) {
	switch {
	case b.skip > 0:
		b.skip++
	case b.muted > 0:
		b.muted++
	case b.pending != nil:
		b.push(b.pending)
	case b.last == lastUnknown:
		if b.echo == nil {
			b.diverge(r)
			b.echo.open(r, b.column(p, r))
		}
		b.skip = 1
		b.damage()
	default:
		b.report(r, p, CodeUnexpectedOpen, "Unexpected '{' - ignoring",
			"nothing before it opens a block")
		b.damage()
		if b.last == lastPlain || r.cur.num != b.openedAt {
			// What opens it is missing. A brace next to another one is only doubled.
			b.diverge(r)
			b.skip = 1
		}
	}
}

// closeBrace handles a '}'.
func (b *builder) closeBrace(r *reader, p *piece) {
	if b.echo != nil {
		b.echo.close(r, b.column(p, r))
	}
	b.close(r, p)
	b.last = lastBrace
	if b.echo != nil {
		b.converged()
	}
}

// close is closeBrace without what follows keepalived.
func (b *builder) close(r *reader, p *piece) {
	switch {
	case b.skip > 0:
		b.skip--
		return
	case b.muted > 0:
		b.muted--
		return
	case b.pending != nil:
		b.missingOpen(r)
	}
	if len(b.frames) == 1 {
		b.report(r, p, CodeExtraClose, "Extra '}' found", "no block is open here")
		b.closed = nil
		return
	}
	n := b.top().node
	if b.suspect == nil && n.line != r.cur.num {
		at := r.cur.at
		if len(r.lex.toks) == 0 && b.column(p, r)-at != n.Keyword.Offset-n.lineAt {
			b.suspect = n.lasting()
			end := b.column(p, r)
			b.suspectAt, b.suspectLine, b.suspectSeq = r.cur.rangeOf(end, end+1), r.cur.text, r.cur.seq
		}
	}
	b.pop(r)
	if b.closed != nil {
		at := b.column(p, r)
		b.closedAt = Range{File: r.cur.src.path, Start: Pos{at, r.cur.num, 1}, End: Pos{at + 1, r.cur.num, 2}}
	}
}

// column returns the offset of a brace in its file.
func (b *builder) column(p *piece, r *reader) int32 {
	if r.lex.places != nil {
		return r.lex.places[p.from].start
	}
	return r.cur.at + p.from
}

func (b *builder) report(r *reader, p *piece, code Code, summary, detail string, related ...Place) {
	at := b.column(p, r)
	r.report(code, r.cur.rangeOf(at, at+1), summary, detail, related...)
}

// closedTooEarly reports a '}' that ended a root block whose keywords go on after it. keepalived ignores them one by
// one up to the next '}'; so do we, with one message.
func (b *builder) closedTooEarly(r *reader, toks []Token) {
	n := b.closed
	t := toks[0]
	r.report(CodeClosedEarly, r.cur.rangeOf(t.Offset, t.Offset+int32(t.Len)),
		fmt.Sprintf("Unknown keyword '%s'", t.Text),
		fmt.Sprintf("the %s block it belongs to ended at line %d; everything from here to the next '}' is ignored",
			n.Keyword.Text, b.closedAt.Start.Line), Place{b.closedAt, "block closed here"})
	if b.echo == nil {
		b.diverge(r)
	}
	n.damaged = true
	b.muted = 1
	b.last = lastPlain
	if kw := n.kw.inner().words[t.Text]; kw.opens() {
		b.last = lastUnknown
	}
	b.closed = nil
}

// damage marks the open blocks as incomplete.
func (b *builder) damage() {
	for _, f := range b.frames[1:] {
		f.node.damaged = true
	}
}

// end closes what is still open at the end of the configuration.
func (b *builder) end() {
	b.pending = nil
}

// finish reports what is still open and returns the tree.
func (b *builder) finish(r *reader) *Tree {
	if b.stream != nil {
		b.stream.settle(r)
	}
	if b.pending != nil {
		b.missingOpen(r)
	}
	b.damage()
	if n := len(b.frames) - 1; n > 0 || b.skip > 0 {
		b.missingAtEnd(r, max(n, 1))
	}
	for len(b.frames) > 1 {
		b.pop(nil)
	}
	return &Tree{Root: b.arena.body(b.kids)}
}
