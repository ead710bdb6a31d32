package confparse

// httpRows are of HTTP_GET and SSL_GET.
var httpRows = []row{
	{"nb_get_retry", lenientRow, []try{
		{"", "", "KA2005 KA2002"},
		{"7", "Retry=7", "KA2005"},
	}},
	{"virtualhost", customRow, []try{
		{"", "", "KA2003"},
		{"a.example.net", "HTTP.VirtualHost=a.example.net", ""},
		{"a\nvirtualhost b", "HTTP.VirtualHost=b", "KA2050"},
	}},
	{"http_protocol", customRow, []try{
		{"", "", "KA2003"},
		{"1.0", "", ""},
		{"1.0C", "HTTP.Protocol=1", ""},
		{"1.0c", "HTTP.Protocol=1", ""},
		{"1.1", "HTTP.Protocol=2", ""},
		{"2", "", "KA2019"},
	}},
	{"enable_sni", boolRow, []try{
		{"", "HTTP.SNI=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"sni_name", customRow, []try{
		{"", "HTTP.SNI=true", ""},
		{"sni.example.net", "HTTP.SNI=true; HTTP.SNIName=sni.example.net", ""},
		{"a\nsni_name b", "HTTP.SNI=true; HTTP.SNIName=b", "KA2050"},
	}},
	{"fast_recovery", boolRow, []try{
		{"", "HTTP.FastRecovery=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"url", customRow, []try{
		{"{ path /b }", "HTTP.URLs[1].Path=/b; HTTP.URLs[1].StatusCodes[0]=200-299", ""},
		{"{ }", "", "KA3033"},
	}},
}

// sslRows are of SSL_GET alone.
var sslRows = []row{
	{"tls_compliant", boolRow, []try{
		{"", "HTTP.CloseNotify=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
}

// urlRows are of the urls of both.
var urlRows = []row{
	{"path", customRow, []try{
		{"", "", "KA2002"},
		{"/other", "Path=/other", "KA2050"},
	}},
	{"digest", customRow, []try{
		{"", "", "KA2002"},
		{"0123456789abcdef0123456789ABCDEF", "Digest=0123456789abcdef0123456789abcdef", ""},
		{"0123", "", "KA2022"},
		{"zz23456789abcdef0123456789abcdef", "", "KA2022"},
		{"0123456789abcdef0123456789abcdef\ndigest 1123456789abcdef0123456789abcdef", "Digest=0123456789abcdef0123456789abcdef", "KA2006"},
	}},
	{"status_code", customRow, []try{
		{"", "", "KA2046"},
		{"200", "StatusCodes[0]=200-200", ""},
		{"100 599", "StatusCodes[0]=100-100; StatusCodes[1]=599-599", ""},
		{"99", "", "KA2010"},
		{"600", "", "KA2010"},
		{"200-299 404", "StatusCodes[1]=404-404", ""},
		{"299-200", "", "KA2010"},
		{"x 404", "StatusCodes[0]=404-404", "KA2010"},
	}},
	{"virtualhost", customRow, []try{
		{"", "", "KA2003"},
		{"a.example.net", "VirtualHost=a.example.net", ""},
		{"a\nvirtualhost b", "VirtualHost=b", "KA2050"},
	}},
	{"regex", customRow, []try{
		{"", "", "KA2003"},
		{"foo", "Regex.Pattern=foo; Regex.MaxOffset=-1", ""},
		{`"a b"`, "Regex.Pattern=a b; Regex.MaxOffset=-1", ""},
		{"a b", "", "KA2003"},
		{"a\nregex b", "Regex.Pattern=b; Regex.MaxOffset=-1", "KA2050"},
		{"(", "Regex.Pattern=(; Regex.MaxOffset=-1", ""},
	}},
	{"regex_no_match", flagRow, []try{
		{"", "Regex.Invert=true; Regex.MaxOffset=-1", ""},
		{"off", "Regex.Invert=true; Regex.MaxOffset=-1", ""},
	}},
	{"regex_options", customRow, []try{
		{"", "", ""},
		{"caseless", `Regex.Options=["caseless"]; Regex.MaxOffset=-1`, ""},
		{"caseless multiline", `Regex.Options=["caseless" "multiline"]; Regex.MaxOffset=-1`, ""},
		{"nonsense", "", "KA2046"},
	}},
	{"regex_min_offset", customRow, []try{
		{"", "Regex.MaxOffset=-1", "KA2046"},
		{"5", "Regex.MinOffset=5; Regex.MaxOffset=-1", ""},
		{"x", "Regex.MaxOffset=-1", "KA2046"},
	}},
	{"regex_max_offset", customRow, []try{
		{"", "", "KA2046"},
		{"5", "Regex.MaxOffset=5", ""},
		{"0", "", ""},
		{"x", "", "KA2046"},
	}},
	{"regex_stack", customRow, []try{
		{"", "", "KA2046 KA2046"},
		{"1000 2000", "Regex.MaxOffset=-1; Regex.StackStart=1000; Regex.StackMax=2000", ""},
		{"2000 1000", "", "KA2046"},
		{"1000", "", "KA2046 KA2046"},
	}},
}

// sslURLRows are of the urls of SSL_GET alone.
var sslURLRows = []row{
	{"tls_compliant", boolRow, []try{
		{"", "CloseNotify=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
}
