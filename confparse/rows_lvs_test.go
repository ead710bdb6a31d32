package confparse

// lvsRows are the global settings of the load balancer.
var lvsRows = []row{
	{"checker_log_all_failures", boolRow, []try{
		{"", "LogAllFailures=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"lvs_timeouts", strictRow, []try{
		{"", "", "KA2003"},
		{"tcp 0 tcpfin 120 udp 2678400", "LVSTimeouts.TCPFin=2m0s; LVSTimeouts.UDP=744h0m0s; LVSTimeouts.IsSet=true", ""},
		{"tcp 2678401 udp 5", "LVSTimeouts.UDP=5s; LVSTimeouts.IsSet=true", "KA2010"},
		{"tcp", "", "KA2003"},
		{"icmp 5", "", "KA2019 KA2019"},
		{"udp 7x", "", "KA2010"},
	}},
	{"lvs_flush", flagRow, []try{
		{"", "LVSFlush=true", ""},
		{"off", "LVSFlush=true", ""},
	}},
	{"lvs_flush_on_stop", customRow, []try{
		{"", "LVSFlushOnStop=1", ""},
		{"VS", "LVSFlushOnStop=2", ""},
		{"vs", "", "KA2019"},
	}},
	{"lvs_flush_onstop", customRow, []try{
		{"", "LVSFlushOnStop=1", ""},
		{"VS", "LVSFlushOnStop=2", ""},
		{"vs", "", "KA2019"},
	}},
	{"lvs_sync_daemon", strictRow, []try{
		{"", "", "KA2003"},
		{"eth0", "SyncDaemon.Interface=eth0; SyncDaemon.ID=-1; SyncDaemon.Port=8848; SyncDaemon.TTL=1; SyncDaemon.Group=224.0.0.81", ""},
		{"eth0 VI_1", "SyncDaemon.Interface=eth0; SyncDaemon.Instance=VI_1; SyncDaemon.ID=-1; SyncDaemon.Port=8848; SyncDaemon.TTL=1; SyncDaemon.Group=224.0.0.81", ""},
		{"eth0 id 0 maxlen 1 port 1 ttl 1 group 224.0.0.1", "SyncDaemon.Interface=eth0; SyncDaemon.MaxLen=1; SyncDaemon.Port=1; SyncDaemon.TTL=1; SyncDaemon.Group=224.0.0.1", ""},
		{"eth0 id 255 maxlen 65507 port 65535 ttl 255 group ff02::81", "SyncDaemon.Interface=eth0; SyncDaemon.ID=255; SyncDaemon.MaxLen=65507; SyncDaemon.Port=65535; SyncDaemon.TTL=255; SyncDaemon.Group=ff02::81", ""},
		{"eth0 id 256", "SyncDaemon.Interface=eth0; SyncDaemon.ID=-1; SyncDaemon.Port=8848; SyncDaemon.TTL=1; SyncDaemon.Group=224.0.0.81", "KA2010"},
		{"eth0 maxlen 65508", "SyncDaemon.Interface=eth0; SyncDaemon.ID=-1; SyncDaemon.Port=8848; SyncDaemon.TTL=1; SyncDaemon.Group=224.0.0.81", "KA2010"},
		{"eth0 port 65536", "SyncDaemon.Interface=eth0; SyncDaemon.ID=-1; SyncDaemon.Port=8848; SyncDaemon.TTL=1; SyncDaemon.Group=224.0.0.81", "KA2010"},
		{"eth0 ttl 0", "SyncDaemon.Interface=eth0; SyncDaemon.ID=-1; SyncDaemon.Port=8848; SyncDaemon.TTL=1; SyncDaemon.Group=224.0.0.81", "KA2010"},
		{"eth0 group 192.0.2.1", "SyncDaemon.Interface=eth0; SyncDaemon.ID=-1; SyncDaemon.Port=8848; SyncDaemon.TTL=1; SyncDaemon.Group=224.0.0.81", "KA2014"},
		{"eth0\nlvs_sync_daemon eth1", "SyncDaemon.Interface=eth0; SyncDaemon.ID=-1; SyncDaemon.Port=8848; SyncDaemon.TTL=1; SyncDaemon.Group=224.0.0.81", "KA2006"},
		{"abcdefghijklmnop", "", "KA2018"},
	}},
	{"rs_init_notifies", boolRow, []try{
		{"", "RSInitNotifies=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
}

// firewallRows are nftables and what stands for it.
var firewallRows = []row{
	{"vrrp_iptables", customRow, []try{
		{"", `NFTables.Table=keepalived; IPTables.Table=filter; IPTables.Chains=["INPUT" "OUTPUT"]`, "KA2035"},
		{"IN", `NFTables.Table=keepalived; IPTables.Table=filter; IPTables.Chains=["IN" "OUTPUT"]`, "KA2035"},
		{"IN OUT", `NFTables.Table=keepalived; IPTables.Table=filter; IPTables.Chains=["IN" "OUT"]`, "KA2035"},
		{"IN IN", `NFTables.Table=keepalived; IPTables.Table=filter; IPTables.Chains=["IN" "IN"]`, "KA2035"},
		{"abcdefghijklmnopqrstuvwxyz0123 OUT", `NFTables.Table=keepalived; IPTables.Table=filter; IPTables.Chains=["INPUT" "OUT"]`, "KA2035 KA2024"},
	}},
	{"vrrp_ipsets", customRow, []try{
		{"", "", "KA2035"},
		{"a", `IPTables.Sets=["a"]`, "KA2035"},
		{"a b c d e f", `IPTables.Sets=["a" "b" "c" "d" "e" "f"]`, "KA2035"},
		{"a a", "", "KA2035 KA2006"},
	}},
	{"nftables", customRow, []try{
		{"", "NFTables.Table=keepalived", ""},
		{"table", "NFTables.Table=table", ""},
		{"table\nnftables other", "NFTables.Table=table", "KA2006"},
	}},
	{"nftables_priority", strictRow, []try{
		{"", "", "KA2002"},
		{"-2147483648", "NFTables.Priority=-2147483648", ""},
		{"2147483647", "NFTables.Priority=2147483647", ""},
		{"-2147483649", "", "KA2010"},
		{"2147483648", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"nftables_ifindex", flagRow, []try{
		{"", "NFTables.IfIndex=true", ""},
		{"off", "NFTables.IfIndex=true", ""},
	}},
	{"nftables_ipvs", customRow, []try{
		{"", "IPVSFirewall.Table=keepalived_ipvs", ""},
		{"table", "IPVSFirewall.Table=table", ""},
		{"table\nnftables_ipvs other", "IPVSFirewall.Table=table", "KA2006"},
	}},
	{"nftables_ipvs_priority", strictRow, []try{
		{"", "", "KA2002"},
		{"-2147483648", "IPVSFirewall.Priority=-2147483648", ""},
		{"2147483647", "IPVSFirewall.Priority=2147483647", ""},
		{"-2147483649", "", "KA2010"},
		{"2147483648", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"nftables_ipvs_start_fwmark", strictRow, []try{
		{"", "", "KA2002"},
		{"1", "IPVSFirewall.FirstMark=1", ""},
		{"4294967295", "IPVSFirewall.FirstMark=4294967295", ""},
		{"0", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"nftables_counters", flagRow, []try{
		{"", "NFTables.Counters=true", ""},
		{"off", "NFTables.Counters=true", ""},
	}},
}
