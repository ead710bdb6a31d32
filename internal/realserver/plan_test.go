package realserver

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/internal/netio"
)

func TestWhatIsWanted(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("2001:db8::100")
	tun := func(t Tunnel, addresses ...netip.Addr) Wanted {
		return Wanted{Addresses: addresses, Tunnel: t, GUEPort: 6080}
	}
	arp := map[string]string{"net/ipv4/conf/all/arp_ignore": "1", "net/ipv4/conf/all/arp_announce": "2"}
	behind := func(name string) map[string]string {
		return map[string]string{"net/ipv4/conf/all/arp_ignore": "1", "net/ipv4/conf/all/arp_announce": "2",
			"net/ipv4/conf/" + name + "/rp_filter": "2"}
	}
	gue4, gue6 := netio.GUEPort{Port: 6080}, netio.GUEPort{Port: 6080, IPv6: true}
	for _, c := range []struct {
		name     string
		wanted   Wanted
		places   []string
		tunnels  []string
		settings map[string]string
		ports    []netio.GUEPort
	}{
		{"direct routing", Wanted{Addresses: []netip.Addr{v4}}, []string{"lo"}, nil, arp, nil},
		{"IPv6 has no ARP", Wanted{Addresses: []netip.Addr{v6}}, []string{"lo"}, nil, map[string]string{}, nil},
		{"IPIP", tun(IPIP, v4), []string{"tunl0"}, []string{"tunl0"}, behind("tunl0"), nil},
		{"IPIP of both families", tun(IPIP, v6, v4), []string{"ip6tnl0", "tunl0"}, []string{"ip6tnl0", "tunl0"}, behind("tunl0"), nil},
		{"GRE", tun(GRE, v4), []string{"gre0"}, []string{"gre0"}, behind("gre0"), nil},
		{"GRE of both families", tun(GRE, v6, v4), []string{"ip6gre0", "gre0"}, []string{"gre0", "ip6gre0"}, behind("gre0"), nil},
		{"GUE", tun(GUE, v4), []string{"tunl0"}, []string{"tunl0"}, behind("tunl0"), []netio.GUEPort{gue4}},
		{"GUE of both families", tun(GUE, v6, v4), []string{"ip6tnl0", "tunl0"}, []string{"ip6tnl0", "tunl0"}, behind("tunl0"), []netio.GUEPort{gue4, gue6}},
		{"nothing", tun(GUE), nil, nil, map[string]string{}, nil},
	} {
		var places []string
		for _, a := range c.wanted.Addresses {
			places = append(places, c.wanted.place(a))
		}
		if diff := cmp.Diff([]any{c.places, c.tunnels, c.settings, c.ports},
			[]any{places, c.wanted.tunnels(), c.wanted.settings(), c.wanted.ports()}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

func TestTunnelsByName(t *testing.T) {
	for text, want := range map[string]Tunnel{"ipip": IPIP, "gre": GRE, "gue": GUE} {
		var got Tunnel
		if err := got.Set(text); err != nil || got != want || got.String() != text {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "vxlan", "GRE", "true"} {
		got := GUE
		if err := got.Set(text); err == nil || got != GUE {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestTakeForgetsOneAddressEverywhere(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101")
	f := found{Addresses: []placed{{a, "lo", false}, {b, "lo", true}, {a, "tunl0", true}}}
	got := f.take(a)
	if len(got) != 2 || len(f.Addresses) != 1 || !f.has(b, "lo") || f.has(a, "lo") || f.has(b, "tunl0") {
		t.Errorf("took %v, left %v", got, f.Addresses)
	}
}
