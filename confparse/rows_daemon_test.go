package confparse

// daemonRows are about the program itself.
var daemonRows = []row{
	{"process_names", flagRow, []try{
		{"", "Daemon.ProcessNames=true", ""},
		{"off", "Daemon.ProcessNames=true", ""},
	}},
	{"process_name", customRow, []try{
		{"", "", "KA2002"},
		{"lb", "Daemon.ProcessName=lb", ""},
		{"abcdefghijklmnop", "Daemon.ProcessName=abcdefghijklmno", "KA2024"},
	}},
	{"vrrp_process_name", customRow, []try{
		{"", "", "KA2002"},
		{"lb", "Daemon.VRRPProcessName=lb", ""},
		{"abcdefghijklmnop", "Daemon.VRRPProcessName=abcdefghijklmno", "KA2024"},
	}},
	{"checker_process_name", customRow, []try{
		{"", "", "KA2002"},
		{"lb", "Daemon.CheckerProcessName=lb", ""},
		{"abcdefghijklmnop", "Daemon.CheckerProcessName=abcdefghijklmno", "KA2024"},
	}},
	{"lvs_process_name", customRow, []try{
		{"", "", "KA2034 KA2002"},
		{"lb", "Daemon.CheckerProcessName=lb", "KA2034"},
		{"abcdefghijklmnop", "Daemon.CheckerProcessName=abcdefghijklmno", "KA2034 KA2024"},
	}},
	{"bfd_process_name", customRow, []try{
		{"", "", "KA2002"},
		{"lb", "Daemon.BFDProcessName=lb", ""},
		{"abcdefghijklmnop", "Daemon.BFDProcessName=abcdefghijklmno", "KA2024"},
	}},
	{"use_symlink_paths", boolRow, []try{
		{"", "Daemon.UseSymlinkPaths=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"set_supplementary_groups", boolRow, []try{
		{"", "Daemon.SupplementaryGroups=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"router_id", customRow, []try{
		{"", "", "KA2003"},
		{"LB_1", "RouterID=LB_1", ""},
		{"LB_1\nrouter_id LB_2", "RouterID=LB_2", ""},
		{`"two words"`, "RouterID=two words", ""},
	}},
	{"max_auto_priority", lenientRow, []try{
		{"", "VRRPScheduling.AutoRTMax=99", ""},
		{"-1", "VRRPScheduling.AutoRTMax=-1", ""},
		{"99", "VRRPScheduling.AutoRTMax=99", ""},
		{"100", "", "KA2010"},
		{"-2", "", "KA2010"},
		{"x", "", "KA2010"},
		{"7", "VRRPScheduling.AutoRTMax=7", ""},
	}},
	{"min_auto_priority_delay", lenientRow, []try{
		{"", "", "KA2003"},
		{"1", "VRRPScheduling.AutoRTWait=1µs", ""},
		{"10000000", "VRRPScheduling.AutoRTWait=10s", ""},
		{"0", "", "KA2010"},
		{"10000001", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"umask", customRow, []try{
		{"", "", "KA2002"},
		{"022", "Daemon.Umask=18; Daemon.UmaskSet=true", ""},
		{"0x12", "Daemon.Umask=18; Daemon.UmaskSet=true", ""},
		{"18", "Daemon.Umask=18; Daemon.UmaskSet=true", ""},
		{"IXUSR", "Daemon.Umask=64; Daemon.UmaskSet=true", ""},
		{"IRGRP", "Daemon.Umask=32; Daemon.UmaskSet=true", ""},
		{"nonsense", "", "KA2019"},
		{"8", "Daemon.Umask=8; Daemon.UmaskSet=true", ""},
	}},
	{"random_seed", strictRow, []try{
		{"", "", "KA2002"},
		{"0", "", ""},
		{"4294967295", "Daemon.RandomSeed=4294967295", ""},
		{"-1", "", "KA2010"},
		{"4294967296", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"reload_check_config", customRow, []try{
		{"", "Daemon.ReloadCheck=true", ""},
		{"/var/log/check", "Daemon.ReloadCheck=true; Daemon.ReloadCheckLog=/var/log/check", ""},
		{"a\nreload_check_config b", "Daemon.ReloadCheck=true; Daemon.ReloadCheckLog=b", ""},
	}},
	{"reload_time_file", customRow, []try{
		{"", "", "KA2003"},
		{"/run/at", "Daemon.ReloadTimeFile=/run/at", ""},
		{"/run/at extra", "", "KA2003"},
	}},
	{"reload_repeat", flagRow, []try{
		{"", "Daemon.ReloadRepeat=true", ""},
		{"off", "Daemon.ReloadRepeat=true", ""},
	}},
	{"reload_file", customRow, []try{
		{"", "Daemon.ReloadFileSet=true", ""},
		{"/run/reload", "Daemon.ReloadFile=/run/reload; Daemon.ReloadFileSet=true", ""},
		{"a\nreload_file b", "Daemon.ReloadFile=b; Daemon.ReloadFileSet=true", ""},
	}},
	{"include_check", customRow, []try{
		{"", "", ""},
		{"read", "", ""},
		{"+match -read", "", ""},
		{"readable", "", "KA2019"},
	}},
	{"config_save_dir", customRow, []try{
		{"", "", "KA2002"},
		{"/var/lib/saved", "Daemon.ConfigSaveDir=/var/lib/saved", ""},
	}},
	{"tmp_config_directory", customRow, []try{
		{"", "", "KA2003"},
		{"/run/tmp", "Daemon.TmpConfigDir=/run/tmp", ""},
		{"/run/tmp\ntmp_config_directory /run/tmp2", "Daemon.TmpConfigDir=/run/tmp", "KA2006"},
	}},
	{"data_use_instance", boolRow, []try{
		{"", "Daemon.DataUseInstance=true", ""},
		{"off", "", ""},
		{"maybe", "", "KA2013"},
	}},
	{"json_version", lenientRow, []try{
		{"", "", "KA2003"},
		{"1", "", ""},
		{"2", "Daemon.JSONVersion=2", ""},
		{"0", "", "KA2010"},
		{"3", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"iproute_usr_dir", customRow, []try{
		{"", "", "KA2003"},
		{"/usr/share/iproute2", "Daemon.IPRouteUsrDir=/usr/share/iproute2", ""},
		{"/a /b", "", "KA2003"},
	}},
	{"iproute_etc_dir", customRow, []try{
		{"", "", "KA2003"},
		{"/etc/iproute2", "Daemon.IPRouteEtcDir=/etc/iproute2", ""},
		{"/a /b", "", "KA2003"},
	}},
	{"state_dump_file", customRow, []try{
		{"", "", "KA2003"},
		{"/run/state", "Daemon.StateDumpFile=/run/state", ""},
		{"/a /b", "", "KA2003"},
	}},
	{"stats_dump_file", customRow, []try{
		{"", "", "KA2003"},
		{"/run/stats", "Daemon.StatsDumpFile=/run/stats", ""},
		{"/a /b", "", "KA2003"},
	}},
	{"json_dump_file", customRow, []try{
		{"", "", "KA2003"},
		{"/run/json", "Daemon.JSONDumpFile=/run/json", ""},
		{"/a /b", "", "KA2003"},
	}},
}
