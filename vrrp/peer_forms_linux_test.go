package vrrp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// These TestVRRPCase tests have keepalived as the peer in every form of the protocol (docs/conformance.md).

// resigned returns the frames of a host that carry priority 0 and the last one before.
func resigned(c *testlan.Capture, host string) (usual []byte, last [][]byte) {
	for _, f := range c.Frames() {
		if ad, ok := f.Advert(); ok && f.Host == host {
			if ad.Priority == 0 {
				last = append(last, f.Data)
			} else if len(last) == 0 {
				usual = f.Data
			}
		}
	}
	return usual, last
}

// differsIn are the offsets in which an IPv4 advert of priority 0 may differ from the one before: the identification and checksum
// of the IP header, priority and checksum of the advert.
var differsIn = []int{18, 19, 24, 25, 36, 40, 41}

// TestVRRPCase01: who stops sends one advert of priority 0 that is otherwise like the one before, and a backup of priority 50
// takes over 0.805 s later, in either arrangement.
func TestVRRPCase01Interop(t *testing.T) {
	t.Parallel()
	const lines = "version 2\nadvert_int 1\nauthentication {\nauth_type PASS\nauth_pass s3cr3t\n}\n"
	interop(t, lines)
	stopped := func(t *testing.T, p *peers, from, to string) {
		t.Helper()
		zero := p.first(from, time.Time{}, 0)
		next := p.first(to, zero.Time, 50)
		if d := next.Time.Sub(zero.Time); d < 804*time.Millisecond || d > 3*time.Second {
			t.Errorf("%s follows %v after priority 0", to, d)
		}
		usual, last := resigned(p.record, from)
		if len(last) != 1 || len(usual) != len(last[0]) {
			t.Fatalf("%s resigns %d times: %x, before: %x", from, len(last), last, usual)
		}
		masked := bytes.Clone(last[0])
		for _, i := range differsIn {
			masked[i] = usual[i]
		}
		if !bytes.Equal(masked, usual) || last[0][36] != 0 {
			t.Errorf("%s resigns with %x\nthe one before was %x", from, last[0], usual)
		}
	}
	t.Run("priority 50 follows keepalived", func(t *testing.T) {
		p := newPeers(t)
		peer := keepalived(t, p.b, lines+"priority 100\n")
		r, _ := vigil(t, p.a, lines+"priority 50\n")
		entered(t, peer, "Entering MASTER STATE")
		hears(t, r, 2)
		if err := peer.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		stopped(t, p, "b", "a")
	})
	t.Run("keepalived of priority 50 follows", func(t *testing.T) {
		p := newPeers(t)
		r, stop := vigil(t, p.a, lines+"priority 100\n")
		peer := keepalived(t, p.b, lines+"priority 50\n")
		entered(t, peer, "Entering BACKUP STATE (init)")
		untilState(t, r, election.Master)
		p.untilSent("a", time.Now(), 2)
		stop()
		stopped(t, p, "a", "b")
	})
}

// TestVRRPCase02: a backup that is configured for 1 s learns the master's half second, and sends its own second.
func TestVRRPCase02Interop(t *testing.T) {
	p := newPeers(t)
	peer := keepalived(t, p.b, "version 3\nadvert_int 0.5\npriority 150\n")
	entered(t, peer, "Entering MASTER STATE")
	r, _ := vigil(t, p.a, "version 3\nadvert_int 1\npriority 100\n")
	hears(t, r, 2)
	if s := r.Status().Instances[0]; s.MasterInterval != 500*time.Millisecond {
		t.Errorf("the master-down timer is based on %v", s.MasterInterval)
	}
	if err := peer.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	zero := p.first("b", time.Time{}, 0)
	next := p.first("a", zero.Time, 100)
	if d := next.Time.Sub(zero.Time); d < 304*time.Millisecond || next.Interval != time.Second {
		t.Errorf("follows %v after priority 0 with an interval of %v", d, next.Interval)
	}
}

// TestVRRPCase03: version 3 at 0.2 s; who dies in silence is followed 0.722 s after its last advert.
func TestVRRPCase03Interop(t *testing.T) {
	t.Parallel()
	interop(t, isV3)
	for _, master := range []string{"a", "b"} {
		t.Run(map[string]string{"a": "keepalived follows", "b": "keepalived is followed"}[master], func(t *testing.T) {
			p := newPeers(t)
			priority := map[bool]string{true: "priority 150\n", false: "priority 100\n"}
			r, _ := vigil(t, p.a, isV3+priority[master == "a"])
			peer := keepalived(t, p.b, isV3+priority[master == "b"])
			node, other := p.a, "b"
			if master == "b" {
				entered(t, peer, "Entering MASTER STATE")
				untilState(t, r, election.Backup)
				obeys(t, r, 150)
				node, other = p.b, "a"
			} else {
				untilState(t, r, election.Master)
				entered(t, peer, "Entering BACKUP STATE (init)")
				p.untilSent("a", time.Now(), 5)
			}
			before := time.Now()
			if err := node.Cable.Block(); err != nil {
				t.Fatal(err)
			}
			blocked := time.Now()
			next := p.first(other, before, 100)
			var last time.Time
			for _, ad := range p.record.Adverts(master, time.Time{}) {
				if ad.Time.Before(before) {
					last = ad.Time
				}
			}
			if d := next.Time.Sub(last); d < 721*time.Millisecond {
				t.Errorf("follows %v after the last advert (the fault took %v)", d, blocked.Sub(before))
			}
			p.noPriorityZero("")
		})
	}
}

// TestVRRPCase27: unicast of version 3, with a TTL.
func TestVRRPCase27Interop(t *testing.T) {
	t.Parallel()
	const theirs = isV3 + "unicast_ttl 64\nunicast_peer {\n10.77.0.1\n}\n"
	ours := strings.ReplaceAll(theirs, "10.77.0.1", "10.77.0.2")
	t.Run("as its backup", func(t *testing.T) { obeyAndFollow(t, ours, theirs) })
	t.Run("as its master", func(t *testing.T) {
		p, _ := leadAndResign(t, ours, theirs)
		for _, f := range p.record.Frames() {
			if ad, ok := f.Advert(); ok && f.Data[22] != 64 {
				t.Fatalf("%s sends with TTL %d", ad.Host, f.Data[22])
			}
		}
	})
}

// TestVRRPCase29: the old checksum of unicast, from either to the other, and to one that does not expect it: keepalived then says
// that it expects nothing else, we take either.
func TestVRRPCase29Interop(t *testing.T) {
	t.Parallel()
	const theirs = isV3 + "unicast_peer {\n10.77.0.1\n}\n"
	const old = "old_unicast_checksum\n"
	ours := strings.ReplaceAll(theirs, "10.77.0.1", "10.77.0.2")
	t.Run("as its backup", func(t *testing.T) { obeyAndFollow(t, ours+old, theirs+old) })
	t.Run("as its master", func(t *testing.T) { leadAndResign(t, ours+old, theirs+old) })
	t.Run("as its backup by default", func(t *testing.T) { obeyAndFollow(t, ours, theirs+old) })
	t.Run("as its master by default", func(t *testing.T) {
		_, peer := leadAndResign(t, ours+old, theirs)
		entered(t, peer, "Setting unicast VRRPv3 checksum to old version")
	})
}

// numbered is an advert with the sequence of its authentication header.
type numbered struct {
	testlan.Advert
	sequence uint32
}

// sequences are those of the adverts that a host sent, in order.
func sequences(c *testlan.Capture, host string) (list []numbered) {
	for _, f := range c.Frames() {
		if ad, ok := f.Advert(); ok && f.Host == host && f.Data[14+9] == 51 {
			list = append(list, numbered{ad, binary.BigEndian.Uint32(f.Data[14+20+8:])})
		}
	}
	return list
}

// TestVRRPCase30: with AH who takes over goes on with the sequence of the one before.
func TestVRRPCase30Interop(t *testing.T) {
	t.Parallel()
	const auth = "version 2\nadvert_int 1\nauthentication {\nauth_type AH\nauth_pass s3cr3tlong\n}\n"
	peer := func(addr string) string { return auth + "unicast_peer {\n" + addr + "\n}\n" }
	for name, lines := range map[string][2]string{"multicast": {auth, auth}, "unicast": {peer("10.77.0.2"), peer("10.77.0.1")}} {
		t.Run(name+", as its backup", func(t *testing.T) {
			p := obeyAndFollow(t, lines[0], lines[1])
			goesOn(t, p, "b", "a")
		})
		t.Run(name+", as its master", func(t *testing.T) {
			p, _ := leadAndResign(t, lines[0], lines[1])
			goesOn(t, p, "a", "b")
		})
	}
}

// goesOn compares the last advert of the one that resigned with the first of the other after it: on a busy machine that one may have
// been master before.
func goesOn(t *testing.T, p *peers, from, to string) {
	t.Helper()
	zero := p.first(from, time.Time{}, 0)
	p.untilSent(to, zero.Time, 1)
	last := slices.IndexFunc(sequences(p.record, from), func(n numbered) bool { return n.Priority == 0 })
	old := sequences(p.record, from)[last]
	next := slices.DeleteFunc(sequences(p.record, to), func(n numbered) bool { return !n.Time.After(old.Time) })
	if len(next) == 0 || next[0].sequence != old.sequence+1 {
		t.Errorf("%s ends with %d, %s begins with %+v", from, old.sequence, to, next[:min(1, len(next))])
	}
}

// TestVRRPCase33: of 260 addresses both advertise the same 255.
func TestVRRPCase33Interop(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	// Nothing is announced for a lower advert: on a busy machine keepalived is not done with 260 of them when the next one comes, and
	// sends no adverts for all that time.
	b.WriteString("version 3\nadvert_int 1\ngarp_lower_prio_repeat 0\nvirtual_ipaddress {\n")
	for i := range 260 {
		fmt.Fprintf(&b, "10.80.%d.%d/32\n", i/250, i%250+1)
	}
	interop(t, b.String()+"}\n")
}

// TestVRRPCase38: IPv6 in version 2, which has no authentication data, and in version 3. (A 2.2.7 that hears a password there
// crashes.)
func TestVRRPCase38Interop(t *testing.T) {
	t.Parallel()
	const vips = "virtual_ipaddress {\nfe80::100/64\nfd77::100/64\n}\n"
	for _, lines := range []string{"version 2\nadvert_int 1\n", isV3} {
		t.Run(strings.Fields(lines)[1], func(t *testing.T) { t.Parallel(); interop(t, lines+vips) })
	}
}

// TestVRRPCase42: a keepalived that does not know auth_hmac finds adverts with it too long; without it ours are refused by enforce
// and accepted by permissive.
func TestVRRPCase42Interop(t *testing.T) {
	p := newPeers(t)
	const hmac = isV3 + "priority 150\nauth_hmac {\nkey 1 \"0123456789abcdef0123456789abcdef\"\nactive_key 1\n"
	r, _ := vigil(t, p.a, hmac+"}\n")
	untilState(t, r, election.Master)
	peer := keepalived(t, p.b, isV3+"priority 100\n")
	entered(t, peer, "too long")
	entered(t, peer, "Entering MASTER STATE")
	lantest.Until(t, "adverts without a trailer", func() error {
		if c := r.Status().Instances[0].Counters; c.TrailersMissing < 3 || c.AdvertsReceived > 0 {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	apply(t, r, routerText(hmac+"mode permissive\n}\n"))
	hears(t, r, 3)
	if s := r.Status().Instances[0]; s.State != election.Master {
		t.Errorf("state %s", s.State)
	}
}
