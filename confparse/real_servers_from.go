package confparse

import (
	"fmt"
	"net/netip"

	"vigil/confparse/diag"
)

// MemberSource is a real_servers_from block, which keepalived does not have: real servers that are not in the configuration but come from
// outside, and come and go while it stays. WithMembers makes them.
type MemberSource struct {
	Range Range
	From  Source
	// Each is what a member is apart from its address, port and weight. Of its checks, those whose Connect.Addr is invalid ask the
	// member's address, and those whose Connect.Port is 0 its port.
	Each *RealServer
}

// membersRow is real_servers_from.
var membersRow = row[serverScratch]{
	keyword: keyword{name: "real_servers_from", block: inRealServer,
		decode: func(d *decoder, at site) { d.realServersFrom(at.n, here[serverScratch](at)) }},
	print: func(p *printer, vs *serverScratch) {
		for _, s := range vs.Sources {
			p.open("real_servers_from", quoted(s.From.String()))
			p.realServer(s.Each)
			p.close()
		}
	},
}.from(ours)

// realServersFrom decodes a real_servers_from block.
func (d *decoder) realServersFrom(n *Node, vs *serverScratch) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	from, why := parseSource(n.Arg(0))
	if why == "" && len(n.Args) > 1 {
		why = "one source stands in a block; another has a block of its own"
	}
	if why != "" {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeMemberSource, fmt.Sprintf("Invalid real_servers_from '%s' - skipping", n.Arg(0)), why)
		return
	}
	from.File, from.Name = d.intern(from.File), d.intern(from.Name)
	d.readServer(n, vs, &RealServer{Range: n.Range()}, &MemberSource{Range: n.RangeOf(n.Args[0]), From: from})
}

// settleSource makes rs, which is real_servers_from, one of the sources of its virtual server.
func (d *decoder) settleSource(vs *serverScratch, rs *realScratch) {
	s := rs.source
	for _, other := range vs.Sources {
		if other.From.String() == s.From.String() {
			d.about(rs.node, diag.CodeDuplicateReal, fmt.Sprintf("Virtual server %s: duplicate real_servers_from %s - ignoring", vs.ID,
				s.From), "", Place{Range: other.Range, Note: "first given here"})
			return
		}
	}
	if vs.mixed && rs.Forwarding != TUN {
		d.about(rs.node, diag.CodeGroupFamily, fmt.Sprintf("Virtual server %s: group %s has IPv4 and IPv6 entries - ignoring real_servers_from %s",
			vs.ID, vs.ID.Group, s.From), "only TUN servers can serve both")
		return
	}
	d.settleServer(vs, rs)
	if s.From.File == "" {
		s.From.IPv4 = rs.Forwarding == TUN || vs.family == IPv4
		s.From.IPv6 = rs.Forwarding == TUN || vs.family == IPv6
	}
	s.Each = rs.RealServer
	for _, ck := range s.Each.Checkers {
		if c := &ck.Connect; rs.Forwarding != TUN && !c.Addr.IsValid() && c.BindAddr.IsValid() && FamilyOf(c.BindAddr) != vs.family {
			d.about(rs.node, diag.CodeFamilyMismatch, fmt.Sprintf("bindto %s is not %s like the members of %s - ignoring", c.BindAddr,
				vs.family, s.From), "")
			c.BindAddr, c.BindPort = netip.Addr{}, 0
		}
	}
	if check := d.env.System.MemberFile; check != nil && s.From.File != "" {
		if err := check(s.From.File); err != nil {
			d.about(rs.node, diag.CodeMemberFile, fmt.Sprintf("real_servers_from %s: %v", s.From, err), "a daemon that runs keeps the members that it had; one that starts has none of it")
		}
	}
	vs.Sources = append(vs.Sources, s)
}
