package confparse

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

func (p *printer) global(c *Config) {
	g, d := &c.Global, &c.Global.Daemon
	p.text("net_namespace", d.NetNamespace)
	if d.IPVSNamespaceSet {
		p.line("net_namespace_ipvs", d.IPVSNamespace)
	}
	p.flag(d.NamespaceWithIPSets, "namespace_with_ipsets")
	p.text("instance", d.Instance)
	p.flag(d.UsePIDDir, "use_pid_dir")
	p.flag(d.LinkbeatPolling, "linkbeat_use_polling")
	p.seconds("child_wait_time", d.ChildWaitTime)
	p.open("global_defs")
	p.text("router_id", g.RouterID)
	p.daemon(d)
	p.mail(&g.Mail)
	p.vrrpGlobals(g)
	p.lvsGlobals(g)
	p.faces(g)
	p.scheduling("vrrp", &g.VRRPScheduling)
	p.scheduling("checker", &g.CheckerScheduling)
	p.scheduling("bfd", &g.BFDScheduling)
	p.number("max_auto_priority", int64(g.VRRPScheduling.AutoRTMax), 0)
	p.line("min_auto_priority_delay", g.VRRPScheduling.AutoRTWait.Microseconds())
	for _, b := range []struct {
		name string
		size BufferSize
	}{{"vrrp_netlink_cmd_rcv_bufs", g.VRRPCommandBuffer}, {"vrrp_netlink_monitor_rcv_bufs", g.VRRPMonitorBuffer},
		{"lvs_netlink_cmd_rcv_bufs", g.LVSCommandBuffer}, {"lvs_netlink_monitor_rcv_bufs", g.LVSMonitorBuffer},
		{"process_monitor_rcv_bufs", g.ProcessBuffer}} {
		p.number(b.name, int64(b.size.Bytes), 0)
		p.flag(b.size.Force, b.name+"_force")
	}
	p.close()
	if t := c.TLS; t.IsSet {
		p.open("SSL")
		p.text("password", t.Password)
		p.text("ca", t.CA)
		p.text("certificate", t.Certificate)
		p.text("key", t.Key)
		p.close()
	}
}

func (p *printer) daemon(d *Daemon) {
	p.flag(d.ProcessNames, "process_names")
	p.text("process_name", d.ProcessName)
	p.text("vrrp_process_name", d.VRRPProcessName)
	p.text("checker_process_name", d.CheckerProcessName)
	p.text("bfd_process_name", d.BFDProcessName)
	p.flag(d.UseSymlinkPaths, "use_symlink_paths")
	p.flag(d.SupplementaryGroups, "set_supplementary_groups")
	if w := accountWords(d.ScriptAccount); w != "" {
		p.line("script_user" + w)
	}
	p.flag(d.ScriptSecurity, "enable_script_security")
	p.script("startup_script", d.Startup)
	p.seconds("startup_script_timeout", d.StartupTimeout)
	p.script("shutdown_script", d.Shutdown)
	p.seconds("shutdown_script_timeout", d.ShutdownTimeout)
	if d.UmaskSet {
		p.line("umask", "0"+strconv.FormatUint(uint64(d.Umask), 8))
	}
	p.number("random_seed", int64(d.RandomSeed), 0)
	if d.ReloadCheck {
		p.line(strings.TrimSpace("reload_check_config " + optional(d.ReloadCheckLog)))
	}
	p.text("reload_time_file", d.ReloadTimeFile)
	p.flag(d.ReloadRepeat, "reload_repeat")
	if d.ReloadFileSet {
		p.line(strings.TrimSpace("reload_file " + optional(d.ReloadFile)))
	}
	p.text("config_save_dir", d.ConfigSaveDir)
	p.text("tmp_config_directory", d.TmpConfigDir)
	p.flag(d.DataUseInstance, "data_use_instance")
	p.line("json_version", d.JSONVersion)
	p.text("iproute_usr_dir", d.IPRouteUsrDir)
	p.text("iproute_etc_dir", d.IPRouteEtcDir)
	p.text("state_dump_file", d.StateDumpFile)
	p.text("stats_dump_file", d.StatsDumpFile)
	p.text("json_dump_file", d.JSONDumpFile)
}

// optional is quoted, but nothing for nothing.
func optional(s string) string {
	if s == "" {
		return ""
	}
	return quoted(s)
}

func (p *printer) mail(m *Mail) {
	p.text("notification_email_from", m.From)
	p.list("notification_email", m.Recipients)
	if m.ServerHost != "" {
		p.line("smtp_server", quoted(m.ServerHost), m.ServerPort)
	}
	p.text("smtp_helo_name", m.HELO)
	p.seconds("smtp_connect_timeout", m.Timeout)
	p.toggle("smtp_alert", m.Alerts)
	p.toggle("smtp_alert_vrrp", m.VRRP)
	p.toggle("smtp_alert_checker", m.Checkers)
	p.flag(m.NoFaults, "no_email_faults")
	p.flag(m.NoCheckers, "no_checker_emails")
}

func (p *printer) vrrpGlobals(g *Global) {
	p.line("vrrp_version", g.VRRPVersion)
	p.addr("vrrp_mcast_group4", g.VRRPMulticast4)
	p.addr("vrrp_mcast_group6", g.VRRPMulticast6)
	p.flag(p.checksUnicast, "vrrp_check_unicast_src")
	p.duration("vrrp_startup_delay", g.VRRPStartupDelay)
	p.duration("vrrp_delay_after_boot", g.VRRPDelayAfterBoot)
	switch {
	case g.AllowInterfaceChanges:
		p.line("dynamic_interfaces allow_if_changes")
	case g.DynamicInterfaces:
		p.line("dynamic_interfaces")
	}
	p.text("default_interface", g.DefaultInterface)
	p.flag(g.DisableLocalIGMP, "disable_local_igmp")
	p.flag(g.ChecksumAsV2, "v3_checksum_as_v2")
	p.duration("vrrp_garp_interval", g.GARPInterval)
	p.duration("vrrp_gna_interval", g.GNAInterval)
	p.flag(g.MinGARP, "vrrp_min_garp")
	if g.ExtraGARP > 0 {
		p.extra("vrrp_garp_extra_if", g.ExtraGARP, g.ExtraGARPAll)
	}
	p.flag(g.LogUnknownVRIDs, "log_unknown_vrids")
	p.flag(g.OwnerIgnoreAdverts, "vrrp_owner_ignore_adverts")
	p.text("vmac_prefix", g.VMACPrefix)
	p.text("vmac_addr_prefix", g.VMACAddressPrefix)
	switch g.RXBuffers {
	case RXBufferMTU:
		p.line("vrrp_rx_bufs_policy MTU")
	case RXBufferAdvert:
		p.line("vrrp_rx_bufs_policy ADVERT")
	case RXBufferBytes:
		p.line("vrrp_rx_bufs_policy", g.RXBufferBytes)
	}
	p.line("vrrp_rx_bufs_multiplier", g.RXBufferMultiplier)
	p.flag(g.NotifyPriorityChanges, "vrrp_notify_priority_changes")
	p.flag(g.StatesOnReload, "fifo_write_vrrp_states_on_reload")
	if t := g.IPTables; t.Table != "" {
		p.line("vrrp_iptables", quoted(t.Chains[0]), quoted(t.Chains[1]))
	}
	if sets := g.IPTables.Sets; len(sets) > 0 {
		words := []any{"vrrp_ipsets"}
		for _, s := range sets {
			words = append(words, quoted(s))
		}
		p.line(words...)
	}
	if g.NFTables.Table != "keepalived" || g.IPTables.Table == "" {
		p.text("nftables", g.NFTables.Table)
	}
	p.number("nftables_priority", int64(g.NFTables.Priority), -1)
	p.flag(g.NFTables.IfIndex, "nftables_ifindex")
	p.flag(g.NFTables.Counters, "nftables_counters")
}

func (p *printer) lvsGlobals(g *Global) {
	p.flag(g.LVSFlush, "lvs_flush")
	switch g.LVSFlushOnStop {
	case FlushOnStopAll:
		p.line("lvs_flush_on_stop")
	case FlushOnStopVS:
		p.line("lvs_flush_on_stop VS")
	}
	p.flag(g.LogAllFailures, "checker_log_all_failures")
	p.flag(g.RSInitNotifies, "rs_init_notifies")
	if t := g.LVSTimeouts; t.IsSet {
		p.line("lvs_timeouts tcp", int64(t.TCP/time.Second), "tcpfin", int64(t.TCPFin/time.Second), "udp",
			int64(t.UDP/time.Second))
	}
	if s := g.SyncDaemon; s.Interface != "" {
		words := []any{"lvs_sync_daemon", quoted(s.Interface)}
		if s.Instance != "" {
			words = append(words, "inst", quoted(string(s.Instance)))
		}
		if s.ID >= 0 {
			words = append(words, "id", s.ID)
		}
		if s.MaxLen > 0 {
			words = append(words, "maxlen", s.MaxLen)
		}
		p.line(append(words, "port", s.Port, "ttl", s.TTL, "group", s.Group)...)
	}
	p.text("nftables_ipvs", g.IPVSFirewall.Table)
	p.number("nftables_ipvs_priority", int64(g.IPVSFirewall.Priority), -1)
	p.number("nftables_ipvs_start_fwmark", int64(g.IPVSFirewall.FirstMark), 1000)
}

// faces writes what the program offers to others.
func (p *printer) faces(g *Global) {
	for _, f := range []struct {
		name string
		fifo *FIFO
	}{{"notify_fifo", &g.NotifyFIFO}, {"vrrp_notify_fifo", &g.VRRPFIFO}, {"lvs_notify_fifo", &g.LVSFIFO}} {
		if f.fifo.Path != "" {
			p.line(f.name, quoted(f.fifo.Path)+accountWords(f.fifo.Account))
		}
		p.script(f.name+"_script", f.fifo.Script)
	}
	s := &g.SNMP
	p.text("snmp_socket", s.Socket)
	p.flag(s.Traps, "enable_traps")
	p.flag(s.VRRP, "enable_snmp_vrrp")
	p.flag(s.RFCv2, "enable_snmp_rfcv2")
	p.flag(s.RFCv3, "enable_snmp_rfcv3")
	p.flag(s.LVS, "enable_snmp_checker")
	p.line("snmp_vs_stats_update_interval", s.VSInterval)
	p.line("snmp_rs_stats_update_interval", s.RSInterval)
	p.flag(g.DBus.Enabled, "enable_dbus")
	p.text("dbus_service_name", g.DBus.ServiceName)
	p.text("dbus_no_interface_name", g.DBus.NoInterfaceName)
}

func (p *printer) scheduling(part string, s *Scheduling) {
	if s.NiceIsSet {
		p.line(part+"_priority", s.Nice)
	}
	p.flag(s.NoSwap, part+"_no_swap")
	p.number(part+"_rt_priority", int64(s.RealTime), 0)
	p.ints(part+"_cpu_affinity", s.Affinity)
	if s.RTTimeSet && s.RTTime > 0 {
		p.line(part+"_rlimit_rttime", s.RTTime.Microseconds())
	}
}

func weightWords(name string, weight int, reverse bool) string {
	if reverse {
		return fmt.Sprintf("%s %d reverse", name, weight)
	}
	return fmt.Sprintf("%s %d", name, weight)
}

func (p *printer) trackers(c *Config) {
	for _, s := range c.Scripts {
		p.open("vrrp_script", quoted(s.Name))
		scriptBlock.write(p, s)
		p.close()
	}
	for _, t := range c.Processes {
		p.open("vrrp_track_process", quoted(t.Name))
		processBlock.write(p, t)
		p.close()
	}
	for _, t := range c.Files {
		p.open("track_file", quoted(t.Name))
		fileBlock.write(p, t)
		p.close()
	}
	for _, b := range c.BFD {
		p.open("bfd_instance", quoted(b.Name))
		bfdBlock.write(p, b)
		p.close()
	}
	for _, g := range c.TrackGroups {
		p.open("track_group", quoted(g.Name))
		p.open("group")
		for _, m := range g.Members {
			p.line(quoted(string(m)))
		}
		p.close()
		p.close()
	}
}

// statics writes what is installed whatever the instances do, and the settings of single interfaces.
func (p *printer) statics(c *Config) {
	if len(c.StaticAddresses) > 0 {
		p.open("static_ipaddress")
		for _, a := range c.StaticAddresses {
			words := addressWords(a.VirtualAddress)
			if a.TrackGroup != "" {
				words = append(words, "track_group", quoted(a.TrackGroup))
			}
			p.line(words...)
		}
		p.close()
	}
	p.routes("static_routes", c.StaticRoutes)
	p.rules("static_rules", c.StaticRules)
	for _, g := range c.GARPGroups {
		p.open("garp_group")
		p.duration("garp_interval", g.GARPInterval)
		p.duration("gna_interval", g.GNAInterval)
		if g.Shared {
			p.list("interfaces", g.Interfaces)
		} else {
			for _, i := range g.Interfaces {
				p.line("interface", quoted(i))
			}
		}
		p.close()
	}
	if len(c.Linkbeat) > 0 {
		p.open("linkbeat_interfaces")
		for _, l := range c.Linkbeat {
			p.line(strings.TrimSpace(quoted(l.Interface) + " " + l.Method))
		}
		p.close()
	}
	if len(c.InterfaceDelays) > 0 {
		p.open("interface_up_down_delays")
		for _, d := range c.InterfaceDelays {
			p.line(quoted(d.Interface), d.Down, d.Up)
		}
		p.close()
	}
}
