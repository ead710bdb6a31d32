package confparse

import (
	"time"

	"vigil/confparse/diag"
)

// daemonKeywords are the rows of global_defs about the program itself: processes, scripts, files, faces to the outside.
var daemonKeywords = concat([]keyword{
	{name: "process_names", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.Daemon.ProcessNames = true }},
	{name: "process_name", in: in(inGlobal), value: value{kind: word}, pending: true,
		str: func(d *decoder, s string) { d.cfg.Global.Daemon.ProcessName = d.shortName(s, 15) }},
	{name: "vrrp_process_name", in: in(inGlobal), value: value{kind: word}, pending: true,
		str: func(d *decoder, s string) { d.cfg.Global.Daemon.VRRPProcessName = d.shortName(s, 15) }},
	{name: "checker_process_name", in: in(inGlobal), value: value{kind: word}, pending: true,
		str: func(d *decoder, s string) { d.cfg.Global.Daemon.CheckerProcessName = d.shortName(s, 15) }},
	{name: "lvs_process_name", in: in(inGlobal), value: value{kind: word}, pending: true,
		alias: "checker_process_name", oldName: true,
		str: func(d *decoder, s string) { d.cfg.Global.Daemon.CheckerProcessName = d.shortName(s, 15) }},
	{name: "bfd_process_name", in: in(inGlobal), value: value{kind: word}, pending: true,
		str: func(d *decoder, s string) { d.cfg.Global.Daemon.BFDProcessName = d.shortName(s, 15) }},
	{name: "use_symlink_paths", in: in(inGlobal), value: value{kind: boolean}, def: "off", since: "2.3.0",
		pending: true, yes: func(d *decoder, v bool) { d.cfg.Global.Daemon.UseSymlinkPaths = v }},
	{name: "set_supplementary_groups", in: in(inGlobal), value: value{kind: boolean}, def: "off", since: "2.4.3+",
		pending: true, yes: func(d *decoder, v bool) { d.cfg.Global.Daemon.SupplementaryGroups = v }},
	{name: "script_user", in: in(inGlobal), def: "keepalived_script if it exists, else the daemon's own",
		pending: true, decode: (*decoder).scriptUser},
	{name: "enable_script_security", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.Daemon.ScriptSecurity = true }},
	{name: "startup_script", in: in(inGlobal), pending: true,
		decode: func(d *decoder, n *Node) { d.globalScript(n, &d.cfg.Global.Daemon.Startup) }},
	{name: "startup_script_timeout", in: in(inGlobal), value: secs(1, 1000).withoutFatal(), def: "10", pending: true,
		num: func(d *decoder, v int64) { d.cfg.Global.Daemon.StartupTimeout = time.Duration(v) * time.Second }},
	{name: "shutdown_script", in: in(inGlobal), pending: true,
		decode: func(d *decoder, n *Node) { d.globalScript(n, &d.cfg.Global.Daemon.Shutdown) }},
	{name: "shutdown_script_timeout", in: in(inGlobal), value: secs(1, 1000).withoutFatal(), def: "10", pending: true,
		num: func(d *decoder, v int64) { d.cfg.Global.Daemon.ShutdownTimeout = time.Duration(v) * time.Second }},
	{name: "umask", in: in(inGlobal), value: value{kind: word}, def: "IXUSR|IRWXG|IRWXO", pending: true,
		str: func(d *decoder, s string) { d.umask(s) }},
	{name: "random_seed", in: in(inGlobal), value: wholeStrict(0, maxUint32), def: "the time", pending: true,
		num: func(d *decoder, v int64) { d.cfg.Global.Daemon.RandomSeed = uint32(v) }},
	{name: "reload_check_config", in: in(inGlobal), def: "off", pending: true, decode: func(d *decoder, n *Node) {
		d.cfg.Global.Daemon.ReloadCheck, d.cfg.Global.Daemon.ReloadCheckLog = true, d.intern(n.Arg(0))
	}},
	{name: "reload_time_file", in: in(inGlobal), pending: true,
		decode: func(d *decoder, n *Node) { d.onePath(n, &d.cfg.Global.Daemon.ReloadTimeFile) }},
	{name: "reload_repeat", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.Daemon.ReloadRepeat = true }},
	{name: "reload_file", in: in(inGlobal), def: "off; keepalived.reload in the pid directory when bare", pending: true,
		decode: func(d *decoder, n *Node) {
			d.cfg.Global.Daemon.ReloadFile, d.cfg.Global.Daemon.ReloadFileSet = d.intern(n.Arg(0)), true
		}},
	{name: "include_check", in: in(inGlobal), def: "none; all when bare", decode: func(*decoder, *Node) {},
		checks: true},
	{name: "config_save_dir", in: in(inGlobal), value: value{kind: word}, pending: true,
		str: func(d *decoder, s string) { d.cfg.Global.Daemon.ConfigSaveDir = s }},
	{name: "tmp_config_directory", in: in(inGlobal), value: value{kind: word, optional: true}, pending: true,
		str: func(d *decoder, s string) { d.first(&d.cfg.Global.Daemon.TmpConfigDir, s) }},
	{name: "data_use_instance", in: in(inGlobal), value: value{kind: boolean}, def: "off", pending: true,
		yes: func(d *decoder, v bool) { d.cfg.Global.Daemon.DataUseInstance = v }},
	{name: "json_version", in: in(inGlobal), value: whole(1, 2).withoutFatal(), def: "1", since: "2.2.8", pending: true,
		num: func(d *decoder, v int64) { d.cfg.Global.Daemon.JSONVersion = int(v) }},
	{name: "iproute_usr_dir", in: in(inGlobal), since: "2.3.1", pending: true,
		decode: func(d *decoder, n *Node) { d.onePath(n, &d.cfg.Global.Daemon.IPRouteUsrDir) }},
	{name: "iproute_etc_dir", in: in(inGlobal), since: "2.3.1", pending: true,
		decode: func(d *decoder, n *Node) { d.onePath(n, &d.cfg.Global.Daemon.IPRouteEtcDir) }},
	{name: "state_dump_file", in: in(inGlobal), since: "2.3.1", pending: true,
		decode: func(d *decoder, n *Node) { d.onePath(n, &d.cfg.Global.Daemon.StateDumpFile) }},
	{name: "stats_dump_file", in: in(inGlobal), since: "2.3.1", pending: true,
		decode: func(d *decoder, n *Node) { d.onePath(n, &d.cfg.Global.Daemon.StatsDumpFile) }},
	{name: "json_dump_file", in: in(inGlobal), since: "2.3.1", pending: true,
		decode: func(d *decoder, n *Node) { d.onePath(n, &d.cfg.Global.Daemon.JSONDumpFile) }},

	{name: "notify_fifo", in: in(inGlobal), pending: true,
		decode: func(d *decoder, n *Node) { d.fifo(n, &d.cfg.Global.NotifyFIFO) }},
	{name: "notify_fifo_script", in: in(inGlobal), pending: true,
		decode: func(d *decoder, n *Node) { d.globalScript(n, &d.cfg.Global.NotifyFIFO.Script) }},
	{name: "vrrp_notify_fifo", in: in(inGlobal), pending: true,
		decode: func(d *decoder, n *Node) { d.fifo(n, &d.cfg.Global.VRRPFIFO) }},
	{name: "vrrp_notify_fifo_script", in: in(inGlobal), pending: true,
		decode: func(d *decoder, n *Node) { d.globalScript(n, &d.cfg.Global.VRRPFIFO.Script) }},
	{name: "lvs_notify_fifo", in: in(inGlobal), pending: true,
		decode: func(d *decoder, n *Node) { d.fifo(n, &d.cfg.Global.LVSFIFO) }},
	{name: "lvs_notify_fifo_script", in: in(inGlobal), pending: true,
		decode: func(d *decoder, n *Node) { d.globalScript(n, &d.cfg.Global.LVSFIFO.Script) }},

	{name: "snmp_socket", in: in(inGlobal), value: value{kind: word, optional: true}, def: "unix:/var/agentx/master",
		pending: true, str: func(d *decoder, s string) { d.first(&d.cfg.Global.SNMP.Socket, s) }},
	{name: "enable_traps", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.SNMP.Traps = true }},
	{name: "enable_snmp_vrrp", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.SNMP.VRRP = true }},
	{name: "enable_snmp_keepalived", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		alias: "enable_snmp_vrrp", on: func(d *decoder) { d.cfg.Global.SNMP.VRRP = true }},
	{name: "enable_snmp_rfc", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.SNMP.RFCv2, d.cfg.Global.SNMP.RFCv3 = true, true }},
	{name: "enable_snmp_rfcv2", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.SNMP.RFCv2 = true }},
	{name: "enable_snmp_rfcv3", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.SNMP.RFCv3 = true }},
	{name: "enable_snmp_checker", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.SNMP.LVS = true }},
	{name: "snmp_vs_stats_update_interval", in: in(inGlobal), value: decimal(1000, 30_000_000), def: "5",
		since: "2.3.0", pending: true, dur: func(d *decoder, v time.Duration) { d.cfg.Global.SNMP.VSInterval = v }},
	{name: "snmp_rs_stats_update_interval", in: in(inGlobal), value: decimal(1000, 30_000_000),
		def: "snmp_vs_stats_update_interval", since: "2.3.0", pending: true,
		dur: func(d *decoder, v time.Duration) { d.cfg.Global.SNMP.RSInterval = v }},
	{name: "enable_dbus", in: in(inGlobal), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.cfg.Global.DBus.Enabled = true }},
	{name: "dbus_service_name", in: in(inGlobal), value: value{kind: word, optional: true},
		def: "org.keepalived.Vrrp1", pending: true, str: func(d *decoder, s string) { d.cfg.Global.DBus.ServiceName = s }},
	{name: "dbus_no_interface_name", in: in(inGlobal), value: value{kind: word, optional: true}, def: "none",
		since: "2.3.0", pending: true, str: func(d *decoder, s string) { d.cfg.Global.DBus.NoInterfaceName = s }},
}, schedulingKeywords("vrrp", func(d *decoder) *Scheduling { return &d.cfg.Global.VRRPScheduling }),
	schedulingKeywords("checker", func(d *decoder) *Scheduling { return &d.cfg.Global.CheckerScheduling }),
	schedulingKeywords("bfd", func(d *decoder) *Scheduling { return &d.cfg.Global.BFDScheduling }),
	bufferKeywords("vrrp_netlink_cmd_rcv_bufs", func(d *decoder) *BufferSize { return &d.cfg.Global.VRRPCommandBuffer }),
	bufferKeywords("vrrp_netlink_monitor_rcv_bufs",
		func(d *decoder) *BufferSize { return &d.cfg.Global.VRRPMonitorBuffer }),
	bufferKeywords("lvs_netlink_cmd_rcv_bufs", func(d *decoder) *BufferSize { return &d.cfg.Global.LVSCommandBuffer }),
	bufferKeywords("lvs_netlink_monitor_rcv_bufs",
		func(d *decoder) *BufferSize { return &d.cfg.Global.LVSMonitorBuffer }),
	bufferKeywords("process_monitor_rcv_bufs", func(d *decoder) *BufferSize { return &d.cfg.Global.ProcessBuffer }),
)

func concat(parts ...[]keyword) []keyword {
	var all []keyword
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// schedulingKeywords are the rows that each of keepalived's processes has.
func schedulingKeywords(part string, of func(*decoder) *Scheduling) []keyword {
	g := in(inGlobal)
	rttime := func(d *decoder, v int64) {
		if v == 1 {
			d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeRaised, d.n.Keyword.Text+" 1 is too small, setting to 2", "")
			v = 2
		}
		of(d).RTTime, of(d).RTTimeSet = time.Duration(v)*time.Microsecond, true
	}
	none := func(d *decoder) { of(d).RTTime, of(d).RTTimeSet = 0, true }
	return []keyword{
		{name: part + "_priority", in: g, value: whole(-20, 19).withoutFatal(), def: "unset", pending: true,
			num: func(d *decoder, v int64) { of(d).Nice, of(d).NiceIsSet = int(v), true },
			bad: func(d *decoder) { of(d).Nice = 0 }},
		{name: part + "_no_swap", in: g, value: value{kind: bare}, def: "off", pending: true,
			on: func(d *decoder) { of(d).NoSwap = true }},
		{name: part + "_rt_priority", in: g, value: whole(minInt32, maxInt32).withoutFatal(), def: "off", pending: true,
			num: func(d *decoder, v int64) { of(d).RealTime = d.clamp(v, 1, 99) }},
		{name: part + "_cpu_affinity", in: g, def: "all", pending: true,
			decode: func(d *decoder, n *Node) { of(d).Affinity = d.cpus(n) }},
		{name: part + "_rlimit_rttime", in: g, value: whole(1, maxUint32), def: "10000", pending: true,
			num: rttime, bad: none},
		{name: part + "_rlimit_rtime", in: g, value: whole(1, maxUint32), def: "10000", pending: true,
			alias: part + "_rlimit_rttime", oldName: true, num: rttime, bad: none},
	}
}

// bufferKeywords are the two rows of a socket buffer.
func bufferKeywords(name string, of func(*decoder) *BufferSize) []keyword {
	return []keyword{
		{name: name, in: in(inGlobal), value: wholeStrict(0, maxUint32).withoutFatal(), def: "the kernel's", pending: true,
			num: func(d *decoder, v int64) { of(d).Bytes = uint32(v) }},
		{name: name + "_force", in: in(inGlobal), value: value{kind: boolean}, def: "off", pending: true,
			yes: func(d *decoder, v bool) { of(d).Force = v }},
	}
}
