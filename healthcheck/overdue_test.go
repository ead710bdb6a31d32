package healthcheck

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
)

// TestOverdue: a check that does not come to an end is told of when three intervals have passed, once, and again when it
// does.
func TestOverdue(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.run(config(pool(2)))
		l.until(5 * s)
		if l.m.Status().VirtualServers[0].RealServers[0].Checks[0].Overdue {
			t.Error("overdue after its first attempt")
		}
		l.takes(100 * s) // from the attempts at 11 s on, which end at 111 s
		for _, tt := range []struct {
			at      time.Duration
			overdue bool
		}{{30 * s, false}, {45 * s, true}, {100 * s, true}, {125 * s, false}} {
			l.until(tt.at)
			if tt.at == 100*s {
				l.takes(0)
			}
			c := l.checkOf(1)
			count := l.counters(t)["keepalived_checks_overdue"]
			if c.Overdue != tt.overdue || (count == 2) != tt.overdue {
				t.Errorf("at %v: overdue %v, %v in all; want %v", tt.at, c.Overdue, count, tt.overdue)
			}
		}
	})
}

// TestOverdueAfterWarmup: a check that waits for its first attempt is not overdue.
func TestOverdueAfterWarmup(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		vs.RealServers[0].Checkers[0].Warmup = 1000 * s
		l.run(config(vs))
		for at := 20 * s; at < 1000*s; at += 20 * s {
			l.until(at)
			if l.checkOf(1).Overdue {
				t.Fatalf("overdue at %v", at)
			}
		}
	})
}

func TestOverdueIsLogged(t *testing.T) {
	var lines strings.Builder
	inLab(t, Options{Logger: textLogger(&lines)}, func(l *lab) {
		l.takes(60 * s)
		l.run(config(pool(1)))
		l.until(90 * s)
	})
	text := lines.String()
	if strings.Count(text, "has not completed for") != 1 || strings.Count(text, "completes again") != 1 {
		t.Errorf("%s", text)
	}
}

// TestSuspendedIsNotOverdue: what nobody wants to know is not missed, and neither is it when it is asked for again.
func TestSuspendedIsNotOverdue(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.run(config(pool(1)))
		l.until(12 * s)
		l.m.Suspend(map[confparse.VirtualServerID]bool{vsID: true})
		for at := 20 * s; at < 200*s; at += 5 * s {
			if l.until(at); at == 150*s {
				l.m.Suspend(nil)
			}
			if l.checkOf(1).Overdue {
				t.Fatalf("overdue at %v", at)
			}
		}
	})
}

// TestPostponedIsOverdue: attempts that cannot be made find out nothing, however many there are.
func TestPostponedIsOverdue(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.run(config(pool(1)))
		l.until(12 * s)
		l.answers(target(1), func(int) Result { return postponed(errors.New("no such address")) })
		l.until(60 * s)
		if c := l.checkOf(1); !c.Overdue || !c.Up {
			t.Errorf("%+v", c)
		}
		l.mends(1)
		l.until(90 * s)
		if c := l.checkOf(1); c.Overdue {
			t.Errorf("%+v", c)
		}
	})
}

// TestProgramIsNotOverdueWhileItRuns: it has its misc_timeout.
func TestProgramIsNotOverdueWhileItRuns(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		vs := pool(1)
		vs.RealServers[0].Checkers[0] = miscOf(confparse.MiscDetail{Timeout: 60 * s})
		l.takes(59 * s)
		l.run(config(vs))
		for at := 20 * s; at < 300*s; at += 20 * s {
			if l.until(at); l.checkOf(1).Overdue {
				t.Fatalf("overdue at %v", at)
			}
		}
	})
}
