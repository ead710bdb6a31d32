package pool

import "testing"

// drained has an operator drain servers, by their numbers.
func drained(numbers ...int) func(*Spec) {
	return func(s *Spec) {
		for _, n := range numbers {
			s.Servers[n-1].Drained = true
		}
	}
}

// A drained server is in with weight 0 whenever it would be in, and counts for the quorum as if it was not drained.
func TestDrainedServers(t *testing.T) {
	play(t, specOf(3, 1).with(drained(1)).with(sorry),
		": | .1=0 .2=1", "-2: down .2 | .1=0", "-1: down .1, lost 1>0 swap | .99=1", "+1: up .1, gained 1<=3 swap | .1=0", "+2: up .2 | .1=0 .2=1")
	// A backup server serves for one that is drained, and one that is drained itself for nobody.
	play(t, specOf(1, 5).with(backups(2, 1)).with(drained(1)), ": | .1=0 .2=5", "-2: down .2, failback | .1=0", "+2: up .2, failover | .1=0 .2=5")
	play(t, specOf(1, 5).with(backups(2, 1)).with(drained(2)), ": | .1=1", "-1: down .1, lost 1>0 | ", "+1: up .1, gained 1<=1 | .1=1")
}

// A drain begins and ends by another Spec: nothing is told of it, and the weight is there at once, also with slow_start. What others
// have set for that server is over.
func TestDrainBeginsAndEnds(t *testing.T) {
	plain := specOf(4, 2).with(func(s *Spec) { s.Guards.SlowStart = 60e9 })
	p := New(plain, up(plain))
	p.Outcome(all)
	p.Override(0, 0, 7)
	p.Override(0, 1, 8)
	for _, step := range []struct {
		spec *Spec
		want string
	}{{plain, ".1=7 .2=8"}, {plain.with(drained(1)), ".1=0 .2=8"}, {plain.with(drained(1, 2)), ".1=0 .2=0"}, {plain, ".1=4 .2=2"}} {
		p.Reload(step.spec, up(plain), true)
		p.Evaluate()
		if got := told(p.Outcome(all)); got != "" {
			t.Errorf("told %q", got)
		}
		if got := p.weights(); got != step.want {
			t.Errorf("weights %q, want %q", got, step.want)
		}
	}
}
