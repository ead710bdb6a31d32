//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vigil/confparse"
	"vigil/ipvs"
)

// TestReconcilerOnTheKernel is the life of a table: a crash leaves it, the next run adopts it, others disturb it.
func TestReconcilerOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	spec := bigSpec(1000)
	foreign := fwmark(99, confparse.IPv4)
	mustApply(t, k, []ipvs.Op{{Kind: ipvs.AddService, Service: foreign, Attrs: attrs(foreign, "lc")}})
	open := func(ctx context.Context) (ipvs.Kernel, error) { return ipvs.OpenKernel(ctx, ipvs.KernelOptions{}) }
	state := t.TempDir() + "/state.json"

	run := func(o ipvs.Options, s ipvs.Spec) (*ipvs.Reconciler, func()) {
		o.Open, o.StatePath = open, state
		r := ipvs.NewReconciler(o)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		begin := time.Now()
		go func() { done <- r.Run(ctx) }()
		r.Set(s, ipvs.Health{})
		select {
		case <-r.Ready():
		case err := <-done:
			t.Fatal(err)
		}
		t.Logf("ready after %v", time.Since(begin))
		return r, func() {
			begin := time.Now()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			t.Logf("stopped after %v", time.Since(begin))
		}
	}
	check := func(s ipvs.Spec) {
		t.Helper()
		want := ipvs.Desired(s, ipvs.Health{})
		want[foreign] = ipvs.Service{Attrs: attrs(foreign, "lc")}
		if ops := ipvs.Diff(read(t, k), want); len(ops) > 0 {
			t.Errorf("the kernel's table lacks %d operations, the first: %v", len(ops), ops[0])
		}
	}

	r, stop := run(ipvs.Options{KeepOnStop: true}, spec)
	check(spec)
	if got := r.Status(); got.Services != 1000 || got.Destinations != 10000 || len(got.Failing) > 0 {
		t.Errorf("status: %+v", got)
	}
	stop()
	check(spec)

	// One service leaves the configuration while nobody runs; the rest is adopted without a write.
	less := spec
	less.VirtualServers = spec.VirtualServers[1:]
	r, stop = run(ipvs.Options{AuditPeriod: -1}, less)
	check(less)
	if got := r.Status().Written; got != 1 {
		t.Errorf("adoption took %d writes, want the removal of one service", got)
	}

	// Another process deletes a service of ours: the next change of health brings it back whole.
	victim := less.VirtualServers[0]
	mustApply(t, k, []ipvs.Op{{Kind: ipvs.DelService, Service: victim.Services[0].Key}})
	rs := confparse.RealServerID{VS: victim.ID, Addr: victim.Pool.Servers[0].Addr, Port: victim.Pool.Servers[0].Port}
	down := ipvs.Health{RealServers: map[confparse.RealServerID]ipvs.RealServerHealth{rs: {}}}
	up := ipvs.Health{RealServers: map[confparse.RealServerID]ipvs.RealServerHealth{rs: {Up: true, Weight: 1}}}
	for _, h := range []ipvs.Health{down, up} {
		r.Report(changesOf(h))
		if err := r.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check(less)

	stop()
	check(ipvs.Spec{})
	if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("state file after stop: %v", err)
	}
}

// TestOpenKernelRefusesWithoutIPVS: moby/ipvs reports success on such a kernel (see TestMobyReportsSuccessWithoutIPVS).
func TestOpenKernelRefusesWithoutIPVS(t *testing.T) {
	if _, err := netlink.GenlFamilyGet("IPVS"); err == nil {
		t.Skip("needs a kernel without ip_vs; this one has it")
	}
	k, err := ipvs.OpenKernel(t.Context(), ipvs.KernelOptions{})
	if !errors.Is(err, ipvs.ErrUnavailable) {
		t.Fatalf("OpenKernel = %v, %v; want ErrUnavailable", k, err)
	}
	for _, word := range []string{"ip_vs", "modprobe ip_vs"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not mention %q", err, word)
		}
	}
	t.Log(err)
}
