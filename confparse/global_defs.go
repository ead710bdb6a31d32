package confparse

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vigil/confparse/diag"
)

// Global is the global_defs block and the root scalars.
type Global struct {
	RouterID          string     // router_id; the host name when unset
	VRRPVersion       uint8      // vrrp_version: 2 (default) or 3, for IPv4 instances without a version of their own
	VRRPMulticast4    netip.Addr // vrrp_mcast_group4; 224.0.0.18
	VRRPMulticast6    netip.Addr // vrrp_mcast_group6; ff02::12
	VRRPStartupDelay  time.Duration
	LVSFlush          bool // lvs_flush: clear the kernel's whole table at start
	LVSFlushOnStop    LVSFlushOnStop
	OnServerDown      OnServerDown
	SloppyTCP         Switch // sloppy_tcp: a packet in the midst of a connection begins one; unset: as the kernel is set
	LogAllFailures    bool   // checker_log_all_failures
	DynamicInterfaces bool   // dynamic_interfaces: an interface may be missing at start

	AllowInterfaceChanges bool // dynamic_interfaces allow_if_changes
	VRRPDelayAfterBoot    time.Duration
	DefaultInterface      string // default_interface, eth0: of static addresses without dev
	DisableLocalIGMP      bool
	ChecksumAsV2          bool          // v3_checksum_as_v2
	GARPInterval          time.Duration // vrrp_garp_interval
	GNAInterval           time.Duration // vrrp_gna_interval
	MinGARP               bool          // vrrp_min_garp
	ExtraGARP             time.Duration // vrrp_garp_extra_if; 0 = off
	ExtraGARPAll          bool
	LogUnknownVRIDs       bool
	OwnerIgnoreAdverts    bool
	VMACPrefix            string // vrrp
	VMACAddressPrefix     string
	RXBuffers             RXBufferPolicy
	RXBufferBytes         uint32
	RXBufferMultiplier    uint32 // 3
	NotifyPriorityChanges bool
	StatesOnReload        bool // fifo_write_vrrp_states_on_reload
	RSInitNotifies        bool

	LVSTimeouts  LVSTimeouts
	SyncDaemon   SyncDaemon
	IPVSSync     IPVSSync
	NFTables     NFTables
	IPTables     NFTables // vrrp_iptables, vrrp_ipsets
	IPVSFirewall IPVSFirewall

	NotifyFIFO, VRRPFIFO, LVSFIFO FIFO

	Mail   Mail
	SNMP   SNMP
	DBus   DBus
	Daemon Daemon

	VRRPScheduling, CheckerScheduling, BFDScheduling Scheduling

	VRRPCommandBuffer, VRRPMonitorBuffer, LVSCommandBuffer, LVSMonitorBuffer, ProcessBuffer BufferSize
}

// globalDefs is global_defs, which may be written more than once.
var globalDefs = row[Config]{
	keyword: keyword{name: "global_defs", block: inGlobal,
		decode: func(d *decoder, at site) { globalBlock.update(d, at.n, &here[Config](at).Global) }},
	reset: func(c *Config) { globalBlock.defaults(&c.Global) },
	print: func(p *printer, c *Config) {
		p.open("global_defs")
		globalBlock.write(p, &c.Global)
		p.close()
	},
}

// globalBlock is the rows of global_defs.
var globalBlock = slices.Concat(
	blockOf[Global]{wordRow("router_id", optionalWord, func(g *Global) *string { return &g.RouterID }).
		because("the host name")},
	processRows, mailRows, vrrpRows, instanceDefaultRows, firewallRows, lvsRows, ipvsSyncRows, ipvsFirewallRows,
	fifoRows("notify_fifo", func(g *Global) *FIFO { return &g.NotifyFIFO }),
	fifoRows("vrrp_notify_fifo", func(g *Global) *FIFO { return &g.VRRPFIFO }),
	fifoRows("lvs_notify_fifo", func(g *Global) *FIFO { return &g.LVSFIFO }),
	snmpRows, dbusRows,
	schedulingRows("vrrp", func(g *Global) *Scheduling { return &g.VRRPScheduling }),
	schedulingRows("checker", func(g *Global) *Scheduling { return &g.CheckerScheduling }),
	schedulingRows("bfd", func(g *Global) *Scheduling { return &g.BFDScheduling }),
	autoPriorityRows,
	bufferRows("vrrp_netlink_cmd_rcv_bufs", func(g *Global) *BufferSize { return &g.VRRPCommandBuffer }),
	bufferRows("vrrp_netlink_monitor_rcv_bufs", func(g *Global) *BufferSize { return &g.VRRPMonitorBuffer }),
	bufferRows("lvs_netlink_cmd_rcv_bufs", func(g *Global) *BufferSize { return &g.LVSCommandBuffer }),
	bufferRows("lvs_netlink_monitor_rcv_bufs", func(g *Global) *BufferSize { return &g.LVSMonitorBuffer }),
	bufferRows("process_monitor_rcv_bufs", func(g *Global) *BufferSize { return &g.ProcessBuffer }),
)

// vrrpRows are the rows of global_defs about all instances together.
var vrrpRows = blockOf[Global]{
	numberRow("vrrp_version", whole(2, 3), 2, func(g *Global) *uint8 { return &g.VRRPVersion }),
	multicastGroup("vrrp_mcast_group4", "224.0.0.18", func(g *Global) *netip.Addr { return &g.VRRPMulticast4 }),
	multicastGroup("vrrp_mcast_group6", "ff02::12", func(g *Global) *netip.Addr { return &g.VRRPMulticast6 }),
	checkUnicast,
	durationRow("vrrp_startup_delay", decimal(1000, maxMicros), func(g *Global) *time.Duration { return &g.VRRPStartupDelay }),
	durationRow("vrrp_delay_after_boot", decimal(1000, maxMicros), func(g *Global) *time.Duration { return &g.VRRPDelayAfterBoot }).
		from("2.4.0"),
	ownRow("dynamic_interfaces", "off", (*decoder).dynamicInterfaces, func(p *printer, g *Global) {
		switch {
		case g.AllowInterfaceChanges:
			p.line("dynamic_interfaces allow_if_changes")
		case g.DynamicInterfaces:
			p.line("dynamic_interfaces")
		}
	}),
	defaultInterface(),
	flagRow("disable_local_igmp", func(g *Global) *bool { return &g.DisableLocalIGMP }),
	flagRow("v3_checksum_as_v2", func(g *Global) *bool { return &g.ChecksumAsV2 }).from("2.2.8"),
	announcementPace("vrrp_garp_interval", func(g *Global) *time.Duration { return &g.GARPInterval }),
	announcementPace("vrrp_gna_interval", func(g *Global) *time.Duration { return &g.GNAInterval }),
	leastGARP(),
	extraGARP, extraGARP.asDeprecated("vrrp_vmac_garp_intvl"),
	flagRow("log_unknown_vrids", func(g *Global) *bool { return &g.LogUnknownVRIDs }),
	optionRow("vrrp_owner_ignore_adverts", func(g *Global) *bool { return &g.OwnerIgnoreAdverts }).from("2.3.3"),
	firstWordRow("vmac_prefix", oneWord, func(g *Global) *string { return &g.VMACPrefix }).because("vrrp"),
	firstWordRow("vmac_addr_prefix", oneWord, func(g *Global) *string { return &g.VMACAddressPrefix }).
		because("vmac_prefix"),
	receiveBuffer,
	numberRow("vrrp_rx_bufs_multiplier", wholeStrict(1, maxUint32).withoutFatal(), 3,
		func(g *Global) *uint32 { return &g.RXBufferMultiplier }),
	optionRow("vrrp_notify_priority_changes", func(g *Global) *bool { return &g.NotifyPriorityChanges }),
	flagRow("fifo_write_vrrp_states_on_reload", func(g *Global) *bool { return &g.StatesOnReload }),
}

func multicastGroup(name, def string, field func(*Global) *netip.Addr) row[Global] {
	without := netip.MustParseAddr(def)
	r := addrRow(name, def, field)
	r.ip = func(d *decoder, at site, a netip.Addr) {
		d.globalGroup(at.n, a, FamilyOf(without), field(here[Global](at)))
	}
	r.reset = func(g *Global) { *field(g) = without }
	return r
}

func defaultInterface() row[Global] {
	r := wordRow("default_interface", optionalWord, func(g *Global) *string { return &g.DefaultInterface })
	r.str = func(d *decoder, at site, s string) {
		if d.linkName(at.n, s) {
			here[Global](at).DefaultInterface = s
		}
	}
	return r.because("eth0")
}

// announcementPace is the time between two announcements.
func announcementPace(name string, field func(*Global) *time.Duration) row[Global] {
	r := durationRow(name, decimal(1, maxMicros), field)
	r.dur = func(d *decoder, at site, v time.Duration) {
		*field(here[Global](at)) = v
		d.slowPacing(at.n, v)
	}
	return r
}

// leastGARP is vrrp_min_garp, which cannot be turned off again.
func leastGARP() row[Global] {
	r := optionRow("vrrp_min_garp", func(g *Global) *bool { return &g.MinGARP })
	r.yes = func(d *decoder, at site, v bool) { g := here[Global](at); g.MinGARP = g.MinGARP || v }
	return r
}

var extraGARP = ownRow("vrrp_garp_extra_if", "0",
	func(d *decoder, n *Node, g *Global) { d.extraInterface(n, 1, &g.ExtraGARP, &g.ExtraGARPAll) },
	func(p *printer, g *Global) {
		if g.ExtraGARP > 0 {
			p.extra("vrrp_garp_extra_if", g.ExtraGARP, g.ExtraGARPAll)
		}
	})

// globalGroup is the multicast group of a family.
func (d *decoder) globalGroup(n *Node, a netip.Addr, f Family, to *netip.Addr) {
	if !d.multicast(n, a, f) {
		return
	}
	if a.Is6() && !a.IsLinkLocalMulticast() {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeWideGroup, fmt.Sprintf("%s [%s] should be link-local multicast.",
			n.Keyword.Text, a), "it is used all the same")
	}
	*to = a
}

// finishGlobals fills the defaults that depend on other settings.
func (d *decoder) finishGlobals() {
	g := &d.cfg.Global
	fill := func(to *string, def string) {
		if *to == "" {
			*to = def
		}
	}
	fill(&g.RouterID, d.env.Hostname)
	fill(&g.Mail.HELO, d.env.Hostname)
	fill(&g.DefaultInterface, "eth0")
	fill(&g.VMACPrefix, "vrrp")
	fill(&g.VMACAddressPrefix, g.VMACPrefix)
	if g.SNMP.RSInterval == 0 {
		g.SNMP.RSInterval = g.SNMP.VSInterval
	}
	if g.MinGARP {
		d.gs.leastGARP()
	}
	for _, f := range []*FIFO{&g.VRRPFIFO, &g.LVSFIFO} {
		if f.Path != "" && f.Path == g.NotifyFIFO.Path { // which has all that it would have
			*f = FIFO{}
		}
	}
}

func (d *decoder) slowPacing(n *Node, v time.Duration) {
	if v >= time.Second {
		d.about(n, diag.CodeSlowPacing, "The "+n.Keyword.Text+" is very large: "+n.Arg(0)+" seconds",
			"every announcement waits this long after the one before it")
	}
}

func (d *decoder) dynamicInterfaces(n *Node, g *Global) {
	g.DynamicInterfaces = true
	switch n.Arg(0) {
	case "":
	case "allow_if_changes":
		g.AllowInterfaceChanges = true
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeNeedless, "allow_if_changes is accepted, and there is nothing for it to act on",
			"instances are told apart by the names of their interfaces, whatever those are made of")
	default:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown dynamic_interfaces option '"+n.Arg(0)+"'",
			"only allow_if_changes is known")
	}
}
