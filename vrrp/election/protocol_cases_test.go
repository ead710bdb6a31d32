package election

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"vigil/vrrp/wire"
)

// arrive has the machine receive an IPv4 packet as a socket does.
func (r *rig) arrive(packet []byte) *rig {
	h, pdu, reason := wire.ParseIPv4(packet)
	var a wire.Advert
	if reason == wire.DropNone {
		a, reason = wire.ParseAdvert(pdu, h, nil)
	}
	if reason != wire.DropNone {
		return r.do(AdvertRejected{Reason: reason, Source: h.Source})
	}
	return r.do(AdvertReceived{Advert: a, Source: h.Source})
}

// TestVRRPCase24: one thing wrong with an advert of priority 150, and a master of priority 100 ignores it; intact, it makes it
// a backup.
func TestVRRPCase24(t *testing.T) {
	for _, tt := range []struct {
		wrong  string
		change func(*wire.Advert, *wire.IPHeader)
		bytes  func([]byte) []byte
		want   State
	}{
		{"nothing", nil, nil, Backup},
		{"TTL 254", func(_ *wire.Advert, h *wire.IPHeader) { h.TTL = 254 }, nil, Master},
		{"checksum", nil, func(b []byte) []byte { b[26] ^= 1; return b }, Master},
		{"version", func(a *wire.Advert, _ *wire.IPHeader) { a.Version = 3 }, nil, Master},
		{"authentication 1 against 0", func(a *wire.Advert, _ *wire.IPHeader) { a.AuthType = wire.AuthPass }, nil, Master},
		{"authentication 7", func(a *wire.Advert, _ *wire.IPHeader) { a.AuthType = 7 }, nil, Master},
		{"interval 2", func(a *wire.Advert, _ *wire.IPHeader) { a.Interval = 2 * time.Second }, nil, Master},
		{"type 2", nil, func(b []byte) []byte { b[20]++; b[26]--; return b }, Master}, // the checksum stays right
		{"four octets more", nil, func(b []byte) []byte { b[3] += 4; return append(b, 0, 0, 0, 0) }, Master},
	} {
		r := newRig(t, spec2()).master()
		a := wire.Advert{Version: 2, VRID: 51, Priority: 150, Interval: time.Second, Addresses: []netip.Addr{vip100}}
		h := wire.IPHeader{Source: routerC, Destination: group4, TTL: 255, ID: 1}
		if tt.change != nil {
			tt.change(&a, &h)
		}
		packet := a.AppendIPv4(nil, h)
		if tt.bytes != nil {
			packet = tt.bytes(packet)
		}
		if r.arrive(packet); r.state != tt.want {
			t.Errorf("%s: %v, want %v", tt.wrong, r.state, tt.want)
		}
	}
}

// TestVRRPCase25: an advert with other addresses is accepted and reported, as since 2.3.3; 2.2.7 would ignore it.
func TestVRRPCase25(t *testing.T) {
	for _, list := range [][]netip.Addr{{vip101}, {vip100, vip101}, nil} {
		r := newRig(t, spec2()).up().forget()
		r.clock = time.Second
		ad := r.advert(150, routerA)
		ad.Advert.Addresses = list
		r.do(ad)
		if c := r.counters; c.AdvertsReceived != 1 || c.AddressListErrors != 1 || r.timers.activeDown != Instant(time.Second+r.activeDownInterval()) {
			t.Errorf("%v: %+v", list, c)
		}
	}
}

// TestVRRPCase26: the reserved bits of version 3 are ignored, and the interval has twelve bits.
func TestVRRPCase26(t *testing.T) {
	for _, reserved := range []byte{0, 0x10, 0xf0} {
		r := newRig(t, spec3(time.Second)).master()
		a := wire.Advert{Version: 3, VRID: 51, Priority: 150, Interval: 500 * time.Millisecond, Addresses: []netip.Addr{vip100}}
		packet := a.AppendIPv4(nil, wire.IPHeader{Source: routerC, Destination: group4, TTL: 255, ID: 1})
		packet[24] |= reserved
		sum := uint32(packet[26])<<8 + uint32(packet[27]) - uint32(reserved)<<8
		sum = sum&0xffff - sum>>31 // ones' complement: a borrow goes around
		packet[26], packet[27] = byte(sum>>8), byte(sum)
		if r.arrive(packet); r.state != Backup || r.interval != 500*time.Millisecond {
			t.Errorf("reserved %x: %v, interval %v, %+v", reserved, r.state, r.interval, r.counters)
		}
	}
}

// TestVRRPCase28: check_unicast_src with min_ttl 64 and max_ttl 128.
func TestVRRPCase28(t *testing.T) {
	for _, tt := range []struct {
		source netip.Addr
		ttl    uint8
		want   State
	}{{routerA, 255, Master}, {routerA, 100, Backup}, {routerA, 64, Backup}, {routerA, 128, Backup}, {routerA, 63, Master}, {routerC, 100, Master}} {
		r := newRig(t, spec2(func(s *InstanceSpec) {
			s.Peers, s.PeerTTLs, s.CheckUnicastSrc = []netip.Addr{routerA}, []TTLRange{{64, 128}}, true
		})).master()
		a := wire.Advert{Version: 2, VRID: 51, Priority: 150, Interval: time.Second, Addresses: []netip.Addr{vip100}}
		if r.arrive(a.AppendIPv4(nil, wire.IPHeader{Source: tt.source, Destination: routerB, TTL: tt.ttl, ID: 1})); r.state != tt.want {
			t.Errorf("from %s with TTL %d: %v, want %v", tt.source, tt.ttl, r.state, tt.want)
		}
	}
}

// FuzzMachineHearsPackets: no packet makes the machine panic, and none without the key moves it, whatever authenticates.
func FuzzMachineHearsPackets(f *testing.F) {
	specs := []InstanceSpec{spec2(authAH), spec2(signing(1)), spec3(time.Second, signing(2))}
	for _, s := range specs {
		other := s
		other.Priority = 200
		for _, ev := range []InstanceSpec{other, spec2(), spec3(time.Second)} {
			m := newSpeaker(f, routerC, ev)
			d, _ := m.Deadline()
			for _, a := range slices.Clone(m.Step(d, Wake{})) {
				if send, ok := a.(SendAdvert); ok {
					ad := send.Advert
					if ad.Signature != nil {
						ad.Signature = &wire.Signature{KeyID: ad.Signature.KeyID, Key: "another", Stamp: noon}
					}
					ad.AuthData[0] ^= 1
					f.Add(ad.AppendIPv4(nil, wire.IPHeader{Source: routerC, Destination: group4, TTL: 255, ID: 1}))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		for i, s := range specs {
			r := newRig(t, s).master()
			h, pdu, reason := wire.ParseIPv4(packet)
			a, reason2 := wire.Advert{}, reason
			if reason == wire.DropNone {
				a, reason2 = wire.ParseAdvert(pdu, h, nil)
			}
			if reason2 != wire.DropNone {
				r.do(AdvertRejected{Reason: reason2, Source: h.Source})
			} else {
				r.do(AdvertReceived{Advert: a, Source: h.Source, Clock: noon})
			}
			if r.state != Master || r.counters.AdvertsReceived != 0 {
				t.Fatalf("spec %d: %v, %+v", i, r.state, r.counters)
			}
		}
	})
}
