package syntax

import (
	"fmt"

	"vigil/confparse/diag"
)

// builder turns the pieces of the lexer into a Tree. It knows the Grammar, because what a word means depends on
// the block it stands in: a statement, an item of a list, or a mistake.
type builder struct {
	arena   arena
	grammar *Grammar
	stream  *Stream // nil to keep the whole tree
	frames  []frame
	kids    []*Node // children of the open blocks, outermost first
	// pending is a block statement whose '{' has not come yet.
	pending *Node
	// skip counts the open braces of a block that is not read: an unknown one, or one behind a plain statement.
	skip int
	// last is the statement before the current piece, for a '{' that should not be there.
	last lastKind
	// closed is the block of the root that ended last, while nothing else has begun.
	closed *Node
	// closedAt is where the brace of closed is.
	closedAt diag.Range
	// muted is set inside what follows a block that was closed too early.
	muted int
	// suspect is the first block whose closing brace is indented unlike its opening line.
	suspect *Node
	// suspectAt is where that brace is.
	suspectAt   diag.Range
	suspectLine string
	suspectSeq  int32
	lastSeen    lineRef // the last line with anything on it
	openedAt    int32   // the line of the last '{' that opened a block
	echo        *echo   // nil as long as keepalived reads the braces as we do
	seq         int32
	// before is the row of the last keyword, and after what followed each row the last time: most configurations say
	// the same things over and over, so that this is what comes next.
	before int32
	after  []*Keyword
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
	block *Block // nil inside a list
	base  int    // where its children begin in builder.kids
}

func newBuilder(g *Grammar) *builder {
	b := &builder{grammar: g, after: make([]*Keyword, g.Rows)}
	b.frames = append(b.frames, frame{block: &g.Blocks[0]})
	return b
}

func (b *builder) nextSeq() int32 {
	b.seq++
	return b.seq
}

func (b *builder) top() *frame { return &b.frames[len(b.frames)-1] }

// node makes a statement of the words of the current line.
func (b *builder) node(r *Reader, toks []Token, e *expansion) *Node {
	n := b.arena.node()
	n.Keyword, n.Args, n.Body = toks[0], b.arena.words(toks[1:]), nil
	n.Row, n.expanded, n.closeLn, n.damaged = nil, e, 0, false
	n.src, n.lineAt, n.line, n.seq = r.cur.src, r.cur.at, r.cur.num, r.cur.seq
	return n
}

// statement adds the words of one statement to the block that is open.
func (b *builder) statement(r *Reader, toks []Token, e *expansion) {
	if b.echo != nil {
		b.echo.statement(r, toks[0])
	}
	b.take(r, toks, e)
	if b.echo != nil {
		b.converged()
	}
}

// take is statement without what follows keepalived.
func (b *builder) take(r *Reader, toks []Token, e *expansion) {
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
	if b.muted == 1 && kw.Opens() && len(toks) > 1 {
		b.muted = 0
	}
	if b.muted > 0 {
		return
	}
	if b.stream != nil {
		b.stream.statement(r, kw, toks)
	}
	b.after[b.before] = kw
	b.before = kw.Index
	n := b.node(r, toks, e)
	n.Row = kw
	b.kids = append(b.kids, n)
	b.last = lastPlain
	if kw.Opens() {
		b.pending = n
	}
	if len(b.frames) == 1 {
		b.closed = nil
	}
	if kw.Checks {
		r.includeCheck(n)
	}
}

// keyword returns what word is in blk, or nil.
func (b *builder) keyword(blk *Block, word string) *Keyword {
	if kw := b.after[b.before]; kw != nil && kw.Name == word && kw.In.Has(blk.ID) {
		return kw
	}
	return blk.Words[word]
}

// item adds one line of a list block.
func (b *builder) item(r *Reader, toks []Token, e *expansion) {
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
func (b *builder) misplaced(r *Reader, toks []Token) *Keyword {
	if kw := b.outerBlock(r, toks); kw != nil {
		return kw
	}
	word := toks[0].Text
	if b.muted > 0 {
		b.last = lastUnknown
		return nil
	}
	if len(b.frames) == 1 && b.closed != nil && b.closed.Row.Block.Words[word] != nil {
		b.closedTooEarly(r, toks)
		return nil
	}
	t := toks[0]
	at, summary := r.cur.rangeOf(t.Offset, t.Offset+int32(t.Len)), fmt.Sprintf("Unknown keyword '%s'", word)
	if r.rep.Wants(diag.CodeUnknownKeyword, at, summary) {
		r.report(diag.CodeUnknownKeyword, at, summary, b.advice(word))
	}
	b.last = lastUnknown
	return nil
}

// advice says what to write instead of a word that the current block does not know, if that can be guessed.
func (b *builder) advice(word string) string {
	f := b.top()
	if c := b.canonical(word); c != "" {
		return fmt.Sprintf("here it is called '%s'", c)
	}
	if near := suggest(word, f.block); near != "" {
		return "did you mean '" + near + "'?"
	}
	switch home := b.belongsTo(word); {
	case home == "":
	case home == b.frames[0].block.Name:
		return fmt.Sprintf("'%s' belongs outside of every block", word)
	default:
		return fmt.Sprintf("'%s' belongs in a %s block", word, home)
	}
	return ""
}

// canonical returns the keyword of the block that word is another spelling of in some other block, or "".
func (b *builder) canonical(word string) string {
	here := b.top().block
	for i := range b.grammar.Blocks {
		if kw := b.grammar.Blocks[i].Words[word]; kw != nil && kw.Alias != "" && here.Words[kw.Alias] != nil {
			return kw.Alias
		}
	}
	return ""
}

// belongsTo names a block that knows word, if exactly one kind does.
func (b *builder) belongsTo(word string) string {
	found := ""
	for i := range b.grammar.Blocks {
		if b.grammar.Blocks[i].Words[word] != nil {
			if found != "" && found != b.grammar.Blocks[i].Name {
				return ""
			}
			found = b.grammar.Blocks[i].Name
		}
	}
	return found
}

// outerBlock finds the block around the current one that a statement really belongs to, because a '}' is missing: the
// word is unknown here and known there, and it either opens a block of the root or is not indented below the block it
// is in. It closes the blocks in between.
func (b *builder) outerBlock(r *Reader, toks []Token) *Keyword {
	if len(b.frames) == 1 || b.muted > 0 {
		return nil
	}
	word := toks[0].Text
	f := b.top()
	if f.block == nil && f.node.Row.Items == ItemWords {
		return nil
	}
	col := toks[0].Offset - r.cur.at
	for i := len(b.frames) - 2; i >= 0; i-- {
		outer := b.frames[i].block
		if outer == nil {
			continue
		}
		kw := outer.Words[word]
		if kw == nil {
			continue
		}
		inner := b.frames[i+1].node
		indented := col > inner.Keyword.Offset-inner.lineAt
		rootBlock := i == 0 && kw.Opens() && len(toks) > 1
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
func (b *builder) missingOpen(r *Reader) {
	n := b.pending
	d := diag.Diagnostic{Code: diag.CodeMissingOpen, Subject: n.Range(), Line: n.src.lineText(n.lineAt),
		Summary: "Missing '{' at beginning of configuration block",
		Detail:  fmt.Sprintf("'%s' opens a block", n.Keyword.Text), Related: includedFrom(n.src)}
	if r.cur.src == n.src {
		d.EndLine = r.cur.num
	}
	before := r.rep.Len()
	r.rep.Report(d, n.seq)
	if r.rep.Len() > before && b.echo == nil {
		b.diverge(r)
		b.echo.passOver()
	}
	b.push(n)
}

func (b *builder) push(n *Node) {
	if len(b.frames) == 1 {
		b.suspect = nil
	}
	b.frames = append(b.frames, frame{node: n, block: n.Row.Block, base: len(b.kids)})
	b.pending = nil
	b.openedAt = n.line
}

// pop ends the innermost block. r is nil when its brace is missing.
func (b *builder) pop(r *Reader) {
	f := b.top()
	n := f.node
	n.Body = b.arena.body(b.kids[f.base:])
	b.kids = b.kids[:f.base]
	if r != nil && r.cur.src == n.src {
		n.closeLn = r.cur.num
	}
	b.frames = b.frames[:len(b.frames)-1]
	if b.closed = nil; r != nil && len(b.frames) == 1 && n.Row.Block != nil {
		b.closed = n
	}
	if b.stream != nil && len(b.frames) == 1 {
		b.stream.closed(r, b, n)
	}
}

// openBrace handles a '{'.
func (b *builder) openBrace(r *Reader, p *piece) {
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
func (b *builder) open(r *Reader, p *piece) {
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
		b.report(r, p, diag.CodeUnexpectedOpen, "Unexpected '{' - ignoring",
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
func (b *builder) closeBrace(r *Reader, p *piece) {
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
func (b *builder) close(r *Reader, p *piece) {
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
		b.report(r, p, diag.CodeExtraClose, "Extra '}' found", "no block is open here")
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
		b.closedAt = diag.Range{File: r.cur.src.path, Start: diag.Pos{Offset: at, Line: r.cur.num, Col: 1},
			End: diag.Pos{Offset: at + 1, Line: r.cur.num, Col: 2}}
	}
}

// column returns the offset of a brace in its file.
func (b *builder) column(p *piece, r *Reader) int32 {
	if r.lex.places != nil {
		return r.lex.places[p.from].start
	}
	return r.cur.at + p.from
}

func (b *builder) report(r *Reader, p *piece, code diag.Code, summary, detail string, related ...diag.Place) {
	at := b.column(p, r)
	r.report(code, r.cur.rangeOf(at, at+1), summary, detail, related...)
}

// closedTooEarly reports a '}' that ended a root block whose keywords go on after it. keepalived ignores them one by
// one up to the next '}'; so do we, with one message.
func (b *builder) closedTooEarly(r *Reader, toks []Token) {
	n := b.closed
	t := toks[0]
	r.report(diag.CodeClosedEarly, r.cur.rangeOf(t.Offset, t.Offset+int32(t.Len)),
		fmt.Sprintf("Unknown keyword '%s'", t.Text),
		fmt.Sprintf("the %s block it belongs to ended at line %d; everything from here to the next '}' is ignored",
			n.Keyword.Text, b.closedAt.Start.Line), diag.Place{Range: b.closedAt, Note: "block closed here"})
	if b.echo == nil {
		b.diverge(r)
	}
	n.damaged = true
	b.muted = 1
	b.last = lastPlain
	if kw := n.Row.Block.Words[t.Text]; kw.Opens() {
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
func (b *builder) finish(r *Reader) *Tree {
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
