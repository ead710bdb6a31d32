package healthcheck

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestAgenda beside a list that is searched from end to end.
func TestAgenda(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		var a agenda
		probes := make([]probe, 1+r.IntN(30))
		want := map[*probe]time.Duration{}
		first := func() (earliest *probe) {
			for i := range probes {
				p := &probes[i]
				if at, in := want[p]; in && (earliest == nil || at < want[earliest]) {
					earliest = p
				}
			}
			return earliest
		}
		for range 300 {
			p, at := &probes[r.IntN(len(probes))], time.Duration(r.IntN(50))
			switch r.IntN(4) {
			case 0, 1:
				is := a.set(p, at)
				want[p] = at
				if e := first(); is && want[e] != at || !is && want[e] == at && a.probes[0] == p {
					t.Fatalf("seed %d: that it is the first one: %v", seed, is)
				}
			case 2:
				a.remove(p)
				delete(want, p)
			case 3:
				got, e := a.due(at), first()
				if e == nil || want[e] > at {
					if got != nil {
						t.Fatalf("seed %d: due %v at %v, where nothing is", seed, got.at, at)
					}
					break
				}
				if got == nil || want[got] != want[e] {
					t.Fatalf("seed %d: not the first one is due", seed)
				}
				delete(want, got)
			}
			next, ok := a.next()
			if e := first(); ok != (e != nil) || ok && next != want[e] {
				t.Fatalf("seed %d: next %v, %v", seed, next, ok)
			}
			for i := range probes {
				if _, in := want[&probes[i]]; in != (probes[i].place > 0) {
					t.Fatalf("seed %d: probe %d has place %d", seed, i, probes[i].place)
				}
			}
		}
	}
}
