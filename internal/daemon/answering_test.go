package daemon

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/pool"
)

func TestAnswering(t *testing.T) {
	addr, port := netip.MustParseAddr, netip.MustParseAddrPort
	tcp := func(vip string) ipvs.ServiceSpec {
		return ipvs.ServiceSpec{Key: ipvs.ServiceKey{Addr: addr(vip), Port: 80, Protocol: confparse.TCP}}
	}
	udp := ipvs.ServiceSpec{Key: ipvs.ServiceKey{Addr: addr("192.0.2.1"), Port: 80, Protocol: confparse.UDP}}
	mark := ipvs.ServiceSpec{Key: ipvs.ServiceKey{Fwmark: 1, Protocol: confparse.TCP}}
	server := func(a string, f confparse.Forwarding) pool.Server {
		return pool.Server{Addr: addr(a), Port: 8080, Forwarding: f}
	}
	vs := func(servers []pool.Server, services ...ipvs.ServiceSpec) ipvs.VirtualServerSpec {
		return ipvs.VirtualServerSpec{Services: services, Pool: pool.Spec{Servers: servers}}
	}
	sorry := vs(nil, tcp("192.0.2.3"))
	sorry.Pool.Sorry = pool.SorryServer{Addr: addr("10.0.0.9"), Port: 81, Forwarding: confparse.NAT}

	var a answering
	if got := a.servers(addr("192.0.2.1")); got != nil {
		t.Errorf("before anything is known: %v", got)
	}
	a.set(ipvs.Spec{VirtualServers: []ipvs.VirtualServerSpec{
		vs([]pool.Server{server("10.0.0.1", confparse.NAT), server("10.0.0.2", confparse.DR)}, tcp("192.0.2.1"), tcp("192.0.2.5")),
		vs([]pool.Server{server("10.0.0.3", confparse.NAT)}, udp),
		vs([]pool.Server{server("10.0.0.4", confparse.TUN)}, tcp("192.0.2.2")),
		vs([]pool.Server{server("2001:db8:1::1", confparse.NAT)}, tcp("2001:db8::1")),
		vs([]pool.Server{server("10.0.0.5", confparse.NAT)}, mark),
		sorry,
	}})
	for vip, want := range map[string][]netip.AddrPort{
		"192.0.2.1":   {port("10.0.0.1:8080")},
		"192.0.2.2":   nil,
		"192.0.2.3":   {port("10.0.0.9:81")},
		"192.0.2.4":   nil,
		"192.0.2.5":   {port("10.0.0.1:8080")},
		"2001:db8::1": {port("[2001:db8:1::1]:8080")},
	} {
		if diff := cmp.Diff(want, a.servers(addr(vip)), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", vip, diff)
		}
	}
	a.set(ipvs.Spec{})
	if got := a.servers(addr("192.0.2.1")); got != nil {
		t.Errorf("after a reload without services: %v", got)
	}
}
