package confparse

import (
	"strings"
	"time"
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
	PersistenceGranularity uint32        // IPv4: the mask (255.255.255.0 = 0xffffff00), IPv6: the prefix length
	PersistenceEngine      string
	Quorum                 uint32 // 1
	Hysteresis             uint32
	Alpha                  bool
	Omega                  bool
	HASuspend              bool
	VirtualHost            string // virtualhost
	SorryServer            *SorryServer
	RealServers            []*RealServer

	Tunnel     Tunnel
	SNMPName   string
	Mail       Switch // smtp_alert
	QuorumUp   *Script
	QuorumDown *Script
}

var serversRow = blocksRow("virtual_server", inVirtualServer, (*decoder).virtualServer,
	func(c *Config) []*VirtualServer { return c.VirtualServers }, (*printer).virtualServer)

// serverKeywords are the rows of virtual_server and real_server.
var serverKeywords = []keyword{
	{name: "ip_family", in: in(inVirtualServer), value: value{kind: word}, def: "from the address or the servers",
		str: func(d *decoder, s string) { d.ipFamily(s) }},
	{name: "lb_algo", in: in(inVirtualServer), value: value{kind: word}, def: "wlc",
		str: func(d *decoder, s string) { d.scheduler(s) }},
	{name: "lvs_sched", in: in(inVirtualServer), value: value{kind: word}, def: "wlc", alias: "lb_algo",
		str: func(d *decoder, s string) { d.scheduler(s) }},
	{name: "lb_kind", in: in(inVirtualServer), value: value{kind: word}, def: "NAT",
		str: func(d *decoder, s string) { d.method(&d.vs.method, &d.vs.tunnel) }},
	{name: "lvs_method", in: in(inVirtualServer), value: value{kind: word}, def: "NAT", alias: "lb_kind",
		str: func(d *decoder, s string) { d.method(&d.vs.method, &d.vs.tunnel) }},
	{name: "hashed", in: in(inVirtualServer), value: value{kind: bare}, pending: true,
		on: func(d *decoder) { d.hashed() }},
	{name: "ops", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.vs.OnePacket, d.vs.opsAt = true, d.n }},
	{name: "flag-1", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.vs.SchedulerFlags |= SchedulerFlag1 }},
	{name: "flag-2", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.vs.SchedulerFlags |= SchedulerFlag2 }},
	{name: "flag-3", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.vs.SchedulerFlags |= SchedulerFlag3 }},
	{name: "sh-port", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.schedulerFlag("sh", SchedulerFlag2) }},
	{name: "sh-fallback", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.schedulerFlag("sh", SchedulerFlag1) }},
	{name: "mh-port", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.schedulerFlag("mh", SchedulerFlag2) }},
	{name: "mh-fallback", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.schedulerFlag("mh", SchedulerFlag1) }},
	{name: "protocol", in: in(inVirtualServer), value: value{kind: word}, def: "UDP",
		str: func(d *decoder, s string) { d.protocol(s) }},
	{name: "persistence_timeout", in: in(inVirtualServer), def: "off; 360 when bare",
		decode: (*decoder).persistenceTimeout},
	{name: "persistence_granularity", in: in(inVirtualServer), value: value{kind: word},
		str: func(d *decoder, s string) { d.granularity(s) }},
	{name: "persistence_engine", in: in(inVirtualServer), value: value{kind: word},
		str: func(d *decoder, s string) { d.persistenceEngine(s) }},
	{name: "quorum", in: in(inVirtualServer), value: whole(1, maxUint32), def: "1",
		num: func(d *decoder, v int64) { d.vs.Quorum, d.vs.quorumAt = uint32(v), d.n },
		bad: func(d *decoder) { d.vs.Quorum = 1 }},
	{name: "hysteresis", in: in(inVirtualServer), value: whole(0, maxUint32), def: "0",
		num: func(d *decoder, v int64) { d.vs.Hysteresis, d.vs.hysteresisAt = uint32(v), d.n }},
	{name: "ha_suspend", in: in(inVirtualServer), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.vs.HASuspend, d.vs.suspendAt = true, d.n }},
	{name: "omega", in: in(inVirtualServer), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.vs.Omega = true }},
	{name: "sorry_server", in: in(inVirtualServer), decode: (*decoder).sorryServer},
	{name: "sorry_server_inhibit", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) {
			if d.needsSorry() {
				d.vs.SorryServer.Inhibit = true
			}
		}},
	{name: "sorry_server_lvs_method", in: in(inVirtualServer), def: "the virtual server's",
		decode: func(d *decoder, n *Node) {
			switch {
			case !d.needsSorry():
			case len(n.Args) == 0:
				d.missing(n, false)
			default:
				d.method(&d.vs.sorryMethod, &d.vs.sorryTunnel)
			}
		}},
	{name: "real_server", in: in(inVirtualServer), block: inRealServer, decode: (*decoder).realServer},

	{name: "smtp_alert", in: in(inVirtualServer), value: value{kind: boolean}, def: "smtp_alert_checker", pending: true,
		yes: func(d *decoder, v bool) { d.vs.Mail = switchOf(v) }},
	{name: "smtp_alert", in: in(inRealServer), value: value{kind: boolean}, def: "smtp_alert_checker, else on",
		pending: true, yes: func(d *decoder, v bool) { d.rs.Mail = switchOf(v) }},
	{name: "snmp_name", in: in(inVirtualServer), pending: true,
		decode: func(d *decoder, n *Node) { d.onePath(n, &d.vs.SNMPName) }},
	{name: "snmp_name", in: in(inRealServer), pending: true,
		decode: func(d *decoder, n *Node) { d.onePath(n, &d.rs.SNMPName) }},
	{name: "quorum_up", refers: true, in: in(inVirtualServer), pending: true,
		decode: func(d *decoder, n *Node) { d.notifyScriptRef(n, d.vs.ID.String(), &d.vs.QuorumUp) }},
	{name: "quorum_down", refers: true, in: in(inVirtualServer), pending: true,
		decode: func(d *decoder, n *Node) { d.notifyScriptRef(n, d.vs.ID.String(), &d.vs.QuorumDown) }},
	{name: "notify_up", refers: true, in: in(inRealServer), pending: true,
		decode: func(d *decoder, n *Node) { d.notifyScriptRef(n, d.rs.ID.Addr.String(), &d.rs.NotifyUp) }},
	{name: "notify_down", refers: true, in: in(inRealServer), pending: true,
		decode: func(d *decoder, n *Node) { d.notifyScriptRef(n, d.rs.ID.Addr.String(), &d.rs.NotifyDown) }},

	// Settings of the virtual server that its real servers inherit.
	{name: "alpha", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.vs.Alpha = true }},
	{name: "inhibit_on_failure", in: in(inVirtualServer), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.vs.inhibit = true }},
	{name: "weight", in: in(inVirtualServer), value: whole(1, maxInt32), def: "1",
		num: func(d *decoder, v int64) { d.vs.weight = int32(v) }},
	{name: "virtualhost", in: in(inVirtualServer), value: value{kind: word, optional: true},
		str: func(d *decoder, s string) { d.vs.VirtualHost = d.once(d.vs.VirtualHost, s) }},
	{name: "delay_loop", in: in(inVirtualServer), value: decimal(1, maxTimer), def: "60",
		dur: func(d *decoder, v time.Duration) { d.vs.delayLoop.put(v) }},
	{name: "connect_timeout", in: in(inVirtualServer), value: decimal(1, maxMicros), def: "5",
		dur: func(d *decoder, v time.Duration) { d.vs.connectTimeout.put(v) }},
	{name: "delay_before_retry", in: in(inVirtualServer), value: decimal(0, maxTimer),
		def: "1; HTTP_GET and SSL_GET 3, DNS_CHECK delay_loop",
		dur: func(d *decoder, v time.Duration) { d.vs.retryDelay.put(v) }},
	{name: "warmup", in: in(inVirtualServer), value: decimal(0, maxTimer), def: "delay_loop",
		dur: func(d *decoder, v time.Duration) { d.vs.warmup.put(v) }},
	{name: "retry", in: in(inVirtualServer), value: wholeStrict(1, maxUint32), def: "1; DNS_CHECK 3, MISC_CHECK 0",
		num: func(d *decoder, v int64) { d.vs.retry.put(uint32(v)) }},

	{name: "alpha", in: in(inRealServer), value: value{kind: boolean}, def: "the virtual server's",
		yes: func(d *decoder, v bool) { d.rs.alpha.put(v) }},
	{name: "inhibit_on_failure", in: in(inRealServer), value: value{kind: boolean}, def: "the virtual server's",
		yes: func(d *decoder, v bool) { d.rs.inhibit.put(v) }},
	{name: "weight", in: in(inRealServer), value: whole(0, maxInt32), def: "the virtual server's",
		num: func(d *decoder, v int64) { d.rs.weight.put(int32(v)) }},
	{name: "lvs_method", in: in(inRealServer), value: value{kind: word}, def: "the virtual server's",
		str: func(d *decoder, s string) { d.method(&d.rs.method, &d.rs.tunnel) }},
	{name: "uthreshold", in: in(inRealServer), value: whole(0, maxUint32), def: "0",
		num: func(d *decoder, v int64) { d.rs.UpperThreshold = uint32(v) }},
	{name: "lthreshold", in: in(inRealServer), value: whole(0, maxUint32), def: "0",
		num: func(d *decoder, v int64) { d.rs.LowerThreshold = uint32(v) }},
	{name: "virtualhost", in: in(inRealServer), value: value{kind: word, optional: true}, def: "the virtual server's",
		str: func(d *decoder, s string) { d.rs.VirtualHost = d.once(d.rs.VirtualHost, s) }},
	{name: "delay_loop", in: in(inRealServer), value: decimal(1, maxTimer), def: "the virtual server's",
		dur: func(d *decoder, v time.Duration) { d.rs.delayLoop.put(v) }},
	{name: "connect_timeout", in: in(inRealServer), value: decimal(1, maxMicros), def: "the virtual server's",
		dur: func(d *decoder, v time.Duration) { d.rs.connectTimeout.put(v) }},
	{name: "delay_before_retry", in: in(inRealServer), value: decimal(0, maxTimer), def: "the virtual server's",
		dur: func(d *decoder, v time.Duration) { d.rs.retryDelay.put(v) }},
	{name: "warmup", in: in(inRealServer), value: decimal(0, maxTimer), def: "the virtual server's",
		dur: func(d *decoder, v time.Duration) { d.rs.warmup.put(v) }},
	{name: "retry", in: in(inRealServer), value: wholeStrict(1, maxUint32), def: "the virtual server's",
		num: func(d *decoder, v int64) { d.rs.retry.put(uint32(v)) }},
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
	tunnel, sorryTunnel            opt[Tunnel]

	protocolAt, opsAt, quorumAt, hysteresisAt, suspendAt, sorryAt *Node
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
	if !vs.ID.Addr.IsValid() && vs.ID.Family != FamilyUnknown {
		p.line("ip_family", map[Family]string{IPv4: "inet", IPv6: "inet6"}[vs.ID.Family])
	}
	if vs.ID.Protocol != ProtocolNone {
		p.line("protocol", strings.ToUpper(vs.ID.Protocol.String()))
	}
	p.line("lb_algo", vs.Scheduler)
	p.flag(vs.SchedulerFlags&SchedulerFlag1 != 0, "flag-1")
	p.flag(vs.SchedulerFlags&SchedulerFlag2 != 0, "flag-2")
	p.flag(vs.SchedulerFlags&SchedulerFlag3 != 0, "flag-3")
	p.method("lb_kind", vs.Forwarding, vs.Tunnel)
	p.flag(vs.OnePacket, "ops")
	if vs.PersistenceTimeout > 0 {
		p.seconds("persistence_timeout", vs.PersistenceTimeout)
		p.mask(vs.ID.Family, vs.PersistenceGranularity)
	}
	p.text("persistence_engine", vs.PersistenceEngine)
	p.number("quorum", int64(vs.Quorum), 0)
	p.number("hysteresis", int64(vs.Hysteresis), 0)
	p.flag(vs.Alpha, "alpha")
	p.flag(vs.Omega, "omega")
	p.flag(vs.HASuspend, "ha_suspend")
	p.text("virtualhost", vs.VirtualHost)
	p.text("snmp_name", vs.SNMPName)
	p.toggle("smtp_alert", vs.Mail)
	p.scriptRef("quorum_up", vs.QuorumUp)
	p.scriptRef("quorum_down", vs.QuorumDown)
	if ss := vs.SorryServer; ss != nil {
		p.line("sorry_server", ss.Addr, ss.Port)
		p.method("sorry_server_lvs_method", ss.Forwarding, ss.Tunnel)
		p.flag(ss.Inhibit, "sorry_server_inhibit")
	}
	for _, rs := range vs.RealServers {
		p.realServer(rs)
	}
	p.close()
}

// maxTimer is the longest time of a server, in microseconds; keepalived has the limit of a long.
const maxTimer = 1 << 53
