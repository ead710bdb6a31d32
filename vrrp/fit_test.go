package vrrp

import (
	"net/netip"
	"testing"

	"vigil/confparse"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// What does not fit into an advert is excluded, in order, and what fits is sent in one packet.
func TestFitting(t *testing.T) {
	for _, tt := range []struct {
		family  confparse.Family
		version uint8
		mtu     int
		want    int
	}{
		{confparse.IPv4, 2, 1500, 255}, {confparse.IPv4, 3, 1500, 255}, {confparse.IPv6, 3, 1500, 89}, {confparse.IPv6, 3, 9000, 255},
		{confparse.IPv4, 2, 576, 131}, {confparse.IPv4, 3, 576, 133}, {confparse.IPv4, 3, 40, 0}, {confparse.IPv6, 3, 0, 0},
	} {
		s := election.InstanceSpec{Family: tt.family, Version: tt.version}
		for i := range 260 {
			addr := netip.AddrFrom4([4]byte{10, 1, byte(i / 250), byte(1 + i%250)})
			s.Addresses = append(s.Addresses, election.Address{Prefix: netip.PrefixFrom(addr, 32)})
		}
		s.Excluded = s.Addresses[:1]
		got := fitting(s, tt.mtu)
		if len(got.Addresses) != tt.want || len(got.Excluded) != 261-tt.want || got.Excluded[0] != s.Addresses[tt.want] {
			t.Errorf("%v v%d on MTU %d: %d advertised and %d excluded, want %d advertised", tt.family, tt.version, tt.mtu,
				len(got.Addresses), len(got.Excluded), tt.want)
		}
		if tt.family == confparse.IPv6 || tt.want == 0 {
			continue
		}
		a := wire.Advert{Version: tt.version, VRID: 51}
		for _, v := range got.Addresses {
			a.Addresses = append(a.Addresses, v.Prefix.Addr())
		}
		if n := len(a.AppendIPv4(nil, wire.IPHeader{Source: routerA, Destination: group4, TTL: 255})); n > tt.mtu {
			t.Errorf("v%d on MTU %d: a packet of %d bytes", tt.version, tt.mtu, n)
		}
	}
}
