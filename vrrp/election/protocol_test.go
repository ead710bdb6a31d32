package election

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vigil/vrrp/wire"
)

const (
	secretOne = "0123456789abcdef0123456789abcdef"
	secretTwo = "fedcba9876543210fedcba9876543210"
)

// noon is what the wall clocks of the tests show at first.
var noon = wire.StampOf(time.Unix(1_800_000_000, 0))

func clockAt(d time.Duration) wire.Stamp { return wire.StampOf(time.Unix(1_800_000_000, 0).Add(d)) }

// authAH is authentication with AH.
func authAH(s *InstanceSpec) {
	s.AuthType, s.AuthData = wire.AuthAH, [8]byte([]byte("s3cr3tlo"))
}

// signing is auth_hmac with both keys, signing with one of them.
func signing(active uint8, change ...func(*HMACSpec)) func(*InstanceSpec) {
	return func(s *InstanceSpec) {
		keys := []HMACKey{{1, secretOne}, {2, secretTwo}}
		s.HMAC = HMACSpec{Mode: HMACEnforce, Active: keys[active-1], Keys: keys, Window: 5 * time.Second}
		for _, f := range change {
			f(&s.HMAC)
		}
	}
}

func mode(m HMACMode) func(*HMACSpec) { return func(h *HMACSpec) { h.Mode = m } }

// overTheWire is the adverts among actions as another router receives them. stamp is of those that are signed.
func overTheWire(t testing.TB, actions []Action, stamp wire.Stamp) (list []AdvertReceived) {
	t.Helper()
	for _, act := range actions {
		send, ok := act.(SendAdvert)
		if !ok {
			continue
		}
		a := send.Advert
		if a.Signature != nil {
			signature := *a.Signature
			signature.Stamp = stamp
			a.Signature = &signature
		}
		for _, to := range send.To {
			h, pdu, reason := wire.ParseIPv4(a.AppendIPv4(nil, wire.IPHeader{Source: send.Source, Destination: to, TTL: send.TTL, ID: 1}))
			var got wire.Advert
			if reason == wire.DropNone {
				got, reason = wire.ParseAdvert(pdu, h, nil)
			}
			if reason != wire.DropNone {
				t.Fatalf("own advert: %v", reason)
			}
			list = append(list, AdvertReceived{Advert: got, Source: h.Source, Clock: stamp})
		}
	}
	return list
}

// speaker is a master with the spec at address source: what it sends next.
type speaker struct {
	t testing.TB
	*Machine
	at Instant
}

func newSpeaker(t testing.TB, source netip.Addr, spec InstanceSpec) *speaker {
	s := &speaker{t: t, Machine: NewMachine(spec)}
	s.Step(0, Started{LinkUp: true, Source: source})
	return s
}

// next returns its next advert, signed at a time.
func (s *speaker) next(stamp wire.Stamp) AdvertReceived {
	s.t.Helper()
	for range 10 {
		s.at, _ = s.Deadline()
		if list := overTheWire(s.t, slices.Clone(s.Step(s.at, Wake{})), stamp); len(list) > 0 {
			return list[0]
		}
	}
	s.t.Fatal("says nothing")
	return AdvertReceived{}
}

// refused is why the machine refuses an advert, and "" when it does not.
func refused(m *Machine, now Instant, ev AdvertReceived) string {
	m.peers = peerTable{} // which has reported enough about the source
	for _, a := range m.Step(now, ev) {
		if r, ok := a.(Report); ok && r.Kind == ReportRejected {
			return r.Rejected.String()
		}
	}
	return ""
}

// TestVRRPCase30_AHSequence: a new master goes on with the sequence of the old one, and what was captured is refused when it
// comes again.
func TestVRRPCase30_AHSequence(t *testing.T) {
	a := newSpeaker(t, routerA, spec2(authAH, priority(150)))
	b := newSpeaker(t, routerB, spec2(authAH, priority(50)))
	var captured []AdvertReceived
	for i := range 5 {
		ad := a.next(0)
		captured = append(captured, ad)
		if got := ad.Advert.AH.Sequence; got != uint32(i+1) {
			t.Errorf("advert %d has sequence %d", i+1, got)
		}
		if why := refused(b.Machine, a.at, ad); why != "" {
			t.Fatalf("advert %d: %s", i+1, why)
		}
	}
	for i, ad := range captured {
		if refused(b.Machine, a.at, ad) != "sequence number" {
			t.Errorf("captured advert %d is accepted again", i+1)
		}
	}
	if b.counters.AuthFailures != 5 || b.counters.AdvertsReceived != 5 || b.state != Backup {
		t.Errorf("%v, %+v", b.state, b.counters)
	}
	first := b.next(0)
	if got := first.Advert.AH.Sequence; got != 6 {
		t.Errorf("the next master begins with sequence %d, want 6", got)
	}
	// The old one returns, hears the lower master, and is believed, for it comes after it.
	if why := refused(a.Machine, b.at, first); why != "" {
		t.Errorf("the old master refuses the new one: %s", why)
	}
	answer := overTheWire(t, slices.Clone(a.out), 0)
	if len(answer) != 1 || answer[0].Advert.AH.Sequence <= 6 {
		t.Fatalf("it answers %+v", answer)
	}
	if why := refused(b.Machine, b.at, answer[0]); why != "" || b.state != Backup {
		t.Errorf("the answer: %q, %v", why, b.state)
	}
}

// TestAHWithAnotherPassword: neither a sequence nor a peer is learnt from it.
func TestAHWithAnotherPassword(t *testing.T) {
	m := NewMachine(spec2(authAH))
	m.Step(0, Started{LinkUp: true, Source: routerB})
	forger := newSpeaker(t, routerA, spec2(authAH, priority(200), func(s *InstanceSpec) { s.AuthData[0]++ }))
	forger.sequence = 1 << 30
	for range 3 {
		ad := forger.next(0)
		if why := refused(m, 1, ad); why != "authentication failure" {
			t.Errorf("refused for %q", why)
		}
	}
	if m.sequence != 0 || m.counters.AuthFailures != 3 || m.peers.list[0].Heard != Never {
		t.Errorf("sequence %d, %+v", m.sequence, m.counters)
	}
	plain := forger.next(0)
	plain.Advert.AH = nil
	if why := refused(m, 1, plain); why != "authentication type mismatch" {
		t.Errorf("without the header it is refused for %q", why)
	}
}

// TestRFC2402_2_5_SequenceDoesNotCycle: at its end it stands.
func TestRFC2402_2_5_SequenceDoesNotCycle(t *testing.T) {
	s := newSpeaker(t, routerA, spec2(authAH))
	s.sequence = wire.MaxSequence - 2
	for _, want := range []uint32{wire.MaxSequence - 1, wire.MaxSequence, wire.MaxSequence} {
		if got := s.next(0).Advert.AH.Sequence; got != want {
			t.Errorf("%x, want %x", got, want)
		}
	}
}

// TestAHDoesNotResume: who was killed no longer knows the sequence, so it listens first.
func TestAHDoesNotResume(t *testing.T) {
	for _, tt := range []struct {
		spec InstanceSpec
		want State
	}{{spec2(), Master}, {spec2(authAH), Backup}} {
		m := NewMachine(tt.spec)
		m.Step(0, Started{LinkUp: true, Source: routerB, Silence: time.Second})
		if m.state != tt.want {
			t.Errorf("authentication type %d: %v", tt.spec.AuthType, m.state)
		}
	}
}

// TestVRRPCase42_HMAC: who accepts what. The sender signs at noon; the receiver's clock is what the case says.
func TestVRRPCase42_HMAC(t *testing.T) {
	none := func(*InstanceSpec) {}
	monotonic := func(h *HMACSpec) { h.Monotonic = true }
	unicast := func(peer netip.Addr) func(*InstanceSpec) {
		return func(s *InstanceSpec) { s.Peers = []netip.Addr{peer} }
	}
	both := func(f ...func(*InstanceSpec)) func(*InstanceSpec) {
		return func(s *InstanceSpec) {
			for _, g := range f {
				g(s)
			}
		}
	}
	for _, tt := range []struct {
		rule             string
		sender, receiver func(*InstanceSpec)
		clock            time.Duration // of the receiver, from the sender's
		want             string
		count            func(Counters) uint64
	}{
		{"signed", signing(1), signing(1), 0, "", nil},
		{"unsigned to enforce", none, signing(1), 0, "missing authentication trailer", func(c Counters) uint64 { return c.TrailersMissing }},
		{"unsigned to permissive", none, signing(1, mode(HMACPermissive)), 0, "", nil},
		{"unsigned to receive-only", none, signing(1, mode(HMACReceiveOnly)), 0, "", nil},
		{"signed by permissive", signing(1, mode(HMACPermissive)), signing(1), 0, "", nil},
		{"receive-only does not sign", signing(1, mode(HMACReceiveOnly)), signing(1), 0, "missing authentication trailer", nil},
		{"signed to who knows nothing of it", signing(1), none, 0, "length", func(c Counters) uint64 { return c.LengthErrors }},
		{"the other key, while keys are changed", signing(2), signing(1), 0, "", nil},
		{"a key that is not known", signing(2), signing(1, func(h *HMACSpec) { h.Keys = h.Keys[:1] }), 0, "unknown authentication key",
			func(c Counters) uint64 { return c.KeysUnknown }},
		{"another key of the same number", signing(1, func(h *HMACSpec) { h.Active.Secret = secretTwo }), signing(1), 0, "invalid authentication HMAC",
			func(c Counters) uint64 { return c.HMACFailures }},
		{"and to permissive", signing(1, func(h *HMACSpec) { h.Active.Secret = secretTwo }), signing(1, mode(HMACPermissive)), 0,
			"invalid authentication HMAC", nil},
		{"at the end of the window", signing(1), signing(1), 5 * time.Second, "", nil},
		{"at its beginning", signing(1), signing(1), -5 * time.Second, "", nil},
		{"stale", signing(1), signing(1), 6 * time.Second, "stale authentication trailer", func(c Counters) uint64 { return c.Stale }},
		{"from the future", signing(1), signing(1), -6 * time.Second, "stale authentication trailer", nil},
		{"of any time where only the order counts", signing(1), signing(1, monotonic), time.Hour, "", nil},
		{"from a peer", both(signing(1), unicast(routerB)), both(signing(1), unicast(routerA)), 0, "", nil},
		{"from another, even with the key", both(signing(1), unicast(routerB)), both(signing(1), unicast(routerC)), 0, "source is not a peer",
			func(c Counters) uint64 { return c.NotPeers }},
	} {
		for _, version := range []uint8{2, 3} {
			sender, receiver := spec2(tt.sender, priority(150)), spec2(tt.receiver)
			sender.Version, receiver.Version = version, version
			m := NewMachine(receiver)
			m.Step(0, Started{LinkUp: true, Source: routerB})
			ad := newSpeaker(t, routerA, sender).next(noon)
			ad.Clock = clockAt(tt.clock)
			if got := refused(m, 1, ad); got != tt.want {
				t.Errorf("%s, version %d: refused for %q, want %q", tt.rule, version, got, tt.want)
			}
			if accepted := m.counters.AdvertsReceived == 1; accepted != (tt.want == "") || tt.count != nil && tt.count(m.counters) != 1 {
				t.Errorf("%s, version %d: %+v", tt.rule, version, m.counters)
			}
		}
	}
}

// TestHMACReplay: a trailer counts once, whatever came in between, until it is too old to count at all.
func TestHMACReplay(t *testing.T) {
	for _, monotonic := range []bool{false, true} {
		m := NewMachine(spec2(signing(1, func(h *HMACSpec) { h.Monotonic = monotonic })))
		m.Step(0, Started{LinkUp: true, Source: routerB})
		s := newSpeaker(t, routerA, spec2(signing(1), priority(150)))
		captured := []AdvertReceived{}
		for i := range 20 {
			at := clockAt(time.Duration(i) * time.Second)
			ad := s.next(at)
			captured = append(captured, ad)
			if why := refused(m, Instant(i), ad); why != "" {
				t.Fatalf("advert %d: %s", i, why)
			}
			for k, old := range captured {
				old.Clock = at
				want := "replayed authentication trailer"
				if !monotonic && i-k > 5 {
					want = "stale authentication trailer"
				}
				if why := refused(m, Instant(i), old); why != want {
					t.Errorf("monotonic %v: advert %d after %d: %q, want %q", monotonic, k, i, why, want)
				}
			}
		}
		// A reload that leaves auth_hmac alone forgets nothing.
		spec := m.spec
		spec.Priority++
		m.Step(100, SpecChanged{Spec: spec})
		if why := refused(m, 100, captured[19]); why != "replayed authentication trailer" {
			t.Errorf("after a reload: %q", why)
		}
	}
}

// TestHMACClockSetBack: of a sender whose clock was set back, what it sends is believed again when its mark is older than
// the window.
func TestHMACClockSetBack(t *testing.T) {
	var r replays
	const window = 5 * time.Second
	if !r.admit(routerA, clockAt(time.Minute), clockAt(time.Minute), window, 0) {
		t.Fatal("the first is refused")
	}
	for _, tt := range []struct {
		stamp, now time.Duration
		want       bool
	}{
		{59 * time.Second, 61 * time.Second, false},
		{59 * time.Second, 65 * time.Second, false}, // the mark is in the window
		{62 * time.Second, 66 * time.Second, true},
		{61 * time.Second, 66 * time.Second, false},
		{50 * time.Second, 50 * time.Second, true}, // our clock was set back with theirs
	} {
		if got := r.admit(routerA, clockAt(tt.stamp), clockAt(tt.now), window, 0); got != tt.want {
			t.Errorf("stamp %v at %v: %v", tt.stamp, tt.now, got)
		}
	}
}

// TestReplayMarksAreBounded: by who can sign, the one that was silent longest goes.
func TestReplayMarksAreBounded(t *testing.T) {
	var r replays
	for i := range 10_000 {
		src := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		now := clockAt(time.Duration(i) * time.Second)
		if !r.admit(src, now, now, 5*time.Second, 3) || r.admit(src, now, now, 5*time.Second, 3) {
			t.Fatalf("source %d", i)
		}
	}
	if len(r) != maxPeers {
		t.Errorf("%d marks", len(r))
	}
	for _, m := range r {
		if !m.used.After(clockAt(time.Duration(10_000-maxPeers-1) * time.Second)) {
			t.Errorf("%v is still there", m.source)
		}
	}
}

// TestHMACAcceptsNothingTwice is a property: whatever the order, the clocks and the sources, no advert is accepted twice
// as long as the receiver's clock does not jump.
func TestHMACAcceptsNothingTwice(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var r replays
		window := time.Duration(rng.IntN(3)) * 5 * time.Second
		accepted := map[string]bool{}
		type sent struct {
			source netip.Addr
			stamp  wire.Stamp
		}
		var pool []sent
		last := map[netip.Addr]wire.Stamp{}
		now := time.Duration(0)
		for range 300 {
			now += time.Duration(rng.Int64N(int64(time.Second)))
			if rng.IntN(2) == 0 || len(pool) == 0 {
				src := netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(4))})
				last[src] = last[src].Next(clockAt(now+time.Duration(rng.Int64N(int64(8*time.Second)))-4*time.Second), window)
				pool = append(pool, sent{src, last[src]})
			}
			p := pool[rng.IntN(len(pool))]
			clock := clockAt(now)
			if window > 0 && clock.Skew(p.stamp).Abs() > window {
				continue // stale
			}
			if r.admit(p.source, p.stamp, clock, window, 0) {
				key := fmt.Sprint(p)
				if accepted[key] {
					t.Fatalf("seed %d: accepted twice: %s", seed, key)
				}
				accepted[key] = true
			}
		}
		if len(accepted) == 0 {
			t.Fatalf("seed %d: nothing was accepted", seed)
		}
	}
}

// TestClockSkewIsReported: once, when more than half of the window is used up.
func TestClockSkewIsReported(t *testing.T) {
	for _, tt := range []struct {
		skew  time.Duration
		times int
		ahead int
	}{{2 * time.Second, 0, 0}, {3 * time.Second, 1, -3}, {-4 * time.Second, 1, 4}} {
		m := NewMachine(spec2(signing(1)))
		m.Step(0, Started{LinkUp: true, Source: routerB})
		s := newSpeaker(t, routerA, spec2(signing(1), priority(150)))
		times := 0
		for i := range 3 {
			at := time.Duration(i) * time.Second
			ad := s.next(clockAt(at))
			ad.Clock = clockAt(at + tt.skew)
			for _, a := range m.Step(Instant(at), ad) {
				if r, ok := a.(Report); ok && r.Kind == ReportClockSkew && r.Theirs == tt.ahead && r.Ours == 5 {
					times++
				}
			}
		}
		if times != tt.times || m.counters.AdvertsReceived != 3 {
			t.Errorf("skew %v: reported %d times, want %d; %+v", tt.skew, times, tt.times, m.counters)
		}
	}
}

// TestVRRPCase29_OldChecksum: either form is accepted of every packet, unlike keepalived, which then refuses the standard one.
func TestVRRPCase29_OldChecksum(t *testing.T) {
	form := func(c wire.Checksum, old bool) func(*InstanceSpec) {
		return func(s *InstanceSpec) { s.Checksum, s.OldChecksum, s.OldGroup = c, old, group4 }
	}
	peers := func(p netip.Addr) func(*InstanceSpec) { return func(s *InstanceSpec) { s.Peers = []netip.Addr{p} } }
	for _, tt := range []struct {
		rule                  string
		sent, mine            wire.Checksum
		old, accepted, differ bool
	}{
		{"standard", wire.ChecksumStandard, wire.ChecksumStandard, true, true, false},
		{"old", wire.ChecksumGroup, wire.ChecksumStandard, true, true, true},
		{"old to who sends it too", wire.ChecksumGroup, wire.ChecksumGroup, true, true, false},
		{"standard to who sends the old one", wire.ChecksumStandard, wire.ChecksumGroup, true, true, true},
		{"old to old_unicast_checksum never", wire.ChecksumGroup, wire.ChecksumStandard, false, false, false},
		{"as in version 2", wire.ChecksumAsV2, wire.ChecksumAsV2, false, true, false},
		{"as in version 2 to who does not expect it", wire.ChecksumAsV2, wire.ChecksumStandard, true, false, false},
		{"standard to v3_checksum_as_v2", wire.ChecksumStandard, wire.ChecksumAsV2, true, true, true},
	} {
		m := NewMachine(spec3(time.Second, form(tt.mine, tt.old), peers(routerA)))
		m.Step(0, Started{LinkUp: true, Source: routerB})
		s := newSpeaker(t, routerA, spec3(time.Second, priority(150), form(tt.sent, true), peers(routerB)))
		differ := 0
		for i := range 4 {
			for _, a := range m.Step(Instant(i), s.next(0)) {
				if r, ok := a.(Report); ok && r.Kind == ReportChecksumDiffers {
					differ++
				}
			}
		}
		if got := m.counters.AdvertsReceived == 4; got != tt.accepted || (m.counters.ChecksumErrors == 4) == got || (differ == 1) != tt.differ {
			t.Errorf("%s: accepted %v, told %d times, %+v", tt.rule, got, differ, m.counters)
		}
	}
}

// TestChecksumAsV2IsVerified: keepalived does not look at the checksum at all then.
func TestChecksumAsV2IsVerified(t *testing.T) {
	group := spec3(time.Second, func(s *InstanceSpec) { s.Checksum = wire.ChecksumAsV2 }, priority(150))
	s := newSpeaker(t, routerA, group)
	d, _ := s.Deadline()
	send := slices.Clone(s.Step(d, Wake{}))[0].(SendAdvert)
	packet := send.Advert.AppendIPv4(nil, wire.IPHeader{Source: routerA, Destination: group4, TTL: 255})
	for i := 20; i < len(packet); i++ {
		b := slices.Clone(packet)
		b[i] ^= 1
		h, pdu, reason := wire.ParseIPv4(b)
		if reason == wire.DropNone {
			_, reason = wire.ParseAdvert(pdu, h, nil)
		}
		if reason == wire.DropNone {
			t.Errorf("a packet with another byte %d is accepted", i)
		}
	}
}

// TestOwnerIgnoresAdverts: an address owner listens to nobody, and its backup to everybody.
func TestOwnerIgnoresAdverts(t *testing.T) {
	ignore := func(s *InstanceSpec) { s.OwnerIgnoresAdverts = true }
	owner := newRig(t, spec2(ignore, priority(255), func(s *InstanceSpec) { s.StartMaster = true })).up()
	owner.expectState(Master)
	for _, p := range []uint8{255, 254, 0} {
		owner.do(owner.advert(p, routerC)).expectState(Master)
	}
	if c := owner.counters; c.OwnerIgnored != 3 || c.AdvertsReceived != 0 {
		t.Errorf("%+v", c)
	}
	if backup := newRig(t, spec2(ignore)).up().hear(255); backup.counters.AdvertsReceived != 1 {
		t.Errorf("%+v", backup.counters)
	}
	listening := newRig(t, spec2(priority(255), func(s *InstanceSpec) { s.StartMaster = true })).up()
	listening.do(listening.advert(255, routerC)).expectState(Backup)
}

// TestTimerExpiredBackup: a master that was not run for as long as it takes another to take over gives way instead of
// speaking; one that was late by less goes on.
func TestTimerExpiredBackup(t *testing.T) {
	for _, tt := range []struct {
		expired uint8
		late    time.Duration // after the last advert
		want    State
	}{
		{0, time.Minute, Master},
		{254, 2 * time.Second, Master},
		{254, 3007 * time.Millisecond, Master},
		{254, 3008 * time.Millisecond, Backup},
		{100, 3600 * time.Millisecond, Master},
		{100, 3610 * time.Millisecond, Backup},
	} {
		r := newRig(t, spec2(func(s *InstanceSpec) { s.TimerExpired, s.NoPreempt = tt.expired, true })).master()
		last := r.timers.advert.Add(-time.Second)
		sent := r.counters.AdvertsSent
		r.clock = time.Duration(last.Add(tt.late))
		r.do(Wake{}).expectState(tt.want)
		if tt.want == Backup && (r.counters.AdvertsSent != sent || r.last.Cause != CauseTimerExpired) {
			t.Errorf("%+v: it has spoken: %+v", tt, r.last)
		}
	}
}

// TestUnusable: what the configuration lacks keeps the router in FAULT until a reload mends it.
func TestUnusable(t *testing.T) {
	for _, kind := range []FaultKind{FaultNoPeers, FaultNoKey} {
		r := newRig(t, spec2(func(s *InstanceSpec) { s.Unusable = kind })).up().expectState(Fault)
		r.until(time.Minute)
		if e := r.Explain(); r.counters.AdvertsSent != 0 || len(e.Faults) != 1 || e.Faults[0].Kind != kind {
			t.Errorf("%+v, %+v", e.Faults, r.counters)
		}
		r.do(SpecChanged{Spec: spec2()}).expectState(Backup)
		r.do(SpecChanged{Spec: spec2(func(s *InstanceSpec) { s.Unusable = kind })}).expectState(Fault)
	}
}
