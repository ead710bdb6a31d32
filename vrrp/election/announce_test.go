package election

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
)

// TestGARPSchedule: a round on the transition, a second after garp_master_delay, then every garp_master_refresh.
func TestGARPSchedule(t *testing.T) {
	const m = 3609375 * time.Microsecond // becomes MASTER
	for _, tt := range []struct {
		name  string
		garp  confparse.GARP
		until time.Duration
		want  map[time.Duration]int // after the transition: rounds
	}{
		{"defaults", confparse.GARP{MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1}, time.Minute,
			map[time.Duration]int{0: 5, 5 * time.Second: 5}},
		{"no second round", confparse.GARP{MasterRepeat: 2}, time.Minute, map[time.Duration]int{0: 2}},
		{"refresh", confparse.GARP{MasterDelay: time.Second, MasterRepeat: 3, MasterRefresh: 2 * time.Second, MasterRefreshRepeat: 1},
			8 * time.Second, map[time.Duration]int{0: 3, time.Second: 3, 3 * time.Second: 1, 5 * time.Second: 1, 7 * time.Second: 1}},
		{"refresh without second round", confparse.GARP{MasterRepeat: 1, MasterRefresh: 3 * time.Second, MasterRefreshRepeat: 2},
			7 * time.Second, map[time.Duration]int{0: 1, 3 * time.Second: 2, 6 * time.Second: 2}},
		{"repeat 0 means 1", confparse.GARP{}, time.Minute, map[time.Duration]int{0: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, spec2(func(s *InstanceSpec) { s.GARP = tt.garp })).up()
			got := make(map[time.Duration]int)
			for r.clock < m+tt.until {
				d, _ := r.Deadline()
				r.clock = time.Duration(d)
				for _, a := range r.Step(d, Wake{}) {
					if a, ok := a.(Announce); ok && r.clock <= m+tt.until {
						got[r.clock-m] += a.Repeat
					}
				}
			}
			if len(got) != len(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			for at, n := range tt.want {
				if got[at] != n {
					t.Errorf("%v: %d rounds, want %d", at, got[at], n)
				}
			}
		})
	}
}

// TestGARPStopsWithMaster: no round of an earlier mastership follows a demotion.
func TestGARPStopsWithMaster(t *testing.T) {
	garp := confparse.GARP{MasterDelay: time.Second, MasterRepeat: 1, MasterRefresh: time.Second, LowerPrioRepeat: 1,
		LowerPrioDelay: time.Second}
	r := newRig(t, spec2(func(s *InstanceSpec) { s.GARP = garp })).master().hear(1).hear(200).forget()
	for range 10 {
		r.until(r.clock + time.Second).hear(200)
	}
	r.expect("3.809375s release")
}

// TestGARPLowerPriority: a lower master is answered with garp_lower_prio_repeat rounds, and again after the delay.
func TestGARPLowerPriority(t *testing.T) {
	garp := confparse.GARP{MasterRepeat: 1, LowerPrioRepeat: 2, LowerPrioDelay: 300 * time.Millisecond}
	r := newRig(t, spec2(func(s *InstanceSpec) { s.GARP = garp })).master().hear(1)
	r.until(4*time.Second).expect("3.609375s send 100", "3.609375s report lower from 10.77.0.1 1/100", "3.609375s pass on to 10.77.0.1, that we met, for 180ms",
		"3.609375s announce ×2", "3.909375s announce ×2")
}

// TestNoAddressesNoAnnouncements: a router without addresses elects all the same.
func TestNoAddressesNoAnnouncements(t *testing.T) {
	r := newRig(t, spec2(func(s *InstanceSpec) { s.Addresses = nil })).up().forget()
	r.until(3609375*time.Microsecond).expect("3.609375s send 100", "3.609375s report timeout",
		"3.609375s BACKUP→MASTER (timeout) priority 100", "3.609375s install")
}

// TestReloadReschedulesRefresh: a new period counts from the reload, and 0 ends it.
func TestReloadReschedulesRefresh(t *testing.T) {
	with := func(refresh time.Duration) InstanceSpec {
		return spec2(func(s *InstanceSpec) { s.AdvertInterval = time.Hour; s.GARP.MasterRefresh = refresh })
	}
	r := newRig(t, spec2(func(s *InstanceSpec) { s.AdvertInterval = time.Hour })).master()
	r.do(SpecChanged{with(time.Minute)}).forget()
	at := r.clock
	r.until(at+2*time.Minute).expect((at+time.Minute).String()+" announce ×1", (at+2*time.Minute).String()+" announce ×1")
	r.do(SpecChanged{with(time.Second)}).forget()
	r.until(r.clock + time.Second).expect(r.clock.String() + " announce ×1")
	r.do(SpecChanged{with(0)}).forget().until(r.clock + 10*time.Minute).expect()
}

// TestAnnouncedAgainAfterTheGrace: until the predecessor stops serving, somebody may learn its address once more. So the
// new master announces again when the grace is over, whatever garp_master_delay says; and in the midst of it, so that nobody
// who learned it before the predecessor knew of its successor is without a master when it goes.
func TestAnnouncedAgainAfterTheGrace(t *testing.T) {
	for _, tt := range []struct {
		name string
		play func(*rig)
		want []string
	}{
		{"it resigned", func(r *rig) { r.hear(200).hear(0) }, []string{"609.375ms announce ×1", "709.375ms announce ×1", "859.375ms announce ×1"}},
		{"it was preempted", func(r *rig) {
			for at := time.Second; at < 4*time.Second; at += time.Second {
				r.until(at).hear(50)
			}
		}, []string{"3.609375s announce ×1", "3.709375s announce ×1", "3.859375s announce ×1"}},
		{"it fell silent, or is slow", func(r *rig) { r.hear(200) }, []string{"3.609375s announce ×1", "3.709375s announce ×1", "3.859375s announce ×1"}},
		{"there was none", func(*rig) {}, []string{"3.609375s announce ×1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, spec2()).up()
			tt.play(r)
			r.until(time.Minute)
			got := slices.DeleteFunc(r.lines, func(l string) bool { return !strings.Contains(l, "announce") })
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	t.Run("not after giving way", func(t *testing.T) {
		r := newRig(t, spec2()).up().hear(0).until(700 * time.Millisecond).hear(200).forget()
		r.until(3 * time.Second).expect("900ms release")
	})
}

// TestLowerMastersAreAnsweredTogether: a flood of lower adverts makes two rounds per interval due, one in the end.
func TestLowerMastersAreAnsweredTogether(t *testing.T) {
	garp := confparse.GARP{MasterRepeat: 1, LowerPrioRepeat: 5, LowerPrioDelay: 3 * time.Second}
	r := newRig(t, spec2(func(s *InstanceSpec) { s.GARP = garp })).master()
	start := r.clock
	for i := range 2000 {
		r.until(start + time.Duration(i)*time.Millisecond).hear(1)
	}
	r.until(start + 10*time.Second)
	var got []string
	for _, l := range r.lines {
		if at, what, _ := strings.Cut(l, " "); what == "announce ×5" {
			d, _ := time.ParseDuration(at)
			got = append(got, (d - start).String())
		}
	}
	// At first, whenever half an interval has passed, once at the end of the interval for the last ones, and 3 s later.
	if want := []string{"0s", "500ms", "1s", "1.5s", "2.5s", "5.5s"}; !slices.Equal(got, want) {
		t.Errorf("rounds after %q, want %q", got, want)
	}
	r.forget().hear(200).until(r.clock + time.Minute)
	if i := slices.IndexFunc(r.lines, func(l string) bool { return strings.Contains(l, "cancel") }); i < 0 {
		t.Error("not cancelled")
	}
}
