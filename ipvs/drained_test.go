package ipvs_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// drainedConf has one server in two virtual servers, of which one is a group with two addresses.
const drainedConf = `virtual_server_group G {
  10.0.0.1-2 443
}
virtual_server 10.0.0.1 80 {
  lb_algo rr
  protocol TCP
  real_server 192.168.0.1 80 {
  }
  real_server 192.168.0.2 80 {
    weight 5
  }
}
virtual_server group G {
  lb_algo rr
  protocol TCP
  real_server 192.168.0.1 443 {
  }
}
`

func drainedAt(addr string) func(confparse.RealServerID) bool {
	return func(id confparse.RealServerID) bool { return id.Addr == netip.MustParseAddr(addr) }
}

// TestSpecDrained: a Spec with other drains has exactly those; what none of them is about is the same memory, and the Spec before is
// left as it is.
func TestSpecDrained(t *testing.T) {
	plain := specFrom(t, drainedConf)
	none := func(confparse.RealServerID) bool { return false }
	if same := plain.Drained(none); &same.VirtualServers[0] != &plain.VirtualServers[0] {
		t.Error("a copy without a difference")
	}
	one := plain.Drained(drainedAt("192.168.0.2"))
	if one.Equal(plain) || !one.VirtualServers[0].Pool.Servers[1].Drained || one.VirtualServers[0].Pool.Servers[0].Drained ||
		plain.VirtualServers[0].Pool.Servers[1].Drained || &one.VirtualServers[1].Pool.Servers[0] != &plain.VirtualServers[1].Pool.Servers[0] {
		t.Error("not just the one")
	}
	other := one.Drained(drainedAt("192.168.0.1"))
	if other.VirtualServers[0].Pool.Servers[1].Drained || !other.VirtualServers[0].Pool.Servers[0].Drained || !other.VirtualServers[1].Pool.Servers[0].Drained {
		t.Error("not the others instead")
	}
	if !other.Drained(none).Equal(plain) {
		t.Error("something is left of drains that are over")
	}
}

// TestDrainInTheTable: a server that an operator drains has weight 0 in every service, and its connections are counted over all of them.
func TestDrainInTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := ipvstest.New()
		kernel.SetConnections(func(k ipvs.ServiceKey, d ipvs.DestKey) uint32 { return uint32(k.Port) + uint32(d.Addr().As4()[3]) })
		r := ipvs.NewReconciler(ipvs.Options{Open: kernel.Open, AuditPeriod: -1})
		if _, err := r.Connections(t.Context(), drainedAt("192.168.0.1")); err == nil {
			t.Error("connections without a kernel")
		}
		done := make(chan error, 1)
		go func() { done <- r.Run(t.Context()) }()
		plain := specFrom(t, drainedConf)
		weights := func() string {
			var words []string
			for _, s := range plain.VirtualServers {
				for _, service := range s.Services {
					for i := range s.Pool.Servers {
						d := netip.AddrPortFrom(s.Pool.Servers[i].Addr, s.Pool.Servers[i].Port)
						words = append(words, string('0'+rune(kernel.Table()[service.Key].Dests[d].Weight)))
					}
				}
			}
			return strings.Join(words, " ")
		}
		for _, step := range []struct{ drained, want string }{{"192.168.0.9", "1 5 1 1"}, {"192.168.0.1", "0 5 0 0"}, {"192.168.0.2", "1 0 1 1"}} {
			r.Set(plain.Drained(drainedAt(step.drained)), ipvs.Health{})
			if err := r.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := weights(); got != step.want {
				t.Errorf("%s: weights %s, want %s", step.drained, got, step.want)
			}
		}
		list, err := r.Connections(t.Context(), drainedAt("192.168.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		want := []ipvs.ServerConnections{
			{Server: confparse.RealServerID{VS: plain.VirtualServers[0].ID, Addr: netip.MustParseAddr("192.168.0.1"), Port: 80}, Active: 81},
			{Server: confparse.RealServerID{VS: plain.VirtualServers[1].ID, Addr: netip.MustParseAddr("192.168.0.1"), Port: 443}, Active: 2 * 444},
		}
		if diff := cmp.Diff(want, list, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if list, err := r.Connections(t.Context(), drainedAt("192.168.0.9")); err != nil || list != nil {
			t.Errorf("of nobody: %v, %v", list, err)
		}
	})
}
