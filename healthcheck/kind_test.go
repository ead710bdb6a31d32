package healthcheck

import (
	"context"
	"testing"
	"time"

	"vigil/confparse"
)

// loadQuestion is a kind of check that exists for tests: it asks for a weight, in steps, and is told both by said.
type loadQuestion struct{ said func(step int) Result }

func (q *loadQuestion) attempt(_ means, step int) Checker { return loadCheck{q, step} }

func (q *loadQuestion) policy(t timing) policy { return t.policy() }

func (q *loadQuestion) same(o question) bool { return q == o }

type loadCheck struct {
	q    *loadQuestion
	step int
}

// Check implements Checker.
func (c loadCheck) Check(context.Context) Result { return c.q.said(c.step) }

// unlistedKind is one that a configuration cannot ask for.
const unlistedKind = confparse.GRPCCheck + 1

// addKind puts q in the place of a kind.
func addKind(t *testing.T, k confparse.CheckerKind, q question) {
	t.Helper()
	was := kinds[k]
	kinds[k] = &kind{ask: func(*confparse.Checker) question { return q }, words: words{
		check:  "LOAD_CHECK",
		passed: func(server string) string { return server + " answers." },
		failed: func(server, reason string) string { return server + ": " + reason },
		alert:  alerting("load is fine", "load is too high"),
	}}
	t.Cleanup(func() { kinds[k] = was })
}

// TestKindIsOneEntry: a line in the map of kinds is all it takes for a kind to be configured, run, told of and counted.
// What this one says of the weight of its server is what goes on.
func TestKindIsOneEntry(t *testing.T) {
	result := Result{Outcome: Passed, Code: CodeAnswered}
	addKind(t, confparse.BFDCheck, &loadQuestion{said: func(int) Result { return result }})
	inLab(t, Options{}, func(l *lab) {
		l.ownKinds()
		says := func(r Result) {
			l.m.mu.Lock() // no attempt is under way
			defer l.m.mu.Unlock()
			result = r
		}
		vs := pool(2)
		for i, rs := range vs.RealServers {
			rs.Weight = int32(5 * (i + 1)) // 5 and 10
		}
		load := tcpCheckOf()
		load.Kind = confparse.BFDCheck
		vs.RealServers[0].Checkers = []*confparse.Checker{load}
		vs.RealServers[1].Checkers = nil
		l.watch()
		l.run(config(vs))
		l.until(5 * s)
		l.wantEvents()
		if c := l.checkOf(1); c.Kind != "BFD_CHECK" || c.Code != "L7OK" || !c.Up {
			t.Errorf("status: %+v", c)
		}

		says(Result{Outcome: Passed, Weight: Share{Weight: 3}})
		l.until(15 * s)
		l.wantEvents("11s " + rs1 + " up=true weight=8")
		says(Result{Outcome: Passed, Weight: Share{Weight: -100}})
		l.until(25 * s)
		l.wantEvents("21s " + rs1 + " up=true weight=0")
		says(Result{Outcome: Failed}) // two retries, then what it said no longer holds
		l.until(34*s - 500*ms)
		l.wantEvents("33s " + rs1 + " up=false weight=5")
		if got := l.counters(t)["keepalived_checks_total BFD_CHECK failure"]; got != 3 {
			t.Errorf("%v failures counted, want 3", got)
		}
		says(Result{Outcome: Passed, Weight: Share{Weight: 1}})
		l.until(45 * s)
		l.wantEvents("43s " + rs1 + " up=true weight=6")

		vs.RealServers[0].Weight = 7 // a reload keeps what the check says
		if got := l.m.Apply(FromConfig(config(vs))).VirtualServers[0].RealServers[0].Weight; got != 8 {
			t.Errorf("weight %d after a reload, want 8", got)
		}
		load.DelayLoop *= 2 // also when the check is only timed differently
		if got := l.m.Apply(FromConfig(config(vs))).VirtualServers[0].RealServers[0].Weight; got != 8 {
			t.Errorf("weight %d after a reload of the timing, want 8", got)
		}
	})
}

// TestWeightAndVerdict: a check that passes and says another weight is one change, and so is one that fails and no longer
// says anything.
func TestWeightAndVerdict(t *testing.T) {
	result := Result{Outcome: Passed}
	addKind(t, confparse.BFDCheck, &loadQuestion{said: func(int) Result { return result }})
	inLab(t, Options{}, func(l *lab) {
		l.ownKinds()
		vs := pool(1)
		vs.RealServers[0].Weight = 3
		vs.RealServers[0].Checkers[0].Kind, vs.RealServers[0].Checkers[0].Retry = confparse.BFDCheck, 0
		l.watch()
		l.run(config(vs))
		for _, step := range []struct {
			says Result
			want []string
		}{
			{Result{Outcome: Passed}, nil},
			{Result{Outcome: Passed, Weight: Share{Weight: -1}}, []string{"11s " + rs1 + " up=true weight=2"}},
			{Result{Outcome: Failed}, []string{"21s " + rs1 + " up=false weight=3"}},
			{Result{Outcome: Passed, Weight: Share{Weight: 1}}, []string{"31s " + rs1 + " up=true weight=4"}},
			{Result{Outcome: Failed}, []string{"41s " + rs1 + " up=false weight=3"}},
		} {
			l.m.mu.Lock()
			result = step.says
			l.m.mu.Unlock()
			l.until(time.Since(l.start) + 10*s)
			l.wantEvents(step.want...)
		}
	})
}

// TestKindsWithoutEntryAreLeftOut: their server has one checker less.
func TestKindsWithoutEntryAreLeftOut(t *testing.T) {
	vs := pool(1)
	for k := confparse.TCPCheck; k <= unlistedKind; k++ {
		if kinds[k] == nil {
			vs.RealServers[0].Checkers = append(vs.RealServers[0].Checkers, &confparse.Checker{Kind: k})
		}
	}
	if n := len(FromConfig(config(vs)).VirtualServers[0].RealServers[0].Checks); n != 1 || len(vs.RealServers[0].Checkers) == 1 {
		t.Errorf("%d checks, want 1", n)
	}
}
