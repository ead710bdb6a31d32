package election

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/track"
	"vigil/vrrp/wire"
)

func authPass(s *InstanceSpec) { s.AuthType, s.AuthData = wire.AuthPass, password }

func diffAdverts(t *testing.T, want, got SendAdvert) {
	t.Helper()
	if diff := cmp.Diff(want, got, addrCmp); diff != "" {
		t.Errorf("adverts (-want +got)\n%s", diff)
	}
}

// TestVRRPCase10: excluded addresses are in no advert, and announced like the others.
func TestVRRPCase10(t *testing.T) {
	excluded := []Address{{Prefix: netip.PrefixFrom(vip101, 32), Link: "eth0"}, {Prefix: netip.MustParsePrefix("fd77::102/64"), Link: "eth0"}}
	r := newRig(t, spec2(func(s *InstanceSpec) { s.Excluded = excluded })).up()
	d, _ := r.Deadline()
	actions := r.Step(d, Wake{})
	if ad := sent(t, actions); !slices.Equal(ad.Advert.Addresses, []netip.Addr{vip100}) {
		t.Errorf("advertised: %v", ad.Advert.Addresses)
	}
	var announced []Address
	for _, a := range actions {
		if a, ok := a.(Announce); ok {
			announced = append(announced, a.Addresses...)
		}
	}
	if want := append(slices.Clone(r.spec.Addresses), excluded...); !slices.Equal(announced, want) {
		t.Errorf("announced: %v, want %v", announced, want)
	}
}

// TestVRRPCase11: equal priorities are decided by the address: to the higher one a master yields without a word of priority 0, to
// the lower one it answers at once.
func TestVRRPCase11(t *testing.T) {
	r := newRig(t, spec2()).master()
	r.do(r.advert(100, routerC)).expectState(Backup).until(9 * time.Second)
	if r.occurrences("send 0") > 0 {
		t.Errorf("resigned: %q", r.lines)
	}
	r = newRig(t, spec2()).master()
	r.do(r.advert(100, routerA)).expectState(Master)
	if r.occurrences("send 100") != 1 {
		t.Errorf("no answer: %q", r.lines)
	}
}

// TestVRRPCase12: of two equal backups the first to expire stays MASTER, whatever the addresses.
func TestVRRPCase12(t *testing.T) {
	r := newRig(t, spec2()).up().until(3600 * ms).hear(100)
	for r.clock < time.Minute {
		r.until(r.clock + time.Second).hear(100).expectState(Backup)
	}
}

// TestVRRPCase13: a master of priority 100 answers priority 50 with an advert and a round of announcements; with
// lower_prio_no_advert it only announces.
func TestVRRPCase13(t *testing.T) {
	garp := func(s *InstanceSpec) { s.GARP.LowerPrioRepeat = 1 }
	newRig(t, spec2(garp)).master().hear(50).expect("3.609375s send 100", "3.609375s report lower from 10.77.0.1 50/100",
		"3.609375s pass on to 10.77.0.1, that we met, for 180ms",
		"3.609375s announce ×1")
	newRig(t, spec2(garp, func(s *InstanceSpec) { s.LowerPriorityNoAdvert = true })).master().hear(50).
		expect("3.609375s report lower from 10.77.0.1 50/100", "3.609375s announce ×1")
}

// TestVRRPCase14: a master that receives priority 0 advertises at once, and stays.
func TestVRRPCase14(t *testing.T) {
	newRig(t, spec2()).master().hear(0).expect("3.609375s send 100", "3.609375s report master got priority 0 from 10.77.0.1").
		expectState(Master)
}

// TestVRRPCase15: with higher_prio_send_advert the better master is told once more before this one is BACKUP.
func TestVRRPCase15(t *testing.T) {
	higher := func(send bool) *rig {
		return newRig(t, spec2(func(s *InstanceSpec) { s.HigherPrioritySendAdvert = send })).master().hear(150)
	}
	higher(true).expect("3.609375s send 100", "3.609375s report higher from 10.77.0.1 150/100",
		"3.609375s MASTER→BACKUP (higher priority) priority 100", "3.609375s cancel announcements", "3.609375s quiet")
	if r := higher(false); r.occurrences("send 100") > 0 {
		t.Errorf("without it: %q", r.lines)
	}
}

// TestVRRPCase22: an interface with weight -30 that goes down costs a priority of 100 30 points; one without weight is FAULT.
func TestVRRPCase22(t *testing.T) {
	r := newEngineRig(t).apply(instance("W", 1, tracking(TrackSpec{ID: eth1, Weight: -30})), instance("F", 2, tracking(TrackSpec{ID: eth1}))).
		until(4 * time.Second).expectStates("W=MASTER F=MASTER")
	r.forget().record(r.Track(Instant(r.clock), eth1, track.Down)).expectStates("W=MASTER F=FAULT")
	r.forget().until(5 * time.Second).expect("4.609375s W send 70")
	r.record(r.Track(Instant(r.clock), eth1, track.Up)).forget().until(9 * time.Second).expectStates("W=MASTER F=MASTER")
	if s, _ := r.Status(); s[0].Priority != 100 {
		t.Errorf("priority %d when the interface is back", s[0].Priority)
	}
}

// TestVRRPCase23: of a sync group of priorities 100 and 110 neither announces itself before 3.609 s, and then both do at once.
func TestVRRPCase23(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1, priority(110)), instance("G.b", 2)).forget()
	r.until(3609 * time.Millisecond).expect("3.5703125s G.a report timeout")
	r.until(3610 * time.Millisecond).expectStates("G.a=MASTER G.b=MASTER [G=MASTER]")
	var sent []string
	for _, l := range r.lines {
		if l == "3.609375s G.a send 110" || l == "3.609375s G.b send 100" {
			sent = append(sent, l)
		}
	}
	if len(sent) != 2 {
		t.Errorf("adverts %q of %q", sent, r.lines)
	}
}

// TestVRRPCase34: a reload with another priority is one advert with it, at once; keepalived sends one with the old priority
// before. The addresses stay, nobody is told of a state.
func TestVRRPCase34(t *testing.T) {
	r := newEngineRig(t)
	r.told = true
	r.apply(instance("A", 1)).until(4 * time.Second).forget()
	r.apply(instance("A", 1, priority(120))).expect("4s A configure", "4s A report priority 100/120", "4s A send 120")
}

// TestVRRPCase43: garp_master_refresh 2 announces every 2 s while MASTER.
func TestVRRPCase43(t *testing.T) {
	r := newRig(t, spec2(func(s *InstanceSpec) { s.GARP.MasterRefresh = 2 * time.Second })).master()
	r.until(8 * time.Second)
	got := slices.DeleteFunc(slices.Clone(r.lines), func(l string) bool { return !strings.Contains(l, "announce") })
	if !slices.Equal(got, []string{"5.609375s announce ×1", "7.609375s announce ×1"}) {
		t.Errorf("got %q", got)
	}
	r.hear(200).forget().until(20 * time.Second) // BACKUP until it misses that master
	if n := r.occurrences("announce ×1"); r.lines == nil || n == 0 || !strings.HasPrefix(r.lines[0], "8.2s") {
		t.Errorf("after it has given way: %q", r.lines)
	}
}

// Two owners: the one with the lower address yields.
func TestTwoOwners(t *testing.T) {
	r := newRig(t, spec2(owner)).up()
	r.do(r.advert(255, routerA)).expectState(Master)
	r.do(r.advert(255, routerC)).expectState(Backup)
}
