package connsync

import (
	"testing"
	"time"
)

var epoch = time.Unix(1000, 0)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

var askSpec = Spec{Interface: "eth1", Group: ports("224.0.0.81:8848"), ID: 51, TTL: 1, Wait: 5 * time.Second}

// asked is a question that begins at 0, and what has become of it by steps.
type asked struct {
	*asking
	t      *testing.T
	kernel Unread
}

func ask(t *testing.T) *asked {
	return &asked{newAsking(at(0), askSpec, 7, 3), t, Unread{Known: true, Lost: 100}}
}

// by makes steps at all deadlines until a moment, and returns the signals, and the outcome if there is one.
func (a *asked) by(ms int) (sent []Signal, done *Outcome) {
	a.t.Helper()
	for now := at(0); done == nil; {
		var more []Signal
		more, done = a.step(now, a.kernel)
		sent = append(sent, more...)
		next := a.deadline(now)
		if !next.After(now) && done == nil && len(more) == 0 {
			a.t.Fatalf("its deadline at %v is %v", now, next)
		}
		if now = next; now.After(at(ms)) {
			break
		}
	}
	return sent, done
}

// TestNobodyAnswers: the question is repeated, more and more rarely, and is over when the time is.
func TestNobodyAnswers(t *testing.T) {
	a := ask(t)
	sent, done := a.by(4999)
	if len(sent) != 8 || done != nil { // at 0, 0.1, 0.3, 0.7, 1.5, 2.5, 3.5, 4.5 s
		t.Errorf("%+v, %+v", sent, done)
	}
	for _, s := range sent {
		if s != (Signal{Kind: Ask, ID: 51, Session: 7}) {
			t.Errorf("%+v", s)
		}
	}
	if _, done = a.step(at(5000), a.kernel); done == nil || *done != (Outcome{Number: 3, Took: 5 * time.Second}) {
		t.Errorf("%+v", done)
	}
}

// TestAnswer: each mark is acknowledged when the kernel has read what came before it, and the question is over with the end.
func TestAnswer(t *testing.T) {
	a := ask(t)
	a.step(at(0), a.kernel)
	a.receive(at(10), Signal{Kind: Mark, ID: 51, Session: 7, Number: 1})
	a.kernel.Bytes = 4096
	for ms := 10; ms < 15; ms++ {
		if sent, done := a.step(at(ms), a.kernel); len(sent) > 0 || done != nil {
			t.Fatalf("%+v, %+v while the kernel reads", sent, done)
		}
		if d := a.deadline(at(ms)); d != at(ms+1) {
			t.Fatalf("looks again at %v", d)
		}
	}
	a.kernel.Bytes = 0
	if sent, done := a.step(at(15), a.kernel); len(sent) != 1 || sent[0] != (Signal{Kind: Ack, ID: 51, Session: 7, Number: 1}) || done != nil {
		t.Fatalf("%+v, %+v", sent, done)
	}
	if sent, _ := a.step(at(1500), a.kernel); len(sent) > 0 {
		t.Errorf("%+v while it is answered", sent)
	}
	for _, other := range []Signal{{Kind: End, Session: 8, Number: 2, Connections: 9}, {Kind: Ask, Session: 7}, {Kind: Ack, Session: 7, Number: 1}} {
		a.receive(at(1600), other)
		if sent, done := a.step(at(1600), a.kernel); len(sent) > 0 || done != nil {
			t.Errorf("%+v: %+v, %+v", other, sent, done)
		}
	}
	a.receive(at(2000), Signal{Kind: End, Session: 7, Number: 2, Connections: 50000})
	a.kernel.Lost = 102
	sent, done := a.step(at(2000), a.kernel)
	if len(sent) != 1 || sent[0] != (Signal{Kind: Ack, ID: 51, Session: 7, Number: 2}) || done == nil ||
		*done != (Outcome{Number: 3, Answered: true, Begun: true, Connections: 50000, Lost: 2, Took: 2 * time.Second}) {
		t.Errorf("%+v, %+v", sent, done)
	}
}

// TestKernelThatDoesNotRead: it is not waited for longer than the other director waits.
func TestKernelThatDoesNotRead(t *testing.T) {
	a := ask(t)
	a.step(at(0), a.kernel)
	a.kernel.Bytes = 1
	a.receive(at(0), Signal{Kind: Mark, Session: 7, Number: 1})
	sent, done := a.by(999)
	if len(sent) > 0 || done != nil {
		t.Errorf("%+v, %+v", sent, done)
	}
	if sent, _ = a.step(at(1000), a.kernel); len(sent) != 1 || readWait >= ackWait {
		t.Errorf("%+v", sent)
	}
}

// TestAnswerThatBreaksOff: the time runs from the last that was heard; and who is never done is not waited for for ever.
func TestAnswerThatBreaksOff(t *testing.T) {
	a := ask(t)
	a.step(at(0), a.kernel)
	a.receive(at(4000), Signal{Kind: Mark, Session: 7, Number: 1})
	a.step(at(4000), a.kernel)
	if _, done := a.step(at(8999), a.kernel); done != nil {
		t.Errorf("%+v", done)
	}
	if _, done := a.step(at(9000), a.kernel); done == nil || done.Answered {
		t.Errorf("%+v", done)
	}
	a = ask(t)
	for ms := 0; ; ms += 1000 {
		a.receive(at(ms), Signal{Kind: Mark, Session: 7, Number: uint32(ms)})
		if _, done := a.step(at(ms), a.kernel); done != nil {
			if ms != 60000 || done.Answered {
				t.Errorf("after %d ms: %+v", ms, done)
			}
			return
		}
	}
}

// TestKernelThatDoesNotListen: what is told reaches nobody then, and is not taken for an answer.
func TestKernelThatDoesNotListen(t *testing.T) {
	a := ask(t)
	a.kernel = Unread{}
	a.step(at(0), a.kernel)
	a.receive(at(10), Signal{Kind: End, Session: 7, Number: 1, Connections: 9})
	if _, done := a.step(at(10), a.kernel); done == nil || done.Answered || !done.Deaf || !done.Begun {
		t.Errorf("%+v", done)
	}
}
