package confparse

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// load parses text as the file test.conf, next to the given further files.
func load(t testing.TB, text string, more ...string) (*Config, Diagnostics) {
	t.Helper()
	fsys := fstest.MapFS{"test.conf": {Data: []byte(text), Mode: 0o644}}
	for i := 0; i+1 < len(more); i += 2 {
		fsys[more[i]] = &fstest.MapFile{Data: []byte(more[i+1]), Mode: 0o644}
	}
	return Load(fsys, "test.conf", Env{Hostname: "lb1.example.net"})
}

// codesOf lists "LINE:CODE" of every diagnostic.
func codesOf(ds Diagnostics) []string {
	var got []string
	for _, d := range ds {
		got = append(got, fmt.Sprintf("%d:%s", d.Subject.Start.Line, d.Code))
	}
	return got
}

// mustLoad fails on any diagnostic.
func mustLoad(t testing.TB, text string, more ...string) *Config {
	t.Helper()
	cfg, ds := load(t, text, more...)
	if len(ds) > 0 {
		var b strings.Builder
		_ = ds.Render(&b)
		t.Fatalf("unexpected diagnostics:\n%s", b.String())
	}
	return cfg
}

func TestInstance(t *testing.T) {
	cfg := mustLoad(t, `
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 2
    nopreempt
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.0.2.1/24 brd + dev eth1 label eth1:1
        192.0.2.2
    }
    track_interface { eth2 weight -20 }
}
`)
	got := cfg.Instances[0]
	want := &VRRPInstance{
		Range: got.Range, Name: "VI_1", Family: IPv4, Version: 2, State: StateBackup, Interface: "eth0",
		VirtualRouterID: 51, Priority: 150, AdvertInterval: 2 * time.Second, AuthType: AuthPass, AuthPass: "1111",
		NoPreempt: true, DownTimerAdverts: 3, Accept: true, MulticastGroup: netip.MustParseAddr("224.0.0.18"),
		UnicastTTL: 255,
		VirtualAddresses: []VirtualAddress{
			{Prefix: netip.MustParsePrefix("192.0.2.1/24"), Interface: "eth1", Label: "eth1:1",
				Broadcast: netip.MustParseAddr("192.0.2.255"), Range: got.VirtualAddresses[0].Range,
				PreferredLifetime: 1<<32 - 1},
			{Prefix: netip.MustParsePrefix("192.0.2.2/32"), Range: got.VirtualAddresses[1].Range,
				PreferredLifetime: 1<<32 - 1},
		},
		TrackInterfaces: []TrackInterface{{Range: got.TrackInterfaces[0].Range, Interface: "eth2", Weight: -20}},
		GARP: GARP{MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1,
			LowerPrioDelay: 5 * time.Second, LowerPrioRepeat: 5},
		HigherPrioritySendAdvert: true,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if at := got.Range.String(); at != "test.conf:2" {
		t.Errorf("the instance is at %s", at)
	}
}

func TestInheritance(t *testing.T) {
	cfg := mustLoad(t, `
virtual_server 192.0.2.1 80 {
    delay_loop 6
    lb_algo rr
    lb_kind NAT
    protocol TCP
    retry 4
    virtualhost vs.example
    real_server 10.0.0.1 8080 {
        weight 3
        delay_before_retry 7
        TCP_CHECK { connect_timeout 2 }
        HTTP_GET {
            retry 2
            url { path / }
        }
    }
    real_server 10.0.0.2 {
        SSL_GET {
            delay_loop 9
            warmup 0
            connect_port 443
            url {
                path /a
                status_code 200 301-302
                digest 9B7DE6D51AD09DAFF0C1C8D27F4C1A35
            }
        }
        TCP_CHECK { }
    }
    connect_timeout 3
}
`)
	type row struct {
		Loop, Warmup, Pause, Timeout time.Duration
		Retry                        uint32
		Port                         uint16
	}
	var got []row
	for _, rs := range cfg.VirtualServers[0].RealServers {
		for _, c := range rs.Checkers {
			got = append(got, row{c.DelayLoop, c.Warmup, c.DelayBeforeRetry, c.Connect.Timeout, c.Retry, c.Connect.Port})
		}
	}
	s := time.Second
	want := []row{
		{6 * s, 6 * s, 7 * s, 2 * s, 4, 8080},
		{6 * s, 6 * s, 7 * s, 3 * s, 2, 8080},
		{9 * s, 0, 3 * s, 3 * s, 4, 443},
		{6 * s, 6 * s, 1 * s, 3 * s, 4, 80},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	http := cfg.VirtualServers[0].RealServers[1].Checkers[0].HTTP
	if http.VirtualHost != "vs.example" || http.URLs[0].Digest != "9b7de6d51ad09daff0c1c8d27f4c1a35" {
		t.Errorf("HTTP check is %+v", http)
	}
	if diff := cmp.Diff([]StatusRange{{200, 200}, {301, 302}}, http.URLs[0].StatusCodes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestStrictEnvironmentTurnsWarningsIntoErrors(t *testing.T) {
	if _, ds := load(t, "nonsense\n"); ds.HasErrors() {
		t.Errorf("an unknown keyword is an error: %v", ds)
	}
	_, ds := Load(memory("nonsense\n"), "test.conf", Env{Strict: true})
	if !ds.HasErrors() {
		t.Errorf("with Strict it is not: %v", ds)
	}
}
