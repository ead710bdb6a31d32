package election

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/vrrp/wire"
)

// engineRig drives an Engine as a shell does that has every link up, and keeps "TIME NAME ACTION" lines.
type engineRig struct {
	*Engine
	t       testing.TB
	clock   time.Duration
	lines   []string
	handles map[confparse.InstanceName]Handle
	specs   map[confparse.InstanceName]InstanceSpec
	started func(confparse.InstanceName) Started // what Start is answered with; nil: link up
	told    bool                                 // Notify is recorded too
}

func newEngineRig(t testing.TB) *engineRig {
	return &engineRig{
		Engine: NewEngine(), t: t, handles: make(map[confparse.InstanceName]Handle),
		specs: make(map[confparse.InstanceName]InstanceSpec),
	}
}

// specOf returns a Spec of the instances, each in the group that its name begins with ("G.a" is in G).
func specOf(list ...InstanceSpec) Spec {
	s := Spec{Instances: slices.Clone(list)}
	for _, in := range list {
		if name, _, ok := strings.Cut(string(in.Name), "."); ok {
			g := confparse.GroupName(name)
			i := slices.IndexFunc(s.Groups, func(o GroupSpec) bool { return o.Name == g })
			if i < 0 {
				i = len(s.Groups)
				s.Groups = append(s.Groups, GroupSpec{Name: g})
			}
			s.Groups[i].Members = append(s.Groups[i].Members, in.Name)
		}
	}
	return s
}

// instance returns spec2 with a name, a VRID and an address of its own.
func instance(name string, vrid uint8, change ...func(*InstanceSpec)) InstanceSpec {
	s := spec2(change...)
	s.Name, s.VRID = confparse.InstanceName(name), vrid
	s.Addresses = []Address{{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, vrid, 100}), 32), Link: "eth0"}}
	return s
}

func (r *engineRig) record(actions []InstanceAction) *engineRig {
	var starts []InstanceAction
	for _, a := range actions {
		switch act := a.Action.(type) {
		case Start:
			r.handles[a.Name], r.specs[a.Name] = a.Handle, act.Spec
			starts = append(starts, a)
		case Configure:
			r.handles[a.Name], r.specs[a.Name] = a.Handle, act.Spec
		}
		if _, notify := a.Action.(Notify); notify && !r.told {
			continue
		}
		text := describe(a.Action, r.specs[a.Name].All())
		r.lines = append(r.lines, strings.Join(strings.Fields(fmt.Sprintf("%v %s %s", r.clock, a.Name, text)), " "))
	}
	for _, a := range starts {
		ev := Started{LinkUp: true, Source: routerB}
		if r.started != nil {
			ev = r.started(a.Name)
		}
		r.record(r.Engine.Step(Instant(r.clock), a.Handle, ev))
	}
	return r
}

func (r *engineRig) apply(list ...InstanceSpec) *engineRig {
	return r.record(r.Apply(Instant(r.clock), specOf(list...)))
}

func (r *engineRig) do(name confparse.InstanceName, ev Event) *engineRig {
	return r.record(r.Engine.Step(Instant(r.clock), r.handles[name], ev))
}

func (r *engineRig) hear(name confparse.InstanceName, priority uint8) *engineRig {
	s := r.specs[name]
	a := wire.Advert{Version: s.Version, VRID: s.VRID, Priority: priority, Interval: s.AdvertInterval, TTL: 255}
	for _, x := range s.Addresses {
		a.Addresses = append(a.Addresses, x.Prefix.Addr())
	}
	return r.do(name, AdvertReceived{Advert: a, Source: routerA})
}

func (r *engineRig) until(t time.Duration) *engineRig {
	for {
		d, ok := r.Deadline()
		if !ok || time.Duration(d) > t {
			r.clock = t
			return r
		}
		r.clock = max(r.clock, time.Duration(d))
		r.record(r.Wake(Instant(r.clock)))
		if next, ok := r.Deadline(); ok && next <= Instant(r.clock) && !r.Telling() {
			r.t.Fatalf("deadline %v after Wake at %v", time.Duration(next), r.clock)
		}
	}
}

func (r *engineRig) forget() *engineRig { r.lines = nil; return r }

func (r *engineRig) expect(want ...string) *engineRig {
	r.t.Helper()
	if diff := cmp.Diff(want, r.lines); diff != "" {
		r.t.Errorf("actions (-want +got)\n%s", diff)
	}
	return r.forget()
}

func (r *engineRig) states() string {
	machines, groups := r.Status()
	var b strings.Builder
	for _, m := range machines {
		fmt.Fprintf(&b, "%s=%v ", m.Name, m.State)
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "[%s=%v] ", g.Name, g.State)
	}
	return strings.TrimSpace(b.String())
}

func (r *engineRig) expectStates(want string) *engineRig {
	r.t.Helper()
	if got := r.states(); got != want {
		r.t.Fatalf("at %v: %s, want %s", r.clock, got, want)
	}
	return r
}

// TestEngineOrder: routers act in configuration order, whatever order a map has.
func TestEngineOrder(t *testing.T) {
	var list []InstanceSpec
	var want []string
	for i := range 20 {
		name := fmt.Sprintf("VI_%02d", 19-i)
		list = append(list, instance(name, uint8(1+i)))
		want = append(want, name)
	}
	r := newEngineRig(t).apply(list...).forget()
	check := func(what string) {
		t.Helper()
		var got []string
		for _, l := range r.lines {
			if f := strings.Fields(l); f[2] == "send" {
				got = append(got, f[1])
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", what, diff)
		}
		r.forget()
	}
	r.until(4 * time.Second)
	check("takeover")
	r.until(4700 * time.Millisecond)
	check("adverts")
	r.record(r.Stop(Instant(r.clock)))
	check("resignation")
}

// TestEngineApply: what a reload does to each kind of change.
func TestEngineApply(t *testing.T) {
	a, b := instance("A", 51), instance("B", 52)
	masters := func(t *testing.T) *engineRig { return newEngineRig(t).apply(a, b).until(5 * time.Second).forget() }
	t.Run("nothing changed", func(t *testing.T) {
		masters(t).apply(a, b).expect()
	})
	t.Run("another order", func(t *testing.T) {
		masters(t).apply(b, a).expect().expectStates("B=MASTER A=MASTER")
	})
	t.Run("tunable", func(t *testing.T) {
		changed := b
		changed.Priority = 120
		masters(t).apply(a, changed).expect("5s B configure", "5s B report priority 100/120", "5s B send 120")
	})
	t.Run("renamed", func(t *testing.T) {
		renamed := b
		renamed.Name = "C"
		r := masters(t)
		h := r.handles["B"]
		r.apply(a, renamed).expect("5s C configure", "5s C send 100").expectStates("A=MASTER C=MASTER")
		if r.handles["C"] != h {
			t.Error("another handle")
		}
	})
	t.Run("removed", func(t *testing.T) {
		r := masters(t).apply(b)
		r.expect("5s A send 0", "5s A report sent 0", "5s A MASTER→INIT (stop) priority 100", "5s A cancel announcements")
		r.until(6096093750*time.Nanosecond).expect("5.609375s B send 100", "6.09609375s A release", "6.09609375s A stopped")
		r.expectStates("B=MASTER")
	})
	t.Run("added", func(t *testing.T) {
		masters(t).apply(a, b, instance("C", 53)).
			expect("5s C start", "5s C release", "5s C INIT→BACKUP (start) priority 100 initial")
	})
	t.Run("another identity waits for the addresses", func(t *testing.T) {
		moved := b
		moved.VRID = 99
		r := masters(t)
		old := r.handles["B"]
		r.apply(a, moved).expect("5s B send 0", "5s B report sent 0", "5s B MASTER→INIT (stop) priority 100",
			"5s B cancel announcements")
		if r.Idle() {
			t.Error("idle while a router waits")
		}
		r.until(6100*time.Millisecond).expect("5.609375s A send 100", "6.09609375s B release", "6.09609375s B stopped",
			"6.09609375s B start", "6.09609375s B release", "6.09609375s B INIT→BACKUP (start) priority 100 initial")
		if r.handles["B"] == old {
			t.Error("the same handle")
		}
	})
	t.Run("another identity without addresses to wait for", func(t *testing.T) {
		moved := b
		moved.VRID, moved.Addresses = 99, instance("X", 99).Addresses
		r := masters(t).apply(a, moved)
		if !slices.Contains(r.lines, "5s B start") {
			t.Errorf("not started: %q", r.lines)
		}
		r.expectStates("B=INIT A=MASTER B=BACKUP")
	})
	t.Run("gone and back at once", func(t *testing.T) {
		r := masters(t).apply(a).apply(a, b).until(7 * time.Second)
		r.expectStates("A=MASTER B=BACKUP")
	})
	t.Run("unicast instances of one key are told apart by name", func(t *testing.T) {
		one, two := instance("A", 51), instance("B", 51)
		one.Peers, two.Peers = []netip.Addr{routerA}, []netip.Addr{routerC}
		r := newEngineRig(t).apply(one, two)
		h := r.handles["B"]
		two.Priority = 7
		r.forget().apply(two).forget()
		if r.handles["B"] != h {
			t.Error("B has become another router")
		}
	})
}

// TestEngineAddressMoves: an address that a reload moves between routers is not taken away from the one that serves it.
func TestEngineAddressMoves(t *testing.T) {
	first, second := instance("A", 51), instance("B", 52)
	moving := Address{Prefix: netip.MustParsePrefix("10.77.0.9/24"), Link: "eth0"}
	with := func(s InstanceSpec, list ...Address) InstanceSpec {
		s.Addresses = append(slices.Clone(s.Addresses), list...)
		return s
	}
	masters := func(t *testing.T, list ...InstanceSpec) *engineRig {
		return newEngineRig(t).apply(list...).until(4 * time.Second).forget()
	}
	changes := func(r *engineRig) (list []string) {
		for _, l := range r.lines {
			if _, act, _ := strings.Cut(l, " "); strings.Contains(act, "install") || strings.Contains(act, "release") {
				list = append(list, act)
			}
		}
		return list
	}
	for _, tt := range []struct {
		name          string
		before, after []InstanceSpec
		want          []string
	}{
		{"to a later one", []InstanceSpec{with(first, moving), second}, []InstanceSpec{first, with(second, moving)},
			[]string{"A install", "B install"}},
		{"to an earlier one", []InstanceSpec{first, with(second, moving)}, []InstanceSpec{with(first, moving), second},
			[]string{"A install", "B install"}},
		{"from one that goes", []InstanceSpec{first, with(second, moving)}, []InstanceSpec{with(first, moving)},
			[]string{"A install", "B release 10.77.52.100"}},
		{"with another prefix length", []InstanceSpec{with(first, moving), second},
			[]InstanceSpec{first, with(second, Address{Prefix: netip.MustParsePrefix("10.77.0.9/32"), Link: "eth0"})},
			[]string{"A install -10.77.0.9/24", "B install"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := masters(t, tt.before...).apply(tt.after...).until(6 * time.Second)
			if diff := cmp.Diff(tt.want, changes(r)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	t.Run("to one that is BACKUP", func(t *testing.T) {
		r := masters(t, with(first, moving), second).hear("B", 200).until(5*time.Second).forget().apply(first, with(second, moving))
		if diff := cmp.Diff([]string{"A install -10.77.0.9/24"}, changes(r)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestEngineAddressPromisedInVain: a router lets go of an address in favour of a MASTER that is to have it, and that one
// leaves MASTER in the same reload: nobody keeps the address.
func TestEngineAddressPromisedInVain(t *testing.T) {
	moving := Address{Prefix: netip.MustParsePrefix("10.77.0.9/24"), Link: "eth0"}
	a, b := instance("A", 51), instance("G.b", 52)
	a.Addresses = append(a.Addresses, moving)
	r := newEngineRig(t).apply(a, b).until(4 * time.Second).expectStates("A=MASTER G.b=MASTER [G=MASTER]")
	// A member of B's group fails by the reload, and with it B, before B learns of the address.
	fails := instance("G.a", 53, func(s *InstanceSpec) { s.Trackers = []TrackSpec{{ID: eth1, Reverse: true}} })
	kept := instance("G.a", 53)
	r.apply(a, b, kept).until(8 * time.Second).expectStates("A=MASTER G.b=MASTER G.a=MASTER [G=MASTER]").forget()
	a.Addresses, b.Addresses = a.Addresses[:1], append(b.Addresses, moving)
	r.apply(a, fails, b).expectStates("A=MASTER G.a=FAULT G.b=FAULT [G=FAULT]")
	removed := false
	for _, l := range r.lines {
		removed = removed || strings.HasPrefix(l, "8s A install") && strings.Contains(l, "-10.77.0.9/24")
	}
	if !removed {
		t.Errorf("not removed: %q", r.lines)
	}
}

// TestEngineForgetsTheGone: events for an ended or unknown router do nothing.
func TestEngineForgetsTheGone(t *testing.T) {
	r := newEngineRig(t).apply(instance("A", 51)).forget()
	r.record(r.Stop(0)).expect("0s A BACKUP→INIT (stop) priority 100", "0s A stopped")
	r.hear("A", 1).record(r.Engine.Step(0, 4711, Wake{})).record(r.Wake(Never)).expect()
	if _, ok := r.Deadline(); ok || !r.Idle() {
		t.Error("not idle")
	}
}

// TestEngineStop: every MASTER resigns, members of a group too, and the groups follow.
func TestEngineStop(t *testing.T) {
	r := newEngineRig(t).apply(instance("G.a", 1), instance("G.b", 2), instance("C", 3)).until(4 * time.Second).forget()
	r.record(r.Stop(Instant(r.clock))).expect(
		"4s G.a send 0", "4s G.a report sent 0", "4s G.a MASTER→INIT (stop) priority 100", "4s G.a cancel announcements",
		"4s G.b send 0", "4s G.b report sent 0", "4s G.b MASTER→INIT (stop) priority 100", "4s G.b cancel announcements",
		"4s C send 0", "4s C report sent 0", "4s C MASTER→INIT (stop) priority 100", "4s C cancel announcements",
		"4s group G MASTER→INIT")
	r.until(6 * time.Second)
	if !r.Idle() {
		t.Error("not idle")
	}
}

// TestEngineIsDeterministic: two engines with equal inputs act equally, though maps iterate differently.
func TestEngineIsDeterministic(t *testing.T) {
	play := func(seed uint64) []string {
		rng := rand.New(rand.NewPCG(seed, 0))
		r := newEngineRig(t)
		var names []confparse.InstanceName
		for step := range 200 {
			switch rng.IntN(8) {
			case 0:
				var list []InstanceSpec
				names = nil
				for i := range rng.IntN(6) {
					group := []string{"", "G.", "H."}[rng.IntN(3)]
					s := instance(fmt.Sprintf("%sVI_%d", group, i), uint8(1+i), priority(uint8(1+rng.IntN(255))))
					list, names = append(list, s), append(names, s.Name)
				}
				r.apply(list...)
			case 1, 2:
				r.until(r.clock + time.Duration(rng.IntN(4000))*time.Millisecond)
			default:
				if len(names) > 0 {
					name := names[rng.IntN(len(names))]
					r.do(name, LinkChanged{Up: step%3 != 0}).hear(name, uint8(rng.IntN(256)))
				}
			}
		}
		return r.lines
	}
	for seed := range uint64(50) {
		if diff := cmp.Diff(play(seed), play(seed)); diff != "" {
			t.Fatalf("seed %d (-first +second)\n%s", seed, diff)
		}
	}
}

// TestBackupPathAllocatesNothing: the usual advert costs no memory.
func TestBackupPathAllocatesNothing(t *testing.T) {
	r := newEngineRig(t).apply(instance("A", 51), instance("G.b", 52), instance("G.c", 53))
	a := wire.Advert{Version: 2, VRID: 52, Priority: 200, Interval: time.Second, TTL: 255, Addresses: []netip.Addr{
		netip.MustParseAddr("10.77.52.100"),
	}}
	h, now := r.handles["G.b"], Instant(0)
	if n := testing.AllocsPerRun(1000, func() {
		now++
		if len(r.Engine.Step(now, h, AdvertReceived{Advert: a, Source: routerA})) != 0 {
			t.Fatal("actions")
		}
	}); n != 0 {
		t.Errorf("%v allocations per advert", n)
	}
}

func benchmarkSpecs(n int) []InstanceSpec {
	list := make([]InstanceSpec, n)
	for i := range list {
		list[i] = spec3(10*time.Millisecond, func(s *InstanceSpec) {
			s.Name = confparse.InstanceName(fmt.Sprintf("VI_%04d", i))
			s.Link, s.VRID = fmt.Sprintf("eth%d", i/250), uint8(1+i%250)
			s.Addresses[0].Link = s.Link
		})
	}
	return list
}

// BenchmarkBackupAdvert is one advert of the master for one of 1,000 routers.
func BenchmarkBackupAdvert(b *testing.B) {
	r := newEngineRig(b).apply(benchmarkSpecs(1000)...)
	handles := make([]Handle, 0, 1000)
	for _, h := range r.handles {
		handles = append(handles, h)
	}
	slices.Sort(handles)
	ev := AdvertReceived{Source: routerA, Advert: wire.Advert{
		Version: 3, Priority: 200, Interval: 10 * time.Millisecond, TTL: 255, Addresses: []netip.Addr{vip100},
	}}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		ev.Advert.VRID = uint8(1 + i%1000%250)
		r.Engine.Step(Instant(i)*10_000, handles[i%1000], ev)
	}
}

// BenchmarkMasterAdvert is one scheduled advert of one of 1,000 routers in MASTER.
func BenchmarkMasterAdvert(b *testing.B) {
	r := newEngineRig(b).apply(benchmarkSpecs(1000)...).until(time.Second)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		d, _ := r.Deadline()
		n += len(r.Wake(d))
	}
}

// TestAdvertsOfManyAreSpread: routers that take over together would send each of their adverts together, the last of them late.
// From 64 on the second advert is up to an eighth of the interval early, and the period is the interval from then on.
func TestAdvertsOfManyAreSpread(t *testing.T) {
	for _, n := range []int{crowd - 1, crowd, 200} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var list []InstanceSpec
			for i := range n {
				list = append(list, instance(fmt.Sprintf("V%d", i), uint8(1+i)))
			}
			r := newEngineRig(t).apply(list...).until(6 * time.Second)
			sent := make(map[string][]time.Duration)
			together := make(map[time.Duration]int)
			for _, l := range r.lines {
				words := strings.Fields(l)
				if words[2] != "send" {
					continue
				}
				at, err := time.ParseDuration(words[0])
				if err != nil {
					t.Fatal(err)
				}
				sent[words[1]] = append(sent[words[1]], at)
				together[at]++
			}
			const first = 3609375 * time.Microsecond
			for name, at := range sent {
				if early := first + time.Second - at[1]; at[0] != first || early < 0 || early >= time.Second/8 || n < crowd && early > 0 {
					t.Errorf("%s sends its first adverts at %v", name, at)
				}
				if len(at) < 3 || at[2] != at[1]+time.Second {
					t.Errorf("%s does not keep the interval: %v", name, at)
				}
			}
			delete(together, first)
			most := 0
			for _, k := range together {
				most = max(most, k)
			}
			if want := (n + slots - 1) / slots; n >= crowd && most > want+1 || len(sent) != n {
				t.Errorf("%d of %d adverts at one moment, want %d", most, len(sent), want)
			}
		})
	}
}

// TestSilent: who is not MASTER, and a MASTER that was not run for as long as it takes the quickest of the others to take over.
func TestSilent(t *testing.T) {
	r := newEngineRig(t).apply(instance("M", 1), instance("B", 2, priority(50))).until(4 * time.Second)
	for r.expectStates("M=MASTER B=MASTER"); r.clock < 7*time.Second; r.until(r.clock + time.Second/2) {
		r.hear("B", 200)
	}
	r.expectStates("M=MASTER B=BACKUP")
	last := r.routers[r.handles["M"]].machine.timers.advert.Add(-time.Second)
	const soonest = 3*time.Second + 2*time.Second/256 // RFC 9568 section 6.1, of priority 254
	for late, want := range map[time.Duration]string{
		time.Second: "", 3 * time.Second: "", soonest - 1: "", soonest: "M", 5 * time.Second: "BM",
	} {
		var names []string
		r.Silent(last.Add(late), func(h Handle) {
			for name, handle := range r.handles {
				if handle == h {
					names = append(names, string(name))
				}
			}
		})
		slices.Sort(names)
		if got := strings.Join(names, ""); got != want {
			t.Errorf("%v after M's last advert: %q, want %q", late, got, want)
		}
	}
}
