package confparse

// stream decodes virtual servers while the rest is still being read, so that the statements of a configuration of
// thousands of servers are never all in memory: each server's are taken back when the next root statement begins.
//
// The result is that of reading everything first. A server qualifies when nothing that may follow can change what it
// means: it refers to no other block, and nothing is wrong so far. From the first one that does not qualify on, all
// servers wait for the end. Global settings behind a server that was decoded void the attempt; Load begins again.
type stream struct {
	d *decoder

	begun   bool      // a server was decoded, and the global settings before it
	waiting bool      // the servers from here on are decoded at the end
	refers  bool      // the server being read refers to another block
	held    *Node     // a server that is complete, until it is sure that it was not closed too early
	since   arenaMark // where its statements begin
	void    bool
	said    int // diagnostics of the servers decoded so far

	known   *Known // from the Load before; nil if there is none
	learned *Known
	text    blockText // of the server being read, or held
	skipped bool      // a known server was not read again
}

func newStream(d *decoder, known *Known) *stream {
	size := 0
	if known != nil {
		size = len(known.blocks)
		d.servers = make(map[VirtualServerID]*VirtualServer, size)
	}
	return &stream{d: d, known: known, learned: newKnown(size)}
}

// statement is told of every keyword, the first of toks, before its statement is added.
func (s *stream) statement(r *reader, kw *keyword, toks []Token) {
	if len(r.build.frames) > 1 {
		s.refers = s.refers || kw.refers
		return
	}
	s.settle(r)
	if s.begun && isGlobal(kw) {
		s.fail(r)
	}
	s.refers, s.since = false, r.build.arena.mark()
	if kw.block == inVirtualServer {
		s.beginText(r, toks[0])
	}
}

// closed is told of every block of the root that ends, the last of b.kids. By reading on, it may still turn out to be
// damaged.
func (s *stream) closed(r *reader, b *builder, n *Node) {
	if n.kw.block != inVirtualServer || s.waiting {
		return
	}
	if s.refers || n.arg(0) == "group" || !s.sound(b, n) {
		s.waiting = true
		return
	}
	s.held = n
	b.kids = b.kids[:len(b.kids)-1]
	s.endText(r)
}

// settle decodes the server that is held.
func (s *stream) settle(r *reader) {
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
	s.globals(r)
	before, servers := r.rep.count(), len(s.d.cfg.VirtualServers)
	s.d.statement(n)
	s.said += r.rep.count() - before
	if servers < len(s.d.cfg.VirtualServers) {
		s.learn(r, n, s.d.cfg.VirtualServers[servers].ID)
	}
	b.arena.release(s.since)
	if r.rep.fatal || r.rep.dropped > 0 {
		s.fail(r) // what is said of damaged blocks depends on what was found before
	}
}

// globals decodes the global settings that stand before the first server.
func (s *stream) globals(r *reader) {
	if s.begun {
		return
	}
	s.begun = true
	before := r.rep.count()
	s.d.globals(r.build.kids)
	s.said += r.rep.count() - before
	s.learned.logAll = s.d.cfg.Global.LogAllFailures
}

// misled reports whether the result may differ from that of reading everything first. Where servers were passed over,
// braces that do not match, say, could be explained in another way.
func (s *stream) misled(rep *reporter) bool { return s.void || s.skipped && rep.count() != s.said }

// sound reports whether reading has met nothing so far that makes it doubtful which blocks are open.
func (s *stream) sound(b *builder, n *Node) bool {
	return !n.damaged && !s.d.rep.fatal && b.echo == nil && b.skip == 0 && b.muted == 0
}

func (s *stream) fail(r *reader) { s.void, r.stopped = true, true }

// isGlobal reports whether kw sets something for the whole configuration, wherever it stands.
func isGlobal(kw *keyword) bool { return kw.block == inGlobal || !kw.opens() }

// lasting returns a copy of n that keeps its place when the statements around it are taken back.
func (n *Node) lasting() *Node {
	c := *n
	c.Args, c.Body = append([]Token(nil), n.Args...), nil
	return &c
}
