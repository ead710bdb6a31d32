package confparse

// schedulingRows are how the parts of keepalived want the CPU.
var schedulingRows = []row{
	{"vrrp_priority", lenientRow, []try{
		{"", "", "KA2003"},
		{"-20", "VRRPScheduling.Nice=-20; VRRPScheduling.NiceIsSet=true", ""},
		{"19", "VRRPScheduling.Nice=19; VRRPScheduling.NiceIsSet=true", ""},
		{"-21", "", "KA2010"},
		{"20", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"vrrp_no_swap", flagRow, []try{
		{"", "VRRPScheduling.NoSwap=true", ""},
		{"off", "VRRPScheduling.NoSwap=true", ""},
	}},
	{"vrrp_rt_priority", lenientRow, []try{
		{"", "", "KA2003"},
		{"1", "VRRPScheduling.RealTime=1", ""},
		{"99", "VRRPScheduling.RealTime=99", ""},
		{"0", "VRRPScheduling.RealTime=1", "KA2023"},
		{"100", "VRRPScheduling.RealTime=99", "KA2023"},
		{"x", "", "KA2010"},
	}},
	{"vrrp_cpu_affinity", lenientRow, []try{
		{"", "", "KA2003"},
		{"0", "VRRPScheduling.Affinity=[0]", ""},
		{"0 1", "VRRPScheduling.Affinity=[0 1]", ""},
		{"x", "", "KA2010"},
	}},
	{"vrrp_rlimit_rttime", lenientRow, []try{
		{"", "VRRPScheduling.RTTime=0s; VRRPScheduling.RTTimeSet=true", "KA2002"},
		{"1", "VRRPScheduling.RTTime=2µs; VRRPScheduling.RTTimeSet=true", "KA2023"},
		{"2", "VRRPScheduling.RTTime=2µs; VRRPScheduling.RTTimeSet=true", ""},
		{"4294967295", "VRRPScheduling.RTTime=1h11m34.967295s; VRRPScheduling.RTTimeSet=true", ""},
		{"0", "VRRPScheduling.RTTime=0s; VRRPScheduling.RTTimeSet=true", "KA2010"},
		{"4294967296", "VRRPScheduling.RTTime=0s; VRRPScheduling.RTTimeSet=true", "KA2010"},
		{"x", "VRRPScheduling.RTTime=0s; VRRPScheduling.RTTimeSet=true", "KA2010"},
	}},
	{"vrrp_rlimit_rtime", customRow, []try{
		{"7", "VRRPScheduling.RTTime=7µs; VRRPScheduling.RTTimeSet=true", "KA2034"},
	}},
	{"checker_priority", lenientRow, []try{
		{"", "", "KA2003"},
		{"-20", "CheckerScheduling.Nice=-20; CheckerScheduling.NiceIsSet=true", ""},
		{"19", "CheckerScheduling.Nice=19; CheckerScheduling.NiceIsSet=true", ""},
		{"-21", "", "KA2010"},
		{"20", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"checker_no_swap", flagRow, []try{
		{"", "CheckerScheduling.NoSwap=true", ""},
		{"off", "CheckerScheduling.NoSwap=true", ""},
	}},
	{"checker_rt_priority", lenientRow, []try{
		{"", "", "KA2003"},
		{"1", "CheckerScheduling.RealTime=1", ""},
		{"99", "CheckerScheduling.RealTime=99", ""},
		{"0", "CheckerScheduling.RealTime=1", "KA2023"},
		{"100", "CheckerScheduling.RealTime=99", "KA2023"},
		{"x", "", "KA2010"},
	}},
	{"checker_cpu_affinity", lenientRow, []try{
		{"", "", "KA2003"},
		{"0", "CheckerScheduling.Affinity=[0]", ""},
		{"x", "", "KA2010"},
	}},
	{"checker_rlimit_rttime", lenientRow, []try{
		{"", "CheckerScheduling.RTTime=0s; CheckerScheduling.RTTimeSet=true", "KA2002"},
		{"1", "CheckerScheduling.RTTime=2µs; CheckerScheduling.RTTimeSet=true", "KA2023"},
		{"2", "CheckerScheduling.RTTime=2µs; CheckerScheduling.RTTimeSet=true", ""},
		{"4294967295", "CheckerScheduling.RTTime=1h11m34.967295s; CheckerScheduling.RTTimeSet=true", ""},
		{"0", "CheckerScheduling.RTTime=0s; CheckerScheduling.RTTimeSet=true", "KA2010"},
		{"4294967296", "CheckerScheduling.RTTime=0s; CheckerScheduling.RTTimeSet=true", "KA2010"},
		{"x", "CheckerScheduling.RTTime=0s; CheckerScheduling.RTTimeSet=true", "KA2010"},
	}},
	{"checker_rlimit_rtime", customRow, []try{
		{"7", "CheckerScheduling.RTTime=7µs; CheckerScheduling.RTTimeSet=true", "KA2034"},
	}},
	{"bfd_priority", lenientRow, []try{
		{"", "", "KA2003"},
		{"-20", "BFDScheduling.Nice=-20; BFDScheduling.NiceIsSet=true", ""},
		{"19", "BFDScheduling.Nice=19; BFDScheduling.NiceIsSet=true", ""},
		{"-21", "", "KA2010"},
		{"20", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"bfd_no_swap", flagRow, []try{
		{"", "BFDScheduling.NoSwap=true", ""},
		{"off", "BFDScheduling.NoSwap=true", ""},
	}},
	{"bfd_rt_priority", lenientRow, []try{
		{"", "", "KA2003"},
		{"1", "BFDScheduling.RealTime=1", ""},
		{"99", "BFDScheduling.RealTime=99", ""},
		{"0", "BFDScheduling.RealTime=1", "KA2023"},
		{"100", "BFDScheduling.RealTime=99", "KA2023"},
		{"x", "", "KA2010"},
	}},
	{"bfd_cpu_affinity", lenientRow, []try{
		{"", "", "KA2003"},
		{"0", "BFDScheduling.Affinity=[0]", ""},
		{"x", "", "KA2010"},
	}},
	{"bfd_rlimit_rttime", lenientRow, []try{
		{"", "BFDScheduling.RTTime=0s; BFDScheduling.RTTimeSet=true", "KA2002"},
		{"1", "BFDScheduling.RTTime=2µs; BFDScheduling.RTTimeSet=true", "KA2023"},
		{"2", "BFDScheduling.RTTime=2µs; BFDScheduling.RTTimeSet=true", ""},
		{"4294967295", "BFDScheduling.RTTime=1h11m34.967295s; BFDScheduling.RTTimeSet=true", ""},
		{"0", "BFDScheduling.RTTime=0s; BFDScheduling.RTTimeSet=true", "KA2010"},
		{"4294967296", "BFDScheduling.RTTime=0s; BFDScheduling.RTTimeSet=true", "KA2010"},
		{"x", "BFDScheduling.RTTime=0s; BFDScheduling.RTTimeSet=true", "KA2010"},
	}},
	{"bfd_rlimit_rtime", customRow, []try{
		{"7", "BFDScheduling.RTTime=7µs; BFDScheduling.RTTimeSet=true", "KA2034"},
	}},
}
