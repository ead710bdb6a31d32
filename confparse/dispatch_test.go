package confparse

import (
	"strings"
	"testing"
	"time"
)

// TestKeywordsAreOfTheirBlock: a keyword is looked for in the block it stands in, and in no other.
func TestKeywordsAreOfTheirBlock(t *testing.T) {
	for _, tt := range []struct{ rule, text, codes string }{
		{"of an outer block", "vrrp_instance V {\nrouter_id x\n}\n", "2:KA2001"},
		{"of an inner block", "vrrp_instance V {\nauth_pass x\n}\n", "2:KA2001"},
		{"at the root", "router_id x\n", "1:KA2001"},
		{"of another checker", oneService + "real_server 10.0.0.1 80 {\nTCP_CHECK {\nmisc_path /x\n}\n}\n}\n", "7:KA2001"},
	} {
		if _, codes := lexed(tt.text, Env{}); codes != tt.codes {
			t.Errorf("a keyword %s: %s, want %s", tt.rule, codes, tt.codes)
		}
	}
}

// TestUnknownKeywordsDoNotStopReading: the line is dropped, and what follows counts.
func TestUnknownKeywordsDoNotStopReading(t *testing.T) {
	cfg, ds := load(t, globals("nonsense 1 2 3\nrouter_id a")+"also nonsense\nuse_pid_dir\n")
	if codeList(ds) != "KA2001 KA2001" || cfg.Global.RouterID != "a" || !cfg.Global.Daemon.UsePIDDir {
		t.Errorf("%s, router_id %q, use_pid_dir %v", codeList(ds), cfg.Global.RouterID, cfg.Global.Daemon.UsePIDDir)
	}
	if ds.HasErrors() {
		t.Error("an unknown keyword is more than a warning")
	}
}

// TestRepeats: what a second statement of a kind does.
func TestRepeats(t *testing.T) {
	text := globals("router_id one\nrouter_id two\nvmac_prefix one\nvmac_prefix two\nnotification_email { a }\nnotification_email { b }") +
		globals("vrrp_version 3") + "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\npriority 10\npriority 20\n" +
		"virtual_ipaddress { 192.0.2.1 }\nvirtual_ipaddress { 192.0.2.2 }\n}\nvrrp_instance V {\ninterface eth0\nvirtual_router_id 2\n" +
		"virtual_ipaddress { 192.0.2.3 }\n}\n"
	cfg, ds := load(t, text)
	if g := cfg.Global; g.RouterID != "two" || g.VMACPrefix != "one" || g.VRRPVersion != 3 {
		t.Errorf("single values: router_id %q, vmac_prefix %q, vrrp_version %d", g.RouterID, g.VMACPrefix, g.VRRPVersion)
	}
	if got := strings.Join(cfg.Global.Mail.Recipients, " "); got != "a b" {
		t.Errorf("lists append: %s", got)
	}
	if len(cfg.Instances) != 1 {
		t.Fatalf("%d instances of one name", len(cfg.Instances))
	}
	if v := cfg.Instances[0]; v.Priority != 20 || len(v.VirtualAddresses) != 2 || v.VirtualRouterID != 1 {
		t.Errorf("instance: priority %d, addresses %v, VRID %d", v.Priority, v.VirtualAddresses, v.VirtualRouterID)
	}
	if codeList(ds) != "KA2006 KA2032" {
		t.Errorf("codes are %s", codeList(ds))
	}
	if r := ds[len(ds)-1].Related; len(r) == 0 || r[0].Range.Start.Line != 12 {
		t.Errorf("the second instance is related to %v", r)
	}
}

// TestMissingArguments: what ends keepalived is fatal here; what it only reports is not.
func TestMissingArguments(t *testing.T) {
	for text, want := range map[string]int{
		globals("vrrp_version"):                      2,
		globals("router_id"):                         5,
		"vrrp_instance V {\npriority\n}\n":           2,
		"vrrp_instance V {\nkernel_rx_buf_size\n}\n": 5,
		"virtual_server {\n}\n":                      2,
		"vrrp_instance {\n}\n":                       5,
		"vrrp_script {\n}\n":                         2,
	} {
		if _, ds := load(t, text); ds.ExitCode() != want {
			t.Errorf("%q ends with %d, want %d: %s", text, ds.ExitCode(), want, codeList(ds))
		}
	}
}

// TestOrderMatters: trackers, groups of addresses and sorry servers count where they stand.
func TestOrderMatters(t *testing.T) {
	const script = "vrrp_script chk {\nscript /bin/true\n}\n"
	const user = oneInstance + "track_script { chk }\n}\n"
	_, ds := load(t, safeScripts+script+user)
	if codeList(ds) != "" {
		t.Errorf("a script above its use: %s", codeList(ds))
	}
	if _, ds = load(t, safeScripts+user+script); codeList(ds) != "KA3066" {
		t.Errorf("a script below its use: %s", codeList(ds))
	}
	cfg, ds := load(t, "vrrp_sync_group G {\ngroup { VI_1 VI_2 }\n}\n"+twoVIs)
	if codeList(ds) != "" || len(cfg.SyncGroups) != 1 {
		t.Errorf("members below their group: %s", codeList(ds))
	}
}

// TestSyncGroupMembers: the members are those instances that exist and are in no other group.
func TestSyncGroupMembers(t *testing.T) {
	for _, tt := range []struct{ rule, text, want, codes string }{
		{"both", "vrrp_sync_group G { group { VI_1 VI_2 } }\n", "G[VI_1 VI_2]", ""},
		{"on lines of their own", "vrrp_sync_group G {\ngroup {\nVI_1\nVI_2\n}\n}\n", "G[VI_1 VI_2]", ""},
		{"an unknown one is left out", "vrrp_sync_group G { group { VI_1 VI_2 VI_3 } }\n", "G[VI_1 VI_2]", "KA3019"},
		{"a group of one", "vrrp_sync_group G { group { VI_1 } }\n", "G[VI_1]", "KA3022"},
		{"of unknown ones only", "vrrp_sync_group G { group { A B } }\n", "", "KA3019 KA3019 KA3021"},
		{"in two groups", "vrrp_sync_group G { group { VI_1 VI_2 } }\nvrrp_sync_group H { group { VI_1 VI_2 } }\n", "G[VI_1 VI_2]",
			"KA3020 KA3020 KA3021"},
		{"a second group of the name", "vrrp_sync_group G { group { VI_1 VI_2 } }\nvrrp_sync_group G { group { VI_1 } }\n", "G[VI_1 VI_2]",
			"KA2032"},
	} {
		cfg, ds := load(t, twoVIs+tt.text)
		got := ""
		for _, g := range cfg.SyncGroups {
			names := make([]string, len(g.Members))
			for i, m := range g.Members {
				names[i] = string(m)
			}
			got += string(g.Name) + "[" + strings.Join(names, " ") + "]"
		}
		if got != tt.want || codeList(ds) != tt.codes {
			t.Errorf("%s: %s %s, want %s %s", tt.rule, got, codeList(ds), tt.want, tt.codes)
		}
	}
}

// TestInstanceOnVRF: an instance without an interface may name a vrf, when its peers are unicast.
func TestInstanceOnVRF(t *testing.T) {
	const text = "vrrp_instance V {\nvirtual_router_id 5\nunicast_src_ip 192.0.2.8\nunicast_peer { 192.0.2.9 }\n" +
		"virtual_ipaddress { 192.0.2.1 dev eth0 }\n"
	cfg, ds := load(t, text+"vrf blue\n}\n")
	if cfg.Instances[0].VRF != "blue" || codeList(ds) != "" {
		t.Errorf("vrf %q, %s", cfg.Instances[0].VRF, codeList(ds))
	}
	cfg, ds = load(t, text+"vrf blue\nvrf red\n}\n")
	if cfg.Instances[0].VRF != "blue" || codeList(ds) != "KA2006" {
		t.Errorf("two: vrf %q, %s", cfg.Instances[0].VRF, codeList(ds))
	}
	cfg, ds = load(t, text+"vrf blue\ninterface eth0\n}\n")
	if v := cfg.Instances[0]; v.VRF != "" || v.Interface != "eth0" || codeList(ds) != "KA2045" {
		t.Errorf("with an interface: vrf %q, interface %q, %s", v.VRF, v.Interface, codeList(ds))
	}
	if _, ds = load(t, text+"vrf abcdefghijklmnop\n}\n"); codeList(ds) != "KA2018" {
		t.Errorf("a name too long: %s", codeList(ds))
	}
}

// TestNativeIPv6: an old way to say that an instance is of IPv6, and so of version 3.
func TestNativeIPv6(t *testing.T) {
	cfg, ds := load(t, "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nnative_ipv6\nvirtual_ipaddress { 2001:db8::1 }\n}\n")
	if v := cfg.Instances[0]; v.Family != IPv6 || v.Version != 3 || ds.ExitCode() != 0 {
		t.Errorf("family %s, version %d, %s", v.Family, v.Version, codeList(ds))
	}
}

// TestInstanceFamily: the first address tells the family, and with it version and group.
func TestInstanceFamily(t *testing.T) {
	for _, tt := range []struct {
		vip     string
		family  Family
		version uint8
		group   string
	}{
		{"192.0.2.1", IPv4, 2, "224.0.0.18"},
		{"2001:db8::1", IPv6, 3, "ff02::12"},
	} {
		cfg := mustLoad(t, "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress { "+tt.vip+" }\n}\n")
		if v := cfg.Instances[0]; v.Family != tt.family || v.Version != tt.version || v.MulticastGroup.String() != tt.group {
			t.Errorf("%s: %s, version %d, group %s", tt.vip, v.Family, v.Version, v.MulticastGroup)
		}
	}
}

// TestServiceFamily: the address of a service tells its family; without one ip_family, or the servers do.
func TestServiceFamily(t *testing.T) {
	const rest = "lb_algo rr\nlb_kind NAT\n"
	for _, tt := range []struct {
		rule, text string
		want       Family
		codes      string
	}{
		{"the address", "virtual_server 2001:db8::1 80 {\n" + rest + "protocol TCP\nreal_server 2001:db8::2 80 { }\n}\n", IPv6, ""},
		{"the servers of a mark", "virtual_server fwmark 1 {\n" + rest + "real_server 2001:db8::2 80 { }\n}\n", IPv6, ""},
		{"ip_family of a mark", "virtual_server fwmark 1 {\nip_family inet6\n" + rest + "real_server 2001:db8::2 80 { }\n}\n", IPv6, ""},
		{"IPv4 servers of a mark", "virtual_server fwmark 1 {\n" + rest + "real_server 10.0.0.2 80 { }\n}\n", IPv4, ""},
		{"a server of the other family", "virtual_server fwmark 1 {\nip_family inet\n" + rest +
			"real_server 10.0.0.2 80 { }\nreal_server 2001:db8::2 80 { }\n}\n", IPv4, "KA3003"},
	} {
		cfg, ds := load(t, tt.text)
		if len(cfg.VirtualServers) != 1 || cfg.VirtualServers[0].ID.Family != tt.want || codeList(ds) != tt.codes {
			t.Errorf("%s: %+v %s", tt.rule, cfg.VirtualServers, codeList(ds))
		}
	}
}

// TestCheckersInherit: a checker has the settings of its block, else of its server, else of the service.
func TestCheckersInherit(t *testing.T) {
	for _, tt := range []struct {
		service, server, checker string
		want                     time.Duration
	}{
		{"", "", "", time.Minute},
		{"delay_loop 7", "", "", 7 * time.Second},
		{"delay_loop 7", "delay_loop 8", "", 8 * time.Second},
		{"delay_loop 7", "delay_loop 8", "delay_loop 9", 9 * time.Second},
		{"", "delay_loop 8", "", 8 * time.Second},
	} {
		cfg := mustLoadSound(t, oneService+tt.service+"\nreal_server 10.0.0.1 80 {\n"+tt.server+"\nTCP_CHECK {\n"+tt.checker+"\n}\n}\n}\n")
		ck := cfg.VirtualServers[0].RealServers[0].Checkers[0]
		if ck.DelayLoop != tt.want || ck.Warmup != tt.want {
			t.Errorf("%q %q %q: delay_loop %s, warmup %s, want %s", tt.service, tt.server, tt.checker, ck.DelayLoop, ck.Warmup, tt.want)
		}
	}
}

// mustLoadSound fails on any diagnostic but that something has no effect yet.
func mustLoadSound(t *testing.T, text string) *Config {
	t.Helper()
	cfg, ds := load(t, text)
	if codes := codeList(ds); codes != "" {
		t.Fatalf("%s of\n%s", codes, text)
	}
	return cfg
}
