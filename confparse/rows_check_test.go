package confparse

// connectRows are of all checkers that open a connection.
var connectRows = []row{
	{"connect_ip", customRow, []try{
		{"", "", "KA2002"},
		{"10.0.0.7", "Connect.Addr=10.0.0.7", ""},
		{"x", "", "KA2014"},
		{"2001:db8::7", "Connect.Addr=2001:db8::7", ""},
	}},
	{"connect_port", lenientRow, []try{
		{"", "", "KA2002"},
		{"1", "Connect.Port=1", ""},
		{"65535", "Connect.Port=65535", ""},
		{"0", "", "KA2048"},
		{"65536", "", "KA2048"},
		{"x", "", "KA2048"},
	}},
	{"bindto", customRow, []try{
		{"", "", "KA2002"},
		{"10.0.0.7", "Connect.BindAddr=10.0.0.7", ""},
		{"x", "", "KA2014"},
		{"2001:db8::7", "", "KA3003"},
	}},
	{"bind_port", lenientRow, []try{
		{"", "", "KA2002"},
		{"1", "Connect.BindPort=1", ""},
		{"65535", "Connect.BindPort=65535", ""},
		{"0", "", "KA2048"},
		{"65536", "", "KA2048"},
		{"x", "", "KA2048"},
	}},
	{"bind_if", customRow, []try{
		{"", "", "KA2002"},
		{"eth5", "Connect.BindInterface=eth5", ""},
		{"abcdefghijklmnop", "", "KA2018"},
	}},
	{"connect_timeout", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.000001", "Connect.Timeout=1µs", ""},
		{"4294.967295", "Connect.Timeout=1h11m34.967295s", ""},
		{"0", "", "KA2010"},
		{"4294.967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"fwmark", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "", ""},
		{"4294967295", "Connect.Fwmark=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
}

// timedRows are of all checkers with an interval of their own.
var timedRows = []row{
	{"retry", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "Retry=0", ""},
		{"7", "Retry=7", ""},
		{"4294967295", "Retry=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"delay_before_retry", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "DelayBeforeRetry=0s", ""},
		{"0.5", "DelayBeforeRetry=500ms", ""},
		{"-1", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"warmup", lenientRow, []try{
		{"", "", "KA2002"},
		{"0", "Warmup=0s", ""},
		{"0.5", "Warmup=500ms", ""},
		{"-1", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"delay_loop", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.000001", "DelayLoop=1µs; Warmup=1µs", ""},
		{"7", "DelayLoop=7s; Warmup=7s", ""},
		{"0", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"alpha", boolRow, []try{
		{"", "Alpha=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"log_all_failures", boolRow, []try{
		{"", "LogAllFailures=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
}
