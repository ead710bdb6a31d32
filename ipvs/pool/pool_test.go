package pool

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/internal/fuzzing"
)

// specOf is a pool of servers .1, .2, … with the given weights and a quorum of 1, if any has a weight.
func specOf(weights ...int32) *Spec {
	s := &Spec{}
	for i, w := range weights {
		s.Servers = append(s.Servers, Server{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), Port: 80, Weight: w})
		if w > 0 {
			s.Quorum = 1
		}
	}
	return s
}

func (s *Spec) with(change func(*Spec)) *Spec {
	c := *s
	c.Servers = slices.Clone(s.Servers)
	change(&c)
	return &c
}

func sorry(s *Spec) { s.Sorry = SorryServer{Addr: netip.MustParseAddr("192.0.2.99"), Port: 80} }

// up is the health of all servers of s: up, with their configured weights.
func up(s *Spec) []Health {
	var h []Health
	for _, rs := range s.Servers {
		h = append(h, Health{Up: true, Weight: rs.Weight})
	}
	return h
}

// weights writes the pool as ".1=1 .99=1".
func (p *Pool) weights() string {
	var out []string
	for i, s := range p.spec.Servers {
		if w, in := p.Weight(0, i); in {
			b := s.Addr.As4()
			out = append(out, fmt.Sprintf(".%d=%d", b[3], w))
		}
	}
	if w, in := p.Weight(0, Sorry); in {
		b := p.spec.Sorry.Addr.As4()
		out = append(out, fmt.Sprintf(".%d=%d", b[3], w))
	}
	return strings.Join(out, " ")
}

func all(int) bool  { return true }
func none(int) bool { return false }

// told writes notes as "up .1", "weight .1 1>2", "gone .2", "gained 1<=2", "lost 1>0 initial swap".
func told(notes []Note) string {
	var out []string
	for _, n := range notes {
		b := [4]byte{}
		if n.Server.IsValid() {
			b = n.Server.Addr().As4()
		}
		s := ""
		switch n.Kind {
		case ServerUp:
			s = fmt.Sprintf("up .%d", b[3])
		case ServerDown:
			s = fmt.Sprintf("down .%d", b[3])
		case ServerGone:
			s = fmt.Sprintf("gone .%d", b[3])
		case WeightChanged:
			s = fmt.Sprintf("weight .%d %d>%d", b[3], n.From, n.To)
		case QuorumGained:
			s = fmt.Sprintf("gained %d<=%d", n.Quorum+n.Hysteresis, n.Live)
		case QuorumLost:
			s = fmt.Sprintf("lost %d>%d", n.Quorum-n.Hysteresis, n.Live)
		case ServerDamped:
			s = fmt.Sprintf("damped .%d", b[3])
		case PanicBegan, PanicEnded, FailedOver, FailedBack:
			s = map[NoteKind]string{PanicBegan: "panic", PanicEnded: "calm", FailedOver: "failover", FailedBack: "failback"}[n.Kind]
		}
		if n.Inhibit {
			s += " inhibit"
		}
		if n.Initial {
			s += " initial"
		}
		if n.Swap {
			s += " swap"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func TestQuorum(t *testing.T) {
	type step struct {
		live int64
		up   bool
	}
	for _, c := range []struct {
		name  string
		q     quorum
		steps []step
	}{
		{"quorum 2 hysteresis 1: gained at 3, kept at 1, lost at 0, gained again at 3", quorum{quorum: 2, hysteresis: 1},
			[]step{{2, false}, {3, true}, {2, true}, {1, true}, {0, false}, {2, false}, {3, true}}},
		{"it is lost at weight 0 whatever the hysteresis", quorum{quorum: 3, hysteresis: 2},
			[]step{{5, true}, {1, true}, {0, false}}},
		{"without hysteresis it follows", quorum{quorum: 2}, []step{{1, false}, {2, true}, {1, false}, {2, true}}},
		{"a pool of weight 0 has quorum 0 and always meets it", quorum{}, []step{{0, true}, {0, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, st := range c.steps {
				was := c.q.up
				c.q.sum = st.live
				if changed := c.q.evaluate(); c.q.up != st.up || changed != (was != st.up) {
					t.Fatalf("step %d: up %v, changed %v", i, c.q.up, changed)
				}
			}
		})
	}
}

func TestWeights(t *testing.T) {
	inhibit := func(s *Spec) { s.Servers[0].InhibitOnFailure = true }
	sorryInhibit := func(s *Spec) { sorry(s); s.Sorry.Inhibit = true }
	down, zero := Health{Weight: 1}, Health{Up: true}
	for _, c := range []struct {
		name   string
		spec   *Spec
		health []Health
		want   string
	}{
		{"all up", specOf(1, 2), []Health{{true, 1}, {true, 2}}, ".1=1 .2=2"},
		{"down is out", specOf(1, 2), []Health{down, {true, 2}}, ".2=2"},
		{"down with inhibit_on_failure is weight 0", specOf(1, 2).with(inhibit), []Health{down, {true, 2}}, ".1=0 .2=2"},
		{"up with weight 0 is in", specOf(1, 2), []Health{zero, {true, 2}}, ".1=0 .2=2"},
		{"a weight below 0 counts as 0", specOf(1, 2), []Health{{true, math.MinInt32}, {true, 2}}, ".1=0 .2=2"},
		{"without quorum and sorry server the rest serves", specOf(1, 2).with(func(s *Spec) { s.Quorum = 3 }),
			[]Health{down, {true, 2}}, ".2=2"},
		{"sorry server idle", specOf(1).with(sorry), []Health{{true, 1}}, ".1=1"},
		{"sorry server serves alone", specOf(1, 2).with(sorry).with(func(s *Spec) { s.Quorum = 3 }),
			[]Health{down, {true, 2}}, ".99=1"},
		{"sorry_server_inhibit idle", specOf(1).with(sorryInhibit), []Health{{true, 1}}, ".1=1 .99=0"},
		{"sorry_server_inhibit serves", specOf(1).with(sorryInhibit), []Health{down}, ".99=1"},
		{"servers that only weight 0 is left of do not make the quorum", specOf(1).with(sorry), []Health{zero}, ".99=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := New(c.spec, c.health).weights(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestNotes plays what happens to a pool of three servers of weight 1 and says what is told of it when the kernel has
// done its part. A step is a verdict "+1", "-1", "1=5" on a server, or "!" for a kernel that refuses what is changed.
func TestNotes(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Spec)
		steps  []string // each an event list, then ":", then what is told
	}{
		{"at start the quorum is told and no server", nil, []string{": gained 1<=3 initial"}},
		{"servers before the quorum, losing and gaining", func(s *Spec) { s.Quorum = 2; sorry(s) }, []string{
			": gained 2<=3 initial", "-1: down .1", "-2: down .2, lost 2>1 swap", "-3: down .3",
			"+3: up .3", "+2: up .2, gained 2<=2 swap"}},
		{"hysteresis", func(s *Spec) { s.Quorum, s.Hysteresis = 2, 1 }, []string{
			": gained 3<=3 initial", "-1 -2: down .1, down .2", "-3: down .3, lost 1>0", "+1 +2: up .1, up .2",
			"+3: up .3, gained 3<=3"}},
		{"in the order of events, each once", nil, []string{": gained 1<=3 initial", "-3 -1 -3: down .3, down .1"}},
		{"back before the kernel was asked is nothing", func(s *Spec) { sorry(s) }, []string{
			": gained 1<=3 initial", "-1 -2 -3 +2 +1 +3: "}},
		{"a weight", nil, []string{": gained 1<=3 initial", "1=5: weight .1 1>5", "1=-7: weight .1 5>0", "1=-9: "}},
		{"inhibit_on_failure", func(s *Spec) { s.Servers[0].InhibitOnFailure = true }, []string{
			": gained 1<=3 initial", "-1: down .1 inhibit", "+1: up .1 inhibit"}},
		{"what the kernel refuses is told when it does not any more", nil, []string{
			": gained 1<=3 initial", "-1: down .1", "! +1: ", "-2: up .1, down .2"}},
		{"what the kernel refused and nobody wants any more is not told", nil, []string{
			": gained 1<=3 initial", "-1: down .1", "! +1: ", "-1: "}},
		{"a quorum waits for the sorry server, not for what cannot be had", sorry, []string{
			"! : ", ": gained 1<=3 initial", "! -1 -2 -3: ", ": down .1, down .2, down .3, lost 1>0 swap"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := specOf(1, 1, 1)
			if c.change != nil {
				s = s.with(c.change)
			}
			p := New(s, up(s))
			for _, step := range c.steps {
				events, want, _ := strings.Cut(step, ":")
				kernel := all
				for _, e := range strings.Fields(events) {
					var n int
					var w int32
					switch {
					case e == "!":
						kernel = none
					case e[0] == '+':
						fmt.Sscanf(e, "+%d", &n)
						p.Change(n-1, Health{Up: true, Weight: 1})
					case e[0] == '-':
						fmt.Sscanf(e, "-%d", &n)
						p.Change(n-1, Health{Weight: 1})
					default:
						fmt.Sscanf(e, "%d=%d", &n, &w)
						p.Change(n-1, Health{Up: true, Weight: w})
					}
				}
				p.Evaluate()
				if got := told(p.Outcome(kernel)); got != strings.TrimSpace(want) {
					t.Errorf("%q: told %q, want %q", events, got, strings.TrimSpace(want))
				}
				if kernel(0) {
					if again := told(p.Outcome(all)); again != "" {
						t.Errorf("%q: told again: %q", events, again)
					}
				}
			}
		})
	}
}

// A pool that begins without its quorum says so only if a sorry server is due.
func TestNotesOfAPoolThatBeginsDown(t *testing.T) {
	for _, c := range []struct {
		name string
		spec *Spec
		want string
	}{
		{"no sorry server", specOf(1), ""},
		{"sorry server", specOf(1).with(sorry), "lost 1>0 initial swap"},
	} {
		p := New(c.spec, []Health{{}})
		if got := told(p.Outcome(all)); got != c.want {
			t.Errorf("%s: told %q, want %q", c.name, got, c.want)
		}
	}
}

func TestReload(t *testing.T) {
	s := specOf(1, 1, 1)
	down := func(h []Health, which ...int) []Health {
		for _, i := range which {
			h[i].Up = false
		}
		return h
	}
	for _, c := range []struct {
		name    string
		before  []Health
		next    *Spec
		health  []Health
		changed bool
		told    string
		want    string
	}{
		{"nothing changes", up(s), s.with(func(*Spec) {}), up(s), false, "", ".1=1 .2=1 .3=1"},
		{"a server less", up(s), s.with(func(s *Spec) { s.Servers = s.Servers[1:] }), up(s)[1:], true, "gone .1", ".2=1 .3=1"},
		{"a server more is no news", up(s), specOf(1, 1, 1, 1), up(specOf(1, 1, 1, 1)), true, "", ".1=1 .2=1 .3=1 .4=1"},
		{"another order is no news", up(s), s.with(func(s *Spec) { slices.Reverse(s.Servers) }), up(s), true, "",
			".3=1 .2=1 .1=1"},
		{"a weight", up(s), specOf(1, 7, 1), up(specOf(1, 7, 1)), true, "weight .2 1>7", ".1=1 .2=7 .3=1"},
		{"a server that comes up by it", down(up(s), 1), s, up(s), true, "up .2", ".1=1 .2=1 .3=1"},
		{"a quorum that cannot be had", up(s), s.with(func(s *Spec) { s.Quorum = 4; sorry(s) }), up(s), true,
			"lost 4>3 initial swap", ".99=1"},
		{"a sorry server while there is no quorum", down(up(s), 0, 1, 2), s.with(sorry), down(up(s), 0, 1, 2), true,
			"lost 1>0 initial swap", ".99=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := New(s, c.before)
			p.Outcome(all)
			if got := p.Reload(c.next, c.health, true); got != c.changed {
				t.Errorf("changed %v", got)
			}
			if got := told(p.Outcome(all)); got != c.told {
				t.Errorf("told %q, want %q", got, c.told)
			}
			if got := p.weights(); got != c.want {
				t.Errorf("weights %q, want %q", got, c.want)
			}
		})
	}
}

// Another sorry server in the place of one that serves is news; the same one with other settings is not.
func TestReloadOfTheSorryServer(t *testing.T) {
	s := specOf(1).with(sorry)
	for _, c := range []struct {
		name   string
		change func(*Spec)
		want   string
	}{
		{"inhibit", func(s *Spec) { s.Sorry.Inhibit = true }, ""},
		{"another", func(s *Spec) { s.Sorry.Port = 81 }, "lost 1>0 initial swap"},
		{"none", func(s *Spec) { s.Sorry = SorryServer{} }, ""},
	} {
		p := New(s, []Health{{}})
		p.Outcome(all)
		p.Reload(s.with(c.change), []Health{{}}, true)
		if got := told(p.Outcome(all)); got != c.want {
			t.Errorf("%s: told %q, want %q", c.name, got, c.want)
		}
	}
}

// What others have set is a matter of one service and of one server.
func TestOverride(t *testing.T) {
	s := specOf(1, 1).with(func(s *Spec) { s.Servers[1].InhibitOnFailure = true })
	fresh := func() *Pool {
		p := New(s, up(s))
		p.Override(1, 0, 0)
		return p
	}
	weight := func(p *Pool, service, i int) int32 { w, _ := p.Weight(service, i); return w }
	if p := fresh(); weight(p, 0, 0) != 1 || weight(p, 1, 0) != 0 || weight(p, 1, 1) != 1 {
		t.Errorf("%+v", p.Overrides())
	}
	if p := fresh(); p.Live() != 2 {
		t.Errorf("live weight %d: what one service was told is no verdict", p.Live())
	}
	for _, c := range []struct {
		name string
		do   func(*Pool)
		kept bool
	}{
		{"the same verdict", func(p *Pool) { p.Change(0, Health{true, 1}) }, true},
		{"another verdict", func(p *Pool) { p.Change(0, Health{false, 1}); p.Change(0, Health{true, 1}) }, false},
		{"a verdict on another", func(p *Pool) { p.Change(1, Health{false, 1}) }, true},
		{"a reload", func(p *Pool) { p.Reload(s.with(func(s *Spec) { s.Quorum = 2 }), up(s), true) }, true},
		{"a reload of the server", func(p *Pool) {
			p.Reload(s.with(func(s *Spec) { s.Servers[0].UpperThreshold = 9 }), up(s), true)
		}, false},
		{"a reload with other services", func(p *Pool) { p.Reload(s, up(s), false) }, false},
		{"its own weight", func(p *Pool) { p.Override(1, 0, 1) }, false},
		{"it left the service", func(p *Pool) { p.Left(1, 0) }, false},
		{"it left another service", func(p *Pool) { p.Left(0, 0) }, true},
	} {
		p := fresh()
		c.do(p)
		if got := p.Overrides(); (len(got) == 1) != c.kept {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	p := fresh()
	p.Change(0, Health{})
	if p.Override(1, 0, 5); len(p.Overrides()) != 0 {
		t.Error("a server that is out has a weight")
	}
	p.Change(1, Health{})
	if p.Override(0, 1, 5); weight(p, 0, 1) != 5 {
		t.Error("the weight of an inhibited server is not kept")
	}
}

// When the sorry server and the real servers change places every weight is another one, and what others have set is over:
// a sorry server that somebody had drained serves when it is the only one, and a real server does not beside it.
func TestOverrideEndsWhenTheSorryServerSwaps(t *testing.T) {
	inhibiting := specOf(1, 1).with(func(s *Spec) {
		sorry(s)
		s.Quorum, s.Sorry.Inhibit = 2, true
		for i := range s.Servers {
			s.Servers[i].InhibitOnFailure = true
		}
	})
	for _, c := range []struct {
		name string
		swap func(*Pool)
	}{
		{"by a check of another server", func(p *Pool) { p.Change(1, Health{Weight: 1}); p.Evaluate() }},
		{"by a reload", func(p *Pool) { p.Reload(inhibiting.with(func(s *Spec) { s.Quorum = 3 }), up(inhibiting), true) }},
	} {
		p := New(inhibiting, up(inhibiting))
		p.Override(0, 0, 7)
		p.Override(0, Sorry, 5)
		if len(p.Overrides()) != 2 {
			t.Fatalf("%s: overrides %+v before", c.name, p.Overrides())
		}
		if c.swap(p); !p.Serving() {
			t.Fatalf("%s: the sorry server does not serve", c.name)
		}
		if w, _ := p.Weight(0, 0); w != 0 || len(p.Overrides()) != 0 {
			t.Errorf("%s: weight %d of a real server, overrides %+v", c.name, w, p.Overrides())
		}
		if w, in := p.Weight(0, Sorry); w != 1 || !in {
			t.Errorf("%s: weight %d of the sorry server", c.name, w)
		}
	}
}

// The cost of a verdict does not grow with the number of weights that others have set.
func TestChangeCostsTheSameHoweverManyAreOverridden(t *testing.T) {
	const small, large = 256, 256 * 64
	each := func(n int) (least time.Duration) {
		s := specOf(slices.Repeat([]int32{1}, n)...)
		for try := range 5 {
			p := New(s, up(s))
			for i := range n {
				p.Override(0, i, 9)
			}
			took := fuzzing.Cost(t, func() {
				for i := range n {
					p.Change(i, Health{Weight: 1})
				}
			}) / time.Duration(n)
			if try == 0 || took < least {
				least = took
			}
			if len(p.Overrides()) != 0 {
				t.Fatalf("%d overrides are left", len(p.Overrides()))
			}
		}
		return max(least, time.Nanosecond)
	}
	if a, b := each(small), each(large); b > 16*a {
		t.Errorf("a verdict takes %v in a pool of %d and %v in one of %d", a, small, b, large)
	}
}

// TestFind: short lists and long ones find the same, also after a reload.
func TestFind(t *testing.T) {
	for _, n := range []int{1, few, few + 1, 200} {
		s := specOf(make([]int32, n)...)
		p := New(s, make([]Health, n))
		for range 2 {
			for i := range p.spec.Servers {
				if got := p.Find(p.spec.Servers[i].Endpoint()); got != i {
					t.Fatalf("%d servers: number %d found as %d", n, i, got)
				}
			}
			if got := p.Find(netip.MustParseAddrPort("192.0.2.1:81")); got != -1 {
				t.Errorf("%d servers: another port found as %d", n, got)
			}
			p.Reload(s.with(func(s *Spec) { slices.Reverse(s.Servers) }), make([]Health, n), true)
		}
	}
}

// TestPoolIsWhatStartingAfreshGives: after any verdicts, overrides and reloads the pool counts what a new one counts,
// and, without hysteresis, wants what a new one wants. What is told of a server alternates, and so does the quorum.
func TestPoolIsWhatStartingAfreshGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		h := drawHealth(t, len(s.Servers))
		p := New(s, h)
		last := map[netip.AddrPort]bool{}
		assumed := map[netip.AddrPort]bool{} // down from the start: that a check says so may be told once
		for i, rs := range s.Servers {
			last[rs.Endpoint()], assumed[rs.Endpoint()] = h[i].Up, !h[i].Up
		}
		quorum := false
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				s = drawSpec(t)
				h = drawHealth(t, len(s.Servers))
				before := maps.Clone(last)
				clear(last)
				for i, rs := range s.Servers {
					was, known := before[rs.Endpoint()]
					last[rs.Endpoint()] = known && was || !known && h[i].Up
					if !known {
						assumed[rs.Endpoint()] = !h[i].Up
					}
				}
				p.Reload(s, h, true)
			default:
				if len(h) > 0 {
					i := rapid.IntRange(0, len(h)-1).Draw(t, "server")
					h[i] = drawHealth(t, 1)[0]
					p.Change(i, h[i])
					p.Evaluate()
				}
			}
			fresh := New(s, h)
			if p.Live() != fresh.Live() || s.Hysteresis == 0 && p.weights() != fresh.weights() {
				t.Fatalf("live %d, %s; afresh: live %d, %s", p.Live(), p.weights(), fresh.Live(), fresh.weights())
			}
			if !rapid.Bool().Draw(t, "settle") {
				continue
			}
			for _, n := range p.Outcome(all) {
				switch n.Kind {
				case ServerUp, ServerDown:
					if up := n.Kind == ServerUp; last[n.Server] == up && !(assumed[n.Server] && !up) {
						t.Fatalf("told twice: %+v", n)
					} else {
						last[n.Server], assumed[n.Server] = up, false
					}
				case QuorumGained, QuorumLost:
					if up := n.Kind == QuorumGained; up == quorum && !n.Swap {
						t.Fatalf("told twice: %+v", n)
					} else {
						quorum = up
					}
				}
			}
		}
		p.Outcome(all)
		for i, rs := range s.Servers {
			if p.servers[i].told.Up != h[i].Up {
				t.Errorf("%v: up %v is not told", rs.Endpoint(), h[i].Up)
			}
		}
		if p.toldQuorum != p.QuorumUp() || p.toldServing != p.Serving() {
			t.Error("the quorum is not told")
		}
	})
}

func drawSpec(t *rapid.T) *Spec {
	weights := rapid.SliceOfN(rapid.Int32Range(0, 3), 0, 5).Draw(t, "weights")
	s := specOf(weights...)
	total := uint32(0)
	for i := range s.Servers {
		total += uint32(s.Servers[i].Weight)
		s.Servers[i].InhibitOnFailure = rapid.Bool().Draw(t, "inhibit")
		s.Servers[i].Backup = rapid.IntRange(0, 3).Draw(t, "backup") == 0
	}
	s.Quorum = rapid.Uint32Range(min(total, 1), max(total, 1)).Draw(t, "quorum")
	if s.Quorum > 1 {
		s.Hysteresis = rapid.Uint32Range(0, s.Quorum-1).Draw(t, "hysteresis")
	}
	s.FailoverThreshold = rapid.Uint32Range(0, 3).Draw(t, "failover")
	if rapid.Bool().Draw(t, "sorry") {
		sorry(s)
		s.Sorry.Inhibit = rapid.Bool().Draw(t, "sorry inhibit")
	}
	if len(s.Servers) > 1 && rapid.Bool().Draw(t, "another order") {
		slices.Reverse(s.Servers)
	}
	return s
}

func drawHealth(t *rapid.T, n int) []Health {
	h := make([]Health, n)
	for i := range h {
		h[i] = Health{Up: rapid.Bool().Draw(t, "up"), Weight: rapid.Int32Range(-1, 4).Draw(t, "weight")}
	}
	return h
}
