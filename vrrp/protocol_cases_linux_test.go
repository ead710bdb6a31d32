package vrrp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// packetsOn keeps the packets that are sent, and returns what returns them.
func packetsOn(n *ethernet) (sent func() [][]byte) {
	var mu sync.Mutex
	var list [][]byte
	n.record = func(_ *host, p []byte) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, bytes.Clone(p))
	}
	return func() [][]byte {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
}

// firstPacket is when a router with the configuration sends its first packet after its start, in simulated time.
func firstPacket(t *testing.T, text string) (took time.Duration) {
	t.Helper()
	spec := settle(t, text)
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		begin := time.Now()
		n.record = func(*host, []byte) {
			if took == 0 {
				took = max(time.Since(begin), 1)
			}
		}
		start(t, n.newHost("10.77.0.1/24"), Options{}, spec.Instances...)
		time.Sleep(time.Minute)
	})
	return took.Truncate(time.Millisecond)
}

// TestVRRPCase04: `state MASTER` with a priority below 255 makes nobody master sooner.
func TestVRRPCase04(t *testing.T) {
	for _, state := range []string{"state MASTER\n", "state BACKUP\n", ""} {
		if took := firstPacket(t, instanceText("V", state+"priority 100\n"+vipLines("10.77.0.100"))); took != 3609*time.Millisecond {
			t.Errorf("%q: first advert after %v, want 3.609s", state, took)
		}
	}
}

// TestVRRPCase05: an owner is MASTER at once, unless it says `state BACKUP`.
func TestVRRPCase05(t *testing.T) {
	for lines, want := range map[string]time.Duration{"state MASTER\npriority 255": 0, "priority 255": 0, "state MASTER": 0,
		"state BACKUP\npriority 255": 3003 * time.Millisecond} {
		if took := firstPacket(t, instanceText("V", lines+"\n"+vipLines("10.77.0.100"))); took != want {
			t.Errorf("%q: first advert after %v, want %v", lines, took, want)
		}
	}
}

// TestVRRPCase08: a round of announcements is all addresses in their order, and then all of them again.
func TestVRRPCase08(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		in := settle(t, instanceText("V", "garp_master_repeat 2\ngarp_master_delay 0\n"+vipLines("10.77.0.100\n10.77.0.101")+
			eVIPLines("10.77.0.102"))).Instances[0]
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, in)
		time.Sleep(10 * time.Second)
		got := slices.DeleteFunc(a.host.taken(), func(op string) bool { return !strings.HasPrefix(op, "garp ") })
		round := []string{"garp 10.77.0.100", "garp 10.77.0.101", "garp 10.77.0.102"}
		want(t, "announcements", got, append(round, round...))
	})
}

// TestVRRPCase34: a reload with another priority is one advert with it, at once. The addresses are not touched, and no state is told
// of. keepalived sends one with the old priority before, and begins anew with the identification; here it goes on.
func TestVRRPCase34(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		sent := packetsOn(&n)
		in := testInstance("V", 51, 100)
		a := start(t, n.newHost("10.77.0.1/24"), Options{}, in)
		time.Sleep(10*time.Second + 300*time.Millisecond)
		a.TakeChanges()
		a.host.taken()
		before := sent()
		in.Priority = 120
		a.apply(in)
		synctest.Wait()
		after := sent()[len(before):]
		want(t, "kernel", a.host.taken(), []string(nil))
		want(t, "changes", len(a.TakeChanges()), 0)
		if len(after) != 1 || after[0][22] != 120 || binary.BigEndian.Uint16(after[0][4:]) != uint16(len(before)+1) {
			t.Errorf("after %d adverts: %x", len(before), after)
		}
	})
}

// TestVRRPCase07: the IP header of what is sent.
func TestVRRPCase07(t *testing.T) {
	for version, length := range map[uint8]uint16{2: 40, 3: 32} {
		synctest.Test(t, func(t *testing.T) {
			var n ethernet
			sent := packetsOn(&n)
			h := n.newHost("10.77.0.1/24")
			n.newHost("10.77.0.2/24")
			in := testInstance("V", 51, 100)
			in.Version = version
			start(t, h, Options{}, in)
			time.Sleep(10 * time.Second)
			packets := sent()
			for i, p := range packets {
				if id := binary.BigEndian.Uint16(p[4:]); int(id) != i+1 || p[1] != 0xc0 || p[6]|p[7] != 0 || p[8] != 255 || binary.BigEndian.Uint16(p[2:]) != length {
					t.Errorf("version %d, packet %d: % x", version, i+1, p[:20])
				}
			}
			if len(packets) < 5 {
				t.Errorf("%d packets", len(packets))
			}
		})
	}
}

// TestVRRPCase27: the same identification to every peer, a checksum for each, and the TTL of unicast_ttl.
func TestVRRPCase27(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		sent := packetsOn(&n)
		h := n.newHost("10.77.0.1/24")
		n.newHost("10.77.0.2/24")
		in := testInstance("V", 51, 150)
		in.Version, in.Group, in.TTL = 3, netip.Addr{}, 64
		in.Peers = []netip.Addr{netip.MustParseAddr("10.77.0.2"), netip.MustParseAddr("10.77.0.3")}
		in.PeerTTLs = []election.TTLRange{{Max: 255}, {Max: 255}}
		in.Addresses[0].Prefix = netip.PrefixFrom(vip100, 32)
		start(t, h, Options{}, in)
		time.Sleep(5 * time.Second)
		packets := sent()
		if len(packets) < 2 {
			t.Fatalf("%d packets", len(packets))
		}
		for i, want := range []string{
			"45c0002000010000407065110a4d00010a4d0002313396010064189d0a4d0064",
			"45c0002000010000407065100a4d00010a4d0003313396010064189c0a4d0064",
		} {
			if hex.EncodeToString(packets[i]) != want {
				t.Errorf("packet %d\n got %x\nwant %s", i, packets[i], want)
			}
		}
	})
}

// TestVRRPCase33: of 260 addresses 255 are advertised at an MTU of 1500, and all are there.
func TestVRRPCase33(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		sent := packetsOn(&n)
		h := n.newHost("10.77.0.1/24")
		n.newHost("10.77.0.2/24")
		in := testInstance("V", 51, 150)
		in.Version, in.Addresses = 3, nil
		for i := range 260 {
			a := netip.AddrFrom4([4]byte{10, 80, byte(i / 250), byte(i%250 + 1)})
			in.Addresses = append(in.Addresses, election.Address{Prefix: netip.PrefixFrom(a, 32), Link: "eth0"})
		}
		a := start(t, h, Options{}, in)
		time.Sleep(10 * time.Second)
		want(t, "state", a.state("V"), election.Master)
		packets := sent()
		last := packets[len(packets)-1]
		want(t, "length of the packet and count", []int{len(last), int(last[23])}, []int{1048, 255})
		h.mu.Lock()
		defer h.mu.Unlock()
		want(t, "addresses of the machine", len(h.addrs), 261)
	})
}

// TestPeerWithoutPseudoHeader: with v3_checksum_as_v2 a peer of higher priority whose checksum covers the message only is obeyed,
// and ours covers the same.
func TestPeerWithoutPseudoHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		sent := packetsOn(&n)
		h := n.newHost("10.77.0.1/24")
		in := settle(t, instanceText("V", "priority 100\nversion 3\nv3_checksum_as_v2\n"+vipLines("10.77.0.100/24"))).Instances[0]
		a := start(t, h, Options{}, in)
		theirs := wire.Advert{Version: 3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{vip100}, Checksum: wire.ChecksumAsV2}
		packet := theirs.AppendIPv4(nil, wire.IPHeader{Source: routerB, Destination: group4, TTL: 255, ID: 1})
		for range 10 {
			h.hear(packet, group4, 51)
			time.Sleep(time.Second)
		}
		want(t, "state and adverts of the peer", []any{a.state("V"), a.counters("V").AdvertsReceived}, []any{election.Backup, uint64(10)})
		time.Sleep(10 * time.Second)
		want(t, "without the peer", a.state("V"), election.Master)
		for _, p := range append(sent(), packet) {
			sum := uint32(0) // over all of the message, with its checksum
			for i := 20; i < len(p); i += 2 {
				sum += uint32(binary.BigEndian.Uint16(p[i:]))
			}
			if sum = sum&0xffff + sum>>16; sum != 0xffff {
				t.Errorf("checksum of %x: %x", p[20:], sum)
			}
		}
	})
}
