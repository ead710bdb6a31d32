package daemon

import "maps"

// actsOfRoutes adds the words of routes that the rows show beside a diagnostic, or behind others.
func actsOfRoutes(elsewhere map[string][2]string) {
	route := func(with, without string) [2]string {
		line := func(words string) string { return actsInstance + "virtual_routes {\n" + words + "\n}\n}\n" }
		return [2]string{line(with), line(without)}
	}
	const v4, v6 = "10.0.0.0/8 dev eth0 ", "2001:db8::/32 dev eth0 "
	maps.Copy(elsewhere, map[string][2]string{
		"@item:route/nexthop: via":    route("10.0.0.0/8 nexthop via 192.0.2.9", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: dev":    route("10.0.0.0/8 nexthop dev eth1", "10.0.0.0/8 nexthop dev eth2"),
		"@item:route/nexthop: weight": route("10.0.0.0/8 nexthop dev eth1 weight 2", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: onlink": route("10.0.0.0/8 nexthop dev eth1 onlink", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: encap":  route("10.0.0.0/8 nexthop dev eth1 encap mpls 7", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: realms": route("10.0.0.0/8 nexthop dev eth1 realms 7", "10.0.0.0/8 nexthop dev eth1"),
		"@item:route/nexthop: as":     route("10.0.0.0/8 nexthop dev eth1 nexthop dev eth2 as 192.0.2.7", "10.0.0.0/8 nexthop dev eth1 nexthop dev eth2"),
		"@item:route: nexthop":        route("10.0.0.0/8 nexthop dev eth1", v4),
		"@item:route: or":             route(v4+"via 192.0.2.9 or 192.0.2.8", v4+"via 192.0.2.9"),
		"@item:route: gw":             route(v4+"gw 192.0.2.9", v4),
		"@item:route: from":           route(v6+"from 2001:db8:1::/48", v6),
		"@item:route: expires":        route(v6+"expires 60", v6),
		"@item:route: pref":           route(v6+"pref high", v6),
		"@item:route: prepend":        route(v4+"append prepend", v4+"append"),
	})
}
