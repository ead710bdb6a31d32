package bfd

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// logEvery is how often packets of no use are logged at most: whoever sends them decides how many there are.
const logEvery = time.Second

// The attribute of a session, which keepalived's words name themselves.
const sessionKey = "session"

func (r *Runner) logChanged(s *session, c Changed) {
	if c.Expired > 0 {
		r.log.Info(fmt.Sprintf("(%s) Expired after %d ms (%d usec overdue)", s.spec.Name, c.Expired.Milliseconds(),
			c.Overdue.Microseconds()), sessionKey, s.spec.Name)
	}
	text := fmt.Sprintf("(%s) Entering %s state", s.spec.Name, c.To)
	if c.To == Down {
		text += fmt.Sprintf(" (Local diagnostic - %s, Remote diagnostic - %s)", c.Diagnostic, c.RemoteDiagnostic)
	}
	level := slog.LevelInfo
	if c.To == Init {
		level = slog.LevelDebug
	}
	r.log.Log(context.Background(), level, text, sessionKey, s.spec.Name)
}

func (r *Runner) logPolling(s *session) {
	r.log.Debug(fmt.Sprintf("(%s) Starting poll sequence", s.spec.Name), sessionKey, s.spec.Name)
}

func (r *Runner) logNegotiated(s *session, t Timers) {
	r.log.Debug(fmt.Sprintf("(%s) Session parameters: tx interval %d us, detection time %d us", s.spec.Name, t.TX.Microseconds(),
		t.Detection.Microseconds()), sessionKey, s.spec.Name)
}

func (r *Runner) logGone(s *session) {
	r.log.Info(fmt.Sprintf("(%s) BFD instance is no longer configured", s.spec.Name), sessionKey, s.spec.Name)
}

// logTrouble tells that a session cannot speak, once for each reason.
func (r *Runner) logTrouble(s *session, what string, err error) {
	text := what + ": " + err.Error()
	if s.trouble == text {
		return
	}
	s.trouble = text
	r.log.Warn(fmt.Sprintf("(%s) BFD session %s", s.spec.Name, text), sessionKey, s.spec.Name)
}

// logDrop tells of a packet of no use, in keepalived's words.
func (r *Runner) logDrop(d Datagram, e entry, p Packet, drop Drop) {
	now, last := r.now(), Instant(r.told.Load())
	if now.Sub(last) < logEvery || !r.told.CompareAndSwap(int64(last), int64(now)) {
		return
	}
	from := fmt.Sprintf("[%s]:%d", d.From.Addr(), d.From.Port())
	switch drop {
	case DropTTL:
		name := "ttl"
		if e.six {
			name = "hop_limit"
		}
		r.log.Info(fmt.Sprintf("Packet %s(%d) < %d - discarding", name, d.TTL, e.minTTL), "from", from)
	case DropSession:
		r.log.Info(fmt.Sprintf("Discarding packet from %s (session is not found - your discriminator field is 0x%08x)", from,
			p.YourDiscriminator))
	case DropAuthentication:
		r.log.Info(fmt.Sprintf("Discarding packet from %s (auth bit is set, but no authentication is in use)", from))
	default:
		r.log.Info("Discarding bogus packet from "+from, "reason", drop.String())
	}
}
