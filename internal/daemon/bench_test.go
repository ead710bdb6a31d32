package daemon

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse"
	"vigil/healthcheck"
	"vigil/ipvs"
	"vigil/ipvs/ipvstest"
)

// scaleConfig is a configuration of n virtual servers with 10 checked real servers each.
func scaleConfig(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "virtual_server 10.1.%d.%d 80 {\n  delay_loop 60\n  lb_algo wrr\n  lb_kind NAT\n  protocol TCP\n", i/256, i%256)
		for j := range 10 {
			fmt.Fprintf(&b, "  real_server 127.%d.%d.%d 8080 {\n    weight 1\n    TCP_CHECK {\n      connect_timeout 3\n"+
				"      retry 1\n      delay_before_retry 1\n    }\n  }\n", j+1, i/256, i%256)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func parseBench(b *testing.B, text string) Desired {
	cfg, diags := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text)}}, "k.conf", confparse.Env{})
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	return NewDesired(cfg)
}

// BenchmarkReload is what SIGHUP costs from text to kernel when one of 10,000 real servers is dropped and when it
// comes back, in total and by step.
func BenchmarkReload(b *testing.B) {
	all := scaleConfig(1000)
	begin := strings.Index(all, "  real_server")
	end := begin + strings.Index(all[begin:], "    }\n  }\n") + len("    }\n  }\n")
	texts := []string{all, all[:begin] + all[end:]}
	states := []Desired{parseBench(b, texts[0]), parseBench(b, texts[1])}

	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(texts[1])}}, "k.conf", confparse.Env{})
		}
	})
	first, _ := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(texts[0])}}, "k.conf", confparse.Env{})
	b.Run("reload", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			cfg, _ := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(texts[1])}}, "k.conf", confparse.Env{Known: first.Known})
			if _, ok := states[0].Updated(cfg); !ok {
				b.Fatal("incomplete")
			}
		}
	})
	fsys := fstest.MapFS{"k.conf": {Data: []byte(texts[0])}}
	cfg, _ := confparse.Load(fsys, "k.conf", confparse.Env{})
	b.Run("unchanged", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !cfg.Inputs.Unchanged(fsys, confparse.Env{}.Text()) {
				b.Fatal("changed")
			}
		}
	})
	b.Run("desired", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			NewDesired(cfg)
		}
	})
	b.Run("plan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if p := planOf(everyPart, states[0], states[1]); len(p.Steps) != 1 {
				b.Fatal(p)
			}
		}
	})
	checks := healthcheck.NewManager(healthcheck.Options{})
	table := ipvs.NewReconciler(ipvs.Options{Open: ipvstest.New().Open, AuditPeriod: -1})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- table.Run(ctx) }()
	table.Set(states[0].IPVS, healthOf(states[0].Checks, checks.Apply(states[0].Checks)))
	<-table.Ready()
	b.Run("checks", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			healthOf(states[i%2].Checks, checks.Apply(states[i%2].Checks))
		}
	})
	b.Run("table", func(b *testing.B) {
		b.ReportAllocs()
		h := healthOf(states[0].Checks, checks.Apply(states[0].Checks))
		for i := 0; b.Loop(); i++ {
			table.Set(states[i%2].IPVS, h)
			if err := table.Sync(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	cancel()
	<-done
}
