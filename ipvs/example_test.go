package ipvs_test

import (
	"context"
	"fmt"
	"net/netip"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
	"vigil/ipvs/pool"
)

// A virtual server of two real servers and a sorry server is programmed, loses both, and is removed at the end.
func Example() {
	key := ipvs.ServiceKey{
		Family: confparse.IPv4, Protocol: confparse.TCP, Addr: netip.MustParseAddr("192.0.2.1"), Port: 80,
	}
	id := confparse.VirtualServerID{Family: key.Family, Protocol: key.Protocol, Addr: key.Addr, Port: key.Port}
	web1, web2 := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")
	spec := ipvs.Spec{VirtualServers: []ipvs.VirtualServerSpec{{
		ID: id,
		Services: []ipvs.ServiceSpec{{
			Key: key, Attrs: ipvs.ServiceAttrs{Scheduler: "wlc", Netmask: 0xffffffff},
		}},
		Pool: pool.Spec{
			Servers: []pool.Server{{Addr: web1, Port: 80, Weight: 1}, {Addr: web2, Port: 80, Weight: 2}},
			Sorry:   pool.SorryServer{Addr: netip.MustParseAddr("198.51.100.9"), Port: 80},
			Quorum:  1,
		},
	}}}
	kernel := ipvstest.New() // for the real one: ipvs.OpenKernel
	r := ipvs.NewReconciler(ipvs.Options{Open: kernel.Open})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()

	r.Set(spec, ipvs.Health{}) // what is not mentioned is up
	_ = r.Sync(ctx)
	r.Report([]ipvs.HealthChange{
		{Server: confparse.RealServerID{VS: id, Addr: web1, Port: 80}}, // down
		{Server: confparse.RealServerID{VS: id, Addr: web2, Port: 80}},
	})
	_ = r.Sync(ctx)
	cancel()
	if err := <-done; err != nil {
		fmt.Println(err)
	}
	for _, op := range kernel.TakeLog() {
		fmt.Println(op)
	}
	// Output:
	// add tcp 192.0.2.1:80 wlc
	// add tcp 192.0.2.1:80 -> 198.51.100.1:80 weight 1
	// add tcp 192.0.2.1:80 -> 198.51.100.2:80 weight 2
	// add tcp 192.0.2.1:80 -> 198.51.100.9:80 weight 1
	// delete tcp 192.0.2.1:80 -> 198.51.100.1:80
	// delete tcp 192.0.2.1:80 -> 198.51.100.2:80
	// delete tcp 192.0.2.1:80
}
