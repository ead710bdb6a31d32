package election

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/vrrp/wire"
)

// rig drives one Machine through virtual time and keeps what it asked for as lines "TIME ACTION".
type rig struct {
	*Machine
	t     testing.TB
	clock time.Duration
	lines []string
	told  bool // Notify is recorded too
}

// spec2 is an ordinary version 2 instance: priority 100, one second, one address, announcements once and at once.
func spec2(change ...func(*InstanceSpec)) InstanceSpec {
	s := InstanceSpec{
		Name: "VI_1", Link: "eth0", VRID: 51, Family: confparse.IPv4, Version: 2, Priority: 100,
		AdvertInterval: time.Second, DownTimerAdverts: 3, Group: group4, TTL: 255, TrackLink: true,
		Addresses: []Address{{Prefix: netip.PrefixFrom(vip100, 32), Link: "eth0"}},
		GARP:      confparse.GARP{MasterRepeat: 1},
		OnLoss:    LossFault, // as keepalived does
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

// spec3 is the same as version 3.
func spec3(interval time.Duration, change ...func(*InstanceSpec)) InstanceSpec {
	s := spec2(func(s *InstanceSpec) { s.Version, s.AdvertInterval = 3, interval })
	for _, f := range change {
		f(&s)
	}
	return s
}

func priority(p uint8) func(*InstanceSpec) { return func(s *InstanceSpec) { s.Priority = p } }

func newRig(t testing.TB, spec InstanceSpec) *rig { return &rig{Machine: NewMachine(spec), t: t} }

// up starts the machine with everything in order.
func (r *rig) up() *rig { return r.do(Started{LinkUp: true, Source: routerB}) }

func (r *rig) do(ev Event) *rig {
	for _, a := range r.Step(Instant(r.clock), ev) {
		if _, notify := a.(Notify); notify && !r.told {
			continue
		}
		r.lines = append(r.lines, fmt.Sprintf("%v %s", r.clock, describe(a, r.all)))
	}
	return r
}

// Explain is the explanation of this moment.
func (r *rig) Explain() Explanation { return r.Machine.Explain(Instant(r.clock)) }

// until advances to time t, waking the machine at each deadline.
func (r *rig) until(t time.Duration) *rig {
	for {
		d, ok := r.Deadline()
		if !ok || time.Duration(d) > t {
			r.clock = t
			return r
		}
		r.clock = max(r.clock, time.Duration(d))
		r.do(Wake{})
		if next, ok := r.Deadline(); ok && next <= Instant(r.clock) {
			r.t.Fatalf("deadline %v after Wake at %v", time.Duration(next), r.clock)
		}
	}
}

// advert is one of another router with the instance's own settings.
func (r *rig) advert(priority uint8, src netip.Addr) AdvertReceived {
	return AdvertReceived{Source: src, Advert: wire.Advert{
		Version: r.spec.Version, VRID: r.spec.VRID, Priority: priority, Interval: r.spec.AdvertInterval,
		AuthType: r.spec.AuthType, AuthData: r.spec.AuthData, Addresses: r.vips, TTL: 255,
	}}
}

// hear has the machine receive an advert from router A, which has the lower address.
func (r *rig) hear(priority uint8) *rig { return r.do(r.advert(priority, routerA)) }

// forget drops what was recorded.
func (r *rig) forget() *rig { r.lines = nil; return r }

// master brings the machine to MASTER and forgets how.
func (r *rig) master() *rig {
	d, _ := r.up().Deadline()
	r.until(time.Duration(d)).expectState(Master)
	return r.forget()
}

func (r *rig) expect(want ...string) *rig {
	r.t.Helper()
	if diff := cmp.Diff(want, r.lines); diff != "" {
		r.t.Errorf("actions (-want +got)\n%s", diff)
	}
	return r.forget()
}

func (r *rig) expectState(want State) *rig {
	r.t.Helper()
	if got := r.Status().State; got != want {
		r.t.Fatalf("at %v: %v, want %v", r.clock, got, want)
	}
	return r
}

// done says that the latest Own has been carried out, but for the failing resources.
func (r *rig) done(failing ...Resource) *rig {
	ev := EffectDone{Generation: r.generation}
	for _, f := range failing {
		ev.Failures = append(ev.Failures, Failure{f, errEffect})
	}
	return r.do(ev)
}

// describe is an action as a line of a transcript. Lists of addresses are printed when they are not all of them.
func describe(a Action, all []Address) string {
	list := func(text string, addrs []Address) string {
		if len(addrs) == len(all) {
			return text
		}
		for _, x := range addrs {
			text += " " + x.Prefix.Addr().String()
		}
		return text
	}
	switch a := a.(type) {
	case SendAdvert:
		return fmt.Sprintf("send %d", a.Advert.Priority)
	case Own:
		text := "install"
		switch {
		case a.Quiet:
			text = "quiet"
		case len(a.Resources) == 0 && len(all) > 0:
			return list("release", addressesOf(a.Remove))
		}
		text = list(text, addressesOf(a.Resources))
		for _, x := range addressesOf(a.Remove) {
			text += " -" + x.Prefix.String()
		}
		return text
	case PreparePassOn:
		return fmt.Sprintf("prepare to pass on to %v within %v", a.Previous, a.Within)
	case PassOn:
		if a.Met {
			return fmt.Sprintf("pass on to %v, that we met, for %v", a.Previous, a.For)
		}
		return fmt.Sprintf("pass on to %v for %v", a.Previous, a.For)
	case Announce:
		return list(fmt.Sprintf("announce ×%d", a.Repeat), a.Addresses)
	case CancelAnnouncements:
		return "cancel announcements"
	case StateChanged:
		s := fmt.Sprintf("%v→%v (%s) priority %d", a.From, a.To, causeNames[a.Cause], a.Priority)
		if a.Initial {
			s += " initial"
		}
		return s
	case Notify:
		if a.Group != "" {
			return fmt.Sprintf("notify group %s %v→%v", a.Group, a.From, a.To)
		}
		switch a.Kind {
		case NotifyLowerMaster:
			return fmt.Sprintf("notify of a lower master, priority %d", a.Priority)
		case NotifyPriority:
			return fmt.Sprintf("notify %v of priority %d", a.To, a.Priority)
		}
		return fmt.Sprintf("notify %v→%v priority %d", a.From, a.To, a.Priority)
	case GroupChanged:
		s := fmt.Sprintf("group %s %v→%v", a.Group, a.From, a.To)
		if a.Initial {
			s += " initial"
		}
		return s
	case Report:
		s := "report " + reportNames[a.Kind]
		if a.Kind == ReportRejected {
			s += " " + a.Rejected.String()
		}
		if a.Source.IsValid() {
			s += " from " + a.Source.String()
		}
		switch res := a.Resource.(type) {
		case Address:
			s += " " + res.Prefix.String()
		case NoAccept:
			s += " no_accept " + res.Addr.String()
		case nil:
		default:
			s += " " + fmt.Sprint(res)
		}
		if a.Theirs != 0 || a.Ours != 0 {
			s += fmt.Sprintf(" %d/%d", a.Theirs, a.Ours)
		}
		return s
	case Start:
		return "start"
	case Configure:
		return "configure"
	case RunHook:
		return "run " + a.Hook.String()
	case EndHook:
		return "end " + a.Hook.String()
	case Stopped:
		return "stopped"
	}
	return fmt.Sprintf("%T", a)
}

func addressesOf(list []Resource) (addrs []Address) {
	for _, r := range list {
		if a, ok := r.(Address); ok {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

var causeNames = map[Cause]string{
	CauseNone: "none", CauseStart: "start", CauseTimeout: "timeout", CauseHigherPriority: "higher priority",
	CauseSamePriority: "same priority", CauseFault: "fault", CauseFaultCleared: "fault cleared",
	CauseResourceLost: "resource lost", CauseEffectFailed: "effect failed", CauseGroup: "group", CauseResume: "resume",
	CauseStop: "stop", CauseOwner: "owner",
}

var reportNames = map[ReportKind]string{
	ReportAdvertTimeout: "timeout", ReportPriorityZeroReceived: "priority 0", ReportMasterPriorityZero: "master got priority 0",
	ReportLowerPriority: "lower", ReportLowerDiscarded: "lower discarded", ReportSameAddress: "same address",
	ReportRejected: "rejected", ReportIntervalDiffers: "interval differs", ReportAddressesDiffer: "addresses differ",
	ReportPriorityChanged: "priority", ReportPreemptDelayStarted: "preempt delay started",
	ReportPreemptDelayStopped: "preempt delay stopped", ReportPreemptionWaits: "preemption waits", ReportPriorityZeroSent: "sent 0",
	ReportHigherPriority: "higher", ReportSamePriority: "same", ReportResourceFailed: "failed",
	ReportResourceInstalled: "installed", ReportResourceRepaired: "repaired", ReportResourceLeft: "left",
	ReportHookFailed: "hook failed", ReportHookTimedOut: "hook timed out", ReportHookSucceeded: "hook succeeded",
}

var errEffect = errors.New("no such device")

// TestRFC9568_6_4_1_Initialize: an owner becomes Active at once, others set the timer to Active_Down_Interval.
func TestRFC9568_6_4_1_Initialize(t *testing.T) {
	owner := spec2(priority(255), func(s *InstanceSpec) { s.StartMaster = true })
	t.Run("owner", func(t *testing.T) {
		newRig(t, owner).up().expect("0s release", "0s send 255", "0s INIT→MASTER (owner) priority 255 initial",
			"0s install", "0s announce ×1")
	})
	t.Run("backup", func(t *testing.T) {
		r := newRig(t, spec2()).up()
		r.expect("0s release", "0s INIT→BACKUP (start) priority 100 initial")
		r.until(3609374 * time.Microsecond).expectState(Backup)
		r.until(3609375*time.Microsecond).expect("3.609375s send 100", "3.609375s report timeout",
			"3.609375s BACKUP→MASTER (timeout) priority 100", "3.609375s install", "3.609375s announce ×1")
	})
	t.Run("fault", func(t *testing.T) {
		newRig(t, spec2()).do(Started{LinkUp: false, Source: routerB}).
			expect("0s release", "0s INIT→FAULT (fault) priority 100 initial")
		newRig(t, spec2()).do(Started{LinkUp: true}).
			expect("0s release", "0s INIT→FAULT (fault) priority 100 initial")
	})
	t.Run("owner in fault", func(t *testing.T) {
		newRig(t, owner).do(Started{}).do(SourceChanged{routerB}).do(LinkChanged{Up: true}).forget().
			until(3003 * time.Millisecond).expectState(Backup).until(3004 * time.Millisecond).expectState(Master)
	})
	t.Run("startup delay", func(t *testing.T) {
		r := newRig(t, spec2()).do(Started{LinkUp: true, Source: routerB, Delay: 4 * time.Second}).forget()
		r.until(3 * time.Second).hear(200) // discarded
		r.until(7609 * time.Millisecond).expect()
		r.until(7610 * time.Millisecond).expectState(Master)
	})
	t.Run("owner with startup delay", func(t *testing.T) {
		r := newRig(t, owner).do(Started{LinkUp: true, Source: routerB, Delay: 4 * time.Second}).expect("0s release")
		r.until(4*time.Second).expect("4s send 255", "4s INIT→MASTER (owner) priority 255 initial", "4s install",
			"4s announce ×1")
	})
}

// TestRFC9568_6_1_Timers: skew and master-down interval of both versions.
func TestRFC9568_6_1_Timers(t *testing.T) {
	for _, tt := range []struct {
		name       string
		spec       InstanceSpec
		heard      time.Duration // interval of the master, v3
		skew, down time.Duration
	}{
		{"v2 100", spec2(), 0, 609375 * time.Microsecond, 3609375 * time.Microsecond},
		{"v2 50", spec2(priority(50)), 0, 804687500, 3804687500},
		{"v2 skew does not follow the interval", spec2(func(s *InstanceSpec) { s.AdvertInterval = 5 * time.Second }), 0,
			609375 * time.Microsecond, 15609375 * time.Microsecond},
		{"v2 owner", spec2(priority(255)), 0, 3906250, 3003906250},
		{"v2 two adverts", spec2(func(s *InstanceSpec) { s.DownTimerAdverts = 2 }), 0, 609375 * time.Microsecond,
			2609375 * time.Microsecond},
		{"v3 100", spec3(time.Second), 0, 609375 * time.Microsecond, 3609375 * time.Microsecond},
		{"v3 skew follows the interval", spec3(100 * time.Millisecond), 0, 60937500, 360937500},
		{"v3 with a master at 200 ms", spec3(time.Second), 200 * time.Millisecond, 121875 * time.Microsecond, 721875 * time.Microsecond},
		{"v3 owner", spec3(time.Second, priority(255)), 0, 3906250, 3003906250},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.spec).up()
			if tt.heard != 0 {
				a := r.advert(200, routerA)
				a.Advert.Interval = tt.heard
				r.do(a)
			}
			if r.skewTime() != tt.skew || r.activeDownInterval() != tt.down {
				t.Errorf("skew %v, down %v; want %v, %v", r.skewTime(), r.activeDownInterval(), tt.skew, tt.down)
			}
			if d, _ := r.Deadline(); time.Duration(d) != tt.down {
				t.Errorf("deadline %v, want %v", time.Duration(d), tt.down)
			}
		})
	}
}

// TestRFC9568_6_4_2_Backup: what a Backup does with an advert of each priority.
func TestRFC9568_6_4_2_Backup(t *testing.T) {
	const at = 2 * time.Second
	const prepare = "2s prepare to pass on to 10.77.0.1 within 3.609375s"
	full, skew, untouched := at+3609375*time.Microsecond, at+609375*time.Microsecond, 3609375*time.Microsecond
	for _, tt := range []struct {
		name     string
		change   func(*InstanceSpec)
		priority uint8
		deadline time.Duration
		want     []string
	}{
		{"priority 0: timer to Skew_Time", nil, 0, skew, []string{"2s report priority 0 from 10.77.0.1", prepare}},
		{"higher: timer reset", nil, 150, full, nil},
		{"equal: timer reset, whatever the address", nil, 100, full, nil},
		{"lower with Preempt_Mode: discarded", nil, 50, untouched, []string{"2s report lower discarded from 10.77.0.1 50/100", prepare}},
		{"lower without Preempt_Mode: timer reset", func(s *InstanceSpec) { s.NoPreempt = true }, 50, full, nil},
		{"lower during preempt_delay: timer reset", func(s *InstanceSpec) { s.PreemptDelay = time.Second }, 50, full,
			[]string{"2s report preempt delay started from 10.77.0.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, spec2(func(s *InstanceSpec) {
				if tt.change != nil {
					tt.change(s)
				}
			})).up().forget()
			r.until(at).hear(tt.priority).expect(tt.want...)
			if d, _ := r.Deadline(); time.Duration(d) != tt.deadline {
				t.Errorf("deadline %v, want %v", time.Duration(d), tt.deadline)
			}
		})
	}
}

// TestRFC9568_6_4_3_Active: what a MASTER does with an advert of each priority and address.
func TestRFC9568_6_4_3_Active(t *testing.T) {
	const at = "3.609375s "
	higher := netip.MustParseAddr("10.77.0.9")
	yield := func(report, cause string) []string {
		return []string{at + report, at + "MASTER→BACKUP (" + cause + ") priority 100", at + "cancel announcements", at + "quiet"}
	}
	for _, tt := range []struct {
		name     string
		change   func(*InstanceSpec)
		priority uint8
		source   netip.Addr
		want     []string
	}{
		{"priority 0: advert at once", nil, 0, routerA, []string{at + "send 100", at + "report master got priority 0 from 10.77.0.1"}},
		{"lower: advert at once", nil, 99, higher, []string{at + "send 100", at + "report lower from 10.77.0.9 99/100",
			at + "pass on to 10.77.0.9, that we met, for 180ms"}},
		{"lower with lower_prio_no_advert", func(s *InstanceSpec) { s.LowerPriorityNoAdvert = true }, 99, routerA,
			[]string{at + "report lower from 10.77.0.1 99/100"}},
		{"lower with announcements", func(s *InstanceSpec) { s.GARP.LowerPrioRepeat = 3 }, 99, routerA,
			[]string{at + "send 100", at + "report lower from 10.77.0.1 99/100",
				at + "pass on to 10.77.0.1, that we met, for 180ms", at + "announce ×3"}},
		{"equal, lower address", nil, 100, routerA, []string{at + "send 100", at + "report lower from 10.77.0.1 100/100",
			at + "pass on to 10.77.0.1, that we met, for 180ms"}},
		{"equal, own address", nil, 100, routerB, []string{at + "report same address from 10.77.0.2 100/100"}},
		{"equal, higher address", nil, 100, higher, yield("report same from 10.77.0.9 100/100", "same priority")},
		{"higher", nil, 101, routerA, yield("report higher from 10.77.0.1 101/100", "higher priority")},
		{"higher with higher_prio_send_advert", func(s *InstanceSpec) { s.HigherPrioritySendAdvert = true }, 101, routerA,
			append([]string{at + "send 100"}, yield("report higher from 10.77.0.1 101/100", "higher priority")...)},
		{"owner", nil, 255, routerA, yield("report higher from 10.77.0.1 255/100", "higher priority")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, spec2(func(s *InstanceSpec) {
				if tt.change != nil {
					tt.change(s)
				}
			})).master()
			r.do(r.advert(tt.priority, tt.source)).expect(tt.want...)
		})
	}
}

// TestRFC9568_6_4_3_ActiveDownTimer: after giving way the master-down interval is that of the new master.
func TestRFC9568_6_4_3_ActiveDownTimer(t *testing.T) {
	r := newRig(t, spec3(time.Second)).master()
	a := r.advert(200, routerA)
	a.Advert.Interval = 100 * time.Millisecond
	r.do(a)
	if got, want := time.Duration(r.timers.activeDown)-r.clock, 360937500*time.Nanosecond; got != want {
		t.Errorf("timer %v, want %v", got, want)
	}
	r.until(r.clock + 400*time.Millisecond).expectState(Master)
	if got := r.Status().MasterInterval; got != time.Second {
		t.Errorf("as MASTER again the interval is %v, want its own", got)
	}
}

// TestActiveDownCountsFromTheArrival: an advert that was handled late makes nobody more patient, whatever its priority; one that
// came so long ago that the master would be down by now is the last that was heard.
func TestActiveDownCountsFromTheArrival(t *testing.T) {
	for _, tt := range []struct {
		priority uint8
		waited   time.Duration
		due      time.Duration // from now
	}{
		{200, 0, 3609375 * time.Microsecond},
		{200, 600 * time.Millisecond, 3009375 * time.Microsecond},
		{200, 5 * time.Second, -1390625 * time.Microsecond},
		{0, 0, 609375 * time.Microsecond},
		{0, 600 * time.Millisecond, 9375 * time.Microsecond},
	} {
		r := newRig(t, spec2()).up()
		r.clock += time.Minute
		a := r.advert(tt.priority, routerA)
		a.Waited = tt.waited
		r.do(a)
		if got := time.Duration(r.timers.activeDown) - r.clock; got != tt.due {
			t.Errorf("priority %d, %v ago: due in %v, want %v", tt.priority, tt.waited, got, tt.due)
		}
		if got := r.clock - time.Duration(r.Machine.master.Heard); got != tt.waited {
			t.Errorf("priority %d, %v ago: heard %v ago", tt.priority, tt.waited, got)
		}
		if tt.due < 0 {
			r.expectState(Backup).do(Wake{}).expectState(Master)
		}
	}
}

// TestAdvertSchedule: adverts leave every interval without drift; late wakes do not pile up.
func TestAdvertSchedule(t *testing.T) {
	r := newRig(t, spec2()).master()
	start := r.clock
	for i := 1; i <= 5; i++ {
		r.clock = start + time.Duration(i)*time.Second + time.Duration(i)*10*time.Millisecond
		r.do(Wake{})
		if d, _ := r.Deadline(); time.Duration(d) != start+time.Duration(i+1)*time.Second {
			t.Fatalf("advert %d is due at %v", i+1, time.Duration(d)-start)
		}
	}
	r.forget().clock = start + time.Minute // a suspended machine: the last missed advert leaves once
	r.do(Wake{}).do(Wake{})
	if len(r.lines) != 1 || time.Duration(r.timers.advert) != r.clock+time.Second {
		t.Errorf("%q, next in %v", r.lines, time.Duration(r.timers.advert)-r.clock)
	}
}

// TestWakeBeforeDeadline is a no-op in every state.
func TestWakeBeforeDeadline(t *testing.T) {
	for name, r := range map[string]*rig{
		"unstarted": newRig(t, spec2()), "backup": newRig(t, spec2()).up().forget(), "master": newRig(t, spec2()).master(),
		"fault": newRig(t, spec2()).do(Started{}).forget(), "grace": newRig(t, spec2()).master().hear(200).forget(),
		"resigning": newRig(t, spec2()).master().do(Stop{}).forget(),
	} {
		before := r.Status()
		r.do(Wake{}).expect()
		if diff := cmp.Diff(before, r.Status(), addrCmp); diff != "" {
			t.Errorf("%s: changed (-before +after)\n%s", name, diff)
		}
	}
}

// TestTimeNeverRunsBackwards: an earlier instant counts as the latest one.
func TestTimeNeverRunsBackwards(t *testing.T) {
	r := newRig(t, spec2()).master()
	r.clock -= 2 * time.Second
	r.hear(0)
	if got, want := time.Duration(r.timers.advert), 4609375*time.Microsecond; got != want {
		t.Errorf("next advert at %v, want %v", got, want)
	}
}

// sent is the only advert among actions.
func sent(t *testing.T, actions []Action) SendAdvert {
	t.Helper()
	i := slices.IndexFunc(actions, func(a Action) bool { _, ok := a.(SendAdvert); return ok })
	if i < 0 {
		t.Fatalf("no advert among %v", actions)
	}
	return actions[i].(SendAdvert)
}

// TestActionsCarryWhatTheyNeed: whoever carries out an action knows no spec.
func TestActionsCarryWhatTheyNeed(t *testing.T) {
	owner := func(s *InstanceSpec) { s.Priority, s.StartMaster, s.GARP.Interval = 255, true, time.Second }
	excluded := Address{Prefix: netip.PrefixFrom(vip101, 24), Link: "eth1"}
	spec := spec2(owner, func(s *InstanceSpec) {
		s.TTL, s.AuthType, s.AuthData, s.Excluded = 64, wire.AuthPass, password, []Address{excluded}
	})
	m := NewMachine(spec)
	actions := m.Step(0, Started{LinkUp: true, Source: routerB})
	advert := wire.Advert{Version: 2, VRID: 51, Priority: 255, Interval: time.Second, AuthType: wire.AuthPass,
		AuthData: password, Addresses: []netip.Addr{vip100}}
	want := SendAdvert{Advert: advert, Source: routerB, To: []netip.Addr{group4}, TTL: 255}
	if diff := cmp.Diff(want, sent(t, actions), addrCmp); diff != "" {
		t.Errorf("multicast (-want +got)\n%s", diff)
	}
	all := []Address{spec.Addresses[0], excluded}
	for _, a := range actions {
		switch a := a.(type) {
		case Own:
			if len(a.Resources) > 0 && !slices.Equal(addressesOf(a.Resources), all) {
				t.Errorf("%+v", a)
			}
		case Announce:
			if !slices.Equal(a.Addresses, []Address{excluded, spec.Addresses[0]}) || a.Interval != time.Second {
				t.Errorf("%+v", a)
			}
		}
	}
	// Without a source it resigns from the one it had.
	want.Advert.Priority = 0
	if diff := cmp.Diff(want, sent(t, m.Step(1, SourceChanged{})), addrCmp); diff != "" {
		t.Errorf("resigning (-want +got)\n%s", diff)
	}
	spec.Peers, spec.Group = []netip.Addr{routerA, routerC}, netip.Addr{}
	want = SendAdvert{Advert: advert, Source: routerB, To: spec.Peers, TTL: 64}
	if diff := cmp.Diff(want, sent(t, NewMachine(spec).Step(0, Started{LinkUp: true, Source: routerB})), addrCmp); diff != "" {
		t.Errorf("unicast (-want +got)\n%s", diff)
	}
}
