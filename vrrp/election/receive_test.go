package election

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/vrrp/wire"
)

// TestRFC3768_7_1_ReceivedPackets: the checks that depend on the configuration. A MASTER of priority 100 hears an advert
// of priority 150 with one thing wrong and stays; intact, the same advert makes it BACKUP.
func TestRFC3768_7_1_ReceivedPackets(t *testing.T) {
	pass := spec2(func(s *InstanceSpec) { s.AuthType, s.AuthData = wire.AuthPass, password })
	unicast := spec2(func(s *InstanceSpec) {
		s.Peers, s.PeerTTLs = []netip.Addr{routerC, routerA}, []TTLRange{{0, 255}, {64, 128}}
		s.CheckUnicastSrc = true
	})
	for _, tt := range []struct {
		name   string
		spec   InstanceSpec
		change func(*AdvertReceived)
		want   Report // zero: accepted
		count  Counters
	}{
		{"intact", spec2(), func(*AdvertReceived) {}, Report{}, Counters{AdvertsReceived: 1}},
		{"version", spec2(), func(e *AdvertReceived) { e.Advert.Version = 3 },
			Report{Rejected: wire.DropVersion, Theirs: 3, Ours: 2}, Counters{VersionErrors: 1}},
		{"authentication type 7", spec2(), func(e *AdvertReceived) { e.Advert.AuthType = 7 },
			Report{Rejected: wire.DropAuthTypeInvalid, Theirs: 7}, Counters{InvalidAuthTypes: 1}},
		{"authentication type 1", spec2(), func(e *AdvertReceived) { e.Advert.AuthType = 1 },
			Report{Rejected: wire.DropAuthTypeMismatch, Theirs: 1}, Counters{AuthTypeMismatches: 1}},
		{"no authentication", pass, func(e *AdvertReceived) { e.Advert.AuthType = 0 },
			Report{Rejected: wire.DropAuthTypeMismatch, Ours: 1}, Counters{AuthTypeMismatches: 1}},
		{"password", pass, func(e *AdvertReceived) { e.Advert.AuthData[7] = 'x' },
			Report{Rejected: wire.DropAuthFailure, Theirs: 1, Ours: 1}, Counters{AuthFailures: 1}},
		{"right password", pass, func(*AdvertReceived) {}, Report{}, Counters{AdvertsReceived: 1}},
		{"interval", spec2(), func(e *AdvertReceived) { e.Advert.Interval = 2 * time.Second },
			Report{Rejected: wire.DropInterval, Theirs: 2, Ours: 1}, Counters{IntervalErrors: 1}},
		{"unknown unicast source", unicast, func(e *AdvertReceived) { e.Source = routerB },
			Report{Rejected: wire.DropNotPeer, Source: routerB}, Counters{AdvertsReceived: 1, NotPeers: 1}},
		{"unicast TTL", unicast, func(e *AdvertReceived) { e.Advert.TTL = 255 },
			Report{Rejected: wire.DropTTL, Theirs: 255}, Counters{AdvertsReceived: 1, TTLErrors: 1}},
		{"unicast", unicast, func(e *AdvertReceived) { e.Advert.TTL = 100 }, Report{}, Counters{AdvertsReceived: 1}},
		{"unicast source not checked", spec2(func(s *InstanceSpec) { s.Peers = []netip.Addr{routerC} }),
			func(*AdvertReceived) {}, Report{}, Counters{AdvertsReceived: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.spec).master()
			before := r.counters
			ev := r.advert(150, routerA)
			tt.change(&ev)
			actions := r.Step(Instant(r.clock), ev)
			if tt.want == (Report{}) {
				r.expectState(Backup)
				tt.count.ReleasedMaster = 1
			} else {
				r.expectState(Master)
				tt.want.Kind = ReportRejected
				if !tt.want.Source.IsValid() {
					tt.want.Source = routerA
				}
				if diff := cmp.Diff([]Action{tt.want}, actions, addrCmp); diff != "" {
					t.Errorf("actions (-want +got)\n%s", diff)
				}
			}
			tt.count.AdvertsSent, tt.count.BecameMaster = before.AdvertsSent, before.BecameMaster
			if diff := cmp.Diff(tt.count, r.counters); diff != "" {
				t.Errorf("counters (-want +got)\n%s", diff)
			}
		})
	}
}

// TestRejectedPacketDoesNotSilenceTheMaster: bad packets leave the advert timer alone.
func TestRejectedPacketDoesNotSilenceTheMaster(t *testing.T) {
	r := newRig(t, spec2()).master()
	due := r.timers.advert
	wrong := r.advert(150, routerA)
	wrong.Advert.Interval = 9 * time.Second
	r.clock += 500 * time.Millisecond
	r.do(wrong).do(AdvertRejected{Reason: wire.DropChecksum, Source: routerA})
	if r.timers.advert != due {
		t.Errorf("advert due at %v, was %v", time.Duration(r.timers.advert), time.Duration(due))
	}
}

// TestOtherVRIDIsNotForUs: RFC 9568 §7.1, "MUST verify that the VRID is configured".
func TestOtherVRIDIsNotForUs(t *testing.T) {
	r := newRig(t, spec2()).master()
	ev := r.advert(200, routerA)
	ev.Advert.VRID = 52
	r.do(ev).expect()
	if r.counters.AdvertsReceived != 0 {
		t.Error("counted")
	}
}

// TestRejectedIsReportedOnce per kind and source, until the state changes; every one is counted.
func TestRejectedIsReportedOnce(t *testing.T) {
	r := newRig(t, spec2()).up().forget()
	for range 3 {
		r.do(AdvertRejected{Reason: wire.DropTTL, Source: routerA}).do(AdvertRejected{Reason: wire.DropLength, Source: routerA})
	}
	r.expect("0s report rejected TTL from 10.77.0.1", "0s report rejected length from 10.77.0.1")
	if r.counters.TTLErrors != 3 || r.counters.LengthErrors != 3 {
		t.Errorf("counters %+v", r.counters)
	}
	r.do(AdvertRejected{Reason: wire.DropTTL, Source: routerC}).expect("0s report rejected TTL from 10.77.0.3")
	r.hear(200).do(AdvertRejected{Reason: wire.DropTTL, Source: routerA}).expect() // the same as before
	r.do(LinkChanged{}).forget().do(AdvertRejected{Reason: wire.DropTTL}).expect() // FAULT hears nothing
	if r.counters.TTLErrors != 5 {
		t.Errorf("%d TTL errors", r.counters.TTLErrors)
	}
	r.do(LinkChanged{Up: true}).until(4 * time.Second).expectState(Master).forget()
	r.do(AdvertRejected{Reason: wire.DropTTL, Source: routerA}).expect("4s report rejected TTL from 10.77.0.1")
}

// TestRejectedCounters: each reason has its counter.
func TestRejectedCounters(t *testing.T) {
	r := newRig(t, spec2()).up()
	for reason := wire.DropTruncated; reason <= wire.DropOwner; reason++ {
		r.do(AdvertRejected{Reason: reason})
	}
	r.do(AdvertRejected{Reason: 200})
	want := Counters{LengthErrors: 2, TTLErrors: 1, VersionErrors: 1, InvalidAuthTypes: 1, AuthTypeMismatches: 1,
		AuthFailures: 3, IntervalErrors: 1, InvalidTypeErrors: 1, ChecksumErrors: 1, AddressListErrors: 2, TrailersMissing: 1,
		TrailersMalformed: 1, KeysUnknown: 1, HMACFailures: 1, Stale: 1, Replayed: 1, NotPeers: 1, OwnerIgnored: 1}
	if diff := cmp.Diff(want, r.counters); diff != "" {
		t.Errorf("counters (-want +got)\n%s", diff)
	}
}

// TestAddressListDiffers: the advert is accepted, counted and reported once.
func TestAddressListDiffers(t *testing.T) {
	other := netip.MustParseAddr("10.77.0.77")
	for _, tt := range []struct {
		name   string
		theirs []netip.Addr
		skip   bool
		differ bool
	}{
		{"same", []netip.Addr{vip100, vip101}, false, false},
		{"another order", []netip.Addr{vip101, vip100}, false, false},
		{"another address", []netip.Addr{vip100, other}, false, true},
		{"fewer", []netip.Addr{vip100}, false, true},
		{"none", nil, false, true},
		{"another address with skip_check_adv_addr", []netip.Addr{vip100, other}, true, false},
		{"fewer with skip_check_adv_addr", []netip.Addr{vip100}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, spec2(func(s *InstanceSpec) {
				s.Addresses = append(s.Addresses, Address{Prefix: netip.PrefixFrom(vip101, 24)})
				s.SkipCheckAdvAddr = tt.skip
			})).up().hear(200).forget()
			ev := r.advert(200, routerA)
			ev.Advert.Addresses = tt.theirs
			r.do(ev).do(ev)
			if got := r.counters.AddressListErrors == 2; got != tt.differ || len(r.lines) == 1 != tt.differ {
				t.Errorf("differ %t, %d errors, reports %q", got, r.counters.AddressListErrors, r.lines)
			}
			if r.counters.AdvertsReceived != 3 {
				t.Errorf("%d adverts received", r.counters.AdvertsReceived)
			}
		})
	}
}

// TestIntervalDiffers: in version 3 another interval is learned and reported once.
func TestIntervalDiffers(t *testing.T) {
	r := newRig(t, spec3(time.Second)).up().hear(200).forget()
	ev := r.advert(200, routerA)
	ev.Advert.Interval = 500 * time.Millisecond
	r.do(ev).do(ev).expect("0s report interval differs from 10.77.0.1 50/100")
	if got := r.Status().MasterInterval; got != 500*time.Millisecond {
		t.Errorf("interval %v", got)
	}
	ev.Advert.Interval = 0 // nonsense is not learned: it would make this router a master at once
	r.do(ev)
	if got := r.Status().MasterInterval; got != 500*time.Millisecond {
		t.Errorf("interval %v", got)
	}
}

// TestStatus: a snapshot tells who the master is.
func TestStatus(t *testing.T) {
	r := newRig(t, spec2()).up().until(time.Second).hear(150)
	want := MachineStatus{
		Name: "VI_1", State: Backup, Want: Backup, Priority: 100, BasePriority: 100, MasterPriority: 150, MasterSource: routerA,
		MasterInterval: time.Second, LinkUp: true, Source: routerB, Counters: Counters{AdvertsReceived: 1},
	}
	if diff := cmp.Diff(want, r.Status(), addrCmp); diff != "" {
		t.Errorf("backup (-want +got)\n%s", diff)
	}
	r.until(10 * time.Second)
	want.State, want.Want, want.MasterPriority, want.MasterSource, want.AddressesPresent = Master, Master, 0, netip.Addr{}, true
	want.LastTransition = Instant(4609375 * time.Microsecond)
	want.Counters.AdvertsSent, want.Counters.BecameMaster = 6, 1
	if diff := cmp.Diff(want, r.Status(), addrCmp); diff != "" {
		t.Errorf("master (-want +got)\n%s", diff)
	}
	r.do(Stop{})
	want.State, want.Want, want.Resigning, want.LastTransition = Init, Init, true, Instant(10*time.Second)
	want.Counters.AdvertsSent, want.Counters.PriorityZeroSent, want.Counters.ReleasedMaster = 7, 1, 1
	if diff := cmp.Diff(want, r.Status(), addrCmp); diff != "" {
		t.Errorf("resigning (-want +got)\n%s", diff)
	}
}
