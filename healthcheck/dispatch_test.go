package healthcheck

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// attemptOf is a check that is a function.
type attemptOf func() Result

func (f attemptOf) Check(context.Context) Result { return f() }

// TestManyThatAreDueLeaveOthersTheirTurn: of thousands of checks that are due together, few are made between two turns of a
// goroutine that has nothing to do with them, on a process with one processor.
func TestManyThatAreDueLeaveOthersTheirTurn(t *testing.T) {
	const n = 5000
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	inLab(t, Options{}, func(l *lab) {
		var made atomic.Int32
		begun := make(chan struct{})
		l.m.newChecker = func(CheckSpec, means, int) Checker {
			return attemptOf(func() Result {
				if made.Add(1) == 1 {
					close(begun)
				}
				return passed(CodeConnected, tcpSuccess)
			})
		}
		c := manyServers(n)
		for _, vs := range c.VirtualServers {
			for _, rs := range vs.RealServers {
				rs.Checkers[0].Warmup = 0
			}
		}
		l.run(c)
		<-begun
		var between []int32
		for made.Load() < n {
			before := made.Load()
			runtime.Gosched()
			between = append(between, made.Load()-before)
		}
		if most := slices.Max(between); most > n/10 {
			t.Errorf("%d of %d attempts between two turns, of which there were %d", most, n, len(between))
		}
	})
}

// TestStopBeforeTheAttempt: what has been begun and has not had its turn yet is not made when everything ends, nor when the
// check leaves the configuration.
func TestStopBeforeTheAttempt(t *testing.T) {
	for _, end := range []string{"stop", "leave"} {
		t.Run(end, func(t *testing.T) {
			inLab(t, Options{}, func(l *lab) {
				l.run(config(pool(20)))
				time.Sleep(bootstrapDelay - time.Millisecond)
				l.m.mu.Lock()
				now := time.Since(l.m.epoch) + time.Second
				for p := l.m.agenda.due(now); p != nil; p = l.m.agenda.due(now) {
					l.m.fire(p, now) // each waits for mu
				}
				if end == "leave" {
					for _, p := range l.m.probes {
						p.gone = true
						p.disarm()
					}
				} else {
					l.cancel()
				}
				l.m.mu.Unlock()
				time.Sleep(time.Minute)
				synctest.Wait()
				l.mu.Lock()
				defer l.mu.Unlock()
				if len(l.attempts) > 0 {
					t.Errorf("%d attempts", len(l.attempts))
				}
				l.m.mu.Lock()
				defer l.m.mu.Unlock()
				if l.m.inFlight != 0 {
					t.Errorf("%d are still under way", l.m.inFlight)
				}
			})
		})
	}
}

// TestRecheckOfAnAttemptThatHasJustEnded: the network changed before its result was taken in, and so it is made again.
func TestRecheckOfAnAttemptThatHasJustEnded(t *testing.T) {
	m := NewManager(Options{})
	c := config(pool(1))
	check := c.VirtualServers[0].RealServers[0].Checkers[0]
	check.Retry, check.DelayLoop, check.Warmup = 0, time.Hour, 0
	var made atomic.Int32
	begun, ends, again := make(chan struct{}), make(chan struct{}), make(chan struct{})
	m.newChecker = func(CheckSpec, means, int) Checker {
		return attemptOf(func() Result {
			switch made.Add(1) {
			case 1:
				close(begun)
				<-ends
			case 2:
				close(again)
			}
			return failed(CodeConnectFailed, "no route", nil)
		})
	}
	m.Apply(FromConfig(c))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	<-begun
	m.mu.Lock()
	close(ends)
	time.Sleep(50 * time.Millisecond) // it waits for mu meanwhile, or comes later, which is as good
	for _, p := range m.probes {
		p.hasten()
	}
	m.mu.Unlock()
	select {
	case <-again:
	case <-time.After(5 * time.Minute): // of the hour after which it would be made anyway
		t.Error("it is not made again")
	}
	cancel()
	<-done
}

// TestRecheckKeepsThePlaceOfWhatIsOverdue: rechecks that come faster than attempts are begun would put off those of servers that are
// down for ever.
func TestRecheckKeepsThePlaceOfWhatIsOverdue(t *testing.T) {
	m := NewManager(Options{})
	m.epoch = time.Now().Add(-time.Minute)
	var probes [3]probe
	for i := range probes {
		p := &probes[i]
		p.manager, p.armed, p.judgement.state = m, true, down
		m.agenda.set(p, time.Duration(i+1)*time.Second)
	}
	probes[0].hasten()
	if p := m.agenda.due(time.Minute); p != &probes[0] {
		t.Errorf("due first is what was due %v after the epoch", p.at)
	}
}
