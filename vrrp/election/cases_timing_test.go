package election

import (
	"strings"
	"testing"
	"time"
)

// The TestVRRPCase tests are scenarios that were recorded with keepalived 2.2.7 on a wire, in simulated time (docs/conformance.md).
// keepalived's times include its scheduling; the exact ones below are what its timers are set to.

const ms = time.Millisecond

// owner is the address owner: priority 255 and `state MASTER`.
func owner(s *InstanceSpec) { s.Priority, s.StartMaster = 255, true }

// firstAdvert runs the machine until it sends an advert that does not resign and returns how long that takes.
func (r *rig) firstAdvert() time.Duration {
	r.t.Helper()
	start := r.clock
	for r.clock < start+time.Minute {
		r.forget()
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
	r.t.Fatalf("no advert within a minute: %q", r.lines)
	return 0
}

// near reports whether it took as long as the case says, to the millisecond.
func near(t *testing.T, got, want time.Duration) {
	t.Helper()
	if d := got - want; d < -ms || d > ms {
		t.Errorf("%v, want %v", got, want)
	}
}

// occurrences is how many lines say that.
func (r *rig) occurrences(text string) (n int) {
	for _, l := range r.lines {
		if _, what, _ := strings.Cut(l, " "); what == text {
			n++
		}
	}
	return n
}

// TestVRRPCase01: a version 2 master that stops sends one advert of priority 0 that is like the others but for the priority;
// a backup of priority 50 is MASTER 0.805 s later.
func TestVRRPCase01(t *testing.T) {
	m := newRig(t, spec2(authPass)).master()
	d, _ := m.Deadline()
	usual := sent(t, m.Step(d, Wake{}))
	last := sent(t, m.Step(d+Instant(ms), Stop{}))
	if last.Advert.Priority != 0 {
		t.Errorf("resigns with priority %d", last.Advert.Priority)
	}
	last.Advert.Priority = usual.Advert.Priority
	diffAdverts(t, usual, last)
	m.clock = time.Duration(d) + ms
	if m.until(m.clock + time.Minute); m.occurrences("send 0") > 0 {
		t.Errorf("resigns again: %q", m.lines)
	}
	near(t, newRig(t, spec2(priority(50))).up().until(time.Second).hear(100).hear(0).firstAdvert(), 805*ms)
}

// TestVRRPCase02: a version 3 master at 0.5 s stops; a backup that is configured for 1 s follows in the skew time of 0.5 s, and
// sends its own interval.
func TestVRRPCase02(t *testing.T) {
	r := newRig(t, spec3(time.Second)).up()
	a := r.advert(200, routerA)
	a.Advert.Interval = 500 * ms
	r.do(a).until(300 * ms)
	a.Advert.Priority = 0
	near(t, r.do(a).firstAdvert(), 305*ms)
	d := r.timers.advert
	if next := sent(t, r.Step(d, Wake{})); time.Duration(d)-r.clock != time.Second || next.Advert.Interval != time.Second {
		t.Errorf("next advert after %v, of interval %v", time.Duration(d)-r.clock, next.Advert.Interval)
	}
}

// TestVRRPCase03: a version 3 master at 0.2 s dies in silence.
func TestVRRPCase03(t *testing.T) {
	near(t, newRig(t, spec3(200*ms)).up().until(100*ms).hear(200).firstAdvert(), 722*ms)
}

// TestVRRPCase04: alone, with priority 100, the first advert comes after the master-down interval.
func TestVRRPCase04(t *testing.T) {
	near(t, newRig(t, spec2()).up().firstAdvert(), 3609*ms)
}

// TestVRRPCase05: an owner is MASTER at once; with `state BACKUP` it waits like others.
func TestVRRPCase05(t *testing.T) {
	newRig(t, spec2(owner)).up().expectState(Master).expect("0s release", "0s send 255", "0s INIT→MASTER (owner) priority 255 initial",
		"0s install", "0s announce ×1")
	near(t, newRig(t, spec2(priority(255))).up().firstAdvert(), 3004*ms)
}

// TestVRRPCase06: the first frame of a new master is its advert; then come the announcements.
func TestVRRPCase06(t *testing.T) {
	r := newRig(t, spec2()).up()
	r.firstAdvert()
	r.expect("3.609375s send 100", "3.609375s report timeout", "3.609375s BACKUP→MASTER (timeout) priority 100", "3.609375s install",
		"3.609375s announce ×1")
}

// TestVRRPCase16: fed with priority 50 every second from its start, a backup of priority 100 still becomes MASTER.
func TestVRRPCase16(t *testing.T) {
	r := newRig(t, spec2()).up()
	for r.state != Master && r.clock < time.Minute {
		r.until(r.clock + time.Second).hear(50)
	}
	near(t, time.Duration(r.Status().LastTransition), 3609*ms)
}

// TestVRRPCase17: preempt_delay 3 with a lower master every second: a master-down interval after the last advert that was accepted.
func TestVRRPCase17(t *testing.T) {
	r := newRig(t, spec2(priority(150), func(s *InstanceSpec) { s.PreemptDelay = 3 * time.Second })).up()
	for r.state != Master && r.clock < time.Minute {
		r.hear(100).until(r.clock + time.Second)
	}
	near(t, time.Duration(r.Status().LastTransition), 6414*ms)
}

// TestVRRPCase18: nopreempt of priority 150 leaves a master of priority 100 alone, and follows it in its skew time when it stops.
func TestVRRPCase18(t *testing.T) {
	r := newRig(t, spec2(priority(150), func(s *InstanceSpec) { s.NoPreempt = true })).up()
	for range 60 {
		r.hear(100).until(r.clock + time.Second).expectState(Backup)
	}
	near(t, r.hear(0).firstAdvert(), 414*ms)
}

// TestVRRPCase19: with --repair=fault an address that is deleted is an advert of priority 0 and a new election after the skew time.
func TestVRRPCase19(t *testing.T) {
	r := newRig(t, spec2()).master().do(ResourcesLost{})
	if r.occurrences("send 0") != 1 || r.state != Backup {
		t.Errorf("%v, %q", r.state, r.lines)
	}
	near(t, r.firstAdvert(), 609*ms)
}

// TestVRRPCase35: link down is FAULT and the addresses go; after link up it takes a master-down interval.
func TestVRRPCase35(t *testing.T) {
	r := newRig(t, spec2()).master().do(LinkChanged{}).expectState(Fault)
	r.expect("3.609375s send 0", "3.609375s report sent 0", "3.609375s MASTER→FAULT (fault) priority 100",
		"3.609375s cancel announcements", "3.609375s release")
	near(t, r.until(10*time.Second).do(LinkChanged{Up: true}).expectState(Backup).firstAdvert(), 3609*ms)
}

// TestVRRPCase36: vrrp_startup_delay 4 is added to the master-down interval.
func TestVRRPCase36(t *testing.T) {
	near(t, newRig(t, spec2()).do(Started{LinkUp: true, Source: routerB, Delay: 4 * time.Second}).firstAdvert(), 7609*ms)
}

// TestVRRPCase39: an owner is not MASTER at once after link down and up.
func TestVRRPCase39(t *testing.T) {
	r := newRig(t, spec2(owner)).up().do(LinkChanged{}).until(time.Second).do(LinkChanged{Up: true}).expectState(Backup)
	near(t, r.firstAdvert(), 3004*ms)
}
