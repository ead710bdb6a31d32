package confparse

// routeItems are the words of routes.
var routeItems = []itemRow{
	{"[to] <TYPE>? <PREFIX>|default|any|all|default6", []try{
		{"to 10.0.0.0/8 via 192.0.2.9 dev eth1", "", ""},
		{"11.0.0.0/8 via 192.0.2.9 dev eth1", "Dest=11.0.0.0/8", ""},
		{"10.0.0.1 via 192.0.2.9 dev eth1", "Dest=10.0.0.1/32", ""},
		{"default via 192.0.2.9 dev eth1", "Dest=0.0.0.0/0", ""},
		{"any via 192.0.2.9 dev eth1", "Dest=0.0.0.0/0", ""},
		{"all via 192.0.2.9 dev eth1", "Dest=0.0.0.0/0", ""},
		{"default6 dev eth1", "Family=IPv6; Dest=::/0; -Hop.Via", ""},
		{"unicast 10.0.0.0/8 via 192.0.2.9 dev eth1", "", ""},
		{"blackhole 10.0.0.0/8", "Type=6; Hop.Interface=; NoTrack=true; -Hop.Via", "KA3070"},
		{"unreachable 10.0.0.0/8", "Type=7; Hop.Interface=; NoTrack=true; -Hop.Via", "KA3070"},
		{"prohibit 10.0.0.0/8", "Type=8; Hop.Interface=; NoTrack=true; -Hop.Via", "KA3070"},
		{"throw 10.0.0.0/8", "Type=9; Hop.Interface=; NoTrack=true; -Hop.Via", "KA3070"},
		{"local 10.0.0.0/8 dev eth1", "Type=2; -Hop.Via", ""},
		{"broadcast 10.0.0.0/8 dev eth1", "Type=3; -Hop.Via", ""},
		{"multicast 224.0.0.0/4 dev eth1", "Type=5; Dest=224.0.0.0/4; -Hop.Via", ""},
		{"10/8 via 192.0.2.9 dev eth1", "gone", "KA2041"},
		{"via 192.0.2.9 dev eth1", "gone", "KA2041"},
		{"10.0.0.0/33 dev eth1", "gone", "KA2041"},
	}},
	{"inet", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 inet", "", ""},
		{"2001:db8::/32 dev eth1 inet", "gone", "KA2041"},
		{"inet 2001:db8::/32 dev eth1", "gone", "KA2041"},
	}},
	{"inet6", []try{
		{"2001:db8::/32 dev eth1 inet6", "Family=IPv6; Dest=2001:db8::/32; -Hop.Via", ""},
		{"10.0.0.0/8 dev eth1 inet6", "gone", "KA2041"},
		{"inet6 default via fe80::1 dev eth1", "Family=IPv6; Dest=::/0; Hop.Via=fe80::1", ""},
	}},
	{"src", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 src 192.0.2.1", "Source=192.0.2.1", ""},
		{"10.0.0.0/8 dev eth1 src 2001:db8::1", "gone", "KA2041"},
		{"10.0.0.0/8 dev eth1 src 192.0.2.1/24", "gone", "KA2041"},
		{"10.0.0.0/8 dev eth1 src", "gone", "KA2002"},
	}},
	{"as", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 as 192.0.2.7", "", "KA2045"},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 as to 192.0.2.7", "", "KA2045"},
	}},
	{"via", []try{
		{"10.0.0.0/8 via 192.0.2.8 dev eth1", "Hop.Via=192.0.2.8", ""},
		{"10.0.0.0/8 via inet 192.0.2.8 dev eth1", "Hop.Via=192.0.2.8", ""},
		{"10.0.0.0/8 via inet6 fe80::8 dev eth1", "gone", "KA2041"},
		{"10.0.0.0/8 via x dev eth1", "gone", "KA2041"},
		{"10.0.0.0/8 dev eth1 via", "gone", "KA2002"},
	}},
	{"gw", []try{
		{"10.0.0.0/8 gw 192.0.2.8 dev eth1", "Hop.Via=192.0.2.8", "KA2005"},
	}},
	{"from", []try{
		{"10.0.0.0/8 from 192.0.2.0/24 dev eth1", "gone", "KA2041"},
	}},
	{"tos", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 tos 16", "TOS=16", ""},
		{"10.0.0.0/8 dev eth1 tos 256", "gone", "KA2041"},
		{"10.0.0.0/8 dev eth1 tos", "gone", "KA2002"},
	}},
	{"dsfield", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 dsfield 0x10", "TOS=16", ""},
		{"10.0.0.0/8 dev eth1 dsfield x", "gone", "KA2041"},
	}},
	{"table", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 table 100", "Table=100", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 table main", "", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 table local", "Table=255", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 table 4294967295", "Table=4294967295", ""},
		{"10.0.0.0/8 dev eth1 table 4294967296", "gone", "KA2041"},
		{"10.0.0.0/8 dev eth1 table nosuch", "gone", "KA2041"},
	}},
	{"protocol", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 protocol 18", "", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 no_track protocol static", "Protocol=4; NoTrack=true", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 protocol 4", "", "KA3070"},
		{"10.0.0.0/8 dev eth1 protocol 256", "gone", "KA2041"},
	}},
	{"scope", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 scope link", "Scope=253; ScopeSet=true", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 scope 255", "Scope=255; ScopeSet=true", ""},
		{"10.0.0.0/8 dev eth1 scope 256", "gone", "KA2041"},
	}},
	{"metric", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 metric 0", "MetricSet=true", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 metric 4294967295", "Metric=4294967295; MetricSet=true", ""},
		{"10.0.0.0/8 dev eth1 metric 4294967296", "gone", "KA2010"},
		{"10.0.0.0/8 dev eth1 metric 5x", "gone", "KA2010"},
		{"10.0.0.0/8 dev eth1 metric", "gone", "KA2002"},
	}},
	{"priority", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 priority 7", "Metric=7; MetricSet=true", ""},
	}},
	{"preference", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 preference 7", "Metric=7; MetricSet=true", ""},
	}},
	{"dev", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth2", "Hop.Interface=eth2", ""},
		{"10.0.0.0/8 dev abcdefghijklmnop", "gone", "KA2018"},
		{"10.0.0.0/8 dev", "gone", "KA2002"},
	}},
	{"oif", []try{
		{"10.0.0.0/8 via 192.0.2.9 oif eth2", "Hop.Interface=eth2", ""},
	}},
	{"onlink", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 onlink", "Hop.OnLink=true", ""},
	}},
	{"encap", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap ip dst 192.0.2.3", "Hop.Encap.Kind=ip; Hop.Encap.Dst=192.0.2.3", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 encap vxlan", "", "KA2020"},
	}},
	{"expires", []try{
		{"10.0.0.0/8 dev eth1 expires 5", "gone", "KA2041"},
	}},
	{"mtu", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 mtu 1400", "Metrics[0].Name=mtu; Metrics[0].Value=1400", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 mtu lock 1400", "Metrics[0].Name=mtu; Metrics[0].Value=1400; Metrics[0].Lock=true", ""},
		{"10.0.0.0/8 dev eth1 mtu x", "gone", "KA2010"},
		{"10.0.0.0/8 dev eth1 mtu lock", "gone", "KA2002"},
		{"10.0.0.0/8 dev eth1 mtu 4294967296", "gone", "KA2010"},
	}},
	{"hoplimit", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 hoplimit 255", "Metrics[0].Name=hoplimit; Metrics[0].Value=255", ""},
		{"10.0.0.0/8 dev eth1 hoplimit 256", "gone", "KA2010"},
	}},
	{"advmss", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 advmss 1300", "Metrics[0].Name=advmss; Metrics[0].Value=1300", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 advmss lock 1300", "Metrics[0].Name=advmss; Metrics[0].Value=1300; Metrics[0].Lock=true", ""},
	}},
	{"rtt", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rtt 2400", "Metrics[0].Name=rtt; Metrics[0].Value=300", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rtt 300ms", "Metrics[0].Name=rtt; Metrics[0].Value=300", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rtt 2s", "Metrics[0].Name=rtt; Metrics[0].Value=2000", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rtt lock 300ms", "Metrics[0].Name=rtt; Metrics[0].Value=300; Metrics[0].Lock=true", ""},
		{"10.0.0.0/8 dev eth1 rtt x", "gone", "KA2041"},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rtt 5ms", "Metrics[0].Name=rtt; Metrics[0].Value=200", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rtt 500s", "Metrics[0].Name=rtt; Metrics[0].Value=120000", ""},
		{"10.0.0.0/8 dev eth1 rtt", "gone", "KA2002"},
	}},
	{"rttvar", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rttvar 2400", "Metrics[0].Name=rttvar; Metrics[0].Value=600", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rttvar 300ms", "Metrics[0].Name=rttvar; Metrics[0].Value=300", ""},
	}},
	{"reordering", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 reordering 5", "Metrics[0].Name=reordering; Metrics[0].Value=5", ""},
		{"10.0.0.0/8 dev eth1 reordering x", "gone", "KA2010"},
	}},
	{"window", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 window 65535", "Metrics[0].Name=window; Metrics[0].Value=65535", ""},
		{"10.0.0.0/8 dev eth1 window x", "gone", "KA2010"},
	}},
	{"cwnd", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 cwnd 10", "Metrics[0].Name=cwnd; Metrics[0].Value=10", ""},
		{"10.0.0.0/8 dev eth1 cwnd x", "gone", "KA2010"},
	}},
	{"ssthresh", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 ssthresh 10", "Metrics[0].Name=ssthresh; Metrics[0].Value=10", ""},
		{"10.0.0.0/8 dev eth1 ssthresh x", "gone", "KA2010"},
	}},
	{"realms", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 realms 5", "Hop.Realms=5", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 realms 3/5", "Hop.Realms=196613", ""},
		{"10.0.0.0/8 dev eth1 realms 256", "gone", "KA2041"},
		{"10.0.0.0/8 dev eth1 realms", "gone", "KA2002"},
	}},
	{"rto_min", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rto_min 300", "Metrics[0].Name=rto_min; Metrics[0].Value=300", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rto_min 1s", "Metrics[0].Name=rto_min; Metrics[0].Value=1000", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 rto_min lock 300ms", "Metrics[0].Name=rto_min; Metrics[0].Value=300; Metrics[0].Lock=true", ""},
		{"10.0.0.0/8 dev eth1 rto_min x", "gone", "KA2041"},
	}},
	{"initcwnd", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 initcwnd 10", "Metrics[0].Name=initcwnd; Metrics[0].Value=10", ""},
		{"10.0.0.0/8 dev eth1 initcwnd x", "gone", "KA2010"},
	}},
	{"initrwnd", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 initrwnd 10", "Metrics[0].Name=initrwnd; Metrics[0].Value=10", ""},
		{"10.0.0.0/8 dev eth1 initrwnd x", "gone", "KA2010"},
	}},
	{"features", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 features ecn", "Features=1", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 features nsa", "", "KA2020"},
	}},
	{"quickack", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 quickack 1", "Metrics[0].Name=quickack; Metrics[0].Value=1", ""},
		{"10.0.0.0/8 dev eth1 quickack 2", "gone", "KA2010"},
	}},
	{"congctl", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 congctl bbr", "Congestion=bbr", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 congctl lock bbr", "Congestion=bbr", ""},
	}},
	{"pref", []try{
		{"10.0.0.0/8 dev eth1 pref low", "gone", "KA2041"},
	}},
	{"ttl-propagate", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 ttl-propagate enabled", "TTLPropagate=on", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 ttl-propagate disabled", "TTLPropagate=off", ""},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 ttl-propagate maybe", "", "KA2020"},
	}},
	{"fastopen_no_cookie", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 fastopen_no_cookie 1", "Metrics[0].Name=fastopen_no_cookie; Metrics[0].Value=1", ""},
		{"10.0.0.0/8 dev eth1 fastopen_no_cookie 2", "gone", "KA2010"},
	}},
	{"add", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 add", "Position=add", ""},
	}},
	{"prepend", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 prepend", "", ""},
	}},
	{"append", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 append", "Position=append", ""},
	}},
	{"or", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 or 192.0.2.8", "Hops[0].Via=192.0.2.8; Hops[0].Weight=1", "KA2005"},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 or 192.0.2.8 or 192.0.2.7", "Hops[0].Via=192.0.2.8; Hops[0].Weight=1", "KA2005 KA2005 KA2006"},
	}},
	{"nexthop", []try{
		{"10.0.0.0/8 nexthop via 192.0.2.9 dev eth1 weight 5 nexthop via 192.0.2.8 dev eth2", "Hop.Interface=; Hops[0].Via=192.0.2.9; Hops[0].Interface=eth1; Hops[0].Weight=5; Hops[1].Via=192.0.2.8; Hops[1].Interface=eth2; Hops[1].Weight=1; NoTrack=true; -Hop.Via", "KA3070"},
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 or 192.0.2.8 nexthop via 192.0.2.7", "Hops[0].Via=192.0.2.8; Hops[0].Weight=1", "KA2005 KA2041"},
	}},
	{"no_track", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 no_track", "NoTrack=true", ""},
	}},
	{"track_group", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 track_group T", "gone", "KA2041"},
	}},
	{"vrf", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 vrf blue", "VRF=blue", ""},
	}},
	{"(unknown word)", []try{
		{"10.0.0.0/8 via 192.0.2.9 dev eth1 nonsense", "gone", "KA2041"},
	}},
}
