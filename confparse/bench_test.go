package confparse

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// bigConfig is a configuration of many services: 86 lines each with ten servers.
func bigConfig(services, servers int) string {
	var b strings.Builder
	for i := range services {
		fmt.Fprintf(&b, "virtual_server 10.%d.%d.1 80 {\n    delay_loop 6\n    lb_algo rr\n    lb_kind NAT\n"+
			"    protocol TCP\n", i/250, i%250)
		for j := range servers {
			fmt.Fprintf(&b, "    real_server 172.%d.%d.%d 8080 {\n        weight 1\n        TCP_CHECK {\n"+
				"            connect_timeout 3\n            retry 2\n            delay_before_retry 1\n        }\n    }\n",
				16+i/250, i%250, j+1)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// BenchmarkLoad86k parses, decodes and validates 1,000 services of 10 servers.
func BenchmarkLoad86k(b *testing.B) { benchmarkLoad(b, 1000) }

// BenchmarkLoad860k is ten times as much, to show that the time is linear.
func BenchmarkLoad860k(b *testing.B) { benchmarkLoad(b, 10000) }

func benchmarkLoad(b *testing.B, services int) {
	text := bigConfig(services, 10)
	fsys := fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}
	b.SetBytes(int64(len(text)))
	b.ReportMetric(float64(strings.Count(text, "\n")), "lines")
	b.ReportAllocs()
	for b.Loop() {
		cfg, ds := Load(fsys, "k.conf", Env{Hostname: "h"})
		if len(ds) != 0 || len(cfg.VirtualServers) != services {
			b.Fatal(len(cfg.VirtualServers), ds)
		}
	}
}

// BenchmarkLoadKnown loads 1,000 services of 10 servers of which all but one were known before.
func BenchmarkLoadKnown(b *testing.B) {
	text := bigConfig(1000, 10)
	fsys := fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}
	before, _ := Load(fsys, "k.conf", Env{Hostname: "h"})
	changed := strings.Replace(text, "10.1.7.1 80", "10.1.7.1 81", 1)
	fsys["k.conf"].Data = []byte(changed)
	b.SetBytes(int64(len(changed)))
	b.ReportAllocs()
	for b.Loop() {
		cfg, ds := Load(fsys, "k.conf", Env{Hostname: "h", Known: before.Known})
		unchanged := 0
		for _, vs := range cfg.VirtualServers {
			if vs.Unchanged {
				unchanged++
			}
		}
		if len(ds) != 0 || unchanged != 999 {
			b.Fatal(unchanged, ds)
		}
	}
}
