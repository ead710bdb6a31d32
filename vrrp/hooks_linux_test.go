package vrrp

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// hookHost runs programs for a Runner: each takes a time, and fails as often as it is told to.
type hookHost struct {
	mu     sync.Mutex
	took   time.Duration
	fails  int
	runs   []string
	ended  int // by themselves
	killed int
}

func (h *hookHost) run(ctx context.Context, p confparse.Program) error {
	h.mu.Lock()
	h.runs = append(h.runs, p.Argv()[0])
	fails := h.fails > 0
	h.fails--
	took := h.took
	h.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		h.mu.Lock()
		h.killed++
		h.mu.Unlock()
		return ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended++
	if fails {
		return errors.New("exited with status 1")
	}
	return nil
}

func (h *hookHost) counts() (runs, ended, killed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.runs), h.ended, h.killed
}

func hooked(set func(*election.Hooks)) election.InstanceSpec {
	s := testInstance("V", 51, 150)
	set(&s.Hooks)
	return s
}

func called(name string) confparse.Program {
	return confparse.ProgramOf(&confparse.Script{Argv: []string{name}})
}

// While pre_master runs the backup hears the new master, which has no address yet; then it has.
func TestPreMasterRunsBeforeTheAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := &hookHost{took: 4 * time.Second}
		a := start(t, n.newHost("10.77.0.1/24"), Options{Hook: h.run}, hooked(func(s *election.Hooks) {
			s.PreMaster, s.PreMasterTimeout = called("pre"), 10*time.Second
		}))
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 100))
		time.Sleep(7 * time.Second)
		want(t, "states", []election.State{a.state("V"), b.state("V")}, []election.State{election.Master, election.Backup})
		want(t, "addresses", []bool{a.host.has("10.77.51.100"), b.host.has("10.77.51.100")}, []bool{false, false})
		want(t, "status", a.Status().Instances[0].Preparing, true)
		if sent := a.counters("V").AdvertsSent; sent != 4 {
			t.Errorf("%d adverts, want 4", sent)
		}
		want(t, "told so far", len(a.TakeChanges()), 1)
		time.Sleep(time.Second)
		want(t, "address", a.host.has("10.77.51.100"), true)
		want(t, "told then", a.TakeChanges()[0].To, election.Master)
	})
}

// One that hangs is not waited for, and ends; nor does the end of the daemon wait for it.
func TestPreMasterThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := &hookHost{took: time.Hour}
		a := start(t, n.newHost("10.77.0.1/24"), Options{Hook: h.run}, hooked(func(s *election.Hooks) {
			s.PreMaster, s.PreMasterTimeout = called("pre"), 2*time.Second
			s.EnsureMaster, s.EnsureInterval = called("ensure"), time.Minute
		}))
		time.Sleep(4 * time.Second)
		want(t, "before", a.host.has("10.77.51.100"), false)
		time.Sleep(2 * time.Second)
		want(t, "after", a.host.has("10.77.51.100"), true)
		synctest.Wait()
		_, _, killed := h.counts()
		want(t, "pre_master ended", killed, 1)
		a.stop()
		a.wait()
		_, _, killed = h.counts()
		want(t, "ensure_master ended", killed, 2)
		want(t, "address", a.host.has("10.77.51.100"), false)
	})
}

// ensure_master insists while this is the master, and is quiet when it is not.
func TestEnsureMasterRunsWhileMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := &hookHost{took: 100 * time.Millisecond, fails: 3}
		spec := hooked(func(s *election.Hooks) { s.EnsureMaster, s.EnsureInterval = called("ensure"), 10*time.Second })
		a := start(t, n.newHost("10.77.0.1/24"), Options{Hook: h.run}, spec)
		time.Sleep(4 * time.Second)
		want(t, "status", a.Status().Instances[0].Ensured, election.EnsureFailed)
		time.Sleep(8 * time.Second) // it fails after 1, 2 and 4 s
		runs, _, _ := h.counts()
		want(t, "runs", runs, 4)
		want(t, "status", a.Status().Instances[0].Ensured, election.EnsureOK)
		time.Sleep(100 * time.Second)
		runs, _, _ = h.counts()
		if runs < 13 || runs > 14 {
			t.Errorf("%d runs after verifying it for 100 s", runs)
		}
		b := start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 200))
		time.Sleep(5 * time.Second)
		want(t, "the better master", b.state("V"), election.Master)
		before, _, _ := h.counts()
		time.Sleep(time.Minute)
		after, _, _ := h.counts()
		want(t, "runs as a backup", after-before, 0)
		want(t, "status of a backup", a.Status().Instances[0].Ensured, election.EnsureNone)
	})
}
