package vrrp

import (
	"net/netip"
	"testing"
	"testing/fstest"

	"vigil/confparse"
	"vigil/vrrp/election"
)

// specFrom is what a configuration asks for.
func specFrom(t *testing.T, text string) election.Spec {
	t.Helper()
	cfg, diagnostics := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}, "k.conf", confparse.Env{})
	if cfg == nil {
		t.Fatal(diagnostics)
	}
	return FromConfig(cfg)
}

// instanceText is a vrrp_instance on eth0 with VRID 51.
func instanceText(name, lines string) string {
	return "vrrp_instance " + name + " {\n\tinterface eth0\n\tvirtual_router_id 51\n" + lines + "\n}\n"
}

func vipLines(lines string) string { return "\tvirtual_ipaddress {\n" + lines + "\n\t}\n" }

func eVIPLines(lines string) string { return "\tvirtual_ipaddress_excluded {\n" + lines + "\n\t}\n" }

var (
	macV4  = [6]byte{0, 0, 0x5e, 0, 1, 51}
	macV6  = [6]byte{0, 0, 0x5e, 0, 2, 51}
	macOwn = [6]byte{2, 0x11, 0x22, 0x33, 0x44, 51}
)

// TestVirtualLinksOfAConfiguration: which links an instance has, and which of its addresses are on them, as keepalived has it.
func TestVirtualLinksOfAConfiguration(t *testing.T) {
	macvlan := func(parent string, mac [6]byte, v4, v6, local bool) election.VirtualLink {
		return election.VirtualLink{Kind: election.Macvlan, Parent: parent, Prefix: "vrrp", MAC: mac, IPv4: v4, IPv6: v6, LinkLocal: local}
	}
	renamed := func(l election.VirtualLink, name, group string) election.VirtualLink {
		l.Name, l.Group = name, group
		return l
	}
	own4, own6 := macvlan("eth0", macV4, true, false, false), macvlan("eth0", macV6, false, true, true)
	for _, tt := range []struct {
		name, text string
		vmac       election.VirtualLink
		base       bool
		others     []election.VirtualLink
		on         map[string]string // address to "LINK" or "LINK MAC"
	}{
		{"none", vipLines("192.0.2.1"), election.VirtualLink{}, false, nil, map[string]string{"192.0.2.1": "eth0"}},
		{"IPv4", "use_vmac\n" + vipLines("192.0.2.1\n192.0.2.2 dev eth0\n192.0.2.3 dev eth1"), own4, false, nil,
			map[string]string{"192.0.2.1": "eth0 v4", "192.0.2.2": "eth0 v4", "192.0.2.3": "eth1"}},
		{"IPv6", "use_vmac\n" + vipLines("fe80::1\n2001:db8::1"), own6, false, nil,
			map[string]string{"fe80::1": "eth0 v6", "2001:db8::1": "eth0 v6"}},
		{"name, MAC address and group", "use_vmac group 7 02:11:22:33:44 name vip0\n" + vipLines("192.0.2.1"),
			renamed(macvlan("eth0", macOwn, true, false, false), "vip0", "7"), false, nil, map[string]string{"192.0.2.1": "eth0 own"}},
		{"adverts of IPv6 on the base need no address on the link", "use_vmac\nvmac_xmit_base\n" + vipLines("fe80::1"),
			macvlan("eth0", macV6, false, true, false), true, nil, map[string]string{"fe80::1": "eth0 v6"}},
		{"unicast is on the base", "use_vmac\nunicast_peer {\n192.0.2.9\n}\n" + vipLines("192.0.2.1"), own4, true, nil,
			map[string]string{"192.0.2.1": "eth0 v4"}},
		{"IPv6 on the link of IPv4", "use_vmac\n" + vipLines("192.0.2.1") + eVIPLines("2001:db8::1"),
			macvlan("eth0", macV4, true, true, false), false, nil, map[string]string{"192.0.2.1": "eth0 v4", "2001:db8::1": "eth0 v4"}},
		{"IPv4 not on the link of IPv6", "use_vmac\n" + vipLines("fe80::1") + eVIPLines("192.0.2.1"), own6, false, nil,
			map[string]string{"fe80::1": "eth0 v6", "192.0.2.1": "eth0"}},
		{"use_vmac_addr", "use_vmac\nuse_vmac_addr\n" + vipLines("fe80::1") + eVIPLines("192.0.2.1\n192.0.2.2 dev eth1\n2001:db8::1 dev eth1"),
			own6, false, []election.VirtualLink{own4, macvlan("eth1", macV4, true, false, false), macvlan("eth1", macV6, false, true, true)},
			map[string]string{"fe80::1": "eth0 v6", "192.0.2.1": "eth0 v4", "192.0.2.2": "eth1 v4", "2001:db8::1": "eth1 v6"}},
		{"of an address", vipLines("192.0.2.1\n192.0.2.2 use_vmac\n192.0.2.3 dev eth1 use_vmac\n192.0.2.4 dev eth1 use_vmac"),
			election.VirtualLink{}, false, []election.VirtualLink{own4, macvlan("eth1", macV4, true, false, false)},
			map[string]string{"192.0.2.1": "eth0", "192.0.2.2": "eth0 v4", "192.0.2.3": "eth1 v4", "192.0.2.4": "eth1 v4"}},
		{"of an address, which is the router's own", "use_vmac\n" + vipLines("192.0.2.1 use_vmac") + eVIPLines("2001:db8::1 use_vmac"),
			own4, false, []election.VirtualLink{own6}, map[string]string{"192.0.2.1": "eth0 v4", "2001:db8::1": "eth0 v6"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := specFrom(t, instanceText("V", tt.text)).Instances[0]
			want(t, "own link", s.VMAC, tt.vmac)
			want(t, "vmac_xmit_base", s.TransmitBase, tt.base)
			want(t, "other links", s.AddressLinks, tt.others)
			names := map[[6]byte]string{{}: "", macV4: " v4", macV6: " v6", macOwn: " own"}
			on := make(map[string]string)
			for _, a := range s.All() {
				on[a.Prefix.Addr().String()] = a.Link + names[a.MAC]
			}
			want(t, "addresses", on, tt.on)
		})
	}
}

// TestIPVLANOfAConfiguration: its address is what adverts are sent from; virtual addresses stay on the interface.
func TestIPVLANOfAConfiguration(t *testing.T) {
	s := specFrom(t, instanceText("V", "use_ipvlan iv0 192.0.2.9/24 vepa\n"+vipLines("192.0.2.1"))).Instances[0]
	want(t, "link", s.VMAC, election.VirtualLink{Kind: election.IPVLAN, Parent: "eth0", Name: "iv0", Prefix: "vrrp", Mode: "vepa",
		Addr: netip.MustParsePrefix("192.0.2.9/24"), IPv4: true})
	want(t, "source", s.Source, netip.MustParseAddr("192.0.2.9"))
	want(t, "address", s.Addresses[0].Link, "eth0")
}

// TestHostOfAConfiguration: the table of nftables is made for who needs it, as it is written.
func TestHostOfAConfiguration(t *testing.T) {
	usual := election.FilterSettings{Table: "keepalived", Priority: -1}
	for _, tt := range []struct {
		name, global, instance string
		want                   election.HostSettings
	}{
		{"nobody needs it", "nftables t", "", election.HostSettings{}},
		{"use_vmac", "", "use_vmac", election.HostSettings{Filter: usual}},
		{"no_accept", "", "no_accept", election.HostSettings{Filter: usual}},
		{"strict", "", "version 3\nstrict_mode", election.HostSettings{Filter: usual}},
		{"as it is written", "nftables t\nnftables_priority 7\nnftables_counters\nnftables_ifindex", "use_vmac",
			election.HostSettings{Filter: election.FilterSettings{Table: "t", Priority: 7, Counters: true, ByIndex: true}}},
		{"names for iptables", "vrrp_iptables A B\nvrrp_ipsets v4 v6", "use_vmac", election.HostSettings{Filter: election.FilterSettings{
			Table: "keepalived", Priority: -1, Chains: [2]string{"A", "B"}, Sets: [6]string{"v4", "v6"}}}},
		{"vrrp_iptables alone", "vrrp_iptables", "use_vmac", election.HostSettings{Filter: usual}},
		{"disable_local_igmp", "disable_local_igmp", "", election.HostSettings{NoLocalIGMP: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := specFrom(t, "global_defs {\n"+tt.global+"\n}\n"+instanceText("V", tt.instance+"\n"+vipLines("192.0.2.1")))
			want(t, "host", s.Host, tt.want)
		})
	}
	want(t, "no_accept", specFrom(t, instanceText("V", "no_accept\n"+vipLines("192.0.2.1"))).Instances[0].NoAccept, true)
}
