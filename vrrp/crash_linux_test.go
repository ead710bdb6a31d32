package vrrp

import (
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/netio"
	"vigil/vrrp/election"
)

// bootClock is CLOCK_BOOTTIME in a bubble.
func bootClock() int64 { return time.Now().UnixNano() }

func TestResumeAfterACrash(t *testing.T) {
	const vip = "10.77.51.100"
	for _, tc := range []struct {
		name    string
		away    time.Duration
		missing bool // the address has gone meanwhile
		want    election.State
		kernel  []string
	}{
		{"at once", 100 * time.Millisecond, false, election.Master, []string{"listen 224.0.0.18", "add " + vip, "garp " + vip}},
		{"within the master-down interval", 2 * time.Second, false, election.Master, []string{"listen 224.0.0.18", "add " + vip, "garp " + vip}},
		{"too late", 4 * time.Second, false, election.Backup, []string{"listen 224.0.0.18", "del " + vip}},
		{"without the address", 100 * time.Millisecond, true, election.Backup, []string{"listen 224.0.0.18", "del " + vip}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "beat")
			synctest.Test(t, func(t *testing.T) {
				var n ethernet
				h := n.newHost("10.77.0.1/24")
				o := Options{HeartbeatFile: file, bootTime: bootClock}
				first := start(t, h, o, testInstance("V", 51, 150))
				time.Sleep(10 * time.Second)
				first.Kill()
				first.wait()
				time.Sleep(tc.away)
				h.taken()
				if tc.missing {
					h.addrs = h.addrs[:1]
				}
				second := start(t, h, o, testInstance("V", 51, 150))
				want(t, "state", second.state("V"), tc.want)
				want(t, "kernel", h.taken(), tc.kernel)
			})
		})
	}
}

func TestNoResumeAfterAnOrderlyStop(t *testing.T) {
	file := filepath.Join(t.TempDir(), "beat")
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		o := Options{HeartbeatFile: file, bootTime: bootClock}
		first := start(t, h, o, testInstance("V", 51, 150))
		time.Sleep(10 * time.Second)
		first.stop()
		first.wait()
		// Somebody else put the address there.
		h.addrs = append(h.addrs, netio.Address{Index: 2, Prefix: netip.MustParsePrefix("10.77.51.100/32")})
		second := start(t, h, o, testInstance("V", 51, 150))
		want(t, "state", second.state("V"), election.Backup)
	})
}

// An address that the configuration does not have any more is removed after a crash, and only then.
func TestAddressesLeftByACrash(t *testing.T) {
	file := filepath.Join(t.TempDir(), "beat")
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		foreign := netio.Address{Index: 2, Prefix: netip.MustParsePrefix("10.77.0.99/32"), Protocol: netio.Protocol}
		h.addrs = append(h.addrs, foreign)
		o := Options{HeartbeatFile: file, bootTime: bootClock}
		first := start(t, h, o, testInstance("V", 51, 150), testInstance("W", 52, 150))
		time.Sleep(10 * time.Second)
		want(t, "without a crash before it", h.has("10.77.0.99"), true)
		first.Kill()
		first.wait()
		start(t, h, o, testInstance("V", 51, 150))
		synctest.Wait()
		want(t, "addresses", []bool{h.has("10.77.51.100"), h.has("10.77.52.100"), h.has("10.77.0.1")}, []bool{true, false, true})
	})
}

// A process between the two that was told to stop before its routers began has released what its own configuration names. That
// there may be more is not forgotten, and nobody goes on as MASTER.
func TestAddressesLeftByACrashBeforeAnother(t *testing.T) {
	file := filepath.Join(t.TempDir(), "beat")
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		o := Options{HeartbeatFile: file, bootTime: bootClock}
		first := start(t, h, o, testInstance("V", 51, 150), testInstance("W", 52, 150))
		time.Sleep(10 * time.Second)
		first.Kill()
		first.wait()
		o.Network = h
		between, err := NewRunner(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := between.Release(testSpec(testInstance("V", 51, 150))); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(unix.Munmap(between.heartbeat.data), between.heartbeat.file.Close()); err != nil { // as its end does
			t.Fatal(err)
		}
		has := func() []bool { return []bool{h.has("10.77.51.100"), h.has("10.77.52.100")} }
		want(t, "addresses after the one between", has(), []bool{false, true})
		second := start(t, h, Options{HeartbeatFile: file, bootTime: bootClock}, testInstance("V", 51, 150))
		want(t, "state", second.state("V"), election.Backup)
		synctest.Wait()
		want(t, "addresses", has(), []bool{false, false})
	})
}

func TestNoResumeAfterGivingWay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "beat")
	synctest.Test(t, func(t *testing.T) {
		var n ethernet
		h := n.newHost("10.77.0.1/24")
		o := Options{HeartbeatFile: file, bootTime: bootClock}
		first := start(t, h, o, testInstance("V", 51, 150))
		time.Sleep(10 * time.Second)
		start(t, n.newHost("10.77.0.2/24"), Options{}, testInstance("V", 51, 200))
		for range 5000 {
			if first.state("V") == election.Backup {
				break
			}
			time.Sleep(time.Millisecond)
		}
		want(t, "address during the grace", h.has("10.77.51.100"), true)
		first.Kill()
		first.wait()
		second := start(t, h, o, testInstance("V", 51, 150))
		synctest.Wait()
		want(t, "first state", second.TakeChanges()[0].Cause, election.CauseStart)
	})
}
