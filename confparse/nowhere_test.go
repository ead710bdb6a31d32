package confparse

import (
	"strings"
	"testing"
)

// TestInstanceWithoutInterface: an instance whose peers are unicast may do without an interface, if its source address says
// where it is and each of its addresses where it goes. The texts are those of keepalived 2.3.3.
func TestInstanceWithoutInterface(t *testing.T) {
	const source, peer, vip = "unicast_src_ip 10.0.0.1\n", "unicast_peer {\n10.0.0.9\n}\n", "virtual_ipaddress {\n10.0.0.50/24 dev eth0\n}\n"
	for _, tt := range []struct{ rule, statements, says string }{
		{"all is said", source + peer + vip, ""},
		{"the source of multicast counts too", "mcast_src_ip 10.0.0.1\n" + peer + vip, ""},
		{"no address is said so as ever", source + peer, "(V) No VIP specified; at least one is sensible"},
		{"without a source", peer + vip, "(V): Unicast instances must have unicast_src_ip or interface"},
		{"a source that every link could have", "unicast_src_ip fe80::1\nunicast_peer {\nfe80::9\n}\nvirtual_ipaddress {\nfe80::50/64 dev eth0\n}\n",
			"(V) Non link-local address required if interface omitted"},
		{"without peers", source + vip, "(V) Unknown interface!"},
		{"an address without an interface", source + peer + "virtual_ipaddress {\n10.0.0.50/24 dev eth0\n10.0.0.51/24\n}\n",
			"(V): no interface for vip 10.0.0.51/24 - removing"},
		{"an excluded one", source + peer + vip + "virtual_ipaddress_excluded {\n10.0.0.60/24\n10.0.0.61/24 dev eth0\n}\n",
			"(V): no interface for evip 10.0.0.60/24 - removing"},
		{"a virtual MAC address", source + peer + vip + "use_vmac\n", "(V): Cannot use VMAC/ipvlan with unicast and no interface - clearing use_vmac"},
		{"an ipvlan", source + peer + vip + "use_ipvlan\n", "(V): Cannot use VMAC/ipvlan with unicast and no interface - clearing use_vmac"},
	} {
		cfg, ds := load(t, "vrrp_instance V {\nvirtual_router_id 5\n"+tt.statements+"}\n")
		var said []string
		for _, d := range ds {
			said = append(said, d.Summary)
		}
		if got := strings.Join(said, "; "); got != tt.says {
			t.Errorf("%s: %q, want %q", tt.rule, got, tt.says)
		}
		if ds.HasFatal() {
			continue
		}
		in := cfg.Instances[0]
		for _, a := range append(in.VirtualAddresses, in.ExcludedAddresses...) {
			if a.Interface != "eth0" {
				t.Errorf("%s: %v stays", tt.rule, a.Prefix)
			}
		}
		if in.VMAC.Enabled || in.IPVLAN.Enabled {
			t.Errorf("%s: it has an interface of its own", tt.rule)
		}
	}
}

// TestSameSourceWithoutInterface: two instances with one virtual router id may send from the same address to different peers.
func TestSameSourceWithoutInterface(t *testing.T) {
	one := func(name, peer string) string {
		return "vrrp_instance " + name + " {\nvirtual_router_id 5\nunicast_src_ip 10.0.0.1\nunicast_peer {\n" + peer +
			"\n}\nvirtual_ipaddress {\n10.0.0.50/24 dev eth0\n}\n}\n"
	}
	if _, ds := load(t, one("V", "10.0.0.8")+one("W", "10.0.0.9")); codeList(ds) != "" {
		t.Error("different peers:", codeList(ds))
	}
	if _, ds := load(t, one("V", "10.0.0.9")+one("W", "10.0.0.9")); !strings.Contains(configTest(t, ds), "(V) duplicate VRID conflict with W VRID 5") {
		t.Error("a common peer:", configTest(t, ds))
	}
}

func configTest(t *testing.T, ds Diagnostics) string {
	t.Helper()
	var b strings.Builder
	if err := ds.ConfigTest(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
