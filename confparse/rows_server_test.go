package confparse

// serverRows are those of real_server.
var serverRows = []row{
	{"weight", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "VirtualServers[0].Quorum=0; Weight=0", "KA3046"},
		{"2147483647", "Weight=2147483647", ""},
		{"-1", "", "KA2010"},
		{"2147483648", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"lvs_method", customRow, []try{
		{"", "", "KA2002"},
		{"NAT", "", ""},
		{"DR", "ID.Port=80; Forwarding=3", "KA3043"},
		{"TUN", "ID.Port=80; Forwarding=2", "KA3043"},
		{"dr", "", "KA2021"},
		{"TUN type gre csum", "ID.Port=80; Forwarding=2; Tunnel.Type=2; Tunnel.Flags=1", "KA3043"},
	}},
	{"uthreshold", lenientRow, []try{
		{"", "", "KA2002"},
		{"1", "UpperThreshold=1", ""},
		{"4294967295", "UpperThreshold=4294967295", ""},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"lthreshold", lenientRow, []try{
		{"", "", "KA2002"},
		{"1", "", "KA3045"},
		{"1\nuthreshold 2", "UpperThreshold=2; LowerThreshold=1", ""},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"inhibit_on_failure", boolRow, []try{
		{"", "InhibitOnFailure=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"notify_up", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `NotifyUp.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_up /bin/false", `NotifyUp.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"notify_down", customRow, []try{
		{"", "", "KA2002"},
		{"/bin/true", `NotifyDown.Argv=["/bin/true"]`, ""},
		{"/bin/true\nnotify_down /bin/false", `NotifyDown.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"alpha", boolRow, []try{
		{"", "Checkers[0].Alpha=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"retry", strictRow, []try{
		{"", "", "KA2002"},
		{"1", "", ""},
		{"7", "Checkers[0].Retry=7", ""},
		{"4294967295", "Checkers[0].Retry=4294967295", ""},
		{"0", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"delay_before_retry", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "Checkers[0].DelayBeforeRetry=0s", ""},
		{"7", "Checkers[0].DelayBeforeRetry=7s", ""},
		{"-1", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"warmup", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "Checkers[0].Warmup=0s", ""},
		{"7", "Checkers[0].Warmup=7s", ""},
		{"-1", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"connect_timeout", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.000001", "Checkers[0].Connect.Timeout=1µs", ""},
		{"4294.967295", "Checkers[0].Connect.Timeout=1h11m34.967295s", ""},
		{"0", "", "KA2010"},
		{"4294.967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"delay_loop", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.000001", "Checkers[0].DelayLoop=1µs; Checkers[0].Warmup=1µs", ""},
		{"7", "Checkers[0].DelayLoop=7s; Checkers[0].Warmup=7s", ""},
		{"0", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"smtp_alert", boolRow, []try{
		{"", "Mail=on", ""},
		{"off", "Mail=off", ""},
		{"maybe", "", "KA2013"},
	}},
	{"virtualhost", customRow, []try{
		{"", "", "KA2003"},
		{"rs.example.net", "VirtualHost=rs.example.net", ""},
		{"a\nvirtualhost b", "VirtualHost=b", "KA2050"},
	}},
	{"snmp_name", customRow, []try{
		{"", "", "KA2003"},
		{"web", "SNMPName=web", ""},
		{"a b", "", "KA2003"},
	}},
	{"MISC_CHECK", customRow, []try{
		{"{ }", "", "KA3032"},
		{"{ misc_path /bin/true }", `Checkers[1].Kind=MISC_CHECK; Checkers[1].DelayLoop=1m0s; Checkers[1].Warmup=1m0s; Checkers[1].DelayBeforeRetry=1s; Checkers[1].Detail.Script.Argv=["/bin/true"]; Checkers[1].Detail.Timeout=1m0s`, ""},
	}},
	{"SMTP_CHECK", customRow, []try{
		{"{ }", "Checkers[1].Kind=SMTP_CHECK; Checkers[1].DelayLoop=1m0s; Checkers[1].Warmup=1m0s; Checkers[1].Retry=1; Checkers[1].DelayBeforeRetry=1s; Checkers[1].Connect.Addr=10.0.0.1; Checkers[1].Connect.Port=8080; Checkers[1].Connect.Timeout=5s; Checkers[1].Detail.HELO=smtpchecker.keepalived.org", ""},
	}},
	{"TCP_CHECK", customRow, []try{
		{"{ }", "Checkers[1].Kind=TCP_CHECK; Checkers[1].DelayLoop=1m0s; Checkers[1].Warmup=1m0s; Checkers[1].Retry=1; Checkers[1].DelayBeforeRetry=1s; Checkers[1].Connect.Addr=10.0.0.1; Checkers[1].Connect.Port=8080; Checkers[1].Connect.Timeout=5s", ""},
		{"x { }", "Checkers[1].Kind=TCP_CHECK; Checkers[1].DelayLoop=1m0s; Checkers[1].Warmup=1m0s; Checkers[1].Retry=1; Checkers[1].DelayBeforeRetry=1s; Checkers[1].Connect.Addr=10.0.0.1; Checkers[1].Connect.Port=8080; Checkers[1].Connect.Timeout=5s", ""},
	}},
	{"PING_CHECK", customRow, []try{
		{"{ }", "Checkers[1].Kind=PING_CHECK; Checkers[1].DelayLoop=1m0s; Checkers[1].Warmup=1m0s; Checkers[1].Retry=1; Checkers[1].DelayBeforeRetry=1s; Checkers[1].Connect.Addr=10.0.0.1; Checkers[1].Connect.Port=8080; Checkers[1].Connect.Timeout=5s", ""},
	}},
	{"UDP_CHECK", customRow, []try{
		{"{ }", "Checkers[1].Kind=UDP_CHECK; Checkers[1].DelayLoop=1m0s; Checkers[1].Warmup=1m0s; Checkers[1].Retry=1; Checkers[1].DelayBeforeRetry=1s; Checkers[1].Connect.Addr=10.0.0.1; Checkers[1].Connect.Port=8080; Checkers[1].Connect.Timeout=5s; Checkers[1].Detail.MaxLength=255", ""},
	}},
	{"HTTP_GET", customRow, []try{
		{"{ }", "", "KA3032"},
		{"{ url { } }", "", "KA3033 KA3032"},
		{"{ url { path / } }", "Checkers[1].Kind=HTTP_GET; Checkers[1].DelayLoop=1m0s; Checkers[1].Warmup=1m0s; Checkers[1].Retry=1; Checkers[1].DelayBeforeRetry=3s; Checkers[1].Connect.Addr=10.0.0.1; Checkers[1].Connect.Port=8080; Checkers[1].Connect.Timeout=5s; Checkers[1].HTTP.URLs[0].Path=/; Checkers[1].HTTP.URLs[0].StatusCodes[0]=200-299", ""},
	}},
	{"SSL_GET", customRow, []try{
		{"{ }", "", "KA3032"},
		{"{ url { path / } }", "Checkers[1].Kind=SSL_GET; Checkers[1].DelayLoop=1m0s; Checkers[1].Warmup=1m0s; Checkers[1].Retry=1; Checkers[1].DelayBeforeRetry=3s; Checkers[1].Connect.Addr=10.0.0.1; Checkers[1].Connect.Port=8080; Checkers[1].Connect.Timeout=5s; Checkers[1].HTTP.URLs[0].Path=/; Checkers[1].HTTP.URLs[0].StatusCodes[0]=200-299", ""},
	}},
	{"DNS_CHECK", customRow, []try{
		{"{ }", "Checkers[1].Kind=DNS_CHECK; Checkers[1].DelayLoop=1m0s; Checkers[1].Warmup=1m0s; Checkers[1].Retry=3; Checkers[1].DelayBeforeRetry=1m0s; Checkers[1].Connect.Addr=10.0.0.1; Checkers[1].Connect.Port=8080; Checkers[1].Connect.Timeout=5s; Checkers[1].Detail.Type=SOA; Checkers[1].Detail.Name=.", ""},
	}},
	{"FILE_CHECK", customRow, []try{
		{"{ }", "", "KA3032"},
		{"{ track_file load }", "Checkers[1].Kind=FILE_CHECK; Checkers[1].Detail.TrackFile=load; Checkers[1].Detail.Weight=1", ""},
		{"{ track_file other }", "", "KA3032"},
	}},
	{"BFD_CHECK", customRow, []try{
		{"{ }", "", "KA3032"},
		{"{ name peer }", "Checkers[1].Kind=BFD_CHECK; Checkers[1].Detail.Name=peer", ""},
		{"{ name other }", "", "KA3032"},
		{"{ name peer }\nBFD_CHECK { name peer }", "Checkers[1].Kind=BFD_CHECK; Checkers[1].Detail.Name=peer", "KA3032"},
	}},
}
