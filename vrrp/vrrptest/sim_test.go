package vrrptest

import (
	"flag"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seed  = flag.Uint64("seed", 0, "run only the LAN of this seed")
	steps = flag.Uint64("steps", 20_000_000, "how many steps of routers to run")
	soak  = flag.Duration("soak", 0, "run LANs for this time instead, and say how many years of a LAN that were")
)

// few is how many steps there are with -short.
const few = 500_000

// TestEveryLANHeals runs seeded LANs through loss, duplication, delay, partitions, crashes, reloads, stalls and whatever
// else there is of Faults, and judges the invariants in the chaos and after it.
func TestEveryLANHeals(t *testing.T) {
	if *seed != 0 {
		report(t, *seed)
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	limit, end := *steps, time.Time{}
	if testing.Short() {
		limit = min(limit, few)
	}
	first := uint64(0)
	if *soak > 0 { // other LANs than the test's
		end, limit, first = time.Now().Add(*soak), 1<<63, uint64(time.Now().Unix())<<24
	}
	var next, done, failed atomic.Uint64
	var simulated atomic.Int64
	next.Store(first)
	begin := time.Now()
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for done.Load() < limit && failed.Load() == 0 && (end.IsZero() || time.Now().Before(end)) {
				seed := next.Add(1)
				o := NewScenario(seed).Play(nil)
				done.Add(o.Steps)
				simulated.Add(int64(o.Time))
				if o.Err != nil {
					failed.Store(seed)
				}
			}
		})
	}
	all.Wait()
	if seed := failed.Load(); seed != 0 {
		report(t, seed)
	}
	years := time.Duration(simulated.Load()).Hours() / 24 / 365.25
	t.Logf("%d LANs, %.1f million steps, %.2f LAN-years, %.1f LAN-years per hour", next.Load()-first, float64(done.Load())/1e6, years,
		years/time.Since(begin).Hours())
}

// report fails with the smallest scenario that breaks what the LAN of seed breaks, and with what happened in it.
func report(t *testing.T, seed uint64) {
	sc := NewScenario(seed)
	if sc.Run() == nil {
		return
	}
	small, err := sc.Shrink()
	t.Fatalf("%v\nshrunk from -seed %d:\n%v%v", err, seed, small, small.Transcript())
}
