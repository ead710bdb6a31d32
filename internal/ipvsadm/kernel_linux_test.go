package ipvsadm

import (
	"net/netip"
	"testing"

	"vigil/confparse"
	"vigil/ipvs"
)

// What moby/ipvs would say wrongly goes over our own layer.
func TestWhatMobyIsTrustedWith(t *testing.T) {
	v4 := ipvs.ServiceKey{Family: confparse.IPv4, Protocol: confparse.TCP, Addr: netip.MustParseAddr("192.0.2.1"), Port: 80}
	v6 := ipvs.ServiceKey{Family: confparse.IPv6, Protocol: confparse.TCP, Addr: netip.MustParseAddr("2001:db8::1"), Port: 80}
	mapped := v6
	mapped.Addr = netip.MustParseAddr("::ffff:192.0.2.1")
	mark := ipvs.ServiceKey{Family: confparse.IPv6, Fwmark: 5}
	d4, d6 := netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("[2001:db8::9]:80")
	tunnel := func(ty confparse.TunnelType) ipvs.DestAttrs {
		return ipvs.DestAttrs{Forwarding: confparse.TUN, Tunnel: confparse.Tunnel{Type: ty}}
	}
	for _, c := range []struct {
		op   ipvs.Op
		want bool
	}{
		{ipvs.Op{Kind: ipvs.AddService, Service: v4}, true},
		{ipvs.Op{Kind: ipvs.SetService, Service: v6}, true},
		{ipvs.Op{Kind: ipvs.DelService, Service: mark}, true},
		{ipvs.Op{Kind: ipvs.AddService, Service: mapped}, false},
		{ipvs.Op{Kind: ipvs.AddDest, Service: v4, Dest: d4, DestAttrs: ipvs.DestAttrs{Forwarding: confparse.DR}}, true},
		{ipvs.Op{Kind: ipvs.SetDest, Service: v6, Dest: d6, DestAttrs: tunnel(confparse.IPIP)}, true},
		{ipvs.Op{Kind: ipvs.AddDest, Service: mark, Dest: d6}, true},
		{ipvs.Op{Kind: ipvs.SetDest, Service: v4, Dest: d4, DestAttrs: tunnel(confparse.GUE)}, false},
		{ipvs.Op{Kind: ipvs.SetDest, Service: v4, Dest: d4, DestAttrs: tunnel(confparse.GRE)}, false},
		{ipvs.Op{Kind: ipvs.AddDest, Service: v4, Dest: d6, DestAttrs: tunnel(confparse.IPIP)}, false},
		{ipvs.Op{Kind: ipvs.DelDest, Service: v6, Dest: d4}, false},
		{ipvs.Op{Kind: ipvs.DelDest, Service: mark, Dest: d4}, false},
		{ipvs.Op{Kind: ipvs.AddDest, Service: v6, Dest: netip.MustParseAddrPort("[::ffff:10.0.0.1]:80")}, false},
		{ipvs.Op{Kind: ipvs.SetTimeouts}, true},
		{ipvs.Op{Kind: ipvs.ZeroCounters}, false},
		{ipvs.Op{Kind: ipvs.StartSync}, false},
		{ipvs.Op{Kind: ipvs.StopSync}, false},
	} {
		if got := mobyCan(c.op); got != c.want {
			t.Errorf("%v: %v, want %v", c.op.Kind, got, c.want)
		}
	}
}
