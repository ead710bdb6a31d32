//go:build linux

package ipvs_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"strings"
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

// pairOf draws the texts of a pair.
func pairOf(t *rapid.T) (p pair) {
	for i, label := range []string{"a ", "b "} {
		// Without what takes time until it is over.
		p.texts[i] = strings.NewReplacer("drain_on_remove 30\n", "", "slow_start 10\n", "").Replace(drawConfiguration(t, label))
	}
	return p
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
