package election

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
)

func programCalled(name string) confparse.Program {
	return confparse.ProgramOf(&confparse.Script{Argv: []string{name}})
}

func preMaster(timeout time.Duration) func(*InstanceSpec) {
	return func(s *InstanceSpec) { s.Hooks.PreMaster, s.Hooks.PreMasterTimeout = programCalled("pre"), timeout }
}

func ensureMaster(interval time.Duration) func(*InstanceSpec) {
	return func(s *InstanceSpec) {
		s.Hooks.EnsureMaster, s.Hooks.EnsureInterval = programCalled("ensure"), interval
	}
}

var errHook = errors.New("exited with status 1")

// ends has the program that was started last end.
func (r *rig) ends(k HookKind, err error) *rig {
	return r.do(HookDone{Hook: k, Serial: r.hooks.serial, Err: err})
}

// backup brings the machine to BACKUP and forgets how.
func (r *rig) backup() *rig { return r.up().done().expectState(Backup).forget() }

// pre_master is waited for: adverts go out on time, addresses and notifications come when it has ended.
func TestPreMasterHoldsBackTheAddressesOnly(t *testing.T) {
	r := newRig(t, spec2(preMaster(5*time.Second))).backup()
	r.told = true
	r.until(6 * time.Second)
	r.expect("3.609375s send 100", "3.609375s report timeout", "3.609375s BACKUP→MASTER (timeout) priority 100",
		"3.609375s run pre_master", "4.609375s send 100", "5.609375s send 100")
	r.ends(PreMaster, nil).expect("6s install", "6s announce ×1", "6s notify BACKUP→MASTER priority 100")
	r.ends(PreMaster, nil).expect() // said twice
	r.until(7 * time.Second).expect("6.609375s send 100")
}

// Its time over, or a failure, is no reason to leave the addresses unserved.
func TestPreMasterThatFailsOrHangs(t *testing.T) {
	r := newRig(t, spec2(preMaster(1500*time.Millisecond))).backup()
	r.until(5200 * time.Millisecond)
	r.expect("3.609375s send 100", "3.609375s report timeout", "3.609375s BACKUP→MASTER (timeout) priority 100",
		"3.609375s run pre_master", "4.609375s send 100",
		"5.109375s end pre_master", "5.109375s report hook timed out", "5.109375s install", "5.109375s announce ×1")
	r.ends(PreMaster, nil).expect() // too late

	r = newRig(t, spec2(preMaster(5*time.Second))).backup()
	r.until(4 * time.Second).forget()
	r.ends(PreMaster, errHook).expect("4s report hook failed", "4s install", "4s announce ×1")
}

// Who is MASTER no longer before it has ended never has the addresses, and the program ends.
func TestPreMasterEndsWithMastership(t *testing.T) {
	for name, tt := range map[string]struct {
		ev   func(*rig) Event
		want []string
	}{
		"a better master": {func(r *rig) Event { return r.advert(200, routerA) },
			[]string{"4s report higher from 10.77.0.1 200/100", "4s notify BACKUP→MASTER priority 100", "4s MASTER→BACKUP (higher priority) priority 100", "4s end pre_master",
				"4s cancel announcements", "4s notify MASTER→BACKUP priority 100"}},
		"no link": {func(*rig) Event { return LinkChanged{} },
			[]string{"4s send 0", "4s report sent 0", "4s notify BACKUP→MASTER priority 100", "4s MASTER→FAULT (fault) priority 100", "4s end pre_master",
				"4s cancel announcements", "4s notify MASTER→FAULT priority 100"}},
		"stop": {func(*rig) Event { return Stop{AtOnce: true} },
			[]string{"4s send 0", "4s report sent 0", "4s notify BACKUP→MASTER priority 100", "4s MASTER→INIT (stop) priority 100", "4s end pre_master",
				"4s cancel announcements", "4s notify MASTER→INIT priority 100", "4s stopped"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, spec2(preMaster(5*time.Second))).backup()
			r.until(4 * time.Second).expectState(Master).forget()
			r.told = true
			r.do(tt.ev(r)).expect(tt.want...)
			if r.ends(PreMaster, nil); r.lines != nil || r.Status().AddressesPresent {
				t.Errorf("afterwards: %q, present %v", r.lines, r.Status().AddressesPresent)
			}
		})
	}
}

// A lower master meanwhile is answered with adverts, and not with announcements of what is not there.
func TestPreMasterAnnouncesNothing(t *testing.T) {
	r := newRig(t, spec2(preMaster(5*time.Second), func(s *InstanceSpec) { s.GARP.LowerPrioRepeat = 3 })).backup()
	r.until(4 * time.Second).forget()
	r.hear(50).expect("4s send 100", "4s report lower from 10.77.0.1 50/100")
}

// An owner waits for it too; mastership that is resumed, with its addresses in place, does not.
func TestPreMasterAtTheStart(t *testing.T) {
	owner := spec2(priority(255), preMaster(time.Second), func(s *InstanceSpec) { s.StartMaster = true })
	newRig(t, owner).up().expect("0s release", "0s send 255", "0s INIT→MASTER (owner) priority 255 initial", "0s run pre_master")
	r := newRig(t, spec2(preMaster(time.Second), ensureMaster(time.Minute)))
	r.do(Started{LinkUp: true, Source: routerB, Silence: time.Second}).expect("0s send 100",
		"0s INIT→MASTER (resume) priority 100 initial", "0s install", "0s announce ×1", "0s run ensure_master")
}

// ensure_master begins with the addresses, after pre_master; it is tried again with growing pauses until it succeeds, and
// then verified at its interval.
func TestEnsureMasterInsists(t *testing.T) {
	r := newRig(t, spec2(preMaster(5*time.Second), ensureMaster(5*time.Second), func(s *InstanceSpec) { s.AdvertInterval = time.Hour })).backup()
	begin, _ := r.Deadline()
	r.clock = time.Duration(begin)
	r.do(Wake{}).ends(PreMaster, nil).forget()
	r.clock = 0
	r.Machine.timers.ensure = Never
	if got := r.Status().Ensured; got != EnsurePending {
		t.Errorf("at first %v", got)
	}
	at := time.Duration(begin)
	runs := func(err error, after time.Duration) {
		t.Helper()
		r.clock = at
		r.ends(EnsureMaster, err)
		r.lines = nil
		due := at + after
		r.until(due - 1).expect()
		r.until(due).expect(due.String() + " run ensure_master")
		at = due
	}
	for _, pause := range []time.Duration{1, 2, 4, 5, 5} {
		runs(errHook, pause*time.Second)
	}
	if got := r.Status().Ensured; got != EnsureFailed {
		t.Errorf("after failures %v", got)
	}
	runs(nil, 5*time.Second)
	runs(nil, 5*time.Second)
	if got := r.Status().Ensured; got != EnsureOK {
		t.Errorf("after successes %v", got)
	}
	runs(errHook, time.Second)
}

// The first failure and the first success after it are reported, and nothing in between.
func TestEnsureMasterReportsOnce(t *testing.T) {
	r := newRig(t, spec2(ensureMaster(5*time.Second), func(s *InstanceSpec) { s.AdvertInterval = time.Hour }))
	r.master()
	for _, tt := range []struct {
		err  error
		want []string
	}{{nil, nil}, {errHook, []string{"hook failed"}}, {errHook, nil}, {nil, []string{"hook succeeded"}}, {nil, nil}, {errHook, []string{"hook failed"}}} {
		if tt.want != nil {
			tt.want[0] = r.clock.String() + " report " + tt.want[0]
		}
		r.ends(EnsureMaster, tt.err).expect(tt.want...)
		r.until(r.clock + 5*time.Second).forget()
	}
}

// A rival may have moved what is ensured: it runs again soon, at once after the run that is under way, and not for each
// of its adverts.
func TestEnsureMasterAfterARival(t *testing.T) {
	r := newRig(t, spec2(ensureMaster(time.Minute), func(s *InstanceSpec) { s.AdvertInterval, s.LowerPriorityNoAdvert = time.Hour, true })).master()
	begin := r.clock
	r.hear(50).ends(EnsureMaster, nil).forget()
	r.until(begin + ensureLeast).expect((begin + ensureLeast).String() + " run ensure_master")
	r.ends(EnsureMaster, nil).until(begin + 10*time.Second).expect()
	runs := 0
	for range 1000 {
		r.clock += time.Millisecond
		for _, a := range append(r.Step(Instant(r.clock), r.advert(50, routerA)), r.Step(Instant(r.clock), Wake{})...) {
			if run, ok := a.(RunHook); ok {
				runs++
				r.do(HookDone{Hook: EnsureMaster, Serial: run.Serial})
			}
		}
	}
	if runs < 5 || runs > 10 {
		t.Errorf("ran %d times in a second full of rivals", runs)
	}
}

// It stops with mastership, also when it runs.
func TestEnsureMasterStops(t *testing.T) {
	r := newRig(t, spec2(ensureMaster(time.Second))).master()
	r.hear(200).expectState(Backup)
	if want := "end ensure_master"; len(r.lines) < 3 || r.lines[2] != r.clock.String()+" "+want {
		t.Errorf("%q, want %s", r.lines, want)
	}
	r.ends(EnsureMaster, errHook)
	for range 30 {
		r.hear(200).until(r.clock + time.Second)
	}
	for _, line := range r.lines {
		if strings.HasSuffix(line, "run ensure_master") {
			t.Error(line)
		}
	}
	if got := r.Status().Ensured; got != EnsureNone {
		t.Errorf("a BACKUP: %v", got)
	}
}

// A reload that changes ensure_master has the new one run at once; one that takes pre_master away no longer waits for it.
func TestHooksFollowAReload(t *testing.T) {
	r := newRig(t, spec2(ensureMaster(time.Minute))).master()
	next := spec2(ensureMaster(time.Minute))
	next.Hooks.EnsureMaster = programCalled("other")
	at := r.clock.String()
	r.do(SpecChanged{next}).expect(at+" send 100", at+" end ensure_master", at+" run ensure_master")
	r.do(SpecChanged{spec2()}).expect(at+" send 100", at+" end ensure_master")
	r.until(r.clock + 900*time.Millisecond).expect()

	r = newRig(t, spec2(preMaster(time.Minute))).backup()
	r.until(4 * time.Second).forget()
	r.do(SpecChanged{spec2()}).do(Wake{}).expect("4s send 100", "4s end pre_master", "4s report hook timed out", "4s install", "4s announce ×1")
}
