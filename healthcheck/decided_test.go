package healthcheck

import (
	"errors"
	"slices"
	"testing"
	"time"

	"vigil/confparse"
)

// TestDecided: a check has decided with its first verdict, whether its server begins up or down, or when it would be overdue.
func TestDecided(t *testing.T) {
	insists := func(ck *confparse.Checker) { // SMTP_CHECK retries before its first verdict too
		ck.Kind, ck.Retry, ck.DelayBeforeRetry, ck.Detail = confparse.SMTPCheck, 2, 5*s, &confparse.SMTPDetail{}
	}
	for name, tt := range map[string]struct {
		edit    func(*lab, *confparse.Checker)
		not, is time.Duration // when it has not, and when it has
	}{
		"up":            {func(*lab, *confparse.Checker) {}, 0, 11 * s},
		"down":          {func(l *lab, _ *confparse.Checker) { l.answers(target(1), refuses) }, 0, 11 * s},
		"slow":          {func(l *lab, _ *confparse.Checker) { l.takes(7 * s) }, 7 * s, 18 * s},
		"after retries": {func(l *lab, ck *confparse.Checker) { insists(ck); l.answers(target(1), refuses) }, 6 * s, 20 * s},
		"never ends":    {func(l *lab, _ *confparse.Checker) { l.takes(1000 * s) }, 29 * s, 60 * s},
		"cannot be made": {func(l *lab, _ *confparse.Checker) {
			l.answers(target(1), func(int) Result { return postponed(errors.New("no address")) })
		}, 29 * s, 60 * s},
		"rises slowly":     {func(l *lab, ck *confparse.Checker) { ck.Rise, ck.Alpha = 9, true }, 75 * s, 95 * s},
		"is not asked yet": {func(_ *lab, ck *confparse.Checker) { ck.Warmup = 100 * s }, 0, 140 * s},
	} {
		for _, alpha := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", alpha"}[alpha], func(t *testing.T) {
				inLab(t, Options{}, func(l *lab) {
					vs := pool(1)
					vs.RealServers[0].Checkers[0].Alpha = alpha
					tt.edit(l, vs.RealServers[0].Checkers[0])
					l.run(config(vs))
					l.until(tt.not)
					since := map[confparse.VirtualServerID]time.Time{vsID: time.Now()}
					if c := l.checkOf(1); c.Decided || len(decided(l, since)) > 0 {
						t.Errorf("after %v: %+v", tt.not, c)
					}
					l.until(tt.is)
					if c := l.checkOf(1); !c.Decided || !slices.Equal(decided(l, since), []confparse.VirtualServerID{vsID}) {
						t.Errorf("after %v: %+v", tt.is, c)
					}
				})
			})
		}
	}
}

// decided are those of the given virtual servers whose checks have decided.
func decided(l *lab, since map[confparse.VirtualServerID]time.Time) []confparse.VirtualServerID {
	list, _ := l.m.Decided(since)
	return list
}

// TestDecidedWithin: a virtual server is waited for from a moment on, whatever checks are added to it, not while it is suspended, and
// one without servers has nothing to decide.
func TestDecidedWithin(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.takes(1000 * s)
		l.run(config(pool(1)))
		since := map[confparse.VirtualServerID]time.Time{vsID: time.Now()}
		for n := 2; n < 6; n++ {
			l.until(time.Duration(n) * 9 * s)
			l.m.Apply(FromConfig(config(pool(n)))) // each time one more that has just been added
			if is := len(decided(l, since)) > 0; is != (n*9 > 31) {
				t.Errorf("%d servers after %d s: %v", n, n*9, is)
			}
		}
		l.m.Suspend(map[confparse.VirtualServerID]bool{vsID: true})
		l.m.Apply(FromConfig(config(&confparse.VirtualServer{ID: vsID, Quorum: 1})))
		list, empty := l.m.Decided(since)
		if len(list) > 0 || !slices.Equal(empty, []confparse.VirtualServerID{vsID}) {
			t.Errorf("without servers: %v, %v", list, empty)
		}
		l.m.Apply(FromConfig(config(pool(1))))
		since[vsID] = time.Now()
		l.until(500 * s)
		if len(decided(l, since)) > 0 {
			t.Error("decided while suspended")
		}
	})
}
