package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// TestProtocolFromConfig: what is written of the protocol, and what is wanted then.
func TestProtocolFromConfig(t *testing.T) {
	v3 := func(c *confparse.VRRPInstance) { c.Version = 3 }
	peer := func(c *confparse.VRRPInstance) {
		c.UnicastPeers = []confparse.UnicastPeer{{Addr: routerB, MaxTTL: 255}}
	}
	key := []confparse.HMACKey{{ID: 7, Text: "b", Secret: "B"}, {ID: 2, Text: "a", Secret: "A"}}
	keys := []election.HMACKey{{ID: 2, Secret: "A"}, {ID: 7, Secret: "B"}}
	type P = election.ProtocolSpec
	for _, tt := range []struct {
		rule   string
		global confparse.Global
		change []func(*confparse.VRRPInstance)
		want   P
	}{
		{"nothing", confparse.Global{}, nil, P{}},
		{"version 3", confparse.Global{}, []func(*confparse.VRRPInstance){v3}, P{OldGroup: group4}},
		{"as in version 2", confparse.Global{}, []func(*confparse.VRRPInstance){v3, func(c *confparse.VRRPInstance) { c.ChecksumAsV2 = true }},
			P{OldGroup: group4, Checksum: wire.ChecksumAsV2}},
		{"which version 2 has anyway", confparse.Global{}, []func(*confparse.VRRPInstance){func(c *confparse.VRRPInstance) { c.ChecksumAsV2 = true }}, P{}},
		{"unicast", confparse.Global{}, []func(*confparse.VRRPInstance){v3, peer}, P{OldGroup: group4, OldChecksum: true}},
		{"old checksums", confparse.Global{}, []func(*confparse.VRRPInstance){v3, peer,
			func(c *confparse.VRRPInstance) { c.OldUnicastChecksum = confparse.On }},
			P{OldGroup: group4, OldChecksum: true, Checksum: wire.ChecksumGroup}},
		{"old checksums of multicast", confparse.Global{}, []func(*confparse.VRRPInstance){v3,
			func(c *confparse.VRRPInstance) { c.OldUnicastChecksum = confparse.On }}, P{OldGroup: group4}},
		{"never old ones", confparse.Global{}, []func(*confparse.VRRPInstance){v3, peer,
			func(c *confparse.VRRPInstance) { c.OldUnicastChecksum = confparse.Off }}, P{OldGroup: group4}},
		{"IPv6 has one form", confparse.Global{}, []func(*confparse.VRRPInstance){v3, func(c *confparse.VRRPInstance) {
			c.Family, c.ChecksumAsV2, c.OldUnicastChecksum = confparse.IPv6, true, confparse.On
		}}, P{}},
		{"no peer", confparse.Global{}, []func(*confparse.VRRPInstance){func(c *confparse.VRRPInstance) { c.UnicastFaultNoPeer = true }},
			P{Unusable: election.FaultNoPeers}},
		{"a peer", confparse.Global{}, []func(*confparse.VRRPInstance){peer, func(c *confparse.VRRPInstance) { c.UnicastFaultNoPeer = true }}, P{}},
		{"auth_hmac", confparse.Global{}, []func(*confparse.VRRPInstance){func(c *confparse.VRRPInstance) {
			c.HMAC = &confparse.AuthHMAC{Keys: key, ActiveKey: 7, Window: 5 * time.Second, Monotonic: true}
		}}, P{HMAC: election.HMACSpec{Mode: election.HMACEnforce, Active: keys[1], Keys: keys, Window: 5 * time.Second, Monotonic: true}}},
		{"permissive", confparse.Global{}, []func(*confparse.VRRPInstance){func(c *confparse.VRRPInstance) {
			c.HMAC = &confparse.AuthHMAC{Keys: key, ActiveKey: 2, Permissive: true}
		}}, P{HMAC: election.HMACSpec{Mode: election.HMACPermissive, Active: keys[0], Keys: keys}}},
		{"receive-only", confparse.Global{}, []func(*confparse.VRRPInstance){func(c *confparse.VRRPInstance) {
			c.HMAC = &confparse.AuthHMAC{Keys: key, ReceiveOnly: true}
		}}, P{HMAC: election.HMACSpec{Mode: election.HMACReceiveOnly, Keys: keys}}},
		{"without its key", confparse.Global{}, []func(*confparse.VRRPInstance){func(c *confparse.VRRPInstance) {
			c.HMAC, c.HMACWithoutKey = &confparse.AuthHMAC{Keys: key, ActiveKey: 9}, true
		}}, P{Unusable: election.FaultNoKey, HMAC: election.HMACSpec{Mode: election.HMACEnforce, Keys: keys}}},
		{"a buffer for all", confparse.Global{RXBuffers: confparse.RXBufferMTU, RXBufferMultiplier: 3}, nil,
			P{Buffer: election.ReceiveBuffer{Policy: election.BufferMTUs, Size: 3}}},
		{"in adverts", confparse.Global{RXBuffers: confparse.RXBufferAdvert, RXBufferMultiplier: 4}, nil,
			P{Buffer: election.ReceiveBuffer{Policy: election.BufferAdverts, Size: 4}}},
		{"in bytes", confparse.Global{RXBuffers: confparse.RXBufferBytes, RXBufferBytes: 5, RXBufferMultiplier: 3}, nil,
			P{Buffer: election.ReceiveBuffer{Policy: election.BufferBytes, Size: 5}}},
		{"the instance's own", confparse.Global{RXBuffers: confparse.RXBufferMTU, RXBufferMultiplier: 3},
			[]func(*confparse.VRRPInstance){func(c *confparse.VRRPInstance) { c.RXBufferBytes = 9 }},
			P{Buffer: election.ReceiveBuffer{Policy: election.BufferBytes, Size: 9}}},
		{"the rest", confparse.Global{}, []func(*confparse.VRRPInstance){func(c *confparse.VRRPInstance) {
			c.OwnerIgnoreAdverts, c.TimerExpiredBackup, c.TrackSource, c.Debug = true, 254, true, 3
		}}, P{OwnerIgnoresAdverts: true, TimerExpired: 254, TrackSource: true, Debug: 3}},
	} {
		tt.global.VRRPMulticast4 = group4
		got := FromConfig(&confparse.Config{Global: tt.global, Instances: []*confparse.VRRPInstance{config(tt.change...)}}).Instances[0].ProtocolSpec
		if d := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, d)
		}
	}
}

// TestVRRPCase33_Capacity: keepalived's division of the list, which both directors must make at the same place. The numbers are
// those of keepalived 2.2.7 where it knows the setting.
func TestVRRPCase33_Capacity(t *testing.T) {
	ah := func(s *election.InstanceSpec) { s.AuthType = wire.AuthAH }
	hmac := func(s *election.InstanceSpec) { s.HMAC.Mode = election.HMACEnforce }
	silent := func(s *election.InstanceSpec) { s.HMAC.Mode = election.HMACReceiveOnly }
	for _, tt := range []struct {
		version uint8
		family  confparse.Family
		change  func(*election.InstanceSpec)
		mtu     int
		want    int
	}{
		{2, confparse.IPv4, nil, 576, 131}, {3, confparse.IPv4, nil, 576, 133}, {2, confparse.IPv4, ah, 576, 125},
		{3, confparse.IPv4, hmac, 576, 126}, {2, confparse.IPv4, hmac, 576, 124}, {3, confparse.IPv4, silent, 576, 133},
		{3, confparse.IPv6, nil, 1280, 76}, {3, confparse.IPv6, hmac, 1280, 74}, {3, confparse.IPv6, nil, 1500, 89},
		{2, confparse.IPv4, nil, 1500, 255}, {3, confparse.IPv6, nil, 9000, 255}, {3, confparse.IPv6, hmac, 4200, 255},
		{3, confparse.IPv6, nil, 4100, 252}, {3, confparse.IPv4, nil, 68, 6}, {3, confparse.IPv6, hmac, 68, 0},
	} {
		s := testInstance("V", 51, 100)
		s.Version, s.Family = tt.version, tt.family
		if tt.change != nil {
			tt.change(&s)
		}
		if got := capacity(s, tt.mtu); got != tt.want {
			t.Errorf("version %d, %v, AH %v, HMAC %v, MTU %d: %d, want %d", tt.version, tt.family, s.AuthType, s.HMAC.Mode, tt.mtu, got, tt.want)
		}
		s.Addresses = nil
		for range tt.want {
			s.Addresses = append(s.Addresses, election.Address{Prefix: netip.PrefixFrom(vip100, 32)})
		}
		if n := advertLen(&s); s.Family == confparse.IPv4 && n > tt.mtu || s.Family == confparse.IPv6 && n+40 > tt.mtu {
			if tt.want > 0 {
				t.Errorf("version %d, %v, MTU %d: an advert of %d bytes", tt.version, tt.family, tt.mtu, n)
			}
		}
	}
}
