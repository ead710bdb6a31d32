package confparse

import (
	"slices"
)

// RealServer is a real_server block.
type RealServer struct {
	Range Range
	ID    RealServerID

	Forwarding       Forwarding
	Weight           int32
	UpperThreshold   uint32
	LowerThreshold   uint32
	InhibitOnFailure bool
	Backup           bool // it is a backup_real_server
	VirtualHost      string
	Checkers         []*Checker

	Tunnel     Tunnel
	SNMPName   string
	Mail       Switch // smtp_alert
	NotifyUp   *Script
	NotifyDown *Script
}

// realScratch is a real_server in the making.
type realScratch struct {
	*RealServer
	timing
	node           *Node
	source         *MemberSource // it is real_servers_from; else nil
	method         opt[Forwarding]
	tunnel         opt[Tunnel]
	weight         opt[int32]
	inhibit, alpha opt[bool]
	port           uint16
	firstChecker   int // in decoder.checkers
	lastChecker    int
}

// realServerRow is real_server.
var realServerRow = row[serverScratch]{
	keyword: keyword{name: "real_server", block: inRealServer,
		decode: func(d *decoder, at site) { d.realServer(at.n, here[serverScratch](at)) }},
	print: func(p *printer, vs *serverScratch) {
		for _, rs := range vs.RealServers {
			word := "real_server"
			if rs.Backup {
				word = backupServer
			}
			p.open(word, rs.ID.Addr, rs.ID.Port)
			p.realServer(rs)
			p.close()
		}
	},
}

const backupServer = "backup_real_server"

// backupServerRow is backup_real_server, which keepalived does not have.
var backupServerRow = row[serverScratch]{
	keyword: keyword{name: backupServer, block: inRealServer, since: ours,
		decode: func(d *decoder, at site) { d.realServer(at.n, here[serverScratch](at)) }},
}

// realServerBlock is the rows of real_server.
var realServerBlock = slices.Concat(blockOf[realScratch]{
	inheritedCount("weight", whole(0, maxInt32), "the virtual server's", func(rs *realScratch) *opt[int32] { return &rs.weight }).
		printed(func(p *printer, rs *realScratch) { p.line("weight", rs.Weight) }),
	ownWordRow("lvs_method", oneWord, "the virtual server's",
		func(d *decoder, n *Node, _ string, rs *realScratch) { d.method(n, &rs.method, &rs.tunnel) },
		func(p *printer, rs *realScratch) { p.method("lvs_method", rs.Forwarding, rs.Tunnel) }),
	countRow("uthreshold", whole(0, maxUint32), 0, func(rs *realScratch) *uint32 { return &rs.UpperThreshold }),
	countRow("lthreshold", whole(0, maxUint32), 0, func(rs *realScratch) *uint32 { return &rs.LowerThreshold }),
	inheritedToggle("inhibit_on_failure", "the virtual server's", func(rs *realScratch) *opt[bool] { return &rs.inhibit }).
		printed(func(p *printer, rs *realScratch) { p.line("inhibit_on_failure", onOff(rs.InhibitOnFailure)) }),
	replacedWordRow("virtualhost", optionalWord, func(rs *realScratch) *string { return &rs.VirtualHost }).
		because("the virtual server's"),
	pathRow("snmp_name", func(rs *realScratch) *string { return &rs.SNMPName }),
	switchRow("smtp_alert", "smtp_alert_checker, else on", func(rs *realScratch) *Switch { return &rs.Mail }),
	realNotify("notify_up", func(rs *realScratch) **Script { return &rs.NotifyUp }),
	realNotify("notify_down", func(rs *realScratch) **Script { return &rs.NotifyDown }),
	inheritedToggle("alpha", "the virtual server's", func(rs *realScratch) *opt[bool] { return &rs.alpha }),
}, timingRows(timingDefaults{"the virtual server's", "the virtual server's", "the virtual server's", "the virtual server's",
	"the virtual server's", "the virtual server's"}, func(rs *realScratch) *timing { return &rs.timing }), checkerRows)

func realNotify(name string, field func(*realScratch) **Script) row[realScratch] {
	return ownRow(name, "", func(d *decoder, n *Node, rs *realScratch) { d.notifyScriptRef(n, rs.name(), field(rs)) },
		func(p *printer, rs *realScratch) { p.scriptRef(name, *field(rs)) }).referring()
}

// name is how a message calls the server whose port is not settled yet.
func (rs *realScratch) name() string {
	if rs.source != nil {
		return rs.source.From.String()
	}
	return rs.ID.Addr.String()
}

// shown is how a message calls the server once it is settled.
func (rs *realScratch) shown() string {
	if rs.source != nil {
		return rs.name()
	}
	return rs.ID.String()
}

func (p *printer) realServer(rs *RealServer) {
	realServerBlock.write(p, &realScratch{RealServer: rs})
	for _, c := range rs.Checkers {
		p.checker(c)
	}
}

// realServer decodes a real_server block.
func (d *decoder) realServer(n *Node, vs *serverScratch) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	a, port, ok := d.serverAddress(n, n.Args, "real server")
	if !ok {
		return
	}
	if len(d.realArena) == 0 {
		d.realArena = make([]RealServer, 128)
	}
	rs := &d.realArena[0]
	d.realArena = d.realArena[1:]
	rs.Range = n.Range()
	rs.ID.Addr, rs.ID.Port = a, port
	rs.Backup = n.Keyword.Text == backupServer
	d.readServer(n, vs, rs, nil)
}

// readServer decodes the block n into rs, whose address is known, or which is what the members of a source are.
func (d *decoder) readServer(n *Node, vs *serverScratch, rs *RealServer, source *MemberSource) {
	d.reals = append(d.reals, realScratch{RealServer: rs, source: source, node: n, port: rs.ID.Port, method: vs.method,
		tunnel: vs.tunnel, firstChecker: len(d.checkers)})
	s := &d.reals[len(d.reals)-1]
	realServerBlock.update(d, n, s)
	s.lastChecker = len(d.checkers)
}
