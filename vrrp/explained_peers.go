package vrrp

import (
	"fmt"
	"net/netip"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// OneWayCauses says what may keep a rival from hearing this router.
func (e *Explained) OneWayCauses() string {
	s := &e.Spec
	protocol := 112
	if s.AuthType == wire.AuthAH {
		protocol = 51
	}
	if s.Unicast() {
		return fmt.Sprintf("it has no unicast_peer %v, its firewall or ours drops IP protocol %d, a route or a port works in one direction only, or it refuses "+
			"our adverts", e.Status.Source, protocol)
	}
	return fmt.Sprintf("its firewall or ours drops IP protocol %d, a switch filters the group %v, a cable or a port works in one direction only, or it refuses "+
		"our adverts", protocol, s.Group)
}

// MismatchStatus is what another router has configured otherwise, in words.
type MismatchStatus struct {
	Kind         string
	Source       netip.Addr
	Theirs, Ours string
	Refused      bool // its adverts count for nothing
	At           time.Time
	Times        uint64
}

// Mismatches are what other routers have configured otherwise.
func (e *Explained) Mismatches() (list []MismatchStatus) {
	for _, m := range e.Why.Mismatches {
		theirs, ours := sides(m)
		list = append(list, MismatchStatus{Kind: m.Kind.String(), Source: m.Source, Theirs: theirs, Ours: ours,
			Refused: m.Refused != wire.DropNone, At: e.Moment(m.At), Times: m.Times})
	}
	return list
}

// sides says what they have and what we have.
func sides(m election.Mismatch) (theirs, ours string) {
	switch m.Kind {
	case election.MismatchAddresses:
		theirs, ours = addressCount(m.Theirs), addressCount(m.Ours)
		switch {
		case !m.Address.IsValid():
		case m.IsOurs:
			ours += fmt.Sprintf(", %v among them", m.Address)
		default:
			theirs += fmt.Sprintf(", %v among them", m.Address)
		}
		return theirs, ours
	case election.MismatchVersion:
		return fmt.Sprintf("version %d", m.Theirs), fmt.Sprintf("version %d", m.Ours)
	case election.MismatchInterval:
		return (time.Duration(m.Theirs) * wire.Centisecond).String(), (time.Duration(m.Ours) * wire.Centisecond).String()
	}
	return authSides(m)
}

func addressCount(n int) string {
	if n == 1 {
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", n)
}

// authSides is sides of MismatchAuth.
func authSides(m election.Mismatch) (theirs, ours string) {
	switch m.Refused {
	case wire.DropLength:
		return "auth_hmac", "no auth_hmac"
	case wire.DropTrailerMissing:
		return "no auth_hmac", "auth_hmac"
	case wire.DropKeyUnknown:
		return fmt.Sprintf("key %d of auth_hmac", m.Theirs), "auth_hmac without that key"
	case wire.DropHMAC:
		return fmt.Sprintf("another secret of key %d", m.Theirs), "auth_hmac"
	}
	theirs, ours = authWord(m.Theirs), authWord(m.Ours)
	switch m.Refused {
	case wire.DropAuthFailure:
		theirs += " with another password"
	case wire.DropSPI:
		theirs += " with another SPI"
	}
	return theirs, ours
}

// authWord is a wire.AuthType as auth_type has it.
func authWord(t int) string {
	switch wire.AuthType(t) {
	case wire.AuthNone:
		return "none"
	case wire.AuthPass:
		return "PASS"
	case wire.AuthAH:
		return "AH"
	}
	return fmt.Sprintf("type %d", t)
}
