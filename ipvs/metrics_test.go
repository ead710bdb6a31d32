package ipvs_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"vigil/confparse"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// gather scrapes reg and returns the counters and gauges whose names begin with prefix, as "name{label,…} value".
func gather(t *testing.T, reg prometheus.Gatherer, prefix string) []string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Error(err)
	}
	out := make(map[string]bool)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if !strings.HasPrefix(f.GetName(), prefix) || m.GetHistogram() != nil {
				continue
			}
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			name := f.GetName()
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			out[fmt.Sprintf("%s %v", name, m.GetCounter().GetValue()+m.GetGauge().GetValue())] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}

func TestMetricsOfThePart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		r := run(t, ipvstest.New(), ipvs.Options{Registerer: reg})
		defer r.stop()
		bad := service(2, 1)
		bad.Services[0].Attrs.Scheduler = "nosuch"
		r.set(specOf(service(1, 2), bad), ipvs.Health{})
		r.kernel.Edit(func(t ipvs.Table) { clear(t[service(1, 2).Services[0].Key].Dests) })
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{
			"keepalived_ipvs_destinations 2",
			"keepalived_ipvs_drift_repaired_total 2",
			"keepalived_ipvs_failing 1",
			"keepalived_ipvs_ops_total{add_dest,error} 6",
			"keepalived_ipvs_ops_total{add_dest,ok} 4",
			"keepalived_ipvs_ops_total{add_service,error} 6",
			"keepalived_ipvs_ops_total{add_service,ok} 1",
			"keepalived_ipvs_ops_total{del_dest,error} 0",
			"keepalived_ipvs_ops_total{del_dest,ok} 0",
			"keepalived_ipvs_ops_total{del_service,error} 0",
			"keepalived_ipvs_ops_total{del_service,ok} 0",
			"keepalived_ipvs_ops_total{set_dest,error} 0",
			"keepalived_ipvs_ops_total{set_dest,ok} 0",
			"keepalived_ipvs_ops_total{set_service,error} 0",
			"keepalived_ipvs_ops_total{set_service,ok} 0",
			"keepalived_ipvs_overrides 0",
			"keepalived_ipvs_services 1",
		}
		if diff := cmp.Diff(want, gather(t, reg, "keepalived_ipvs_")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestMetricsOfTheKernel(t *testing.T) {
	for _, perServer := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			reg := prometheus.NewPedanticRegistry()
			r := run(t, ipvstest.New(), ipvs.Options{Registerer: reg, PerServer: perServer, AuditPeriod: -1})
			count := func(name string) int { t.Helper(); return len(gather(t, reg, name)) }
			if n := count("keepalived_lvs_vip_conn"); n != 0 {
				t.Errorf("%d virtual servers before the kernel is open", n)
			}
			// One server in two services: the label of the service keeps its series apart.
			a, b, mark := service(1, 2), service(1, 2), service(3, 1)
			b.Services[0].Key.Port, b.ID.Port = 81, 81
			mark.Services[0].Key = fwmark(5, confparse.IPv4)
			mark.ID = confparse.VirtualServerID{Family: confparse.IPv4, Fwmark: 5}
			r.kernel.Edit(func(t ipvs.Table) { t[fwmark(9, confparse.IPv4)] = ipvs.Service{} }) // foreign
			r.set(specOf(a, b, mark), ipvs.Health{})
			servers := 0
			if perServer {
				servers = 5
			}
			reads := r.kernel.Reads()
			if v, s := count("keepalived_lvs_vip_conn"), count("keepalived_lvs_rs_active_conn"); v != 3 || s != servers {
				t.Errorf("%d virtual and %d real servers, want 3 and %d", v, s, servers)
			}
			if got := r.kernel.Reads() - reads; got != 1 {
				t.Errorf("two scrapes at once read the kernel %d times", got)
			}
			time.Sleep(5 * time.Second)
			count("keepalived_lvs_vip_conn")
			if got := r.kernel.Reads() - reads; got != 2 {
				t.Errorf("a later scrape read the kernel %d times in all, want 2", got)
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Second)
			if n := count("keepalived_lvs_vip_conn"); n != 0 {
				t.Errorf("%d virtual servers after the stop", n)
			}
		})
	}
}

func TestMetricsOfTheQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewPedanticRegistry()
		r := run(t, ipvstest.New(), ipvs.Options{Registerer: reg, AuditPeriod: -1})
		defer r.stop()
		mark := func(f confparse.Family, servers int) ipvs.VirtualServerSpec { // one mark for both
			s := service(3, servers)
			s.ID = confparse.VirtualServerID{Family: f, Fwmark: 5}
			s.Services[0].Key, s.Pool.Quorum = fwmark(5, f), 1
			return s
		}
		a, b := service(1, 2), service(2, 1)
		r.set(specOf(a, b, mark(confparse.IPv4, 0), mark(confparse.IPv6, 1)), serversHealth(b, false))
		want := []string{
			"keepalived_virtual_server_quorum_up{FWM 5 IPv4} 0",
			"keepalived_virtual_server_quorum_up{FWM 5 IPv6} 1",
			"keepalived_virtual_server_quorum_up{[10.0.0.1]:tcp:80} 1",
			"keepalived_virtual_server_quorum_up{[10.0.0.2]:tcp:80} 0",
		}
		if diff := cmp.Diff(want, gather(t, reg, "keepalived_virtual_server_")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
