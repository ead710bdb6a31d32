package netio

import (
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// withCapabilities runs f on a thread that has these capabilities and no others. Capabilities are per thread; this one
// ends with the goroutine.
func withCapabilities(t *testing.T, f func(), capabilities ...int) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var data [2]unix.CapUserData
		for _, c := range capabilities {
			data[c/32].Effective |= 1 << (c % 32)
			data[c/32].Permitted |= 1 << (c % 32)
		}
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		if err := unix.Capset(&header, &data[0]); err != nil {
			t.Errorf("capset: %v", err)
			return
		}
		f()
	}()
	<-done
}

// Containers run with NET_ADMIN and NET_RAW. Entering a namespace would take CAP_SYS_ADMIN, even that of the process.
func TestOpenNeedsNoPrivilegeInItsOwnNamespace(t *testing.T) {
	outside := freshNamespace(t)
	eth0, _ := veth(t, outside, "eth0", "peer0")
	err := outside.Do(func() error {
		// The new thread inherits the namespace of this one, which Do has locked.
		withCapabilities(t, func() {
			h, err := Open()
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			a := Address{Index: eth0.Index, Prefix: netip.MustParsePrefix("10.77.0.100/24")}
			if err := h.AddAddress(a); err != nil {
				t.Error(err)
			}
			if err := h.DelAddress(a); err != nil {
				t.Error(err)
			}
		}, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDeletingAnAddressSparesTheOthersOfItsSubnet(t *testing.T) {
	h := freshNamespace(t)
	eth0, _ := veth(t, h, "eth0", "peer0")
	sysctl := func(value string) {
		t.Helper()
		err := h.Do(func() error {
			return os.WriteFile("/proc/sys/net/ipv4/conf/eth0/promote_secondaries", []byte(value), 0)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func() (value string) {
		t.Helper()
		err := h.Do(func() error {
			b, err := os.ReadFile("/proc/sys/net/ipv4/conf/eth0/promote_secondaries")
			value = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	addr := func(last byte) Address {
		return Address{Index: eth0.Index, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, last}), 24)}
	}
	for _, setting := range []string{"0\n", "1\n"} {
		sysctl(setting)
		for last := byte(1); last <= 60; last++ {
			if err := h.AddAddress(addr(last)); err != nil {
				t.Fatal(err)
			}
		}
		// The first, some in the middle, and all at once from several goroutines, as at a hand-over of many routers.
		var wg sync.WaitGroup
		for last := byte(1); last <= 40; last++ {
			wg.Go(func() {
				if err := h.DelAddress(addr(last)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got := onLink(t, h, eth0.Index)
		if len(got) != 20 {
			t.Errorf("promote_secondaries %q: %d addresses left, want the 20 that were not deleted", setting, len(got))
		}
		if value := read(); value != setting {
			t.Errorf("promote_secondaries is %q afterwards, was %q", value, setting)
		}
		for _, a := range got {
			if err := h.DelAddress(a); err != nil {
				t.Error(err)
			}
		}
	}
}

// Several virtual routers of one interface ask for it at once, and the last one of them that goes ends it.
func TestSecondariesAreKeptUntilNobodyAsksForIt(t *testing.T) {
	h := freshNamespace(t)
	veth(t, h, "eth0", "peer0")
	keep := func(on bool) {
		t.Helper()
		if err := h.KeepSecondaries("eth0", on); err != nil {
			t.Error(err)
		}
	}
	for range 20 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { keep(true) })
		}
		wg.Wait()
		during, err := h.Setting("eth0", PromoteSecondaries)
		if err != nil || during != 1 {
			t.Fatalf("promote_secondaries is %d, %v", during, err)
		}
		keep(false)
		if after, err := h.Setting("eth0", PromoteSecondaries); err != nil || after != 0 {
			t.Fatalf("promote_secondaries is %d afterwards, %v", after, err)
		}
	}
}

// Where /proc/sys is read-only, as in most containers, the setting goes over rtnetlink.
func TestDevconfOverRtnetlink(t *testing.T) {
	h := freshNamespace(t)
	eth0, _ := veth(t, h, "eth0", "peer0")
	for _, value := range []uint32{1, 0} {
		if err := h.setDevconf(eth0.Index, devconfPromoteSecondaries, value); err != nil {
			t.Fatal(err)
		}
		err := h.Do(func() error {
			b, err := os.ReadFile("/proc/sys/net/ipv4/conf/eth0/promote_secondaries")
			if want := string('0'+rune(value)) + "\n"; err == nil && string(b) != want {
				t.Errorf("promote_secondaries is %q, want %q", b, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// An exchange that hangs holds up nobody else.
func TestExchangesDoNotWaitForEachOther(t *testing.T) {
	h := freshNamespace(t)
	inside, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- h.exchange(func(*netlink.Handle) error {
			close(inside)
			<-release
			return nil
		})
	}()
	<-inside
	links, err := h.Links()
	if err != nil || !slices.ContainsFunc(links, func(l Link) bool { return l.Name == "lo" }) {
		t.Errorf("links %v, %v", links, err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSocketsAreKeptWithinBounds(t *testing.T) {
	h := freshNamespace(t)
	var all sync.WaitGroup
	var meet sync.WaitGroup
	meet.Add(3 * idleSockets)
	for range 3 * idleSockets {
		all.Go(func() {
			err := h.exchange(func(*netlink.Handle) error {
				meet.Done()
				meet.Wait()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(h.exchanges.idle); n != idleSockets {
		t.Errorf("%d sockets kept, want %d", n, idleSockets)
	}
	if err := h.exchange(func(*netlink.Handle) error { return unix.EAGAIN }); err != unix.EAGAIN {
		t.Errorf("got %v", err)
	}
	if n := len(h.exchanges.idle); n != idleSockets-1 {
		t.Errorf("%d sockets kept after one that failed, want %d", n, idleSockets-1)
	}
}
