package confparse

import (
	"fmt"
	"time"

	"vigil/confparse/diag"
)

// Mail is how alerts are sent.
type Mail struct {
	From       string // notification_email_from: an address, or a name and <address>
	Recipients []string
	ServerHost string // smtp_server as written; "" = no mail
	ServerPort uint16 // 25
	HELO       string // smtp_helo_name; the host name
	Timeout    time.Duration
	Alerts     Switch // smtp_alert
	VRRP       Switch // smtp_alert_vrrp
	Checkers   Switch // smtp_alert_checker
	NoFaults   bool   // no_email_faults
	NoCheckers bool   // no_checker_emails
}

// mailRows are the rows of global_defs about alerts by mail.
var mailRows = blockOf[Global]{
	mailFrom(),
	recipients(),
	smtpServer(),
	ownRow("smtp_helo_name", "the host name", func(d *decoder, n *Node, g *Global) { g.Mail.HELO = d.intern(n.Arg(0)) },
		func(p *printer, g *Global) { p.text("smtp_helo_name", g.Mail.HELO) }),
	smtpTimeout(),
	switchRow("smtp_alert", "unset", func(g *Global) *Switch { return &g.Mail.Alerts }),
	switchRow("smtp_alert_vrrp", "smtp_alert", func(g *Global) *Switch { return &g.Mail.VRRP }),
	switchRow("smtp_alert_checker", "smtp_alert", func(g *Global) *Switch { return &g.Mail.Checkers }),
	flagRow("no_email_faults", func(g *Global) *bool { return &g.Mail.NoFaults }),
	optionRow("no_checker_emails", func(g *Global) *bool { return &g.Mail.NoCheckers }),
}

// mailFrom is a sender, kept as written.
func mailFrom() row[Global] {
	r := wordRow("notification_email_from", optionalWord, func(g *Global) *string { return &g.Mail.From })
	r.str = func(d *decoder, at site, s string) {
		if len(at.n.Args) > 1 {
			d.report(at.n, at.n.RangeOf(at.n.Args[1]), diag.CodeExtraWords,
				"notification_email_from has extra words - ignoring them", "quote an address with a display name")
		}
		here[Global](at).Mail.From = s
	}
	return r.because("the user at the host name")
}

func recipients() row[Global] {
	r := ownRow("notification_email", "", (*decoder).recipients,
		func(p *printer, g *Global) { p.list("notification_email", g.Mail.Recipients) })
	r.list = &itemGrammar{name: "name", words: true}
	return r
}

func smtpServer() row[Global] {
	r := ownRow("smtp_server", "none; port 25", (*decoder).smtpServer, func(p *printer, g *Global) {
		if m := &g.Mail; m.ServerHost != "" {
			p.line("smtp_server", quoted(m.ServerHost), m.ServerPort)
		}
	})
	r.reset = func(g *Global) { g.Mail.ServerPort = 25 }
	return r
}

func smtpTimeout() row[Global] {
	r := secondsRow("smtp_connect_timeout", secs(0, maxBurstSeconds), 30*time.Second,
		func(g *Global) *time.Duration { return &g.Mail.Timeout })
	r.num = func(d *decoder, at site, v int64) {
		here[Global](at).Mail.Timeout = time.Duration(d.atLeastOne(at.n, v)) * time.Second
	}
	return r
}

func (d *decoder) recipients(n *Node, g *Global) {
	d.extraParameters(n)
	if len(n.Body) == 0 {
		d.atEnd(n, diag.CodeEmptyList, "Warning - empty notification_email block", "")
	}
	for _, item := range n.Body {
		g.Mail.Recipients = append(g.Mail.Recipients, d.listWords(item)...)
	}
}

func (d *decoder) smtpServer(n *Node, g *Global) {
	if len(n.Args) == 0 {
		d.missing(n, false)
		return
	}
	port := uint16(25)
	if len(n.Args) > 1 {
		p, ok := parsePort(n.Args[1])
		if !ok || p == 0 {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeBadNumber, "Invalid smtp server "+n.Arg(0)+" "+n.Arg(1), "")
			return
		}
		port = p
	}
	if _, ok := parseAddr(n.Arg(0)); !ok && d.env.System.Resolve != nil && !d.env.System.Resolve(n.Arg(0)) {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnresolved, fmt.Sprintf("Invalid smtp server %s %d", n.Arg(0), port),
			"the name cannot be resolved now")
		return
	}
	g.Mail.ServerHost, g.Mail.ServerPort = d.intern(n.Arg(0)), port
}
