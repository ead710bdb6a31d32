package election

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/vrrp/wire"
)

// TestStopLimit: at every interval a stop ends within the limit, a successor that is heard at the last moment included,
// and without one not before it must have spoken.
func TestStopLimit(t *testing.T) {
	intervals := func(version uint8) (list []time.Duration) {
		if version == 2 {
			for s := 1; s <= 255; s++ {
				list = append(list, time.Duration(s)*time.Second)
			}
			return list
		}
		for cs := 1; cs <= 4095; cs++ {
			list = append(list, time.Duration(cs)*wire.Centisecond)
		}
		return list
	}
	for _, version := range []uint8{2, 3} {
		for _, interval := range intervals(version) {
			spec := spec2(func(s *InstanceSpec) { s.Version, s.AdvertInterval = version, interval })
			slowest := spec.skewTime(1, interval)
			stopped := func(heard bool) time.Duration {
				r := newRig(t, spec).master()
				begin := r.clock
				r.do(Stop{})
				d, _ := r.Deadline()
				if heard {
					r.until(time.Duration(d) - 1).hear(1)
				}
				r.until(begin + time.Hour)
				if last := r.lines[len(r.lines)-1]; !strings.HasSuffix(last, " stopped") {
					t.Fatalf("v%d, %v: %q", version, interval, last)
				}
				d2, _ := time.ParseDuration(strings.Fields(r.lines[len(r.lines)-1])[0])
				return d2 - begin
			}
			alone, succeeded := stopped(false), stopped(true)
			if alone < slowest || alone > spec.StopLimit() || succeeded > spec.StopLimit() || succeeded < alone {
				t.Fatalf("v%d, %v: %v alone, %v with a late successor; skew %v, limit %v", version, interval, alone, succeeded,
					slowest, spec.StopLimit())
			}
		}
	}
	for _, tt := range []struct {
		spec InstanceSpec
		want time.Duration
	}{
		{spec2(), 1296093750 * time.Nanosecond},
		{spec2(func(s *InstanceSpec) { s.AdvertInterval = 255 * time.Second }), 1296093750 * time.Nanosecond},
		{spec3(10 * time.Second), 10260937500 * time.Nanosecond}, // 10.06 s without a successor
		{spec3(40950 * time.Millisecond), 41090039062 * time.Nanosecond},
	} {
		if got := tt.spec.StopLimit(); got != tt.want {
			t.Errorf("v%d, %v: %v, want %v", tt.spec.Version, tt.spec.AdvertInterval, got, tt.want)
		}
	}
	if got := (Spec{}).StopLimit(); got != 0 {
		t.Errorf("nothing to stop takes %v", got)
	}
	slow := instance("slow", 1)
	slow.Version, slow.AdvertInterval = 3, 20*time.Second
	spec := specOf(instance("fast", 2), slow)
	r := newEngineRig(t).apply(spec.Instances...).until(2 * time.Minute).apply(instance("fast", 2)) // the slow one resigns
	if got := r.StopLimit(); got != spec.StopLimit() || got != slow.StopLimit() {
		t.Errorf("%v, %v, %v", got, spec.StopLimit(), slow.StopLimit())
	}
}

// TestStopAtOnce releases everything before it returns, whatever state it finds.
func TestStopAtOnce(t *testing.T) {
	resign := []string{"4s A send 0", "4s A report sent 0", "4s A MASTER→INIT (stop) priority 100", "4s A cancel announcements"}
	masters := func() *engineRig { return newEngineRig(t).apply(instance("A", 1)).until(4 * time.Second).forget() }
	check := func(name string, r *engineRig, want ...string) {
		t.Helper()
		r.record(r.StopAtOnce(Instant(r.clock)))
		if !r.Idle() {
			t.Errorf("%s: not idle", name)
		}
		if !slices.Equal(r.lines, want) {
			t.Errorf("%s: %q", name, r.lines)
		}
	}
	check("master", masters(), append(slices.Clone(resign), "4s A release", "4s A stopped")...)
	r := masters()
	check("resigning", r.record(r.Stop(Instant(r.clock))).until(4500*time.Millisecond).forget(), "4.5s A release", "4.5s A stopped")
	check("in its grace", masters().hear("A", 200).forget(), "4s A BACKUP→INIT (stop) priority 100", "4s A release", "4s A stopped")
	moved := instance("A", 2)
	moved.Addresses = instance("A", 1).Addresses
	check("one that waits", masters().apply(moved).forget(), "4s A release", "4s A stopped")
	check("a group", newEngineRig(t).apply(instance("G.a", 1), instance("G.b", 2)).forget(),
		"0s G.a BACKUP→INIT (stop) priority 100", "0s G.a stopped", "0s G.b BACKUP→INIT (stop) priority 100", "0s G.b stopped",
		"0s group G BACKUP→INIT")
}

// TestSyncGroupStopsTogether: the members hold their addresses as long as the slowest, for the successors wait for each
// other; routers outside the group do not wait.
func TestSyncGroupStopsTogether(t *testing.T) {
	v3 := func(interval time.Duration) func(*InstanceSpec) {
		return func(s *InstanceSpec) { s.Version, s.AdvertInterval = 3, interval }
	}
	released := func(t *testing.T, change func(*engineRig)) map[string]string {
		r := newEngineRig(t).apply(instance("G.fast", 1, v3(100*time.Millisecond)), instance("G.slow", 2, v3(4*time.Second)),
			instance("alone", 3, v3(100*time.Millisecond))).until(20 * time.Second).forget()
		change(r)
		r.until(time.Minute)
		at := make(map[string]string)
		for _, l := range r.lines {
			if f := strings.Fields(l); f[2] == "release" {
				at[f[1]] = f[0]
			}
		}
		return at
	}
	for _, tt := range []struct {
		name   string
		change func(*engineRig)
		want   map[string]string
	}{
		{"all stop", func(r *engineRig) { r.record(r.Stop(Instant(r.clock))) },
			map[string]string{"G.fast": "24.084375s", "G.slow": "24.084375s", "alone": "20.199609375s"}},
		{"the group is removed", func(r *engineRig) { r.apply(instance("alone", 3, v3(100*time.Millisecond))) },
			map[string]string{"G.fast": "24.084375s", "G.slow": "24.084375s"}},
		{"one member is removed", func(r *engineRig) {
			r.apply(instance("G.slow", 2, v3(4*time.Second)), instance("alone", 3, v3(100*time.Millisecond)))
		}, map[string]string{"G.fast": "20.199609375s"}},
		{"one member stops by itself", func(r *engineRig) { r.do("G.fast", Stop{}) }, map[string]string{"G.fast": "20.199609375s"}},
		{"a successor of the fast one is heard", func(r *engineRig) {
			r.record(r.Stop(Instant(r.clock))).until(21*time.Second).hear("G.fast", 7)
		}, map[string]string{"G.fast": "21.2s", "G.slow": "24.084375s", "alone": "20.199609375s"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := released(t, tt.change); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("released at %v, want %v", got, tt.want)
			}
		})
	}
}

// TestOwnerDemotedDuringStartupDelay: it listens first, and so does its sync group.
func TestOwnerDemotedDuringStartupDelay(t *testing.T) {
	owner := func(s *InstanceSpec) { s.Priority, s.StartMaster = 255, true }
	delayed := func(confparse.InstanceName) Started {
		return Started{LinkUp: true, Source: routerB, Delay: 4 * time.Second}
	}
	t.Run("alone", func(t *testing.T) {
		r := newEngineRig(t)
		r.started = delayed
		r.apply(instance("A", 1, owner)).until(2*time.Second).forget().apply(instance("A", 1)).expect("2s A configure",
			"2s A report priority 255/100", "2s A INIT→BACKUP (start) priority 100 initial")
		r.until(7609 * time.Millisecond).expect().until(7610 * time.Millisecond).expectStates("A=MASTER")
	})
	t.Run("hears a master", func(t *testing.T) {
		r := newEngineRig(t)
		r.started = delayed
		r.apply(instance("A", 1, owner)).until(2 * time.Second).apply(instance("A", 1))
		for at := 5 * time.Second; at < 20*time.Second; at += time.Second {
			r.until(at).hear("A", 150).expectStates("A=BACKUP")
		}
	})
	t.Run("still the owner", func(t *testing.T) {
		r := newEngineRig(t)
		r.started = delayed
		r.apply(instance("A", 1, owner)).until(2 * time.Second).apply(instance("A", 1, owner, func(s *InstanceSpec) { s.GARP.MasterRepeat = 2 }))
		r.until(3999 * time.Millisecond).expectStates("A=INIT").until(4 * time.Second).expectStates("A=MASTER")
	})
	t.Run("a member of a group of owners", func(t *testing.T) {
		r := newEngineRig(t)
		r.started = delayed
		r.apply(instance("G.a", 1, owner), instance("G.b", 2, owner)).until(2 * time.Second).expectStates("G.a=INIT G.b=INIT [G=INIT]")
		r.apply(instance("G.a", 1, owner), instance("G.b", 2)).expectStates("G.a=BACKUP G.b=BACKUP [G=BACKUP]")
		r.until(7 * time.Second).expectStates("G.a=BACKUP G.b=BACKUP [G=BACKUP]").until(8 * time.Second).
			expectStates("G.a=MASTER G.b=MASTER [G=MASTER]")
	})
	t.Run("a group of owners", func(t *testing.T) {
		r := newEngineRig(t)
		r.started = delayed
		r.apply(instance("G.a", 1, owner), instance("G.b", 2, owner)).until(4 * time.Second).expectStates("G.a=MASTER G.b=MASTER [G=MASTER]")
	})
	t.Run("a fault of one member", func(t *testing.T) {
		r := newEngineRig(t)
		r.started = delayed
		r.apply(instance("G.a", 1, owner), instance("G.b", 2, owner)).until(2*time.Second).do("G.b", LinkChanged{})
		r.expectStates("G.a=FAULT G.b=FAULT [G=FAULT]").do("G.b", LinkChanged{Up: true}).expectStates("G.a=BACKUP G.b=BACKUP [G=BACKUP]")
	})
}
