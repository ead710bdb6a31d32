package confparse

// protocolKeepalived is RTPROT_KEEPALIVED, the mark of our own routes and rules.
const protocolKeepalived = 18

// The names of iproute2's tables that every system has.
var (
	routeTypes = map[string]RouteType{"unicast": 1, "local": 2, "broadcast": 3, "anycast": 4, "multicast": 5,
		"blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9, "nat": 10}
	routeTables    = map[string]uint32{"default": 253, "main": 254, "local": 255}
	routeProtocols = map[string]uint32{"redirect": 1, "kernel": 2, "boot": 3, "static": 4, "ra": 9, "mrt": 10,
		"zebra": 11, "bird": 12, "dhcp": 16, "keepalived": 18, "babel": 42, "bgp": 186, "isis": 187, "ospf": 188,
		"rip": 189, "eigrp": 192}
	routeScopes  = map[string]uint32{"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
	serviceTypes = map[string]uint32{"default": 0x00, "AF11": 0x28, "AF12": 0x30, "AF13": 0x38, "AF21": 0x48, "AF22": 0x50,
		"AF23": 0x58, "AF31": 0x68, "AF32": 0x70, "AF33": 0x78, "AF41": 0x88, "AF42": 0x90, "AF43": 0x98, "EF": 0xb8,
		"CS1": 0x20, "CS2": 0x40, "CS3": 0x60, "CS4": 0x80, "CS5": 0xa0, "CS6": 0xc0, "CS7": 0xe0}
	routeRealms = map[string]uint32{"cosmos": 0}
	// routeMetrics are the numeric metrics; true marks those that can be locked.
	routeMetrics = map[string]bool{"mtu": true, "hoplimit": false, "advmss": true, "reordering": true, "window": false,
		"cwnd": true, "ssthresh": true, "initcwnd": false, "initrwnd": false, "quickack": false,
		"fastopen_no_cookie": false, "rtt": true, "rttvar": true, "rto_min": true}
)
