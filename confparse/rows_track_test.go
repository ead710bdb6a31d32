package confparse

// scriptRows are those of vrrp_script.
var scriptRows = []row{
	{"script", customRow, []try{
		{`"/bin/false a 'b c'"`, `Script.Argv=["/bin/false" "a" "b c"]`, ""},
		{"/bin/false a b", `Script.Argv=["/bin/false"]`, ""},
		{"", "", "KA2003"},
	}},
	{"interval", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.001", "Interval=1ms; Timeout=1ms", ""},
		{"4294", "Interval=1h11m34s; Timeout=1h11m34s", ""},
		{"0", "", "KA2023"},
		{"4294.001", "", "KA2010"},
		{"-1", "", "KA2010"},
		{"x", "", "KA2010"},
		{"0.0001", "Interval=1ms; Timeout=1ms", ""},
	}},
	{"timeout", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.001", "Timeout=1ms", ""},
		{"4294", "Timeout=1h11m34s", ""},
		{"0", "", "KA2023"},
		{"4294.001", "", "KA2010"},
		{"-1", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"weight", lenientRow, []try{
		{"", "", "KA2002"},
		{"-253", "Weight=-253", ""},
		{"253", "Weight=253", ""},
		{"-254", "", "KA2010"},
		{"254", "", "KA2010"},
		{"0", "", ""},
		{"5 reverse", "Weight=5; Reverse=true", ""},
		{"5 noreverse", "Weight=5", "KA2019"},
		{"5 other", "Weight=5", "KA2019"},
		{"x", "", "KA2010"},
	}},
	{"rise", lenientRow, []try{
		{"", "", "KA2002"},
		{"1", "", ""},
		{"2147483647", "Rise=2147483647", ""},
		{"0", "", "KA2010"},
		{"2147483648", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"fall", lenientRow, []try{
		{"", "", "KA2002"},
		{"1", "", ""},
		{"2147483647", "Fall=2147483647", ""},
		{"0", "", "KA2010"},
		{"2147483648", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"user", customRow, []try{
		{"", "", "KA2002"},
		{"nobody", "Script.Account.User=nobody", ""},
		{"nobody nogroup", "Script.Account.User=nobody; Script.Account.Group=nogroup", ""},
	}},
	{"init_fail", flagRow, []try{
		{"", "InitFail=true", ""},
		{"off", "InitFail=true", ""},
	}},
}

// processRows are those of vrrp_track_process.
var processRows = []row{
	{"process", customRow, []try{
		{"", "", "KA2002"},
		{"nginx -g x", `Params=["-g" "x"]; Match=1; FullCommand=true`, "KA2006"},
		{"nginx\nprocess other", "", "KA2006 KA2006"},
	}},
	{"param_match", customRow, []try{
		{"", "Match=1", ""},
		{"initial", "Match=2", ""},
		{"partial", "Match=3", ""},
		{"other", "", "KA2019"},
	}},
	{"weight", lenientRow, []try{
		{"", "", "KA2003"},
		{"-254", "Weight=-254", ""},
		{"254", "Weight=254", ""},
		{"-255", "", "KA2010"},
		{"255", "", "KA2010"},
		{"5 reverse", "Weight=5; Reverse=true", ""},
		{"5\nweight 6", "Weight=5", "KA2006"},
		{"x", "", "KA2010"},
	}},
	{"quorum", lenientRow, []try{
		{"", "", "KA2002"},
		{"1", "", ""},
		{"65535", "Quorum=65535", ""},
		{"65536", "", "KA2010"},
		{"0", "", "KA2010"},
		{"x", "", "KA2010"},
		{"2\nquorum_max 1", "Quorum=2", "KA2023"},
	}},
	{"quorum_max", lenientRow, []try{
		{"", "", "KA2002"},
		{"1", "QuorumMax=1", ""},
		{"65535", "QuorumMax=65535", ""},
		{"65536", "", "KA2010"},
		{"0", "Quorum=0; QuorumMax=0", ""},
		{"2\nquorum 3", "QuorumMax=2", "KA2023"},
		{"-1", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"delay", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.000001", "TerminateDelay=1µs; ForkDelay=1µs", ""},
		{"3600", "TerminateDelay=1h0m0s; ForkDelay=1h0m0s", ""},
		{"0", "", "KA2010"},
		{"3600.000001", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"terminate_delay", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.000001", "TerminateDelay=1µs", ""},
		{"3600", "TerminateDelay=1h0m0s", ""},
		{"0", "", "KA2010"},
		{"3600.000001", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"fork_delay", lenientRow, []try{
		{"", "", "KA2002"},
		{"0.000001", "ForkDelay=1µs", ""},
		{"3600", "ForkDelay=1h0m0s", ""},
		{"0", "", "KA2010"},
		{"3600.000001", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"full_command", flagRow, []try{
		{"", "FullCommand=true", ""},
		{"off", "FullCommand=true", ""},
	}},
}

// fileRows are those of track_file.
var fileRows = []row{
	{"file", customRow, []try{
		{"/run/other", "", "KA2006"},
		{"", "", "KA2003"},
	}},
	{"weight", lenientRow, []try{
		{"", "", "KA2003"},
		{"-254", "Weight=-254", ""},
		{"254", "Weight=254", ""},
		{"-255", "", "KA2010"},
		{"255", "", "KA2010"},
		{"5 reverse", "Weight=5; Reverse=true", ""},
		{"0", "Weight=0", ""},
		{"5\nweight 6", "Weight=5", "KA2006"},
		{"x", "", "KA2010"},
	}},
	{"init_file", customRow, []try{
		{"", "Init=true", ""},
		{"5", "Init=true; InitValue=5", ""},
		{"-254 overwrite", "Init=true; InitValue=-254; Overwrite=true", ""},
		{"overwrite", "Init=true; Overwrite=true", ""},
		{"255", "Init=true; InitValue=255", "KA2023"},
		{"2147483648", "Init=true", "KA2010"},
		{"other", "Init=true", "KA2019"},
	}},
}

// trackGroupRows are those of track_group.
var trackGroupRows = []row{
	{"group", customRow, []try{
		{"{ VI_1 }", "Name=T; Members[0]=VI_1", ""},
		{"{ VI_1 VI_2 }", "Name=T; Members[0]=VI_1; Members[1]=VI_2", ""},
		{"{ VI_1 }\ngroup { VI_2 }", "Name=T; Members[0]=VI_1", "KA2006"},
		{"{ }", "gone", ""},
	}},
}
