package main

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"vigil/vrrp/wire"
)

// refusal is what a router of the pair makes of a packet, and whether it is for it at all.
func refusal(t *testing.T, packet []byte, a attack) (advert wire.Advert, reason wire.DropReason) {
	t.Helper()
	ip, message, reason := wire.ParseIPv4(packet)
	if reason != wire.DropNone {
		return advert, reason
	}
	if advert, reason = wire.ParseAdvert(message, ip, nil); reason != wire.DropNone || !a.pass {
		return advert, reason
	}
	var key [wire.AuthDataLen]byte
	copy(key[:], password)
	return advert, advert.Authenticate(wire.AuthPass, key[:])
}

func attackNamed(t *testing.T, name string) attack {
	t.Helper()
	i := slices.IndexFunc(attacks, func(a attack) bool { return a.name == name })
	if i < 0 {
		t.Fatalf("no attack %q", name)
	}
	return attacks[i]
}

// packets are those of an attack, without their Ethernet headers.
func packets(a attack) (list [][]byte) {
	for _, frame := range a.frames([]byte{2, 0, 0, 0, 0, 3}) {
		list = append(list, frame[14:])
	}
	return list
}

// Every frame goes to the group, from the hostile host, with a header that no kernel refuses: what is wrong is left to the routers.
func TestFramesOfAttacksArrive(t *testing.T) {
	mac := []byte{2, 0, 0, 0, 0, 3}
	for _, a := range attacks {
		list := a.frames(mac)
		if len(list) != attackFrames {
			t.Errorf("%s: %d frames", a.name, len(list))
		}
		for i, frame := range list {
			if !bytes.HasPrefix(frame, slices.Concat([]byte("\x01\x00\x5e\x00\x00\x12"), mac, []byte("\x08\x00\x45"))) {
				t.Fatalf("%s: frame %d: %x", a.name, i, frame)
			}
			packet := slices.Clone(frame[14:])
			sealHeader(packet)
			length := int(packet[2])<<8 | int(packet[3])
			if !bytes.Equal(packet, frame[14:]) || length != len(packet) || packet[9] != wire.Protocol || netip.AddrFrom4([4]byte(packet[16:20])) != group4 {
				t.Fatalf("%s: frame %d: header %x, %d bytes", a.name, i, packet[:20], len(packet))
			}
		}
		if !slices.EqualFunc(list, a.frames(mac), bytes.Equal) {
			t.Errorf("%s: another run has other frames", a.name)
		}
	}
}

// A header whose checksum is known.
func TestSealHeader(t *testing.T) {
	header := []byte("\x45\x00\x00\x73\x00\x00\x40\x00\x40\x11\xff\xff\xc0\xa8\x00\x01\xc0\xa8\x00\xc7")
	if sealHeader(header); header[10] != 0xb8 || header[11] != 0x61 {
		t.Errorf("checksum %x", header[10:12])
	}
}

// No junk is an advert, but half of it gets past a filter of the VRID, and all lengths are there.
func TestJunk(t *testing.T) {
	a := attackNamed(t, "junk")
	ours, longest, shortest := 0, 0, 1<<16
	for _, packet := range packets(a) {
		if _, reason := refusal(t, packet, a); reason == wire.DropNone {
			t.Fatalf("an advert: %x", packet)
		}
		if len(packet) > 21 && packet[21] == attackedVRID {
			ours++
		}
		longest, shortest = max(longest, len(packet)), min(shortest, len(packet))
	}
	if ours < attackFrames*49/100 || ours > attackFrames*52/100 || shortest != 20 || longest < 1000 || longest > 1500 {
		t.Errorf("%d for the pair, %d to %d bytes", ours, shortest, longest)
	}
}

// Of each forged advert exactly one thing is wrong, and all of them claim what would make their sender master.
func TestForged(t *testing.T) {
	a := attackNamed(t, "forged")
	found := map[wire.DropReason]int{}
	for _, packet := range packets(a) {
		advert, reason := refusal(t, packet, a)
		switch reason {
		case wire.DropNone:
			if advert.VRID == attackedVRID || advert.VRID == 0 || advert.Priority != 255 {
				t.Fatalf("nothing is wrong: %+v", advert)
			}
		case wire.DropTTL, wire.DropChecksum:
			if packet[21] != attackedVRID || packet[22] != 255 {
				t.Fatalf("%v, and something else: %x", reason, packet)
			}
		default:
			t.Fatalf("%v: %x", reason, packet)
		}
		found[reason]++
	}
	for _, reason := range []wire.DropReason{wire.DropNone, wire.DropTTL, wire.DropChecksum} {
		if found[reason] < attackFrames/3 {
			t.Errorf("%v: %d", reason, found[reason])
		}
	}
}

// Nobody guesses the password; but for it all would be right.
func TestWrongPassword(t *testing.T) {
	a := attackNamed(t, "password")
	found := map[wire.DropReason]int{}
	for _, packet := range packets(a) {
		advert, reason := refusal(t, packet, a)
		found[reason]++
		if advert.VRID != attackedVRID || advert.Priority != 255 || advert.Version != 2 || advert.Interval != a.interval() {
			t.Fatalf("%+v", advert)
		}
	}
	third := attackFrames / 3
	if found[wire.DropAuthTypeMismatch] < third || found[wire.DropAuthFailure] < third || found[wire.DropAuthTypeInvalid] < third || found[wire.DropNone] > 0 {
		t.Errorf("%v", found)
	}
}

// Ten thousand routers, none of which is better than the pair's.
func TestManySources(t *testing.T) {
	a := attackNamed(t, "sources")
	sources := map[netip.Addr]bool{}
	for _, packet := range packets(a) {
		advert, reason := refusal(t, packet, a)
		if reason != wire.DropNone || advert.VRID != attackedVRID || advert.Priority == 0 || advert.Priority >= 100 || advert.Interval != a.interval() {
			t.Fatalf("%v, %+v", reason, advert)
		}
		sources[netip.AddrFrom4([4]byte(packet[12:16]))] = true
	}
	if len(sources) != 10_000 {
		t.Errorf("%d sources", len(sources))
	}
}
