package vrrp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// picture is what a program has made of a machine's interfaces.
type picture struct {
	Links     map[string]string // of every interface but lo
	Addresses map[string][]string
	Settings  map[string]string // that are not as on an interface nobody has touched
}

// virtualSettings are those that a VMAC, or what it is on, may get.
var virtualSettings = []string{"ipv4/%s/arp_ignore", "ipv4/%s/arp_filter", "ipv4/%s/accept_local", "ipv4/%s/rp_filter",
	"ipv4/%s/promote_secondaries", "ipv6/%s/disable_ipv6", "ipv6/%s/addr_gen_mode"}

func takePicture(t *testing.T, n *lantest.Node) picture {
	t.Helper()
	p := picture{Links: map[string]string{}, Addresses: map[string][]string{}, Settings: map[string]string{}}
	var links []struct {
		IfName, Link, Address, Group, OperState string
		GenMode                                 string `json:"inet6_addr_gen_mode"`
		Flags                                   []string
		MTU                                     int
		LinkInfo                                struct {
			Kind string          `json:"info_kind"`
			Data json.RawMessage `json:"info_data"`
		}
	}
	decode(t, output(t, n, "ip", "-d", "-j", "link"), &links)
	for _, l := range links {
		if l.IfName == "lo" {
			continue
		}
		l.Flags = slices.DeleteFunc(l.Flags, func(f string) bool { return f == "LOWER_UP" })
		p.Links[l.IfName] = fmt.Sprintf("on %s, %s %s, mode %s, group %s, %v, %s, %s, mtu %d", l.Link, l.LinkInfo.Kind, l.Address,
			modeOf(l.LinkInfo.Data), l.Group, l.Flags, l.OperState, l.GenMode, l.MTU)
		for _, s := range virtualSettings {
			at := fmt.Sprintf(s, "conf/"+l.IfName)
			value, err := n.ReadSysctl("net/" + at)
			if errors.Is(err, fs.ErrNotExist) {
				continue // such as IPv6 on a link that modules bring along and nobody sets up
			}
			if err != nil {
				t.Fatal(err)
			}
			if value != "0" {
				p.Settings[at] = value
			}
		}
	}
	all, err := n.ReadSysctl("net/ipv4/conf/all/rp_filter")
	if err != nil {
		t.Fatal(err)
	}
	p.Settings["all rp_filter"] = all
	var addrs []struct {
		IfName string
		Info   []struct {
			Local, Scope                 string
			PrefixLen                    int
			Deprecated, NoDAD, Secondary bool
			PreferredLifetime            int64 `json:"preferred_life_time"`
		} `json:"addr_info"`
	}
	decode(t, output(t, n, "ip", "-j", "addr"), &addrs)
	for _, l := range addrs {
		for _, a := range l.Info {
			if l.IfName != "lo" {
				p.Addresses[l.IfName] = append(p.Addresses[l.IfName], fmt.Sprintf("%s/%d %s %v %v %v %d", a.Local, a.PrefixLen, a.Scope,
					a.Deprecated, a.NoDAD, a.Secondary, a.PreferredLifetime))
			}
		}
		slices.Sort(p.Addresses[l.IfName])
	}
	return p
}

func decode(t *testing.T, text string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func modeOf(data json.RawMessage) string {
	var m struct{ Mode string }
	if json.Unmarshal(data, &m) != nil {
		return ""
	}
	return m.Mode
}

// wired is a machine with eth0 and eth1, both with addresses of both families.
func wired(t *testing.T) (*testlan.Lab, *lantest.Node) {
	t.Helper()
	lab, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	other, err := lab.Segment("other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Attach(other, "eth1", netip.MustParsePrefix("198.51.100.1/24")); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"eth0", "eth1"} {
		lantest.Until(t, "link-local address of "+link, func() error {
			out, err := a.Output(t.Context(), "ip", "-6", "addr", "show", "dev", link, "scope", "link", "-tentative")
			if err == nil && !strings.Contains(out, "fe80") {
				return fmt.Errorf("none yet")
			}
			return err
		})
	}
	return lab, a
}

// virtualConfigs are configurations with virtual MAC addresses of every form. In all of them the router becomes master.
var virtualConfigs = map[string]string{
	"both families, one VRID": `
vrrp_instance V4 {
	interface eth0
	virtual_router_id 51
	use_vmac
	virtual_ipaddress {
		10.77.0.100/24
		10.77.0.101
	}
}
vrrp_instance V6 {
	interface eth0
	virtual_router_id 51
	use_vmac
	virtual_ipaddress {
		fe80::100
		2001:db8::100/64
	}
}`,
	"both families in a sync group, adverts from below": `
vrrp_sync_group G {
	group {
		V4
		V6
	}
}
vrrp_instance V4 {
	interface eth0
	virtual_router_id 51
	use_vmac
	vmac_xmit_base
	virtual_ipaddress {
		10.77.0.100/24
	}
}
vrrp_instance V6 {
	interface eth0
	virtual_router_id 51
	use_vmac
	vmac_xmit_base
	virtual_ipaddress {
		fe80::100
	}
}`,
	"names, prefixes and own MAC addresses": `
global_defs {
	vmac_prefix virtual_router
	vmac_addr_prefix extra
}
vrrp_instance A {
	interface eth0
	virtual_router_id 7
	use_vmac vip0 02:11:22:33:44
	vmac_xmit_base
	use_vmac_addr
	virtual_ipaddress {
		10.77.0.7/24
		198.51.100.7/24 dev eth1
	}
}
vrrp_instance B {
	interface eth0
	virtual_router_id 200
	use_vmac
	virtual_ipaddress {
		10.77.0.8/24 dev eth0
	}
}`,
	"addresses on other interfaces": `
vrrp_instance B {
	interface eth0
	virtual_router_id 8
	virtual_ipaddress {
		10.77.0.8/24
		198.51.100.8/24 dev eth1 use_vmac
		10.77.0.88/32 use_vmac
	}
	virtual_ipaddress_excluded {
		2001:db8:1::8/64 dev eth1 use_vmac
	}
}
vrrp_instance C {
	interface eth0
	virtual_router_id 9
	use_vmac
	vmac_xmit_base
	use_vmac_addr
	virtual_ipaddress {
		fe80::9
	}
	virtual_ipaddress_excluded {
		10.77.0.99/24
		198.51.100.98/24 dev eth1
		2001:db8:5::7/64 dev eth1
	}
}`,
	"an IPv4 address of an IPv6 router": `
vrrp_instance B {
	interface eth0
	virtual_router_id 11
	use_vmac
	virtual_ipaddress {
		fe80::11
	}
	virtual_ipaddress_excluded {
		10.77.0.11/24
	}
}`,
	"unicast": `
vrrp_instance A {
	interface eth0
	virtual_router_id 12
	use_vmac
	unicast_peer {
		10.77.0.99
	}
	virtual_ipaddress {
		10.77.0.12/24
	}
}`,
}

// knownDifferences makes a picture of keepalived 2.2.7 what it is to be: later releases set arp_ignore on the VMACs of IPv6
// too; and when rp_filter of all interfaces together becomes 0, each one gets what it was, which 2.2.7 does to some.
func knownDifferences(p picture) picture {
	for name, l := range p.Links {
		if p.Settings["all rp_filter"] == "0" && strings.HasPrefix(name, "eth") {
			p.Settings["ipv4/conf/"+name+"/rp_filter"] = "1"
		}
		if strings.Contains(l, "00:00:5e:00:02:") {
			p.Settings["ipv4/conf/"+name+"/arp_ignore"] = "1"
		}
	}
	return p
}

// filteredAlike makes theirs say how the source addresses of packets are looked at as ours does, where that comes to the same: the
// kernel takes the larger of what is set for all interfaces and for the one, and keepalived 2.3 moves it from all to each for
// the VMACs of IPv6 as well, which take no part in it.
func filteredAlike(theirs, ours picture) picture {
	const all = "all rp_filter"
	if theirs.Settings[all] != "0" || ours.Settings[all] == "0" {
		return theirs
	}
	own := func(link string) string { return "ipv4/conf/" + link + "/rp_filter" }
	for link := range theirs.Links {
		if theirs.Settings[own(link)] != ours.Settings[all] {
			return theirs
		}
	}
	for link := range theirs.Links {
		delete(theirs.Settings, own(link))
	}
	theirs.Settings[all] = ours.Settings[all]
	return theirs
}

// TestVRRPCase31: interfaces, addresses and settings of a router with use_vmac are those that keepalived makes.
func TestVRRPCase31VirtualLinksAreKeepaliveds(t *testing.T) {
	t.Parallel()
	testlan.RequireNetns(t)
	for _, name := range slices.Sorted(maps.Keys(virtualConfigs)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, theirs := wired(t)
			_, ours := wired(t)
			text := virtualConfigs[name]
			instances := strings.Count(text, "vrrp_instance")
			for _, n := range []*lantest.Node{theirs, ours} {
				if err := n.Sysctl("net/ipv4/conf/all/rp_filter", "1"); err != nil {
					t.Fatal(err)
				}
			}
			before := takePicture(t, ours)
			peer := runKeepalived(t, theirs, text)
			r, stop := runConfig(t, ours, text)
			untilAll(t, r, election.Master)
			lantest.Until(t, "keepalived is master", func() error {
				if n := times(peer, "Entering MASTER STATE"); n < instances {
					return fmt.Errorf("%d of %d: %s", n, instances, peer.Log.Tail(5))
				}
				return nil
			})
			var d string
			lantest.Until(t, "the same picture (-keepalived +Vigil)", func() error {
				is := takePicture(t, ours)
				if d = cmp.Diff(filteredAlike(knownDifferences(takePicture(t, theirs)), is), is); d != "" {
					return fmt.Errorf("%s", d)
				}
				return nil
			})
			stop()
			if d := cmp.Diff(before, takePicture(t, ours)); d != "" {
				t.Errorf("after the stop (-before +after):\n%s", d)
			}
		})
	}
}

// times is how many lines of a program's log contain a text.
func times(p *testlan.Process, text string) (n int) {
	for _, line := range p.Log.Lines() {
		if strings.Contains(line.Text, text) {
			n++
		}
	}
	return n
}
