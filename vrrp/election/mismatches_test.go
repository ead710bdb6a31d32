package election

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/vrrp/wire"
)

// TestMismatches: what another router has configured otherwise, how often that was seen, and that it ends with what is right.
func TestMismatches(t *testing.T) {
	two := func(s *InstanceSpec) {
		s.Addresses = []Address{{Prefix: netip.PrefixFrom(vip100, 32)}, {Prefix: netip.PrefixFrom(vip101, 32)}}
	}
	other := netip.MustParseAddr("10.77.0.199")
	list := func(a ...netip.Addr) func(*AdvertReceived) {
		return func(ev *AdvertReceived) { ev.Advert.Addresses = a }
	}
	every := func(d time.Duration) func(*AdvertReceived) {
		return func(ev *AdvertReceived) { ev.Advert.Interval = d }
	}
	for _, tt := range []struct {
		rule  string
		spec  InstanceSpec
		wrong func(*AdvertReceived)
		want  *Mismatch // but for who and when
	}{
		{"nothing", spec2(two), func(*AdvertReceived) {}, nil},
		{"the same addresses in another order", spec2(two), list(vip101, vip100), nil},
		{"an address that we have", spec2(two), list(vip100), &Mismatch{Kind: MismatchAddresses, Theirs: 1, Ours: 2, Address: vip101, IsOurs: true}},
		{"an address that we have not", spec2(two), list(vip100, vip101, other), &Mismatch{Kind: MismatchAddresses, Theirs: 3, Ours: 2, Address: other}},
		{"one in place of another", spec2(two), list(vip100, other), &Mismatch{Kind: MismatchAddresses, Theirs: 2, Ours: 2, Address: vip101, IsOurs: true}},
		{"one twice", spec2(two), list(vip100, vip101, vip101), &Mismatch{Kind: MismatchAddresses, Theirs: 3, Ours: 2}},
		{"the version", spec2(), func(ev *AdvertReceived) { ev.Advert.Version = 3 },
			&Mismatch{Kind: MismatchVersion, Theirs: 3, Ours: 2, Refused: wire.DropVersion}},
		{"the interval of version 2", spec2(), every(2 * time.Second), &Mismatch{Kind: MismatchInterval, Theirs: 200, Ours: 100, Refused: wire.DropInterval}},
		{"the interval of version 3", spec3(time.Second), every(1500 * time.Millisecond), &Mismatch{Kind: MismatchInterval, Theirs: 150, Ours: 100}},
		{"no password", spec2(authPass), func(ev *AdvertReceived) { ev.Advert.AuthType = wire.AuthNone },
			&Mismatch{Kind: MismatchAuth, Theirs: int(wire.AuthNone), Ours: int(wire.AuthPass), Refused: wire.DropAuthTypeMismatch}},
		{"another password", spec2(authPass), func(ev *AdvertReceived) { ev.Advert.AuthData = [8]byte{'x'} },
			&Mismatch{Kind: MismatchAuth, Theirs: int(wire.AuthPass), Ours: int(wire.AuthPass), Refused: wire.DropAuthFailure}},
		{"auth_hmac on their side", spec3(time.Second), func(ev *AdvertReceived) { ev.Advert.Trailer = &wire.Trailer{KeyID: 1} },
			&Mismatch{Kind: MismatchAuth, Refused: wire.DropLength}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			r := newRig(t, tt.spec).up()
			right := r.advert(150, routerA)
			wrong := right
			tt.wrong(&wrong)
			expect := func(what string, at Instant, times uint64) {
				t.Helper()
				var want []Mismatch
				if tt.want != nil && times > 0 {
					one := *tt.want
					one.Source, one.At, one.Times = routerA, at, times
					want = []Mismatch{one}
				}
				if diff := cmp.Diff(want, r.Explain().Mismatches, addrCmp); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			r.do(right)
			expect("at first", 0, 0)
			r.until(time.Second).do(wrong).until(2 * time.Second).do(wrong)
			expect("twice", Instant(2*time.Second), 2)
			r.do(r.advert(150, routerC))
			expect("another router has it right", Instant(2*time.Second), 2)
			r.until(3 * time.Second).do(right)
			expect("it has it right now", 0, 0)
			r.do(wrong)
			expect("again", Instant(3*time.Second), 1)
			r.do(SpecChanged{spec2(priority(70))})
			expect("a reload: it may have been our fault", 0, 0)
		})
	}
}

// TestMismatchesOfAuthentication: what authenticates the adverts of another MASTER, on the wire. A repetition is no mismatch.
func TestMismatchesOfAuthentication(t *testing.T) {
	oneKey := func(secret string) func(*InstanceSpec) {
		return signing(1, func(h *HMACSpec) { h.Keys = []HMACKey{{1, secret}}; h.Active = h.Keys[0] })
	}
	for _, tt := range []struct {
		rule         string
		theirs, ours InstanceSpec
		want         Mismatch
	}{
		{"no auth_hmac", spec3(time.Second), spec3(time.Second, signing(1)), Mismatch{Refused: wire.DropTrailerMissing}},
		{"a key that we have not", spec3(time.Second, signing(2)), spec3(time.Second, oneKey(secretOne)), Mismatch{Theirs: 2, Refused: wire.DropKeyUnknown}},
		{"another secret", spec3(time.Second, oneKey(secretTwo)), spec3(time.Second, oneKey(secretOne)), Mismatch{Theirs: 1, Refused: wire.DropHMAC}},
		{"a password for AH", spec2(authPass), spec2(authAH), Mismatch{Theirs: int(wire.AuthPass), Ours: int(wire.AuthAH), Refused: wire.DropAuthTypeMismatch}},
		{"AH with another password", spec2(authAH, func(s *InstanceSpec) { s.AuthData[0]++ }), spec2(authAH),
			Mismatch{Theirs: int(wire.AuthAH), Ours: int(wire.AuthAH), Refused: wire.DropAuthFailure}},
	} {
		theirs, good := newSpeaker(t, routerA, tt.theirs), newSpeaker(t, routerA, tt.ours)
		r := newRig(t, tt.ours).up().do(theirs.next(noon))
		tt.want.Kind, tt.want.Source, tt.want.Times = MismatchAuth, routerA, 1
		if diff := cmp.Diff([]Mismatch{tt.want}, r.Explain().Mismatches, addrCmp); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, diff)
		}
		right := good.next(noon)
		r.do(right).do(right) // the second time it is old
		if got := r.Explain().Mismatches; len(got) > 0 {
			t.Errorf("%s: it has it right now, and there is %+v", tt.rule, got)
		}
	}
}

// TestMismatchesOfOneRouter: there are as many as kinds, by kind. What somebody sends with a wrong clock or a second time is none.
func TestMismatchesOfOneRouter(t *testing.T) {
	r := newRig(t, spec3(time.Second)).up()
	for range 1000 {
		ev := r.advert(150, routerA)
		ev.Advert.Version = 2
		r.do(ev)
		ev = r.advert(150, routerA)
		ev.Advert.Interval, ev.Advert.Addresses = 2*time.Second, nil
		r.do(ev)
		ev.Advert.Version = 2
		r.do(ev)
	}
	var kinds []MismatchKind
	for _, m := range r.Explain().Mismatches {
		kinds = append(kinds, m.Kind)
	}
	if diff := cmp.Diff([]MismatchKind{MismatchAddresses, MismatchVersion, MismatchInterval}, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for reason, want := range map[wire.DropReason]bool{wire.DropStale: false, wire.DropReplay: false, wire.DropSequence: false, wire.DropNotPeer: false,
		wire.DropTrailerMissing: true, wire.DropKeyUnknown: true, wire.DropHMAC: true, wire.DropSPI: true, wire.DropLength: true, wire.DropAuthTypeInvalid: true} {
		if got := (rejection{reason: reason}).configured(); got != want {
			t.Errorf("%v: %t", reason, got)
		}
	}
	// A packet that is no advert at all is only counted.
	r = newRig(t, spec3(time.Second)).up().do(AdvertRejected{Reason: wire.DropVersion, Source: routerC})
	if got := r.Explain().Mismatches; len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
