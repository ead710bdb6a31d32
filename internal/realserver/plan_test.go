package realserver

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsWanted(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("2001:db8::100")
	arp := map[string]string{"net/ipv4/conf/all/arp_ignore": "1", "net/ipv4/conf/all/arp_announce": "2"}
	tunneled := map[string]string{"net/ipv4/conf/all/arp_ignore": "1", "net/ipv4/conf/all/arp_announce": "2", "net/ipv4/conf/tunl0/rp_filter": "2"}
	for _, c := range []struct {
		name     string
		wanted   Wanted
		places   []string
		tunnels  []string
		settings map[string]string
	}{
		{"direct routing", Wanted{Addresses: []netip.Addr{v4}}, []string{"lo"}, nil, arp},
		{"IPv6 has no ARP", Wanted{Addresses: []netip.Addr{v6}}, []string{"lo"}, nil, map[string]string{}},
		{"a tunnel", Wanted{Addresses: []netip.Addr{v4}, Tunnel: true}, []string{"tunl0"}, []string{"tunl0"}, tunneled},
		{"tunnels of both families", Wanted{Addresses: []netip.Addr{v6, v4}, Tunnel: true}, []string{"ip6tnl0", "tunl0"}, []string{"ip6tnl0", "tunl0"}, tunneled},
		{"nothing", Wanted{Tunnel: true}, nil, nil, map[string]string{}},
	} {
		var places []string
		for _, a := range c.wanted.Addresses {
			places = append(places, c.wanted.place(a))
		}
		if diff := cmp.Diff([]any{c.places, c.tunnels, c.settings}, []any{places, c.wanted.tunnels(), c.wanted.settings()}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
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
