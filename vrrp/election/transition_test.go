package election

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/internal/track"
)

// TestHandOver_Stop: priority 0 first, addresses last; they stay until a successor was heard and 200 ms passed, in
// which nobody is told any more who has them.
func TestHandOver_Stop(t *testing.T) {
	resign := []string{"3.609375s send 0", "3.609375s report sent 0", "3.609375s MASTER→INIT (stop) priority 100",
		"3.609375s cancel announcements"}
	t.Run("nobody heard", func(t *testing.T) {
		r := newRig(t, spec2()).master().do(Stop{}).expect(resign...)
		r.until(time.Minute).expect("4.70546875s release", "4.70546875s stopped")
	})
	t.Run("successor heard", func(t *testing.T) {
		r := newRig(t, spec2()).master().do(Stop{}).forget()
		r.until(4 * time.Second).hear(50).until(4100 * time.Millisecond).hear(50).expect("4s quiet") // only the first one counts
		r.until(time.Minute).expect("4.2s release", "4.2s stopped")
	})
	t.Run("successor heard at the last moment", func(t *testing.T) {
		r := newRig(t, spec2()).master().do(Stop{}).forget()
		r.until(4700*time.Millisecond).hear(1).until(time.Minute).expect("4.7s quiet", "4.9s release", "4.9s stopped")
	})
	t.Run("others that resign or echo are no successors", func(t *testing.T) {
		r := newRig(t, spec2()).master().do(Stop{}).forget()
		r.until(4 * time.Second).hear(0).do(r.advert(100, routerB))
		wrong := r.advert(200, routerA)
		wrong.Advert.Version = 3
		r.do(wrong).forget()
		r.until(time.Minute).expect("4.70546875s release", "4.70546875s stopped")
	})
	t.Run("answers no election", func(t *testing.T) {
		newRig(t, spec2()).master().do(Stop{}).forget().hear(0).hear(1).hear(200).do(Stop{}).
			do(TrackerChanged{eth1, track.Down}).do(SpecChanged{spec2(priority(7))}).do(ResourcesLost{}).expect("3.609375s quiet")
	})
	t.Run("link lost: nothing to wait for", func(t *testing.T) {
		newRig(t, spec2()).master().do(Stop{}).forget().do(LinkChanged{}).expect("3.609375s release", "3.609375s stopped")
	})
	t.Run("backup", func(t *testing.T) {
		newRig(t, spec2()).up().forget().do(Stop{}).expect("0s BACKUP→INIT (stop) priority 100", "0s stopped")
	})
	t.Run("backup in its grace", func(t *testing.T) {
		r := newRig(t, spec2()).master().hear(200).forget().do(Stop{}).
			expect("3.609375s BACKUP→INIT (stop) priority 100")
		r.until(time.Minute).expect("3.809375s release", "3.809375s stopped")
	})
	t.Run("fault", func(t *testing.T) {
		newRig(t, spec2()).do(Started{}).forget().do(Stop{}).expect("0s FAULT→INIT (stop) priority 100", "0s stopped")
	})
	t.Run("unstarted: what an earlier life has left goes", func(t *testing.T) {
		r := newRig(t, spec2()).do(Stop{}).expect("0s release", "0s stopped")

		r.up().hear(1).until(time.Hour).expect() // nothing happens after the end
	})
}

// TestHandOver_Yield: the addresses stay 200 ms after a higher master was heard.
func TestHandOver_Yield(t *testing.T) {
	r := newRig(t, spec2()).master().hear(200).forget()
	r.until(3809374 * time.Microsecond).expect().until(3809375 * time.Microsecond).expect("3.809375s release")

	t.Run("master again within the grace", func(t *testing.T) {
		r := newRig(t, spec3(10*time.Millisecond)).master().hear(200).forget()
		// It answers for its addresses again, and the neighbours must learn where they are.
		r.until(100*time.Millisecond).expect("72.1875ms send 100", "72.1875ms report timeout",
			"72.1875ms BACKUP→MASTER (timeout) priority 100", "72.1875ms install", "72.1875ms announce ×1",
			"82.1875ms send 100", "92.1875ms send 100")
	})
	t.Run("fault within the grace", func(t *testing.T) {
		newRig(t, spec2()).master().hear(200).forget().do(LinkChanged{}).
			expect("3.609375s BACKUP→FAULT (fault) priority 100", "3.609375s release")
	})
	t.Run("address lost within the grace", func(t *testing.T) {
		newRig(t, spec2()).master().hear(200).forget().do(ResourcesLost{}).expect("3.609375s release")
	})
	t.Run("installing failed within the grace", func(t *testing.T) {
		newRig(t, spec2()).master().hear(200).forget().done(spec2().Addresses[0]).expect("3.609375s report failed 10.77.0.100/32")
	})
}

// TestHandOver_PassOn: a master that is replaced while it is alive goes on serving for its grace, so what it knows and we
// do not is passed on to it. A silent one is dead.
func TestHandOver_PassOn(t *testing.T) {
	passOn := "pass on to " + routerA.String() + " for 180ms"
	passes := func(r *rig) bool {
		return slices.ContainsFunc(r.lines, func(l string) bool { return strings.HasSuffix(l, passOn) })
	}
	for _, tt := range []struct {
		name string
		want bool
		play func(*rig)
	}{
		{"it resigned", true, func(r *rig) { r.hear(200).hear(0) }},
		{"it resigned and was not heard before", true, func(r *rig) { r.hear(0) }},
		{"we preempt it", true, func(r *rig) {
			for at := time.Second; at < 3500*time.Millisecond; at += time.Second {
				r.until(at).hear(50)
			}
		}},
		{"it fell silent", false, func(r *rig) { r.hear(200) }},
		{"there was none", false, func(*rig) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, spec2()).up()
			tt.play(r)
			if r.until(4 * time.Second).expectState(Master); passes(r) != tt.want {
				t.Errorf("passed on: %v, want %v\n%s", passes(r), tt.want, strings.Join(r.lines, "\n"))
			}
		})
	}
	t.Run("before the addresses come", func(t *testing.T) {
		r := newRig(t, spec2()).up().hear(0).forget()
		r.until(609375*time.Microsecond).expect("609.375ms send 100", "609.375ms report timeout",
			"609.375ms BACKUP→MASTER (timeout) priority 100", "609.375ms "+passOn, "609.375ms install", "609.375ms announce ×1")
	})
}

// TestMetMaster_PassOn: a master that a lower one meets again has what that one knows passed on to it, once, until it has not been
// heard for as long as it takes a router to be MASTER.
func TestMetMaster_PassOn(t *testing.T) {
	passes := func(r *rig) (n int) {
		for _, l := range r.lines {
			if strings.HasSuffix(l, "pass on to "+routerA.String()+", that we met, for 180ms") {
				n++
			}
		}
		return n
	}
	r := newRig(t, spec2()).master()
	for i := range 9 { // it does not hear us, or somebody forges it
		r.until(time.Duration(4+i) * time.Second).hear(50)
	}
	if n := passes(r); n != 1 {
		t.Errorf("one that goes on: %d times", n)
	}
	if r.until(12*time.Second + 3600*time.Millisecond).hear(50); passes(r) != 1 {
		t.Error("again after a silence that is no longer than before a take-over")
	}
	if r.until(20 * time.Second).hear(50); passes(r) != 2 {
		t.Error("one that is met again is not")
	}
	preempted := newRig(t, spec2()).up()
	for at := time.Second; at < 3500*time.Millisecond; at += time.Second {
		preempted.until(at).hear(50)
	}
	for name, r := range map[string]*rig{
		"it speaks once more when it is replaced": preempted.until(3650 * time.Millisecond).expectState(Master).hear(50),

		"it hears nothing of us": newRig(t, spec2(func(s *InstanceSpec) { s.LowerPriorityNoAdvert = true })).master().hear(50),
		"it is better":           newRig(t, spec2()).master().hear(200),
		"it resigns":             newRig(t, spec2()).master().hear(0),
	} {
		if passes(r) != 0 {
			t.Errorf("%s: it is passed on all the same", name)
		}
	}
}

// TestFault: each reason resigns at once, without grace, and the last one to go brings back BACKUP.
func TestFault(t *testing.T) {
	down := []string{"3.609375s send 0", "3.609375s report sent 0", "3.609375s MASTER→FAULT (fault) priority 100",
		"3.609375s cancel announcements", "3.609375s release"}
	tracked := spec2(func(s *InstanceSpec) { s.Trackers = []TrackSpec{{ID: eth1}, {ID: eth2}} })
	for _, tt := range []struct {
		name      string
		spec      InstanceSpec
		bad, good Event
	}{
		{"link", spec2(), LinkChanged{}, LinkChanged{Up: true}},
		{"source", spec2(), SourceChanged{}, SourceChanged{routerB}},
		{"tracked interface", tracked, TrackerChanged{eth1, track.Down}, TrackerChanged{eth1, track.Up}},
		{"reverse", spec2(func(s *InstanceSpec) {
			s.Trackers = []TrackSpec{{ID: eth1, Reverse: true}}
		}), TrackerChanged{eth1, track.Up}, TrackerChanged{eth1, track.Down}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.spec)
			r.do(tt.good).master().do(tt.bad).expect(down...)
			if _, ok := r.Deadline(); ok {
				t.Error("a deadline in FAULT")
			}
			r.hear(1).do(tt.good).expect("3.609375s FAULT→BACKUP (fault cleared) priority 100")
			r.until(7218749 * time.Microsecond).expectState(Backup).until(7218750 * time.Microsecond).expectState(Master)
		})
	}
	t.Run("all reasons must go", func(t *testing.T) {
		r := newRig(t, tracked).master()
		r.do(TrackerChanged{eth1, track.Down}).do(TrackerChanged{eth2, track.Down}).do(LinkChanged{}).expectState(Fault)
		r.do(TrackerChanged{eth1, track.Up}).expectState(Fault)
		r.do(TrackerChanged{eth2, track.Up}).expectState(Fault)
		r.do(LinkChanged{Up: true}).expectState(Backup)
	})
	t.Run("dont_track_primary", func(t *testing.T) {
		newRig(t, spec2(func(s *InstanceSpec) { s.TrackLink = false })).master().do(LinkChanged{}).expect()
	})
	t.Run("another source address is used in silence", func(t *testing.T) {
		r := newRig(t, spec2()).master().do(SourceChanged{netip.MustParseAddr("10.77.0.200")})
		r.do(r.advert(100, netip.MustParseAddr("10.77.0.3"))).expectState(Master)
	})
	t.Run("a tracker known before the start", func(t *testing.T) {
		newRig(t, tracked).do(TrackerChanged{eth2, track.Down}).up().
			expect("0s release", "0s INIT→FAULT (fault) priority 100 initial")
	})
	t.Run("learned interval is forgotten", func(t *testing.T) {
		r := newRig(t, spec3(time.Second)).up()
		a := r.advert(200, routerA)
		a.Advert.Interval = 5 * time.Second
		r.do(a).do(LinkChanged{}).do(LinkChanged{Up: true})
		if got := r.Status().MasterInterval; got != time.Second {
			t.Errorf("interval %v", got)
		}
	})
}

// TestResourceLost: as keepalived does, a MASTER that lost something resigns and stands again after its skew time.
func TestResourceLost(t *testing.T) {
	r := newRig(t, spec2()).master().do(ResourcesLost{})
	r.expect("3.609375s send 0", "3.609375s report sent 0", "3.609375s MASTER→BACKUP (resource lost) priority 100",
		"3.609375s cancel announcements", "3.609375s release")
	r.until(4218750*time.Microsecond).expect("4.21875s send 100", "4.21875s report timeout",
		"4.21875s BACKUP→MASTER (timeout) priority 100", "4.21875s install", "4.21875s announce ×1")
	newRig(t, spec2()).up().forget().do(ResourcesLost{}).expect()
}

// TestResume: a process that comes back before the first of the others, one of priority 254, takes over goes on as MASTER;
// anything in the way makes it release first.
func TestResume(t *testing.T) {
	resume := Started{LinkUp: true, Source: routerB, Silence: time.Second, Delay: time.Minute}
	newRig(t, spec2()).do(resume).expect("0s send 100", "0s INIT→MASTER (resume) priority 100 initial", "0s install",
		"0s announce ×1")
	for _, tt := range []struct {
		spec  InstanceSpec
		limit time.Duration
	}{
		{spec2(), 3*time.Second + 2*time.Second/256},
		{spec2(priority(1)), 3*time.Second + 2*time.Second/256},
		{spec2(func(s *InstanceSpec) { s.DownTimerAdverts = 2; s.AdvertInterval = 5 * time.Second }), 10*time.Second + 2*time.Second/256},
		{spec3(100 * time.Millisecond), 300*time.Millisecond + 2*100*time.Millisecond/256},
		{spec3(40950 * time.Millisecond), 3*40950*time.Millisecond + 2*40950*time.Millisecond/256},
	} {
		for silence, want := range map[time.Duration]State{-1: Backup, 0: Backup, 1: Master, tt.limit - 1: Master, tt.limit: Backup} {
			late := resume
			late.Silence = silence
			newRig(t, tt.spec).do(late).expectState(want)
		}
	}
	late := resume
	late.Silence = time.Minute
	newRig(t, spec2()).do(late).expect("0s release", "0s INIT→BACKUP (start) priority 100 initial")
	resume.LinkUp = false
	newRig(t, spec2()).do(resume).expect("0s release", "0s INIT→FAULT (fault) priority 100 initial")
}

// TestSpecChanged: a reload in place keeps the state.
func TestSpecChanged(t *testing.T) {
	third := Address{Prefix: netip.MustParsePrefix("10.77.0.102/24"), Link: "eth0"}
	with := func(advertised []Address, excluded ...Address) InstanceSpec {
		return spec2(func(s *InstanceSpec) { s.Addresses, s.Excluded = advertised, excluded })
	}

	for _, tt := range []struct {
		name     string
		from, to InstanceSpec
		want     []string
	}{
		{"priority", spec2(), spec2(priority(120)),
			[]string{"3.609375s report priority 100/120", "3.609375s send 120"}},
		{"addresses", with([]Address{first, second}), with([]Address{first, third}), []string{"3.609375s send 100",
			"3.609375s install -10.77.0.101/24", "3.609375s announce ×1 10.77.0.102"}},
		{"an address moves to the excluded ones", with([]Address{first, second}), with([]Address{first}, second),
			[]string{"3.609375s send 100"}},
		{"attributes of an address", with([]Address{first}), with([]Address{{Prefix: first.Prefix, Link: "eth0", Label: "eth0:1"}}),
			[]string{"3.609375s send 100", "3.609375s install -10.77.0.100/32",
				"3.609375s announce ×1"}},
		{"an interface that is down is tracked", spec2(), spec2(func(s *InstanceSpec) {
			s.Trackers = []TrackSpec{{ID: eth1}}
		}), []string{"3.609375s send 100", "3.609375s send 0", "3.609375s report sent 0",
			"3.609375s MASTER→FAULT (fault) priority 100", "3.609375s cancel announcements", "3.609375s release"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			newRig(t, tt.from).do(TrackerChanged{eth1, track.Down}).master().do(SpecChanged{tt.to}).expect(tt.want...)
		})
	}
	t.Run("backup restarts its timer", func(t *testing.T) {
		r := newRig(t, spec2()).up().until(2 * time.Second).do(SpecChanged{spec2(priority(200))}).forget()
		r.until(5218749 * time.Microsecond).expectState(Backup).until(5218750 * time.Microsecond).expectState(Master)
	})
	t.Run("in the grace the installed addresses follow", func(t *testing.T) {
		r := newRig(t, with([]Address{first, second})).master().hear(200).forget()
		r.do(SpecChanged{with([]Address{first, third})}).expect("3.609375s quiet 10.77.0.100 -10.77.0.101/24")
	})
	t.Run("backup has nothing to change", func(t *testing.T) {
		newRig(t, with([]Address{first})).up().forget().do(SpecChanged{with([]Address{second})}).expect()
	})
	t.Run("interval", func(t *testing.T) {
		r := newRig(t, spec2()).master().do(SpecChanged{spec2(func(s *InstanceSpec) { s.AdvertInterval = 3 * time.Second })})
		if got := r.Status().MasterInterval; got != 3*time.Second {
			t.Errorf("interval %v", got)
		}
		if d, _ := r.Deadline(); time.Duration(d) != r.clock+3*time.Second {
			t.Errorf("next advert at %v", time.Duration(d))
		}
	})
	t.Run("before the start", func(t *testing.T) {
		r := newRig(t, spec2()).do(SpecChanged{spec2(priority(50))}).expect()
		r.up().expect("0s release", "0s INIT→BACKUP (start) priority 50 initial")
	})
}

// TestPreemptDelay: the delay begins with the first lower master, a master that is no lower ends it, and its own end
// changes nothing but how lower adverts are taken.
func TestPreemptDelay(t *testing.T) {
	delayed := spec2(priority(150), func(s *InstanceSpec) { s.PreemptDelay = 3 * time.Second })
	r := newRig(t, delayed).up().forget()
	for i := range 10 {
		r.until(time.Second * time.Duration(i+1)).hear(100)
		if r.Status().State == Master {
			break
		}
	}
	// Heard at 1 s, over at 4 s, the last accepted advert at 4 s.
	if got, want := r.Status().LastTransition, Instant(7414062500); got != want {
		t.Errorf("MASTER at %v, want %v", time.Duration(got), time.Duration(want))
	}

	r = newRig(t, delayed).up().forget()
	r.hear(100).until(time.Second).hear(200).expect("0s report preempt delay started from 10.77.0.1",
		"1s report preempt delay stopped from 10.77.0.1")
	r.until(4200 * time.Millisecond).hear(100).expect("4.2s report preempt delay started from 10.77.0.1")

	// A master that dies is succeeded without delay.
	r = newRig(t, delayed).up().hear(100).forget()
	r.until(3414063 * time.Microsecond).expectState(Master)
}

// TestPreemptionWaits: a living master of lower priority is left alone while what preemption waits for is down, and not a moment
// longer; one that dies or resigns is succeeded all the same, and a master does not yield for it.
func TestPreemptionWaits(t *testing.T) {
	eth1 := track.SynchronizationID("eth1")
	waiting := spec2(priority(150), func(s *InstanceSpec) { s.PreemptWhen = eth1 })
	const down = 3414062500 // the Active_Down_Interval
	r := newRig(t, waiting).do(TrackerChanged{eth1, track.Down}).up().forget()
	for i := range 10 {
		r.until(time.Duration(i) * time.Second).hear(100).expectState(Backup)
		if got := r.Explain().Waits; got != eth1 {
			t.Errorf("explained as waiting for %v", got)
		}
	}
	r.expect("0s report preemption waits from 10.77.0.1") // once
	r.do(TrackerChanged{eth1, track.Up})
	if got := r.Explain().Waits; got != (track.ID{}) {
		t.Errorf("still waiting for %v", got)
	}
	r.until(10 * time.Second).hear(100).until(9*time.Second + down - 1).expectState(Backup)
	r.until(9*time.Second + down).expectState(Master) // after the last advert that was accepted
	r.forget().do(TrackerChanged{eth1, track.Down}).hear(100).expectState(Master)

	for name, c := range map[string]struct {
		before func(r *rig)
		at     time.Duration
	}{
		"the master falls silent":     {func(r *rig) {}, down},
		"the master resigns":          {func(r *rig) { r.hear(0) }, 414062500},
		"nothing is known":            {nil, down},
		"it was up from the start":    {func(r *rig) { r.do(TrackerChanged{eth1, track.Up}) }, down},
		"a reload takes the wait out": {func(r *rig) { r.do(SpecChanged{spec2(priority(150))}) }, down},
	} {
		r := newRig(t, waiting)
		if c.before != nil {
			r.do(TrackerChanged{eth1, track.Down})
		}
		r.up().hear(100)
		if c.before != nil {
			c.before(r)
		}
		if r.until(c.at - 1); r.Status().State != Backup || r.until(c.at).Status().State != Master {
			t.Errorf("%s: %v at %v", name, r.Status().State, r.clock)
		}
	}

	owner := newRig(t, spec2(func(s *InstanceSpec) { s.Priority, s.StartMaster, s.PreemptWhen = OwnerPriority, true, eth1 }))
	owner.do(TrackerChanged{eth1, track.Down}).up().expectState(Master)
}

// TestNoPreempt: a higher router joins without taking over, yet succeeds a master that resigns.
func TestNoPreempt(t *testing.T) {
	r := newRig(t, spec2(priority(150), func(s *InstanceSpec) { s.NoPreempt = true })).up()
	for i := range 20 {
		r.until(time.Duration(i) * time.Second).hear(100).expectState(Backup)
	}
	r.hear(0).until(r.clock + 414*time.Millisecond).expectState(Backup).until(r.clock + 415*time.Millisecond).expectState(Master)
}

// TestFaultExitDelay: after the start and after each FAULT nobody is listened to for that long, and then the router waits like any
// other; an owner begins at its end. One that resumes does not wait.
func TestFaultExitDelay(t *testing.T) {
	const delay = 10 * time.Second
	late := func(s *InstanceSpec) { s.FaultExitDelay = delay }
	const patience = 3609375 * time.Microsecond
	r := newRig(t, spec2(late)).up()
	if r.until(delay - 1).hear(200); r.counters.AdvertsReceived != 0 {
		t.Error("it listens before the end of the delay")
	}
	if r.until(delay).hear(200); r.counters.AdvertsReceived != 1 {
		t.Error("it does not listen after the delay")
	}
	r = newRig(t, spec2(late)).up()
	r.until(delay + patience - 1).expectState(Backup)
	r.until(delay + patience).expectState(Master)
	r.do(LinkChanged{Up: false}).expectState(Fault)
	r.until(20 * time.Second).do(LinkChanged{Up: true}).expectState(Backup)
	r.until(25 * time.Second).do(LinkChanged{Up: false}).expectState(Fault)
	r.until(26 * time.Second).do(LinkChanged{Up: true}).expectState(Backup) // from which on it counts anew
	r.until(26*time.Second + delay + patience - 1).expectState(Backup)
	r.until(26*time.Second + delay + patience).expectState(Master)

	owner := newRig(t, spec2(late, func(s *InstanceSpec) { s.Priority, s.StartMaster = OwnerPriority, true })).up()
	owner.until(delay - 1).expectState(Init)
	owner.until(delay).expectState(Master)
}
