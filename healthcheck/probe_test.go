package healthcheck

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
)

func TestPostponedAttemptChangesNothing(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.run(config(pool(1)))
		l.until(2 * s)
		l.answers(target(1), func(int) Result { return postponed(errors.New("invalid")) })
		l.until(22 * s)
		if c := l.checkOf(1); c.Result != "rescheduled" || c.Code != "SOCKERR" || !c.Up || c.ConsecutiveFailures != 0 {
			t.Errorf("the check: %+v", c)
		}
		if diff := cmp.Diff([]time.Duration{1 * s, 11 * s, 21 * s}, l.made(target(1))); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		l.wantHealth(vsName + " 192.168.0.1=up")
	})
}

// TestPostponedIsToldOnce: until an attempt is made again.
func TestPostponedIsToldOnce(t *testing.T) {
	var lines strings.Builder
	inLab(t, Options{Logger: textLogger(&lines)}, func(l *lab) {
		l.answers(target(1), func(int) Result { return postponed(errors.New("no such address")) })
		l.run(config(pool(1)))
		l.until(100 * s)
		l.mends(1)
		l.until(120 * s)
		l.answers(target(1), func(int) Result { return postponed(errors.New("no such address")) })
		l.until(200 * s)
	})
	if n := strings.Count(lines.String(), "no such address"); n != 2 {
		t.Errorf("told %d times, want 2\n%s", n, lines.String())
	}
}

// TestStatusOfAnErrorWithoutEnd: what a server writes does not fill the status.
func TestStatusOfAnErrorWithoutEnd(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.answers(target(1), func(int) Result { return failed(CodeAnswerStatus, "no", errors.New(strings.Repeat("é", 10_000))) })
		l.answers(target(2), func(int) Result { return postponed(errors.New("no such address")) })
		l.run(config(pool(2)))
		l.until(2 * s)
		if c := l.checkOf(1); len(c.Error) > maxError+10 || !strings.HasSuffix(c.Error, "é …") || c.LastCompleted.IsZero() {
			t.Errorf("%+v", c)
		}
		if c := l.checkOf(2); c.Error != "no such address" || !c.LastCompleted.IsZero() {
			t.Errorf("%+v", c)
		}
	})
}

func TestPanicIsAFailedCheck(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.answers(target(1), func(int) Result { panic("broken reply") })
		l.run(config(pool(2)))
		l.until(2 * s)
		l.wantHealth(vsName + " 192.168.0.1=down 192.168.0.2=up")
		if got := l.counters(t)["keepalived_checks_total TCP_CHECK panic"]; got != 1 {
			t.Errorf("%v panics counted, want 1", got)
		}
		l.mends(1)
		l.until(12 * s)
		l.wantHealth(vsName + " 192.168.0.1=up 192.168.0.2=up")
	})
}

// TestFirstRun has §1.13: 1 s and a random part of warmup from the start, from a seed.
func TestFirstRun(t *testing.T) {
	spread := func() (firsts []time.Duration) {
		inLab(t, Options{}, func(l *lab) {
			vs := pool(200)
			for _, rs := range vs.RealServers {
				rs.Checkers[0].Warmup = 10 * time.Second
			}
			vs.RealServers[0].Checkers[0].Warmup = 0
			l.run(config(vs))
			l.until(11100 * ms)
			for n := range vs.RealServers {
				at := l.made(target(n + 1))
				if len(at) == 0 {
					t.Fatalf("server %d was never checked", n+1)
				}
				firsts = append(firsts, at[0])
			}
		})
		return firsts
	}
	firsts := spread()
	if firsts[0] != s {
		t.Errorf("warmup 0: first run at %v, want 1s", firsts[0])
	}
	var early, late int
	for _, at := range firsts[1:] {
		if at < 1*s-25*ms || at > 11*s+25*ms {
			t.Errorf("first run at %v, want it between 1s and 11s", at)
		}
		if at < 6*s {
			early++
		} else {
			late++
		}
	}
	if early < 60 || late < 60 {
		t.Errorf("%d first runs in the first half of warmup, %d in the second", early, late)
	}
	if diff := cmp.Diff(firsts, spread()); diff != "" {
		t.Errorf("the same seed gave other times:\n%s", diff)
	}
}

// TestDelayLoopCountsFromTheEnd has §2: a check that takes long is not made more often, and never twice at a time.
func TestDelayLoopCountsFromTheEnd(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.takes(4 * time.Second)
		l.run(config(pool(1)))
		l.until(50 * s)
		if diff := cmp.Diff([]time.Duration{1 * s, 15 * s, 29 * s, 43 * s}, l.made(target(1))); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

// TestAligned moves a delay by at most half a percent of it, and never by more than 25 ms.
func TestAligned(t *testing.T) {
	const now = 1234567 * time.Microsecond
	for _, tt := range []struct{ delay, want time.Duration }{
		{time.Minute, time.Minute + 15433*time.Microsecond},
		{10 * s, 10*s + 15433*time.Microsecond},
		{3 * s, 3*s + 5433*time.Microsecond},
		{s, s - 4567*time.Microsecond},
		{100 * ms, 100*ms + 433*time.Microsecond},
		{99 * ms, 99 * ms},
		{time.Microsecond, time.Microsecond},
		{0, 0},
	} {
		if got := aligned(now+tt.delay, tt.delay) - now; got != tt.want {
			t.Errorf("aligned(%v) = %v, want %v", tt.delay, got, tt.want)
		}
	}
}

// TestEqualChecksAreProbedOnce has several virtual servers whose servers have the same check on a side port.
func TestEqualChecksAreProbedOnce(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		var all []*confparse.VirtualServer
		for port := uint16(80); port < 90; port++ {
			vs := pool(1)
			vs.ID.Port = port
			vs.RealServers[0].ID = confparse.RealServerID{VS: vs.ID, Addr: rsAddr(1), Port: port}
			vs.RealServers[0].Checkers[0].Connect.Port = 9000
			all = append(all, vs)
		}
		side := netip.AddrPortFrom(rsAddr(1), 9000)
		l.answers(side, refuses)
		l.run(config(all...))
		l.until(5 * s)
		if diff := cmp.Diff([]time.Duration{s}, l.made(side)); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		if got := len(l.m.Take()); got != 10 {
			t.Errorf("%d changes, want one of each server", got)
		}
		// A server that joins later shares what is known.
		late := pool(1)
		late.RealServers[0].Checkers[0].Connect.Port = 9000
		late.ID.Port = 90
		late.RealServers[0].ID = confparse.RealServerID{VS: late.ID, Addr: rsAddr(1), Port: 90}
		got := health(l.m.Apply(FromConfig(config(append(all, late)...))))
		if diff := cmp.Diff("[10.0.0.1]:tcp:90 192.168.0.1=down", got[10]); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
	})
}

// TestInFlightIsBounded has more checks due at a time than may be under way: they wait their turn in order.
func TestInFlightIsBounded(t *testing.T) {
	inLab(t, Options{MaxInFlight: 3}, func(l *lab) {
		l.takes(100 * time.Millisecond)
		l.run(config(pool(10)))
		l.until(1050 * ms)
		if st := l.m.Status(); st.InFlight != 3 || st.Waiting != 7 {
			t.Errorf("%d under way and %d waiting, want 3 and 7", st.InFlight, st.Waiting)
		}
		l.until(2 * s)
		if l.peak != 3 || len(l.attempts) != 10 {
			t.Errorf("at most %d under way, %d made; want 3 and 10", l.peak, len(l.attempts))
		}
		if diff := cmp.Diff(s+300*ms, l.attempts[9].at); diff != "" {
			t.Errorf("the last attempt (-want +got):\n%s", diff)
		}
		if got := l.counters(t)["keepalived_check_queue_seconds"]; got < 1.19 || got > 1.21 {
			t.Errorf("%v s of waiting counted, want 3×0.1+3×0.2+1×0.3 = 1.2 s", got)
		}
		if st := l.m.Status(); st.InFlight != 0 || st.Waiting != 0 {
			t.Errorf("%d under way and %d waiting afterwards", st.InFlight, st.Waiting)
		}
	})
}

// TestStopWhileQueued stops with checks under way and waiting, and goes on later.
func TestStopWhileQueued(t *testing.T) {
	inLab(t, Options{MaxInFlight: 2}, func(l *lab) {
		l.takes(time.Hour)
		l.run(config(pool(5)))
		l.until(2 * s)
		l.stop()
		if got := time.Since(l.start); got != 2*s {
			t.Errorf("stopping took %v", got-2*s)
		}
		l.wantHealth(vsName + " 192.168.0.1=up 192.168.0.2=up 192.168.0.3=up 192.168.0.4=up 192.168.0.5=up")
		l.takes(0)
		l.goOn()
		l.until(4 * s)
		if len(l.attempts) != 2+5 {
			t.Errorf("%d attempts, want 2 before and 5 after", len(l.attempts))
		}
	})
}
