package election

import (
	"testing"
	"time"
)

// TestOwnLateness: how late our adverts leave, the latest and the worst one, beside what a backup of priority 254 tolerates.
func TestOwnLateness(t *testing.T) {
	const down = 3609375 * time.Microsecond // after which it is MASTER
	r := newRig(t, spec2()).up()
	expect := func(what string, want Lateness) {
		t.Helper()
		want.Tolerated = 2*time.Second + time.Second*2/256 // three intervals and its skew, less the one that is due
		if got := r.Explain().Lateness; got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	none := Lateness{LatestAt: Never, WorstAt: Never}
	expect("a backup", none)
	r.until(down).expectState(Master)
	expect("the first advert is never late", none)
	r.clock += 1020 * time.Millisecond
	r.do(Wake{})
	first := Instant(r.clock)
	expect("one", Lateness{Latest: 20 * time.Millisecond, LatestAt: first, Worst: 20 * time.Millisecond, WorstAt: first})
	r.until(down + 3*time.Second)
	punctual := Lateness{LatestAt: Instant(r.clock), Worst: 20 * time.Millisecond, WorstAt: first}
	expect("the worst is kept", punctual)
	r.hear(150).until(r.clock + 2*time.Second).expectState(Backup)
	expect("a backup again", punctual)
	r.do(SpecChanged{spec2(priority(90))})
	expect("a reload", none)

	// An advert that is so late that another has taken over is not sent, and counts.
	r = newRig(t, spec2(func(s *InstanceSpec) { s.TimerExpired = 254 })).up().until(down)
	r.clock += 10 * time.Second
	r.do(Wake{}).expectState(Backup)
	expect("hung", Lateness{Latest: 9 * time.Second, LatestAt: Instant(r.clock), Worst: 9 * time.Second, WorstAt: Instant(r.clock)})
}
