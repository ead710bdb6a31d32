package confparse

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// VirtualServer is a virtual_server block.
type VirtualServer struct {
	Range Range
	ID    VirtualServerID // its family is unknown when a group has entries of both

	// Unchanged says that the server is exactly what it was in the Config that Env.Known came from. Nothing else is
	// filled in then.
	Unchanged bool

	Scheduler              string // lb_algo, wlc by default
	SchedulerFlags         SchedulerFlags
	Forwarding             Forwarding
	OnePacket              bool          // ops
	PersistenceTimeout     time.Duration // 0 = off
	PersistenceGranularity uint32        // IPv4: the mask (255.255.255.0 = 0xffffff00), IPv6: the prefix length; see GranularityFor
	PersistenceEngine      string
	Quorum                 uint32 // 1
	Hysteresis             uint32
	Alpha                  bool
	Omega                  bool
	HASuspend              bool
	FailoverThreshold      uint32        // the live weight below which backup servers serve; 0 without any, else 1
	PanicThreshold         uint8         // panic_threshold, percent; 0 = off
	SlowStart              time.Duration // 0 = off
	DrainOnRemove          time.Duration // 0 = off
	FlapFailures           uint32        // flap_damping; 0 = off
	FlapWithin             time.Duration
	VirtualHost            string // virtualhost
	SorryServer            *SorryServer
	RealServers            []*RealServer
	Sources                []*MemberSource // of members, of which RealServers has none before WithMembers

	Tunnel Tunnel
	// LocalAddresses is the name of the laddr_group of its FNAT servers; "" = the address of the interface by which packets leave.
	LocalAddresses string
	// AnnounceOn is the interface on which its addresses are while it has its quorum; "" = none.
	AnnounceOn string

	SNMPName   string
	Mail       Switch // smtp_alert
	QuorumUp   *Script
	QuorumDown *Script
}

// serverScratch is a virtual_server in the making.
type serverScratch struct {
	*VirtualServer
	timing
	node        *Node
	family      Family
	protocolSet bool
	badProtocol bool // reported already
	method      opt[Forwarding]
	sorryMethod opt[Forwarding]
	weight      int32
	inhibit     bool
	granularity bool

	mixed                          bool                // the group serves both families
	group                          *VirtualServerGroup // once it is known
	groupHasAddress, groupPortZero bool                // of the group
	groupHasMark                   bool                // the same
	tunnel, sorryTunnel            opt[Tunnel]

	protocolAt, opsAt, quorumAt, hysteresisAt, suspendAt, sorryAt, announceAt *Node
}

var serversRow = blocksRow("virtual_server", inVirtualServer, (*decoder).virtualServer,
	func(c *Config) []*VirtualServer { return c.VirtualServers }, (*printer).virtualServer)

// virtualServerBlock is the rows of virtual_server.
var virtualServerBlock = slices.Concat(blockOf[serverScratch]{
	ownWordRow("ip_family", oneWord, "from the address or the servers", (*decoder).ipFamily,
		func(p *printer, vs *serverScratch) {
			if !vs.ID.Addr.IsValid() && vs.ID.Family != FamilyUnknown {
				p.line("ip_family", map[Family]string{IPv4: "inet", IPv6: "inet6"}[vs.ID.Family])
			}
		}),
	ownWordRow("protocol", oneWord, "UDP", (*decoder).protocol, func(p *printer, vs *serverScratch) {
		if vs.ID.Protocol != ProtocolNone {
			p.line("protocol", strings.ToUpper(vs.ID.Protocol.String()))
		}
	}),
	scheduler, scheduler.as("lvs_sched"),
	flagBit("flag-1", SchedulerFlag1), flagBit("flag-2", SchedulerFlag2), flagBit("flag-3", SchedulerFlag3),
	flagOf("sh-port", "sh", SchedulerFlag2), flagOf("sh-fallback", "sh", SchedulerFlag1),
	flagOf("mh-port", "mh", SchedulerFlag2), flagOf("mh-fallback", "mh", SchedulerFlag1),
	{keyword: keyword{name: "hashed", value: value{kind: bare},
		on: func(d *decoder, at site) { d.hashed(at.n, here[serverScratch](at)) }}},
	forwarding, forwarding.as("lvs_method"),
	localGroupRow, localGroupRow.as("laddr_group_name"),
	noted(flagRow("ops", func(vs *serverScratch) *bool { return &vs.OnePacket }),
		func(vs *serverScratch) **Node { return &vs.opsAt }),
	ownRow("persistence_timeout", "off; 360 when bare", (*decoder).persistenceTimeout, func(p *printer, vs *serverScratch) {
		if vs.PersistenceTimeout > 0 {
			p.seconds("persistence_timeout", vs.PersistenceTimeout)
		}
	}),
	ownWordRow("persistence_granularity", oneWord, "", (*decoder).granularity, func(p *printer, vs *serverScratch) {
		if vs.PersistenceTimeout > 0 {
			p.mask(vs.ID.Family, vs.PersistenceGranularity)
		}
	}),
	ownWordRow("persistence_engine", oneWord, "", (*decoder).persistenceEngine,
		func(p *printer, vs *serverScratch) { p.text("persistence_engine", vs.PersistenceEngine) }),
	quorumOf("quorum", 1, 1, func(vs *serverScratch) *uint32 { return &vs.Quorum },
		func(vs *serverScratch) **Node { return &vs.quorumAt }),
	quorumOf("hysteresis", 0, 0, func(vs *serverScratch) *uint32 { return &vs.Hysteresis },
		func(vs *serverScratch) **Node { return &vs.hysteresisAt }),
	flagRow("alpha", func(vs *serverScratch) *bool { return &vs.Alpha }),
	flagRow("omega", func(vs *serverScratch) *bool { return &vs.Omega }),
	noted(flagRow("ha_suspend", func(vs *serverScratch) *bool { return &vs.HASuspend }),
		func(vs *serverScratch) **Node { return &vs.suspendAt }),
	announceRow,
	replacedWordRow("virtualhost", optionalWord, func(vs *serverScratch) *string { return &vs.VirtualHost }),
	pathRow("snmp_name", func(vs *serverScratch) *string { return &vs.SNMPName }),
	switchRow("smtp_alert", "smtp_alert_checker", func(vs *serverScratch) *Switch { return &vs.Mail }),
	quorumScript("quorum_up", func(vs *serverScratch) **Script { return &vs.QuorumUp }),
	quorumScript("quorum_down", func(vs *serverScratch) **Script { return &vs.QuorumDown }),
	flagRow("inhibit_on_failure", func(vs *serverScratch) *bool { return &vs.inhibit }).printed(nil),
	numberRow("weight", whole(1, maxInt32), 1, func(vs *serverScratch) *int32 { return &vs.weight }).printed(nil),
}, guardRows, sorryRows, blockOf[serverScratch]{realServerRow, backupServerRow, membersRow}, timingRows(timingDefaults{"60", "5",
	"1; HTTP_GET and SSL_GET 3, DNS_CHECK delay_loop", "delay_loop", "1; DNS_CHECK 3, MISC_CHECK 0", "1"},
	func(vs *serverScratch) *timing { return &vs.timing }))

var scheduler = ownWordRow("lb_algo", oneWord, "wlc", (*decoder).scheduler,
	func(p *printer, vs *serverScratch) { p.line("lb_algo", vs.Scheduler) })

var forwarding = ownWordRow("lb_kind", oneWord, "NAT",
	func(d *decoder, n *Node, _ string, vs *serverScratch) { d.method(n, &vs.method, &vs.tunnel) },
	func(p *printer, vs *serverScratch) { p.method("lb_kind", vs.Forwarding, vs.Tunnel) })

var announceRow = ownWordRow("announce_on", oneWord, "off", func(d *decoder, n *Node, s string, vs *serverScratch) {
	if d.linkName(n, s) {
		vs.AnnounceOn, vs.announceAt = d.intern(s), n
	}
}, func(p *printer, vs *serverScratch) { p.text("announce_on", vs.AnnounceOn) }).from(ours)

// flagBit is a flag of the scheduler by its number.
func flagBit(name string, f SchedulerFlags) row[serverScratch] {
	return row[serverScratch]{
		keyword: keyword{name: name, value: value{kind: bare}, def: "off",
			on: func(d *decoder, at site) { here[serverScratch](at).SchedulerFlags |= f }},
		print: func(p *printer, vs *serverScratch) { p.flag(vs.SchedulerFlags&f != 0, name) },
	}
}

// flagOf is a flag by the name that a scheduler has for it.
func flagOf(name, scheduler string, f SchedulerFlags) row[serverScratch] {
	return row[serverScratch]{keyword: keyword{name: name, value: value{kind: bare}, def: "off",
		on: func(d *decoder, at site) { d.schedulerFlag(at.n, scheduler, f, here[serverScratch](at)) }}}
}

// quorumOf is a weight that is needed, with the place where it is written.
func quorumOf(name string, lo int64, def uint32, field func(*serverScratch) *uint32, place func(*serverScratch) **Node,
) row[serverScratch] {
	r := noted(numberRow(name, whole(lo, maxUint32), def, field), place)
	if lo > 0 {
		r.bad = func(d *decoder, at site) { *field(here[serverScratch](at)) = def }
	}
	r.print = func(p *printer, vs *serverScratch) { p.number(name, int64(*field(vs)), 0) }
	return r
}

func quorumScript(name string, field func(*serverScratch) **Script) row[serverScratch] {
	return ownRow(name, "", func(d *decoder, n *Node, vs *serverScratch) { d.notifyScriptRef(n, vs.ID.String(), field(vs)) },
		func(p *printer, vs *serverScratch) { p.scriptRef(name, *field(vs)) }).referring()
}

func (p *printer) virtualServer(vs *VirtualServer) {
	switch {
	case vs.ID.Fwmark != 0:
		p.open("virtual_server fwmark", vs.ID.Fwmark)
	case vs.ID.Group != "":
		p.open("virtual_server group", quoted(vs.ID.Group))
	default:
		p.open("virtual_server", vs.ID.Addr, vs.ID.Port)
	}
	virtualServerBlock.write(p, &serverScratch{VirtualServer: vs})
	p.close()
}

// virtualServer decodes "virtual_server ADDRESS [PORT] | fwmark N | group NAME".
func (d *decoder) virtualServer(n *Node) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	vs := &d.vsScratch
	*vs = serverScratch{node: n, VirtualServer: &VirtualServer{Range: n.Range()}}
	for _, reset := range serverResets {
		reset(vs)
	}
	switch n.Arg(0) {
	case "fwmark":
		if len(n.Args) < 2 {
			d.missingItem(n, n.Args[0])
			return
		}
		v, ok := d.wholeNumber(n, n.Args[1], whole(0, maxUint32))
		if !ok || v == 0 {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeBadServerAddress,
				fmt.Sprintf("virtual server fwmark '%s' is not valid - skipping", n.Arg(1)), "a mark is 1 to 4294967295")
			return
		}
		vs.ID.Fwmark = uint32(v)
	case "group":
		if len(n.Args) < 2 {
			d.missingItem(n, n.Args[0])
			return
		}
		if n.Arg(1) == "" {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeUnknownGroup, "virtual server group has an empty name - ignoring virtual server", "")
			return
		}
		vs.ID.Group = d.intern(n.Arg(1))
		vs.ID.Ordinal = d.groupUse[vs.ID.Group]
		d.groupUse[vs.ID.Group]++
	default:
		a, port, ok := d.serverAddress(n, n.Args, "virtual server")
		if !ok {
			return
		}
		vs.ID.Addr, vs.ID.Port, vs.ID.Family = a, port, FamilyOf(a)
		vs.family = vs.ID.Family
	}
	d.reals, d.checkers = d.reals[:0], d.checkers[:0]
	virtualServerBlock.update(d, n, vs)
	d.finishServer(vs)
}

var serverResets = virtualServerBlock.resets()

// defaultPersistence is what a bare persistence_timeout means, and what a service without a port gets.
const defaultPersistence = 360 * time.Second

func (d *decoder) ipFamily(n *Node, s string, vs *serverScratch) {
	f := FamilyUnknown
	switch s {
	case "inet":
		f = IPv4
	case "inet6":
		f = IPv6
	}
	if f == FamilyUnknown || vs.family != FamilyUnknown && vs.family != f {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeFamilyMismatch,
			fmt.Sprintf("Virtual server specified family %s, but address family is %s - ignoring", s, vs.family),
			"use inet or inet6")
		return
	}
	vs.family = f
}

func (d *decoder) protocol(n *Node, s string, vs *serverScratch) {
	switch strings.ToUpper(s) {
	case "TCP":
		vs.ID.Protocol = TCP
	case "UDP":
		vs.ID.Protocol = UDP
	case "SCTP":
		vs.ID.Protocol = SCTP
	default:
		vs.badProtocol = true
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, fmt.Sprintf("Unknown protocol %s - ignoring", s),
			"use TCP, UDP or SCTP; without one it is UDP")
		return
	}
	vs.protocolSet, vs.protocolAt = true, n
}

func (d *decoder) persistenceTimeout(n *Node, vs *serverScratch) {
	if len(n.Args) == 0 {
		vs.PersistenceTimeout = defaultPersistence
		return
	}
	if v, ok := d.wholeNumber(n, n.Args[0], wholeStrict(1, 2678400)); ok {
		vs.PersistenceTimeout = time.Duration(v) * time.Second
	}
}

// granularity reads a dotted mask, or a prefix length for IPv6.
func (d *decoder) granularity(n *Node, s string, vs *serverScratch) {
	if strings.Contains(s, ".") {
		a, ok := parseAddr(s)
		if !ok || !a.Is4() || vs.family == IPv6 {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadAddress,
				fmt.Sprintf("Invalid IPv4 persistence_granularity '%s'", s), "")
			return
		}
		raw := a.As4()
		vs.PersistenceGranularity = uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
		vs.family = IPv4
	} else {
		if vs.family == IPv4 {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadAddress,
				fmt.Sprintf("Invalid IPv4 persistence_granularity '%s'", s), "write a mask such as 255.255.255.0")
			return
		}
		v, ok := d.wholeNumber(n, n.Args[0], wholeStrict(1, 128))
		if !ok {
			return
		}
		vs.PersistenceGranularity = uint32(v)
		vs.family = IPv6
	}
	vs.granularity = true
	if vs.PersistenceTimeout == 0 {
		vs.PersistenceTimeout = defaultPersistence
	}
}

// maxEngineName is IP_VS_PENAME_MAXLEN without its terminator.
const maxEngineName = 15

func (d *decoder) persistenceEngine(n *Node, s string, vs *serverScratch) {
	if len(s) > maxEngineName {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeNameTruncated, fmt.Sprintf(
			"persistence_engine name '%s' too long - truncating", s), fmt.Sprintf("at most %d characters", maxEngineName))
		s = s[:maxEngineName]
	}
	vs.PersistenceEngine = s
}
