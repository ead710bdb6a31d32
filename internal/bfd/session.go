package bfd

import "time"

// Timing is how a session sends and listens. Its intervals are whole microseconds.
type Timing struct {
	MinTX      time.Duration // between packets while the session is up, if the neighbour takes them as fast
	MinRX      time.Duration // between packets that are taken
	IdleTX     time.Duration // between packets while the session is not up; at least 1 s (RFC 5880 §6.8.3)
	Multiplier uint8         // of the neighbour's detection time
	Passive    bool          // sends nothing until it has heard of the neighbour (§6.1)
}

// Session is one session, with the state variables of RFC 5880 §6.8.1. It knows no clock, no socket and no randomness:
// Step is told the time and what has happened and returns what follows, and Deadline is when it wants to be woken. Every
// event is legal in every state.
type Session struct {
	timing Timing

	state, remoteState State
	diag, remoteDiag   Diagnostic
	local, remote      uint32 // discriminators; remote is 0 while the neighbour is not heard

	desiredTX  time.Duration // as sent
	requiredRX time.Duration // as sent
	// What is in force: a slower pace only after the neighbour has agreed to it, and so a shorter detection time (§6.8.3).
	actualTX time.Duration
	actualRX time.Duration

	remoteMinTX      time.Duration
	remoteMinRX      time.Duration
	remoteMultiplier uint8
	remoteDemand     bool

	poll      bool // a poll sequence is under way
	pollAgain bool // and another one is to follow, for what has changed meanwhile

	jitter uint8   // of the packet that comes next
	sent   Instant // when the last one went
	next   Instant // when it goes
	heard  Instant // when the last one came
	until  Instant // AdminDown: how long the neighbour is told so
	done   bool    // and that is over
}

// NewSession returns a session that is down, with a discriminator that no other one of this system has and that is not 0.
// Unless it is passive its first packet is due now.
func NewSession(now Instant, discriminator uint32, t Timing) *Session {
	s := &Session{timing: t, state: Down, remoteState: Down, local: discriminator, desiredTX: t.IdleTX, requiredRX: t.MinRX,
		actualTX: t.IdleTX, actualRX: t.MinRX, remoteMinRX: time.Microsecond, sent: now.Add(-t.IdleTX), until: Never}
	s.schedule(now)
	return s
}

// Event is something that happens to a session.
type Event interface{ event() }

// PacketReceived is a packet that is for the session and may be used.
type PacketReceived struct{ Packet Packet }

// Wake says that a deadline may have come. Jitter spreads the packet after the one that is due: from 0, none, to 255, the
// most.
type Wake struct{ Jitter uint8 }

// Retimed is another Timing.
type Retimed struct{ Timing Timing }

// Disabled takes the session down for good. The neighbour is told for a detection time, or until it says that it knows.
type Disabled struct{}

func (PacketReceived) event() {}
func (Wake) event()           {}
func (Retimed) event()        {}
func (Disabled) event()       {}

// Action is what follows from an event. Actions are in order.
type Action interface{ action() }

// Send is a packet to the neighbour.
type Send struct{ Packet Packet }

// Changed is another state.
type Changed struct {
	From, To         State
	Diagnostic       Diagnostic // why
	RemoteDiagnostic Diagnostic // what the neighbour said last
	// Expired is the detection time that has passed without a packet, and Overdue how long ago that was; 0 if the change
	// has another reason.
	Expired, Overdue time.Duration
}

// Polling is the begin of a poll sequence: the neighbour is asked to confirm other intervals.
type Polling struct{}

// Negotiated are other intervals in force.
type Negotiated struct{ Timers }

func (Send) action()       {}
func (Changed) action()    {}
func (Polling) action()    {}
func (Negotiated) action() {}

// Step takes one event. now may not be before that of an earlier Step.
func (s *Session) Step(now Instant, ev Event) []Action {
	var actions []Action
	before := s.Timers()
	switch e := ev.(type) {
	case PacketReceived:
		actions = s.receive(now, e.Packet)
	case Wake:
		actions = s.wake(now, e.Jitter)
	case Retimed:
		actions = s.retime(now, e.Timing)
	case Disabled:
		actions = s.disable(now)
	}
	if after := s.Timers(); after != before && after.Detection != 0 {
		actions = append([]Action{Negotiated{after}}, actions...)
	}
	return actions
}

// Deadline is when the session wants a Wake, or Never.
func (s *Session) Deadline() Instant {
	if s.done {
		return Never
	}
	return min(s.next, s.expiry(), s.until)
}

// Done reports that a session which was disabled need not be told of anything any more.
func (s *Session) Done() bool { return s.done }

// wake does what is due. A session that is woken late has sent nothing and heard nothing meanwhile.
func (s *Session) wake(now Instant, jitter uint8) []Action {
	var actions []Action
	if s.until <= now {
		s.done = true
		return nil
	}
	if s.expiry() <= now {
		actions = s.expire(now)
	}
	if s.next <= now {
		s.jitter = jitter
		actions = append(actions, s.send(now))
	}
	return actions
}

// expire is the end of a detection time without a packet (RFC 5880 §6.8.4). Whether the session was up or not, the
// neighbour's discriminator is no longer known (§6.8.1), nor what it takes.
func (s *Session) expire(now Instant) []Action {
	passed, overdue := s.detection(), now.Sub(s.expiry())
	s.remote, s.remoteState, s.remoteDemand = 0, Down, false
	s.remoteMinTX, s.remoteMinRX, s.remoteMultiplier = 0, time.Microsecond, 0
	if s.state != Init && s.state != Up {
		s.schedule(now)
		return nil
	}
	return s.enter(now, Changed{To: Down, Diagnostic: DetectionTimeExpired, Expired: passed, Overdue: overdue})
}

// enter changes the state, and tells the neighbour at once (§6.8.7) unless an answer to it does.
func (s *Session) enter(now Instant, c Changed) []Action {
	c.From, c.RemoteDiagnostic = s.state, s.remoteDiag
	s.state, s.diag = c.To, c.Diagnostic
	actions := []Action{c}
	if s.pace(now) {
		actions = append(actions, Polling{})
	}
	return s.announce(now, actions)
}

// announce adds a packet to actions, if the session may send.
func (s *Session) announce(now Instant, actions []Action) []Action {
	if s.silent() {
		s.schedule(now)
		return actions
	}
	return append(actions, s.send(now))
}

// send is a packet now, and plans the next one.
func (s *Session) send(now Instant) Action {
	s.sent = now
	s.schedule(now)
	return Send{s.packet()}
}

func (s *Session) packet() Packet {
	return Packet{Diagnostic: s.diag, State: s.state, Poll: s.poll, Multiplier: s.timing.Multiplier,
		MyDiscriminator: s.local, YourDiscriminator: s.remote, DesiredMinTX: s.desiredTX, RequiredMinRX: s.requiredRX}
}

// retime makes t the Timing. The session lives on.
func (s *Session) retime(now Instant, t Timing) []Action {
	changed := t != s.timing
	s.timing = t
	if !changed || s.state == AdminDown {
		return nil
	}
	var actions []Action
	if s.pace(now) {
		actions = append(actions, Polling{})
	}
	return s.announce(now, actions)
}

// disable is §6.8.16. The neighbour is told as often as before: the detection time it now has is over all the sooner.
func (s *Session) disable(now Instant) []Action {
	if s.state == AdminDown {
		return nil
	}
	pace, heard := s.interval(), s.remote != 0
	c := Changed{From: s.state, To: AdminDown, Diagnostic: AdministrativelyDown, RemoteDiagnostic: s.remoteDiag}
	s.state, s.diag, s.poll, s.pollAgain = c.To, c.Diagnostic, false, false
	s.desiredTX, s.actualTX, s.actualRX = s.timing.IdleTX, min(pace, s.timing.IdleTX), s.requiredRX
	s.done = !heard
	s.until = now.Add(time.Duration(s.timing.Multiplier) * pace)
	return s.announce(now, []Action{c})
}
