package vrrp

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"vigil/confparse"
	"vigil/internal/routing"
	"vigil/internal/testlan"
	"vigil/vrrp/election"
	"vigil/vrrp/lan/lantest"
)

// settle reads a configuration as the daemon does.
func settle(t *testing.T, text string) election.Spec {
	t.Helper()
	cfg, _ := confparse.Load(fstest.MapFS{"k.conf": {Data: []byte(text), Mode: 0o600}}, "k.conf", confparse.Env{Hostname: "lb1"})
	return FromConfig(cfg)
}

// router is a machine with a second interface, eth1, that has addresses of both families.
func router(t *testing.T) *lantest.Node {
	t.Helper()
	_, nodes := lantest.Laboratory(t, 1)
	a := nodes[0]
	ip(t, a, "link", "add", "eth1", "type", "veth", "peer", "name", "peer1")
	for _, s := range []string{"eth0", "eth1", "peer1"} {
		if err := a.Sysctl("net/ipv6/conf/"+s+"/accept_dad", "0"); err != nil {
			t.Fatal(err)
		}
		ip(t, a, "link", "set", s, "up")
	}
	ip(t, a, "addr", "add", "192.0.2.1/24", "dev", "eth1")
	ip(t, a, "addr", "add", "2001:db8:1::1/64", "dev", "eth1", "nodad")
	return a
}

// runConfigured runs a Runner with a configuration.
func runConfigured(t *testing.T, n *lantest.Node, text string) *Runner {
	t.Helper()
	r, _ := run(t, n, Options{})
	if err := r.Apply(t.Context(), settle(t, text)); err != nil {
		t.Fatal(err)
	}
	return r
}

// runKeepalived runs the reference implementation with a configuration, or skips.
func runKeepalived(t *testing.T, n *lantest.Node, text string) *testlan.Process {
	t.Helper()
	if _, err := os.Stat(keepalivedBinary); err != nil {
		testlan.RequirePeer(t, err)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := n.Start("keepalived", nil, keepalivedBinary, "-n", "-l", "-D", "-P", "-f", conf,
		"-p", filepath.Join(dir, "pid"), "-r", filepath.Join(dir, "vrrp.pid"), "-c", filepath.Join(dir, "checkers.pid"),
		"-b", filepath.Join(dir, "bfd.pid")) // releases from 2.3 on look at all of them, of processes that they do not start too
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// routing lists what iproute2 says of a kind of object: a text for each, sorted, without what differs between machines.
func listed(t *testing.T, n *lantest.Node, args ...string) []string {
	t.Helper()
	out, err := n.Output(t.Context(), append([]string{"ip", "-j", "-d"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	if err := json.Unmarshal([]byte(out), &objects); err != nil {
		t.Fatalf("%v: %v: %s", args, err, out)
	}
	var list []string
	for _, o := range objects {
		if o["protocol"] == "kernel" || o["table"] == "local" {
			continue
		}
		delete(o, "expires") // counts down
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	slices.Sort(list)
	return list
}

// tablesOf is all of a machine's routes and rules but the kernel's own.
func tablesOf(t *testing.T, n *lantest.Node) []string {
	t.Helper()
	return slices.Concat(listed(t, n, "route", "show", "table", "all"), listed(t, n, "-6", "route", "show", "table", "all"),
		listed(t, n, "rule"), listed(t, n, "-6", "rule"))
}

// instanceWith is an instance that is MASTER soon, with more blocks.
func instanceWith(blocks string) string {
	return "vrrp_instance V {\n\tinterface eth0\n\tvirtual_router_id 51\n\tversion 3\n\tadvert_int 0.1\n\tpriority 200\n" +
		"\tgarp_master_delay 0\n\tvirtual_ipaddress {\n\t\t10.77.0.100/24\n\t}\n" + blocks + "}\n"
}

// routeForms are lines of virtual_routes, with every option that this kernel and the reference have.
var routeForms = []string{
	"10.1.0.0/24 via 192.0.2.9 dev eth1", "10.1.1.0/24 dev eth1", "10.1.2.1 dev eth1", "10.1.3.0/24 via 192.0.2.9",
	"10.1.4.0/24 gw 192.0.2.9 dev eth1", "to 10.1.5.0/24 via inet 192.0.2.9 oif eth1", "default via 192.0.2.9 dev eth1 table 9",
	"blackhole 10.2.0.0/24", "unreachable 10.2.1.0/24", "prohibit 10.2.2.0/24", "throw 10.2.3.0/24", "unicast 10.2.4.0/24 dev eth1",
	"local 10.2.5.0/24 dev eth1", "broadcast 10.2.6.0/24 dev eth1", "multicast 239.1.0.0/24 dev eth1",
	"local 10.2.7.0/24 dev eth1 scope host", "broadcast 10.2.8.0/24 dev eth1 scope link",
	"10.3.0.0/24 dev eth1 src 10.77.0.100", "10.3.1.0/24 dev eth1 tos 16", "10.3.2.0/24 dev eth1 dsfield 0x10",
	"10.3.3.0/24 dev eth1 table 100", "10.3.4.0/24 dev eth1 table 70000", "10.3.5.0/24 dev eth1 protocol 5 no_track",
	"10.3.6.0/24 dev eth1 protocol static no_track", "10.3.7.0/24 dev eth1 scope link", "10.3.8.0/24 dev eth1 scope host",
	"10.3.9.0/24 dev eth1 metric 7", "10.3.10.0/24 dev eth1 priority 7", "10.3.11.0/24 dev eth1 preference 7",
	"10.3.12.0/24 via 198.51.100.7 dev eth1 onlink", "10.3.13.0/24 dev eth1 realms 3", "10.3.14.0/24 dev eth1 realms 4/5",
	"10.4.0.0/24 dev eth1 mtu 1400", "10.4.1.0/24 dev eth1 mtu lock 1400", "10.4.2.0/24 dev eth1 hoplimit 33",
	"10.4.3.0/24 dev eth1 advmss 1300", "10.4.4.0/24 dev eth1 advmss lock 1300", "10.4.5.0/24 dev eth1 rtt 300ms",
	"10.4.6.0/24 dev eth1 rtt 4s", "10.4.7.0/24 dev eth1 rtt lock 3200", "10.4.8.0/24 dev eth1 rttvar 300ms",
	"10.4.9.0/24 dev eth1 rttvar 3200", "10.4.10.0/24 dev eth1 reordering 5", "10.4.11.0/24 dev eth1 reordering lock 5",
	"10.4.12.0/24 dev eth1 window 9000", "10.4.13.0/24 dev eth1 cwnd lock 9", "10.4.14.0/24 dev eth1 ssthresh 8",
	"10.4.15.0/24 dev eth1 rto_min 300ms", "10.4.16.0/24 dev eth1 rto_min 250", "10.4.17.0/24 dev eth1 initcwnd 11",
	"10.4.18.0/24 dev eth1 initrwnd 12", "10.4.19.0/24 dev eth1 quickack 1", "10.4.20.0/24 dev eth1 fastopen_no_cookie 1",
	"10.4.21.0/24 dev eth1 features ecn", "10.4.22.0/24 dev eth1 congctl reno", "10.4.23.0/24 dev eth1 congctl lock cubic",
	"10.4.24.0/24 dev eth1 mtu 1400 advmss 1300 initcwnd 10 initrwnd 10", "10.4.25.0/24 dev eth1 ttl-propagate enabled",
	"10.5.0.0/24 nexthop via 192.0.2.8 dev eth1 nexthop via 192.0.2.9 dev eth1 weight 3",
	"10.5.1.0/24 nexthop via 198.51.100.8 dev eth1 onlink weight 256 nexthop via 192.0.2.9 dev eth1",
	"10.5.2.0/24 nexthop via 192.0.2.8 dev eth1 realms 7 nexthop dev eth0", "10.5.3.0/24 metric 5 nexthop dev eth1 nexthop dev eth0",
	"10.6.0.0/24 dev eth1 metric 1 add", "10.6.0.0/24 dev eth0 metric 1 append", "10.6.1.0/24 dev eth1 metric 1",
	"10.6.1.0/24 dev eth0 metric 1 prepend", "10.7.0.0/24 via inet6 fe80::9 dev eth1",
	"10.8.0.0/24 via 203.0.113.9 dev eth1", // a gateway that cannot be reached: the rest goes on
	"2001:db8:2::/64 via 2001:db8:1::9 dev eth1", "2001:db8:3::/64 dev eth1", "2001:db8:4::1 dev eth1", "default6 dev eth1 table 9",
	"2001:db8:5::/64 dev eth1 from 2001:db8:1::/64", "2001:db8:6::/64 dev eth1 expires 1000 no_track",
	"2001:db8:7::/64 dev eth1 pref high", "2001:db8:8::/64 dev eth1 pref low", "2001:db8:9::/64 dev eth1 pref medium",
	"unreachable 2001:db8:a::/64", "blackhole 2001:db8:b::/64", "2001:db8:c::/64 dev eth1 metric 7 mtu 1300 hoplimit 9",
	"2001:db8:d::/64 dev eth1 src 2001:db8:1::1", "2001:db8:e::/64 nexthop via 2001:db8:1::8 dev eth1 nexthop via 2001:db8:1::9 dev eth1 weight 2",
	"2001:db8:f::/64 via fe80::9 dev eth1 table 70000", "prohibit 2001:db8:10::/64 table 9",
}

var ruleForms = []string{
	"from 10.1.0.0/24 table 100", "from 10.1.1.0/24 to 10.2.0.0/16 lookup 100 preference 50", "to 10.1.2.0/24 table 70000 priority 51",
	"not from 10.1.3.0/24 table 100 order 52", "tos 16 table 100 preference 53", "dsfield 0x10 table 100 preference 0x36",
	"fwmark 5 table 100 preference 55", "fwmark 0x10/0xf0 table 100 preference 56", "iif eth1 table 100 preference 57",
	"dev eth1 table 100 preference 58", "oif eth1 table 100 preference 59", "realms 3/4 table 100 preference 60",
	"from 10.1.4.0/24 table main suppress_prefixlength 8 preference 61", "table main suppress_ifgroup 7 preference 62",
	"from 10.1.5.0/24 table main sup_pl 0 sup_group default preference 63", "tunnel-id 77 table 100 preference 64",
	"uidrange 10-20 table 100 preference 65", "l3mdev preference 66", "from 10.1.6.0/24 table 100 protocol 5 no_track preference 67",
	"ipproto tcp table 100 preference 68", "ipproto udp sport 53-54 table 100 preference 69", "ipproto tcp dport 80-443 table 100 preference 70",
	"from 10.1.7.0/24 goto 32766 preference 71", "from 10.1.8.0/24 nop preference 72", "from 10.1.9.0/24 blackhole preference 73",
	"from 10.1.10.0/24 type prohibit preference 74", "from 10.1.11.0/24 unreachable preference 75", "from all table 100 preference 76",
	"from 2001:db8:2::/64 table 100", "to 2001:db8:3::/64 lookup 100 preference 80", "from 2001:db8:4::/64 iif eth1 blackhole preference 81",
	"from 2001:db8:5::/64 fwmark 9 goto 32766 preference 82", "from 2001:db8:6::/64 ipproto ipv6-icmp table 9 preference 83",
}

// TestRoutesAndRulesAsKeepalived: for each line of virtual_routes and virtual_rules the kernel has what it has with
// keepalived, and nothing is left of it afterwards.
func TestRoutesAndRulesAsKeepalived(t *testing.T) {
	t.Parallel()
	testlan.RequireNetns(t)
	conf := instanceWith("\tvirtual_routes {\n\t\t" + strings.Join(routeForms, "\n\t\t") + "\n\t}\n\tvirtual_rules {\n\t\t" +
		strings.Join(ruleForms, "\n\t\t") + "\n\t}\n")
	a, b := router(t), router(t)
	before := tablesOf(t, a)
	r := runConfigured(t, a, conf)
	p := runKeepalived(t, b, conf)
	untilState(t, r, election.Master)
	lantest.Until(t, "the same tables", func() error {
		select {
		case <-p.Done():
			return fmt.Errorf("keepalived has ended: %v", p.Err())
		default:
		}
		ours := tablesOf(t, a) // which may be equal before either has all
		if n, lines := len(ours)-len(before), len(routeForms)+len(ruleForms); n < lines-10 {
			return fmt.Errorf("%d entries for %d lines", n, lines)
		}
		return differ(ours, tablesOf(t, b))
	})
	lantest.Until(t, "a status that says what is missing", func() error {
		status := r.Status().Instances[0]
		var refused, missing []string
		for _, f := range status.Failures {
			refused = append(refused, f.Resource)
		}
		absentRoutes, err1 := a.Kernel.MissingRoutes(routesOf(status.Spec))
		absentRules, err2 := a.Kernel.MissingRules(rulesOf(status.Spec))
		if err1 != nil || err2 != nil {
			return errors.Join(err1, err2)
		}
		for _, route := range absentRoutes {
			missing = append(missing, route.String())
		}
		for _, rule := range absentRules {
			missing = append(missing, rule.String())
		}
		slices.Sort(refused)
		slices.Sort(missing)
		if !slices.Equal(missing, refused) {
			return fmt.Errorf("missing are %q, refused were %q", missing, refused)
		}
		return nil
	})
	if err := r.Apply(t.Context(), election.Spec{}); err != nil {
		t.Fatal(err)
	}
	lantest.Until(t, "nothing left", func() error { return differ(tablesOf(t, a), before) })
}

func routesOf(s election.InstanceSpec) (list []routing.Route) {
	for _, r := range s.Routes {
		list = append(list, r.Route)
	}
	return list
}

func routesOfStatics(list []election.Static) (routes []routing.Route) {
	for _, s := range list {
		if r, ok := s.Resource.(election.Route); ok {
			routes = append(routes, r.Route)
		}
	}
	return routes
}

func rulesOf(s election.InstanceSpec) (list []routing.Rule) {
	for _, r := range s.Rules {
		list = append(list, r.Rule)
	}
	return list
}

// TestWhatOthersRemoveIsPutBack: addresses, routes and rules, each by itself, however they went.
func TestWhatOthersRemoveIsPutBack(t *testing.T) {
	t.Parallel()
	testlan.RequireNetns(t)
	a := router(t)
	r := runConfigured(t, a, instanceWith(`
	virtual_ipaddress_excluded {
		2001:db8:7::1/64
	}
	virtual_routes {
		10.1.0.0/24 via 192.0.2.9 dev eth1
		10.1.1.0/24 dev eth1 src 10.77.0.100
		10.1.2.0/24 dev eth1 table 100 metric 7
		2001:db8:2::/64 via 2001:db8:1::9 dev eth1
		2001:db8:4::/64 dev eth1 no_track
	}
	virtual_rules {
		from 10.1.0.0/24 table 100 preference 50
		from 2001:db8:2::/64 table 100 preference 51
	}
`))
	untilState(t, r, election.Master)
	state := func() []string {
		have := tablesOf(t, a)
		for _, p := range virtual(t, a) {
			have = append(have, p.String())
		}
		return have
	}
	lantest.Until(t, "everything", func() error {
		routes, rules, status := 0, 0, r.Status().Instances[0]
		absent, _ := a.Kernel.MissingRoutes(routesOf(status.Spec))
		absentRules, _ := a.Kernel.MissingRules(rulesOf(status.Spec))
		if routes, rules = len(absent), len(absentRules); routes+rules > 0 || len(virtual(t, a)) != 2 {
			return fmt.Errorf("%d routes and %d rules missing", routes, rules)
		}
		return nil
	})
	want := state()
	lost := uint64(0)
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"an address", []string{"addr", "del", "10.77.0.100/24", "dev", "eth0"}}, // and with it the route of which it is the source
		{"an IPv6 address", []string{"addr", "del", "2001:db8:7::1/64", "dev", "eth0"}},
		{"a route", []string{"route", "del", "10.1.0.0/24"}},
		{"a route of another table", []string{"route", "del", "10.1.2.0/24", "table", "100"}},
		{"a route replaced", []string{"route", "replace", "10.1.0.0/24", "via", "192.0.2.8", "dev", "eth1"}},
		{"an IPv6 route", []string{"-6", "route", "del", "2001:db8:2::/64"}},
		{"a rule", []string{"rule", "del", "preference", "50"}},
		{"an IPv6 rule", []string{"-6", "rule", "del", "preference", "51"}},
	} {
		ip(t, a, tt.args...)
		lantest.Until(t, tt.name+" put back", func() error {
			if c := r.Status().Instances[0].Counters; c.ResourcesRepaired <= lost {
				return fmt.Errorf("%d lost, %d repaired", c.ResourcesLost, c.ResourcesRepaired)
			}
			got := state()
			if tt.name == "a route replaced" { // the other one stays, behind ours
				got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, `"192.0.2.8"`) })
			}
			return differ(got, want)
		})
		if tt.name == "a route replaced" {
			ip(t, a, "route", "del", "10.1.0.0/24", "via", "192.0.2.8")
		}
		lost = r.Status().Instances[0].Counters.ResourcesRepaired
	}
	ip(t, a, "-6", "route", "del", "2001:db8:4::/64") // no_track: nobody cares
	ip(t, a, "route", "del", "10.1.0.0/24")
	lantest.Until(t, "another repair", func() error {
		if c := r.Status().Instances[0].Counters; c.ResourcesRepaired <= lost {
			return fmt.Errorf("%d repaired", c.ResourcesRepaired)
		}
		return nil
	})
	if slices.ContainsFunc(state(), func(s string) bool { return strings.Contains(s, "2001:db8:4::") }) {
		t.Error("what is not tracked was put back")
	}
	if c := r.Status().Instances[0].Counters; c.BecameMaster != 1 || c.PriorityZeroSent != 0 {
		t.Errorf("counters %+v: the state has changed", c)
	}
}

// differ says what is in one list only.
func differ(ours, theirs []string) error {
	var b strings.Builder
	for _, s := range ours {
		if !slices.Contains(theirs, s) {
			fmt.Fprintf(&b, "\nours only:   %s", s)
		}
	}
	for _, s := range theirs {
		if !slices.Contains(ours, s) {
			fmt.Fprintf(&b, "\ntheirs only: %s", s)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return fmt.Errorf("%s", b.String())
}
