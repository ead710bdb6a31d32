package daemon

import "maps"

// actsOfRoutes adds the words of routes that the rows show beside a diagnostic, or behind others.
func actsOfRoutes(elsewhere map[string][2]string) {
	route := func(with, without string) [2]string {
		line := func(words string) string { return actsInstance + "virtual_routes {\n" + words + "\n}\n}\n" }
		return [2]string{line(with), line(without)}
	}
	// What the instance tracks by a group, which must be known before.
	static := func(with, without string) [2]string {
		group := "track_group T {\ngroup {\nV\n}\n}\n"
		return [2]string{actsInstance + "}\n" + group + with, actsInstance + "}\n" + group + without}
	}
	for _, dir := range []string{"iproute_etc_dir", "iproute_usr_dir"} { // see namesOf
		named := "static_routes {\n10.0.0.0/8 via 192.0.2.9 dev eth0 table mine\n}\n"
		elsewhere["global_defs: "+dir] = [2]string{"global_defs {\n" + dir + " /own\n}\n" + named, named}
	}
	const v4, v6 = "10.0.0.0/8 dev eth0 ", "2001:db8::/32 dev eth0 "
	maps.Copy(elsewhere, map[string][2]string{
		"@item:route/nexthop: via":     route("10.0.0.0/8 nexthop via 192.0.2.9", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: dev":     route("10.0.0.0/8 nexthop dev eth1", "10.0.0.0/8 nexthop dev eth2"),
		"@item:route/nexthop: weight":  route("10.0.0.0/8 nexthop dev eth1 weight 2", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: onlink":  route("10.0.0.0/8 nexthop dev eth1 onlink", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: encap":   route("10.0.0.0/8 nexthop dev eth1 encap mpls 7", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: realms":  route("10.0.0.0/8 nexthop dev eth1 realms 7", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: as":      route("10.0.0.0/8 nexthop dev eth1 nexthop dev eth2 as 192.0.2.7", "10.0.0.0/8 nexthop dev eth1 nexthop dev eth2"),
		"@item:route: nexthop":         route("10.0.0.0/8 nexthop dev eth1", v4),
		"@item:route: or":              route(v4+"via 192.0.2.9 or 192.0.2.8", v4+"via 192.0.2.9"),
		"@item:route: gw":              route(v4+"gw 192.0.2.9", v4),
		"@item:route: from":            route(v6+"from 2001:db8:1::/48", v6),
		"@item:route: expires":         route(v6+"expires 60", v6),
		"@item:route: pref":            route(v6+"pref high", v6),
		"@item:route: track_group":     static("static_routes {\n10.0.0.0/8 dev eth1 track_group T\n}\n", "static_routes {\n10.0.0.0/8 dev eth1\n}\n"),
		"@item:rule: track_group":      static("static_rules {\niif eth1 table 7 preference 5 track_group T\n}\n", "static_rules {\niif eth1 table 7 preference 5\n}\n"),
		"@item:ipaddress: track_group": static("static_ipaddress {\n10.0.0.1/8 dev eth1 track_group T\n}\n", "static_ipaddress {\n10.0.0.1/8 dev eth1\n}\n"),
		"@item:ipaddress: -nodad":      static("static_ipaddress {\n2001:db8::1/64 dev eth1 -nodad\n}\n", "static_ipaddress {\n2001:db8::1/64 dev eth1\n}\n"),
		"(root): track_group": {static("static_ipaddress {\n10.0.0.1/8 dev eth1 track_group T\n}\n", "")[0],
			actsInstance + "}\nstatic_ipaddress {\n10.0.0.1/8 dev eth1 track_group T\n}\n"},
		"track_group: group": {static("static_ipaddress {\n10.0.0.1/8 dev eth1 track_group T\n}\n", "")[0],
			actsInstance + "}\nstatic_ipaddress {\n10.0.0.1/8 dev eth1\n}\n"},
		"@item:route: prepend": route(v4+"append prepend", v4+"append"),
	})
}
