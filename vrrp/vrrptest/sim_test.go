package vrrptest

import (
	"flag"
	"testing"
)

var (
	seed  = flag.Uint64("seed", 0, "run only the LAN of this seed")
	seeds = flag.Uint64("seeds", 10_000, "number of LANs to run")
)

// TestEveryLANHeals runs seeded LANs through loss, duplication, delay, partitions, crashes, reloads and skewed clocks,
// heals them, and expects one rightful MASTER in time.
func TestEveryLANHeals(t *testing.T) {
	first, last := uint64(1), *seeds
	if *seed != 0 {
		first, last = *seed, *seed
	}
	for seed := first; seed <= last; seed++ {
		sc := NewScenario(seed)
		if sc.Run() != nil {
			small, err := sc.Shrink()
			t.Fatalf("%v\nshrunk from -seed %d:\n%v", err, seed, small)
		}
	}
}
