package election

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigil/internal/track"
)

// TestKeepalivedTiming: scenarios that were timed with keepalived 2.2.7 on a wire, in simulated time. keepalived's times
// include its scheduling; the exact ones below are what its timers are set to.
func TestKeepalivedTiming(t *testing.T) {
	// firstAdvert runs r until it sends an advert with a priority and returns when that was, counted from now.
	firstAdvert := func(r *rig) time.Duration {
		start := r.clock
		r.forget()
		for r.clock < start+time.Minute {
			d, ok := r.Deadline()
			if !ok {
				break
			}
			r.until(time.Duration(d))
			for _, l := range r.lines {
				if _, act, _ := strings.Cut(l, " "); strings.HasPrefix(act, "send ") && act != "send 0" {
					return r.clock - start
				}
			}
		}
		t.Fatalf("no advert within a minute: %q", r.lines)
		return 0
	}
	near := func(t *testing.T, got, want time.Duration) {
		t.Helper()
		if d := got - want; d < -time.Millisecond || d > time.Millisecond {
			t.Errorf("%v, want %v", got, want)
		}
	}
	const ms = time.Millisecond
	owner := spec2(priority(255), func(s *InstanceSpec) { s.StartMaster = true })

	t.Run("v2 master stops, backup of priority 50 follows", func(t *testing.T) {
		r := newRig(t, spec2(priority(50))).up().until(time.Second).hear(100)
		near(t, firstAdvert(r.hear(0)), 805*ms)
	})
	t.Run("v3 master at 0.5 s stops, backup configured for 1 s follows and sends its own interval", func(t *testing.T) {
		r := newRig(t, spec3(time.Second)).up()
		a := r.advert(200, routerA)
		a.Advert.Interval = 500 * ms
		r.do(a).until(300 * ms)
		a.Advert.Priority = 0
		near(t, firstAdvert(r.do(a)), 305*ms)
		if d := r.timers.advert; time.Duration(d)-r.clock != time.Second {
			t.Errorf("next advert after %v", time.Duration(d)-r.clock)
		}
	})
	t.Run("v3 master at 0.2 s dies in silence", func(t *testing.T) {
		r := newRig(t, spec3(200*ms)).up().until(100 * ms).hear(200)
		near(t, firstAdvert(r), 722*ms)
	})
	t.Run("alone with state MASTER and priority 100", func(t *testing.T) {
		near(t, firstAdvert(newRig(t, spec2()).up()), 3609*ms)
	})
	t.Run("owner", func(t *testing.T) {
		newRig(t, owner).up().expectState(Master)
		waiting := owner
		waiting.StartMaster = false
		near(t, firstAdvert(newRig(t, waiting).up()), 3004*ms)
	})
	t.Run("the first frame of a new master is the advert", func(t *testing.T) {
		r := newRig(t, spec2()).up()
		firstAdvert(r)
		send, announce := -1, -1
		for i, l := range r.lines {
			switch {
			case strings.HasSuffix(l, "send 100"):
				send = i
			case strings.Contains(l, "announce"):
				announce = i
			}
		}
		if send != 0 || announce < send {
			t.Errorf("order %q", r.lines)
		}
	})
	t.Run("equal priority is decided by address, without priority 0", func(t *testing.T) {
		r := newRig(t, spec2()).master().do(newRig(t, spec2()).advert(100, routerC)).expectState(Backup)
		for _, l := range r.lines {
			if strings.Contains(l, "send 0") {
				t.Error(l)
			}
		}
	})
	t.Run("of two equal backups the first to expire stays", func(t *testing.T) {
		newRig(t, spec2()).up().until(3600 * ms).hear(100).until(3700 * ms).expectState(Backup)
	})
	t.Run("fed with priority 50 from the start it still takes over", func(t *testing.T) {
		r := newRig(t, spec2()).up()
		for r.Status().State != Master && r.clock < time.Minute {
			r.until(r.clock + time.Second).hear(50)
		}
		near(t, time.Duration(r.Status().LastTransition), 3609*ms)
	})
	t.Run("preempt_delay 3 with a master every second", func(t *testing.T) {
		r := newRig(t, spec2(priority(150), func(s *InstanceSpec) { s.PreemptDelay = 3 * time.Second })).up()
		for r.Status().State != Master && r.clock < time.Minute {
			r.hear(100).until(r.clock + time.Second)
		}
		near(t, time.Duration(r.Status().LastTransition), 6414*ms)
	})
	t.Run("nopreempt of priority 150 follows a stopped master in its skew time", func(t *testing.T) {
		r := newRig(t, spec2(priority(150), func(s *InstanceSpec) { s.NoPreempt = true })).up().hear(100).until(time.Second).hear(0)
		near(t, firstAdvert(r), 414*ms)
	})
	t.Run("an address is deleted", func(t *testing.T) {
		near(t, firstAdvert(newRig(t, spec2()).master().do(ResourcesLost{})), 609*ms)
	})
	t.Run("a weighted interface fails: no extra packet, the next advert carries the new priority", func(t *testing.T) {
		tracked := spec2(func(s *InstanceSpec) { s.Trackers = []TrackSpec{{ID: eth1, Weight: -30}} })
		r := newRig(t, tracked).master().do(TrackerChanged{eth1, track.Down}).expect("3.609375s report priority 100/70")
		r.until(4700 * ms).expect("4.609375s send 70")
	})
	t.Run("a sync group follows its slowest member", func(t *testing.T) {
		r := newEngineRig(t).apply(instance("G.a", 1, priority(110)), instance("G.b", 2)).until(3609 * ms)
		r.expectStates("G.a=BACKUP G.b=BACKUP [G=BACKUP]").until(3610 * ms).expectStates("G.a=MASTER G.b=MASTER [G=MASTER]")
	})
	t.Run("link down and up", func(t *testing.T) {
		r := newRig(t, spec2()).master().do(LinkChanged{}).expectState(Fault).until(10 * time.Second).do(LinkChanged{Up: true})
		near(t, firstAdvert(r), 3609*ms)
		r = newRig(t, owner).up().do(LinkChanged{}).do(LinkChanged{Up: true})
		near(t, firstAdvert(r), 3004*ms)
	})
	t.Run("vrrp_startup_delay 4", func(t *testing.T) {
		r := newRig(t, spec2()).do(Started{LinkUp: true, Source: routerB, Delay: 4 * time.Second})
		near(t, firstAdvert(r), 7609*ms)
	})
	t.Run("reload with another priority: one advert, addresses stay", func(t *testing.T) {
		r := newEngineRig(t).apply(instance("A", 1)).until(4 * time.Second).forget()
		r.apply(instance("A", 1, priority(120))).expect("4s A configure", "4s A report priority 100/120", "4s A send 120")
	})
	t.Run("garp_master_refresh 2", func(t *testing.T) {
		r := newRig(t, spec2(func(s *InstanceSpec) { s.GARP.MasterRefresh = 2 * time.Second })).master()
		r.until(8 * time.Second)
		var got []string
		for _, l := range r.lines {
			if strings.Contains(l, "announce") {
				got = append(got, l)
			}
		}
		if strings.Join(got, ",") != "5.609375s announce ×1,7.609375s announce ×1" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("two owners: the lower address yields", func(t *testing.T) {
		r := newRig(t, owner).up().forget()
		r.do(r.advert(255, routerA)).expectState(Master)
		r.do(r.advert(255, netip.MustParseAddr("10.77.0.3"))).expectState(Backup)
	})
}
