package confparse

import (
	"fmt"
	"net/netip"

	"vigil/confparse/diag"
)

// SorryServer is sorry_server with its modifiers.
type SorryServer struct {
	Range      Range
	Addr       netip.Addr
	Port       uint16
	Forwarding Forwarding
	Inhibit    bool
	Tunnel     Tunnel
}

// sorryRows are the rows of virtual_server about its sorry server.
var sorryRows = blockOf[serverScratch]{
	ownRow("sorry_server", "", (*decoder).sorryServer, sorryPrint(func(p *printer, s *SorryServer) {
		p.line("sorry_server", s.Addr, s.Port)
	})),
	ownRow("sorry_server_lvs_method", "the virtual server's", func(d *decoder, n *Node, vs *serverScratch) {
		switch {
		case !d.needsSorry(n, vs):
		case len(n.Args) == 0:
			d.missing(n, false)
		default:
			d.method(n, &vs.sorryMethod, &vs.sorryTunnel)
		}
	}, sorryPrint(func(p *printer, s *SorryServer) { p.method("sorry_server_lvs_method", s.Forwarding, s.Tunnel) })),
	{
		keyword: keyword{name: "sorry_server_inhibit", value: value{kind: bare}, def: "off", on: func(d *decoder, at site) {
			if vs := here[serverScratch](at); d.needsSorry(at.n, vs) {
				vs.SorryServer.Inhibit = true
			}
		}},
		print: sorryPrint(func(p *printer, s *SorryServer) { p.flag(s.Inhibit, "sorry_server_inhibit") }),
	},
}

// sorryPrint prints a part of a sorry server, if there is one.
func sorryPrint(print func(*printer, *SorryServer)) func(*printer, *serverScratch) {
	return func(p *printer, vs *serverScratch) {
		if vs.SorryServer != nil {
			print(p, vs.SorryServer)
		}
	}
}

func (d *decoder) sorryServer(n *Node, vs *serverScratch) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	a, port, ok := d.serverAddress(n, n.Args, "sorry server")
	if !ok {
		return
	}
	vs.SorryServer = &SorryServer{Range: n.Range(), Addr: a, Port: port}
	vs.sorryMethod, vs.sorryTunnel, vs.sorryAt = vs.method, vs.tunnel, n
}

func (d *decoder) needsSorry(n *Node, vs *serverScratch) bool {
	if vs.SorryServer == nil {
		d.about(n, diag.CodeNoSorry, n.Keyword.Text+" without sorry_server - ignoring", "sorry_server must stand above it")
	}
	return vs.SorryServer != nil
}

// settleSorry gives the sorry server its port and, when it is one of the real servers, that one's inhibit setting.
func (d *decoder) settleSorry(vs *serverScratch) {
	ss := vs.SorryServer
	if ss == nil {
		return
	}
	d.settleSorryPort(vs, ss)
	for _, rs := range vs.RealServers {
		if rs.ID.Addr != ss.Addr || rs.ID.Port != ss.Port {
			continue
		}
		if rs.InhibitOnFailure != ss.Inhibit {
			d.about(vs.sorryAt, diag.CodeSorryInhibit, fmt.Sprintf("Virtual server %s: real server %s matches sorry server, "+
				"but inhibit setting differs, setting on sorry server", vs.ID, rs.ID), "", Place{Range: rs.Range, Note: "the real server"})
			ss.Inhibit = rs.InhibitOnFailure
		}
		return
	}
}
