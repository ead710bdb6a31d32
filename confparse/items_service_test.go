package confparse

// groupEntryItems are the forms of an entry of virtual_server_group.
var groupEntryItems = []itemRow{
	{"<IPADDR> [<PORT>]", []try{
		{"192.0.2.1", "First=192.0.2.1; Last=192.0.2.1; Family=IPv4", ""},
		{"192.0.2.1 80", "First=192.0.2.1; Last=192.0.2.1; Port=80; Family=IPv4", ""},
		{"192.0.2.1 65535", "First=192.0.2.1; Last=192.0.2.1; Port=65535; Family=IPv4", ""},
		{"192.0.2.1 0", "First=192.0.2.1; Last=192.0.2.1; Family=IPv4", ""},
		{"192.0.2.1 65536", "gone", "KA2040"},
		{"192.0.2.1 80x", "gone", "KA2040"},
		{"x 80", "gone", "KA2040"},
		{"2001:db8::1 80", "First=2001:db8::1; Last=2001:db8::1; Port=80; Family=IPv6", ""},
	}},
	{"<IPADDR>-<N> [<PORT>]", []try{
		{"192.0.2.1-9 80", "First=192.0.2.1; Last=192.0.2.9; Port=80; Family=IPv4", ""},
		{"192.0.2.9-1 80", "gone", "KA2040"},
		{"192.0.2.1-256 80", "gone", "KA2040"},
		{"2001:db8::1-ff 80", "First=2001:db8::1; Last=2001:db8::ff; Port=80; Family=IPv6", ""},
		{"192.0.2.1-x 80", "gone", "KA2040"},
	}},
	{"<IPADDR>-<IPADDR> [<PORT>]", []try{
		{"192.0.2.1-192.0.3.9 80", "First=192.0.2.1; Last=192.0.3.9; Port=80; Family=IPv4", ""},
		{"192.0.2.9-192.0.2.1 80", "gone", "KA2040"},
		{"192.0.2.1-192.0.2.1 80", "First=192.0.2.1; Last=192.0.2.1; Port=80; Family=IPv4", ""},
	}},
	{"<IPADDR>/<PREFIXLEN> [<PORT>]", []try{
		{"192.0.2.0/24 80", "First=192.0.2.0; Last=192.0.2.255; Port=80; Family=IPv4", ""},
		{"192.0.2.1/24 80", "gone", "KA2040"},
		{"192.0.2.0/33 80", "gone", "KA2040"},
	}},
	{"fwmark", []try{
		{"fwmark 7", "Fwmark=7; Family=unknown", ""},
		{"fwmark 4294967295 inet", "Fwmark=4294967295; Family=IPv4", ""},
		{"fwmark 7 inet6", "Fwmark=7; Family=IPv6", ""},
		{"fwmark 4294967296", "gone", "KA2010"},
		{"fwmark x", "gone", "KA2010"},
		{"fwmark", "gone", "KA2002"},
	}},
}

// methodItems are the words of lb_kind and lvs_method.
var methodItems = []itemRow{
	{"NAT", []try{
		{"lb_kind NAT", "", ""},
	}},
	{"DR", []try{
		{"lb_kind DR", "Forwarding=3; RealServers[0].Forwarding=3", ""},
	}},
	{"TUN", []try{
		{"lb_kind TUN", "Forwarding=2; RealServers[0].Forwarding=2", ""},
		{"lb_kind tun", "", "KA2021 KA3038"},
	}},
	{"type", []try{
		{"lb_kind TUN type ipip", "Forwarding=2; RealServers[0].Forwarding=2", ""},
		{"lb_kind TUN type gre", "Forwarding=2; RealServers[0].Forwarding=2; RealServers[0].Tunnel.Type=2; Tunnel.Type=2", ""},
		{"lb_kind TUN type gue port 1", "Forwarding=2; RealServers[0].Forwarding=2; RealServers[0].Tunnel.Type=1; RealServers[0].Tunnel.Port=1; Tunnel.Type=1; Tunnel.Port=1", ""},
		{"lb_kind TUN type other", "Forwarding=2; RealServers[0].Forwarding=2", "KA2044"},
		{"lb_kind TUN type", "Forwarding=2; RealServers[0].Forwarding=2", "KA2044"},
		{"lb_kind DR type gre", "Forwarding=3; RealServers[0].Forwarding=3; RealServers[0].Tunnel.Type=2; Tunnel.Type=2", ""},
	}},
	{"port", []try{
		{"lb_kind TUN type gue port 65535", "Forwarding=2; RealServers[0].Forwarding=2; RealServers[0].Tunnel.Type=1; RealServers[0].Tunnel.Port=65535; Tunnel.Type=1; Tunnel.Port=65535", ""},
		{"lb_kind TUN type gue port 65536", "Forwarding=2; RealServers[0].Forwarding=2", "KA2010"},
		{"lb_kind TUN type gre port 5", "Forwarding=2; RealServers[0].Forwarding=2", "KA2044"},
		{"lb_kind TUN type gue", "Forwarding=2; RealServers[0].Forwarding=2", "KA2044"},
	}},
	{"nocsum", []try{
		{"lb_kind TUN type gre nocsum", "Forwarding=2; RealServers[0].Forwarding=2; RealServers[0].Tunnel.Type=2; Tunnel.Type=2", ""},
	}},
	{"csum", []try{
		{"lb_kind TUN type gre csum", "Forwarding=2; RealServers[0].Forwarding=2; RealServers[0].Tunnel.Type=2; RealServers[0].Tunnel.Flags=1; Tunnel.Type=2; Tunnel.Flags=1", ""},
		{"lb_kind TUN type ipip csum", "Forwarding=2; RealServers[0].Forwarding=2", "KA2044"},
	}},
	{"remcsum", []try{
		{"lb_kind TUN type gue port 5 remcsum", "Forwarding=2; RealServers[0].Forwarding=2; RealServers[0].Tunnel.Type=1; RealServers[0].Tunnel.Flags=2; RealServers[0].Tunnel.Port=5; Tunnel.Type=1; Tunnel.Flags=2; Tunnel.Port=5", ""},
		{"lb_kind TUN type gre remcsum", "Forwarding=2; RealServers[0].Forwarding=2", "KA2044"},
	}},
}

// nameItems are plain lists of words.
var nameItems = []itemRow{
	{"<NAME>", []try{
		{"b@example.net", `Recipients=["b@example.net"]`, ""},
		{"a@example.net b@example.net\nc@example.net", `Recipients=["a@example.net" "b@example.net" "c@example.net"]`, ""},
	}},
}

// scriptItems are the words of a program.
var scriptItems = []itemRow{
	{"<SCRIPT>", []try{
		{"notify /bin/false", `Any.Argv=["/bin/false"]`, ""},
		{`notify "/bin/false a 'b c'"`, `Any.Argv=["/bin/false" "a" "b c"]`, ""},
		{`notify "/bin/true 'a"`, "-Any.Argv", "KA2038"},
		{"notify 'a b'", `Any.Argv=["a" "b"]`, ""},
	}},
	{"<USER>", []try{
		{"notify /bin/true nobody", "Any.Account.User=nobody", ""},
	}},
	{"[:]<GROUP>", []try{
		{"notify /bin/true nobody nogroup", "Any.Account.User=nobody; Any.Account.Group=nogroup", ""},
		{"notify /bin/true nobody :nogroup", "Any.Account.User=nobody; Any.Account.Group=nogroup; Any.Account.Supplementary=true", ""},
		{"notify /bin/true nobody :", "Any.Account.User=nobody; Any.Account.Supplementary=true", ""},
	}},
}
