package election

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/internal/track"
	"vigil/vrrp/wire"
)

var (
	anyAddr    = rapid.SampledFrom([]netip.Addr{{}, routerA, routerB, routerC, link6})
	anyTracker = rapid.SampledFrom([]track.ID{{}, eth1, eth2, {Kind: track.File, Name: "eth1"}, {Kind: track.Script, Name: "eth1"}})
	anyList    = rapid.SampledFrom([][]Address{nil, {{Prefix: netip.PrefixFrom(vip100, 32)}},
		{{Prefix: netip.PrefixFrom(vip100, 24)}, {Prefix: netip.PrefixFrom(vip101, 24)}}, {{}}})
	anySpan = rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(-1, 10_000).Draw(t, "ms")) * time.Millisecond
	})
	anyHooks = rapid.Custom(func(t *rapid.T) Hooks {
		some := rapid.SampledFrom([]confparse.Program{{}, {}, programCalled("a"), programCalled("b")})
		return Hooks{some.Draw(t, "pre_master"), anySpan.Draw(t, "timeout"), some.Draw(t, "ensure_master"), anySpan.Draw(t, "every")}
	})
	// anySpec includes what no configuration asks for: a machine must live with that too.
	anySpec = rapid.Custom(func(t *rapid.T) InstanceSpec {
		return InstanceSpec{
			Name: "VI", Link: "eth0", VRID: 51, Family: rapid.SampledFrom([]confparse.Family{0, 4, 6}).Draw(t, "family"),
			Version:     rapid.SampledFrom([]uint8{0, 2, 3}).Draw(t, "version"),
			Priority:    rapid.OneOf(rapid.Uint8(), rapid.SampledFrom([]uint8{100, 255})).Draw(t, "priority"),
			StartMaster: rapid.Bool().Draw(t, "start master"), AdvertInterval: anySpan.Draw(t, "interval"),
			DownTimerAdverts: rapid.IntRange(-1, 5).Draw(t, "adverts"), NoPreempt: rapid.Bool().Draw(t, "nopreempt"),
			PreemptWhen:  anyTracker.Draw(t, "preempts when"),
			PreemptDelay: anySpan.Draw(t, "preempt_delay"), AuthType: wire.AuthType(rapid.IntRange(0, 1).Draw(t, "auth")),
			Source: anyAddr.Draw(t, "source"), Group: group4, Peers: rapid.SliceOfN(anyAddr, 0, 2).Draw(t, "peers"),
			CheckUnicastSrc: rapid.Bool().Draw(t, "check"), SkipCheckAdvAddr: rapid.Bool().Draw(t, "skip"),
			TrackLink: rapid.Bool().Draw(t, "track"), Addresses: anyList.Draw(t, "addresses"), Excluded: anyList.Draw(t, "excluded"),
			Trackers: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) TrackSpec {
				return TrackSpec{anyTracker.Draw(t, "tracker"), rapid.IntRange(-300, 300).Draw(t, "weight"), rapid.Bool().Draw(t, "reverse")}
			}), 0, 2).Draw(t, "tracked"),
			GARP: confparse.GARP{
				MasterDelay: anySpan.Draw(t, "delay"), MasterRepeat: rapid.IntRange(-1, 3).Draw(t, "repeat"),
				MasterRefresh: anySpan.Draw(t, "refresh"), LowerPrioDelay: anySpan.Draw(t, "lower delay"),
				LowerPrioRepeat: rapid.IntRange(-1, 3).Draw(t, "lower repeat"),
			},
			Hooks:     anyHooks.Draw(t, "hooks"),
			ExtraGARP: anySpan.Draw(t, "extra"), ExtraGARPAll: rapid.Bool().Draw(t, "extra on all"),
			NoAccept: rapid.Bool().Draw(t, "no_accept"), Promote: rapid.Bool().Draw(t, "promote"), OnLoss: LossPolicy(rapid.IntRange(0, 2).Draw(t, "loss")),
			ProtocolSpec: ProtocolSpec{OwnerIgnoresAdverts: rapid.Bool().Draw(t, "deaf"), TimerExpired: rapid.SampledFrom([]uint8{0, 0, 100, 254}).Draw(t, "expired"),
				Unusable: rapid.SampledFrom([]FaultKind{0, 0, 0, FaultNoPeers, FaultNoKey}).Draw(t, "unusable")},
			LowerPriorityNoAdvert: rapid.Bool().Draw(t, "no advert"), HigherPrioritySendAdvert: rapid.Bool().Draw(t, "advert"),
		}
	})
	anyAdvert = rapid.Custom(func(t *rapid.T) AdvertReceived {
		return AdvertReceived{
			Source: anyAddr.Draw(t, "source"),
			Advert: wire.Advert{
				Version: rapid.SampledFrom([]uint8{2, 3}).Draw(t, "version"), VRID: rapid.SampledFrom([]uint8{51, 51, 51, 52}).Draw(t, "vrid"),
				Priority: rapid.OneOf(rapid.Uint8(), rapid.SampledFrom([]uint8{0, 100, 255})).Draw(t, "priority"),
				Interval: anySpan.Draw(t, "interval"), AuthType: wire.AuthType(rapid.IntRange(0, 3).Draw(t, "auth")),
				Addresses: rapid.SampledFrom([][]netip.Addr{nil, {vip100}, {vip100, vip101}, {vip101, vip100}}).Draw(t, "addresses"),
				TTL:       rapid.Uint8().Draw(t, "TTL"),
			},
		}
	})
	anyEvent = rapid.Custom(func(t *rapid.T) Event {
		switch rapid.IntRange(0, 15).Draw(t, "event") {
		case 0:
			return Started{LinkUp: true, Source: routerB, Silence: anySpan.Draw(t, "silence"), Delay: anySpan.Draw(t, "delay")}
		case 1:
			return LinkChanged{Up: rapid.Bool().Draw(t, "up")}
		case 2:
			return SourceChanged{Source: anyAddr.Draw(t, "source")}
		case 3:
			return TrackerChanged{anyTracker.Draw(t, "tracker"), rapid.IntRange(-300, 300).Draw(t, "value")}
		case 4:
			var lost []Resource
			for _, a := range anyList.Draw(t, "lost") {
				lost = append(lost, a)
			}
			return ResourcesLost{Resources: lost}
		case 5:
			ev := EffectDone{Generation: rapid.Uint64Range(0, 9).Draw(t, "generation")}
			for _, a := range anyList.Draw(t, "failing") {
				ev.Failures = append(ev.Failures, Failure{a, errEffect})
			}
			return ev
		case 6:
			return SpecChanged{Spec: anySpec.Draw(t, "spec")}
		case 7:
			return AdvertRejected{Reason: wire.DropReason(rapid.Uint8().Draw(t, "reason")), Source: anyAddr.Draw(t, "source")}
		case 8:
			if rapid.IntRange(0, 9).Draw(t, "stop") == 0 {
				return Stop{AtOnce: rapid.Bool().Draw(t, "at once"), Hold: anySpan.Draw(t, "hold")}
			}
			return Wake{}
		case 13:
			ev := HookDone{Hook: HookKind(rapid.IntRange(0, 3).Draw(t, "hook")), Serial: rapid.Uint64Range(0, 9).Draw(t, "serial")}
			if rapid.Bool().Draw(t, "fails") {
				ev.Err = errEffect
			}
			return ev
		case 9, 10, 11, 12:
			return anyAdvert.Draw(t, "advert")
		}
		return Wake{}
	})
)

// TestStepIsTotal: any event in any state. Two machines with equal histories act equally; what they do is consistent;
// after Wake the deadline lies ahead.
func TestStepIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := anySpec.Draw(t, "spec")
		one, two := NewMachine(spec), NewMachine(spec)
		w := stepChecker{t: t, held: make(map[Resource]bool), m: one}
		w.step(0, two, Started{LinkUp: true, Source: routerB, Silence: anySpan.Draw(t, "silence")})
		now := Instant(0)
		for range rapid.IntRange(0, 60).Draw(t, "length") {
			if d, ok := one.Deadline(); ok && rapid.Bool().Draw(t, "to the deadline") {
				now = max(now, d)
				w.step(now, two, Wake{})
				continue
			}
			now = now.Add(anySpan.Draw(t, "pause"))
			w.step(now, two, anyEvent.Draw(t, "event"))
		}
	})
}

// stepChecker checks each step of a machine against what held before. It carries out what the machine wants, some of
// it with failures.
type stepChecker struct {
	t          *rapid.T
	m          *Machine
	state      State
	told       State // by Notify
	present    bool
	quiet      bool
	ended      bool
	generation uint64
	held       map[Resource]bool // by who does as told
}

func (w *stepChecker) own(a Own) {
	if a.Generation != w.generation+1 {
		w.t.Fatalf("generation %d after %d", a.Generation, w.generation)
	}
	w.generation, w.present, w.quiet = a.Generation, len(a.Resources) > 0, a.Quiet
	for _, r := range a.Remove {
		if slices.Contains(a.Resources, r) {
			w.t.Fatalf("%v both removed and installed", r)
		}
		delete(w.held, r)
	}
	for _, r := range a.Resources {
		w.held[r] = true
	}
	for r := range w.held {
		if !slices.Contains(a.Resources, r) {
			w.t.Fatalf("%v stays behind", r)
		}
	}
}

func (w *stepChecker) step(now Instant, twin *Machine, ev Event) {
	t, before := w.t, w.m.Status()
	if done, ok := ev.(EffectDone); ok && done.Generation%2 == 0 {
		done.Generation = w.generation
		ev = done
	}
	actions := append([]Action(nil), w.m.Step(now, ev)...)
	if diff := cmp.Diff(actions, twin.Step(now, ev), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, Audience{}, confparse.Program{}), cmpopts.EquateEmpty(),
		cmpopts.EquateErrors()); diff != "" {
		t.Fatalf("%T: twins differ\n%s", ev, diff)
	}
	after := w.m.Status()
	for i, a := range actions {
		if w.ended {
			t.Fatalf("%T after Stopped", a)
		}
		switch a := a.(type) {
		case SendAdvert:
			if a.Advert.Priority > 0 && before.State != Master && after.State != Master {
				t.Fatalf("advert of priority %d by a router that is %v", a.Advert.Priority, after.State)
			}
		case StateChanged:
			if a.From != w.state || a.From == a.To {
				t.Fatalf("from %v to %v, was %v", a.From, a.To, w.state)
			}
			w.state = a.To
		case Own:
			w.own(a)
		case Notify:
			if a.Kind != NotifyTransition {
				if a.From != a.To || a.To != w.told || a.To != w.state || a.Kind == NotifyLowerMaster && a.To != Master {
					t.Fatalf("%+v, told %v, is %v", a, w.told, w.state)
				}
				continue
			}
			if a.From != w.told || a.To != w.state {
				t.Fatalf("told %v→%v, was %v, is %v", a.From, a.To, w.told, w.state)
			}
			// Unless the next transition interrupts the hand-over.
			next := slices.ContainsFunc(actions[i:], func(b Action) bool { _, moves := b.(StateChanged); return moves })
			if a.To != Master && w.present && !next {
				t.Fatalf("told %v with the resources in place", a.To)
			}
			w.told = a.To
		case Announce:
			if !w.present || w.quiet || w.state != Master {
				t.Fatalf("announced in %v, resources present: %t, quiet: %t", w.state, w.present, w.quiet)
			}
		case Stopped:
			w.ended = true
			if w.present {
				t.Fatal("stopped with resources")
			}
		}
	}
	d, ok := w.m.Deadline()
	why := w.m.Explain(w.m.now)
	switch {
	case after.State != w.state:
		t.Fatalf("state %v, reported %v", after.State, w.state)
	case w.generation > 0 && w.present && !after.AddressesPresent:
		t.Fatal("resources in place that are not meant to be")
	case w.present && after.State != Master && (!ok || !w.quiet && w.m.phase != resigning):
		t.Fatalf("resources held for ever in %v, quiet: %t", after.State, w.quiet)
	case after.State == Master && w.quiet && !after.Preparing:
		t.Fatal("a MASTER that does not answer for its addresses")
	case ok && why.Deadline != d:
		t.Fatalf("explained deadline %v, is %v", why.Deadline, d)
	case len(why.Faults) > 0 != (after.State == Fault) && w.m.phase == running:
		t.Fatalf("faults %v in %v", why.Faults, after.State)
	case after.State != Master && len(why.Rivals) > 0, len(why.Rivals) != after.Rivals, after.OneWay > after.Rivals:
		t.Fatalf("%d rivals in %v, explained as %+v", after.Rivals, after.State, why.Rivals)
	case len(why.Peers) > maxPeers+len(w.m.spec.Peers), len(why.Mismatches) > len(why.Peers)*(int(MismatchAuth)+1):
		t.Fatalf("%d peers and %d mismatches", len(why.Peers), len(why.Mismatches))
	case ev == Wake{} && ok && d <= w.m.now:
		t.Fatalf("deadline %v after Wake at %v", d, w.m.now)
	case after.Priority == 0 || after.Priority == 255 && w.m.spec.Priority != 255:
		t.Fatalf("effective priority %d", after.Priority)
	case w.ended && ok:
		t.Fatal("a deadline after the end")
	}
}

// oracle is RFC 9568 §6.4 in its plainest form: two states, one timer, the rules in the order of the text.
type oracle struct {
	version  uint8
	priority int
	interval time.Duration
	preempt  bool

	active  bool
	learned time.Duration
	timer   time.Duration
	sent    int
}

func (o *oracle) skew() time.Duration {
	if o.version == 2 {
		return time.Duration(256-o.priority) * time.Second / 256
	}
	return time.Duration(256-o.priority) * o.learned / 256
}

func (o *oracle) down() time.Duration { return 3*o.learned + o.skew() }

func (o *oracle) expire(now time.Duration) {
	if !o.active {
		o.active, o.learned = true, o.interval
	}
	o.sent++
	o.timer = now + o.interval
}

func (o *oracle) receive(now time.Duration, priority int, interval time.Duration, greater bool) {
	learn := func() {
		if o.version == 3 {
			o.learned = interval
		}
	}
	switch {
	case !o.active && priority == 0:
		o.timer = now + o.skew()
	case !o.active && (!o.preempt || priority >= o.priority):
		learn()
		o.timer = now + o.down()
	case !o.active:
	case priority == 0:
		o.sent++
		o.timer = now + o.interval
	case priority > o.priority || priority == o.priority && greater:
		o.active = false
		learn()
		o.timer = now + o.down()
	default:
		o.sent++
		o.timer = now + o.interval
	}
}

// TestElectionEqualsRFC: without keepalived's additions the machine does what the plain rules do, at the same time.
func TestElectionEqualsRFC(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := &oracle{
			version: uint8(rapid.IntRange(2, 3).Draw(t, "version")), priority: rapid.IntRange(1, 254).Draw(t, "priority"),
			interval: time.Second, preempt: rapid.Bool().Draw(t, "preempt"),
		}
		if o.version == 3 {
			o.interval = time.Duration(rapid.IntRange(1, 4095).Draw(t, "centiseconds")) * wire.Centisecond
		}
		o.learned = o.interval
		o.timer = o.down()
		spec := spec2(func(s *InstanceSpec) {
			s.Version, s.Priority, s.AdvertInterval, s.NoPreempt = o.version, uint8(o.priority), o.interval, !o.preempt
		})
		m := NewMachine(spec)
		m.Step(0, Started{LinkUp: true, Source: routerB})
		now := time.Duration(0)
		for range rapid.IntRange(1, 80).Draw(t, "length") {
			until := now + time.Duration(rapid.Int64Range(0, int64(4*o.interval)).Draw(t, "pause"))
			for o.timer <= until {
				now = o.timer
				o.expire(now)
				m.Step(Instant(now), Wake{})
			}
			now = until
			m.Step(Instant(now), Wake{}) // not due, or due for the grace only
			priority := rapid.OneOf(rapid.IntRange(0, 255), rapid.SampledFrom([]int{0, o.priority})).Draw(t, "priority")
			interval, source := o.interval, rapid.SampledFrom([]netip.Addr{routerA, routerC}).Draw(t, "source")
			if o.version == 3 {
				interval = time.Duration(rapid.IntRange(1, 4095).Draw(t, "theirs")) * wire.Centisecond
			}
			o.receive(now, priority, interval, source == routerC)
			m.Step(Instant(now), AdvertReceived{Source: source, Advert: wire.Advert{
				Version: o.version, VRID: 51, Priority: uint8(priority), Interval: interval, Addresses: []netip.Addr{vip100}, TTL: 255,
			}})
			timer := min(m.timers.advert, m.timers.activeDown)
			if m.state == Master != o.active || time.Duration(timer) != o.timer || m.counters.AdvertsSent != uint64(o.sent) {
				t.Fatalf("at %v: %v, timer %v, %d sent; oracle: active %t, timer %v, %d sent", now, m.state, time.Duration(timer),
					m.counters.AdvertsSent, o.active, o.timer, o.sent)
			}
		}
	})
}
