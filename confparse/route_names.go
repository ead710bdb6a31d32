package confparse

import (
	"cmp"
	"path/filepath"
)

// protocolKeepalived is RTPROT_KEEPALIVED, the mark of our own routes and rules.
const protocolKeepalived = 18

// nameTable is a table of iproute2: the name of its file, and what is in it on every system.
type nameTable struct {
	file  string
	every map[string]uint32
}

// The directories of iproute2's tables: the distribution's, and the administrator's, whose names win.
const (
	iprouteVendor = "/usr/share/iproute2"
	iprouteLocal  = "/etc/iproute2"
)

// nameOf returns the number that a name has on the machine, or on every one.
func (d *decoder) nameOf(t nameTable, name string) (uint32, bool) {
	if d.env.System.RouteNames != nil && !isNumber(name) {
		own := &d.cfg.Global.Daemon
		for _, dir := range []string{cmp.Or(own.IPRouteEtcDir, iprouteLocal), cmp.Or(own.IPRouteUsrDir, iprouteVendor)} {
			if n, ok := d.routeNames(dir, t.file)[name]; ok {
				return n, true
			}
		}
	}
	n, ok := t.every[name]
	return n, ok
}

// routeNames asks once about each file.
func (d *decoder) routeNames(dir, file string) map[string]uint32 {
	key := filepath.Join(dir, file)
	names, asked := d.names[key]
	if !asked {
		if names = d.env.System.RouteNames(dir, file); d.names == nil {
			d.names = make(map[string]map[string]uint32)
		}
		d.names[key] = names
	}
	return names
}

// isNumber reports whether a word can be no name, which spares looking for one.
func isNumber(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// The tables.
var (
	routeTypes = map[string]RouteType{"unicast": 1, "local": 2, "broadcast": 3, "anycast": 4, "multicast": 5,
		"blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9, "nat": 10}
	routeTables    = nameTable{"rt_tables", map[string]uint32{"default": 253, "main": 254, "local": 255}}
	routeProtocols = nameTable{"rt_protos", map[string]uint32{"redirect": 1, "kernel": 2, "boot": 3, "static": 4, "ra": 9, "mrt": 10,
		"zebra": 11, "bird": 12, "dhcp": 16, "keepalived": 18, "babel": 42, "bgp": 186, "isis": 187, "ospf": 188,
		"rip": 189, "eigrp": 192}}
	routeScopes  = nameTable{"rt_scopes", map[string]uint32{"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}}
	serviceTypes = nameTable{"rt_dsfield", map[string]uint32{"default": 0x00, "AF11": 0x28, "AF12": 0x30, "AF13": 0x38, "AF21": 0x48, "AF22": 0x50,
		"AF23": 0x58, "AF31": 0x68, "AF32": 0x70, "AF33": 0x78, "AF41": 0x88, "AF42": 0x90, "AF43": 0x98, "EF": 0xb8,
		"CS1": 0x20, "CS2": 0x40, "CS3": 0x60, "CS4": 0x80, "CS5": 0xa0, "CS6": 0xc0, "CS7": 0xe0}}
	linkGroups  = nameTable{"group", map[string]uint32{"default": 0}}
	routeRealms = nameTable{"rt_realms", map[string]uint32{"cosmos": 0}}
	// routeMetrics are the numeric metrics; true marks those that can be locked.
	routeMetrics = map[string]bool{"mtu": true, "hoplimit": false, "advmss": true, "reordering": true, "window": false,
		"cwnd": true, "ssthresh": true, "initcwnd": false, "initrwnd": false, "quickack": false,
		"fastopen_no_cookie": false, "rtt": true, "rttvar": true, "rto_min": true}
)
