package confparse

// route6Items are what is different for IPv6 routes.
var route6Items = []itemRow{
	{"from", []try{
		{"2001:db8:1::/48 via fe80::9 dev eth1 from 2001:db8:2::/48", "From=2001:db8:2::/48", ""},
		{"2001:db8:1::/48 dev eth1 from x", "gone", "KA2041"},
	}},
	{"expires", []try{
		{"2001:db8:1::/48 via fe80::9 dev eth1 expires 4294967295", "Expires=1193046h28m15s", ""},
		{"2001:db8:1::/48 dev eth1 expires 4294967296", "gone", "KA2010"},
	}},
	{"pref", []try{
		{"2001:db8:1::/48 via fe80::9 dev eth1 pref low", "Preference=low", ""},
		{"2001:db8:1::/48 via fe80::9 dev eth1 pref medium", "Preference=medium", ""},
		{"2001:db8:1::/48 via fe80::9 dev eth1 pref high", "Preference=high", ""},
		{"2001:db8:1::/48 dev eth1 pref other", "gone", "KA2010"},
	}},
	{"[to] <TYPE>? <PREFIX>|default|any|all|default6", []try{
		{"default6 via fe80::9 dev eth1", "Dest=::/0", ""},
		{"2001:db8:1::/129 dev eth1", "gone", "KA2041"},
	}},
	{"realms", []try{
		{"2001:db8:1::/48 dev eth1 realms 5", "gone", "KA2041"},
	}},
}

// staticRouteItems are what only static_routes knows.
var staticRouteItems = []itemRow{
	{"track_group", []try{
		{"10.0.0.0/8 dev eth1 track_group T", "TrackGroup=T", ""},
		{"10.0.0.0/8 dev eth1 track_group X", "", "KA3066"},
		{"10.0.0.0/8 dev eth1 track_group T track_group T", "gone", "KA2041"},
		{"10.0.0.0/8 via 192.0.2.9 track_group T", "Hop.Via=192.0.2.9; Hop.Interface=; NoTrack=true; TrackGroup=T", "KA3070"},
	}},
}

// hopItems are the words behind nexthop.
var hopItems = []itemRow{
	{"via", []try{
		{"10.0.0.0/8 nexthop via 192.0.2.7 dev eth1 nexthop via 192.0.2.8 dev eth1", "Hops[0].Via=192.0.2.7", "KA3070"},
		{"10.0.0.0/8 nexthop via x dev eth1 nexthop via 192.0.2.8 dev eth1", "Hops[0].Via=192.0.2.8; -Hops[1].Via; -Hops[1].Interface; -Hops[1].Weight", "KA2041 KA3070"},
	}},
	{"dev", []try{
		{"10.0.0.0/8 nexthop via 192.0.2.9 dev eth2 nexthop via 192.0.2.8 dev eth1", "Hops[0].Interface=eth2", "KA3070"},
	}},
	{"weight", []try{
		{"10.0.0.0/8 nexthop via 192.0.2.9 dev eth1 weight 1 nexthop via 192.0.2.8 dev eth1 weight 256", "Hops[1].Weight=256", "KA3070"},
		{"10.0.0.0/8 nexthop via 192.0.2.9 dev eth1 weight 0 nexthop via 192.0.2.8 dev eth1", "Hops[0].Via=192.0.2.8; -Hops[1].Via; -Hops[1].Interface; -Hops[1].Weight", "KA2010 KA3070"},
		{"10.0.0.0/8 nexthop via 192.0.2.9 dev eth1 weight 257 nexthop via 192.0.2.8 dev eth1", "Hops[0].Via=192.0.2.8; -Hops[1].Via; -Hops[1].Interface; -Hops[1].Weight", "KA2010 KA3070"},
	}},
	{"onlink", []try{
		{"10.0.0.0/8 nexthop via 192.0.2.9 dev eth1 onlink nexthop via 192.0.2.8 dev eth1", "Hops[0].OnLink=true", "KA3070"},
	}},
	{"encap", []try{
		{"10.0.0.0/8 nexthop via 192.0.2.9 dev eth1 encap ip dst 192.0.2.3 nexthop via 192.0.2.8 dev eth1", "Hops[0].Encap.Kind=ip; Hops[0].Encap.Dst=192.0.2.3", "KA3070"},
	}},
	{"realms", []try{
		{"10.0.0.0/8 nexthop via 192.0.2.9 dev eth1 realms 3/4 nexthop via 192.0.2.8 dev eth1", "Hops[0].Realms=196612", "KA3070"},
	}},
	{"as", []try{
		{"10.0.0.0/8 nexthop via 192.0.2.9 dev eth1 as 192.0.2.7 nexthop via 192.0.2.8 dev eth1", "Hops[0].Via=192.0.2.8; -Hops[1].Via; -Hops[1].Interface; -Hops[1].Weight", "KA2041 KA3070"},
	}},
}

// encapIPItems are the words behind encap ip.
var encapIPItems = []itemRow{
	{"id", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip id 18446744073709551615", "Encap.Kind=ip; Encap.ID=18446744073709551615", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip id x", "Encap.Kind=ip", "KA2020"},
	}},
	{"dst", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip dst 192.0.2.3", "Encap.Kind=ip; Encap.Dst=192.0.2.3", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip dst x", "gone", "KA2041"},
	}},
	{"src", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip id 1 src 192.0.2.4", "Encap.Kind=ip; Encap.ID=1; Encap.Src=192.0.2.4", ""},
	}},
	{"tos", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip id 1 tos 16", "Encap.Kind=ip; Encap.ID=1; Encap.TOS=16", ""},
	}},
	{"ttl", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip id 1 ttl 255", "Encap.Kind=ip; Encap.ID=1; Encap.TTL=255", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip id 1 ttl 256", "gone", "KA2010"},
	}},
	{"flags", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip id 1 flags 65535", "Encap.Kind=ip; Encap.ID=1; Encap.Flags=65535", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip id 1 flags 65536", "gone", "KA2010"},
	}},
}

// encapIP6Items are the words behind encap ip6.
var encapIP6Items = []itemRow{
	{"id", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip6 id 7", "Encap.Kind=ip6; Encap.ID=7", ""},
	}},
	{"dst", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip6 dst 2001:db8::3", "Encap.Kind=ip6; Encap.Dst=2001:db8::3", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip6 dst 192.0.2.3", "gone", "KA2041"},
	}},
	{"src", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip6 id 1 src 2001:db8::4", "Encap.Kind=ip6; Encap.ID=1; Encap.Src=2001:db8::4", ""},
	}},
	{"tc", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip6 id 1 tc 16", "Encap.Kind=ip6; Encap.ID=1; Encap.TOS=16", ""},
	}},
	{"hoplimit", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip6 id 1 hoplimit 255", "Encap.Kind=ip6; Encap.ID=1; Encap.TTL=255", ""},
	}},
	{"flags", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip6 id 1 flags 65535", "Encap.Kind=ip6; Encap.ID=1; Encap.Flags=65535", ""},
	}},
}

// encapMPLSItems are the labels of encap mpls.
var encapMPLSItems = []itemRow{
	{"<LABEL>[/<LABEL>]...", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap mpls 100", "Encap.Kind=mpls; Encap.Labels[0]=100", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap mpls 100/200", "Encap.Kind=mpls; Encap.Labels[0]=100; Encap.Labels[1]=200", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap mpls x", "", "KA2020"},
	}},
}

// encapILAItems are the locators of encap ila.
var encapILAItems = []itemRow{
	{"<LOCATOR>", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ila 1:2:3:4", "Encap.Kind=ila; Encap.Locator=281483566841860", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ila 1234", "", "KA2020"},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ila x", "", "KA2020"},
	}},
}
