package confparse

import (
	"strconv"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// Daemon is what global_defs and the root scalars say about the program itself.
type Daemon struct {
	NetNamespace        string // net_namespace
	IPVSNamespace       string // net_namespace_ipvs
	IPVSNamespaceSet    bool
	NamespaceWithIPSets bool
	Instance            string // instance: part of pid and dump file names
	UsePIDDir           bool
	LinkbeatPolling     bool
	ChildWaitTime       time.Duration
	ProcessNames        bool
	ProcessName         string
	VRRPProcessName     string
	CheckerProcessName  string
	BFDProcessName      string
	UseSymlinkPaths     bool
	SupplementaryGroups bool // set_supplementary_groups
	Startup, Shutdown   Script
	StartupTimeout      time.Duration
	ShutdownTimeout     time.Duration
	ScriptAccount       Account // script_user
	ScriptSecurity      bool    // enable_script_security
	Umask               uint32
	UmaskSet            bool
	RandomSeed          uint32
	ReloadCheck         bool   // reload_check_config
	ReloadCheckLog      string // its log file
	ReloadTimeFile      string
	ReloadRepeat        bool
	ReloadFile          string
	ReloadFileSet       bool
	ConfigSaveDir       string
	TmpConfigDir        string
	DataUseInstance     bool
	JSONVersion         int // 1
	IPRouteUsrDir       string
	IPRouteEtcDir       string
	StateDumpFile       string
	StatsDumpFile       string
	JSONDumpFile        string
}

// processRows are the rows of global_defs about the program itself: its names, its scripts and its files.
var processRows = blockOf[Global]{
	flagRow("process_names", func(g *Global) *bool { return &g.Daemon.ProcessNames }),
	processName("process_name", func(d *Daemon) *string { return &d.ProcessName }),
	processName("vrrp_process_name", func(d *Daemon) *string { return &d.VRRPProcessName }),
	checkerName, checkerName.asOldName("lvs_process_name"),
	processName("bfd_process_name", func(d *Daemon) *string { return &d.BFDProcessName }).needless(oneProcess),
	optionRow("use_symlink_paths", func(g *Global) *bool { return &g.Daemon.UseSymlinkPaths }).from("2.3.0"),
	optionRow("set_supplementary_groups", func(g *Global) *bool { return &g.Daemon.SupplementaryGroups }).from("2.4.3+"),
	ownRow("script_user", "keepalived_script if it exists, else the daemon's own", (*decoder).scriptUser,
		func(p *printer, g *Global) {
			if w := accountWords(g.Daemon.ScriptAccount); w != "" {
				p.line("script_user" + w)
			}
		}),
	flagRow("enable_script_security", func(g *Global) *bool { return &g.Daemon.ScriptSecurity }),
	globalScriptRow("startup_script", func(g *Global) *Script { return &g.Daemon.Startup }),
	secondsRow("startup_script_timeout", secs(1, 1000).withoutFatal(), 10*time.Second,
		func(g *Global) *time.Duration { return &g.Daemon.StartupTimeout }),
	globalScriptRow("shutdown_script", func(g *Global) *Script { return &g.Daemon.Shutdown }),
	secondsRow("shutdown_script_timeout", secs(1, 1000).withoutFatal(), 10*time.Second,
		func(g *Global) *time.Duration { return &g.Daemon.ShutdownTimeout }),
	umask,
	countRow("random_seed", wholeStrict(0, maxUint32), 0, func(g *Global) *uint32 { return &g.Daemon.RandomSeed }).
		because("the time").needless("keepalived has never used it; ${_RANDOM} is another one in every process"),
	ownRow("reload_check_config", "off", func(d *decoder, n *Node, g *Global) {
		g.Daemon.ReloadCheck, g.Daemon.ReloadCheckLog = true, d.intern(n.Arg(0))
	}, func(p *printer, g *Global) {
		if g.Daemon.ReloadCheck {
			p.line(strings.TrimSpace("reload_check_config " + optional(g.Daemon.ReloadCheckLog)))
		}
	}),
	pathRow("reload_time_file", func(g *Global) *string { return &g.Daemon.ReloadTimeFile }),
	flagRow("reload_repeat", func(g *Global) *bool { return &g.Daemon.ReloadRepeat }),
	ownRow("reload_file", "off; keepalived.reload in the pid directory when bare", func(d *decoder, n *Node, g *Global) {
		g.Daemon.ReloadFile, g.Daemon.ReloadFileSet = d.intern(n.Arg(0)), true
	}, func(p *printer, g *Global) {
		if g.Daemon.ReloadFileSet {
			p.line(strings.TrimSpace("reload_file " + optional(g.Daemon.ReloadFile)))
		}
	}),
	{keyword: keyword{name: "include_check", def: "none; all when bare", decode: func(*decoder, site) {}, checks: true}},
	wordRow("config_save_dir", oneWord, func(g *Global) *string { return &g.Daemon.ConfigSaveDir }),
	firstWordRow("tmp_config_directory", optionalWord, func(g *Global) *string { return &g.Daemon.TmpConfigDir }).
		needless("no other process has to be handed a copy of the configuration"),
	optionRow("data_use_instance", func(g *Global) *bool { return &g.Daemon.DataUseInstance }),
	numberRow("json_version", whole(1, 2).withoutFatal(), 1, func(g *Global) *int { return &g.Daemon.JSONVersion }).
		from("2.2.8"),
	pathRow("iproute_usr_dir", func(g *Global) *string { return &g.Daemon.IPRouteUsrDir }).from("2.3.1"),
	pathRow("iproute_etc_dir", func(g *Global) *string { return &g.Daemon.IPRouteEtcDir }).from("2.3.1"),
	pathRow("state_dump_file", func(g *Global) *string { return &g.Daemon.StateDumpFile }).from("2.3.1"),
	pathRow("stats_dump_file", func(g *Global) *string { return &g.Daemon.StatsDumpFile }).from("2.3.1"),
	pathRow("json_dump_file", func(g *Global) *string { return &g.Daemon.JSONDumpFile }).from("2.3.1"),
}

// oneProcess is why a keyword about one of keepalived's processes is needless.
const oneProcess = "one process does everything, and this part has no thread of its own"

var checkerName = processName("checker_process_name", func(d *Daemon) *string { return &d.CheckerProcessName }).needless(oneProcess)

// processName is a name with the room that the kernel has for one.
func processName(name string, field func(*Daemon) *string) row[Global] {
	r := wordRow(name, oneWord, func(g *Global) *string { return field(&g.Daemon) })
	r.str = func(d *decoder, at site, s string) { *field(&here[Global](at).Daemon) = d.shortName(at.n, s, 15) }
	return r
}

// optional is quoted, but nothing for nothing.
func optional(s string) string {
	if s == "" {
		return ""
	}
	return quoted(s)
}

func (d *decoder) scriptUser(n *Node, g *Global) {
	if len(n.Args) == 0 {
		d.missing(n, true)
		return
	}
	words := make([]string, 0, 2)
	for _, a := range n.Args {
		words = append(words, a.Text)
	}
	a := d.account(words)
	if d.env.System.Account != nil {
		if _, _, err := d.env.System.Account(a.User, a.Group); err != nil {
			d.about(n, diag.CodeNoAccount, "Error setting global script uid/gid", err.Error())
			d.noAccount = true
			return
		}
	}
	g.Daemon.ScriptAccount = a
	d.noAccount = false
}

var umask = row[Global]{
	keyword: keyword{name: "umask", value: oneWord, def: "IXUSR|IRWXG|IRWXO",
		str: func(d *decoder, at site, s string) { d.umask(at.n, s, &here[Global](at).Daemon) }},
	print: func(p *printer, g *Global) {
		if g.Daemon.UmaskSet {
			p.line("umask", "0"+strconv.FormatUint(uint64(g.Daemon.Umask), 8))
		}
	},
}

// umaskBits are the words of umask.
var umaskBits = map[string]uint32{
	"IXOTH": 0o001, "IWOTH": 0o002, "IROTH": 0o004, "IXGRP": 0o010, "IWGRP": 0o020, "IRGRP": 0o040,
	"IXUSR": 0o100, "IWUSR": 0o200, "IRUSR": 0o400, "IRWXO": 0o007, "IRWXG": 0o070, "IRWXU": 0o700,
}

func (d *decoder) umask(n *Node, s string, to *Daemon) {
	mask, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		mask = 0
		for _, w := range strings.Split(s, "|") {
			bit, ok := umaskBits[strings.TrimSpace(w)]
			if !ok {
				d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown umask bit "+w, "")
				return
			}
			mask |= uint64(bit)
		}
	}
	if mask > 0o777 {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadNumber, "umask "+s+" is above 0777", "")
		return
	}
	to.Umask, to.UmaskSet = uint32(mask), true
}
