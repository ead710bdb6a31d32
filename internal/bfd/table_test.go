package bfd

import (
	"net/netip"
	"slices"
	"testing"

	"vigil/confparse"
)

func addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func specOf(name, neighbor, source string) SessionSpec {
	s := SessionSpec{Name: name, Neighbor: addr(neighbor), Source: addr(source), TTL: 255, Timing: quick}
	if s.Neighbor.Is6() {
		s.TTL = 64
	}
	return s
}

// TestDemultiplexing has the sessions of RFC 5880 §6.3, RFC 5881 §3 and RFC 5883 §3 side by side.
func TestDemultiplexing(t *testing.T) {
	far := specOf("far", "192.0.2.2", "")
	far.Multihop, far.MaxHops = true, 10
	tab := newTable()
	for i, s := range []SessionSpec{specOf("any", "192.0.2.2", ""), specOf("own", "192.0.2.2", "192.0.2.9"), far,
		specOf("six", "2001:db8::2", ""), specOf("same", "192.0.2.2", "")} {
		tab.add(handle(i+1), uint32(100+i+1), s, false)
	}
	tab.add(9, 109, specOf("leaving", "192.0.2.8", ""), true)
	for _, tt := range []struct {
		name     string
		your     uint32
		from, to string
		ttl      int
		multihop bool
		want     handle
		drop     Drop
	}{
		{"by discriminator", 101, "192.0.2.2", "192.0.2.1", 255, false, 1, DropNone},
		{"by discriminator, from another address of the neighbour", 101, "192.0.2.77", "192.0.2.1", 255, false, 1, DropNone},
		{"an unknown discriminator is not looked for by address", 77, "192.0.2.2", "192.0.2.1", 255, false, 0, DropSession},
		{"by address", 0, "192.0.2.2", "192.0.2.1", 255, false, 1, DropNone},
		{"by address, the session's own source", 0, "192.0.2.2", "192.0.2.9", 255, false, 2, DropNone},
		{"from nobody's neighbour", 0, "192.0.2.3", "192.0.2.1", 255, false, 0, DropSession},
		{"one hop too far", 0, "192.0.2.2", "192.0.2.1", 254, false, 1, DropTTL},
		{"one hop too far, by discriminator", 102, "192.0.2.2", "192.0.2.1", 254, false, 2, DropTTL},
		{"multihop", 0, "192.0.2.2", "192.0.2.1", 245, true, 3, DropNone},
		{"multihop, too far", 0, "192.0.2.2", "192.0.2.1", 244, true, 3, DropTTL},
		{"multihop by the discriminator of single hop", 101, "192.0.2.2", "192.0.2.1", 255, true, 0, DropSession},
		{"single hop by that of multihop", 103, "192.0.2.2", "192.0.2.1", 255, false, 0, DropSession},
		{"IPv6", 0, "2001:db8::2", "2001:db8::1", 64, false, 4, DropNone},
		{"IPv6, more than wanted", 0, "2001:db8::2", "2001:db8::1", 255, false, 4, DropNone},
		{"IPv6, too far", 0, "2001:db8::2", "2001:db8::1", 63, false, 4, DropTTL},
		{"IPv6 by the discriminator of IPv4", 101, "2001:db8::2", "2001:db8::1", 255, false, 0, DropSession},
		{"TTL unknown", 0, "192.0.2.2", "192.0.2.1", -1, false, 1, DropTTL},
		{"the second of equal sessions, by its discriminator", 105, "192.0.2.2", "192.0.2.1", 255, false, 5, DropNone},
		{"one that leaves, by address", 0, "192.0.2.8", "192.0.2.1", 255, false, 0, DropSession},
		{"one that leaves, by discriminator", 109, "192.0.2.8", "192.0.2.1", 255, false, 9, DropNone},
	} {
		p := Packet{State: Down, Multiplier: 3, MyDiscriminator: 7, YourDiscriminator: tt.your}
		got, _, drop := tab.find(Datagram{Payload: p.Append(nil), From: netip.AddrPortFrom(addr(tt.from), 50000), To: addr(tt.to), TTL: tt.ttl, Multihop: tt.multihop})
		if got.handle != tt.want || drop != tt.drop {
			t.Errorf("%s: session %d, %v, want %d, %v", tt.name, got.handle, drop, tt.want, tt.drop)
		}
	}
	if _, _, drop := tab.find(Datagram{Payload: []byte("junk"), From: netip.MustParseAddrPort("192.0.2.2:1"), TTL: 255}); drop != DropLength {
		t.Errorf("junk: %v", drop)
	}
}

func TestLeastTTL(t *testing.T) {
	for _, tt := range []struct {
		ttl  uint8
		hops int
		want uint8
	}{{255, 0, 255}, {255, 1, 254}, {200, 2, 198}, {64, 0, 64}, {64, 64, 0}, {255, 255, 0}, {255, -1, 0}, {1, 0, 1}} {
		if got := (SessionSpec{TTL: tt.ttl, MaxHops: tt.hops}).minTTL(); got != tt.want {
			t.Errorf("ttl %d, max_hops %d: %d, want %d", tt.ttl, tt.hops, got, tt.want)
		}
	}
}

func TestFromConfigCopies(t *testing.T) {
	c := &confparse.Config{BFD: []*confparse.BFDInstance{{Name: "b", Neighbor: addr("192.0.2.2"), Source: addr("192.0.2.1"), MinRX: ms,
		MinTX: 2 * ms, IdleTX: 3 * ms, Multiplier: 4, Passive: true, TTL: 5, MaxHops: 6, Multihop: true}}}
	want := Spec{[]SessionSpec{{Name: "b", Neighbor: addr("192.0.2.2"), Source: addr("192.0.2.1"), TTL: 5, MaxHops: 6, Multihop: true,
		Timing: Timing{MinTX: 2 * ms, MinRX: ms, IdleTX: 3 * ms, Multiplier: 4, Passive: true}}}}
	got := FromConfig(c)
	if !got.Equal(want) || !slices.Equal(got.Sessions, want.Sessions) {
		t.Errorf("%+v", got)
	}
	if got.Equal(Spec{}) || !(Spec{}).Equal(FromConfig(&confparse.Config{})) {
		t.Error("Equal")
	}
}
