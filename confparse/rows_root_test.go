package confparse

// rootRows are what stands outside of any block.
var rootRows = []row{
	{"global_defs", customRow, []try{
		{"{ router_id x }", "Global.RouterID=x", ""},
		{"{ router_id x }\nglobal_defs { vrrp_version 3 }", "Global.RouterID=x; Global.VRRPVersion=3", ""},
		{"{ nonsense 1 }", "", "KA2001"},
	}},
	{"net_namespace", customRow, []try{
		{"", "", "KA2003"},
		{"ns1", "Global.Daemon.NetNamespace=ns1; Global.Daemon.UsePIDDir=true", ""},
		{"ns1\nnet_namespace ns2", "Global.Daemon.NetNamespace=ns1; Global.Daemon.UsePIDDir=true", "KA2006"},
		{"ns1 extra", "Global.Daemon.NetNamespace=ns1; Global.Daemon.UsePIDDir=true", ""},
	}},
	{"net_namespace_ipvs", customRow, []try{
		{"", "Global.Daemon.IPVSNamespaceSet=true", ""},
		{"ns2", "Global.Daemon.IPVSNamespace=ns2; Global.Daemon.IPVSNamespaceSet=true", ""},
		{"ns2\nnet_namespace_ipvs ns3", "Global.Daemon.IPVSNamespace=ns2; Global.Daemon.IPVSNamespaceSet=true", "KA2006"},
	}},
	{"namespace_with_ipsets", flagRow, []try{
		{"", "Global.Daemon.NamespaceWithIPSets=true", ""},
		{"off", "Global.Daemon.NamespaceWithIPSets=true", ""},
	}},
	{"instance", customRow, []try{
		{"", "", "KA2003"},
		{"west", "Global.Daemon.Instance=west", ""},
		{"west\ninstance east", "Global.Daemon.Instance=west", "KA2006"},
	}},
	{"use_pid_dir", flagRow, []try{
		{"", "Global.Daemon.UsePIDDir=true", ""},
		{"off", "Global.Daemon.UsePIDDir=true", ""},
	}},
	{"linkbeat_use_polling", flagRow, []try{
		{"", "Global.Daemon.LinkbeatPolling=true", ""},
		{"off", "Global.Daemon.LinkbeatPolling=true", ""},
	}},
	{"child_wait_time", strictRow, []try{
		{"", "", "KA2002"},
		{"0", "Global.Daemon.ChildWaitTime=0s", ""},
		{"4294967295", "Global.Daemon.ChildWaitTime=1193046h28m15s", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"vrrp_instance", customRow, []try{
		{"{ }", "", "KA2030"},
		{"A B { }", "", "KA2031"},
		{"V { interface eth0\n virtual_router_id 7\n virtual_ipaddress { 192.0.2.7 } }", "Instances[0].Name=V; Instances[0].Family=IPv4; Instances[0].Version=2; Instances[0].Interface=eth0; Instances[0].VirtualRouterID=7; Instances[0].Priority=100; Instances[0].AdvertInterval=1s; Instances[0].DownTimerAdverts=3; Instances[0].Accept=true; Instances[0].MulticastGroup=224.0.0.18; Instances[0].UnicastTTL=255; Instances[0].VirtualAddresses[0].Prefix=192.0.2.7/32; Instances[0].VirtualAddresses[0].PreferredLifetime=4294967295; Instances[0].GARP.MasterDelay=5s; Instances[0].GARP.MasterRepeat=5; Instances[0].GARP.MasterRefreshRepeat=1; Instances[0].GARP.LowerPrioDelay=5s; Instances[0].GARP.LowerPrioRepeat=5; Instances[0].HigherPrioritySendAdvert=true", ""},
		{"V { interface eth0\n virtual_router_id 7\n virtual_ipaddress { 192.0.2.7 } }\nvrrp_instance V { virtual_router_id 8 }", "Instances[0].Name=V; Instances[0].Family=IPv4; Instances[0].Version=2; Instances[0].Interface=eth0; Instances[0].VirtualRouterID=7; Instances[0].Priority=100; Instances[0].AdvertInterval=1s; Instances[0].DownTimerAdverts=3; Instances[0].Accept=true; Instances[0].MulticastGroup=224.0.0.18; Instances[0].UnicastTTL=255; Instances[0].VirtualAddresses[0].Prefix=192.0.2.7/32; Instances[0].VirtualAddresses[0].PreferredLifetime=4294967295; Instances[0].GARP.MasterDelay=5s; Instances[0].GARP.MasterRepeat=5; Instances[0].GARP.MasterRefreshRepeat=1; Instances[0].GARP.LowerPrioDelay=5s; Instances[0].GARP.LowerPrioRepeat=5; Instances[0].HigherPrioritySendAdvert=true", "KA2032"},
	}},
	{"vrrp_sync_group", customRow, []try{
		{"{ }", "", "KA2030"},
		{"A B { }", "", "KA2031"},
		{"G { group { X } }", "", "KA3019 KA3021"},
		{"G { }", "", "KA3021"},
	}},
	{"vrrp_script", customRow, []try{
		{"{ script /bin/true }", "", "KA2002"},
		{"S { script /bin/true }", `Scripts[0].Name=S; Scripts[0].Script.Argv=["/bin/true"]; Scripts[0].Interval=1s; Scripts[0].Timeout=1s; Scripts[0].Rise=1; Scripts[0].Fall=1`, ""},
		{"S { }", "", "KA3065"},
		{"S { script /bin/true }\nvrrp_script S { script /bin/false }", `Scripts[0].Name=S; Scripts[0].Script.Argv=["/bin/true"]; Scripts[0].Interval=1s; Scripts[0].Timeout=1s; Scripts[0].Rise=1; Scripts[0].Fall=1; Scripts[1].Name=S; Scripts[1].Script.Argv=["/bin/false"]; Scripts[1].Interval=1s; Scripts[1].Timeout=1s; Scripts[1].Rise=1; Scripts[1].Fall=1`, ""},
	}},
	{"vrrp_track_process", customRow, []try{
		{"{ process x }", "", "KA2002"},
		{"P { process x }", "Processes[0].Name=P; Processes[0].Process=x; Processes[0].Quorum=1; Processes[0].QuorumMax=4294967295", ""},
		{"P { }", "", "KA3065"},
	}},
	{"track_file", customRow, []try{
		{"{ file /x }", "", "KA2002"},
		{"F { file /x }", "Files[0].Name=F; Files[0].Path=/x; Files[0].Weight=1", ""},
		{"F { }", "", "KA3065"},
	}},
	{"vrrp_track_file", customRow, []try{
		{"F { file /x }", "Files[0].Name=F; Files[0].Path=/x; Files[0].Weight=1", "KA2034"},
		{"{ file /x }", "", "KA2034 KA2002"},
	}},
	{"track_group", customRow, []try{
		{"{ group { A } }", "", "KA2030"},
		{"T { }", "", "KA3021"},
		{"T { group { X } }", "TrackGroups[0].Name=T; TrackGroups[0].Members[0]=X", ""},
	}},
	{"static_ipaddress", customRow, []try{
		{"{ 192.0.2.1/24 dev eth0 }", "StaticAddresses[0].VirtualAddress.Prefix=192.0.2.1/24; StaticAddresses[0].VirtualAddress.Interface=eth0; StaticAddresses[0].VirtualAddress.PreferredLifetime=4294967295", ""},
		{"{ 192.0.2.1/24 }", "StaticAddresses[0].VirtualAddress.Prefix=192.0.2.1/24; StaticAddresses[0].VirtualAddress.Interface=eth0; StaticAddresses[0].VirtualAddress.PreferredLifetime=4294967295", ""},
		{"x { 192.0.2.1/24 dev eth0 }", "StaticAddresses[0].VirtualAddress.Prefix=192.0.2.1/24; StaticAddresses[0].VirtualAddress.Interface=eth0; StaticAddresses[0].VirtualAddress.PreferredLifetime=4294967295", "KA2004"},
		{"{ 192.0.2.1/24 dev eth0 }\nstatic_ipaddress { 192.0.2.2/24 dev eth0 }", "StaticAddresses[0].VirtualAddress.Prefix=192.0.2.1/24; StaticAddresses[0].VirtualAddress.Interface=eth0; StaticAddresses[0].VirtualAddress.PreferredLifetime=4294967295; StaticAddresses[1].VirtualAddress.Prefix=192.0.2.2/24; StaticAddresses[1].VirtualAddress.Interface=eth0; StaticAddresses[1].VirtualAddress.PreferredLifetime=4294967295", ""},
	}},
	{"static_routes", customRow, []try{
		{"{ 10.0.0.0/8 via 192.0.2.9 dev eth0 }", "StaticRoutes[0].Family=IPv4; StaticRoutes[0].Type=1; StaticRoutes[0].Dest=10.0.0.0/8; StaticRoutes[0].Hop.Via=192.0.2.9; StaticRoutes[0].Hop.Interface=eth0; StaticRoutes[0].Table=254; StaticRoutes[0].Protocol=18; StaticRoutes[0].Position=prepend", ""},
		{"{ nonsense }", "", "KA2041"},
		{"{ 10.0.0.0/8 dev eth0 }\nstatic_routes { 11.0.0.0/8 dev eth0 }", "StaticRoutes[0].Family=IPv4; StaticRoutes[0].Type=1; StaticRoutes[0].Dest=10.0.0.0/8; StaticRoutes[0].Hop.Interface=eth0; StaticRoutes[0].Table=254; StaticRoutes[0].Protocol=18; StaticRoutes[0].Position=prepend; StaticRoutes[1].Family=IPv4; StaticRoutes[1].Type=1; StaticRoutes[1].Dest=11.0.0.0/8; StaticRoutes[1].Hop.Interface=eth0; StaticRoutes[1].Table=254; StaticRoutes[1].Protocol=18; StaticRoutes[1].Position=prepend", ""},
	}},
	{"static_rules", customRow, []try{
		{"{ from 10.0.0.0/8 table 100 preference 5 }", "StaticRules[0].Family=IPv4; StaticRules[0].From=10.0.0.0/8; StaticRules[0].Preference=5; StaticRules[0].Action=1; StaticRules[0].Table=100; StaticRules[0].SuppressLength=-1; StaticRules[0].Protocol=18", ""},
		{"{ nonsense }", "", "KA2042"},
	}},
	{"garp_group", customRow, []try{
		{"{ }", "", "KA3021"},
		{"{ garp_interval 1 }", "GARPGroups[0].GARPInterval=1s", ""},
		{"{ garp_interval 1\n interface eth0 }", `GARPGroups[0].GARPInterval=1s; GARPGroups[0].Interfaces=["eth0"]`, ""},
	}},
	{"linkbeat_interfaces", customRow, []try{
		{"{ eth0 }", "Linkbeat[0].Interface=eth0", ""},
		{"{ eth0 MII\n eth1 IOCTL }", "Linkbeat[0].Interface=eth0; Linkbeat[0].Method=MII; Linkbeat[1].Interface=eth1; Linkbeat[1].Method=IOCTL", ""},
	}},
	{"interface_up_down_delays", customRow, []try{
		{"{ eth0 3 4 }", "InterfaceDelays[0].Interface=eth0; InterfaceDelays[0].Down=3s; InterfaceDelays[0].Up=4s", ""},
		{"{ eth0 3 }", "InterfaceDelays[0].Interface=eth0; InterfaceDelays[0].Down=3s", ""},
	}},
	{"SSL", customRow, []try{
		{"{ password secret }", "TLS.Password=secret; TLS.IsSet=true", ""},
		{"{ ca /a }\nSSL { ca /b }", "TLS.CA=/b; TLS.IsSet=true", "KA2007"},
	}},
	{"virtual_server_group", customRow, []try{
		{"{ 192.0.2.1 80 }", "", "KA2002"},
		{"G { 192.0.2.1 80 }", "Groups[0].Name=G; Groups[0].Entries[0].First=192.0.2.1; Groups[0].Entries[0].Last=192.0.2.1; Groups[0].Entries[0].Port=80; Groups[0].Entries[0].Family=IPv4", ""},
		{"G { }", "", "KA3021"},
	}},
	{"virtual_server", lenientRow, []try{
		{"{ }", "", "KA2002"},
		{"192.0.2.1 80 { protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 10.0.0.1 80 { } }", "VirtualServers[0].ID.Family=IPv4; VirtualServers[0].ID.Protocol=tcp; VirtualServers[0].ID.Addr=192.0.2.1; VirtualServers[0].ID.Port=80; VirtualServers[0].Scheduler=rr; VirtualServers[0].PersistenceGranularity=4294967295; VirtualServers[0].Quorum=1; VirtualServers[0].RealServers[0].ID.Addr=10.0.0.1; VirtualServers[0].RealServers[0].ID.Port=80; VirtualServers[0].RealServers[0].Weight=1", ""},
		{"fwmark 7 { lb_algo rr\n lb_kind NAT\n real_server 10.0.0.1 80 { } }", "VirtualServers[0].ID.Family=IPv4; VirtualServers[0].ID.Protocol=none; VirtualServers[0].ID.Fwmark=7; VirtualServers[0].Scheduler=rr; VirtualServers[0].PersistenceGranularity=4294967295; VirtualServers[0].Quorum=1; VirtualServers[0].RealServers[0].ID.Addr=10.0.0.1; VirtualServers[0].RealServers[0].ID.Port=80; VirtualServers[0].RealServers[0].Weight=1", ""},
		{"group G { lb_algo rr\n lb_kind NAT\n protocol TCP\n real_server 10.0.0.1 80 { } }", "", "KA3048"},
		{"192.0.2.300 80 { }", "", "KA2016"},
		{"192.0.2.1 65536 { }", "", "KA2016"},
		{"192.0.2.1 0 { protocol TCP\n lb_algo rr\n lb_kind NAT\n persistence_timeout 5\n real_server 10.0.0.1 { } }", "VirtualServers[0].ID.Family=IPv4; VirtualServers[0].ID.Protocol=tcp; VirtualServers[0].ID.Addr=192.0.2.1; VirtualServers[0].Scheduler=rr; VirtualServers[0].PersistenceTimeout=5s; VirtualServers[0].PersistenceGranularity=4294967295; VirtualServers[0].Quorum=1; VirtualServers[0].RealServers[0].ID.Addr=10.0.0.1; VirtualServers[0].RealServers[0].Weight=1", ""},
		{"fwmark 4294967296 { }", "", "KA2010 KA2016"},
		{"192.0.2.1 80 { protocol TCP\n lb_algo rr\n lb_kind NAT }", "", "KA3034"},
	}},
	{"bfd_instance", customRow, []try{
		{"{ neighbor_ip 192.0.2.9 }", "", "KA2002"},
		{"B { neighbor_ip 192.0.2.9 }", "BFD[0].Name=B; BFD[0].Neighbor=192.0.2.9; BFD[0].MinRX=10ms; BFD[0].MinTX=10ms; BFD[0].IdleTX=1s; BFD[0].Multiplier=5; BFD[0].TTL=255; BFD[0].VRRP=true; BFD[0].Checkers=true", ""},
		{"B { neighbor_ip 192.0.2.9 }\nbfd_instance B { neighbor_ip 192.0.2.8 }", "BFD[0].Name=B; BFD[0].Neighbor=192.0.2.9; BFD[0].MinRX=10ms; BFD[0].MinTX=10ms; BFD[0].IdleTX=1s; BFD[0].Multiplier=5; BFD[0].TTL=255; BFD[0].VRRP=true; BFD[0].Checkers=true", "KA2032"},
		{"abcdefghijabcdefghijabcdefghijab { neighbor_ip 192.0.2.9 }", "", "KA2043"},
		{"B { }", "", "KA3069"},
	}},
}

// garpGroupRows are those of garp_group.
var garpGroupRows = []row{
	{"garp_interval", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "gone", "KA3021"},
		{"4294.967295", "GARPInterval=1h11m34.967295s", ""},
		{"-0.000001", "", "KA2010"},
		{"4294.967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"gna_interval", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "", ""},
		{"4294.967295", "GNAInterval=1h11m34.967295s", ""},
		{"-0.000001", "", "KA2010"},
		{"4294.967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"interface", customRow, []try{
		{"", "", "KA2002"},
		{"eth1", `Interfaces=["eth0" "eth1"]`, ""},
		{"eth0", "", "KA3006"},
		{"abcdefghijklmnop", "", "KA2018"},
	}},
	{"interfaces", customRow, []try{
		{"{ eth1 eth2 }", `Interfaces=["eth0" "eth1" "eth2"]; Shared=true`, ""},
		{"{ eth0 eth1 }", `Interfaces=["eth0" "eth1"]; Shared=true`, "KA3006"},
		{"{ }", "", "KA2036"},
	}},
}

// tlsRows are those of SSL.
var tlsRows = []row{
	{"password", customRow, []try{
		{"", "", "KA2003"},
		{"secret", "Password=secret", ""},
		{"a\npassword b", "Password=b", "KA2007"},
	}},
	{"ca", customRow, []try{
		{"", "", "KA2003"},
		{"/a", "CA=/a", ""},
		{"/a\nca /b", "CA=/b", "KA2007"},
	}},
	{"certificate", customRow, []try{
		{"", "", "KA2003"},
		{"/a", "Certificate=/a", ""},
		{"/a\ncertificate /b", "Certificate=/b", "KA2007"},
	}},
	{"key", customRow, []try{
		{"", "", "KA2003"},
		{"/a", "Key=/a", ""},
		{"/a\nkey /b", "Key=/b", "KA2007"},
	}},
}
