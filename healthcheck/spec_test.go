package healthcheck

import (
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
)

// specOf returns what FromConfig makes of one checker of a real server.
func specOf(t *testing.T, ck *confparse.Checker) CheckSpec {
	t.Helper()
	vs := pool(1)
	vs.RealServers[0].Checkers = []*confparse.Checker{ck}
	return FromConfig(config(vs)).VirtualServers[0].RealServers[0].Checks[0]
}

func TestCheckSpecIsComparable(t *testing.T) {
	base := func() *confparse.Checker {
		return &confparse.Checker{
			Kind: confparse.HTTPGet, DelayLoop: s, Warmup: s, Retry: 1, DelayBeforeRetry: s,
			Connect: confparse.Connect{Timeout: s},
			HTTP: &confparse.HTTPCheck{URLs: []confparse.URL{
				{Path: "/1", StatusCodes: []confparse.StatusRange{{First: 200, Last: 200}}}, {Path: "/2"},
			}},
		}
	}
	addr := netip.MustParseAddr("192.0.2.7")
	type change struct {
		name   string
		change func(*confparse.Checker)
		same   bool // the same question for a reload
	}
	tests := []change{
		{"Kind", func(c *confparse.Checker) { c.Kind = confparse.SSLGet }, false},
		{"Alpha", func(c *confparse.Checker) { c.Alpha = true }, true},
		{"DelayLoop", func(c *confparse.Checker) { c.DelayLoop++ }, true},
		{"Warmup", func(c *confparse.Checker) { c.Warmup++ }, true},
		{"Retry", func(c *confparse.Checker) { c.Retry++ }, true},
		{"DelayBeforeRetry", func(c *confparse.Checker) { c.DelayBeforeRetry++ }, true},
		{"LogAllFailures", func(c *confparse.Checker) { c.LogAllFailures = true }, true},
		{"Connect.Addr", func(c *confparse.Checker) { c.Connect.Addr = addr }, false},
		{"Connect.Port", func(c *confparse.Checker) { c.Connect.Port = 81 }, false},
		{"Connect.Timeout", func(c *confparse.Checker) { c.Connect.Timeout++ }, false},
		{"Connect.BindAddr", func(c *confparse.Checker) { c.Connect.BindAddr = addr }, false},
		{"Connect.BindPort", func(c *confparse.Checker) { c.Connect.BindAddr, c.Connect.BindPort = addr, 99 }, false},
		{"Connect.BindInterface", func(c *confparse.Checker) { c.Connect.BindInterface = "eth0" }, false},
		{"Connect.Fwmark", func(c *confparse.Checker) { c.Connect.Fwmark = 1 }, false},
		{"HTTP.Protocol", func(c *confparse.Checker) { c.HTTP.Protocol = confparse.HTTP11 }, true},
		{"HTTP.FastRecovery", func(c *confparse.Checker) { c.HTTP.FastRecovery = true }, true},
		{"HTTP.VirtualHost", func(c *confparse.Checker) { c.HTTP.VirtualHost = "h" }, false},
		{"URL.Path", func(c *confparse.Checker) { c.HTTP.URLs[1].Path = "/3" }, false},
		{"URL.Digest", func(c *confparse.Checker) { c.HTTP.URLs[1].Digest = strings.Repeat("0", 32) }, false},
		{"URL.StatusCodes", func(c *confparse.Checker) { c.HTTP.URLs[0].StatusCodes[0].Last++ }, false},
		{"URL.VirtualHost", func(c *confparse.Checker) { c.HTTP.URLs[1].VirtualHost = "h" }, false},
		{"order of URLs", func(c *confparse.Checker) {
			c.HTTP.URLs[0], c.HTTP.URLs[1] = c.HTTP.URLs[1], c.HTTP.URLs[0]
		}, false},
		{"number of URLs", func(c *confparse.Checker) { c.HTTP.URLs = c.HTTP.URLs[:1] }, false},
	}
	spec := specOf(t, base())
	if again := specOf(t, base()); again != spec || !spec.sameCheck(again) {
		t.Fatal("two equal checkers have different specs")
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ck := base()
			tt.change(ck)
			changed := specOf(t, ck)
			if changed == spec {
				t.Error("the change makes no difference")
			}
			if got := spec.sameCheck(changed); got != tt.same {
				t.Errorf("sameCheck = %v, want %v", got, tt.same)
			}
		})
	}
}

func TestTargetOfCheck(t *testing.T) {
	tests := []struct {
		name    string
		connect confparse.Connect
		want    string
	}{
		{"IPv4", confparse.Connect{Addr: netip.MustParseAddr("192.0.2.1"), Port: 80}, "192.0.2.1:80"},
		{"IPv6", confparse.Connect{Addr: netip.MustParseAddr("2001:db8::1"), Port: 1}, "[2001:db8::1]:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ck := tcpCheckOf()
			ck.Connect = tt.connect
			if got := specOf(t, ck).Target().String(); got != tt.want {
				t.Errorf("target %s, want %s", got, tt.want)
			}
		})
	}
}

func TestURLList(t *testing.T) {
	sum := md5.Sum([]byte("x"))
	spec := specOf(t, &confparse.Checker{Kind: confparse.HTTPGet, HTTP: &confparse.HTTPCheck{
		VirtualHost: "checker.example",
		URLs: []confparse.URL{
			{Path: "/1", StatusCodes: []confparse.StatusRange{{First: 200, Last: 299}}},
			{Path: "/2", VirtualHost: "url.example", Digest: hex.EncodeToString(sum[:])},
			{Path: "/3", Digest: "no digest", StatusCodes: []confparse.StatusRange{
				{First: 0, Last: 101}, {First: 599, Last: 700},
			}},
		},
	}})
	h := spec.shared.Value().asks.(httpQuestion).spec.Value()
	if h.count != 3 {
		t.Fatalf("%d URLs, want 3", h.count)
	}
	one, two, three := h.url(0), h.url(1), h.url(2)
	if one.path != "/1" || one.host != "checker.example" || one.hasDigest {
		t.Errorf("first URL: %+v", one)
	}
	if two.path != "/2" || two.host != "url.example" || !two.hasDigest || two.digest != sum {
		t.Errorf("second URL: %+v", two)
	}
	if three.path != "/3" || three.hasDigest {
		t.Errorf("third URL: %+v", three)
	}
	for _, tt := range []struct {
		set  statusSet
		code int
		want bool
	}{
		{one.status, 199, false}, {one.status, 200, true}, {one.status, 299, true}, {one.status, 300, false},
		{three.status, 0, false}, {three.status, 99, false}, {three.status, 100, true}, {three.status, 101, true},
		{three.status, 102, false}, {three.status, 598, false}, {three.status, 599, true}, {three.status, 600, false},
	} {
		if got := tt.set.has(tt.code); got != tt.want {
			t.Errorf("has(%d) = %v, want %v", tt.code, got, tt.want)
		}
	}
}

func TestSpecEqual(t *testing.T) {
	base := FromConfig(config(pool(2)))
	if !base.Equal(FromConfig(config(pool(2)))) {
		t.Error("two Specs of one configuration differ")
	}
	changes := map[string]func(*confparse.VirtualServer){
		"port":   func(vs *confparse.VirtualServer) { vs.ID.Port++ },
		"weight": func(vs *confparse.VirtualServer) { vs.RealServers[1].Weight++ },
		"check":  func(vs *confparse.VirtualServer) { vs.RealServers[1].Checkers[0].Warmup++ },
		"order": func(vs *confparse.VirtualServer) {
			vs.RealServers[0], vs.RealServers[1] = vs.RealServers[1], vs.RealServers[0]
		},
		"one less": func(vs *confparse.VirtualServer) { vs.RealServers = vs.RealServers[:1] },
	}
	for name, change := range changes {
		vs := pool(2)
		change(vs)
		if base.Equal(FromConfig(config(vs))) {
			t.Errorf("%s makes no difference", name)
		}
	}
	if base.Equal(Spec{}) {
		t.Error("a Spec with servers equals an empty one")
	}
}

// TestEachCheckHasItsOwnProfile: whatever stands next to a check, its spec is the one it has alone.
func TestEachCheckHasItsOwnProfile(t *testing.T) {
	var checkers []*confparse.Checker
	for _, delay := range []time.Duration{s, s, 2 * s, s, 0} {
		ck := tcpCheckOf()
		ck.DelayLoop = delay
		checkers = append(checkers, ck, httpPool(false).RealServers[0].Checkers[0])
	}
	checkers = append([]*confparse.Checker{{Kind: confparse.TCPCheck}}, checkers...) // the zero profile
	vs := pool(1)
	vs.RealServers[0].Checkers = checkers
	for i, got := range FromConfig(config(vs)).VirtualServers[0].RealServers[0].Checks {
		if want := specOf(t, checkers[i]); got != want {
			t.Errorf("check %d: %+v, alone %+v", i, got.shared.Value(), want.shared.Value())
		}
	}
}
