package healthcheck

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRecheck: what is down is asked at once, what is up when it is due, and what is under way begins anew.
func TestRecheck(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.breaks(1)
		l.run(config(pool(2)))
		l.until(5 * s) // the first is down, the second up; both are due every 10 s
		l.mends(1)
		l.forget()
		l.m.Recheck()
		l.until(6 * s)
		l.wantLog("5s TCP connection to "+rs1+" success.", "5s Adding service "+rs1+" to VS "+vsName)
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

func TestRecheckWithoutRun(t *testing.T) {
	m := NewManager(Options{})
	m.Recheck()
	m.Apply(FromConfig(config(pool(1))))
	m.Recheck()
}
