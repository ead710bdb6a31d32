package confparse

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func dump(t testing.TB, c *Config) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// fataler is what both testing.T and rapid.T can do.
type fataler interface {
	Fatalf(format string, args ...any)
}

// roundTrip fails unless printing cfg and loading that gives cfg again, and the same print.
func roundTrip(t testing.TB, f fataler, cfg *Config) {
	t.Helper()
	first := dump(t, cfg)
	again, ds := load(t, first)
	if ds.HasFatal() {
		f.Fatalf("the printed configuration does not load: %v\n%s", ds, first)
	}
	if diff := configDiff(cfg, again); diff != "" {
		f.Fatalf("printing and loading changed the configuration (-was +is)\n%s\n%s", diff, first)
	}
	if second := dump(t, again); second != first {
		f.Fatalf("printing is not stable (-first +second)\n%s", cmp.Diff(first, second))
	}
}

// sampleArgs are arguments for the keywords whose words are decoded by code of their own.
var sampleArgs = map[string][]string{
	"track_virtual_server": {"192.0.2.1 80", "192.0.2.1 80 weight -20", "fwmark 5 weight 7 reverse"},
	"pre_master":           {"/bin/true", "\"/bin/sh -c true\" timeout 2.5"},
	"ensure_master":        {"/bin/true", "\"/bin/sh -c true\" interval 12"},
	"lvs_flush_on_stop":    {"", "VS"}, "lvs_flush_onstop": {"", "VS"}, "dynamic_interfaces": {"", "allow_if_changes"},
	"persistence_timeout": {"", "30"}, "sorry_server": {"10.9.9.9 80", "10.9.9.8"}, "status_code": {"200", "301-303 404"},
	"net_namespace_ipvs": {"blue"}, "script_user": {"nobody", "nobody nogroup"}, "startup_script": {`"/bin/a 'b c'"`},
	"shutdown_script": {`/bin/a root`}, "reload_check_config": {"", "/tmp/log"}, "reload_time_file": {"/run/t"},
	"reload_file": {"", "/run/f"}, "include_check": {"read"}, "iproute_usr_dir": {"/usr/i"}, "iproute_etc_dir": {"/etc/i"},
	"state_dump_file": {"/tmp/s"}, "stats_dump_file": {"/tmp/t"}, "json_dump_file": {"/tmp/j"},
	"notify_fifo": {"/run/fifo root"}, "vrrp_notify_fifo": {"/run/v"}, "lvs_notify_fifo": {"/run/l"},
	"notify_fifo_script": {"/bin/x"}, "vrrp_notify_fifo_script": {"/bin/x"}, "lvs_notify_fifo_script": {"/bin/x"},
	"vrrp_garp_extra_if": {"5", "all 7"}, "vrrp_vmac_garp_intvl": {"5"}, "max_auto_priority": {"", "3"},
	"vrrp_iptables": {"", "IN OUT"}, "vrrp_ipsets": {"a b"}, "nftables": {"", "tab"}, "nftables_ipvs": {"", "tab"},
	"lvs_timeouts": {"tcp 5 udp 6"}, "lvs_sync_daemon": {"eth0 id 5 maxlen 1000", "eth0"}, "sync_threshold": {"3", "5 60"}, "smtp_server": {"192.0.2.9 26"},
	"smtp_helo_name": {"mail.example"}, "vrrp_cpu_affinity": {"0 1"}, "checker_cpu_affinity": {"0"}, "bfd_cpu_affinity": {"1"},
	"script": {`"/bin/true -x"`}, "weight": {"5", "-7 reverse"}, "user": {"nobody"}, "process": {"nginx", "nginx -c x"},
	"param_match": {"initial"}, "file": {"/tmp/f"}, "init_file": {"", "5 overwrite"}, "min_rx": {"20"}, "min_tx": {"20.5"},
	"idle_tx": {"2000"}, "notify_deleted": {"", "/bin/d"}, "use_vmac": {"", "v5", "name v6 group g"},
	"use_ipvlan": {"", "iv0 10.0.0.9/24 private"}, "old_unicast_checksum": {"", "never"},
	"timer_expired_backup": {"", "200"}, "thread_timer_expired": {"7"}, "garp_extra_if": {"0", "all 5"},
	"vmac_garp_intvl": {"5"}, "key": {"1 0123456789abcdef0123456789abcdef", "/etc/key"}, "snmp_name": {"n"},
	"notify_up": {"/bin/u", `"/bin/u a\"b" root`}, "notify_down": {"/bin/d"}, "quorum_up": {"/bin/u"},
	"flap_damping": {"2 1", "5 60", "1 1"},
	"quorum_down":  {"/bin/d"}, "notify_backup": {"/bin/n"}, "notify_master": {`"/bin/n 'a b' c"`}, "notify_fault": {"/bin/n"},
	"notify_stop": {"/bin/n"}, "notify": {"/bin/n root"}, "notify_master_rx_lower_pri": {"/bin/n"},
	"sni_name": {"sni.example"}, "regex": {`"a\\d+ b"`}, "regex_options": {"caseless utf"}, "regex_stack": {"1 2"},
	"regex_min_offset": {"3"}, "regex_max_offset": {"40"}, "sorry_server_lvs_method": {"DR", "TUN type gre"},
	"header": {`"X-A: b c"`}, "basic_auth": {"web secret"},
	"misc_path": {`"/bin/check x"`}, "payload": {"00ff 12"}, "require_reply": {"", "0x f1"},
}

// sampleWords are values for keywords that take one word of a certain kind.
var sampleWords = map[string][]string{
	"state": {"MASTER", "BACKUP"}, "auth_type": {"PASS", "AH"}, "lb_algo": schedulers, "lvs_sched": schedulers,
	"lb_kind": {"NAT", "DR", "TUN", "TUN type gue port 5 csum"}, "lvs_method": {"NAT", "DR", "TUN type gre csum"},
	"sorry_server_lvs_method": {"NAT", "DR"}, "protocol": {"TCP", "udp", "SCTP"}, "ip_family": {"inet"},
	"persistence_granularity": {"255.255.255.0"}, "http_protocol": {"1.0", "1.0C", "1.1"},
	"method": {"HEAD"},
	"digest": {"9b7de6d51ad09daff0c1c8d27f4c1a35"}, "type": {"A", "mx"}, "umask": {"022", "IRWXG|IRWXO"},
	"vrrp_rx_bufs_policy": {"MTU", "advert", "5000"}, "anti_replay": {"time", "monotonic"},
	"mode": {"enforce", "permissive", "receive-only"}, "track_file": {"tf"}, "name": {"bfd0"},
}

// sampleItems are items of lists.
var sampleItems = map[string][]string{
	"ipaddress": {"192.0.2.1", "192.0.2.2/24 dev eth1 label eth1:1", "192.0.2.3/24 brd + scope link", "192.0.2.4 no_track",
		"192.0.2.5 peer 192.0.2.6", "192.0.2.7/30 brd - home", "192.0.2.8 preferred_lft 30 noprefixroute"},
	"track_interface": {"eth1", "eth2 weight 5", "eth3 weight -5 reverse"},
	"unicast_peer":    {"198.51.100.1", "198.51.100.2 min_ttl 254", "198.51.100.3 min_ttl 1 max_ttl 9"},
	"track_script":    {"ts", "ts weight 5"}, "track_file": {"tf", "tf weight -3 reverse"},
	"track_process": {"tp", "tp weight 4 noreverse"}, "track_bfd": {"bfd0"},
	"route": {"10.0.0.0/8 via 192.0.2.254 dev eth0", "default via 192.0.2.254", "default via inet6 fe80::1 dev eth0",
		"default nexthop via inet6 fe80::1 dev eth0 nexthop via inet6 fe80::2 dev eth1", "blackhole 10.9.0.0/16",
		"10.1.0.0/16 nexthop via 192.0.2.1 dev eth0 weight 3 nexthop via 192.0.2.2 dev eth1 onlink",
		"10.2.0.0/16 dev eth0 mtu lock 1400 rtt 3s table 5 metric 7 realms 1/2 features ecn",
		"10.3.0.0/16 encap ip id 5 dst 1.2.3.4 ttl 3 dev eth0 no_track protocol static",
		"2001:db8::/32 via fe80::1 dev eth0 pref high expires 30", "10.4.0.0/16 via inet6 fe80::1 dev eth0"},
	"rule": {"from 10.0.0.0/8 table 5 preference 3", "to 10.0.0.0/8 blackhole", "inet6 from 2001:db8::/32 table main",
		"fwmark 0x5/0xff iif eth0 table 7", "goto 500 preference 400", "not from 10.5.0.0/16 sport 1-5 dport 9-9 nop",
		"uidrange 1-5 ipproto tcp l3mdev", "from 10.6.0.0/16 table 9 suppress_prefixlength 0 realms 3 tos 0x10"},
	"laddr":     {"192.0.2.1", "192.0.2.10-20", "192.0.2.30-192.0.2.32", "2001:db8::8/126"},
	"vsg_entry": {"192.0.2.1 80", "192.0.2.10-20", "192.0.2.32/28 443", "fwmark 5", "fwmark 6 inet"},
	"name":      {"n1", "n2 n3", `"n 4"`}, "linkbeat_interface": {"eth0 MII", "eth1"}, "interface_delay": {"eth0 1 2", "eth1 1.5"},
}

// writer draws statements from the keyword table.
type writer struct {
	t *rapid.T
	b strings.Builder
}

func (w *writer) pick(label string, from []string) string {
	return rapid.SampledFrom(from).Draw(w.t, label)
}

// statement writes a keyword with a valid argument.
func (w *writer) statement(kw *keyword) {
	name := kw.name
	switch v := kw.value; v.kind {
	case bare:
		fmt.Fprintln(&w.b, name)
	case boolean:
		fmt.Fprintln(&w.b, name, w.pick(name, []string{"", "on", "off", "yes", "false"}))
	case integer:
		fmt.Fprintln(&w.b, name, rapid.Int64Range(v.min, v.max).Draw(w.t, name))
	case timer:
		fmt.Fprintln(&w.b, name, micros(rapid.Int64Range(v.min, min(v.max, 4_000_000_000)).Draw(w.t, name)))
	case address:
		pool := []string{"192.0.2.77", "198.51.100.9"}
		switch name {
		case "vrrp_mcast_group4", "mcast_dst_ip":
			pool = []string{"224.0.0.99"}
		case "vrrp_mcast_group6":
			pool = []string{"ff02::99"}
		}
		fmt.Fprintln(&w.b, name, w.pick(name, pool))
	case word:
		pool := sampleWords[name]
		if pool == nil {
			pool = []string{"word", "eth7", `"two words"`, `"#x{}"`}
			if strings.Contains(name, "interface") || name == "bind_if" || name == "announce_on" || name == "vrf" {
				pool = []string{"eth7"}
			}
		}
		fmt.Fprintln(&w.b, name, w.pick(name, pool))
	default:
		if pool := sampleArgs[name]; pool != nil {
			fmt.Fprintln(&w.b, name, w.pick(name, pool))
		}
	}
}

// rowIn returns the row of a keyword of a block, or nil.
func rowIn(id blockID, name string) *keyword {
	if word := grammar.Blocks[id].Words[name]; word != nil {
		return &table[word.Index]
	}
	return nil
}

// body writes some statements of a block and the blocks inside.
func (w *writer) body(id blockID, depth int) {
	names := make([]string, 0, 64)
	for name := range grammar.Blocks[id].Words {
		names = append(names, name)
	}
	slices.Sort(names)
	for range rapid.IntRange(0, 8).Draw(w.t, "statements") {
		kw := rowIn(id, w.pick("keyword", names))
		switch {
		case kw.list != nil:
			w.list(kw)
		case kw.block == 0:
			w.statement(kw)
		case depth < 4 && kw.block != inSMTPHost:
			w.block(kw, depth+1)
		}
	}
}

func (w *writer) list(kw *keyword) {
	arg := ""
	if kw.name == "virtual_server_group" {
		arg = w.pick("name", []string{"g1", "g2"})
	}
	fmt.Fprintln(&w.b, kw.name, arg, "{")
	for range rapid.IntRange(1, 3).Draw(w.t, "items") {
		fmt.Fprintln(&w.b, w.pick(kw.list.name, sampleItems[kw.list.name]))
	}
	fmt.Fprintln(&w.b, "}")
}

func (w *writer) block(kw *keyword, depth int) {
	arg := ""
	switch kw.block {
	case inInstance, inSyncGroup, inTrackGroup:
		arg = w.pick("name", []string{"n1", "n2", `"n 4"`})
	case inScript:
		arg = "ts"
	case inTrackFile:
		arg = "tf"
	case inTrackProcess:
		arg = "tp"
	case inBFD:
		arg = "bfd0"
	case inVirtualServer:
		arg = w.pick("server", []string{"192.0.2.1 80", "192.0.2.2", "fwmark 5", "group g1", "2001:db8::1 443"})
	case inRealServer:
		arg = w.pick("server", []string{"10.0.0.1 80", "10.0.0.2 8080", "10.0.0.3", "2001:db8::5 80"})
	}
	if kw.name == "real_servers_from" {
		arg = w.pick("source", []string{"/run/members", `"/a b"`, "dns:web.example.org", "dns:web.example.org:8080", "dns:_http._tcp.example.org"})
	}
	fmt.Fprintln(&w.b, kw.name, arg, "{")
	w.body(kw.block, depth)
	if kw.block == inInstance {
		fmt.Fprintf(&w.b, "interface eth%d\nvirtual_router_id %d\n", w.b.Len(), w.b.Len()%255+1)
	}
	if kw.block == inHTTPURL || kw.block == inSSLURL {
		fmt.Fprintln(&w.b, "path /x")
	}
	fmt.Fprintln(&w.b, "}")
}

// TestPrintedConfigurationLoadsBack draws configurations from the whole keyword table.
func TestPrintedConfigurationLoadsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &writer{t: rt}
		w.b.WriteString("vrrp_script ts {\nscript /bin/t\n}\ntrack_file tf {\nfile /t\n}\nvrrp_track_process tp {\n" +
			"process p\n}\nbfd_instance bfd0 {\nneighbor_ip 192.0.2.1\n}\n")
		w.body(inRoot, 0)
		w.body(inRoot, 0)
		cfg, ds := load(t, w.b.String())
		if ds.HasFatal() {
			rt.Skip("the draw is not a configuration: ", ds.Error())
		}
		roundTrip(t, rt, cfg)
	})
}

// TestPrintedGlobalsLoadBack has what only a keyword of global_defs can say.
func TestPrintedGlobalsLoadBack(t *testing.T) {
	const vmac = "vrrp_instance %s {\ninterface eth0\nvirtual_router_id %d\nuse_vmac\n%s}\n"
	cfg, ds := load(t, fmt.Sprintf(vmac, "a", 1, "")+"global_defs {\nvrrp_check_unicast_src\n}\n"+fmt.Sprintf(vmac, "b", 2, "vmac_xmit_base\n"))
	if ds.HasFatal() {
		t.Fatal(ds)
	}
	if a := cfg.Instances[0]; !inheritsCheck(a) {
		t.Fatalf("%+v", a)
	}
	roundTrip(t, t, cfg)
}

// TestEveryCustomKeywordIsDrawn keeps the samples above complete.
func TestEveryCustomKeywordIsDrawn(t *testing.T) {
	for id := range grammar.Blocks {
		for name := range grammar.Blocks[id].Words {
			kw := rowIn(blockID(id), name)
			switch {
			case kw.list != nil:
				if sampleItems[kw.list.name] == nil {
					t.Errorf("no sample of the items of %s", name)
				}
			case kw.block == 0 && kw.value.kind == custom:
				if sampleArgs[name] == nil {
					t.Errorf("no sample of %s", name)
				}
			}
		}
	}
}

// TestCorpusLoadsBack prints and reloads real configurations when VIGIL_CORPUS names a directory of them.
func TestCorpusLoadsBack(t *testing.T) {
	dir := os.Getenv("VIGIL_CORPUS")
	if dir == "" {
		t.Skip("VIGIL_CORPUS does not name a directory of configurations")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatal("no configurations in", dir, err)
	}
	for _, f := range files {
		cfg, ds := Load(OSFS(), f, Env{Hostname: "h"})
		if ds.HasFatal() {
			continue
		}
		t.Run(filepath.Base(f), func(t *testing.T) { roundTrip(t, t, cfg) })
	}
}
