package bfd

import (
	"encoding/binary"
	"time"
)

// packetLength is that of a control packet without authentication (RFC 5880 §4.1), and authenticatedLength the least of
// one with.
const (
	packetLength        = 24
	authenticatedLength = 26
)

// protocolVersion is that of RFC 5880.
const protocolVersion = 1

// Packet is a BFD control packet. Intervals are whole microseconds up to 2³²-1 of them.
type Packet struct {
	Diagnostic              Diagnostic // why the sender's state changed last
	State                   State      // the sender's
	Poll, Final             bool
	ControlPlaneIndependent bool
	Demand                  bool
	Multiplier              uint8  // of the receiver's detection time
	MyDiscriminator         uint32 // the sender's, never 0
	YourDiscriminator       uint32 // the receiver's, 0 while it is not known
	DesiredMinTX            time.Duration
	RequiredMinRX           time.Duration // 0 = send nothing periodically
	RequiredMinEchoRX       time.Duration // 0 = echoes are not supported
}

// The bits of the second byte.
const (
	bitPoll        = 1 << 5
	bitFinal       = 1 << 4
	bitIndependent = 1 << 3
	bitAuth        = 1 << 2
	bitDemand      = 1 << 1
	bitMultipoint  = 1 << 0
)

// Append adds the packet to b as it goes on the wire.
func (p Packet) Append(b []byte) []byte {
	flags := byte(p.State) << 6
	for _, f := range []struct {
		set bool
		bit byte
	}{{p.Poll, bitPoll}, {p.Final, bitFinal}, {p.ControlPlaneIndependent, bitIndependent}, {p.Demand, bitDemand}} {
		if f.set {
			flags |= f.bit
		}
	}
	b = append(b, protocolVersion<<5|byte(p.Diagnostic)&0x1f, flags, p.Multiplier, packetLength)
	b = binary.BigEndian.AppendUint32(b, p.MyDiscriminator)
	b = binary.BigEndian.AppendUint32(b, p.YourDiscriminator)
	for _, d := range []time.Duration{p.DesiredMinTX, p.RequiredMinRX, p.RequiredMinEchoRX} {
		b = binary.BigEndian.AppendUint32(b, uint32(d/time.Microsecond))
	}
	return b
}

// ParsePacket reads the payload of a datagram and applies the rules of RFC 5880 §6.8.6 that need no session. A packet
// that is not to be used comes with the reason, which is DropNone otherwise.
func ParsePacket(b []byte) (Packet, Drop) {
	if len(b) < packetLength {
		return Packet{}, DropLength
	}
	if b[0]>>5 != protocolVersion {
		return Packet{}, DropVersion
	}
	flags, length := b[1], int(b[3])
	least := packetLength
	if flags&bitAuth != 0 {
		least = authenticatedLength
	}
	if length < least || length > len(b) {
		return Packet{}, DropLength
	}
	interval := func(at int) time.Duration {
		return time.Duration(binary.BigEndian.Uint32(b[at:])) * time.Microsecond
	}
	p := Packet{
		Diagnostic: Diagnostic(b[0] & 0x1f), State: State(flags >> 6), Poll: flags&bitPoll != 0, Final: flags&bitFinal != 0,
		ControlPlaneIndependent: flags&bitIndependent != 0, Demand: flags&bitDemand != 0, Multiplier: b[2],
		MyDiscriminator: binary.BigEndian.Uint32(b[4:]), YourDiscriminator: binary.BigEndian.Uint32(b[8:]),
		DesiredMinTX: interval(12), RequiredMinRX: interval(16), RequiredMinEchoRX: interval(20),
	}
	switch {
	case p.Multiplier == 0:
		return Packet{}, DropMultiplier
	case flags&bitMultipoint != 0:
		return Packet{}, DropMultipoint
	case p.MyDiscriminator == 0:
		return Packet{}, DropDiscriminator
	case p.YourDiscriminator == 0 && p.State != Down && p.State != AdminDown:
		return Packet{}, DropState
	case flags&bitAuth != 0: // a session here never uses it
		return Packet{}, DropAuthentication
	}
	return p, DropNone
}

// Drop is why a datagram is not used.
type Drop uint8

// The reasons, in the order in which they are looked for.
const (
	DropNone           Drop = iota
	DropLength              // shorter than a packet, or than it says
	DropVersion             // not that of RFC 5880
	DropMultiplier          // 0
	DropMultipoint          // the M bit
	DropDiscriminator       // the sender's is 0
	DropState               // the receiver's is 0 in a state in which the sender knows it
	DropAuthentication      // authenticated, and no session is
	DropSession             // of no session
	DropTTL                 // from farther away than the session allows
	dropCount
)

var dropNames = [...]string{"none", "length", "version", "multiplier", "multipoint", "discriminator", "state", "authentication",
	"session", "ttl"}

// String is a word for metrics.
func (d Drop) String() string {
	if int(d) >= len(dropNames) {
		return "unknown"
	}
	return dropNames[d]
}
