// Package syntax cuts the text of a configuration into statements: it reads files and what they include, chooses by @ID
// conditions, replaces $parameters, unrolls ~loops, and finds blocks by their braces. What a statement means is for the
// caller; the Grammar says which words there are. An input, however damaged, gives a Tree and diagnostics.
package syntax

import "vigil/confparse/diag"

// Token is one word. Its text is what the word means (quotes gone, parameters replaced); its place is where the word,
// or the parameter reference it came from, is written.
type Token struct {
	Text   string
	Offset int32  // of the first byte, an opening quote included, in the source file
	Len    uint16 // in bytes of the source file
	Quoted bool
}

// Node is one statement: a keyword with its words, and the statements of the block it opens. Inside a list block, such
// as virtual_ipaddress, every item is a Node whose Keyword is its first word.
type Node struct {
	Keyword Token
	Args    []Token
	Body    []*Node

	Row *Keyword // what the keyword is; nil for an item of a list

	src      *source    // the file it is in
	expanded *expansion // how the line came about, when it is not in the file as it stands
	lineAt   int32      // offset of the line
	line     int32      // 1-based
	seq      int32      // reading order over all files
	closeLn  int32      // the line of the closing brace, if that is in the same file; 0 when there is none
	damaged  bool       // a mistake cost part of it; that it is incomplete is no second mistake
}

// Tree is a configuration cut into statements: comments gone, included files, parameters and loops expanded.
type Tree struct {
	Root []*Node
}

// expansion says what a line became that does not stand in the file as it was read.
type expansion struct {
	text      string // the statement
	line      string // the whole line
	rewritten bool   // by parameters, loops and multi-line definitions, and not only by an escaped comment
}

// Text returns the statement before it was cut into words, for the splitters that have their own quoting.
func (n *Node) Text() string {
	if n.expanded != nil {
		return n.expanded.text
	}
	last := &n.Keyword
	if len(n.Args) > 0 {
		last = &n.Args[len(n.Args)-1]
	}
	return n.src.text[n.Keyword.Offset : last.Offset+int32(last.Len)]
}

// Range returns the place of the keyword and its words.
func (n *Node) Range() diag.Range {
	last := n.Keyword
	if len(n.Args) > 0 {
		last = n.Args[len(n.Args)-1]
	}
	end := last.Offset + int32(last.Len)
	if end < n.Keyword.Offset {
		end = n.Keyword.Offset
	}
	return n.rangeOf(n.Keyword.Offset, end)
}

// RangeOf returns the place of t, which must be one of n's words.
func (n *Node) RangeOf(t Token) diag.Range { return n.rangeOf(t.Offset, t.Offset+int32(t.Len)) }

func (n *Node) rangeOf(start, end int32) diag.Range {
	return diag.Range{
		File:  n.src.path,
		Start: diag.Pos{Offset: start, Line: n.line, Col: start - n.lineAt + 1},
		End:   diag.Pos{Offset: end, Line: n.line, Col: end - n.lineAt + 1},
	}
}

// Arg returns the text of the i-th word after the keyword, or "".
func (n *Node) Arg(i int) string {
	if i < len(n.Args) {
		return n.Args[i].Text
	}
	return ""
}

// Report adds d to rep, with what is known of n's line. With no Subject, n's words are the place.
func (n *Node) Report(rep *diag.Reporter, d diag.Diagnostic) {
	if d.Subject == (diag.Range{}) {
		d.Subject = n.Range()
	}
	if n.expanded != nil && n.expanded.rewritten {
		d.Related = append(d.Related, diag.Place{Note: "the line became: " + n.expanded.line})
	}
	d.Related = append(d.Related, includedFrom(n.src)...)
	seq, at := n.seq, d.Subject
	if at.File == n.src.path {
		seq = max(seq+at.Start.Line-n.line, 1)
		if d.Code.FoundAtEnd() && n.closeLn != 0 {
			seq = n.seq + n.closeLn - n.line // behind what is wrong inside the block
		}
		d.Line = n.src.lineText(at.Start.Offset - at.Start.Col + 1)
	}
	rep.ReportMeaning(d, seq)
}

// CloseLine returns the line of the brace that ends n's block, if it is in the file where the block begins, and else 0.
func (n *Node) CloseLine() int32 { return n.closeLn }

// Damaged reports whether a mistake cost part of n's block. That the block is incomplete is no second mistake.
func (n *Node) Damaged() bool { return n.damaged }

const (
	nodeSlab  = 546 // 64 KiB
	tokenSlab = 2048
)

// arena hands out the pieces of a Tree from a few large allocations. A tree is dropped as a whole, or what was handed
// out since a mark is taken back.
type arena struct {
	nodes  slabs[Node]
	tokens slabs[Token]
	links  slabs[*Node]
}

func (a *arena) node() *Node { return &a.nodes.take(1, nodeSlab)[0] }

func (a *arena) words(toks []Token) []Token {
	if len(toks) == 0 {
		return nil
	}
	w := a.tokens.take(len(toks), tokenSlab)
	copy(w, toks)
	return w
}

func (a *arena) body(kids []*Node) []*Node {
	if len(kids) == 0 {
		return nil
	}
	b := a.links.take(len(kids), tokenSlab)
	copy(b, kids)
	return b
}

// arenaMark is a state of an arena to return to.
type arenaMark struct{ nodes, tokens, links slabMark }

func (a *arena) mark() arenaMark { return arenaMark{a.nodes.mark, a.tokens.mark, a.links.mark} }

// release takes back everything handed out since m. Nothing may refer to it any more.
func (a *arena) release(m arenaMark) {
	a.nodes.mark, a.tokens.mark, a.links.mark = m.nodes, m.tokens, m.links
}

// slabs hands out runs of elements that stay where they are.
type slabs[T any] struct {
	all  [][]T
	mark slabMark
}

// slabMark is the slab in use and how much of it is taken.
type slabMark struct{ slab, used int }

// take returns n elements, which hold whatever they held before. A slab has size elements, or n if that is more.
func (s *slabs[T]) take(n, size int) []T {
	for s.mark.slab < len(s.all) && s.mark.used+n > len(s.all[s.mark.slab]) {
		s.mark = slabMark{slab: s.mark.slab + 1}
	}
	if s.mark.slab == len(s.all) {
		s.all = append(s.all, make([]T, max(size, n)))
	}
	from := s.mark.used
	s.mark.used += n
	return s.all[s.mark.slab][from:s.mark.used:s.mark.used]
}
