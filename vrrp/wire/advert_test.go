package wire

import (
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	routerA  = netip.MustParseAddr("10.77.0.1")
	routerB  = netip.MustParseAddr("10.77.0.2")
	routerC  = netip.MustParseAddr("10.77.0.3")
	group4   = netip.MustParseAddr("224.0.0.18")
	group6   = netip.MustParseAddr("ff02::12")
	link6    = netip.MustParseAddr("fe80::1")
	vip100   = netip.MustParseAddr("10.77.0.100")
	vip101   = netip.MustParseAddr("10.77.0.101")
	vips6    = []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("fd77::100")}
	password = [8]byte{'s', '3', 'c', 'r', '3', 't'}
	addrCmp  = cmpopts.EquateComparable(netip.Addr{})
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packets are IPv4 packets as keepalived 2.2.7 put them on the wire (Ethernet header left out).
var packets = []struct {
	name   string
	hex    string
	ip     IPHeader
	advert Advert
}{
	{
		"v2 PASS, two addresses",
		"45c0002c00010000ff70d0400a4d0001e00000122133640201015a4c0a4d00640a4d00657333637233740000",
		IPHeader{Source: routerA, Destination: group4, TTL: 255, ID: 1},
		Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, AuthType: AuthPass, AuthData: password,
			Addresses: []netip.Addr{vip100, vip101}, TTL: 255},
	},
	{
		"v2 PASS, priority 0",
		"45c0002c00070000ff70d03a0a4d0001e0000012213300020101be4c0a4d00640a4d00657333637233740000",
		IPHeader{Source: routerA, Destination: group4, TTL: 255, ID: 7},
		Advert{Version: 2, VRID: 51, Interval: time.Second, AuthType: AuthPass, AuthData: password,
			Addresses: []netip.Addr{vip100, vip101}, TTL: 255},
	},
	{
		"v2 without authentication",
		"45c0002800010000ff70d0440a4d0001e000001221336401000170190a4d00640000000000000000",
		IPHeader{Source: routerA, Destination: group4, TTL: 255, ID: 1},
		Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, Addresses: []netip.Addr{vip100}, TTL: 255},
	},
	{
		"v3",
		"45c0002000010000ff70d04c0a4d0001e0000012313396010032430b0a4d0064",
		IPHeader{Source: routerA, Destination: group4, TTL: 255, ID: 1},
		Advert{Version: 3, VRID: 51, Priority: 150, Interval: 500 * time.Millisecond, Addresses: []netip.Addr{vip100}, TTL: 255},
	},
	{
		"v3, priority 0",
		"45c00020000c0000ff70d0410a4d0001e0000012313300010032d90b0a4d0064",
		IPHeader{Source: routerA, Destination: group4, TTL: 255, ID: 12},
		Advert{Version: 3, VRID: 51, Interval: 500 * time.Millisecond, Addresses: []netip.Addr{vip100}, TTL: 255},
	},
	{
		"v3 unicast to the first peer",
		"45c0002000010000407065110a4d00010a4d0002313396010064189d0a4d0064",
		IPHeader{Source: routerA, Destination: routerB, TTL: 64, ID: 1},
		Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: []netip.Addr{vip100}, TTL: 64},
	},
	{
		"v3 unicast to the second peer",
		"45c0002000010000407065100a4d00010a4d0003313396010064189c0a4d0064",
		IPHeader{Source: routerA, Destination: routerC, TTL: 64, ID: 1},
		Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: []netip.Addr{vip100}, TTL: 64},
	},
}

// messages6 are the payloads of IPv6 packets from fe80::1 to ff02::12.
var messages6 = []struct {
	name   string
	hex    string
	advert Advert
}{
	{
		"v3", "3133960200643c3efe800000000000000000000000000100fd770000000000000000000000000100",
		Advert{Version: 3, VRID: 51, Priority: 150, Interval: time.Second, Addresses: vips6, TTL: 255},
	},
	{
		"v2 has no authentication data", "2133640101017c2afe800000000000000000000000000100",
		Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, AuthType: AuthPass, Addresses: vips6[:1],
			TTL: 255},
	},
}

func TestAppendIPv4EqualsKeepalived(t *testing.T) {
	for _, tt := range packets {
		t.Run(tt.name, func(t *testing.T) {
			prefix := []byte("already there")
			got := tt.advert.AppendIPv4(prefix, tt.ip)
			if diff := cmp.Diff(hex.EncodeToString(prefix)+tt.hex, hex.EncodeToString(got)); diff != "" {
				t.Errorf("packet (-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseIPv4OfKeepalived(t *testing.T) {
	for _, tt := range packets {
		t.Run(tt.name, func(t *testing.T) {
			h, pdu, reason := ParseIPv4(unhex(t, tt.hex))
			if reason != DropNone {
				t.Fatalf("ParseIPv4: %v", reason)
			}
			if diff := cmp.Diff(tt.ip, h, addrCmp); diff != "" {
				t.Errorf("header (-want +got)\n%s", diff)
			}
			a, reason := ParseAdvert(pdu, h, nil)
			if reason != DropNone {
				t.Fatalf("ParseAdvert: %v", reason)
			}
			if diff := cmp.Diff(tt.advert, a, addrCmp); diff != "" {
				t.Errorf("advert (-want +got)\n%s", diff)
			}
		})
	}
}

func TestIPv6MessageEqualsKeepalived(t *testing.T) {
	ip := IPHeader{Source: link6, Destination: group6, TTL: 255}
	for _, tt := range messages6 {
		t.Run(tt.name, func(t *testing.T) {
			if got := hex.EncodeToString(tt.advert.AppendTo(nil, ip)); got != tt.hex {
				t.Errorf("message\n got %s\nwant %s", got, tt.hex)
			}
			a, reason := ParseAdvert(unhex(t, tt.hex), ip, nil)
			if reason != DropNone {
				t.Fatalf("ParseAdvert: %v", reason)
			}
			if diff := cmp.Diff(tt.advert, a, addrCmp); diff != "" {
				t.Errorf("advert (-want +got)\n%s", diff)
			}
		})
	}
}

// reseal recomputes the VRRP checksum after a change, so that the change itself is what gets rejected.
func reseal(packet []byte) []byte {
	h := IPHeader{
		Source:      netip.AddrFrom4([4]byte(packet[12:16])),
		Destination: netip.AddrFrom4([4]byte(packet[16:20])),
	}
	pdu := packet[20:]
	pdu[6], pdu[7] = 0, 0
	sum := ^foldChecksum(standardSum(pdu[0]>>4, h, h.Destination, len(pdu)) + byteSum(pdu))
	pdu[6], pdu[7] = byte(sum>>8), byte(sum)
	return packet
}

// TestRFC9568_7_1_ReceivedPackets: "It MUST verify that ..." - the checks that need no configuration.
func TestRFC9568_7_1_ReceivedPackets(t *testing.T) {
	v2, v3, unicast := packets[2].hex, packets[3].hex, packets[5].hex
	pad := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { return append(b, make([]byte, n)...) }
	}
	relength := func(b []byte) []byte { b[2], b[3] = byte(len(b)>>8), byte(len(b)); return b }
	for _, tt := range []struct {
		name   string
		packet string
		change func([]byte) []byte
		want   DropReason
	}{
		{"untouched v2", v2, func(b []byte) []byte { return b }, DropNone},
		{"untouched v3", v3, func(b []byte) []byte { return b }, DropNone},
		{"TTL 254", v3, func(b []byte) []byte { b[8] = 254; return b }, DropTTL},
		{"TTL 64 of a unicast packet", unicast, func(b []byte) []byte { return b }, DropNone},
		{"version 1", v3, func(b []byte) []byte { b[20] = 1<<4 | 1; return reseal(b) }, DropVersion},
		{"version 4", v3, func(b []byte) []byte { b[20] = 4<<4 | 1; return reseal(b) }, DropVersion},
		{"type 2", v3, func(b []byte) []byte { b[20] = 3<<4 | 2; return reseal(b) }, DropType},
		{"checksum v2", v2, func(b []byte) []byte { b[26] ^= 1; return b }, DropChecksum},
		{"checksum v3", v3, func(b []byte) []byte { b[27] ^= 1; return b }, DropChecksum},
		{"flipped priority", v2, func(b []byte) []byte { b[22] ^= 0x80; return b }, DropChecksum},
		{"reserved bits of v3 are ignored", v3, func(b []byte) []byte { b[24] |= 0xf0; return reseal(b) }, DropNone},
		{"four bytes more", v3, func(b []byte) []byte { return relength(pad(4)(b)) }, DropLength},
		{"four bytes less", v3, func(b []byte) []byte { return relength(b[:len(b)-4]) }, DropLength},
		{"v2 without authentication data", v2, func(b []byte) []byte { return relength(b[:len(b)-8]) }, DropLength},
		{"count larger than the list", v3, func(b []byte) []byte { b[23] = 200; return reseal(b) }, DropLength},
		{"Ethernet padding", v3, pad(14), DropNone},
		{"Ethernet padding within the IP length", v3, func(b []byte) []byte { return relength(pad(14)(b)) }, DropNone},
		{"Ethernet padding v2", v2, pad(6), DropNone},
		{"bytes that cannot be padding", v3, pad(16), DropLength},
		{"IP length beyond the packet", v3, func(b []byte) []byte { b[3]++; return b }, DropTruncated},
		{"header cut off", v3, func(b []byte) []byte { return b[:19] }, DropTruncated},
		{"VRRP header cut off", v3, func(b []byte) []byte { return b[:27] }, DropTruncated},
		{"IP length without VRRP header", v3, func(b []byte) []byte { b[3] = 24; return b }, DropTruncated},
		{"header length 16", v3, func(b []byte) []byte { b[0] = 0x44; return b }, DropTruncated},
		{"IPv6 header", v3, func(b []byte) []byte { b[0] = 0x65; return b }, DropTruncated},
		{"another protocol", v3, func(b []byte) []byte { b[9] = 17; return b }, DropType},
		{"IP options", v3, func(b []byte) []byte {
			b = append(b[:20:20], append([]byte{1, 1, 1, 1}, b[20:]...)...)
			b[0] = 0x46
			return relength(b)
		}, DropNone},
		{"nothing", v3, func([]byte) []byte { return nil }, DropTruncated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, pdu, got := ParseIPv4(tt.change(unhex(t, tt.packet)))
			if got == DropNone {
				_, got = ParseAdvert(pdu, h, nil)
			}
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestRFC9568_5_2_6_IntervalIs12Bits: the largest interval, with the reserved bits set, is 40.95 s.
func TestRFC9568_5_2_6_IntervalIs12Bits(t *testing.T) {
	b := unhex(t, packets[3].hex)
	b[24], b[25] = 0xff, 0xff
	h, pdu, _ := ParseIPv4(reseal(b))
	a, reason := ParseAdvert(pdu, h, nil)
	if reason != DropNone || a.Interval != 40950*time.Millisecond {
		t.Errorf("got %v, %v", a.Interval, reason)
	}
}

// TestRejectedAdvertNamesItsRouter: the shell finds the router that a bad packet is counted for.
func TestRejectedAdvertNamesItsRouter(t *testing.T) {
	b := unhex(t, packets[3].hex)
	b[26] ^= 0xff
	h, pdu, _ := ParseIPv4(b)
	a, reason := ParseAdvert(pdu, h, nil)
	want := Advert{Version: 3, VRID: 51}
	if diff := cmp.Diff(want, a, addrCmp); diff != "" || reason != DropChecksum {
		t.Errorf("%v (-want +got)\n%s", reason, diff)
	}
}

// TestParseAdvertAllocatesNothing: with a buffer of the caller's.
func TestParseAdvertAllocatesNothing(t *testing.T) {
	b, buf := unhex(t, packets[0].hex), make([]netip.Addr, 0, 255)
	if n := testing.AllocsPerRun(100, func() {
		h, pdu, _ := ParseIPv4(b)
		if _, reason := ParseAdvert(pdu, h, buf); reason != DropNone {
			t.Fatal(reason)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParseAdvert: no bytes make the decoder panic, and what it accepts survives encoding.
func FuzzParseAdvert(f *testing.F) {
	for _, p := range packets {
		f.Add(unhex(f, p.hex), false)
	}
	for _, m := range messages6 {
		f.Add(unhex(f, m.hex), true)
	}
	for _, p := range ahPackets {
		f.Add(unhex(f, p.hex), false)
	}
	for _, v := range signed {
		f.Add(v.packet(f), v.ip.Source.Is6())
	}
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		h, pdu, reason := IPHeader{Source: link6, Destination: group6, TTL: 255}, b, DropNone
		if !v6 {
			h, pdu, reason = ParseIPv4(b)
		}
		if reason != DropNone {
			return
		}
		a, reason := ParseAdvert(pdu, h, nil)
		if reason != DropNone {
			if a.Addresses != nil || a.Priority != 0 {
				t.Fatalf("rejected for %v, yet decoded: %+v", reason, a)
			}
			return
		}
		if a.AH != nil {
			_ = a.AH.Verify(key8, len(b)%2 == 0)
			a.AH, h.AH = nil, nil // of the packet, not of the message
		}
		if a.Trailer != nil {
			_ = a.Trailer.Verify(hmacKey)
			a.Trailer = nil // nobody could sign it again
		}
		if a.Checksum == ChecksumUnknown {
			return // nor could its checksum be made again
		}
		again, reason := ParseAdvert(a.AppendTo(nil, h), h, nil)
		if diff := cmp.Diff(a, again, addrCmp, cmpopts.EquateEmpty()); diff != "" || reason != DropNone {
			t.Fatalf("%v (-first +second)\n%s", reason, diff)
		}
	})
}

func BenchmarkParseAdvert(b *testing.B) {
	packet, buf := unhex(b, packets[0].hex), make([]netip.Addr, 0, 255)
	b.ReportAllocs()
	for b.Loop() {
		h, pdu, _ := ParseIPv4(packet)
		if _, reason := ParseAdvert(pdu, h, buf); reason != DropNone {
			b.Fatal(reason)
		}
	}
}

func BenchmarkAppendIPv4(b *testing.B) {
	buf := make([]byte, 0, 1500)
	b.ReportAllocs()
	for b.Loop() {
		buf = packets[0].advert.AppendIPv4(buf[:0], packets[0].ip)
	}
}

// TestVRRPCase38: version 2 over IPv6 has no authentication data, whatever its type of authentication.
func TestVRRPCase38(t *testing.T) {
	ip := IPHeader{Source: link6, Destination: group6, TTL: 255}
	for _, auth := range []AuthType{AuthNone, AuthPass} {
		a := Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, AuthType: auth, AuthData: password, Addresses: vips6[:1]}
		b := a.AppendTo(nil, ip)
		if got, reason := ParseAdvert(b, ip, nil); len(b) != HeaderLen+16 || reason != DropNone || got.AuthData != [8]byte{} {
			t.Errorf("type %d: %d bytes, %v, %+v", auth, len(b), reason, got)
		}
		if _, reason := ParseAdvert(append(b, password[:]...), ip, nil); reason != DropLength {
			t.Errorf("type %d with authentication data: %v", auth, reason)
		}
	}
}
