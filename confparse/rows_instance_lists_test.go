package confparse

// listRows are the lists of an instance.
var listRows = []row{
	{"track_interface", customRow, []try{
		{"{ eth1 }", "TrackInterfaces[0].Interface=eth1", ""},
		{"{ eth1 weight -20\n eth2 weight 5 reverse }", "TrackInterfaces[0].Interface=eth1; TrackInterfaces[0].Weight=-20; TrackInterfaces[1].Interface=eth2; TrackInterfaces[1].Weight=5; TrackInterfaces[1].Reverse=true", ""},
		{"{ eth0 }", "", "KA3017"},
		{"{ eth1\n eth1 }", "TrackInterfaces[0].Interface=eth1", "KA3006"},
		{"{ eth1 weight }", "", "KA2003"},
	}},
	{"track_script", customRow, []try{
		{"{ chk }", "Tracking.Scripts[0].Name=chk", ""},
		{"{ chk weight 5 }", "Tracking.Scripts[0].Name=chk; Tracking.Scripts[0].Weight=5", ""},
		{"{ other }", "", "KA3066"},
		{"{ chk\n chk }", "Tracking.Scripts[0].Name=chk", "KA3006"},
	}},
	{"track_file", customRow, []try{
		{"{ load }", "Tracking.Files[0].Name=load; Tracking.Files[0].Weight=1", ""},
		{"{ load weight 5 }", "Tracking.Files[0].Name=load; Tracking.Files[0].Weight=5", ""},
		{"{ other }", "", "KA3066"},
		{"{ load\n load }", "Tracking.Files[0].Name=load; Tracking.Files[0].Weight=1", "KA3006"},
	}},
	{"track_process", customRow, []try{
		{"{ web }", "Tracking.Processes[0].Name=web", ""},
		{"{ web weight 5 }", "Tracking.Processes[0].Name=web; Tracking.Processes[0].Weight=5", ""},
		{"{ other }", "", "KA3066"},
		{"{ web\n web }", "Tracking.Processes[0].Name=web", "KA3006"},
	}},
	{"track_bfd", customRow, []try{
		{"{ peer }", "Tracking.BFD[0].Name=peer", ""},
		{"{ peer weight 5 }", "Tracking.BFD[0].Name=peer; Tracking.BFD[0].Weight=5", ""},
		{"{ other }", "", "KA3066"},
		{"{ peer\n peer }", "Tracking.BFD[0].Name=peer", "KA3006"},
	}},
	{"track_src_ip", flagRow, []try{
		{"", "TrackSource=true", ""},
		{"off", "TrackSource=true", ""},
	}},
	{"virtual_ipaddress", customRow, []try{
		{"{ 192.0.2.5 }", "VirtualAddresses[1].Prefix=192.0.2.5/32; VirtualAddresses[1].PreferredLifetime=4294967295", ""},
		{"{ 192.0.2.1 }", "", "KA3004"},
		{"{ nonsense }", "", "KA2015"},
		{"{ 2001:db8::1 }", "", "KA3003"},
		{"x { 192.0.2.5 }", "VirtualAddresses[1].Prefix=192.0.2.5/32; VirtualAddresses[1].PreferredLifetime=4294967295", "KA2004"},
		{"{ }", "", ""},
	}},
	{"virtual_ipaddress_excluded", customRow, []try{
		{"{ 192.0.2.5 }", "ExcludedAddresses[0].Prefix=192.0.2.5/32; ExcludedAddresses[0].PreferredLifetime=4294967295", ""},
		{"{ 2001:db8::1 }", "ExcludedAddresses[0].Prefix=2001:db8::1/128; ExcludedAddresses[0].Flags=2", ""},
		{"{ nonsense }", "", "KA2015"},
		{"x { 192.0.2.5 }", "ExcludedAddresses[0].Prefix=192.0.2.5/32; ExcludedAddresses[0].PreferredLifetime=4294967295", "KA2004"},
		{"{ }", "", ""},
	}},
	{"virtual_routes", customRow, []try{
		{"{ 10.0.0.0/8 via 192.0.2.9 }", "Routes[0].Family=IPv4; Routes[0].Type=1; Routes[0].Dest=10.0.0.0/8; Routes[0].Hop.Via=192.0.2.9; Routes[0].Table=254; Routes[0].Protocol=18; Routes[0].Position=prepend; Routes[0].NoTrack=true", "KA3070"},
		{"{ nonsense }", "", "KA2041"},
	}},
	{"virtual_rules", customRow, []try{
		{"{ from 10.0.0.0/8 table 100 preference 5 }", "Rules[0].Family=IPv4; Rules[0].From=10.0.0.0/8; Rules[0].Preference=5; Rules[0].Action=1; Rules[0].Table=100; Rules[0].SuppressLength=-1; Rules[0].Protocol=18", ""},
		{"{ nonsense }", "", "KA2042"},
	}},
}
