package confparse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// instance returns a vrrp_instance on an interface, with further statements and addresses.
func instance(name, link string, vrid int, more string, addresses ...string) string {
	if len(addresses) == 0 {
		addresses = []string{"192.0.2.1"}
	}
	return fmt.Sprintf("vrrp_instance %s {\nstate BACKUP\ninterface %s\nvirtual_router_id %d\npriority 100\n%s\n"+
		"virtual_ipaddress {\n%s\n}\n}\n", name, link, vrid, more, strings.Join(addresses, "\n"))
}

// addresses returns n of them, made from a format that takes two numbers up to 249.
func addresses(format string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(format, i/250, i%250))
	}
	return all
}

func peers(addrs ...string) string {
	return "unicast_peer {\n" + strings.Join(addrs, "\n") + "\n}"
}

const definitions = `global_defs {
enable_script_security
script_user root
}
vrrp_script s {
script /bin/true
weight 10
}
vrrp_script t {
script /bin/true
}
track_file f {
file /etc/hostname
weight 3
}
bfd_instance b {
neighbor_ip 10.0.0.9
weight 3
}
`

const watching = "track_script {\ns\nt\n}\ntrack_interface {\neth2 weight 3\neth3\n}\ntrack_file {\nf\n}\ntrack_bfd {\nb\n}\n"

func group(more string, members ...string) string {
	return "vrrp_sync_group G {\n" + more + "group {\n" + strings.Join(members, "\n") + "\n}\n}\n"
}

func weighted(where string, weight int) string {
	if where == "definition" {
		return definitions + fmt.Sprintf("vrrp_script w {\nscript /bin/true\nweight %d\n}\n", weight) +
			instance("A", "eth0", 1, "track_script {\nw\n}")
	}
	return definitions + instance("A", "eth0", 1, fmt.Sprintf("track_script {\nt weight %d\n}", weight))
}

// crossCheck is a rule about statements that do not fit together, with keepalived's exit status and, word for word unless ours
// is its own, its message.
type crossCheck struct {
	name string
	text string
	exit int
	want []string
	own  bool // keepalived says it in other words
}

// everyCrossCheck is all of them.
var everyCrossCheck = slices.Concat(crossChecks, strictChecks)

var crossChecks = []crossCheck{
	{name: "one VRID on two links", text: instance("A", "eth0", 1, "") + instance("B", "eth1", 1, "")},
	{name: "one VRID in two families", text: instance("A", "eth0", 1, "") + instance("B", "eth0", 1, "", "2001:db8::1")},
	{name: "one VRID in two multicast groups",
		text: instance("A", "eth0", 1, "mcast_dst_ip 224.0.0.19") + instance("B", "eth0", 1, "")},
	{name: "one VRID twice", text: instance("A", "eth0", 1, "") + instance("B", "eth0", 1, ""), exit: 5,
		want: []string{"A and B both use VRID 1 with IPv4 on interface eth0"}},
	{name: "one VRID twice, with virtual MACs", text: instance("A", "eth0", 1, "use_vmac") + instance("B", "eth0", 1, "use_vmac x"),
		exit: 5, want: []string{"A and B both use VRID 1 with IPv4 on interface eth0"}},
	{name: "one VRID, unicast and multicast",
		text: instance("A", "eth0", 1, peers("10.0.0.2")) + instance("B", "eth0", 1, "")},
	{name: "one VRID, other peers",
		text: instance("A", "eth0", 1, peers("10.0.0.2")) + instance("B", "eth0", 1, peers("10.0.0.3"))},
	{name: "one VRID, a peer in common", exit: 5, want: []string{"(A) duplicate VRID conflict with B VRID 1"},
		text: instance("A", "eth0", 1, peers("10.0.0.2")) + instance("B", "eth0", 1, peers("10.0.0.3", "10.0.0.2"))},
	{name: "a peer twice", text: instance("A", "eth0", 1, peers("10.0.0.2", "10.0.0.2"))},

	{name: "255 IPv4 addresses", text: instance("A", "eth0", 1, "", addresses("10.1.%d.%d", 255)...)},
	{name: "256 IPv4 addresses", text: instance("A", "eth0", 1, "", addresses("10.1.%d.%d", 256)...), exit: 5,
		want: []string{"(A) Number of VIPs (256) exceeds maximum/space available in packet (max 255 addresses) - excess moved to eVIPs"}},
	{name: "89 IPv6 addresses", text: instance("A", "eth0", 1, "", addresses("2001:db8::%d:%d", 89)...)},
	{name: "90 IPv6 addresses", text: instance("A", "eth0", 1, "", addresses("2001:db8::%d:%d", 90)...), exit: 5,
		want: []string{"(A) Number of VIPs (90) exceeds maximum/space available in packet (max 89 addresses) - excess moved to eVIPs"}},

	{name: "a virtual interface twice", text: instance("A", "eth0", 1, "use_vmac vm") + instance("B", "eth1", 2, "use_vmac vm"),
		exit: 5, want: []string{"(B) VRRP instance A is already using vm - ignoring name"}},
	{name: "two virtual interfaces", text: instance("A", "eth0", 1, "use_vmac vm") + instance("B", "eth1", 2, "use_vmac")},

	{name: "a script's weight at its limit", text: weighted("definition", -253), exit: 0},
	{name: "a script's weight above its limit", text: weighted("definition", 254), exit: 5,
		want: []string{"number '254' outside range [-253, 253]"}},
	{name: "a script's weight below its limit", text: weighted("definition", -254), exit: 5,
		want: []string{"number '-254' outside range [-253, 253]"}},
	{name: "a tracked weight at its limit", text: weighted("use", 253)},
	{name: "a tracked weight above what is used", text: weighted("use", 254), exit: 5, own: true,
		want: []string{"weight 254 is reduced to 253"}},
	{name: "a tracked weight above its limit", text: weighted("use", 255), exit: 5,
		want: []string{"number '255' outside range [-254, 254]"}},

	{name: "weights in a group", exit: 5, want: []string{
		"(A) ignoring tracked script s with weights due to SYNC group",
		"(A) ignoring eth2 tracked interface weight due to SYNC group",
		"(A) ignoring tracked file f with weight 3 due to SYNC group",
		"(A) ignoring tracked bfd b with weight 3 due to SYNC group",
	}, text: definitions + group("", "A", "B") + instance("A", "eth0", 1, watching) + instance("B", "eth1", 2, "")},
	{name: "weights in a group that allows them",
		text: definitions + group("sync_group_tracking_weight\n", "A", "B") + instance("A", "eth0", 1, watching) + instance("B", "eth1", 2, "")},
	{name: "an interface tracked twice", exit: 5,
		want: []string{"(A) track_interface eth3 is configured on VRRP instance and sync group. Remove vrrp instance or sync group config"},
		text: group("track_interface {\neth3\n}\n", "A", "B") + instance("A", "eth0", 1, "track_interface {\neth3\n}") + instance("B", "eth1", 2, "")},

	{name: "an unknown script", exit: 5, want: []string{"(A) track script nobody not found, ignoring..."},
		text: definitions + instance("A", "eth0", 1, "track_script {\nnobody\n}")},
	{name: "an unknown BFD session", exit: 5, own: true, want: []string{"BFD_CHECK - BFD nobody not configured"},
		text: "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.0.1 80 {\nBFD_CHECK {\nname nobody\n}\n}\n}\n"},
	{name: "an unknown member", exit: 5, want: []string{"Virtual router C specified in sync group G doesn't exist - ignoring"},
		text: group("", "A", "B", "C") + instance("A", "eth0", 1, "") + instance("B", "eth1", 2, "")},
	{name: "nothing but unknown members", exit: 5, want: []string{
		"Virtual router C specified in sync group G doesn't exist - ignoring",
		"Sync group G, no matching virtual router found in group declaration - removing"}, text: group("", "C") + instance("A", "eth0", 1, "")},
	{name: "a group of nobody", exit: 5, want: []string{"Sync group G has no virtual router(s). removing"},
		text: "vrrp_sync_group G {\n}\n" + instance("A", "eth0", 1, "")},
	{name: "a group of one", exit: 5, want: []string{"Sync group G has only 1 virtual router(s) - this probably isn't what you want"},
		text: group("", "A") + instance("A", "eth0", 1, "")},
	{name: "an unknown virtual server group", exit: 0, own: true,
		want: []string{"Virtual server group N for virtual server [N]:0 doesn't exist - ignoring virtual server"},
		text: "virtual_server group N {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.0.1 80 {\n}\n}\n"},
	{name: "an empty virtual server group", exit: 5, want: []string{"virtual server group N has no entries - removing"},
		text: "virtual_server_group N {\n}\nvirtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.0.1 80 {\n}\n}\n"},
}

// checked loads text for a machine with the interfaces eth0 to eth3.
func checked(text string) Diagnostics {
	fsys := fstest.MapFS{"test.conf": {Data: []byte(text), Mode: 0o644}}
	links := System{Interface: func(name string) bool { return strings.Contains("eth0 eth1 eth2 eth3", name) }}
	_, ds := Load(fsys, "test.conf", Env{Hostname: "lb1", ConfigTest: true, System: links})
	return ds
}

func TestCrossChecks(t *testing.T) {
	for _, tt := range everyCrossCheck {
		t.Run(tt.name, func(t *testing.T) {
			ds := checked(tt.text)
			var got []string
			for _, d := range ds {
				if d.Code.Printed() || d.Severity >= Error {
					got = append(got, d.Summary)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("messages (-want +got)\n%s", diff)
			}
			if ds.ExitCode() != tt.exit {
				t.Errorf("exit code %d, want %d", ds.ExitCode(), tt.exit)
			}
		})
	}
}
