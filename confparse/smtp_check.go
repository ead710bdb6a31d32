package confparse

// SMTPDetail is what SMTP_CHECK has beyond a connection.
type SMTPDetail struct {
	HELO string // helo_name
}

// smtpRows are the rows that SMTP_CHECK has beyond a connection.
var smtpRows = blockOf[checkerScratch]{
	replacedWordRow("helo_name", optionalWord, func(c *checkerScratch) *string { return &c.Detail.(*SMTPDetail).HELO }).
		because("smtpchecker.keepalived.org"),
	smtpHost(),
}

// smtpHost is the old host block of SMTP_CHECK: a further target, as a checker of its own.
func smtpHost() row[checkerScratch] {
	r := ownRow("host", "", func(d *decoder, n *Node, c *checkerScratch) {
		host, own := *c, *c.Checker
		own.Range = n.RangeOf(n.Keyword)
		host.Checker, host.node, host.hosts = &own, n, nil
		connectRows.update(d, n, &host)
		c.hosts = append(c.hosts, host)
	}, nil).opening(inSMTPHost)
	r.alias, r.oldName = "SMTP_CHECK", true
	return r
}

// settleSMTP fills the name, and leaves out a checker that has hosts: each of them is one in its place.
func (d *decoder) settleSMTP(_ *Node, c *checkerScratch) bool {
	if x := c.Detail.(*SMTPDetail); x.HELO == "" {
		x.HELO = "smtpchecker.keepalived.org"
	}
	return len(c.hosts) == 0
}
