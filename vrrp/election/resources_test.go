package election

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	first  = Address{Prefix: netip.PrefixFrom(vip100, 32), Link: "eth0"}
	second = Address{Prefix: netip.PrefixFrom(vip101, 24), Link: "eth0"}
	third  = Address{Prefix: netip.MustParsePrefix("2001:db8::1/64"), Link: "eth0"}
)

func having(advertised []Address, excluded ...Address) InstanceSpec {
	return spec2(func(s *InstanceSpec) { s.Addresses, s.Excluded = advertised, excluded })
}

// TestPartialFailure: with some of its addresses a router serves on. What failed is reported once, tried again ever more
// rarely, and announced when it is there.
func TestPartialFailure(t *testing.T) {
	r := newRig(t, having([]Address{first, second}, third)).master()
	r.done(second, third).expect("3.609375s report failed 10.77.0.101/24", "3.609375s report failed 2001:db8::1/64").
		expectState(Master)
	own := func() (at []time.Duration) {
		for r.clock < 10*time.Minute {
			d, _ := r.Deadline()
			r.clock = max(r.clock, time.Duration(d))
			for _, a := range r.Step(Instant(r.clock), Wake{}) {
				if o, ok := a.(Own); ok {
					if !slices.Equal(o.Resources, r.resources) || len(o.Remove) > 0 {
						t.Fatalf("%+v", o)
					}
					at = append(at, (r.clock - 3609375*time.Microsecond).Round(time.Second))
					r.done(second, third).expect()
				}
			}
		}
		return at
	}
	if got := fmt.Sprint(own()); got != "[1s 3s 7s 15s 31s 1m3s 2m7s 4m15s 8m31s]" {
		t.Errorf("tried again after %s", got)
	}
	at := r.clock.String()
	r.done(third).expect(at+" report installed 10.77.0.101/24", at+" announce ×1 10.77.0.101")
	r.done().expect(at+" report installed 2001:db8::1/64", at+" announce ×1 2001:db8::1")
	if r.retry != (backoff{at: Never}) {
		t.Errorf("still to be tried: %+v", r.retry)
	}
	r.done(third).expect(at + " report failed 2001:db8::1/64") // as when something breaks it later
	if d := time.Duration(r.retry.at) - r.clock; d != time.Second {
		t.Errorf("tried again after %v", d)
	}
}

// TestTotalFailure: a MASTER that has none of its advertised addresses lets a peer have them and stands back, each time
// twice as long.
func TestTotalFailure(t *testing.T) {
	r := newRig(t, having([]Address{first, second}, third)).master()
	r.done(first, second) // that the excluded one is there does not help
	r.forget().done().expect().expectState(Fault)
	if got := r.Explain(); len(got.Faults) != 1 || got.Faults[0].Kind != FaultResources || got.Timer != TimerRetry {
		t.Errorf("%+v", got)
	}
	var masters []time.Duration
	for r.clock < 30*time.Minute {
		d, _ := r.Deadline()
		if r.until(time.Duration(d)); r.state == Master {
			masters = append(masters, r.clock.Round(time.Second))
			r.done(first, second).expectState(Fault).done() // and the release is done
		}
	}
	if got := fmt.Sprint(masters[:6]); got != "[17s 41s 1m24s 2m48s 5m32s 10m35s]" {
		t.Errorf("MASTER again at %s", got)
	}
	// The attempts are never more than the longest pause and a down interval apart.
	for i := 6; i < len(masters); i++ {
		if d := masters[i] - masters[i-1]; d > retryMax+4*time.Second {
			t.Errorf("%v between attempts", d)
		}
	}
	d, _ := r.Deadline()
	r.until(time.Duration(d)) // BACKUP again
	r.until(r.clock + 4*time.Second).expectState(Master).done().expectState(Master)
	if r.retry != (backoff{at: Never}) {
		t.Errorf("still to be tried: %+v", r.retry)
	}
}

// TestFailureIsTriedAfresh when something happens that may help.
func TestFailureIsTriedAfresh(t *testing.T) {
	spec := having([]Address{first, second})
	fault := func() *rig { return newRig(t, spec).master().done(first, second).done().expectState(Fault).forget() }
	t.Run("link up", func(t *testing.T) {
		fault().do(LinkChanged{Up: true}).expect().do(LinkChanged{}).do(LinkChanged{Up: true}).expectState(Backup)
	})
	t.Run("reload", func(t *testing.T) {
		fault().do(SpecChanged{having([]Address{third})}).expectState(Backup)
	})
	t.Run("reload of a MASTER with a part", func(t *testing.T) {
		newRig(t, spec).master().done(second).forget().do(SpecChanged{spec}).
			expect("3.609375s send 100", "3.609375s install")
	})
}

// TestReleaseFailure: what could not be removed is tried again, while BACKUP too.
func TestReleaseFailure(t *testing.T) {
	r := newRig(t, having([]Address{first, second})).up().done(second).
		expect("0s release", "0s INIT→BACKUP (start) priority 100 initial", "0s report failed 10.77.0.101/24")
	r.until(time.Second).expect("1s release 10.77.0.101").done().until(3 * time.Second).expect()
}

// TestOldGenerationSaysNothing: only the outcome of the latest Own counts.
func TestOldGenerationSaysNothing(t *testing.T) {
	r := newRig(t, spec2()).master()
	stale := EffectDone{Generation: r.generation - 1, Failures: []Failure{{first, errEffect}}}
	r.do(stale).expect().expectState(Master)
	r.do(Stop{}).forget().done(first).expect() // the shell reports what happens after the end
}

// TestHandOver_NothingNew: what could not be installed is no part of a hand-over.
func TestHandOver_NothingNew(t *testing.T) {
	r := newRig(t, having([]Address{first, second})).master().done(second).forget().hear(200)
	if last := r.lines[len(r.lines)-1]; last != "3.609375s quiet 10.77.0.100 -10.77.0.101/24" {
		t.Errorf("%q", last)
	}
	r.forget().done().until(4 * time.Second).expect("3.809375s release 10.77.0.100")
}

// TestNotifyFollowsTheResources: after the announcements of a new MASTER, and after the release of an old one.
func TestNotifyFollowsTheResources(t *testing.T) {
	r := newRig(t, spec2())
	r.told = true
	r.up().expect("0s release", "0s INIT→BACKUP (start) priority 100 initial", "0s notify INIT→BACKUP priority 100")
	r.until(3609375 * time.Microsecond)
	if got := strings.Join(r.lines[len(r.lines)-3:], ", "); got != "3.609375s install, 3.609375s announce ×1, "+
		"3.609375s notify BACKUP→MASTER priority 100" {
		t.Error(got)
	}
	r.forget().hear(200).until(3809 * time.Millisecond)
	if got := r.lines[len(r.lines)-1]; got != "3.609375s quiet" {
		t.Error(got)
	}
	r.forget().until(4*time.Second).expect("3.809375s release", "3.809375s notify MASTER→BACKUP priority 100")
	r.do(LinkChanged{}).expect("4s BACKUP→FAULT (fault) priority 100", "4s notify BACKUP→FAULT priority 100")
	r.do(Stop{}).expect("4s FAULT→INIT (stop) priority 100", "4s notify FAULT→INIT priority 100", "4s stopped")
}

// TestGroupNotifyFollowsItsMembers, also when they are gone.
func TestGroupNotifyFollowsItsMembers(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1), instance("G.b", 2)).until(4 * time.Second).forget()
	r.told = true
	notified := func() (list []string) {
		for _, l := range r.lines {
			if at, what, ok := strings.Cut(l, "notify "); ok {
				list = append(list, at+what)
			}
		}
		r.forget()
		return list
	}
	r.hear("G.b", 200).until(4199 * time.Millisecond)
	if got := notified(); got != nil {
		t.Errorf("during the hand-over: %q", got)
	}
	r.until(5 * time.Second)
	want := []string{"4.2s G.a MASTER→BACKUP priority 100", "4.2s G.b MASTER→BACKUP priority 100", "4.2s group G MASTER→BACKUP"}
	if got := notified(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	r.until(10 * time.Second).expectStates("G.a=MASTER G.b=MASTER [G=MASTER]").forget()
	r.record(r.Stop(Instant(r.clock))).until(11 * time.Second)
	if got := notified(); got != nil {
		t.Errorf("while resigning: %q", got)
	}
	r.until(12 * time.Second)
	want = []string{"11.09609375s G.a MASTER→INIT priority 100", "11.09609375s G.b MASTER→INIT priority 100",
		"11.09609375s group G MASTER→INIT"}
	if got := notified(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
