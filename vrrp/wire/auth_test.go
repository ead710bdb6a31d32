package wire

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// key8 is auth_pass s3cr3tlong, of which eight characters count.
var key8 = [8]byte([]byte("s3cr3tlo"))

// ahPackets are IPv4 packets as keepalived 2.2.7 put them on the wire.
var ahPackets = []struct {
	name     string
	hex      string
	ip       IPHeader
	priority uint8
	sequence uint32
}{
	{"first", "45c0004000010000ff33d0690a4d0001e0000012700400000a4d000100000001bff86245a693438b0415899c2133640102016e190a4d00640000000000000000",
		IPHeader{Source: routerA, Destination: group4, TTL: 255, ID: 1}, 100, 1},
	{"priority 0", "45c0004000050000ff33d0650a4d0001e0000012700400000a4d000100000005094ff0b4181a28457ecaf0b8213300010201d2190a4d00640000000000000000",
		IPHeader{Source: routerA, Destination: group4, TTL: 255, ID: 5}, 0, 5},
	{"of the next master", "45c0004000010000ff33d0680a4d0002e0000012700400000a4d000200000006193022b591eeda64ec8bd544213332010201a0190a4d00640000000000000000",
		IPHeader{Source: routerB, Destination: group4, TTL: 255, ID: 1}, 50, 6},
}

// TestAHEqualsKeepalived: the packets come out byte for byte, and are understood.
func TestAHEqualsKeepalived(t *testing.T) {
	for _, tt := range ahPackets {
		a := Advert{Version: 2, VRID: 51, Priority: tt.priority, Interval: time.Second, AuthType: AuthAH, AuthData: key8,
			Addresses: []netip.Addr{vip100}, Sequence: tt.sequence}
		if got := hex.EncodeToString(a.AppendIPv4(nil, tt.ip)); got != tt.hex {
			t.Errorf("%s\n got %s\nwant %s", tt.name, got, tt.hex)
		}
		h, pdu, reason := ParseIPv4(unhex(t, tt.hex))
		if reason != DropNone {
			t.Fatalf("%s: %v", tt.name, reason)
		}
		got, reason := ParseAdvert(pdu, h, nil)
		if reason != DropNone || got.AH == nil {
			t.Fatalf("%s: %v, %+v", tt.name, reason, got)
		}
		if why := got.AH.Verify(key8, false); why != DropNone || got.AH.Sequence != tt.sequence {
			t.Errorf("%s: sequence %d: %v", tt.name, got.AH.Sequence, why)
		}
		if got.Authenticate(AuthAH, nil) != DropNone || got.Priority != tt.priority || got.AuthData != [8]byte{} {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// TestRFC2402_3_3_3_CheckValue: what changes on the way may change, and nothing else.
func TestRFC2402_3_3_3_CheckValue(t *testing.T) {
	group := unhex(t, ahPackets[0].hex)
	peer := Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, AuthType: AuthAH, AuthData: key8,
		Addresses: []netip.Addr{vip100}, Sequence: 9}.AppendIPv4(nil, IPHeader{Source: routerA, Destination: routerB, TTL: 64, ID: 3})
	flip := func(i int) func([]byte) []byte { return func(b []byte) []byte { b[i] ^= 1; return b } }
	same := func(b []byte) []byte { return b }
	for _, tt := range []struct {
		name    string
		packet  []byte
		change  func([]byte) []byte
		unicast bool
		key     [8]byte
		want    DropReason
	}{
		{"as it is", group, same, false, key8, DropNone},
		{"another key", group, same, false, password, DropAuthFailure},
		{"TOS", group, flip(1), false, key8, DropNone},
		{"don't fragment", group, func(b []byte) []byte { b[6] = 0x40; return b }, false, key8, DropNone},
		{"checksum of the IP header", group, flip(10), false, key8, DropNone},
		{"TTL of a unicast packet", peer, func(b []byte) []byte { b[8] = 61; return b }, true, key8, DropNone},
		{"unicast taken for multicast", peer, same, false, key8, DropAuthFailure},
		{"identification", group, flip(5), false, key8, DropAuthFailure},
		{"source", group, flip(15), false, key8, DropAuthFailure},
		{"SPI", group, flip(27), false, key8, DropAuthFailure},
		{"sequence", group, flip(31), false, key8, DropAuthFailure},
		{"check value", group, flip(43), false, key8, DropAuthFailure},
		{"SPI that is signed, and not the source", group, func(b []byte) []byte {
			b[27]++
			clear(b[10:12])
			clear(b[32:44])
			sealAH(b, key8, false)
			return b
		}, false, key8, DropSPI},
		{"reserved bits of the header", group, flip(22), false, key8, DropAuthFailure},
		{"next header", group, func(b []byte) []byte { b[20] = 17; return b }, false, key8, DropType},
		{"length of the header", group, func(b []byte) []byte { b[21] = 5; return b }, false, key8, DropType},
		{"bytes after it", group, func(b []byte) []byte { return append(b, 0, 0) }, false, key8, DropLength},
		{"no room for the message", group, func(b []byte) []byte { b[3] = 48; return b[:48] }, false, key8, DropTruncated},
		{"priority", group, flip(46), false, key8, DropChecksum},
	} {
		h, pdu, got := ParseIPv4(tt.change(slices.Clone(tt.packet)))
		if got == DropNone {
			var a Advert
			if a, got = ParseAdvert(pdu, h, nil); got == DropNone {
				before := slices.Clone(a.AH.covered)
				got = a.AH.Verify(tt.key, tt.unicast)
				if !slices.Equal(before, a.AH.covered) {
					t.Errorf("%s: verifying has changed what is verified", tt.name)
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestAuthenticationTypes: an authentication header must be there exactly with AH.
func TestAuthenticationTypes(t *testing.T) {
	ah := &AH{}
	for _, tt := range []struct {
		rule string
		a    Advert
		want AuthType
		why  DropReason
	}{
		{"AH with its header", Advert{Version: 2, AuthType: AuthAH, AH: ah}, AuthAH, DropNone},
		{"AH without", Advert{Version: 2, AuthType: AuthAH}, AuthAH, DropAuthTypeMismatch},
		{"a password", Advert{Version: 2, AuthType: AuthPass}, AuthAH, DropAuthTypeMismatch},
		{"AH for who wants a password", Advert{Version: 2, AuthType: AuthAH, AH: ah}, AuthPass, DropAuthTypeMismatch},
		{"version 3 has none", Advert{Version: 3}, AuthNone, DropNone},
	} {
		if got := tt.a.Authenticate(tt.want, password[:]); got != tt.why {
			t.Errorf("%s: %v, want %v", tt.rule, got, tt.why)
		}
	}
}

// hmacKey is 00 01 02 … 1f.
var hmacKey = func() string {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

// signedVector is an advert with the trailer that keepalived 2.4 makes at 0x6a000000.5 s.
type signedVector struct {
	name    string
	ip      IPHeader
	advert  Advert
	input   string // of the HMAC
	payload string // of the IP packet
	second  string // trailer of a further advert at the same time
}

var signed = []signedVector{
	{"IPv4, version 3", IPHeader{Source: routerA, Destination: group4, TTL: 255},
		Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: []netip.Addr{vip100}},
		"040333000a4d000100000000000000000000000031339601006400000a4d0064010100006a0000008000000000000000000000000000000000000000",
		"31339601006442d90a4d0064010100006a0000008000000052a393721e64b86cb405f9c4853c4740",
		"010100006a000000800000019f421bb2ed8b450bd404a5dc6be92e9d"},
	{"IPv4, version 2", IPHeader{Source: routerA, Destination: group4, TTL: 255},
		Advert{Version: 2, VRID: 51, Priority: 150, Interval: time.Second, Addresses: []netip.Addr{vip100}},
		"040233000a4d000100000000000000000000000021339601000100000a4d00640000000000000000010100006a0000008000000000000000000000000000000000000000",
		"2133960100013e190a4d00640000000000000000010100006a000000800000009185722350828c2e691e4b1e1c111ca1",
		"010100006a00000080000001ee364f6cbd137b7afcd179c0cf9212e0"},
	{"IPv6", IPHeader{Source: link6, Destination: group6, TTL: 255},
		Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: vips6},
		"06033300fe8000000000000000000000000000013133960200640000fe800000000000000000000000000100fd770000000000000000000000000100010100006a0000008000000000000000000000000000000000000000",
		"313396020064f181fe800000000000000000000000000100fd770000000000000000000000000100010100006a00000080000000f31e69faa779f1299a149c1277d5bbe4",
		"010100006a00000080000001d72f364a46068e9291d334087de0977e"},
}

// packet is the vector as a socket receives it.
func (v signedVector) packet(t testing.TB) []byte {
	payload := unhex(t, v.payload)
	if v.ip.Source.Is6() {
		return payload
	}
	src, dst := v.ip.Source.As4(), v.ip.Destination.As4()
	b := []byte{0x45, 0xc0, 0, 0, 0, 1, 0, 0, 255, Protocol, 0, 0}
	b = append(append(append(b, src[:]...), dst[:]...), payload...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// TestHMACEqualsKeepalived: the trailers come out byte for byte, and verify.
func TestHMACEqualsKeepalived(t *testing.T) {
	clock := StampOf(time.Unix(0x6a000000, int64(500*time.Millisecond)))
	for _, v := range signed {
		stamp := Stamp(0).Next(clock, 5*time.Second)
		a := v.advert
		a.Signature = &Signature{KeyID: 1, Key: hmacKey, Stamp: stamp}
		if got := hex.EncodeToString(a.AppendTo(nil, v.ip)); got != v.payload {
			t.Errorf("%s\n got %s\nwant %s", v.name, got, v.payload)
		}
		a.Signature = &Signature{KeyID: 1, Key: hmacKey, Stamp: stamp.Next(clock, 5*time.Second)}
		again := a.AppendTo(nil, v.ip)
		if got := hex.EncodeToString(again[len(again)-TrailerLen:]); got != v.second {
			t.Errorf("%s, second\n got %s\nwant %s", v.name, got, v.second)
		}
		got, reason := ParseAdvert(unhex(t, v.payload), v.ip, nil)
		if reason != DropNone || got.Trailer == nil {
			t.Fatalf("%s: %v", v.name, reason)
		}
		if input := hex.EncodeToString(got.Trailer.covered); input != v.input {
			t.Errorf("%s: covered\n got %s\nwant %s", v.name, input, v.input)
		}
		if tr := got.Trailer; !tr.Verify(hmacKey) || tr.Verify(hmacKey+"x") || tr.KeyID != 1 || tr.Stamp != clock || tr.Malformed() {
			t.Errorf("%s: %+v", v.name, tr)
		}
		want := v.advert
		want.TTL = 255
		if got.Trailer = nil; !cmp.Equal(want, got, addrCmp) {
			t.Errorf("%s: %s", v.name, cmp.Diff(want, got, addrCmp))
		}
	}
}

// TestHMACCoversTheMessage: any bit of it, of the source, and of the trailer, but not the checksum, for the kernel's is
// filled in later over IPv6.
func TestHMACCoversTheMessage(t *testing.T) {
	for _, v := range signed {
		payload := unhex(t, v.payload)
		verify := func(ip IPHeader, b []byte) bool {
			end := len(b) - TrailerLen
			tr := parseTrailer(ip.Source, b[:end], b[end:])
			return !tr.Malformed() && tr.Verify(hmacKey)
		}
		if !verify(v.ip, payload) {
			t.Fatalf("%s does not verify", v.name)
		}
		for i := range payload {
			b := slices.Clone(payload)
			b[i] ^= 0x10
			if checksum := i == 6 || i == 7; verify(v.ip, b) != checksum {
				t.Errorf("%s: with another byte %d it verifies: %v", v.name, i, !checksum)
			}
		}
		other := v.ip
		other.Source = other.Source.Next()
		if verify(other, payload) {
			t.Errorf("%s: verifies from another source", v.name)
		}
	}
}

// TestTrailerLength: what is longer by anything but a trailer is too long.
func TestTrailerLength(t *testing.T) {
	for _, v := range signed {
		for more := 1; more < 60; more++ {
			b := v.advert.AppendTo(nil, v.ip)
			b = append(b, make([]byte, more)...)
			a, reason := ParseAdvert(b, v.ip, nil)
			trailer := more == TrailerLen && v.ip.Source.Is4() // over IPv6 the checksum would have to cover it
			pad := v.ip.Source.Is4() && padded(IPv4HeaderLen+len(b), IPv4HeaderLen+len(b)-more)
			if ok := reason == DropNone; ok != (trailer || pad) || (a.Trailer != nil) != trailer {
				t.Errorf("%s and %d bytes: %v, trailer %v", v.name, more, reason, a.Trailer != nil)
			}
			if trailer && !a.Trailer.Malformed() {
				t.Errorf("%s: zeros are a trailer", v.name)
			}
		}
	}
}

// TestStampsNeverRepeat: whatever the clock does, each is after the one before, unless the clock was set back by more
// than the window.
func TestStampsNeverRepeat(t *testing.T) {
	at := func(d time.Duration) Stamp { return StampOf(time.Unix(1_800_000_000, 0).Add(d)) }
	const window = 5 * time.Second
	for _, tt := range []struct {
		rule      string
		last, now Stamp
		window    time.Duration
		want      Stamp
	}{
		{"the first", 0, at(0), window, at(0)},
		{"time goes on", at(0), at(time.Second), window, at(time.Second)},
		{"it stands", at(0), at(0), window, at(0) + 1},
		{"it was set back a little", at(3 * time.Second), at(0), window, at(3*time.Second) + 1},
		{"by the window", at(5 * time.Second), at(0), window, at(5*time.Second) + 1},
		{"by more", at(6 * time.Second), at(0), window, at(0)},
		{"by more, where only the order counts", at(time.Hour), at(0), 0, at(time.Hour) + 1},
		{"the counter runs into the fraction", at(0) | 0xffff, at(0), window, (at(0) | 0xffff) + 1},
		{"the seconds wrap in 2106", Stamp(0xffffffff)<<32 | 7, Stamp(1) << 32, window, Stamp(1) << 32},
	} {
		if got := tt.last.Next(tt.now, tt.window); got != tt.want {
			t.Errorf("%s: %x after %x at %x, want %x", tt.rule, got, tt.last, tt.now, tt.want)
		}
	}
	if got := at(0).Skew(at(7 * time.Second)); got != -7*time.Second {
		t.Errorf("skew %v", got)
	}
}

// TestChecksumForms: what keepalived sends with old_unicast_checksum and without, and v3_checksum_as_v2.
func TestChecksumForms(t *testing.T) {
	fromA := IPHeader{Source: routerA, Destination: routerB, TTL: 255, ID: 1}
	a := Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: []netip.Addr{vip100}}
	for _, tt := range []struct {
		name   string
		hex    string
		form   Checksum
		to     netip.Addr
		found  Checksum
		covers bool // the group
	}{
		{"old unicast, as keepalived sends it", "45c0002000010000ff70a6100a4d00010a4d000231339601006442d90a4d0064", ChecksumGroup, routerB, ChecksumUnknown, true},
		{"standard", "", ChecksumStandard, routerB, ChecksumStandard, false},
		{"as in version 2, to a peer", "45c0002000010000ff70a6100a4d00010a4d00023133960100642db60a4d0064", ChecksumAsV2, routerB, ChecksumAsV2, false},
		{"as in version 2, to the group", "", ChecksumAsV2, group4, ChecksumAsV2, false},
		{"to the group the old form is the standard", "", ChecksumGroup, group4, ChecksumStandard, false},
	} {
		out, ip := a, fromA
		out.Checksum, out.Group, ip.Destination = tt.form, group4, tt.to
		packet := out.AppendIPv4(nil, ip)
		if got := hex.EncodeToString(packet); tt.hex != "" && got[40:] != tt.hex[40:] {
			t.Errorf("%s\n got %s\nwant %s", tt.name, got, tt.hex)
		}
		h, pdu, _ := ParseIPv4(packet)
		got, reason := ParseAdvert(pdu, h, nil)
		if reason != DropNone || got.Checksum != tt.found || got.CoversGroup(group4) != tt.covers || got.CoversGroup(routerC) {
			t.Errorf("%s: %v, %v, covers the group %v", tt.name, reason, got.Checksum, got.CoversGroup(group4))
		}
		packet[22] ^= 1
		h, pdu, _ = ParseIPv4(packet)
		got, reason = ParseAdvert(pdu, h, nil)
		if accepted := reason == DropNone && got.Checksum != ChecksumUnknown; accepted || got.CoversGroup(group4) {
			t.Errorf("%s: changed on the way, and it passes: %v", tt.name, got.Checksum)
		}
	}
}
