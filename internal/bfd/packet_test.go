package bfd

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"
	"time"
)

// aPacket is one with every field.
var aPacket = Packet{Diagnostic: NeighborSignaledDown, State: Init, Poll: true, ControlPlaneIndependent: true, Demand: true,
	Multiplier: 5, MyDiscriminator: 0x01020304, YourDiscriminator: 0xa1a2a3a4, DesiredMinTX: 100 * time.Millisecond,
	RequiredMinRX: 250 * time.Microsecond, RequiredMinEchoRX: time.Microsecond}

const aPacketHex = "23aa051801020304a1a2a3a4000186a0000000fa00000001"

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRFC5880_4_1_PacketBytes(t *testing.T) {
	if got := hex.EncodeToString(aPacket.Append(nil)); got != aPacketHex {
		t.Errorf("%s, want %s", got, aPacketHex)
	}
	for _, trailing := range []string{"", "00", "ffffffff"} { // what follows the length is not of the packet
		if got, drop := ParsePacket(fromHex(t, aPacketHex+trailing)); drop != DropNone || got != aPacket {
			t.Errorf("with %q behind: %+v, %v", trailing, got, drop)
		}
	}
	if got := aPacket.Append([]byte{1, 2}); len(got) != 26 || got[0] != 1 {
		t.Errorf("%x does not begin with what was there", got)
	}
}

func TestRFC5880_6_8_6_Discarded(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(b []byte) []byte
		want Drop
	}{
		{"nothing", func([]byte) []byte { return nil }, DropLength},
		{"23 bytes", func(b []byte) []byte { return b[:23] }, DropLength},
		{"says 23", func(b []byte) []byte { b[3] = 23; return b }, DropLength},
		{"says more than there is", func(b []byte) []byte { b[3] = 25; return b }, DropLength},
		{"says 0", func(b []byte) []byte { b[3] = 0; return b }, DropLength},
		{"authenticated, too short for that", func(b []byte) []byte { b[1] |= bitAuth; return b }, DropLength},
		{"authenticated", func(b []byte) []byte { b[1] |= bitAuth; b[3] = 26; return append(b, 1, 2) }, DropAuthentication},
		{"version 0", func(b []byte) []byte { b[0] &= 0x1f; return b }, DropVersion},
		{"version 2", func(b []byte) []byte { b[0] = 2 << 5; return b }, DropVersion},
		{"multiplier 0", func(b []byte) []byte { b[2] = 0; return b }, DropMultiplier},
		{"multipoint", func(b []byte) []byte { b[1] |= bitMultipoint; return b }, DropMultipoint},
		{"sender 0", func(b []byte) []byte { clear(b[4:8]); return b }, DropDiscriminator},
		{"receiver 0 in Init", func(b []byte) []byte { clear(b[8:12]); return b }, DropState},
		{"receiver 0 in Up", func(b []byte) []byte { b[1] |= 3 << 6; clear(b[8:12]); return b }, DropState},
		{"receiver 0 in Down", func(b []byte) []byte { b[1] = 1 << 6; clear(b[8:12]); return b }, DropNone},
		{"receiver 0 in AdminDown", func(b []byte) []byte { b[1] = 0; clear(b[8:12]); return b }, DropNone},
	} {
		p, got := ParsePacket(tt.do(fromHex(t, aPacketHex)))
		if got != tt.want || got != DropNone && p != (Packet{}) {
			t.Errorf("%s: %v with %+v, want %v", tt.name, got, p, tt.want)
		}
	}
}

func TestNamesOfAll(t *testing.T) {
	var seen []string
	for d := DropNone; d < dropCount; d++ {
		if slices.Contains(seen, d.String()) || d.String() == "unknown" {
			t.Errorf("drop %d is called %q", d, d)
		}
		seen = append(seen, d.String())
	}
	for s, want := range map[string]string{Up.String(): "Up", State(9).String(): "state 9", dropCount.String(): "unknown",
		DetectionTimeExpired.String(): "Control Detection Time Expired", Diagnostic(31).String(): "Unknown Diagnostic 31",
		Diagnostic(8).String(): "Reverse Concatenated Path Down", AdministrativelyDown.String(): "Administratively Down"} {
		if s != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
}

// FuzzParsePacket: a packet that may be used is written as it was read, and no datagram does harm.
func FuzzParsePacket(f *testing.F) {
	for _, s := range []string{"", aPacketHex, aPacketHex + "00", "20c8051801020304a1a2a3a4000186a0000000fa00000000",
		"2044031a00000001000000000000000000000000000000000102", "20400318000000010000000000000000ffffffff00000000"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, drop := ParsePacket(b)
		if drop != DropNone {
			if p != (Packet{}) {
				t.Errorf("dropped for %v, and read as %+v", drop, p)
			}
			return
		}
		want := slices.Clone(b[:packetLength])
		want[3] = packetLength
		if got := p.Append(nil); !bytes.Equal(got, want) {
			t.Errorf("%x is written as %x", want, got)
		}
		s := NewSession(0, 7, quick)
		s.Step(1, PacketReceived{p})
		now := s.Deadline()
		if now == Never {
			return
		}
		if now < 1 {
			t.Fatalf("wants to be woken at %d, in the past", now)
		}
		s.Step(now, Wake{Jitter: b[0]})
		if s.Deadline() <= now {
			t.Errorf("woken at %d and wants it again at %d", now, s.Deadline())
		}
	})
}
