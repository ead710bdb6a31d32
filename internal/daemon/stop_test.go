package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vigil/internal/netio"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// mastersConfig is an address owner with a version and interval, and a virtual server behind its address.
func mastersConfig(version int, interval string) string {
	return fmt.Sprintf(`global_defs {
  dynamic_interfaces
}
vrrp_instance VI_1 {
  interface eth0
  version %d
  state MASTER
  virtual_router_id 51
  priority 255
  advert_int %s
  virtual_ipaddress {
    192.0.2.1/24
    192.0.2.2/24
  }
}
`, version, interval) + oneService
}

// TestStopLeavesNothingAtAnyInterval stops a master without a backup: it hands over for as long as its interval asks,
// and the process ends well, with no address and no service left behind.
func TestStopLeavesNothingAtAnyInterval(t *testing.T) {
	for _, tt := range []struct {
		version  int
		interval string
		longest  time.Duration
	}{
		{3, "0.01", 2 * time.Second}, {3, "1", 2 * time.Second}, {3, "4.5", 5 * time.Second}, {3, "5", 6 * time.Second},
		{3, "10", 11 * time.Second}, {3, "40.95", 42 * time.Second}, {2, "1", 2 * time.Second}, {2, "255", 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, mastersConfig(tt.version, tt.interval), nil)
			if got := i.network.virtual(); len(got) != 2 || destinations(i.kernel.Table()) != 2 {
				t.Fatalf("version %d, interval %s: before: %v, %v\n%s", tt.version, tt.interval, got, i.kernel.Table(), i.log)
			}
			begun := time.Now()
			i.cancel()
			synctest.Wait()
			if len(i.network.virtual()) != 2 || destinations(i.kernel.Table()) != 2 {
				t.Error("addresses or services went before anybody could take over")
			}
			if err := <-i.done; err != nil {
				t.Errorf("version %d, interval %s: %v\n%s", tt.version, tt.interval, err, i.log)
			}
			if took := time.Since(begun); took > tt.longest {
				t.Errorf("version %d, interval %s: took %v, want at most %v", tt.version, tt.interval, took, tt.longest)
			}
			i.wantNothingLeft(t)
		})
	}
}

func (i *instance) wantNothingLeft(t *testing.T) {
	t.Helper()
	if got := i.network.virtual(); len(got) != 0 {
		t.Errorf("addresses left: %v", got)
	}
	if got := i.kernel.Table(); len(got) != 0 {
		t.Errorf("services left: %v", got)
	}
	if !i.kernel.Closed() {
		t.Error("kernel not closed")
	}
}

// TestStopOfARouterThatHangs: the kernel does not answer when addresses are handed over. They are removed by force, and
// the table goes all the same.
func TestStopOfARouterThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, mastersConfig(3, "10"), nil)
		var hung atomic.Bool
		hang := make(chan struct{})
		i.network.mu.Lock()
		i.network.onDel = func() {
			if hung.CompareAndSwap(false, true) {
				<-hang
			}
		}
		i.network.mu.Unlock()
		begun := time.Now()
		var exit *ExitError
		if err := i.end(); !errors.As(err, &exit) || exit.Code != ExitFatal {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(begun); took > 31*time.Second {
			t.Errorf("took %v", took)
		}
		i.wantNothingLeft(t)
		close(hang)
	})
}

// TestStopOfALeavingRouterThatHangs: force also reaches the addresses of a router that has left the configuration.
func TestStopOfALeavingRouterThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, mastersConfig(3, "10"), nil)
		reply, _ := i.reload("global_defs {\n dynamic_interfaces\n}\n" + oneService)
		reply.want(t, "instance removed", reloadApplied)
		var hung atomic.Bool
		hang := make(chan struct{})
		i.network.mu.Lock()
		i.network.onDel = func() {
			if hung.CompareAndSwap(false, true) {
				<-hang
			}
		}
		i.network.mu.Unlock()
		if err := i.end(); err == nil {
			t.Error("Run says that all is well")
		}
		i.wantNothingLeft(t)
		close(hang)
	})
}

// TestStopWhenTheKernelNeverAnswers: not even by force. The process ends, and the table has gone.
func TestStopWhenTheKernelNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, mastersConfig(2, "1"), nil)
		hang := make(chan struct{})
		i.network.mu.Lock()
		i.network.onDel = func() { <-hang }
		i.network.mu.Unlock()
		begun := time.Now()
		if err := i.end(); err == nil {
			t.Error("Run says that all is well")
		}
		if took := time.Since(begun); took > 26*time.Second {
			t.Errorf("took %v", took)
		}
		if got := i.kernel.Table(); len(got) != 0 {
			t.Errorf("services left: %v", got)
		}
		close(hang)
	})
}

// TestEndOfAPartLeavesNothing: whatever part fails, the others stop in order and no address stays.
func TestEndOfAPartLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, mastersConfig(2, "1"), nil)
		i.network.broken <- errors.New("links cannot be watched any more")
		var exit *ExitError
		if err := <-i.done; !errors.As(err, &exit) || exit.Code != ExitFatal {
			t.Errorf("Run: %v", err)
		}
		i.wantNothingLeft(t)
		if !i.network.closed {
			t.Error("network not closed")
		}
	})
}

// TestStartThatComesToNothing: a daemon that was killed has left an address, and the next one is told to stop, or fails,
// before VRRP has begun. The address goes as after any stop.
func TestStartThatComesToNothing(t *testing.T) {
	left := netio.Address{Index: eth0.Index, Prefix: netip.MustParsePrefix("192.0.2.1/24")}
	never := func(ctx context.Context) (ipvs.Kernel, error) { <-ctx.Done(); return nil, ctx.Err() }
	for name, tt := range map[string]struct {
		edit  func(*Options)
		keeps bool
		fails bool
	}{
		"told to stop":      {func(o *Options) { o.Kernel = never }, false, false},
		"addresses to keep": {func(o *Options) { o.Kernel, o.KeepVRRP = never, true }, true, false},
		"another's VRRP":    {func(o *Options) { o.Kernel, o.VRRP = never, false }, true, false},
		"IPVS fails": {func(o *Options) {
			o.Kernel = func(context.Context) (ipvs.Kernel, error) { return nil, errors.New("no ip_vs") }
		}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := begin(t, mastersConfig(3, "1"), func(o *Options) {
					tt.edit(o)
					n, err := o.Network()
					if err == nil {
						err = n.(*network).AddAddress(left) // before it starts: that may come to nothing at once
					}
					if err != nil {
						t.Fatal(err)
					}
				})
				if err := i.end(); (err != nil) != tt.fails {
					t.Errorf("Run: %v\n%s", err, i.log)
				}
				if there := len(i.network.virtual()) != 0; there != tt.keeps {
					t.Errorf("the address is there: %v\n%s", there, i.log)
				}
				if tt.keeps == i.network.closed {
					t.Errorf("network closed: %v", i.network.closed)
				}
			})
		})
	}
}

func TestRoutersThatLeftByReloadAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, mastersConfig(3, "40"), nil)
		reply, _ := i.reload("global_defs {\n dynamic_interfaces\n}\n" + oneService)
		reply.want(t, "instance removed", reloadApplied)
		time.Sleep(time.Second)
		if len(i.network.virtual()) != 2 {
			t.Fatal("no hand-over after the reload")
		}
		if err := i.end(); err != nil {
			t.Errorf("%v\n%s", err, i.log)
		}
		i.wantNothingLeft(t)
	})
}

// TestRoutersThatLeftByEarlierReloadsAreWaitedFor: a reload after the one by which a router left does not make it forgotten.
func TestRoutersThatLeftByEarlierReloadsAreWaitedFor(t *testing.T) {
	const other = `vrrp_instance VI_2 {
  interface eth0
  virtual_router_id 52
  advert_int 1
  priority %d
  virtual_ipaddress {
    192.0.2.9/24
  }
}
`
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, mastersConfig(3, "40")+fmt.Sprintf(other, 100), nil)
		for _, priority := range []int{100, 101, 102} {
			reply, _ := i.reload("global_defs {\n dynamic_interfaces\n}\n" + fmt.Sprintf(other, priority) + oneService)
			reply.want(t, "a reload", reloadApplied)
			time.Sleep(time.Second)
		}
		if len(i.network.virtual()) != 2 {
			t.Fatalf("no hand-over after the reloads: %v", i.network.virtual())
		}
		if err := i.end(); err != nil {
			t.Errorf("%v\n%s", err, i.log)
		}
		i.wantNothingLeft(t)
	})
}

func TestKeptAddressesAreNotReleasedByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, mastersConfig(3, "1"), func(o *Options) { o.KeepVRRP = true })
		if err := i.end(); err != nil {
			t.Error(err)
		}
		if got := i.network.virtual(); len(got) != 2 {
			t.Errorf("with --dont-release-vrrp: %v", got)
		}
	})
}

// TestStopWithoutRights: the right to change addresses and the table was lost while running. The stop takes no longer than
// any other, and says that something has stayed behind.
func TestStopWithoutRights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, mastersConfig(3, "1"), nil)
		i.network.mu.Lock()
		i.network.delErr = syscall.EPERM
		i.network.mu.Unlock()
		i.kernel.SetFault(func(ipvs.Op) ipvstest.Fault { return ipvstest.Fault{Err: syscall.EPERM} })
		i.kernel.SetReadError(syscall.EPERM)
		begun := time.Now()
		if err := i.end(); err == nil {
			t.Errorf("Run says that all is well\n%s", i.log)
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("took %v\n%s", took, i.log)
		}
	})
}
