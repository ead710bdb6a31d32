package bfd

import "time"

// Timers are the intervals in force.
type Timers struct {
	TX        time.Duration // between our packets at most; 0 = none are sent periodically
	Detection time.Duration // without a packet that takes the session down; 0 while no neighbour is heard
}

// Timers returns the intervals in force.
func (s *Session) Timers() Timers {
	t := Timers{Detection: s.detection()}
	if !s.silent() {
		t.TX = s.interval()
	}
	return t
}

// interval is the negotiated one between our packets (RFC 5880 §6.8.2).
func (s *Session) interval() time.Duration { return max(s.actualTX, s.remoteMinRX) }

// detection is the detection time of asynchronous mode (§6.8.4).
func (s *Session) detection() time.Duration {
	if s.remote == 0 {
		return 0
	}
	return time.Duration(s.remoteMultiplier) * max(s.actualRX, s.remoteMinTX)
}

func (s *Session) expiry() Instant {
	if s.remote == 0 || s.state == AdminDown {
		return Never
	}
	return s.heard.Add(s.detection())
}

// silent reports that nothing may be sent of our own accord (§6.8.7): a passive session that knows no neighbour, one whose
// neighbour takes nothing, and one whose neighbour is in demand mode, except to ask it something.
func (s *Session) silent() bool {
	return s.timing.Passive && s.remote == 0 || s.remoteMinRX == 0 ||
		s.remoteDemand && s.state == Up && s.remoteState == Up && !s.poll
}

// schedule plans the next packet: an interval after the last one, less jitter. An interval that has become shorter counts
// from the last packet too (§6.8.3).
func (s *Session) schedule(now Instant) {
	if s.silent() {
		s.next = Never
		return
	}
	s.next = max(now, s.sent.Add(jittered(s.interval(), s.jitter, s.timing.Multiplier)))
	if s.sent == now { // however short the interval is
		s.next = max(s.next, now+1)
	}
}

// jittered is an interval less up to a quarter, so that systems do not fall into step. With a multiplier of 1 a tenth is
// always taken off: the packet must be there before the detection time is over (§6.8.7).
func jittered(interval time.Duration, jitter, multiplier uint8) time.Duration {
	least, most := int64(0), int64(25)
	if multiplier == 1 {
		least = 10
	}
	cut := int64(interval/time.Microsecond) * (least*255 + (most-least)*int64(jitter)) / (100 * 255)
	return interval - time.Duration(cut)*time.Microsecond
}

// pace makes the intervals those that state and Timing ask for, and reports that the neighbour is to be asked to confirm
// them: a session that is up does so for every change (§6.8.3). Until it has, packets go no more slowly and are not missed
// sooner than before.
func (s *Session) pace(now Instant) (polls bool) {
	tx := s.timing.IdleTX
	if s.state == Up {
		tx = s.timing.MinTX
	}
	changed := tx != s.desiredTX || s.timing.MinRX != s.requiredRX
	s.desiredTX, s.requiredRX = tx, s.timing.MinRX
	if s.state != Up {
		s.actualTX, s.actualRX, s.poll, s.pollAgain = s.desiredTX, s.requiredRX, false, false
		s.schedule(now)
		return false
	}
	s.actualTX, s.actualRX = min(s.actualTX, s.desiredTX), max(s.actualRX, s.requiredRX)
	s.schedule(now)
	if !changed {
		return false
	}
	s.pollAgain = s.poll
	s.poll = true
	return !s.pollAgain
}

// confirmed ends a poll sequence: what has been asked for is in force. It reports that another one begins. An answer to the
// one that has ended says nothing of what changed while it was under way.
func (s *Session) confirmed(now Instant) (again bool) {
	if s.pollAgain {
		s.pollAgain = false
		return true
	}
	s.poll = false
	s.actualTX, s.actualRX = s.desiredTX, s.requiredRX
	s.schedule(now)
	return false
}
