package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/internal/bfd"
	"vigil/internal/status"
	"vigil/ipvs"
	"vigil/vrrp"
)

func TestStatusTellsOfEveryPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		i := begin(t, mastersConfig(3, "0.5")+"vrrp_sync_group G {\n group {\n  VI_1\n }\n}\n", nil)
		time.Sleep(time.Second)
		b, err := json.Marshal(i.status())
		if err != nil {
			t.Fatal(err)
		}
		var s status.Status
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
		if s.Version != Version || !s.Started.Equal(begun) || s.Configuration.Result != reloadApplied ||
			s.Configuration.File != i.opts.ConfigFile || !s.Configuration.InForce.Equal(begun) {
			t.Errorf("daemon: %+v", s)
		}
		if s.VRRP == nil || len(s.VRRP.Instances) != 1 {
			t.Fatalf("VRRP: %+v", s.VRRP)
		}
		in := s.VRRP.Instances[0]
		if in.Name != "VI_1" || in.State != "MASTER" || in.VRID != 51 || in.Interface != "eth0" || in.EffectivePriority != 255 ||
			in.AdvertIntervalSeconds != status.Seconds(500*time.Millisecond) || !in.VIPSet || in.Counters.AdvertsSent < 2 ||
			in.Source != netip.MustParseAddr("192.0.2.250") || len(in.VIPs) != 2 || in.VIPs[0].Interface != "eth0" {
			t.Errorf("instance: %+v", in)
		}
		if diff := cmp.Diff([]status.SyncGroup{{Name: "G", State: "MASTER"}}, s.VRRP.Groups); diff != "" {
			t.Errorf("groups (-want +got):\n%s", diff)
		}
		if s.Checks == nil || len(s.Checks.VirtualServers) != 1 || len(s.Checks.VirtualServers[0].RealServers) != 2 ||
			!s.Checks.VirtualServers[0].RealServers[1].Up || !s.Checks.VirtualServers[0].QuorumUp {
			t.Errorf("checks: %+v", s.Checks)
		}
		if s.IPVS == nil || !s.IPVS.Ready || s.IPVS.Services != 1 || s.IPVS.Destinations != 2 || len(s.IPVS.Failing) != 0 {
			t.Errorf("IPVS: %+v", s.IPVS)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// leaves calls change with every value inside v that is no struct and no list, addressable, after giving each list one
// element. What is for the program alone, a key or a specification, is passed over.
func leaves(v reflect.Value, path string, change func(leaf reflect.Value, path string)) {
	switch v.Interface().(type) {
	case time.Time, netip.Addr, netip.Prefix, netip.AddrPort, ipvs.ServiceKey:
		change(v, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Spec" && name != "ID" {
				leaves(v.Field(i), path+"."+name, change)
			}
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		leaves(v.Index(0), path+"[0]", change)
	default:
		change(v, path)
	}
}

// another is a value of the type of v that is not the zero value.
func another(v reflect.Value) reflect.Value {
	to := reflect.New(v.Type()).Elem()
	switch p := to.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(1, 0)
	case *netip.Addr:
		*p = netip.MustParseAddr("192.0.2.1")
	case *netip.Prefix:
		*p = netip.MustParsePrefix("192.0.2.1/24")
	case *netip.AddrPort:
		*p = netip.MustParseAddrPort("192.0.2.1:80")
	case *ipvs.ServiceKey:
		*p = ipvs.ServiceKey{Fwmark: 1, Family: confparse.IPv4}
	default:
		switch to.Kind() {
		case reflect.Bool:
			to.SetBool(true)
		case reflect.String:
			to.SetString("x")
		case reflect.Float64:
			to.SetFloat(1)
		default:
			to.Set(reflect.ValueOf(1).Convert(to.Type()))
		}
	}
	return to
}

// TestNothingThatAPartSaysIsLost changes every value of every part's own status, one after the other: each is seen in
// the one Status.
func TestNothingThatAPartSaysIsLost(t *testing.T) {
	check := func(part any, show func() any) {
		v := reflect.ValueOf(part).Elem()
		leaves(v, v.Type().String(), func(reflect.Value, string) {}) // gives each list its element
		text := func() string {
			b, err := json.Marshal(show())
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		n := 0
		leaves(v, v.Type().String(), func(leaf reflect.Value, path string) {
			n++
			before := text()
			leaf.Set(another(leaf))
			if text() == before {
				t.Errorf("%s is not in the status", path)
			}
		})
		if n < 5 {
			t.Errorf("%s: only %d values", v.Type(), n)
		}
	}
	var routers vrrp.Status
	check(&routers, func() any { return vrrpStatus(routers, nil) })
	trackers := make([]vrrp.TrackerStatus, 1)
	check(&trackers, func() any { return vrrpStatus(vrrp.Status{}, trackers) })
	var checks healthcheck.Status
	check(&checks, func() any { return checksStatus(checks, []ipvs.PoolStatus{{Quorum: 7}}) })
	pools := make([]ipvs.PoolStatus, 1)
	check(&pools, func() any { // joined by identity, which the checks call by its name
		id := pools[0].VirtualServer
		return checksStatus(healthcheck.Status{VirtualServers: []healthcheck.VirtualServerStatus{
			{ID: id, Name: fmt.Sprintf("%#v", id), RealServers: make([]healthcheck.RealServerStatus, 1)}}}, pools)
	})
	var sessions bfd.Status
	check(&sessions, func() any { return bfdStatus(sessions) })
	var table ipvs.Status
	check(&table, func() any { return ipvsStatus(table) })
	var daemons ipvs.SyncStatus
	check(&daemons, func() any { return syncStatus(daemons) })
}

// gauge returns the value of a metric without labels.
func (i *instance) gauge(t *testing.T, name string) float64 {
	t.Helper()
	families, err := i.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return value(f.GetMetric()[0])
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func value(m *dto.Metric) float64 { return m.GetGauge().GetValue() + m.GetCounter().GetValue() }

func TestReloadsAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		i := begin(t, oneService, nil)
		time.Sleep(time.Hour)
		for _, tt := range []struct {
			config, result string
			ok             float64
			inForce        time.Duration
		}{
			{strings.TrimSuffix(oneService, "}\n"), reloadRefused, 0, 0},
			{oneService, reloadUnchanged, 1, time.Hour},
			{oneRouter, reloadApplied, 1, time.Hour},
		} {
			reply, _ := i.reload(tt.config)
			reply.want(t, tt.config, tt.result)
			c := i.status().Configuration
			if c.Result != tt.result || (c.Error == "") != (tt.ok == 1) || !c.InForce.Equal(begun.Add(tt.inForce)) ||
				!c.Attempted.Equal(begun.Add(time.Hour)) {
				t.Errorf("%s: %+v", tt.result, c)
			}
			if got := i.gauge(t, metricReloadOK); got != tt.ok {
				t.Errorf("%s: last reload successful %v", tt.result, got)
			}
			if got := i.gauge(t, metricReloadTime); got != float64(begun.Add(tt.inForce).UnixNano())/1e9 {
				t.Errorf("%s: in force since %v", tt.result, got)
			}
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

// slowKernel answers when it is allowed to.
type slowKernel struct {
	ipvs.Kernel
	allowed <-chan struct{}
}

func (k slowKernel) Read(ctx context.Context, keys []ipvs.ServiceKey) (ipvs.Table, error) {
	<-k.allowed
	return k.Kernel.Read(ctx, keys)
}

// A kernel whose IPVS was unloaded does not pass for a healthy one.
func TestUnreadyWhileIPVSIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, nil)
		i.kernel.Unload()
		time.Sleep(2 * time.Minute) // an audit meets it
		if reason := i.unready(); !strings.Contains(reason, ipvs.ErrUnavailable.Error()) || !i.status().IPVS.Lost {
			t.Errorf("%q, %+v", reason, i.status().IPVS)
		}
		i.kernel.Load()
		time.Sleep(2 * time.Minute)
		if reason := i.unready(); reason != "" || i.status().IPVS.Services != 1 {
			t.Errorf("%q, %+v", reason, i.status().IPVS)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestUnreadyUntilTheTableIsProgrammed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		allowed := make(chan struct{})
		i := begin(t, oneService, func(o *Options) {
			open := o.Kernel
			o.Kernel = func(ctx context.Context) (ipvs.Kernel, error) {
				k, err := open(ctx)
				return slowKernel{k, allowed}, err
			}
		})
		time.Sleep(2 * tableHeadStart) // longer than anybody waits for it
		if i.unready() == "" || i.status().IPVS.Ready {
			t.Error("ready before anything was programmed")
		}
		close(allowed)
		synctest.Wait()
		if reason := i.unready(); reason != "" {
			t.Errorf("programmed, and %s", reason)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		i := begin(t, oneService, func(o *Options) { o.Checkers = false })
		if reason := i.unready(); reason != "" {
			t.Errorf("nothing to program, and %s", reason)
		}
		if err := i.end(); err != nil {
			t.Error(err)
		}
	})
}
