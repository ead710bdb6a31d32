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

// started tells of an attempt and succeeds.
type started func()

func (s started) Check(context.Context) Result { s(); return passed(CodeConnected, tcpSuccess) }

// TestManyThatAreDueLeaveOthersTheirTurn: of thousands of checks that are due together, few are made between two turns of a
// goroutine that has nothing to do with them, on a process with one processor.
func TestManyThatAreDueLeaveOthersTheirTurn(t *testing.T) {
	const n = 5000
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	inLab(t, Options{}, func(l *lab) {
		var made atomic.Int32
		begun := make(chan struct{})
		l.m.newChecker = func(CheckSpec, means, int) Checker {
			return started(func() {
				if made.Add(1) == 1 {
					close(begun)
				}
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
