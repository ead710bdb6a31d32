package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"vigil/confparse"
	"vigil/integration/labkit"
	"vigil/internal/testlan"
)

func TestMain(m *testing.M) {
	labkit.Main()
	standInMain()
	os.Exit(m.Run())
}

// parse returns what is meant by a configuration in which nothing may be wrong.
func parse(t *testing.T, text string) *confparse.Config {
	t.Helper()
	c, diagnostics := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o644}}, "k.conf", confparse.Env{})
	for _, d := range diagnostics {
		t.Errorf("%v", d)
	}
	return c
}

func addresses(c *confparse.Config) (n int) {
	for _, v := range c.Instances {
		n += len(v.VirtualAddresses) + len(v.ExcludedAddresses)
	}
	return n
}

// Every configuration has what its measurement is about, and more lines of global_defs where they are asked for.
func TestConfigurations(t *testing.T) {
	usual := scale{instances: 1000, links: 4, globals: "vrrp_priority -5\nchecker_priority 3"}
	place := slowly{dir: t.TempDir(), programs: 200, globals: usual.globals}
	if err := place.prepare(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	type content struct{ instances, addresses, services, servers int }
	all := map[string]struct {
		text string
		want content
	}{
		"scale":     {scaleConfig(usual, 100), content{1000, 2000, 0, 0}},
		"addresses": {addressesConfig(usual, 100), content{1, 255, 0, 0}},
		"slow":      {place.config(), content{220, 220, 0, 0}},
		"load":      {loadConfig(usual, 200, 20_000, 7), content{1, 1, 200, 20_000}},
		"failing":   {loadConfig(usual, 200, 10_000, 0), content{1, 1, 100, 10_000}},
		"unloaded":  {loadConfig(usual, 100, 0, 0), content{1, 1, 0, 0}},
	}
	of := func(name string, config func(d int) string, want content) {
		for d := range 2 {
			all[fmt.Sprint(name, d)] = struct {
				text string
				want content
			}{"global_defs {\n" + indent(usual.globals) + "}\n" + config(d), want}
		}
	}
	for _, f := range forms {
		want := content{f.instances, len(f.targets), 0, 0}
		if f.name == "ipv6" || f.name == "vmac-ipv6" {
			want.addresses++ // the link-local one
		}
		of(f.name, f.config, want)
	}
	for _, c := range cutPairs {
		of(c.String(), c.config, content{1, cutAddresses, 0, 0})
	}
	for _, a := range attacks {
		of(a.name, a.config, content{1, 1, 0, 0})
	}
	for name, tt := range all {
		c := parse(t, tt.text)
		got := content{instances: len(c.Instances), addresses: addresses(c), services: len(c.VirtualServers)}
		for _, s := range c.VirtualServers {
			got.servers += len(s.RealServers)
		}
		if got != tt.want {
			t.Errorf("%s has %+v, want %+v", name, got, tt.want)
		}
		if !strings.Contains(tt.text, "  vrrp_priority -5\n  checker_priority 3\n") {
			t.Errorf("%s lacks what was asked for in global_defs", name)
		}
	}
	if n := strings.Count(loadConfig(usual, 200, 20_000, 0), "\n"); n < linesPerCheck*20_000 {
		t.Errorf("the long configuration has %d lines", n)
	}
	if loadConfig(usual, 200, 200, 1) == loadConfig(usual, 200, 200, 2) {
		t.Error("a reload would find nothing new")
	}
}

// Each form of outage is what its name says, on both directors.
func TestForms(t *testing.T) {
	type kind struct {
		vmac, base, unicast, own bool // own: the first target is in the subnet of the directors
		family                   confparse.Family
	}
	v4, v6 := confparse.IPv4, confparse.IPv6
	want := map[string]kind{"multicast": {own: true, family: v4}, "unicast": {unicast: true, own: true, family: v4}, "vmac": {vmac: true, base: true, own: true, family: v4},
		"vmac-subnet": {vmac: true, family: v4}, "vmac-own": {vmac: true, own: true, family: v4}, "vmac-ipv6": {vmac: true, own: true, family: v6},
		"vmac-ipv4+ipv6": {vmac: true, own: true, family: v4}, "ipv6": {own: true, family: v6}, "ipv4+ipv6": {own: true, family: v4},
		"group": {own: true, family: v4}, "cold": {own: true, family: v4}}
	for _, f := range forms {
		own := directorAddress(0, 0).Masked().Contains(f.targets[0]) || directorAddress6(0, 0).Masked().Contains(f.targets[0])
		for d := range 2 {
			c := parse(t, f.config(d))
			var targets []netip.Addr
			for _, v := range c.Instances {
				got := kind{v.VMAC.Enabled, v.VMAC.TransmitBase, len(v.UnicastPeers) > 0, own, v.Family}
				if got != want[f.name] {
					t.Errorf("%s, d%d: %+v, want %+v", f.name, d+1, got, want[f.name])
				}
				for _, a := range slices.Concat(v.VirtualAddresses, v.ExcludedAddresses) {
					targets = append(targets, a.Prefix.Addr())
				}
			}
			for _, target := range f.targets {
				if !slices.Contains(targets, target) {
					t.Errorf("%s, d%d: nobody has %v", f.name, d+1, target)
				}
			}
		}
		delete(want, f.name)
	}
	if len(want) > 0 {
		t.Errorf("no form %v", want)
	}
}

// The bar of a cut is about the interval, the version and the priority that are configured.
func TestCutPairs(t *testing.T) {
	for _, c := range cutPairs {
		for d, priority := range []uint8{200, 100} {
			v := parse(t, c.config(d)).Instances[0]
			if int(v.Version) != c.version || v.AdvertInterval != c.interval || v.Priority != priority || len(v.UnicastPeers) > 0 != c.unicast {
				t.Errorf("%s, d%d: version %d, %v, priority %d, peers %v", c, d+1, v.Version, v.AdvertInterval, v.Priority, v.UnicastPeers)
			}
		}
	}
}

// What keepalived is compared with must mean the same to it.
func TestKeepalivedTakesTheConfigurations(t *testing.T) {
	program, err := exec.LookPath("keepalived")
	testlan.RequirePeer(t, err)
	place := slowly{dir: t.TempDir(), programs: 5}
	if err := place.prepare(time.Second); err != nil {
		t.Fatal(err)
	}
	small := scale{instances: 8, links: 2}
	all := map[string]string{"scale": scaleConfig(small, 100), "addresses": addressesConfig(small, 100), "slow": place.config(),
		"load": loadConfig(small, 200, 20, 1)}
	for _, f := range forms {
		all[f.name] = f.config(0)
	}
	for _, c := range cutPairs {
		all[c.String()] = c.config(0)
	}
	for _, a := range attacks {
		all[a.name] = a.config(0)
	}
	for name, text := range all {
		file := filepath.Join(t.TempDir(), "k.conf")
		// The interfaces are not here.
		text = "global_defs {\n  dynamic_interfaces\n}\n" + text
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(program, "-t", "-f", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
