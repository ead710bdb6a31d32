package firewall

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

var virtualMAC = net.HardwareAddr{0, 0, 0x5e, 0, 1, 0x33}

// own makes a link with a virtual MAC address on the host, in subnets in which nothing else of the host is.
func own(l *lan, h *testlan.Host, addrs ...netip.Prefix) (parent [6]byte) {
	l.t.Helper()
	l.check(h.Do(func() error {
		below, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		parent = [6]byte(below.Attrs().HardwareAddr)
		return netlink.LinkAdd(&netlink.Macvlan{Mode: netlink.MACVLAN_MODE_PRIVATE, LinkAttrs: netlink.LinkAttrs{
			Name: "vrrp.51", ParentIndex: below.Attrs().Index, HardwareAddr: virtualMAC, Flags: net.FlagUp}})
	}))
	for _, a := range addrs {
		l.check(h.AddAddress("vrrp.51", a))
	}
	return parent
}

// tap returns where the client's frames with packets from an address come from.
func tap(l *lan) func(from netip.Addr) net.HardwareAddr {
	l.t.Helper()
	var fd int
	l.check(l.client.Do(func() (err error) {
		all := binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL)
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(binary.NativeEndian.Uint16(all)))
		return err
	}))
	l.t.Cleanup(func() { unix.Close(fd) })
	l.check(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}))
	buf := make([]byte, 2048)
	return func(from netip.Addr) net.HardwareAddr {
		l.t.Helper()
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			n, _, err := unix.Recvfrom(fd, buf, 0)
			if err != nil || n < 14+40 {
				continue
			}
			at := 14 + 12
			if from.Is6() {
				at = 14 + 8
			}
			if is, _ := netip.AddrFromSlice(buf[at : at+from.BitLen()/8]); is == from {
				return net.HardwareAddr(append([]byte(nil), buf[6:12]...))
			}
		}
		l.t.Fatalf("nothing from %s", from)
		return nil
	}
}

// TestVirtualMACIsNotHereAnyMore: what a host sends from a quiet address that is on a virtual link has the parent's MAC
// address, or each answer would tell the switches that the virtual one is still there; connections go on.
func TestVirtualMACIsNotHereAnyMore(t *testing.T) {
	for _, tt := range []struct {
		name     string
		vip, ask netip.Prefix
	}{
		{"IPv4", netip.MustParsePrefix("10.10.0.100/24"), netip.MustParsePrefix("10.10.0.1/24")},
		{"IPv6", netip.MustParsePrefix("fd10::100/64"), netip.MustParsePrefix("fd10::1/64")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLAN(t, false)
			l.check(l.client.AddAddress("eth0", tt.ask))
			parent := own(l, l.first, tt.vip)
			l.echo(l.first, 80)
			vip := tt.vip.Addr()
			var q Quiet
			do := func(f func() error) {
				t.Helper()
				l.check(l.first.Do(f))
			}
			t.Cleanup(func() { do(q.Close) })
			c := l.dial(netip.AddrPortFrom(vip, 80))
			expect := func(when string, want net.HardwareAddr) {
				t.Helper()
				heard := tap(l)
				if who, err := ask(c, patience); who != "first" || err != nil {
					t.Fatalf("%s: %q, %v", when, who, err)
				}
				if got := heard(vip); got.String() != want.String() {
					t.Errorf("%s: from %s, want %s", when, got, want)
				}
			}
			q.Cover("vrrp.51", parent)
			do(q.Prepare)
			expect("prepared", virtualMAC)
			do(func() error { return q.Set([]netip.Addr{vip}, time.Hour) })
			expect("quiet", parent[:])
			do(func() error { return q.Set([]netip.Addr{vip}, 0) })
			expect("no longer", virtualMAC)

			q.Cover("gone", parent)                                                     // is no reason to leave out the others
			_ = l.first.Do(func() error { return q.Set([]netip.Addr{vip}, time.Hour) }) // Linux 6.16 and later wait for the link
			expect("beside one that is gone", parent[:])
			q.Uncover("gone")

			do(flushRuleset)
			expect("flushed", virtualMAC)
			do(func() error { return q.Set([]netip.Addr{vip}, time.Hour) })
			expect("made again", parent[:])

			do(func() error { return q.Set([]netip.Addr{vip}, 0) })
			do(func() error { // as after its parent came back
				link, err := netlink.LinkByName("vrrp.51")
				if err != nil {
					return err
				}
				return netlink.LinkDel(link)
			})
			own(l, l.first, tt.vip)
			q.Cover("vrrp.51", parent)
			c = l.dial(netip.AddrPortFrom(vip, 80)) // who is quiet cannot find its neighbours
			do(func() error { return q.Set([]netip.Addr{vip}, time.Hour) })
			expect("another link of the name", parent[:])
			do(q.Close)
			expect("at the end", virtualMAC)
			if tables := quietTables(l, l.first); len(tables) > 0 {
				t.Errorf("left behind: %v", tables)
			}
		})
	}
}
