package vrrp

import (
	"fmt"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/lan"
	"vigil/vrrp/wire"
)

// maxDebugLines is how many received packets of a router are logged per second, whoever sends how many.
const maxDebugLines = 50

// allowance counts the lines of the current second.
type allowance struct {
	second int64
	lines  int
}

func (a *allowance) take(now election.Instant) bool {
	if second := int64(time.Duration(now) / time.Second); second != a.second {
		*a = allowance{second: second}
	}
	a.lines++
	return a.lines <= maxDebugLines
}

// received logs a packet, for debug.
func (l instanceLog) received(p lan.Received, lines *allowance, now election.Instant) {
	switch {
	case !lines.take(now):
	case p.Reason != wire.DropNone:
		l.infof("received from %s to %s TTL %d: not an advert: %s", p.Header.Source, p.Header.Destination, p.Header.TTL, p.Reason)
	default:
		l.infof("received from %s to %s TTL %d: %s", p.Header.Source, p.Header.Destination, p.Header.TTL, text(&p.Advert))
	}
}

// transmitted logs an advert of our own, for debug.
func (l instanceLog) transmitted(a wire.Advert, h wire.IPHeader, err error) {
	if err != nil {
		l.infof("not sent from %s to %s TTL %d: %s: %v", h.Source, h.Destination, h.TTL, text(&a), err)
		return
	}
	l.infof("sent from %s to %s TTL %d: %s", h.Source, h.Destination, h.TTL, text(&a))
}

// text is what an advert says, without what authenticates it.
func text(a *wire.Advert) string {
	s := fmt.Sprintf("version %d priority %d interval %v addresses %v", a.Version, a.Priority, a.Interval, a.Addresses)
	if a.AuthType != wire.AuthNone {
		s += fmt.Sprintf(" authentication %d", a.AuthType)
	}
	switch {
	case a.AH != nil:
		s += fmt.Sprintf(" sequence %d", a.AH.Sequence)
	case a.Sequence > 0:
		s += fmt.Sprintf(" sequence %d", a.Sequence)
	case a.Trailer != nil:
		s += fmt.Sprintf(" key %d stamp %016x", a.Trailer.KeyID, uint64(a.Trailer.Stamp))
	case a.Signature != nil:
		s += fmt.Sprintf(" key %d stamp %016x", a.Signature.KeyID, uint64(a.Signature.Stamp))
	}
	return s
}
