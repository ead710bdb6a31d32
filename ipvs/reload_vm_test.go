//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/ipvs"
)

// reloadPairs is how many pairs of configurations the real table goes through.
const reloadPairs = 200

// pair is a configuration and the one after it, with what the checks say of each.
type pair struct {
	texts   [2]string
	specs   [2]ipvs.Spec
	healths [2]ipvs.Health
}

// pairOf draws the texts of a pair, of which neither is empty: what a reload leaves in place is to be seen.
func pairOf(t *rapid.T) (p pair) {
	for i, label := range []string{"a ", "b "} {
		// Without what takes time until it is over.
		p.texts[i] = strings.NewReplacer("drain_on_remove 30\n", "", "slow_start 10\n", "").Replace(drawConfiguration(t, label, 2))
	}
	return p
}

// TestConfiguredTablesOnTheKernel: the real kernel has what is configured as the tables say.
func TestConfiguredTablesOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	for _, c := range configuredTables {
		t.Run(c.name, func(t *testing.T) {
			want := ipvs.Desired(specFrom(t, c.text), ipvs.Health{})
			converge(t, k, want)
			if got := written(read(t, k)); got != lines(c.want) {
				t.Errorf("table:\n%s\nwant:\n%s", got, lines(c.want))
			}
			// A weight is changed in place, which leaves tunnels and thresholds what they are.
			for key, s := range want {
				for d, a := range s.Dests {
					a.Weight = 7
					mustApply(t, k, []ipvs.Op{{Kind: ipvs.SetDest, Service: key, Dest: d, DestAttrs: a}})
					want[key].Dests[d] = a
				}
			}
			if ops := ipvs.Diff(read(t, k), want); len(ops) > 0 {
				t.Errorf("after a change of weights: %v", ops)
			}
		})
	}
}

// TestMixedFamiliesAndSynchronization: while a synchronization daemon runs the kernel refuses a server of another family.
func TestMixedFamiliesAndSynchronization(t *testing.T) {
	k := requireKernel(t)
	daemon := ipvs.SyncDaemon{Role: ipvs.SyncBackup, Interface: "lo", ID: 3}
	mustApply(t, k, []ipvs.Op{{Kind: ipvs.StartSync, Sync: &daemon}})
	service := fwmark(5, confparse.IPv4)
	ops := []ipvs.Op{{Kind: ipvs.AddService, Service: service, Attrs: attrs(service, "wlc")},
		{Kind: ipvs.AddDest, Service: service, Dest: netip.MustParseAddrPort("[2001:db8::2]:0"), DestAttrs: ipvs.DestAttrs{Weight: 1, Forwarding: confparse.TUN}}}
	if err := k.Apply(t.Context(), ops)[1]; !errors.Is(err, syscall.EINVAL) {
		t.Errorf("%v, want EINVAL", err)
	}
	mustApply(t, k, []ipvs.Op{{Kind: ipvs.StopSync, Sync: &daemon}, ops[1]})
}

// TestTimeoutsOnTheKernel: lvs_timeouts and on_server_down are set, and at the end what they were.
func TestTimeoutsOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	before, err := k.Timeouts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	settings, err := k.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := ipvs.NewReconciler(ipvs.Options{AuditPeriod: -1, Open: func(ctx context.Context) (ipvs.Kernel, error) {
		return ipvs.OpenKernel(ctx, ipvs.KernelOptions{})
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	r.Set(specFrom(t, "global_defs {\nlvs_timeouts tcp 111 udp 7\non_server_down reset\n}\n"+vs("", 1)), ipvs.Health{})
	if err := r.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Timeouts(t.Context()); err != nil || got != (ipvs.Timeouts{TCP: 111, TCPFin: before.TCPFin, UDP: 7}) {
		t.Errorf("timeouts %+v, %v", got, err)
	}
	if got, err := k.Settings(t.Context()); err != nil || settings[5] != "0" || got[5] != "1" {
		t.Errorf("settings %q, then %q, %v", settings, got, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, err := k.Timeouts(t.Context()); err != nil || got != before {
		t.Errorf("timeouts afterwards %+v, %v; want %+v", got, err, before)
	}
	if got, err := k.Settings(t.Context()); err != nil || got != settings {
		t.Errorf("settings afterwards %q, %v; want %q", got, err, settings)
	}
}

// TestReloadOnTheKernel is TestReloadEqualsAFreshStart on the real table.
func TestReloadOnTheKernel(t *testing.T) {
	k := requireKernel(t)
	// Services of others, beside which the kernel need not set itself up anew for each pair.
	foreign := ipvs.Table{}
	for _, f := range []confparse.Family{confparse.IPv4, confparse.IPv6} {
		foreign[fwmark(99, f)] = ipvs.Service{Attrs: attrs(fwmark(99, f), "lc")}
	}
	converge(t, k, foreign)
	draw := rapid.Custom(pairOf)
	services := 0
	for n := range reloadPairs {
		p := draw.Example(n)
		for i := range p.texts {
			p.specs[i] = specFrom(t, p.texts[i])
			p.healths[i] = someDown(p.specs[i], rand.New(rand.NewPCG(uint64(n), uint64(i))))
		}
		r := ipvs.NewReconciler(ipvs.Options{AuditPeriod: -1, Open: func(ctx context.Context) (ipvs.Kernel, error) {
			return ipvs.OpenKernel(ctx, ipvs.KernelOptions{})
		}})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		for i := range p.specs {
			r.Set(p.specs[i], p.healths[i])
			if err := r.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		want := ipvs.Desired(p.specs[1], p.healths[1])
		services += len(want)
		maps.Copy(want, foreign)
		if ops := ipvs.Diff(read(t, k), want); len(ops) > 0 {
			t.Errorf("pair %d: the table lacks %v; failing: %+v\n%s\nthen\n%s", n, ops, r.Status().Failing, p.texts[0], p.texts[1])
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if left := read(t, k); len(left) != len(foreign) {
			t.Fatalf("pair %d: %d services are left", n, len(left))
		}
	}
	t.Logf("%d services in %d pairs", services, reloadPairs)
}

// someDown has a quarter of the servers down.
func someDown(s ipvs.Spec, r *rand.Rand) ipvs.Health {
	h := ipvs.Health{RealServers: make(map[confparse.RealServerID]ipvs.RealServerHealth)}
	for _, vs := range s.VirtualServers {
		for _, rs := range vs.Pool.Servers {
			if r.IntN(4) == 0 {
				h.RealServers[confparse.RealServerID{VS: vs.ID, Addr: rs.Addr, Port: rs.Port}] = ipvs.RealServerHealth{Weight: rs.Weight}
			}
		}
	}
	return h
}
