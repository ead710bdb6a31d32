package confparse

import (
	"hash/maphash"
	"strings"
)

// Known is what a Load learned of the virtual servers whose text alone says what they mean. Handed to the next Load in
// Env, it saves reading again those whose text has stayed the same, wherever it now stands: they are in its Config with
// VirtualServer.Unchanged set.
type Known struct {
	logAll bool // checker_log_all_failures, which every checker inherits
	blocks []knownBlock
	latest map[uint64]int // by hash of the first line, the place of a block in blocks, plus one
}

func newKnown(size int) *Known {
	return &Known{blocks: make([]knownBlock, 0, size), latest: make(map[uint64]int, size)}
}

// knownBlock is the text of a virtual_server block, from its first line to its last, and the server's identity.
type knownBlock struct {
	id       VirtualServerID
	sum      uint64 // of the text; it guards against editors, like that of Inputs
	size     int32
	lines    int32
	from, to int32 // the words of the first line, in that line
	older    int   // another block with the same first line, plus one; 0: none
}

func (k *Known) add(first string, b knownBlock) {
	sum := maphash.String(inputSeed, first)
	b.older = k.latest[sum]
	k.blocks = append(k.blocks, b)
	k.latest[sum] = len(k.blocks)
}

// match finds the block that text, whose first line is first, begins with.
func (k *Known) match(text, first string) (knownBlock, bool) {
	for i := k.latest[maphash.String(inputSeed, first)]; i > 0; i = k.blocks[i-1].older {
		b := k.blocks[i-1]
		if int(b.size) <= len(text) && maphash.String(inputSeed, text[:b.size]) == b.sum {
			return b, true
		}
	}
	return knownBlock{}, false
}

// blockText is the extent of the virtual server being read, while its text is a candidate for Known.
type blockText struct {
	src         *source // nil: it is none
	at, end     int32
	num, lines  int32 // its first line, and how many there are
	reported    int   // diagnostics before it
	unsupported int   // statements without effect before it
	cooked      int   // lines before it that were not cut as they stand
}

// beginText notes that a virtual server begins with the words toks. Its line must hold nothing before it.
func (s *stream) beginText(r *reader, first Token) {
	s.text = blockText{}
	if r.lex.places == nil && strings.TrimLeft(r.cur.text[:first.Offset-r.cur.at], " \t") == "" {
		s.text = blockText{src: r.cur.src, at: r.cur.at, num: r.cur.num, reported: r.rep.count(),
			unsupported: s.d.unsupported, cooked: r.cooked}
	}
}

// endText notes that the server ends with the line being read. That line must hold nothing else.
func (s *stream) endText(r *reader) {
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

// learn notes the text of the server n, which has been decoded, unless there is something to say about it.
func (s *stream) learn(r *reader, n *Node, id VirtualServerID) {
	t := s.text
	if t.src == nil || r.rep.count() != t.reported || s.d.unsupported != t.unsupported {
		return
	}
	place := n.Range()
	s.learned.add(t.src.lineText(t.at), knownBlock{id: id, size: t.end - t.at, lines: t.lines,
		sum: maphash.String(inputSeed, t.src.text[t.at:t.end]), from: place.Start.Col - 1, to: place.End.Col - 1})
}

// skip passes over a known block that begins with the line being read, and returns its size, or 0.
func (s *stream) skip(r *reader) int {
	b := r.build
	if s == nil || s.known == nil || s.waiting || len(b.frames) > 1 || b.pending != nil || b.echo != nil || b.skip > 0 || b.muted > 0 ||
		r.open != nil {
		return 0
	}
	k, ok := s.known.match(r.cur.src.text[r.cur.at:], r.cur.text)
	if !ok {
		return 0
	}
	s.settle(r)
	s.globals(r)
	if s.waiting || s.void || s.known.logAll != s.d.cfg.Global.LogAllFailures || s.d.servers[k.id] != nil {
		return 0
	}
	s.skipped, b.closed, b.last = true, nil, lastBrace
	vs := &VirtualServer{ID: k.id, Unchanged: true, Range: r.cur.rangeOf(r.cur.at+k.from, r.cur.at+k.to)}
	s.d.servers[k.id] = vs
	s.d.cfg.VirtualServers = append(s.d.cfg.VirtualServers, vs)
	s.learned.add(r.cur.text, k)
	r.cur.num += k.lines - 1
	b.seq += k.lines - 1
	return int(k.size)
}
