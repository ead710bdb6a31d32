package syntax

import (
	"fmt"

	"vigil/confparse/diag"
)

// echo follows how keepalived itself goes on after a misplaced brace, from where the builder takes another path: it
// knows no matching of braces it does not expect, so that one mistake makes it misread, and report, much of what
// follows. The builder reports the mistake alone; --config-test needs the lines keepalived names.
type echo struct {
	stack   []*Block // nil for a list
	pending *Keyword
	diag    int // the diagnostic the echoes belong to
}

// maxEchoes bounds the echoes of one mistake.
const maxEchoes = 5000

// diverge starts to follow keepalived from the current state, for the last diagnostic reported.
func (b *builder) diverge(r *Reader) {
	if b.echo != nil || r.rep.Len() == 0 {
		return
	}
	e := &echo{diag: r.rep.Len() - 1}
	for _, f := range b.frames {
		e.stack = append(e.stack, f.block)
	}
	b.echo = e
}

// converged ends the following once both agree again on which blocks are open.
func (b *builder) converged() {
	e := b.echo
	if b.skip > 0 || b.muted > 0 || e.pending != nil || b.pending != nil || len(e.stack) != len(b.frames) {
		return
	}
	for i := range e.stack {
		if e.stack[i] != b.frames[i].block {
			return
		}
	}
	b.echo = nil
}

// passedOver stands for a block that a process of keepalived leaves to another one. It counts braces there.
var passedOver = &Block{}

// passOver follows a process that leaves the open blocks to another one.
func (e *echo) passOver() {
	for i := range e.stack[1:] {
		e.stack[i+1] = passedOver
	}
}

func (e *echo) say(r *Reader, at, end int32, format string, args ...any) {
	d := r.rep.At(e.diag)
	if len(d.Echoes) < maxEchoes {
		d.Echoes = append(d.Echoes, diag.Place{Range: r.cur.rangeOf(at, end), Note: fmt.Sprintf(format, args...)})
	}
}

func (e *echo) top() *Block { return e.stack[len(e.stack)-1] }

// missing gives up waiting for the '{' of the pending keyword. The process a block of the root is not for does not see
// one begin; otherwise keepalived treats it as begun.
func (e *echo) missing(r *Reader, at int32) {
	e.say(r, at, at+1, "Missing '{' at beginning of configuration block")
	if len(e.stack) == 1 {
		e.pending = nil
		return
	}
	e.enter()
}

// enter opens the block of the pending keyword.
func (e *echo) enter() {
	e.stack = append(e.stack, e.pending.Block)
	e.pending = nil
}

func (e *echo) statement(r *Reader, t Token) {
	if e.pending != nil {
		e.missing(r, t.Offset)
	}
	blk := e.top()
	if blk == nil || blk == passedOver {
		return
	}
	kw := blk.Words[t.Text]
	switch {
	case kw == nil:
		e.say(r, t.Offset, t.Offset+int32(t.Len), "Unknown keyword '%s'", t.Text)
	case kw.Opens():
		e.pending = kw
	}
}

func (e *echo) open(r *Reader, at int32) {
	switch {
	case e.pending != nil:
		e.enter()
	case e.top() == passedOver:
		e.stack = append(e.stack, passedOver)
	case e.top() != nil:
		e.say(r, at, at+1, "Unexpected '{' - ignoring")
	}
}

func (e *echo) close(r *Reader, at int32) {
	if e.pending != nil {
		e.missing(r, at)
	}
	if len(e.stack) > 1 {
		e.stack = e.stack[:len(e.stack)-1]
		return
	}
	e.say(r, at, at+1, "Unknown keyword '}'")
}
