package vrrp

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// attack makes packets for VRID 51 that must not be believed. spec is that of the routers; recorded is what they have sent.
type attack struct {
	rng      *rand.Rand
	spec     election.InstanceSpec
	recorded [][]byte
}

// claim is an advert of priority 255 by somebody in 10.66.0.0/16.
func (a *attack) claim() (wire.Advert, wire.IPHeader) {
	n := a.rng.IntN(10_000)
	return wire.Advert{Version: a.spec.Version, VRID: 51, Priority: 255, Interval: time.Second, AuthType: a.spec.AuthType,
			AuthData: a.spec.AuthData, Addresses: []netip.Addr{a.spec.Addresses[0].Prefix.Addr()}, Sequence: uint32(a.rng.IntN(1 << 30))},
		wire.IPHeader{Source: netip.AddrFrom4([4]byte{10, 66, byte(n >> 8), byte(n)}), Destination: group4, TTL: 255, ID: uint16(n)}
}

// packets are one of each kind.
func (a *attack) packets() [][]byte {
	var list [][]byte
	add := func(change func(*wire.Advert, *wire.IPHeader)) {
		ad, ip := a.claim()
		change(&ad, &ip)
		list = append(list, ad.AppendIPv4(nil, ip))
	}
	add(func(_ *wire.Advert, ip *wire.IPHeader) { ip.TTL = uint8(a.rng.IntN(255)) }) // a router has passed it on
	add(func(ad *wire.Advert, _ *wire.IPHeader) { ad.Version = 5 - ad.Version })
	add(func(ad *wire.Advert, _ *wire.IPHeader) {
		ad.AuthType, ad.AuthData = wire.AuthPass, [8]byte{'g', 'u', 'e', 's', 's'}
		ad.Version = 2
		ad.Interval = 7 * time.Second // or nothing would be wrong with it in version 2 without authentication
	})
	add(func(ad *wire.Advert, _ *wire.IPHeader) {
		ad.AuthData[0]++
		ad.Signature = &wire.Signature{KeyID: uint8(a.rng.IntN(4)), Key: secretTwo + "x", Stamp: wire.StampOf(time.Now())}
		ad.Interval = 7 * time.Second
	})
	ad, ip := a.claim()
	broken := ad.AppendIPv4(nil, ip)
	broken[len(broken)-1] ^= 0x55 // the last octet of the address, or of what authenticates it
	broken[22] ^= 0x55
	list = append(list, broken)
	junk := make([]byte, 28+a.rng.IntN(100))
	for i := range junk {
		junk[i] = byte(a.rng.Uint32())
	}
	copy(junk, broken[:20])
	binary.BigEndian.PutUint16(junk[2:], uint16(len(junk)))
	return append(list, junk)
}

// A hostile station on the LAN, without the key: junk, wrong authentication, forged owners from behind a router, and all that
// it has recorded, again. Nobody moves, no advert is late, nothing grows, and everything is counted.
func TestHostilePeer(t *testing.T) {
	for name, change := range map[string]func(*election.InstanceSpec){
		"none": func(*election.InstanceSpec) {},
		"PASS": func(s *election.InstanceSpec) { s.AuthType, s.AuthData = wire.AuthPass, password },
		"AH":   func(s *election.InstanceSpec) { s.AuthType, s.AuthData = wire.AuthAH, password },
		"HMAC": func(s *election.InstanceSpec) { *s = signs(*s, 1) },
		"HMAC, version 3": func(s *election.InstanceSpec) {
			*s = signs(*s, 1)
			s.Version = 3
		},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { hostilePeer(t, change) }) })
	}
}

func hostilePeer(t *testing.T, change func(*election.InstanceSpec)) {
	var n ethernet
	var at []time.Time // when the master spoke
	specs := [2]election.InstanceSpec{testInstance("V", 51, 150), testInstance("V", 51, 100)}
	change(&specs[0])
	change(&specs[1])
	a := &attack{rng: rand.New(rand.NewPCG(1, 2)), spec: specs[0]}
	logs := [2]*counting{{}, {}}
	hosts := [2]*host{n.newHost("10.77.0.1/24"), n.newHost("10.77.0.2/24")}
	var mu sync.Mutex // of a.recorded and at
	n.record = func(from *host, packet []byte) {
		mu.Lock()
		defer mu.Unlock()
		a.recorded = append(a.recorded, bytes.Clone(packet))
		if from == hosts[0] {
			at = append(at, time.Now())
		}
	}
	var routers [2]*node
	for i := range routers {
		routers[i] = start(t, hosts[i], Options{Logger: slog.New(logs[i])}, specs[i])
	}
	time.Sleep(20 * time.Second)
	replays := specs[0].AuthType == wire.AuthAH || specs[0].HMAC.Signs() // where they can be told
	before := [2]election.Counters{routers[0].counters("V"), routers[1].counters("V")}
	lines := logs[0].all() + logs[1].all()
	mu.Lock()
	at = nil
	mu.Unlock()
	const rounds = 1000
	sent := uint64(0)
	for range rounds {
		list := a.packets()
		if replays {
			mu.Lock()
			list = append(list, a.recorded[a.rng.IntN(len(a.recorded))])
			mu.Unlock()
		}
		for _, p := range list {
			if ah := p[9] == wire.ProtocolAH; ah == (specs[0].AuthType == wire.AuthAH) {
				sent++
			}
			for _, h := range hosts {
				h.hear(p, group4, 51)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	mu.Lock()
	spoke := slices.Clone(at)
	mu.Unlock()
	want(t, "states", []election.State{routers[0].state("V"), routers[1].state("V")}, []election.State{election.Master, election.Backup})
	for i := 1; i < len(spoke); i++ {
		if d := spoke[i].Sub(spoke[i-1]); d != time.Second {
			t.Fatalf("an advert after %v", d)
		}
	}
	if len(spoke) < 9 {
		t.Errorf("%d adverts in 10 s", len(spoke))
	}
	for i, r := range routers {
		c := r.counters("V")
		if c.BecameMaster != before[i].BecameMaster || c.ReleasedMaster != before[i].ReleasedMaster {
			t.Errorf("router %d moved: %+v", i, c)
		}
		counted := refusals(c) - refusals(before[i])
		if i == 0 { // hears each of its own adverts again once, which moves nobody
			counted += c.AdvertsReceived - before[0].AdvertsReceived
		}
		// Junk may have another VRID; nothing else goes uncounted.
		if counted > sent || counted < sent-rounds {
			t.Errorf("router %d: %d of %d packets counted: %+v", i, counted, sent, c)
		}
		e, _ := r.engine.Explain(r.now(), r.handles()[0])
		if len(e.Peers) > 16 {
			t.Errorf("router %d remembers %d sources", i, len(e.Peers))
		}
	}
	if more := logs[0].all() + logs[1].all() - lines; more > 2000 {
		t.Errorf("%d lines for %d packets", more, sent)
	}
}

// refusals is how many packets were refused.
func refusals(c election.Counters) uint64 {
	return c.LengthErrors + c.TTLErrors + c.VersionErrors + c.ChecksumErrors + c.InvalidTypeErrors + c.IntervalErrors + c.InvalidAuthTypes +
		c.AuthTypeMismatches + c.AuthFailures + c.TrailersMissing + c.TrailersMalformed + c.KeysUnknown + c.HMACFailures + c.Stale + c.Replayed
}
