package confparse

import (
	"slices"
	"strings"
	"testing"
)

// itemRow is a word of the items of a list, with what must come of it. Its tries are whole items.
type itemRow struct {
	word  string
	tries []try
}

// itemScope is a list with one sound item, which a try takes the place of.
type itemScope struct {
	scope
	plain string
}

func listScope(path, list, plain, prefix string) itemScope {
	return itemScope{scope{path, safeScripts + trackers + oneInstance + list + " {\n", "}\n}\n", "Instances[0]." + prefix, ""}, plain}
}

// itemScopes returns a list for each grammar of items.
func itemScopes() []itemScope {
	const hops = "10.0.0.0/8 nexthop via 192.0.2.9 dev eth1 nexthop via 192.0.2.8 dev eth1"
	const route = "10.0.0.0/8 via 192.0.2.9 dev eth1"
	return []itemScope{
		listScope("@item:ipaddress", "virtual_ipaddress", "192.0.2.5", "VirtualAddresses[1]."),
		listScope("@item:route", "virtual_routes", route, "Routes[0]."),
		listScope("@item:route/nexthop", "virtual_routes", hops, "Routes[0]."),
		listScope("@item:route/encap_ip", "virtual_routes", route, "Routes[0].Hop."),
		listScope("@item:route/encap_ip6", "virtual_routes", route, "Routes[0].Hop."),
		listScope("@item:route/encap_mpls", "virtual_routes", route, "Routes[0].Hop."),
		listScope("@item:route/encap_ila", "virtual_routes", route, "Routes[0].Hop."),
		listScope("@item:rule", "virtual_rules", "from 10.0.0.0/8 table 100 preference 5", "Rules[0]."),
		listScope("@item:track_interface", "track_interface", "eth1", "TrackInterfaces[0]."),
		listScope("@item:track_script", "track_script", "chk", "Tracking.Scripts[0]."),
		listScope("@item:track_file", "track_file", "load", "Tracking.Files[0]."),
		listScope("@item:track_process", "track_process", "web", "Tracking.Processes[0]."),
		listScope("@item:track_bfd", "track_bfd", "peer", "Tracking.BFD[0]."),
		listScope("@item:unicast_peer", "unicast_peer", "192.0.2.77", ""),
		{scope{"@item:vsg_entry", "virtual_server_group G {\n198.51.100.1 80\n", "}\n", "Groups[0].Entries[1].", ""}, ""},
		{scope{"@item:linkbeat_interface", "linkbeat_interfaces {\n", "}\n", "Linkbeat[0].", ""}, ""},
		{scope{"@item:interface_delay", "interface_up_down_delays {\n", "}\n", "InterfaceDelays[0].", ""}, ""},
		{scope{"@item:name", "global_defs {\nnotification_email {\n", "}\n}\n", "Global.Mail.", ""}, "a@example.net"},
		{scope{"@item:script", safeScripts + oneInstance, "}\n", "Instances[0].Notify.", ""}, "notify /bin/true"},
		{scope{"@item:lvs_method", "virtual_server 192.0.2.1 80 {\nlb_algo rr\nprotocol TCP\nreal_server 10.0.0.1 80 {\n}\n", "}\n",
			"VirtualServers[0].", ""}, "lb_kind NAT"},
		// Items that only the static lists know.
		{scope{"static_ipaddress", twoVIs + "track_group T {\ngroup { VI_1 VI_2 }\n}\nstatic_ipaddress {\n", "}\n",
			"StaticAddresses[0].", ""}, "192.0.2.5 dev eth1"},
		{scope{"static_routes", twoVIs + "track_group T {\ngroup { VI_1 VI_2 }\n}\nstatic_routes {\n", "}\n",
			"StaticRoutes[0].", ""}, "10.0.0.0/8 dev eth1"},
		{scope{"static_rules", twoVIs + "track_group T {\ngroup { VI_1 VI_2 }\n}\nstatic_rules {\n", "}\n",
			"StaticRules[0].", ""}, "from 10.0.0.0/8 iif eth1 table 100 preference 5"},
		{scope{"IPv6 route", sound6 + "virtual_routes {\n", "}\n}\n", "Instances[0].Routes[0].", ""}, "2001:db8:1::/48 via fe80::9 dev eth1"},
		{scope{"IPv6 address", sound6 + "virtual_ipaddress {\n", "}\n}\n", "Instances[0].VirtualAddresses[1].", ""}, "2001:db8::5"},
	}
}

const sound6 = "vrrp_instance VI_6 {\n interface eth0\n virtual_router_id 61\n virtual_ipaddress { 2001:db8::1 }\n"

// itemOutcome says what an item changes against the plain one of its list, and its codes.
func itemOutcome(s itemScope, item string) (want, codes string) {
	env := Env{Hostname: "lb1.example.net"}
	base, _ := Load(memory(s.with(s.plain)), "test.conf", env)
	cfg, ds := Load(memory(s.with(item)), "test.conf", env)
	return changes(base, cfg, s.prefix), codeList(ds)
}

func checkItems(t *testing.T, path string, rows []itemRow) {
	t.Helper()
	at := slices.IndexFunc(itemScopes(), func(s itemScope) bool { return s.path == path })
	if at < 0 {
		t.Fatalf("there is no list for %s", path)
	}
	s := itemScopes()[at]
	if _, codes := itemOutcome(s, s.plain); strings.ReplaceAll(codes, "KA3070", "") != "" {
		t.Errorf("%s: the plain item has %s", path, codes)
	}
	for _, r := range rows {
		for _, x := range r.tries {
			want, codes := itemOutcome(s, x.args)
			if want != x.want || codes != x.codes {
				t.Errorf("%s, %s: %s\n got %q, %q\nwant %q, %q", path, r.word, x.args, want, codes, x.want, x.codes)
			}
		}
	}
}

// itemRows lists the rows of each grammar of items.
func itemRows() map[string][]itemRow {
	return map[string][]itemRow{
		"@item:ipaddress": addressItems, "IPv6 address": address6Items, "static_ipaddress": staticAddressItems,
		"@item:unicast_peer": peerItems, "@item:route": routeItems, "IPv6 route": route6Items, "static_routes": staticRouteItems,
		"@item:route/nexthop": hopItems, "@item:route/encap_ip": encapIPItems, "@item:route/encap_ip6": encapIP6Items,
		"@item:route/encap_mpls": encapMPLSItems, "@item:route/encap_ila": encapILAItems, "@item:rule": ruleItems,
		"static_rules": staticRuleItems, "@item:track_interface": trackInterfaceItems, "@item:track_script": trackScriptItems,
		"@item:track_file": trackFileItems, "@item:track_process": trackProcessItems, "@item:track_bfd": trackBFDItems,
		"@item:linkbeat_interface": linkbeatItems, "@item:interface_delay": delayItems, "@item:vsg_entry": groupEntryItems,
		"@item:lvs_method": methodItems, "@item:name": nameItems, "@item:script": scriptItems,
	}
}

// TestEveryItem makes the tries of every word of every list.
func TestEveryItem(t *testing.T) {
	for path, rows := range itemRows() {
		t.Run(strings.ReplaceAll(path, "/", "."), func(t *testing.T) { checkItems(t, path, rows) })
	}
}

// TestEveryItemWordHasARow: the table of item words and the rows of these tests name the same words.
func TestEveryItemWordHasARow(t *testing.T) {
	rows := itemRows()
	for _, c := range Keywords() {
		if !c.ItemName || c.Path == "(lexical)" {
			continue
		}
		if !slices.ContainsFunc(rows[c.Path], func(r itemRow) bool { return r.word == c.Keyword && len(r.tries) > 0 }) {
			t.Errorf("%s of %s has no case", c.Keyword, c.Path)
		}
	}
}
