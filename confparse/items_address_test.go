package confparse

// addressItems are the words of virtual_ipaddress and virtual_ipaddress_excluded.
var addressItems = []itemRow{
	{"<IPADDR>[/<PREFIXLEN>]", []try{
		{"192.0.2.6", "Prefix=192.0.2.6/32", ""},
		{"192.0.2.6/24", "Prefix=192.0.2.6/24", ""},
		{"192.0.2.6/32", "Prefix=192.0.2.6/32", ""},
		{"192.0.2.6/0", "Prefix=192.0.2.6/0", ""},
		{"192.0.2.6/33", "Prefix=192.0.2.6/32", "KA2010"},
		{"192.0.2.6/x", "Prefix=192.0.2.6/32", "KA2010"},
		{"192.0.2.256", "gone", "KA2015"},
		{"nonsense", "gone", "KA2015"},
		{"2001:db8::6", "gone", "KA3003"},
	}},
	{"dev", []try{
		{"192.0.2.5 dev eth1", "Interface=eth1", ""},
		{"192.0.2.5 dev eth1 dev eth2", "gone", "KA2006"},
		{"192.0.2.5 dev", "gone", "KA2003"},
		{"192.0.2.5 dev abcdefghijklmnop", "gone", "KA2018"},
	}},
	{"scope", []try{
		{"192.0.2.5 scope global", "", ""},
		{"192.0.2.5 scope site", "Scope=200", ""},
		{"192.0.2.5 scope link", "Scope=253", ""},
		{"192.0.2.5 scope host", "Scope=254", ""},
		{"192.0.2.5 scope nowhere", "Scope=255", ""},
		{"192.0.2.5 scope 7", "Scope=7", ""},
		{"192.0.2.5 scope 256", "", "KA2019"},
		{"192.0.2.5 scope other", "", "KA2019"},
		{"192.0.2.5 scope", "gone", "KA2003"},
	}},
	{"brd", []try{
		{"192.0.2.5/24 brd 192.0.2.255", "Prefix=192.0.2.5/24; Broadcast=192.0.2.255", ""},
		{"192.0.2.5/24 brd +", "Prefix=192.0.2.5/24; Broadcast=192.0.2.255", ""},
		{"192.0.2.5/24 brd -", "Prefix=192.0.2.5/24; Broadcast=192.0.2.0", ""},
		{"192.0.2.5/31 brd +", "Prefix=192.0.2.5/31", "KA2028"},
		{"192.0.2.5/24 brd x", "gone", "KA2015"},
		{"192.0.2.5/24 brd", "gone", "KA2003"},
	}},
	{"broadcast", []try{
		{"192.0.2.5/24 broadcast 192.0.2.255", "Prefix=192.0.2.5/24; Broadcast=192.0.2.255", ""},
		{"192.0.2.5/30 broadcast +", "Prefix=192.0.2.5/30; Broadcast=192.0.2.7", ""},
	}},
	{"label", []try{
		{"192.0.2.5 label eth0:1", "Label=eth0:1", ""},
		{"192.0.2.5 label abcdefghijklmnop", "gone", "KA2018"},
		{"192.0.2.5 label", "gone", "KA2003"},
	}},
	{"peer", []try{
		{"192.0.2.5 peer 192.0.2.6", "Peer=192.0.2.6/32", ""},
		{"192.0.2.5 peer x", "", "KA2014"},
		{"192.0.2.5 peer 2001:db8::6", "", "KA2014"},
		{"192.0.2.5 peer", "gone", "KA2003"},
	}},
	{"home", []try{
		{"192.0.2.5 home", "Flags=16", ""},
	}},
	{"-nodad", []try{
		{"192.0.2.5 -nodad", "", ""},
	}},
	{"mngtmpaddr", []try{
		{"192.0.2.5 mngtmpaddr", "Flags=256", ""},
	}},
	{"noprefixroute", []try{
		{"192.0.2.5 noprefixroute", "Flags=512", ""},
	}},
	{"autojoin", []try{
		{"192.0.2.5 autojoin", "Flags=1024", ""},
	}},
	{"no_track", []try{
		{"192.0.2.5 no_track", "NoTrack=true", ""},
	}},
	{"preferred_lft", []try{
		{"192.0.2.5 preferred_lft 0", "PreferredLifetime=0", ""},
		{"192.0.2.5 preferred_lft 4294967295", "", ""},
		{"192.0.2.5 preferred_lft forever", "", ""},
		{"192.0.2.5 preferred_lft 4294967296", "", "KA2010"},
		{"192.0.2.5 preferred_lft x", "", "KA2010"},
		{"192.0.2.5 preferred_lft", "gone", "KA2003"},
	}},
	{"use_vmac", []try{
		{"192.0.2.5 use_vmac", "UseVMAC=true", ""},
	}},
	{"track_group", []try{
		{"192.0.2.5 track_group T", "", "KA2006"},
	}},
	{"(unknown word)", []try{
		{"192.0.2.5 nonsense", "", "KA2020"},
		{"192.0.2.5 192.0.2.6", "", "KA2020"},
		{"192.0.2.5 nonsense dev eth1", "Interface=eth1", "KA2020"},
	}},
}

// address6Items are what is different for IPv6 addresses.
var address6Items = []itemRow{
	{"<IPADDR>[/<PREFIXLEN>]", []try{
		{"2001:db8::6/64", "Prefix=2001:db8::6/64; PreferredLifetime=4294967295", ""},
		{"2001:db8::6/128", "Prefix=2001:db8::6/128", ""},
		{"2001:db8::6/129", "Prefix=2001:db8::6/128", "KA2010"},
	}},
	{"scope", []try{
		{"2001:db8::5 scope link", "", "KA2026"},
	}},
	{"brd", []try{
		{"2001:db8::5 brd +", "gone", "KA2027"},
	}},
	{"label", []try{
		{"2001:db8::5 label eth0:1", "", "KA2026"},
	}},
	{"-nodad", []try{
		{"2001:db8::5 -nodad", "Flags=0", ""},
	}},
	{"preferred_lft", []try{
		{"2001:db8::5/128 preferred_lft forever", "PreferredLifetime=4294967295", ""},
	}},
}

// staticAddressItems are what only static_ipaddress knows, or does not.
var staticAddressItems = []itemRow{
	{"track_group", []try{
		{"192.0.2.5 dev eth1 track_group T", "TrackGroup=T", ""},
		{"192.0.2.5 dev eth1 track_group X", "", "KA3066"},
		{"192.0.2.5 dev eth1 track_group T track_group T", "TrackGroup=T", "KA2006"},
		{"192.0.2.5 track_group T", "VirtualAddress.Interface=eth0; TrackGroup=T", ""},
	}},
	{"use_vmac", []try{
		{"192.0.2.5 dev eth1 use_vmac", "", "KA2020"},
	}},
}

// peerItems are the words of unicast_peer.
var peerItems = []itemRow{
	{"<IPADDR>", []try{
		{"192.0.2.78", "UnicastPeers[0].Addr=192.0.2.78", ""},
		{"x", "-UnicastPeers[0].Addr; -UnicastPeers[0].MaxTTL", "KA2017 KA3016"},
		{"2001:db8::77", "-UnicastPeers[0].Addr; -UnicastPeers[0].MaxTTL", "KA3003 KA3016"},
		{"192.0.2.77\n192.0.2.77", "", "KA3005"},
	}},
	{"min_ttl", []try{
		{"192.0.2.77 min_ttl 0", "CheckUnicastSrc=true", ""},
		{"192.0.2.77 min_ttl 255", "UnicastPeers[0].MinTTL=255; CheckUnicastSrc=true", ""},
		{"192.0.2.77 min_ttl 256", "", "KA2010"},
		{"192.0.2.77 min_ttl", "", "KA2003"},
		{"192.0.2.77 min_ttl 5x", "", "KA2010"},
	}},
	{"max_ttl", []try{
		{"192.0.2.77 max_ttl 0", "UnicastPeers[0].MaxTTL=0; CheckUnicastSrc=true", ""},
		{"192.0.2.77 max_ttl 254", "UnicastPeers[0].MaxTTL=254; CheckUnicastSrc=true", ""},
		{"192.0.2.77 max_ttl 256", "", "KA2010"},
		{"192.0.2.77 max_ttl", "", "KA2003"},
	}},
}
