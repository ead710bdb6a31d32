package connsync

import "time"

// Outcome is what has come of an Ask.
type Outcome struct {
	Number      uint64 // of the Ask
	Answered    bool   // somebody has told all that it knew, and the own kernel has read it
	Begun       bool   // somebody has begun to tell
	Deaf        bool   // the own kernel does not listen
	Connections int    // that were told
	Lost        int    // messages that the own kernel could not take
	Took        time.Duration
}

const (
	// askAgain is how soon a question is repeated, at first and at most, while nobody answers.
	askAgain, askAgainMost = 100 * time.Millisecond, time.Second
	// readWait is how long it is waited for the own kernel to read what it has been told, and how often it is looked.
	readWait, readLook = time.Second, time.Millisecond
	// askLongest is how long an answer may take altogether: who sends Marks for ever holds nobody up for ever.
	askLongest = time.Minute
)

// asking is a question, from the first Ask until End, or until nobody has answered for the time of the Spec. It has no clock
// and no socket: it is told the time and returns what is to be sent.
type asking struct {
	number   uint64 // of the Ask
	session  uint32
	id       uint8
	wait     time.Duration
	begun    time.Time
	heard    time.Time // the last sign of who answers; begun before that
	answered bool      // it has begun
	next     time.Time // of the next Ask
	pause    time.Duration

	due   Signal    // the Mark or End whose Ack is due when the kernel has read
	since time.Time // and since when
	first Unread    // what the kernel had lost before; not known while it does not listen
	lost  uint64
}

func newAsking(now time.Time, spec Spec, session uint32, number uint64) *asking {
	return &asking{number: number, session: session, id: spec.ID, wait: spec.Wait, begun: now, heard: now, next: now, pause: askAgain}
}

// receive takes a signal that is for this question.
func (a *asking) receive(now time.Time, s Signal) {
	if s.Session != a.session || s.Kind != Mark && s.Kind != End {
		return
	}
	a.heard, a.answered = now, true
	if a.due.Kind == End { // said again meanwhile
		return
	}
	a.due, a.since = s, now
}

// step returns what is to be sent now, and the outcome when it is over.
func (a *asking) step(now time.Time, kernel Unread) (send []Signal, done *Outcome) {
	if !a.first.Known {
		a.first = kernel
	}
	a.lost = max(a.lost, kernel.Lost-min(a.first.Lost, kernel.Lost))
	if a.due.Kind != 0 && (kernel.Bytes == 0 || now.Sub(a.since) >= readWait) {
		send = append(send, Signal{Kind: Ack, ID: a.id, Session: a.session, Number: a.due.Number})
		if a.due.Kind == End {
			return send, a.outcome(now, true, int(a.due.Connections))
		}
		a.due = Signal{}
	}
	if !now.Before(a.end()) {
		return send, a.outcome(now, false, 0)
	}
	if !a.answered && !now.Before(a.next) {
		send = append(send, Signal{Kind: Ask, ID: a.id, Session: a.session})
		a.next = now.Add(a.pause)
		a.pause = min(2*a.pause, askAgainMost)
	}
	return send, nil
}

// deadline is when step is to be called next.
func (a *asking) deadline(now time.Time) time.Time {
	end := a.end()
	switch {
	case a.due.Kind != 0 && now.Add(readLook).Before(end):
		return now.Add(readLook)
	case !a.answered && a.next.Before(end):
		return a.next
	}
	return end
}

// end is when it is over without an answer. Once there is a part of one, a signal may get lost and be said again.
func (a *asking) end() time.Time {
	wait := a.wait
	if a.answered {
		wait = max(wait, 2*ackWait)
	}
	end := a.heard.Add(wait)
	if last := a.begun.Add(max(askLongest, a.wait)); last.Before(end) {
		end = last
	}
	return end
}

func (a *asking) outcome(now time.Time, answered bool, told int) *Outcome {
	deaf := a.answered && !a.first.Known
	return &Outcome{Number: a.number, Answered: answered && !deaf, Begun: a.answered, Deaf: deaf, Connections: told, Lost: int(a.lost), Took: now.Sub(a.begun)}
}
