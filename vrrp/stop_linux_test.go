package vrrp

import (
	"errors"
	"io/fs"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"vigil/vrrp/election"
)

// owner is a version 3 instance that is MASTER from the first moment.
func owner(interval time.Duration) election.InstanceSpec {
	s := testInstance("V", 51, 255)
	s.Version, s.AdvertInterval, s.StartMaster = 3, interval, true
	return s
}

// installed is how many the addresses of h that a Runner has put there.
func installed(t *testing.T, h *host) int {
	t.Helper()
	all, err := h.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	return len(all) - 1 // its own
}

// TestStopAtEveryInterval stops a master that nobody succeeds, for every interval that an advert can carry: the
// addresses are gone within the limit that follows from the spec, and the limit is no longer than it need be.
func TestStopAtEveryInterval(t *testing.T) {
	const most = 4095 // centiseconds
	stop := func(t *testing.T, s election.InstanceSpec) {
		var n ethernet
		r := start(t, n.newHost("10.77.0.1/24"), Options{}, s)
		synctest.Wait()
		if s.StartMaster && installed(t, r.host) != 1 {
			t.Fatalf("interval %v: not master", s.AdvertInterval)
		}
		limit, begin := StopLimit(testSpec(s)), time.Now()
		r.stop()
		r.wait()
		if took := time.Since(begin); took > limit-releaseTime {
			t.Errorf("version %d, interval %v: stopped after %v, limit %v", s.Version, s.AdvertInterval, took, limit)
		} else if s.StartMaster && limit > took+releaseTime+time.Second+500*time.Millisecond {
			t.Errorf("version %d, interval %v: stopped after %v, and the limit is %v", s.Version, s.AdvertInterval, took, limit)
		}
		if installed(t, r.host) != 0 {
			t.Errorf("version %d, interval %v: addresses left", s.Version, s.AdvertInterval)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		for cs := 1; cs <= most; cs++ {
			stop(t, owner(time.Duration(cs)*10*time.Millisecond))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		for s := 1; s <= 255; s++ {
			spec := owner(time.Duration(s) * time.Second)
			spec.Version = 2
			stop(t, spec)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a BACKUP has nothing to wait for
		spec := owner(most * 10 * time.Millisecond)
		spec.Priority, spec.StartMaster = 100, false
		stop(t, spec)
	})
}

func TestReleaseLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a, b := owner(time.Second), owner(time.Second)
		b.Name, b.VRID = "W", 52
		b.Addresses = []election.Address{{Prefix: netip.MustParsePrefix("10.77.52.100/32"), Link: "eth0"}}
		b.Excluded = []election.Address{{Prefix: netip.MustParsePrefix("10.77.52.101/32"), Link: "eth0"}}
		r := start(t, n.newHost("10.77.0.1/24"), Options{}, a, b)
		synctest.Wait()
		if installed(t, r.host) != 3 {
			t.Fatalf("%d addresses", installed(t, r.host))
		}
		r.Kill() // as when watching links has failed: nothing is released
		r.wait()
		if installed(t, r.host) != 3 {
			t.Fatal("the killed runner released addresses")
		}
		b.Excluded = append(b.Excluded, election.Address{Prefix: netip.MustParsePrefix("10.77.52.102/32"), Link: "gone0"})
		for range 2 {
			if err := r.Release(testSpec(a, b)); err != nil {
				t.Error(err)
			}
			if installed(t, r.host) != 0 {
				t.Errorf("%d addresses left", installed(t, r.host))
			}
		}
	})
}

// TestReleaseWhileTheRunnerHangs takes the addresses away although the worker of the router never comes back.
func TestReleaseWhileTheRunnerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h, spec := n.newHost("10.77.0.1/24"), owner(time.Second)
		r := start(t, h, Options{}, spec)
		synctest.Wait()
		hang := make(chan struct{})
		var hung sync.Once
		h.mu.Lock()
		h.refuse = func(op string, _ netip.Addr) error {
			if op == "del" {
				hung.Do(func() { <-hang })
			}
			return nil
		}
		h.mu.Unlock()
		r.stop()
		time.Sleep(StopLimit(testSpec(spec)))
		if installed(t, h) != 1 {
			t.Fatal("the removal did not hang")
		}
		h.mu.Lock()
		h.refuse = nil
		h.mu.Unlock()
		if err := r.Release(testSpec(spec)); err != nil {
			t.Error(err)
		}
		if installed(t, h) != 0 {
			t.Error("the address is still there")
		}
		close(hang)
		r.wait()
	})
}

// rename gives the interface of h another name. Nobody is told.
func (h *host) rename(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links[0].Name = name
}

// TestReleaseFromARenamedInterface: an address is where it was put, whatever that is called by now.
func TestReleaseFromARenamedInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		a := owner(time.Second)
		r := start(t, n.newHost("10.77.0.1/24"), Options{}, a)
		synctest.Wait()
		r.Kill()
		r.wait()
		r.host.rename("lan0")
		if err := r.Release(testSpec(a)); err != nil || installed(t, r.host) != 0 {
			t.Errorf("%d addresses left, %v", installed(t, r.host), err)
		}
	})
}

// TestStopTellsWhatStaysBehind: a Runner that may not remove its addresses any more does not end as if all were well.
func TestStopTellsWhatStaysBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		r := start(t, h, Options{}, owner(time.Second))
		synctest.Wait()
		h.mu.Lock()
		h.refuse = func(op string, _ netip.Addr) error {
			if op == "del" {
				return unix.EPERM
			}
			return nil
		}
		h.mu.Unlock()
		begun := time.Now()
		r.stop()
		if err := <-r.done; !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(begun); took > StopLimit(testSpec(owner(time.Second))) {
			t.Errorf("took %v", took)
		}
	})
}
