package bfd

// receive is RFC 5880 §6.8.6 from where the session is known.
func (s *Session) receive(now Instant, p Packet) []Action {
	s.heard = now
	s.remote, s.remoteState, s.remoteDiag, s.remoteDemand = p.MyDiscriminator, p.State, p.Diagnostic, p.Demand
	s.remoteMinTX, s.remoteMinRX, s.remoteMultiplier = p.DesiredMinTX, p.RequiredMinRX, p.Multiplier
	var actions []Action
	if s.poll && p.Final && s.confirmed(now) {
		actions = append(actions, Polling{})
	}
	s.schedule(now)
	if s.state == AdminDown {
		s.done = s.done || p.State != Init && p.State != Up // the neighbour knows
		return actions
	}
	if c, changes := s.transition(p.State); changes {
		actions = append(actions, s.enter(now, c)...)
	}
	if p.Poll {
		actions = s.answer(now, actions)
	}
	return actions
}

// transition is the state machine of §6.2 and §6.8.6.
func (s *Session) transition(heard State) (c Changed, changes bool) {
	switch {
	case heard == AdminDown:
		return Changed{To: Down, Diagnostic: NeighborSignaledDown}, s.state != Down
	case s.state == Down && heard == Down:
		return Changed{To: Init}, true
	case s.state == Down && heard == Init, s.state == Init && (heard == Init || heard == Up):
		return Changed{To: Up}, true
	case s.state == Up && heard == Down:
		return Changed{To: Down, Diagnostic: NeighborSignaledDown}, true
	}
	return Changed{}, false
}

// answer is the packet that a poll asks for. It takes the place of one that is sent at the same moment, and neither waits
// for the time of the next one nor moves it (§6.5, §6.8.7).
func (s *Session) answer(now Instant, actions []Action) []Action {
	final := s.packet()
	final.Poll, final.Final = false, true
	if n := len(actions); n > 0 {
		if _, sends := actions[n-1].(Send); sends {
			actions[n-1] = Send{final}
			return actions
		}
	}
	return append(actions, Send{final})
}
