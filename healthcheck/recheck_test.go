package healthcheck

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRecheck: what is down is asked at once, what is up when it is due, and what is under way begins anew.
func TestRecheck(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.watch()
		l.breaks(1)
		l.run(config(pool(2)))
		l.until(5 * s) // the first is down, the second up; both are due every 10 s
		l.mends(1)
		l.m.Recheck()
		l.until(6 * s)
		l.wantEvents("1s "+rs1+" up=false weight=1 initial", "5s "+rs1+" up=true weight=1")
		if diff := cmp.Diff([]time.Duration{1 * s}, l.made(target(2))); diff != "" {
			t.Errorf("attempts on the server that is up (-want +got):\n%s", diff)
		}
		l.until(12 * s)
		if diff := cmp.Diff([]time.Duration{1 * s, 11 * s}, l.made(target(2))); diff != "" {
			t.Errorf("its schedule (-want +got):\n%s", diff)
		}
	})
}

func TestRecheckBeginsAttemptsAnew(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.takes(5 * time.Second)
		l.run(config(pool(1)))
		l.until(3 * s)
		l.takes(0)
		l.m.Recheck()
		l.until(4 * s)
		if diff := cmp.Diff([]time.Duration{1 * s, 3 * s}, l.made(target(1))); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		l.m.Recheck() // it is up, and waits
		l.until(14 * s)
		if n := len(l.made(target(1))); n != 3 {
			t.Errorf("%d attempts, want the next one when it is due", n)
		}
	})
}

// TestRecheckDoesNotStarve has a role that changes more often than a check of a dead server takes: all the dead ones are
// found, whether their connections time out or are refused at once, and however few may be asked at a time.
func TestRecheckDoesNotStarve(t *testing.T) {
	for _, o := range []Options{{}, {MaxInFlight: 3}} {
		inLab(t, o, func(l *lab) {
			l.run(config(pool(10)))
			l.until(5 * s) // all are up
			l.takes(5 * s)
			for n := range 10 {
				l.answers(target(n+1), func(int) Result { return failed(CodeConnectTimeout, tcpTimeout, nil) })
			}
			for at := 6 * s; at < 400*s; at += 4 * s {
				l.until(at)
				l.m.Recheck()
			}
			for _, rs := range l.m.Status().VirtualServers[0].RealServers {
				if rs.Up {
					t.Errorf("%d at a time: %s is dead and passes for up", o.MaxInFlight, rs.Name)
				}
			}
		})
	}
}

// TestRecheckRenewsOnce: an attempt that stands in for another one comes to its end, and the next may be renewed again.
func TestRecheckRenewsOnce(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.takes(5 * s)
		l.run(config(pool(1)))
		for _, at := range []time.Duration{3 * s, 4 * s, 6 * s, 20 * s, 21 * s} {
			l.until(at)
			l.m.Recheck()
		}
		l.until(30 * s)
		// Begun anew at 3 s, ended at 8 s; begun at 18 s and anew at 20 s, ended at 25 s.
		if diff := cmp.Diff([]time.Duration{1 * s, 3 * s, 18 * s, 20 * s}, l.made(target(1))); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestRecheckWithoutRun(t *testing.T) {
	m := NewManager(Options{})
	m.Recheck()
	m.Apply(FromConfig(config(pool(1))))
	m.Recheck()
}
