package bfd

import (
	"net/netip"
	"slices"

	"vigil/confparse"
)

// Spec is the desired state of all sessions, in configuration order.
type Spec struct{ Sessions []SessionSpec }

// SessionSpec is one bfd_instance. It is comparable.
type SessionSpec struct {
	Name     string
	Neighbor netip.Addr
	Source   netip.Addr // invalid = what the route to the neighbour gives
	TTL      uint8      // of packets sent
	MaxHops  int        // how much less a packet that is taken may have; -1 and 255: whatever it has
	Multihop bool       // RFC 5883
	Timing   Timing
}

// path is between whom a session is. One that gets another path is another session.
type path struct {
	neighbor, source netip.Addr
	multihop         bool
}

func (s SessionSpec) path() path { return path{s.Neighbor, s.Source, s.Multihop} }

// minTTL is the least TTL of packets that are taken.
func (s SessionSpec) minTTL() uint8 {
	if s.MaxHops < 0 || s.MaxHops >= int(s.TTL) {
		return 0
	}
	return s.TTL - uint8(s.MaxHops)
}

// Equal reports whether both want the same sessions in the same order.
func (s Spec) Equal(o Spec) bool { return slices.Equal(s.Sessions, o.Sessions) }

// FromConfig copies the bfd_instances of a configuration.
func FromConfig(c *confparse.Config) Spec {
	var s Spec
	for _, b := range c.BFD {
		s.Sessions = append(s.Sessions, SessionSpec{Name: b.Name, Neighbor: b.Neighbor, Source: b.Source, TTL: b.TTL,
			MaxHops: b.MaxHops, Multihop: b.Multihop, Timing: Timing{MinTX: b.MinTX, MinRX: b.MinRX, IdleTX: b.IdleTX,
				Multiplier: b.Multiplier, Passive: b.Passive}})
	}
	return s
}
