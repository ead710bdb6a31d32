package confparse

// globalScriptRows are the programs and pipes of global_defs.
var globalScriptRows = []row{
	{"startup_script", customRow, []try{
		{"", "", "KA2003"},
		{"/bin/true", `Daemon.Startup.Argv=["/bin/true"]`, ""},
		{`"/bin/true 'a b' c" root`, `Daemon.Startup.Argv=["/bin/true" "a b" "c"]; Daemon.Startup.Account.User=root`, ""},
		{"/bin/true root root", `Daemon.Startup.Argv=["/bin/true"]; Daemon.Startup.Account.User=root; Daemon.Startup.Account.Group=root`, ""},
		{"/bin/true\nstartup_script /bin/false", `Daemon.Startup.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"startup_script_timeout", lenientRow, []try{
		{"", "", "KA2003"},
		{"1", "Daemon.StartupTimeout=1s", ""},
		{"1000", "Daemon.StartupTimeout=16m40s", ""},
		{"0", "", "KA2010"},
		{"1001", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"shutdown_script", customRow, []try{
		{"", "", "KA2003"},
		{"/bin/true", `Daemon.Shutdown.Argv=["/bin/true"]`, ""},
		{`"/bin/true 'a b' c" root`, `Daemon.Shutdown.Argv=["/bin/true" "a b" "c"]; Daemon.Shutdown.Account.User=root`, ""},
		{"/bin/true\nshutdown_script /bin/false", `Daemon.Shutdown.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"shutdown_script_timeout", lenientRow, []try{
		{"", "", "KA2003"},
		{"1", "Daemon.ShutdownTimeout=1s", ""},
		{"1000", "Daemon.ShutdownTimeout=16m40s", ""},
		{"0", "", "KA2010"},
		{"1001", "", "KA2010"},
		{"x", "", "KA2010"},
	}},
	{"notify_fifo", customRow, []try{
		{"", "", "KA2003"},
		{"/run/f", "NotifyFIFO.Path=/run/f", ""},
		{"/run/f root", "NotifyFIFO.Path=/run/f; NotifyFIFO.Account.User=root", ""},
		{"/run/f\nnotify_fifo /run/g", "NotifyFIFO.Path=/run/f", "KA2006"},
	}},
	{"notify_fifo_script", customRow, []try{
		{"", "", "KA2003"},
		{"/bin/true", `NotifyFIFO.Script.Argv=["/bin/true"]`, ""},
		{`"/bin/true a" root`, `NotifyFIFO.Script.Argv=["/bin/true" "a"]; NotifyFIFO.Script.Account.User=root`, ""},
		{"/bin/true\nnotify_fifo_script /bin/false", `NotifyFIFO.Script.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"vrrp_notify_fifo", customRow, []try{
		{"", "", "KA2003"},
		{"/run/f", "VRRPFIFO.Path=/run/f", ""},
		{"/run/f\nvrrp_notify_fifo /run/g", "VRRPFIFO.Path=/run/f", "KA2006"},
	}},
	{"vrrp_notify_fifo_script", customRow, []try{
		{"", "", "KA2003"},
		{"/bin/true", `VRRPFIFO.Script.Argv=["/bin/true"]`, ""},
		{"/bin/true\nvrrp_notify_fifo_script /bin/false", `VRRPFIFO.Script.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"lvs_notify_fifo", customRow, []try{
		{"", "", "KA2003"},
		{"/run/f", "LVSFIFO.Path=/run/f", ""},
		{"/run/f\nlvs_notify_fifo /run/g", "LVSFIFO.Path=/run/f", "KA2006"},
	}},
	{"lvs_notify_fifo_script", customRow, []try{
		{"", "", "KA2003"},
		{"/bin/true", `LVSFIFO.Script.Argv=["/bin/true"]`, ""},
		{"/bin/true\nlvs_notify_fifo_script /bin/false", `LVSFIFO.Script.Argv=["/bin/true"]`, "KA2006"},
	}},
	{"script_user", customRow, []try{
		{"", "", "KA2003"},
		{"nobody", "Daemon.ScriptAccount.User=nobody", ""},
		{"nobody nogroup", "Daemon.ScriptAccount.User=nobody; Daemon.ScriptAccount.Group=nogroup", ""},
		{"nobody :nogroup", "Daemon.ScriptAccount.User=nobody; Daemon.ScriptAccount.Group=nogroup; Daemon.ScriptAccount.Supplementary=true", ""},
		{"nobody :", "Daemon.ScriptAccount.User=nobody; Daemon.ScriptAccount.Supplementary=true", ""},
	}},
	{"enable_script_security", flagRow, []try{
		{"", "Daemon.ScriptSecurity=true", ""},
		{"off", "Daemon.ScriptSecurity=true", ""},
	}},
}
