package confparse

import (
	"time"

	"vigil/confparse/diag"
)

// LVSFlushOnStop is what lvs_flush_on_stop asks for when the daemon stops.
type LVSFlushOnStop uint8

// The values of lvs_flush_on_stop.
const (
	FlushOnStopOff LVSFlushOnStop = iota // remove own services one by one
	FlushOnStopAll                       // one flush, foreign services included
	FlushOnStopVS                        // delete each own service
)

// OnServerDown is what on_server_down asks for when a server leaves the kernel's table that has connections.
type OnServerDown uint8

// The values of on_server_down.
const (
	ServerDownUnset OnServerDown = iota // as the kernel is set
	ServerDownKeep                      // their packets go nowhere, until the server is back or they time out
	ServerDownReset                     // they end at once, and a client of TCP that sends something is answered with a reset
)

// LVSTimeouts are the connection timeouts of the kernel; 0 = leave as they are.
type LVSTimeouts struct {
	TCP, TCPFin, UDP time.Duration
	IsSet            bool
}

// lvsRows are the rows of global_defs about the kernel's table and its checkers.
var lvsRows = blockOf[Global]{
	flagRow("lvs_flush", func(g *Global) *bool { return &g.LVSFlush }),
	flushOnStop, flushOnStop.as("lvs_flush_onstop"),
	optionRow("checker_log_all_failures", func(g *Global) *bool { return &g.LogAllFailures }),
	optionRow("rs_init_notifies", func(g *Global) *bool { return &g.RSInitNotifies }),
	ownRow("lvs_timeouts", "the kernel's", (*decoder).lvsTimeouts, func(p *printer, g *Global) {
		if t := g.LVSTimeouts; t.IsSet {
			p.line("lvs_timeouts tcp", int64(t.TCP/time.Second), "tcpfin", int64(t.TCPFin/time.Second), "udp",
				int64(t.UDP/time.Second))
		}
	}),
	ownWordRow("on_server_down", oneWord, "the kernel's", func(d *decoder, n *Node, s string, g *Global) {
		d.oneOf(n, s, map[string]func(){"keep": func() { g.OnServerDown = ServerDownKeep }, "reset": func() { g.OnServerDown = ServerDownReset }},
			"use keep or reset")
	}, func(p *printer, g *Global) {
		p.flag(g.OnServerDown == ServerDownKeep, "on_server_down keep")
		p.flag(g.OnServerDown == ServerDownReset, "on_server_down reset")
	}).from(ours),
	switchRow("sloppy_tcp", "the kernel's", func(g *Global) *Switch { return &g.SloppyTCP }).from(ours),
	syncDaemonRow,
}

var flushOnStop = ownRow("lvs_flush_on_stop", "off", (*decoder).lvsFlushOnStop, func(p *printer, g *Global) {
	switch g.LVSFlushOnStop {
	case FlushOnStopAll:
		p.line("lvs_flush_on_stop")
	case FlushOnStopVS:
		p.line("lvs_flush_on_stop VS")
	}
})

func (d *decoder) lvsFlushOnStop(n *Node, g *Global) {
	switch n.Arg(0) {
	case "":
		g.LVSFlushOnStop = FlushOnStopAll
	case "VS":
		g.LVSFlushOnStop = FlushOnStopVS
	default:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown lvs_flush_on_stop type "+n.Arg(0), "only VS is known")
	}
}

// lvsTimeouts decodes "[tcp S] [tcpfin S] [udp S]".
func (d *decoder) lvsTimeouts(n *Node, g *Global) {
	t := &g.LVSTimeouts
	if len(n.Args) == 0 {
		d.missing(n, true)
		return
	}
	for i := 0; i < len(n.Args); i += 2 {
		var to *time.Duration
		switch n.Arg(i) {
		case "tcp":
			to = &t.TCP
		case "tcpfin":
			to = &t.TCPFin
		case "udp":
			to = &t.UDP
		default:
			d.report(n, n.RangeOf(n.Args[i]), diag.CodeUnknownWord, "Unknown option "+n.Arg(i)+" specified for lvs_timeouts",
				"use tcp, tcpfin or udp")
			i--
			continue
		}
		if i+1 == len(n.Args) {
			d.report(n, n.RangeOf(n.Args[i]), diag.CodeArgumentExpected, "No value specified for lvs_timeout "+n.Arg(i)+
				" - ignoring", "")
			return
		}
		if v, ok := d.wholeNumber(n, n.Args[i+1], wholeStrict(0, 2678400)); ok {
			*to, t.IsSet = time.Duration(v)*time.Second, true
		}
	}
}
