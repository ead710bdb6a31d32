package confparse

// linkRows are the interfaces and addresses an instance talks with.
var linkRows = []row{
	{"use_vmac", customRow, []try{
		{"", "VMAC.Enabled=true", ""},
		{"vmac5", "VMAC.Enabled=true; VMAC.Interface=vmac5", ""},
		{"name vmac5", "VMAC.Enabled=true; VMAC.Interface=vmac5", ""},
		{"vmac5 02:00:00:00:00:01", "VMAC.Enabled=true; VMAC.Interface=vmac5; VMAC.MAC=020000000001; VMAC.MACIsSet=true", ""},
		{"02:00:00:00:00:01", "VMAC.Enabled=true; VMAC.MAC=020000000001; VMAC.MACIsSet=true", ""},
		{"00:00:5e:00:02", "VMAC.Enabled=true; VMAC.MAC=00005e000233; VMAC.MACIsSet=true", ""},
		{"netlink_notify_msg", "VMAC.Enabled=true; VMAC.NetlinkNotify=true", ""},
		{"group 5", "VMAC.Enabled=true; VMAC.Group=5", ""},
		{"vmac5 02:00:00:00:00", "VMAC.Enabled=true; VMAC.Interface=vmac5; VMAC.MAC=020000000033; VMAC.MACIsSet=true", ""},
		{"abcdefghijklmnop", "VMAC.Enabled=true", "KA2018"},
	}},
	{"use_vmac_addr", flagRow, []try{
		{"", "VMAC.Addresses=true", ""},
		{"off", "VMAC.Addresses=true", ""},
	}},
	{"vmac_xmit_base", flagRow, []try{
		{"", "", "KA3073"},
		{"\nuse_vmac", "VMAC.Enabled=true; VMAC.TransmitBase=true", ""},
	}},
	{"use_ipvlan", customRow, []try{
		{"192.0.2.50", "IPVLAN.Enabled=true; IPVLAN.Addr=192.0.2.50/32; IPVLAN.Mode=bridge", ""},
		{"ipv5 192.0.2.50/24", "IPVLAN.Enabled=true; IPVLAN.Interface=ipv5; IPVLAN.Addr=192.0.2.50/24; IPVLAN.Mode=bridge", ""},
		{"192.0.2.50 private", "IPVLAN.Enabled=true; IPVLAN.Addr=192.0.2.50/32; IPVLAN.Mode=private", ""},
		{"192.0.2.50 vepa", "IPVLAN.Enabled=true; IPVLAN.Addr=192.0.2.50/32; IPVLAN.Mode=vepa", ""},
		{"192.0.2.50 bridge", "IPVLAN.Enabled=true; IPVLAN.Addr=192.0.2.50/32; IPVLAN.Mode=bridge", ""},
		{"", "IPVLAN.Enabled=true; IPVLAN.Mode=bridge", "KA3078"},
		{"192.0.2.50 group 5", "IPVLAN.Enabled=true; IPVLAN.Addr=192.0.2.50/32; IPVLAN.Mode=bridge; IPVLAN.Group=5", ""},
		{"192.0.2.50\nuse_ipvlan 192.0.2.51", "IPVLAN.Enabled=true; IPVLAN.Addr=192.0.2.50/32; IPVLAN.Mode=bridge", "KA2006"},
	}},
	{"unicast_peer", customRow, []try{
		{"{ 192.0.2.77 }", "UnicastPeers[0].Addr=192.0.2.77; UnicastPeers[0].MaxTTL=255", ""},
		{"{ 192.0.2.77\n 192.0.2.77 }", "UnicastPeers[0].Addr=192.0.2.77; UnicastPeers[0].MaxTTL=255", "KA3005"},
		{"{ nonsense }", "", "KA2017 KA3016"},
		{"{ 2001:db8::77 }", "", "KA3003 KA3016"},
		{"{ }", "", "KA3016"},
		{"x { 192.0.2.77 }", "UnicastPeers[0].Addr=192.0.2.77; UnicastPeers[0].MaxTTL=255", "KA2004"},
	}},
	{"unicast_fault_no_peer", flagRow, []try{
		{"", "UnicastFaultNoPeer=true", ""},
		{"off", "UnicastFaultNoPeer=true", ""},
	}},
	{"check_unicast_src", flagRow, []try{
		{"", "CheckUnicastSrc=true", "KA3016"},
		{"off", "CheckUnicastSrc=true", "KA3016"},
	}},
	{"old_unicast_checksum", customRow, []try{
		{"", "OldUnicastChecksum=on", "KA3016"},
		{"never", "OldUnicastChecksum=off", "KA3016"},
		{"always", "", "KA2019 KA3016"},
	}},
	{"native_ipv6", flagRow, []try{
		{"", "", "KA3003"},
	}},
	{"interface", customRow, []try{
		{"", "", "KA2002"},
		{"eth1", "Interface=eth1", ""},
		{"abcdefghijklmnop", "", "KA2018"},
		{"eth1\ninterface eth2", "Interface=eth2", ""},
		{"lo", "", "KA2018"},
	}},
	{"vrf", customRow, []try{
		{"", "", "KA2002"},
		{"blue", "", "KA2045"},
		{"abcdefghijklmnop", "", "KA2045"},
	}},
	{"dont_track_primary", flagRow, []try{
		{"", "DontTrackPrimary=true", ""},
		{"off", "DontTrackPrimary=true", ""},
	}},
	{"mcast_src_ip", customRow, []try{
		{"", "", "KA2002"},
		{"192.0.2.60", "MulticastSource=192.0.2.60", ""},
		{"2001:db8::60", "", "KA3003"},
		{"x", "", "KA2014"},
	}},
	{"unicast_src_ip", customRow, []try{
		{"", "", "KA2002"},
		{"192.0.2.60", "MulticastSource=192.0.2.60", "KA3016"},
		{"192.0.2.60\nunicast_peer { 192.0.2.61 }", "UnicastSource=192.0.2.60; UnicastPeers[0].Addr=192.0.2.61; UnicastPeers[0].MaxTTL=255", ""},
		{"x", "", "KA2014"},
	}},
	{"mcast_dst_ip", customRow, []try{
		{"", "", "KA2002"},
		{"224.0.0.77", "MulticastGroup=224.0.0.77", ""},
		{"192.0.2.1", "", "KA2014"},
		{"x", "", "KA2014"},
		{"ff02::77", "", "KA3003"},
	}},
	{"unicast_ttl", strictRow, []try{
		{"", "", "KA2002"},
		{"0\nunicast_peer { 192.0.2.61 }", "UnicastPeers[0].Addr=192.0.2.61; UnicastPeers[0].MaxTTL=255; UnicastTTL=0", ""},
		{"254\nunicast_peer { 192.0.2.61 }", "UnicastPeers[0].Addr=192.0.2.61; UnicastPeers[0].MaxTTL=255; UnicastTTL=254", ""},
		{"256\nunicast_peer { 192.0.2.61 }", "UnicastPeers[0].Addr=192.0.2.61; UnicastPeers[0].MaxTTL=255", "KA2010"},
		{"-1\nunicast_peer { 192.0.2.61 }", "UnicastPeers[0].Addr=192.0.2.61; UnicastPeers[0].MaxTTL=255", "KA2010"},
		{"64", "", "KA3016"},
	}},
	{"linkbeat_use_polling", flagRow, []try{
		{"", "LinkbeatPolling=true", "KA2005"},
		{"off", "LinkbeatPolling=true", "KA2005"},
	}},
	{"lvs_sync_daemon_interface", customRow, []try{
		{"", "", "KA2005 KA2002"},
		{"eth0", "SyncDaemonInterface=eth0", "KA2005"},
	}},
	{"kernel_rx_buf_size", strictRow, []try{
		{"", "", "KA2003"},
		{"0", "", ""},
		{"4294967295", "RXBufferBytes=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
}
