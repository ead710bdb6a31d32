package confparse

// smtpRows are those of SMTP_CHECK.
var smtpRows = []row{
	{"helo_name", customRow, []try{
		{"", "", "KA2003"},
		{"me.example.net", "Detail.HELO=me.example.net", ""},
		{"a\nhelo_name b", "Detail.HELO=b", "KA2050"},
	}},
	{"host", customRow, []try{
		{"{ connect_ip 10.0.0.7 }", "Connect.Addr=10.0.0.7", "KA2034"},
		{"{ }", "", "KA2034"},
	}},
}

// dnsRows are those of DNS_CHECK.
var dnsRows = []row{
	{"delay_loop", lenientRow, []try{ // it pauses as long before a retry
		{"", "", "KA2002"},
		{"0.000001", "DelayLoop=1µs; Warmup=1µs; DelayBeforeRetry=1µs", ""},
		{"7", "DelayLoop=7s; Warmup=7s; DelayBeforeRetry=7s", ""},
		{"0", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"type", customRow, []try{
		{"", "", "KA2002"},
		{"A", "Detail.Type=A", ""},
		{"NS", "Detail.Type=NS", ""},
		{"CNAME", "Detail.Type=CNAME", ""},
		{"SOA", "", ""},
		{"MX", "Detail.Type=MX", ""},
		{"TXT", "Detail.Type=TXT", ""},
		{"AAAA", "Detail.Type=AAAA", ""},
		{"RRSIG", "Detail.Type=RRSIG", ""},
		{"DNSKEY", "Detail.Type=DNSKEY", ""},
		{"aaaa", "Detail.Type=AAAA", ""},
		{"PTR", "", "KA2019"},
	}},
	{"name", customRow, []try{
		{"", "", "KA2002"},
		{"example.net", "Detail.Name=example.net", ""},
		{"a..b", "", "KA2043"},
		{"a\nname b", "Detail.Name=a", "KA2006"},
	}},
}

// miscRows are those of MISC_CHECK.
var miscRows = []row{
	{"retry", lenientRow, []try{ // 0 is its default
		{"", "", "KA2002"},
		{"0", "", ""},
		{"7", "Retry=7", ""},
		{"4294967295", "Retry=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"misc_path", customRow, []try{
		{`"/bin/false 'a b'"`, `Detail.Script.Argv=["/bin/false" "a b"]`, ""},
		{"/bin/false a", `Detail.Script.Argv=["/bin/false"]`, ""},
		{"", "", "KA2003"},
	}},
	{"misc_timeout", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "", ""},
		{"1", "Detail.Timeout=1s", ""},
		{"4294", "Detail.Timeout=1h11m34s", ""},
		{"4295", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"misc_dynamic", flagRow, []try{
		{"", "Detail.Dynamic=true", ""},
		{"off", "Detail.Dynamic=true", ""},
	}},
	{"user", customRow, []try{
		{"", "", "KA2003"},
		{"nobody", "Detail.Script.Account.User=nobody", ""},
		{"nobody nogroup", "Detail.Script.Account.User=nobody; Detail.Script.Account.Group=nogroup", ""},
	}},
}

// udpRows are those of UDP_CHECK.
var udpRows = []row{
	{"payload", customRow, []try{
		{"", "", "KA2003"},
		{"00ff", "Detail.Payload=00ff", ""},
		{"00 ff", "Detail.Payload=00ff", ""},
		{"0", "", "KA2022"},
		{"zz", "", "KA2022"},
	}},
	{"require_reply", customRow, []try{
		{"", "Detail.RequireReply=true", ""},
		{"00ff", "Detail.RequireReply=true; Detail.Reply=00ff; Detail.Mask=ffff", ""},
		{"0x fX", "Detail.RequireReply=true; Detail.Reply=00f0; Detail.Mask=f0f0", ""},
		{"zz", "Detail.RequireReply=true", "KA2022"},
	}},
	{"min_reply_length", strictRow, []try{
		{"", "", "KA2002"},
		{"0", "", ""},
		{"255", "Detail.MinLength=255", ""},
		{"65535", "Detail.MinLength=65535", "KA2023"}, // above max_reply_length
		{"-1", "", "KA2010"},
		{"65536", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"max_reply_length", strictRow, []try{
		{"", "", "KA2002"},
		{"0", "Detail.MaxLength=0", ""},
		{"65535", "Detail.MaxLength=65535", ""},
		{"-1", "", "KA2010"},
		{"65536", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
}

// fileCheckRows are those of FILE_CHECK.
var fileCheckRows = []row{
	{"track_file", customRow, []try{
		{"", "", "KA2002"},
		{"load", "", ""},
		{"other", "gone", "KA3032"},
	}},
	{"weight", lenientRow, []try{
		{"", "", "KA2003"},
		{"-2147483647", "Detail.Weight=-2147483647", ""},
		{"2147483647", "Detail.Weight=2147483647", ""},
		{"2147483648", "", "KA2010"},
		{"5 reverse", "Detail.Weight=5; Detail.Reverse=true", ""},
		{"5 noreverse", "Detail.Weight=5", ""},
		{"5 other", "", "KA2019"},
		{"x", "", "KA2010"},
	}},
}

// bfdCheckRows are those of BFD_CHECK.
var bfdCheckRows = []row{
	{"name", customRow, []try{
		{"", "", "KA2003"},
		{"peer", "", "KA2006"},
		{"other", "", "KA2006"},
	}},
}
