package lan_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/netio"
	"vigil/vrrp/lan"
	"vigil/vrrp/lan/lantest"
)

var vmac51 = lan.VirtualLink{Kind: lan.Macvlan, Parent: "eth0", Name: "vrrp.51", MAC: [6]byte{0, 0, 0x5e, 0, 1, 51}, IPv4: true}

// parentSettings reads what a VMAC changes of its parent.
func parentSettings(t *testing.T, n *lantest.Node) string {
	t.Helper()
	var values []string
	for _, file := range []string{"eth0/arp_ignore", "eth0/arp_filter", "eth0/arp_announce", "eth0/rp_filter", "all/rp_filter"} {
		v, err := n.ReadSysctl("net/ipv4/conf/" + file)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	return strings.Join(values, " ")
}

func command(t *testing.T, n *lantest.Node, argv ...string) string {
	t.Helper()
	out, err := n.Output(t.Context(), argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sysctl(t *testing.T, n *lantest.Node, key, value string) {
	t.Helper()
	if err := n.Sysctl(key, value); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func exists(n *lantest.Node, name string) bool {
	_, err := n.Kernel.Link(name)
	return err == nil
}

// TestSettingsOfTheParentAreShared: the first link sets them, the last one puts them back, but not what somebody else has
// changed.
func TestSettingsOfTheParentAreShared(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	sysctl(t, a, "net/ipv4/conf/all/rp_filter", "2")
	sysctl(t, a, "net/ipv4/conf/eth0/arp_announce", "1")
	before := parentSettings(t, a)
	expect(t, "before", before, "0 0 1 0 2")
	other := vmac51
	other.Name, other.MAC[5] = "vrrp.52", 52
	for _, v := range []lan.VirtualLink{vmac51, other, vmac51} {
		if link, _, err := a.Kernel.MakeLink(v); err != nil || !link.Up || link.MAC != string(v.MAC[:]) {
			t.Fatalf("%+v, %v", link, err)
		}
		expect(t, "with a link", parentSettings(t, a), "1 1 2 2 0")
	}
	sysctl(t, a, "net/ipv4/conf/eth0/arp_filter", "0") // the operator's
	for i, name := range []string{"vrrp.51", "vrrp.52"} {
		if err := a.Kernel.RemoveLink(name); err != nil || exists(a, name) {
			t.Fatal(name, err)
		}
		expect(t, "after "+name, parentSettings(t, a), []string{"1 0 2 2 0", before}[i])
	}
	if err := a.Kernel.RemoveLink("vrrp.51"); err != nil {
		t.Errorf("what is not there: %v", err)
	}
}

// dead is a process that cannot be.
const dead = 1<<22 + 1

// TestLinkOfAKilledProcess is taken over, or removed; the settings of the parent are put back to what they were before that
// process, which its mark says.
func TestLinkOfAKilledProcess(t *testing.T) {
	for _, taken := range []bool{true, false} {
		t.Run("taken over "+strconv.FormatBool(taken), func(t *testing.T) {
			_, nodes := lantest.Laboratory(t, 1)
			a := nodes[0]
			sysctl(t, a, "net/ipv4/conf/eth0/arp_announce", "1")
			before := parentSettings(t, a)
			if _, _, err := a.Kernel.MakeLink(vmac51); err != nil {
				t.Fatal(err)
			}
			made, err := a.Kernel.Link("vrrp.51")
			if err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(strings.TrimPrefix(made.Alias, "vigil "), " ")
			expect(t, "mark", rest, "arp_announce=1 arp_filter=0 arp_ignore=0")
			command(t, a, "ip", "link", "set", "vrrp.51", "alias", "vigil "+strconv.Itoa(dead)+" "+rest)
			var next *lan.Kernel
			if err := a.Do(func() (err error) { next, err = lan.OpenKernel(); return err }); err != nil {
				t.Fatal(err)
			}
			defer next.Close()
			if l, err := next.Link("vrrp.51"); err != nil || !lan.Abandoned(l.Alias) {
				t.Fatalf("%+v, %v", l, err)
			}
			if taken {
				link, found, err := next.MakeLink(vmac51)
				if err != nil || !found {
					t.Fatal(found, err)
				}
				if l, _ := next.Link("vrrp.51"); l.Index != link.Index || lan.Abandoned(l.Alias) {
					t.Errorf("%+v", l)
				}
				expect(t, "meanwhile", parentSettings(t, a), "1 1 2 0 0")
			}
			if err := next.RemoveLink("vrrp.51"); err != nil || exists(a, "vrrp.51") {
				t.Error(err)
			}
			expect(t, "in the end", parentSettings(t, a), before)
		})
	}
}

// TestLinksOfOthers: one that is what is wanted is used and stays; one that is not is an error; one of ours that is not goes.
func TestLinksOfOthers(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	command(t, a, "ip", "link", "add", "vrrp.51", "link", "eth0", "type", "macvlan", "mode", "private")
	if _, _, err := a.Kernel.MakeLink(vmac51); !errors.Is(err, lan.ErrNameTaken) {
		t.Errorf("another MAC address: %v", err)
	}
	command(t, a, "ip", "link", "set", "vrrp.51", "address", "00:00:5e:00:01:33")
	if link, found, err := a.Kernel.MakeLink(vmac51); err != nil || !found || !link.Up {
		t.Errorf("%+v, %v, %v", link, found, err)
	}
	if err := a.Kernel.RemoveLink("vrrp.51"); err != nil || !exists(a, "vrrp.51") {
		t.Errorf("somebody else's: %v", err)
	}
	command(t, a, "ip", "link", "set", "vrrp.51", "alias", "vigil "+strconv.Itoa(dead), "address", "00:00:5e:00:01:77")
	if link, found, err := a.Kernel.MakeLink(vmac51); err != nil || found || link.MAC != string(vmac51.MAC[:]) {
		t.Errorf("one that a process of ours has left: %+v, %v, %v", link, found, err)
	}
	absent := vmac51
	absent.Parent = "eth9"
	if _, _, err := a.Kernel.MakeLink(absent); !errors.Is(err, netio.ErrNoLink) {
		t.Errorf("without a parent: %v", err)
	}
	command(t, a, "ip", "tuntap", "add", "tun0", "mode", "tun")
	absent.Parent, absent.Name = "tun0", "vrrp.9"
	if _, _, err := a.Kernel.MakeLink(absent); !errors.Is(err, lan.ErrNotEthernet) {
		t.Errorf("on tun0: %v", err)
	}
}

// TestLinkLocalOfTheParent: a link of IPv6 has that of its parent, and another one when the parent has; without any, the one
// that the MAC address of the parent gives (RFC 4291 appendix A).
func TestLinkLocalOfTheParent(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	v := vmac51
	v.MAC[4], v.IPv4, v.IPv6, v.LinkLocal = 2, false, true, true
	locals := func() (list []string) {
		link, _, err := a.Kernel.MakeLink(v)
		if err != nil {
			t.Fatal(err)
		}
		all, err := a.Kernel.Addresses()
		if err != nil {
			t.Fatal(err)
		}
		for _, ad := range all {
			if ad.Index == link.Index {
				list = append(list, ad.Prefix.String())
			}
		}
		return list
	}
	command(t, a, "ip", "-6", "addr", "flush", "dev", "eth0")
	if got := locals(); !slices.Equal(got, []string{"fe80::ff:fe00:1/64"}) {
		t.Errorf("by the MAC address: %v", got)
	}
	command(t, a, "ip", "addr", "add", "fe80::77/64", "dev", "eth0", "nodad")
	vip := netio.Address{Prefix: netip.MustParsePrefix("fe80::100/128")}
	link, _ := a.Kernel.Link("vrrp.51")
	vip.Index = link.Index
	if err := a.Kernel.AddAddress(vip); err != nil {
		t.Fatal(err)
	}
	got := locals()
	slices.Sort(got)
	if !slices.Equal(got, []string{"fe80::100/128", "fe80::77/64"}) {
		t.Errorf("the parent's: %v", got)
	}
}

// TestGroupOfALink is the parent's, or the one that is written.
func TestGroupOfALink(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	command(t, a, "ip", "link", "set", "eth0", "group", "8", "mtu", "1400")
	other := vmac51
	other.Name, other.MAC[5], other.Group = "vrrp.52", 52, "9"
	for i, v := range []lan.VirtualLink{vmac51, other} {
		if l, _, err := a.Kernel.MakeLink(v); err != nil || l.Group != uint32(8+i) || l.MTU != 1400 {
			t.Errorf("%+v, %v", l, err)
		}
	}
	unknown := vmac51
	unknown.Name, unknown.MAC[5], unknown.Group = "vrrp.53", 53, "nobody"
	if _, _, err := a.Kernel.MakeLink(unknown); err == nil {
		t.Error("an unknown group was taken")
	}
}

// TestLocalIGMPReports are switched off as long as we run (disable_local_igmp).
func TestLocalIGMPReports(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	reports := func() string {
		v, err := a.ReadSysctl("net/ipv4/igmp_link_local_mcast_reports")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var k *lan.Kernel
	if err := a.Do(func() (err error) { k, err = lan.OpenKernel(); return err }); err != nil {
		t.Fatal(err)
	}
	for _, off := range []bool{true, true, false, true} {
		if err := k.Configure(lan.Settings{NoLocalIGMP: off}); err != nil {
			t.Fatal(err)
		}
		expect(t, "reports", reports(), map[bool]string{true: "0", false: "1"}[off])
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	expect(t, "reports after the end", reports(), "1")
}

// TestQuietOnAVirtualLink: who has given an address away sends from it with the MAC address of the parent, whichever link of the
// name it is; what is on no virtual link is sent as ever.
func TestQuietOnAVirtualLink(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	vip := netip.MustParsePrefix("10.99.0.100/24")
	frames := sniff(t, b, unix.ETH_P_IP)
	from := func() string {
		t.Helper()
		if err := a.Do(func() error {
			c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(vip.Addr(), 9)), &net.UDPAddr{IP: net.IPv4(10, 99, 0, 1), Port: 9})
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.Write([]byte("x"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for {
			select {
			case f := <-frames:
				if len(f) > 14+20 && netip.AddrFrom4([4]byte(f[14+12:14+16])) == vip.Addr() {
					return net.HardwareAddr(f[6:12]).String()
				}
			case <-time.After(time.Minute):
				t.Fatal("nothing came")
			}
		}
	}
	parent := net.HardwareAddr(a.Link().MAC).String()
	for range 2 {
		if _, _, err := a.Kernel.MakeLink(vmac51); err != nil {
			t.Fatal(err)
		}
		command(t, a, "ip", "address", "add", vip.String(), "dev", "vrrp.51")
		command(t, a, "ip", "neighbour", "add", "10.99.0.1", "lladdr", net.HardwareAddr(b.Link().MAC).String(), "dev", "vrrp.51")
		a.Kernel.PrepareQuiet()
		expect(t, "its own", from(), "00:00:5e:00:01:33")
		// A busy kernel may take longer for nftables than a hand-over waits.
		lantest.Until(t, "it is quiet", func() error { return a.Kernel.Quiet([]netip.Addr{vip.Addr()}, time.Hour) })
		expect(t, "given away", from(), parent)
		if err := a.Kernel.Quiet([]netip.Addr{vip.Addr()}, 0); err != nil {
			t.Fatal(err)
		}
		lantest.Until(t, "it is its own again", func() error {
			if is := from(); is != "00:00:5e:00:01:33" {
				return errors.New(is)
			}
			return nil
		})
		if err := a.Kernel.RemoveLink("vrrp.51"); err != nil {
			t.Fatal(err)
		}
	}
}
