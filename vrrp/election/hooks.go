package election

import (
	"net/netip"
	"time"

	"vigil/confparse"
)

// Hooks are the programs of a MASTER that are waited for. keepalived has none.
type Hooks struct {
	// PreMaster runs before the resources appear, while adverts are sent already. They appear when it has ended, however,
	// and after PreMasterTimeout at the latest.
	PreMaster        confparse.Program
	PreMasterTimeout time.Duration
	// EnsureMaster runs when they appear, again until it succeeds, and to verify it every EnsureInterval.
	EnsureMaster   confparse.Program
	EnsureInterval time.Duration
}

// HookKind is which of the Hooks.
type HookKind uint8

// The hooks.
const (
	PreMaster HookKind = iota + 1
	EnsureMaster
)

// String returns the keyword.
func (k HookKind) String() string {
	if k == PreMaster {
		return "pre_master"
	}
	return "ensure_master"
}

// RunHook starts a program, whose end is answered with HookDone.
type RunHook struct {
	Hook    HookKind
	Serial  uint64
	Program confparse.Program
}

// EndHook says that the end of a program is not waited for any more: it is to end now. Adverts must not wait for that.
type EndHook struct{ Hook HookKind }

// HookDone is the end of the program that the RunHook of that Serial has started. Err is nil when it succeeded.
type HookDone struct {
	Hook   HookKind
	Serial uint64
	Err    error
}

func (RunHook) action() {}
func (EndHook) action() {}
func (HookDone) event() {}

// ensureFirst is the pause after the first failure of ensure_master. It doubles with each further one, up to the interval.
const ensureFirst = time.Second

// hooks is where a Machine is with its Hooks.
type hooks struct {
	serial    uint64
	preparing uint64 // pre_master with this serial is waited for; 0 = none is
	ensuring  uint64 // ensure_master with this serial runs; 0 = none
	again     bool   // what it ensures was called in question since it began
	pause     time.Duration
	taking    taking
	ensured   Ensured
}

// Ensured is what ensure_master has come to.
type Ensured uint8

// The values of Ensured.
const (
	EnsureNone    Ensured = iota // none is configured, or this is no MASTER
	EnsurePending                // it has not ended for the first time
	EnsureOK
	EnsureFailed // it is tried again
)

// String returns nothing, pending, ok or failed.
func (e Ensured) String() string {
	return [...]string{"", "pending", "ok", "failed"}[min(e, EnsureFailed)]
}

// taking is what a take-over needs to know when pre_master has ended.
type taking struct {
	previous netip.Addr // the master before
	alive    bool       // was heard a moment before
	since    Instant
}

// prepare runs pre_master, if there is one. It reports whether the take-over waits for it.
func (m *Machine) prepare(now Instant, t taking) bool {
	h := &m.spec.Hooks
	if !h.PreMaster.Exists() {
		return false
	}
	m.hooks.serial++
	m.hooks.preparing, m.hooks.taking = m.hooks.serial, t
	m.timers.prepare = now.Add(h.PreMasterTimeout)
	m.emit(RunHook{Hook: PreMaster, Serial: m.hooks.serial, Program: h.PreMaster})
	return true
}

// hookDone follows the end of a program.
func (m *Machine) hookDone(now Instant, ev HookDone) {
	switch {
	case ev.Hook == PreMaster && ev.Serial == m.hooks.preparing && ev.Serial != 0:
		if ev.Err != nil {
			m.emit(Report{Kind: ReportHookFailed, Hook: PreMaster, Err: ev.Err})
		}
		m.goOn(now)
	case ev.Hook == EnsureMaster && ev.Serial == m.hooks.ensuring && ev.Serial != 0:
		m.ensureDone(now, ev.Err)
	}
}

// prepareDue goes on without pre_master when its time is over.
func (m *Machine) prepareDue(now Instant) {
	if m.timers.prepare <= now {
		m.emit(EndHook{PreMaster})
		m.emit(Report{Kind: ReportHookTimedOut, Hook: PreMaster})
		m.goOn(now)
	}
}

// goOn goes on with a take-over.
func (m *Machine) goOn(now Instant) {
	t := m.hooks.taking
	m.hooks.preparing, m.timers.prepare = 0, Never
	m.takeOver(now, t)
}

// ensure runs ensure_master, if there is one and it does not run already.
func (m *Machine) ensure(now Instant) {
	h := &m.spec.Hooks
	m.timers.ensure = Never
	switch {
	case !h.EnsureMaster.Exists() || m.state != Master:
		m.hooks.ensured = EnsureNone
		return
	case m.hooks.ensuring != 0:
		m.hooks.again = true
		return
	case m.hooks.ensured == EnsureNone:
		m.hooks.ensured = EnsurePending
	}
	m.hooks.serial++
	m.hooks.ensuring, m.hooks.again = m.hooks.serial, false
	m.emit(RunHook{Hook: EnsureMaster, Serial: m.hooks.serial, Program: h.EnsureMaster})
}

// ensureDone schedules the next run of ensure_master. It is reported when it fails first and when it succeeds after that.
func (m *Machine) ensureDone(now Instant, err error) {
	h, before := &m.hooks, m.hooks.ensured
	h.ensuring = 0
	wait := m.spec.Hooks.EnsureInterval
	if err == nil {
		h.ensured, h.pause = EnsureOK, 0
	} else {
		h.ensured = EnsureFailed
		h.pause = min(max(ensureFirst, 2*h.pause), wait)
		wait = h.pause
	}
	switch {
	case err != nil && before != EnsureFailed:
		m.emit(Report{Kind: ReportHookFailed, Hook: EnsureMaster, Err: err})
	case err == nil && before == EnsureFailed:
		m.emit(Report{Kind: ReportHookSucceeded, Hook: EnsureMaster})
	}
	if h.again && err == nil {
		wait = 0
	}
	m.timers.ensure = now.Add(max(wait, ensureLeast))
}

// ensureLeast is the least time between two runs of ensure_master, however often a rival is heard.
const ensureLeast = 100 * time.Millisecond

// rivalSeen has ensure_master run again: a rival may have moved what it ensures.
func (m *Machine) rivalSeen(now Instant) {
	switch {
	case m.hooks.ensured == EnsureNone:
	case m.hooks.ensuring != 0:
		m.hooks.again = true
	default:
		m.timers.ensure = min(m.timers.ensure, now.Add(ensureLeast))
	}
}

// endHooks ends what runs, when the router is MASTER no longer.
func (m *Machine) endHooks() {
	if m.hooks.preparing != 0 {
		m.emit(EndHook{PreMaster})
	}
	if m.hooks.ensuring != 0 {
		m.emit(EndHook{EnsureMaster})
	}
	m.hooks = hooks{serial: m.hooks.serial}
}

// rehook follows a reload in MASTER.
func (m *Machine) rehook(now Instant, before Hooks) {
	after := m.spec.Hooks
	if m.state != Master || before == after {
		return
	}
	if m.hooks.preparing != 0 && before.PreMaster != after.PreMaster { // the take-over does not wait any longer
		m.timers.prepare = min(m.timers.prepare, now)
	}
	if before.EnsureMaster != after.EnsureMaster || before.EnsureInterval != after.EnsureInterval {
		if m.hooks.ensuring != 0 {
			m.emit(EndHook{EnsureMaster})
		}
		m.hooks.ensuring, m.hooks.again, m.hooks.pause, m.hooks.ensured = 0, false, 0, EnsureNone
		if m.hooks.preparing == 0 {
			m.ensure(now)
		}
	}
}
