package syntax

import (
	"strings"

	"vigil/confparse/diag"
)

// Sink takes the blocks of the root of one kind while the rest is still being read, so that the statements of a
// configuration of thousands of them are never all in memory: each block's are taken back when the next root statement
// begins.
//
// The result must be that of reading everything first. A block qualifies when nothing that may follow can change what it
// means: no keyword of it Refers to another block, and nothing is wrong so far. From the first one that does not qualify
// on, all wait for the end and stay in the Tree. Global settings behind a block that was taken void the attempt: see
// Stream.Misled.
type Sink struct {
	Of BlockID
	// Alone reports whether the block n says by itself what it means.
	Alone func(n *Node) bool
	// Begin gets what of the root stands before the first block that is taken.
	Begin func(root []*Node)
	// Take gives n its meaning. It returns whether something came of it that may be Known to the next reading.
	Take func(n *Node) bool
	// Pass is told that the i-th block of the Known stands at place, and reports whether it needs no reading.
	Pass func(i int, place diag.Range) bool
}

// Stream is the state of handing blocks to a Sink.
type Stream struct {
	sink Sink
	rep  *diag.Reporter

	begun   bool      // a block was taken, and what stands before it
	waiting bool      // the blocks from here on stay in the Tree
	refers  bool      // the block being read refers to another one
	held    *Node     // a block that is complete, until it is sure that it was not closed too early
	since   arenaMark // where its statements begin
	void    bool
	said    int // diagnostics of what was taken so far

	known   *Known // from an earlier reading; nil if there is none
	learned *Known
	text    blockText // of the block being read, or held
	skipped bool      // a known block was not read again
}

// Stream makes r hand blocks to sink, and pass over those that are known. It comes before Read.
func (r *Reader) Stream(sink Sink, known *Known) *Stream {
	size := 0
	if known != nil {
		size = known.Len()
	}
	r.build.stream = &Stream{sink: sink, rep: r.rep, known: known, learned: newKnown(size)}
	return r.build.stream
}

// Begun reports whether a block was taken, or passed over, and so what stands before it as well.
func (s *Stream) Begun() bool { return s.begun }

// Learned returns the blocks that the next reading may pass over, in the order in which they were taken or passed over.
func (s *Stream) Learned() *Known { return s.learned }

// statement is told of every keyword, the first of toks, before its statement is added.
func (s *Stream) statement(r *Reader, kw *Keyword, toks []Token) {
	if len(r.build.frames) > 1 {
		s.refers = s.refers || kw.Refers
		return
	}
	s.settle(r)
	if s.begun && kw.Global {
		s.fail(r)
	}
	s.refers, s.since = false, r.build.arena.mark()
	if s.takes(kw) {
		s.beginText(r, toks[0])
	}
}

// takes reports whether kw opens a block of the kind that is taken.
func (s *Stream) takes(kw *Keyword) bool { return kw.Block != nil && kw.Block.ID == s.sink.Of }

// closed is told of every block of the root that ends, the last of b.kids. By reading on, it may still turn out to be
// damaged.
func (s *Stream) closed(r *Reader, b *builder, n *Node) {
	if !s.takes(n.Row) || s.waiting {
		return
	}
	if s.refers || !s.sink.Alone(n) || !s.sound(b, n) {
		s.waiting = true
		return
	}
	s.held = n
	b.kids = b.kids[:len(b.kids)-1]
	s.endText(r)
}

// settle takes the block that is held.
func (s *Stream) settle(r *Reader) {
	n, b := s.held, r.build
	if n == nil {
		return
	}
	s.held = nil
	if !s.sound(b, n) {
		s.waiting = true
		b.kids = append(b.kids, n)
		return
	}
	s.begin(r)
	before := r.rep.Count()
	known := s.sink.Take(n)
	s.said += r.rep.Count() - before
	if !known || !s.learn(r, n) {
		s.learned.addUnread()
	}
	b.arena.release(s.since)
	if r.rep.Fatal() || r.rep.Dropped() > 0 {
		s.fail(r) // what is said of damaged blocks depends on what was found before
	}
}

// begin hands over what stands before the first block that is taken.
func (s *Stream) begin(r *Reader) {
	if s.begun {
		return
	}
	s.begun = true
	before := r.rep.Count()
	s.sink.Begin(r.build.kids)
	s.said += r.rep.Count() - before
}

// Misled reports whether the result may differ from that of reading everything first. Where blocks were passed over,
// braces that do not match, say, could be explained in another way.
func (s *Stream) Misled(rep *diag.Reporter) bool {
	return s.void || s.skipped && rep.Count() != s.said
}

// sound reports whether reading has met nothing so far that makes it doubtful which blocks are open.
func (s *Stream) sound(b *builder, n *Node) bool {
	return !n.damaged && !s.rep.Fatal() && b.echo == nil && b.skip == 0 && b.muted == 0
}

func (s *Stream) fail(r *Reader) { s.void, r.stopped = true, true }

// skip passes over a known block that begins with the line being read, and returns its size, or 0.
func (s *Stream) skip(r *Reader) int {
	b := r.build
	if s == nil || s.known == nil || s.waiting || len(b.frames) > 1 || b.pending != nil || b.echo != nil || b.skip > 0 ||
		b.muted > 0 || r.open != nil {
		return 0
	}
	i, ok := s.known.match(r.cur.src.text[r.cur.at:], r.cur.text)
	if !ok {
		return 0
	}
	s.settle(r)
	s.begin(r)
	if s.waiting || s.void {
		return 0
	}
	k := s.known.blocks[i]
	if !s.sink.Pass(i, r.cur.rangeOf(r.cur.at+k.from, r.cur.at+k.to)) {
		return 0
	}
	s.skipped, b.closed, b.last = true, nil, lastBrace
	s.learned.add(r.cur.text, k)
	r.cur.num += k.lines - 1
	b.seq += k.lines - 1
	return int(k.size)
}

// blockText is the extent of the block being read, while its text is a candidate for Known.
type blockText struct {
	src        *source // nil: it is none
	at, end    int32
	num, lines int32 // its first line, and how many there are
	reported   int   // diagnostics before it
	cooked     int   // lines before it that were not cut as they stand
}

// beginText notes that a block begins with the word first. Its line must hold nothing before it.
func (s *Stream) beginText(r *Reader, first Token) {
	s.text = blockText{}
	if r.lex.places == nil && strings.TrimLeft(r.cur.text[:first.Offset-r.cur.at], " \t") == "" {
		s.text = blockText{src: r.cur.src, at: r.cur.at, num: r.cur.num, reported: r.rep.Count(), cooked: r.cooked}
	}
}

// endText notes that the block ends with the line being read. That line must hold nothing else.
func (s *Stream) endText(r *Reader) {
	t := &s.text
	if t.src == nil || t.src != r.cur.src || t.num == r.cur.num || r.cooked != t.cooked || len(r.lex.pieces) != 1 {
		t.src = nil
		return
	}
	rest := strings.IndexByte(t.src.text[r.cur.at:], '\n')
	if rest < 0 {
		t.src = nil
		return
	}
	t.end, t.lines = r.cur.at+int32(rest)+1, r.cur.num-t.num+1
}

// learn notes the text of the block n, which has been taken, unless there is something to say about it.
func (s *Stream) learn(r *Reader, n *Node) bool {
	t := s.text
	if t.src == nil || r.rep.Count() != t.reported {
		return false
	}
	place := n.Range()
	s.learned.add(t.src.lineText(t.at), knownBlock{size: t.end - t.at, lines: t.lines,
		sum: sumOf(t.src.text[t.at:t.end]), from: place.Start.Col - 1, to: place.End.Col - 1})
	return true
}

// lasting returns a copy of n that keeps its place when the statements around it are taken back.
func (n *Node) lasting() *Node {
	c := *n
	c.Args, c.Body = append([]Token(nil), n.Args...), nil
	return &c
}
