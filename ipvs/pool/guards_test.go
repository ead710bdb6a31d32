package pool

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// play has a pool of servers of the given weights live through steps, each "events: what is told | the weights then".
// Events are "+N" and "-N", verdicts on a server, and "@S", the time in seconds.
func play(t *testing.T, s *Spec, steps ...string) *Pool {
	t.Helper()
	p := New(s, up(s))
	p.Outcome(all)
	for _, step := range steps {
		events, rest, _ := strings.Cut(step, ":")
		wantTold, wantWeights, _ := strings.Cut(rest, "|")
		for _, e := range strings.Fields(events) {
			var n int
			fmt.Sscan(e[1:], &n)
			switch e[0] {
			case '@':
				p.Advance(Instant(n) * time.Second)
			case '+', '-':
				p.Change(n-1, Health{Up: e[0] == '+', Weight: s.Servers[n-1].Weight})
			}
		}
		p.Evaluate()
		if got := told(p.Outcome(all)); got != strings.TrimSpace(wantTold) {
			t.Errorf("%q: told %q, want %q", events, got, strings.TrimSpace(wantTold))
		}
		if got := p.weights(); got != strings.TrimSpace(wantWeights) {
			t.Errorf("%q: weights %q, want %q", events, got, strings.TrimSpace(wantWeights))
		}
	}
	return p
}

func backups(from int, threshold uint32) func(*Spec) {
	return func(s *Spec) {
		for i := from - 1; i < len(s.Servers); i++ {
			s.Servers[i].Backup = true
		}
		s.FailoverThreshold = threshold
	}
}

func TestBackupServers(t *testing.T) {
	t.Run("they serve when nobody else does, and before the sorry server", func(t *testing.T) {
		play(t, specOf(1, 1, 1).with(backups(3, 1)).with(sorry),
			": | .1=1 .2=1", "-1: down .1 | .2=1", "-2: down .2, failover | .3=1", "-3: down .3, failback, lost 1>0 swap | .99=1",
			"+3: up .3, failover, gained 1<=1 swap | .3=1", "+2: up .2, failback | .2=1")
	})
	t.Run("beside who is left, below the threshold", func(t *testing.T) {
		play(t, specOf(2, 2, 1, 1).with(backups(3, 4)),
			": | .1=2 .2=2", "-1: down .1, failover | .2=2 .3=1 .4=1", "-3: down .3 | .2=2 .4=1", "+1: up .1, failback | .1=2 .2=2",
			"+3: up .3 | .1=2 .2=2")
	})
	t.Run("they count for the quorum while they serve", func(t *testing.T) {
		play(t, specOf(1, 1, 1).with(backups(2, 1)).with(func(s *Spec) { s.Quorum = 1 }),
			"-1: down .1, failover | .2=1 .3=1", "-2 -3: down .2, down .3, failback, lost 1>0 |")
	})
	t.Run("one with inhibit_on_failure is in with weight 0", func(t *testing.T) {
		play(t, specOf(1, 1).with(backups(2, 1)).with(func(s *Spec) { s.Servers[1].InhibitOnFailure = true }),
			": | .1=1 .2=0", "-1: down .1, failover | .2=1")
	})
}

func TestPanicThreshold(t *testing.T) {
	half := func(s *Spec) { s.Guards.PanicThreshold = 50 }
	t.Run("no more than half are taken out, and who was kept in goes when there is room", func(t *testing.T) {
		play(t, specOf(1, 1, 1, 1).with(half),
			"-2: down .2 | .1=1 .3=1 .4=1", "-1: down .1 | .3=1 .4=1", "-4: panic | .3=1 .4=1", "-3: | .3=1 .4=1",
			"+1: up .1, down .4 | .1=1 .3=1", "+3: calm | .1=1 .3=1", "+4: up .4 | .1=1 .3=1 .4=1", "+2: up .2 | .1=1 .2=1 .3=1 .4=1")
	})
	t.Run("all at once", func(t *testing.T) {
		play(t, specOf(1, 1, 1, 1).with(half), "-1 -2 -3 -4: down .1, down .2, panic | .3=1 .4=1",
			"+1 +2 +3 +4: up .1, up .2, calm | .1=1 .2=1 .3=1 .4=1")
	})
	t.Run("backup servers are not counted", func(t *testing.T) {
		play(t, specOf(1, 1, 1, 1).with(half).with(backups(3, 1)), "-3 -4: down .3, down .4 | .1=1 .2=1", "-1: down .1 | .2=1",
			"-2: panic | .2=1")
	})
	t.Run("who never was in does not come in", func(t *testing.T) {
		s := specOf(1, 1).with(half)
		p := New(s, []Health{{}, {}})
		p.Change(0, Health{})
		p.Change(1, Health{})
		p.Evaluate()
		if got := p.weights(); got != "" {
			t.Errorf("weights %q", got)
		}
	})
	t.Run("a reload that ends the guard takes out who was kept in", func(t *testing.T) {
		s := specOf(1, 1).with(half)
		p := play(t, s, "-1 -2: down .1, panic | .2=1")
		down := []Health{{Weight: 1}, {Weight: 1}}
		if p.Reload(s.with(func(s *Spec) { s.Quorum = 2 }), down, true); p.weights() != ".2=1" {
			t.Errorf("weights %q after a reload", p.weights())
		}
		p.Reload(specOf(1, 1), down, true)
		if got := told(p.Outcome(all)); got != "down .2, calm, lost 1>0 initial" || p.weights() != "" {
			t.Errorf("told %q, weights %q", got, p.weights())
		}
	})
}

func TestFlapDamping(t *testing.T) {
	three := func(s *Spec) { s.Guards.FlapFailures, s.Guards.FlapWithin = 3, 60*time.Second }
	play(t, specOf(1, 1).with(three),
		"@10 -1: down .1 | .2=1", "@11 +1: up .1 | .1=1 .2=1", "@20 -1: down .1 | .2=1", "@21 +1: up .1 | .1=1 .2=1",
		"@30 -1: down .1, damped .1 | .2=1", "@31 +1: | .2=1", // up, and kept out
		"@80 -1: | .2=1", "@81 +1: | .2=1", // which is longer with another failure
		"@139: | .2=1", "@140: up .1 | .1=1 .2=1",
		"@200 -1: down .1 | .2=1", "@201 +1: up .1 | .1=1 .2=1") // what is long ago does not count
	p := play(t, specOf(1).with(three), "@10 -1 +1 -1 +1 -1 +1: down .1, damped .1, lost 1>0 |")
	if at, ok := p.Deadline(); !ok || at != 70*time.Second {
		t.Errorf("deadline %v, %v", at, ok)
	}
	p.Advance(70 * time.Second)
	if got := p.weights(); got != ".1=1" || !p.QuorumUp() {
		t.Errorf("afterwards %q", got)
	}
}

func TestSlowStart(t *testing.T) {
	slow := func(s *Spec) { s.Guards.SlowStart = 100 * time.Second }
	play(t, specOf(100, 1).with(slow),
		": | .1=100 .2=1", // nobody comes back at a start
		"@5 -1 -2: down .1, down .2, lost 1>0 |", "@20 +1 +2: up .1, up .2, gained 1<=101 | .1=10 .2=1",
		"@29: | .1=10 .2=1", "@30: | .1=20 .2=1", "@95: | .1=80 .2=1", "@119: | .1=100 .2=1", "@130: | .1=100 .2=1",
		"@140 -1 +1: | .1=10 .2=1", "@145 -1: down .1 | .2=1", "@150: | .2=1")
	p := play(t, specOf(100).with(slow), "@5 -1: down .1, lost 1>0 |", "@6 +1: up .1, gained 1<=100 | .1=10")
	steps := 0
	for at, ok := p.Deadline(); ok; at, ok = p.Deadline() {
		if steps++; !p.Advance(at) {
			t.Fatalf("nothing changes at %v", at)
		}
	}
	if got := p.weights(); steps != rampSteps || got != ".1=100" {
		t.Errorf("%s after %d steps", got, steps)
	}
}

func TestDrain(t *testing.T) {
	drained := func(s *Spec) { s.Guards.Drain = 30 * time.Second }
	without := func(n int) func(*Spec) { return func(s *Spec) { s.Servers = s.Servers[:n] } }
	draining := func(p *Pool) (out string) {
		for _, s := range p.Draining() {
			b := s.Addr.As4()
			out += fmt.Sprintf(".%d ", b[3])
		}
		return out
	}
	s := specOf(1, 1, 1, 1).with(drained)
	p := play(t, s, "@10 -4: down .4 | .1=1 .2=1 .3=1")
	p.Reload(s.with(without(1)), up(specOf(1)), true)
	if got := draining(p); got != ".2 .3 " { // .4 was not in
		t.Errorf("draining %q", got)
	}
	if got := told(p.Outcome(all)); got != "gone .2, gone .3, gone .4" {
		t.Errorf("told %q", got)
	}
	if p.Drained(netip.MustParseAddrPort("192.0.2.1:80")) || !p.Drained(netip.MustParseAddrPort("192.0.2.2:80")) || draining(p) != ".3 " {
		t.Errorf("draining %q after .2 has ended its connections", draining(p))
	}
	if at, ok := p.Deadline(); !ok || at != 40*time.Second || p.Advance(39*time.Second) || !p.Advance(at) || draining(p) != "" {
		t.Errorf("deadline %v, draining %q", at, draining(p))
	}
	// One that comes back is a server again; one that a reload does not let drain any more goes.
	p.Reload(s.with(without(2)), up(specOf(1, 1)), true)
	p.Reload(s.with(without(1)), up(specOf(1)), true)
	p.Reload(s.with(without(2)), up(specOf(1, 1)), true)
	if got := draining(p); got != "" || p.weights() != ".1=1 .2=1" {
		t.Errorf("draining %q, weights %q", got, p.weights())
	}
	p.Reload(s.with(without(1)), up(specOf(1)), true)
	p.Reload(specOf(1), up(specOf(1)), true)
	if got := draining(p); got != "" {
		t.Errorf("draining %q without drain_on_remove", got)
	}
}

// What becomes of a pool whose virtual server leaves the configuration: those that are in drain, and it is nobody's news.
func TestLeaving(t *testing.T) {
	drained := func(s *Spec) { s.Guards.Drain = 30 * time.Second }
	for _, c := range []struct {
		name  string
		spec  *Spec
		fails bool // the last server
		want  []string
	}{
		{"servers that are in", specOf(1, 1).with(drained), true, []string{"192.0.2.1:80"}},
		{"the sorry server that serves", specOf(1).with(drained).with(sorry), true, []string{"192.0.2.99:80"}},
		{"without drain_on_remove", specOf(1), false, nil},
	} {
		p := New(c.spec, up(c.spec))
		p.Advance(10 * time.Second)
		if c.fails {
			last := len(c.spec.Servers) - 1
			p.Change(last, Health{Weight: 1})
			p.Evaluate()
		}
		q := p.Leaving()
		var got []string
		for _, s := range q.Draining() {
			got = append(got, s.Endpoint().String())
		}
		if !slices.Equal(got, c.want) || q.weights() != "" {
			t.Errorf("%s: draining %q, weights %q; want %q", c.name, got, q.weights(), c.want)
		}
		if notes := q.Outcome(all); len(notes) > 0 {
			t.Errorf("%s: told %q", c.name, told(notes))
		}
		if at, ok := q.Deadline(); ok != (c.want != nil) || ok && (at != 40*time.Second || !q.Advance(at) || len(q.Draining()) > 0) {
			t.Errorf("%s: deadline %v, %v", c.name, at, ok)
		}
	}
}

// What is told at the start where rs_init_notifies asks for it, by a check that finds what alpha has assumed, and at the end.
func TestBeginningsAndEnds(t *testing.T) {
	s := specOf(1, 1, 1)
	p := New(s, []Health{{true, 1}, {false, 1}, {false, 1}})
	p.Announce()
	if got := told(p.Outcome(all)); got != "up .1 initial, gained 1<=1 initial" {
		t.Errorf("told at the start: %q", got)
	}
	p.Change(1, Health{Weight: 1})
	p.Change(1, Health{Weight: 1})
	p.Evaluate()
	if got := told(p.Outcome(all)); got != "down .2 initial" {
		t.Errorf("told of the first failure: %q", got)
	}
	p.Reload(specOf(1, 1, 1, 1), []Health{{true, 1}, {false, 1}, {false, 1}, {true, 1}}, true)
	p.Announce()
	if got := told(p.Outcome(all)); got != "up .4 initial" {
		t.Errorf("told of a new server: %q", got)
	}
	got := told(p.End(true))
	if got != "gone .1, gone .2, gone .3, gone .4, lost 1>2" {
		t.Errorf("told at the end: %q", got)
	}
	for _, n := range p.End(false) {
		if want := n.Server.Addr() != netip.MustParseAddr("192.0.2.2") && n.Server.Addr() != netip.MustParseAddr("192.0.2.3"); n.Kind == ServerGone && n.Up != want {
			t.Errorf("%v was up: %v", n.Server, n.Up)
		}
		if !n.Final || n.Stops || n.Kind == QuorumLost && n.Live != 0 {
			t.Errorf("by a reload: %+v", n)
		}
	}
	if slices.ContainsFunc(p.End(true), func(n Note) bool { return !n.Final || !n.Stops }) {
		t.Error("at the stop something goes on")
	}
}
