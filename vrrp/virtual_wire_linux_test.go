package vrrp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// seen describes a frame by what a switch and a neighbour learn from it.
func seen(f testlan.Frame) string {
	if len(f.Data) < 14+20 {
		return ""
	}
	from, body := net.HardwareAddr(f.Data[6:12]).String(), f.Data[14:]
	addr := func(b []byte) string { a, _ := netip.AddrFromSlice(b); return a.String() }
	switch binary.BigEndian.Uint16(f.Data[12:]) {
	case 0x0806:
		return fmt.Sprintf("arp %d %s from %s at %s", body[7], addr(body[14:18]), from, net.HardwareAddr(body[8:14]))
	case 0x0800:
		switch body[9] {
		case 112:
			return fmt.Sprintf("advert %s from %s", addr(body[12:16]), from)
		case 2:
			return "igmp from " + from
		}
	case 0x86dd:
		next, rest := body[6], body[40:]
		if next == 0 { // hop-by-hop options: a router alert
			next, rest = rest[0], rest[8+8*int(rest[1]):]
		}
		switch {
		case next == 112:
			return fmt.Sprintf("advert %s from %s", addr(body[8:24]), from)
		case next == 58 && (rest[0] == 143 || rest[0] == 131):
			return "mld from " + from
		case next == 58 && rest[0] == 133:
			return "solicitation from " + from
		case next == 58 && rest[0] == 136:
			return fmt.Sprintf("na %s from %s", addr(rest[8:24]), from)
		}
	}
	return ""
}

// untilSeen waits until every one of the descriptions was seen of a host.
func untilSeen(t *testing.T, c *testlan.Capture, host string, wanted ...string) {
	t.Helper()
	lantest.Until(t, "frames", func() error {
		all := allSeen(c, host)
		for _, w := range wanted {
			if all[w] == 0 {
				return fmt.Errorf("no %q; seen: %v", w, all)
			}
		}
		return nil
	})
}

func allSeen(c *testlan.Capture, host string) map[string]int {
	all := make(map[string]int)
	for _, f := range c.Frames() {
		if s := seen(f); s != "" && f.Host == host {
			all[s]++
		}
	}
	return all
}

const bothFamilies = `
vrrp_instance V4 {
	interface eth0
	virtual_router_id 51
	priority 100
	use_vmac
	virtual_ipaddress {
		10.77.0.100/24
	}
}
vrrp_instance V6 {
	interface eth0
	virtual_router_id 51
	priority 100
	use_vmac
	virtual_ipaddress {
		fe80::100
		2001:db8::100/64
	}
}`

// TestVRRPCase31: adverts have the virtual MAC address and the parent's address, announcements and answers the virtual MAC
// address; reports of memberships leave with the parent's, of a backup too.
func TestVRRPCase31FramesOfVirtualMACs(t *testing.T) {
	t.Parallel()
	lab, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	record := a.Capture(lab)
	const mac4, mac6, own = "00:00:5e:00:01:33", "00:00:5e:00:02:33", "02:00:00:00:00:01"
	r, stop := runConfig(t, a, bothFamilies)
	untilSeen(t, record, "a", "igmp from "+own, "mld from "+own)
	seen := allSeen(record, "a")
	if len(record.Adverts("a", time.Time{})) > 0 { // on a busy machine one is MASTER before the other has its interface
		seen = nil
	}
	for s := range seen { // still BACKUP
		if strings.Contains(s, "5e:00") && !strings.HasPrefix(s, "advert") {
			t.Errorf("a backup sends %s", s)
		}
	}
	untilAll(t, r, election.Master)
	untilSeen(t, record, "a", "advert 10.77.0.1 from "+mac4, "arp 1 10.77.0.100 from "+mac4+" at "+mac4,
		"advert fe80::ff:fe00:1 from "+mac6, "na fe80::100 from "+mac6, "na 2001:db8::100 from "+mac6)
	ip(t, b, "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
	for _, addr := range []string{"10.77.0.100", "2001:db8::100", "fe80::ff:fe00:1%eth0"} { // whoever asks learns the virtual one
		lantest.Until(t, addr, func() error { return reaches(b, addr) })
	}
	neighbours := output(t, b, "ip", "neigh")
	for addr, mac := range map[string]string{"10.77.0.100": mac4, "2001:db8::100": mac6, "fe80::ff:fe00:1": own} {
		if !strings.Contains(neighbours, addr+" dev eth0 lladdr "+mac) {
			t.Errorf("%s is not at %s:\n%s", addr, mac, neighbours)
		}
	}
	stop()
	for s := range allSeen(record, "a") {
		if strings.HasPrefix(s, "igmp from 00:") || strings.HasPrefix(s, "mld from 00:") || strings.HasPrefix(s, "solicitation from 00:") ||
			strings.HasPrefix(s, "na fe80::ff:fe00:1 from 00:") || strings.Contains(s, "10.77.0.1 ") && strings.Contains(s, "arp") && strings.Contains(s, mac4) {
			t.Errorf("%s was seen", s)
		}
	}
}

// reaches reports whether something that a machine sends to an address is accepted there: there is nobody at the port, which
// the host then says.
func reaches(from *lantest.Node, addr string) error {
	return from.Do(func() error {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(addr, "9"), time.Second)
		if err == nil {
			return c.Close()
		}
		if errors.Is(err, unix.ECONNREFUSED) {
			return nil
		}
		return err
	})
}

// TestVRRPCase32: with vmac_xmit_base on one side only, neither hears the other, as between two keepaliveds; both sides
// must agree.
func TestVRRPCase32TransmitBaseOnOneSide(t *testing.T) {
	t.Parallel()
	lab, nodes := lantest.Laboratory(t, 2)
	record := nodes[0].Capture(lab)
	text := func(priority int, base string) string {
		return fmt.Sprintf("vrrp_instance V {\ninterface eth0\nvirtual_router_id 51\nversion 3\nadvert_int 0.2\npriority %d\nuse_vmac\n%s\n"+
			"virtual_ipaddress {\n10.77.0.100/24\n}\n}\n", priority, base)
	}
	agreed, _ := runConfig(t, nodes[0], text(150, ""))
	untilAll(t, agreed, election.Master)
	other, _ := runConfig(t, nodes[1], text(100, ""))
	untilAll(t, other, election.Backup)
	apply(t, other, text(100, "vmac_xmit_base"))
	untilAll(t, other, election.Master)
	untilAll(t, agreed, election.Master)
	untilSeen(t, record, "b", "advert 10.77.0.2 from 02:00:00:00:00:02", "arp 1 10.77.0.100 from 00:00:5e:00:01:33 at 00:00:5e:00:01:33")
	apply(t, other, text(100, ""))
	untilAll(t, other, election.Backup)
}

// TestInteropVMACWithKeepalived: a pair of Vigil and keepalived with use_vmac: each obeys the other and takes over from it.
func TestInteropVMACWithKeepalived(t *testing.T) {
	t.Parallel()
	testlan.RequireNetns(t)
	for _, ours := range []int{150, 90} {
		t.Run(fmt.Sprint("our priority ", ours), func(t *testing.T) {
			t.Parallel()
			_, nodes := lantest.Laboratory(t, 2)
			peer := runKeepalived(t, nodes[1], bothFamilies)
			r, stop := runConfig(t, nodes[0], strings.ReplaceAll(bothFamilies, "priority 100", fmt.Sprint("priority ", ours)))
			if ours > 100 {
				untilAll(t, r, election.Master)
				stop()
				lantest.Until(t, "keepalived takes over", func() error {
					if times(peer, "Entering MASTER STATE") < 2 {
						return errors.New(peer.Log.Tail(5))
					}
					return nil
				})
				return
			}
			lantest.Until(t, "keepalived is master", func() error {
				if times(peer, "Entering MASTER STATE") < 2 {
					return errors.New(peer.Log.Tail(5))
				}
				return nil
			})
			untilAll(t, r, election.Backup)
			if err := peer.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			untilAll(t, r, election.Master)
		})
	}
}

// TestVRRPCase41: in strict mode, and with no_accept, the tables are populated while the router is MASTER, and what is sent
// to its addresses is dropped, but neighbours are answered.
func TestVRRPCase41NoAccept(t *testing.T) {
	t.Parallel()
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	ip(t, b, "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
	text := func(accept string) string {
		return strings.ReplaceAll(bothFamilies, "use_vmac\n", "use_vmac\nversion 3\n"+accept+"\n")
	}
	r, stop := runConfig(t, a, text("strict_mode"))
	got := output(t, a, "nft", "list", "ruleset")
	if in := r.Status().Instances[0]; in.Counters.BecameMaster == 0 && strings.Contains(got, "10.77.0.100") {
		t.Errorf("before it is master:\n%s", got)
	}
	untilAll(t, r, election.Master)
	lantest.Until(t, "elements", func() error {
		got := output(t, a, "nft", "list", "ruleset")
		for _, w := range []string{"elements = { 10.77.0.100 }", "elements = { 2001:db8::100 }", `elements = { fe80::100 . "vrrp6.51" }`} {
			if !strings.Contains(got, w) {
				return fmt.Errorf("no %s in\n%s", w, got)
			}
		}
		return nil
	})
	vips := []string{"10.77.0.100", "2001:db8::100", "fe80::100%eth0"}
	lantest.Until(t, "neighbours are answered", func() error { // the addresses come after the tables
		for _, addr := range vips {
			if reaches(b, addr) == nil {
				t.Errorf("%s accepts", addr)
			}
		}
		got := output(t, b, "ip", "neigh")
		if !strings.Contains(got, "10.77.0.100 dev eth0 lladdr") || !strings.Contains(got, "2001:db8::100 dev eth0 lladdr") {
			return errors.New(got)
		}
		return nil
	})
	if err := reaches(b, "10.77.0.1"); err != nil {
		t.Errorf("the host's own address: %v", err)
	}
	apply(t, r, text("accept")) // without losing the addresses
	for _, addr := range vips {
		lantest.Until(t, addr+" accepts", func() error { return reaches(b, addr) })
	}
	for _, in := range r.Status().Instances {
		if in.Counters.BecameMaster != 1 {
			t.Errorf("%s became master %d times", in.Name, in.Counters.BecameMaster)
		}
	}
	apply(t, r, text("no_accept"))
	lantest.Until(t, "no_accept", func() error {
		if reaches(b, vips[0]) == nil {
			return errors.New("accepts")
		}
		return nil
	})
	stop()
	if got := output(t, a, "nft", "list", "ruleset"); strings.Contains(got, "10.77.0.100") || strings.Contains(got, "2001:db8::100") {
		t.Errorf("after the stop:\n%s", got)
	}
}
