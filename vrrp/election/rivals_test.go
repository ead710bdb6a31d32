package election

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at is a time of the tests, in milliseconds.
func at(ms int) Instant { return Instant(time.Duration(ms) * time.Millisecond) }

// contests has the machine hear src at each of some moments, in milliseconds.
func (r *rig) contests(priority uint8, src netip.Addr, moments ...int) *rig {
	for _, ms := range moments {
		r.until(time.Duration(at(ms))).do(r.advert(priority, src))
	}
	return r
}

// TestRivals: who counts as another MASTER, from when to when, and who of them evidently hears nothing. A router of priority 100
// is MASTER from 3.609 s on.
func TestRivals(t *testing.T) {
	// The patience of a router of priority 90 with an interval of a second is 3.648 s.
	rival := func(since, heard int, adverts uint64, oneWay bool) Rival {
		return Rival{Source: routerA, Priority: 90, Since: at(since), Heard: at(heard), Adverts: adverts, OneWay: oneWay}
	}
	fast := spec3(time.Second, func(s *InstanceSpec) { s.LowerPriorityNoAdvert = true })
	for _, tt := range []struct {
		rule string
		spec InstanceSpec
		play func(*rig)
		at   int // milliseconds
		want []Rival
	}{
		{"a master alone", spec2(), func(*rig) {}, 20_000, nil},
		{"a backup hears its master", spec2(), func(r *rig) { r.contests(150, routerA, 1000, 2000, 3000, 4000, 5000, 6000) }, 6000, nil},
		{"a backup defers to a lower master", spec2(func(s *InstanceSpec) { s.NoPreempt = true }),
			func(r *rig) { r.contests(90, routerA, 1000, 2000, 3000, 4000, 5000) }, 5000, nil},
		{"what was heard before it became MASTER", spec2(), func(r *rig) { r.contests(90, routerA, 1000, 2000, 3000) }, 4000, nil},
		{"one advert that has crossed ours", spec2(), func(r *rig) { r.contests(90, routerA, 4000) }, 4000, nil},
		{"the same in two copies, and an answer that crosses as well", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 4000, 4020) }, 4020, nil},
		{"it goes on", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000, 6000) }, 6000, []Rival{rival(4000, 6000, 3, false)}},
		{"as long as a backup waits nothing follows", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000, 6000, 7000) }, 7600,
			[]Rival{rival(4000, 7000, 4, false)}},
		{"after that it hears nothing of us", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000, 6000, 7000, 8000) }, 8000,
			[]Rival{rival(4000, 8000, 5, true)}},
		{"it counts until its patience is over", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000) }, 8648, []Rival{rival(4000, 5000, 2, false)}},
		{"and not longer", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000) }, 8649, nil},
		{"who comes again is a new one", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000, 6000, 7000, 8000, 20_000, 21_000) }, 21_000,
			[]Rival{rival(20_000, 21_000, 2, false)}},
		{"who yields and comes back each time its patience is over hears us", spec2(),
			func(r *rig) { r.contests(90, routerA, 4000, 7649, 11_298, 14_947, 18_596) }, 18_596, nil},
		{"it resigns", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000, 6000).contests(0, routerA, 6500) }, 6500, nil},
		{"it outranks us", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000).contests(150, routerA, 6000) }, 6000, nil},
		{"another outranks us", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000).contests(150, routerC, 6000) }, 6000, nil},
		{"it is MASTER again, and heard nobody since", spec2(),
			func(r *rig) { r.contests(90, routerA, 4000, 5000).contests(150, routerC, 6000) }, 11_000, nil},
		{"we resign", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000).do(Stop{}) }, 5000, nil},
		{"our interface fails", spec2(), func(r *rig) { r.contests(90, routerA, 4000, 5000).do(LinkChanged{}) }, 5000, nil},
		{"the same priority and a lower address", spec2(), func(r *rig) { r.contests(100, routerA, 4000, 5000, 6000, 7000, 8000) }, 8000,
			[]Rival{{Source: routerA, Priority: 100, Since: at(4000), Heard: at(8000), Adverts: 5, OneWay: true}}},
		{"our own address: who has to give way is open", spec2(), func(r *rig) { r.contests(100, routerB, 4000, 5000, 6000, 7000, 8000) }, 8000,
			[]Rival{{Source: routerB, Priority: 100, Since: at(4000), Heard: at(8000), Adverts: 5}}},
		// Our first advert after its first one leaves at 4.609 s, and the slower interval counts.
		{"answered by none but the next scheduled advert: not yet", fast, func(r *rig) {
			r.contests(90, routerA, 4000, 4500, 5000, 5500, 6000, 6500, 7000, 7500, 8000, 8250)
		}, 8250, []Rival{rival(4000, 8250, 10, false)}},
		{"answered by none but the next scheduled advert", fast, func(r *rig) {
			r.contests(90, routerA, 4000, 4500, 5000, 5500, 6000, 6500, 7000, 7500, 8000, 8300)
		}, 8300, []Rival{rival(4000, 8300, 10, true)}},
	} {
		r := newRig(t, tt.spec).up()
		tt.play(r)
		r.until(time.Duration(at(tt.at)))
		got, oneWay := r.Explain().Rivals, 0
		if diff := cmp.Diff(tt.want, got, addrCmp); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, diff)
		}
		for _, one := range got {
			if one.OneWay {
				oneWay++
			}
		}
		r.do(Wake{})
		if st := r.Status(); st.Rivals != len(got) || st.OneWay != oneWay {
			t.Errorf("%s: the status has %d, %d", tt.rule, st.Rivals, st.OneWay)
		}
	}
}

// TestSeveralRivals: each has its own history, and the bound of the table is that of rivals too.
func TestSeveralRivals(t *testing.T) {
	r := newRig(t, spec2()).up().until(4 * time.Second)
	for second := range 3 {
		for i := range 2 * maxPeers {
			r.until(time.Duration(4+second) * time.Second).do(r.advert(90, source(i)))
		}
	}
	e := r.Explain()
	if len(e.Rivals) != maxPeers || e.Rivals[3].Source != source(3) || e.Rivals[3].Adverts != 3 {
		t.Errorf("%d rivals: %+v", len(e.Rivals), e.Rivals)
	}
}

// TestASilentMaster: the master whose silence was too long is named, and nobody who was only succeeded.
func TestASilentMaster(t *testing.T) {
	noPreempt := spec2(func(s *InstanceSpec) { s.NoPreempt = true })
	for _, tt := range []struct {
		rule string
		spec InstanceSpec
		play func(*rig)
		at   int // milliseconds
		want bool
	}{
		{"it speaks", spec2(), func(r *rig) { r.contests(150, routerA, 1000, 2000) }, 4900, false},
		{"three adverts are missing, and we wait yet", spec2(), func(r *rig) { r.contests(150, routerA, 1000, 2000) }, 5000, true},
		{"we have taken over", spec2(), func(r *rig) { r.contests(150, routerA, 1000, 2000) }, 60_000, true},
		{"it resigned", spec2(), func(r *rig) { r.contests(150, routerA, 1000, 2000).contests(0, routerA, 2500) }, 60_000, false},
		{"it was preempted, and is a backup now", spec2(), func(r *rig) { r.contests(90, routerA, 1000, 2000, 3000) }, 60_000, false},
		{"a lower one that we obeyed", noPreempt, func(r *rig) { r.contests(90, routerA, 1000, 2000) }, 60_000, true},
		{"it is back", spec2(), func(r *rig) { r.contests(150, routerA, 1000, 2000, 20_000) }, 20_000, false},
		{"another master took over before us", spec2(), func(r *rig) { r.contests(150, routerA, 1000, 2000).contests(160, routerC, 3000, 4000) }, 5000, false},
		{"it has outranked us, and was never heard again", spec2(), func(r *rig) { r.contests(150, routerA, 5000) }, 60_000, true},
		{"we were in FAULT meanwhile", spec2(), func(r *rig) {
			r.contests(150, routerA, 1000, 2000).do(LinkChanged{}).until(time.Minute)
			r.do(LinkChanged{Up: true})
		}, 70_000, false},
	} {
		r := newRig(t, tt.spec).up()
		tt.play(r)
		r.until(time.Duration(at(tt.at)))
		if p := r.Explain().Peers[0]; p.Source != routerA || p.Silent != tt.want {
			t.Errorf("%s: silent %t, want %t", tt.rule, p.Silent, tt.want)
		}
	}
}

// TestUnicastPeersAreListed: those that were never heard too, in the order of the configuration, whatever else is sent.
func TestUnicastPeersAreListed(t *testing.T) {
	peers := func(list ...netip.Addr) func(*InstanceSpec) { return func(s *InstanceSpec) { s.Peers = list } }
	one, two, three := source(1), source(2), source(3)
	r := newRig(t, spec2(peers(one, two, one))).up()
	expect := func(what string, want ...Peer) {
		t.Helper()
		if diff := cmp.Diff(want, r.Explain().Peers, addrCmp); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	never := func(a netip.Addr) Peer { return Peer{Source: a, Heard: Never, Configured: true} }
	heard := func(a netip.Addr, ms int, configured bool) Peer {
		return Peer{Source: a, Priority: 150, Interval: time.Second, Heard: at(ms), Configured: configured}
	}
	expect("nobody has spoken", never(one), never(two))
	r.contests(150, two, 1000).contests(150, three, 2000)
	expect("a peer and a stranger", never(one), heard(two, 1000, true), heard(three, 2000, false))

	// No flood takes the place of a peer, however long that one is silent, nor has the table grow.
	for i := range 100 {
		r.until(time.Duration(1+i) * time.Hour).do(r.advert(150, source(1000+i)))
	}
	list := r.Explain().Peers
	if diff := cmp.Diff([]Peer{never(one), heard(two, 1000, true)}, list[:2], addrCmp); diff != "" || len(list) > 2+maxPeers {
		t.Errorf("%d places after a flood (-want +got):\n%s", len(list), diff)
	}

	r = newRig(t, spec2(peers(one, two))).up().contests(150, two, 1000).contests(150, three, 2000)
	r.do(SpecChanged{spec2(peers(three, two))})
	expect("a reload with another peer", heard(three, 2000, true), heard(two, 1000, true))
	for i := range 50 { // what is no peer any more is forgotten, or reloads would make the table grow
		r.do(SpecChanged{spec2(peers(source(100+i), two))})
	}
	expect("fifty reloads", never(source(149)), heard(two, 1000, true))
}
