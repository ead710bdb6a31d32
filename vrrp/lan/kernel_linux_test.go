package lan_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/netio"
	"vigil/vrrp/lan"
	"vigil/vrrp/lan/lantest"
	"vigil/vrrp/wire"
)

// onThreadWith runs f in the namespace of n on a thread that has these capabilities and no others.
func onThreadWith(t *testing.T, n *lantest.Node, f func(), capabilities ...int) {
	t.Helper()
	err := n.Host.Do(func() error {
		done := make(chan error)
		go func() {
			// A new thread would inherit the namespace of the one that starts it, which may be any; so it is entered.
			done <- n.Kernel.Do(func() error {
				runtime.LockOSThread() // for good: the thread ends with the goroutine
				var data [2]unix.CapUserData
				for _, c := range capabilities {
					data[c/32].Effective |= 1 << (c % 32)
					data[c/32].Permitted |= 1 << (c % 32)
				}
				header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
				if err := unix.Capset(&header, &data[0]); err != nil {
					return err
				}
				f()
				return nil
			})
		}()
		// Do cannot leave the namespace again without CAP_SYS_ADMIN, and says so.
		if err := <-done; err != nil && !errors.Is(err, unix.EPERM) {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestKernelNeedsTwoCapabilities(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	for _, tc := range []struct {
		has     []int
		missing string
	}{
		{[]int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW}, ""},
		{[]int{unix.CAP_NET_RAW, unix.CAP_SYS_ADMIN}, "CAP_NET_ADMIN"},
		{[]int{unix.CAP_NET_ADMIN}, "CAP_NET_RAW"},
		{nil, "CAP_NET_ADMIN"},
	} {
		t.Run(fmt.Sprint(tc.has), func(t *testing.T) {
			ran := false
			onThreadWith(t, a, func() {
				ran = true
				k, err := lan.OpenKernel()
				if tc.missing != "" {
					if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), tc.missing) {
						t.Errorf("got %v, want a lack of permission that names %s", err, tc.missing)
					}
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				c, err := k.Listen(lan.Segment{Link: a.Link(), Family: confparse.IPv4, Group: group4}, func(lan.Received) {})
				if err != nil {
					t.Error(err)
				} else if err := c.Close(); err != nil {
					t.Error(err)
				}
				if err := k.Announce(a.Link(), vip100); err != nil {
					t.Error(err)
				}
				if err := k.Close(); err != nil {
					t.Error(err)
				}
			}, tc.has...)
			if !ran {
				t.Fatal("did not run")
			}
		})
	}
}

// An announcement succeeds whatever its interface went through since the last one.
func TestAnnouncementSurvivesItsInterface(t *testing.T) {
	lab, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	record := a.Capture(lab)
	ip := func(args ...string) {
		t.Helper()
		if out, err := a.Output(t.Context(), append([]string{"ip"}, args...)...); err != nil {
			t.Fatal(err, out)
		}
	}
	up := func() {
		lantest.Until(t, "eth0 up", func() error {
			if l, err := a.Kernel.Link("eth0"); err != nil || !l.Up {
				return errors.Join(err, errors.New("down"))
			}
			return nil
		})
	}
	for _, happened := range []func(){
		func() {},
		func() { ip("link", "set", "eth0", "down"); ip("link", "set", "eth0", "up") },
		func() {
			ip("link", "set", "eth0", "down")
			_ = a.Kernel.Announce(a.Link(), vip100) // whose socket is opened while the interface is down
			ip("link", "set", "eth0", "up")
		},
		func() { ip("link", "set", "eth0", "address", "02:00:00:00:00:77") },
		func() {
			ip("link", "set", "eth0", "down", "name", "eth9")
			ip("link", "set", "eth9", "up", "name", "eth0")
		},
	} {
		happened()
		up()
		since := time.Now()
		link := a.Link()
		if err := a.Kernel.Announce(link, vip100); err != nil {
			t.Error(err)
		}
		lantest.Until(t, "announcement", func() error {
			for _, g := range record.Announcements("a", since) {
				if g.Address == vip100 && string(g.MAC) == link.MAC {
					return nil
				}
			}
			return errors.New("not seen")
		})
	}
}

// What has arrived is delivered by Poll before it returns, whether the reader has run or not.
func TestPollDeliversWhatHasArrived(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	for _, f := range []struct {
		family confparse.Family
		group  lan.Segment
		header wire.IPHeader
	}{
		{confparse.IPv4, lan.Segment{Group: group4}, wire.IPHeader{Source: nodeA, Destination: group4, TTL: 255}},
		{confparse.IPv6, lan.Segment{Group: group6}, wire.IPHeader{Source: link6, Destination: group6, TTL: 255}},
	} {
		t.Run(f.family.String(), func(t *testing.T) {
			if f.family == confparse.IPv6 {
				if err := nodes[0].AddAddress("eth0", linkPrefix6); err != nil {
					t.Fatal(err)
				}
			}
			on := func(n *lantest.Node) lan.Segment {
				return lan.Segment{Link: n.Link(), Family: f.family, Group: f.group.Group}
			}
			sender, _ := nodes[0].Listen(on(nodes[0]))
			receiver, packets := nodes[1].Listen(on(nodes[1]), 51)
			advert := wire.Advert{Version: 3, VRID: 51, Priority: 100, Interval: time.Second}
			for i := range 200 {
				if err := sender.Send(advert, f.header); err != nil {
					t.Fatal(err)
				}
				lantest.Until(t, "packet", func() error {
					receiver.Poll() // beside the reader, and never both
					if len(packets) == 0 {
						return fmt.Errorf("packet %d is not there", i)
					}
					return nil
				})
				if p := <-packets; p.Reason != wire.DropNone || p.Header != f.header && f.family == confparse.IPv6 {
					t.Fatalf("packet %d: %+v", i, p)
				}
			}
		})
	}
}

// Peers that are down, for whom the kernel keeps adverts until it gives up, cost those that are up nothing.
func TestPeersThatAreDownCostNoOther(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	sender, _ := nodes[0].Listen(lan.Segment{Link: nodes[0].Link(), Family: confparse.IPv4})
	_, packets := nodes[1].Listen(lan.Segment{Link: nodes[1].Link(), Family: confparse.IPv4}, 51)
	advert := wire.Advert{Version: 3, VRID: 51, Priority: 100, Interval: time.Second}
	to := func(peer netip.Addr) error {
		return sender.Send(advert, wire.IPHeader{Source: nodeA, Destination: peer, TTL: 255})
	}
	full := 0
	for i := range 3000 {
		if err := to(netip.AddrFrom4([4]byte{10, 77, 0, byte(200 + i%3)})); err != nil {
			full++
		}
	}
	if full == 0 {
		t.Error("no buffer was ever full: this shows nothing")
	}
	for i := range 10 {
		if err := to(nodeB); err != nil {
			t.Fatalf("advert %d: %v", i, err)
		}
		if p := <-packets; p.Reason != wire.DropNone {
			t.Fatalf("advert %d: %+v", i, p)
		}
	}
}

// TestPlacerOfAnInterfaceThatIsAnotherOneByNow: what is known of it is of a moment ago.
func TestPlacerOfAnInterfaceThatIsAnotherOneByNow(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	n := nodes[0]
	before := n.Link()
	before.Index += 1000
	for i, known := range []func(string) (netio.Link, bool){
		func(string) (netio.Link, bool) { return before, true },
		func(string) (netio.Link, bool) { return n.Link(), true },
		func(string) (netio.Link, bool) { return netio.Link{}, false },
		nil,
	} {
		a := lan.Address{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 51, byte(i)}), 32), Link: "eth0"}
		index, err := lan.NewPlacer(n.Kernel, known).Add(a)
		if err != nil || index != n.Link().Index {
			t.Errorf("%d: added on %d, %v", i, index, err)
		}
		if missing, err := lan.Missing(n.Kernel, []lan.Address{a}); err != nil || len(missing) > 0 {
			t.Errorf("%d: missing %v, %v", i, missing, err)
		}
	}
}
