package confparse

// ruleItems are the words of rules.
var ruleItems = []itemRow{
	{"inet", []try{
		{"from 10.0.0.0/8 table 100 preference 5 inet", "", ""},
		{"from 2001:db8::/32 table 100 preference 5 inet", "gone", "KA2042"},
		{"inet iif eth1 table 100 preference 5", "IIF=eth1; -From", ""},
	}},
	{"inet6", []try{
		{"from 2001:db8::/32 table 100 preference 5 inet6", "Family=IPv6; From=2001:db8::/32", ""},
		{"from 10.0.0.0/8 table 100 preference 5 inet6", "gone", "KA2042"},
		{"inet6 iif eth1 table 100 preference 5", "Family=IPv6; IIF=eth1; -From", ""},
	}},
	{"from", []try{
		{"from 11.0.0.0/8 table 100 preference 5", "From=11.0.0.0/8", ""},
		{"from any table 100 preference 5", "-From", ""},
		{"from default table 100 preference 5", "-From", ""},
		{"from all table 100 preference 5", "-From", ""},
		{"from x table 100 preference 5", "gone", "KA2042"},
		{"from 10.0.0.0/8 to 2001:db8::/32 table 100 preference 5", "gone", "KA2042"},
	}},
	{"to", []try{
		{"from 10.0.0.0/8 to 11.0.0.0/8 table 100 preference 5", "To=11.0.0.0/8", ""},
		{"to x table 100 preference 5", "gone", "KA2042"},
	}},
	{"table", []try{
		{"from 10.0.0.0/8 table main preference 5", "Table=254", ""},
		{"from 10.0.0.0/8 table 4294967295 preference 5", "Table=4294967295", ""},
		{"from 10.0.0.0/8 table 0 preference 5", "gone", "KA2042"},
		{"from 10.0.0.0/8 table nosuch preference 5", "gone", "KA2042"},
		{"from 10.0.0.0/8 table 100 goto 9 preference 5", "gone", "KA2042"},
	}},
	{"lookup", []try{
		{"from 10.0.0.0/8 lookup 101 preference 5", "Table=101", ""},
	}},
	{"not", []try{
		{"not from 10.0.0.0/8 table 100 preference 5", "Not=true", ""},
	}},
	{"preference", []try{
		{"from 10.0.0.0/8 table 100 preference 4294967295", "Preference=4294967295", ""},
		{"from 10.0.0.0/8 table 100 preference 0x10", "Preference=16", ""},
		{"from 10.0.0.0/8 table 100 preference 010", "Preference=8", ""},
		{"from 10.0.0.0/8 table 100 preference x", "gone", "KA2042"},
		{"from 10.0.0.0/8 table 100", "Preference=16384", "KA3072"},
	}},
	{"order", []try{
		{"from 10.0.0.0/8 table 100 order 7", "Preference=7", ""},
	}},
	{"priority", []try{
		{"from 10.0.0.0/8 table 100 priority 7", "Preference=7", ""},
	}},
	{"tos", []try{
		{"from 10.0.0.0/8 tos 16 table 100 preference 5", "TOS=16", ""},
		{"from 10.0.0.0/8 tos 256 table 100 preference 5", "gone", "KA2042"},
	}},
	{"dsfield", []try{
		{"from 10.0.0.0/8 dsfield 0x10 table 100 preference 5", "TOS=16", ""},
	}},
	{"fwmark", []try{
		{"from 10.0.0.0/8 fwmark 7 table 100 preference 5", "Mark=7; MarkMask=4294967295; MarkSet=true", ""},
		{"from 10.0.0.0/8 fwmark 0x7/0xff table 100 preference 5", "Mark=7; MarkMask=255; MarkSet=true", ""},
		{"from 10.0.0.0/8 fwmark x table 100 preference 5", "gone", "KA2042"},
	}},
	{"realms", []try{
		{"from 10.0.0.0/8 realms 3/5 table 100 preference 5", "Realms=196613", ""},
		{"from 10.0.0.0/8 realms x table 100 preference 5", "gone", "KA2042"},
	}},
	{"suppress_prefixlength", []try{
		{"from 10.0.0.0/8 table 100 suppress_prefixlength 0 preference 5", "SuppressLength=0", ""},
		{"from 10.0.0.0/8 table 100 suppress_prefixlength 32 preference 5", "SuppressLength=32", ""},
		{"from 10.0.0.0/8 table 100 suppress_prefixlength x preference 5", "gone", "KA2010"},
		{"from 10.0.0.0/8 blackhole suppress_prefixlength 5 preference 5", "gone", "KA2042"},
	}},
	{"sup_pl", []try{
		{"from 10.0.0.0/8 table 100 sup_pl 8 preference 5", "SuppressLength=8", ""},
	}},
	{"suppress_ifgroup", []try{
		{"from 10.0.0.0/8 table 100 suppress_ifgroup 7 preference 5", "SuppressGroup=7", ""},
		{"from 10.0.0.0/8 table 100 suppress_ifgroup nosuch preference 5", "gone", "KA2042"},
	}},
	{"sup_group", []try{
		{"from 10.0.0.0/8 table 100 sup_group 7 preference 5", "SuppressGroup=7", ""},
	}},
	{"dev", []try{
		{"from 10.0.0.0/8 dev eth1 table 100 preference 5", "IIF=eth1", ""},
	}},
	{"iif", []try{
		{"from 10.0.0.0/8 iif eth1 table 100 preference 5", "IIF=eth1", ""},
		{"from 10.0.0.0/8 iif abcdefghijklmnop table 100 preference 5", "gone", "KA2018"},
	}},
	{"oif", []try{
		{"from 10.0.0.0/8 oif eth1 table 100 preference 5", "OIF=eth1", ""},
	}},
	{"tunnel-id", []try{
		{"from 10.0.0.0/8 tunnel-id 18446744073709551615 table 100 preference 5", "TunnelID=18446744073709551615", ""},
		{"from 10.0.0.0/8 tunnel-id x table 100 preference 5", "gone", "KA2042"},
	}},
	{"uidrange", []try{
		{"from 10.0.0.0/8 uidrange 0-4294967294 table 100 preference 5", "UIDHigh=4294967294; UIDSet=true", ""},
		{"from 10.0.0.0/8 uidrange 5 table 100 preference 5", "gone", "KA2042"},
	}},
	{"l3mdev", []try{
		{"from 10.0.0.0/8 l3mdev preference 5", "Action=7; Table=0", ""},
		{"from 10.0.0.0/8 l3mdev table 100 preference 5", "gone", "KA2042"},
	}},
	{"protocol", []try{
		{"from 10.0.0.0/8 table 100 no_track protocol 5 preference 5", "Protocol=5; NoTrack=true", ""},
		{"from 10.0.0.0/8 table 100 protocol 5 preference 5", "", "KA3070"},
		{"from 10.0.0.0/8 table 100 protocol 256 preference 5", "", "KA2010"},
	}},
	{"ipproto", []try{
		{"from 10.0.0.0/8 ipproto tcp table 100 preference 5", "IPProto=6", ""},
		{"from 10.0.0.0/8 ipproto 255 table 100 preference 5", "IPProto=255", ""},
		{"from 10.0.0.0/8 ipproto 256 table 100 preference 5", "", "KA2010"},
	}},
	{"sport", []try{
		{"from 10.0.0.0/8 sport 1-65535 table 100 preference 5", "SourcePorts.First=1; SourcePorts.Last=65535", ""},
		{"from 10.0.0.0/8 sport 80 table 100 preference 5", "SourcePorts.First=80; SourcePorts.Last=80", ""},
	}},
	{"dport", []try{
		{"from 10.0.0.0/8 dport 80-90 table 100 preference 5", "DestPorts.First=80; DestPorts.Last=90", ""},
		{"from 10.0.0.0/8 dport x table 100 preference 5", "", "KA2020"},
	}},
	{"no_track", []try{
		{"from 10.0.0.0/8 table 100 preference 5 no_track", "NoTrack=true", ""},
	}},
	{"track_group", []try{
		{"from 10.0.0.0/8 table 100 preference 5 track_group T", "gone", "KA2042"},
	}},
	{"goto", []try{
		{"from 10.0.0.0/8 goto 9 preference 5", "Action=2; Table=0; Goto=9", ""},
		{"from 10.0.0.0/8 goto 5 preference 5", "gone", "KA2042"},
		{"from 10.0.0.0/8 goto 9", "gone", "KA2042"},
	}},
	{"nop", []try{
		{"from 10.0.0.0/8 nop preference 5", "Action=3; Table=0", ""},
		{"from 10.0.0.0/8 nop table 100 preference 5", "gone", "KA2042"},
	}},
	{"[type] blackhole|prohibit|unreachable", []try{
		{"from 10.0.0.0/8 blackhole preference 5", "Action=4; Table=0", ""},
		{"from 10.0.0.0/8 type prohibit preference 5", "Action=6; Table=0", ""},
		{"from 10.0.0.0/8 unreachable preference 5", "Action=5; Table=0", ""},
		{"from 10.0.0.0/8 type unicast preference 5", "gone", "KA2042"},
	}},
	{"(unknown word)", []try{
		{"from 10.0.0.0/8 table 100 preference 5 nonsense", "gone", "KA2042"},
		{"from 10.0.0.0/8 preference 5", "gone", "KA2042"},
	}},
}

// staticRuleItems are what only static_rules knows.
var staticRuleItems = []itemRow{
	{"track_group", []try{
		{"from 10.0.0.0/8 iif eth1 table 100 preference 5 track_group T", "TrackGroup=T", ""},
		{"from 10.0.0.0/8 iif eth1 table 100 preference 5 track_group X", "", "KA3066"},
		{"from 10.0.0.0/8 table 100 preference 5 track_group T", "IIF=", "KA3070"},
	}},
}
