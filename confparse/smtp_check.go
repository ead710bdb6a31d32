package confparse

// SMTPDetail is what SMTP_CHECK has beyond a connection.
type SMTPDetail struct {
	HELO string // helo_name
}

// smtpRows are the rows that SMTP_CHECK has beyond a connection.
var smtpRows = blockOf[checkerScratch]{
	replacedWordRow("helo_name", optionalWord, func(c *checkerScratch) *string { return &c.Detail.(*SMTPDetail).HELO }).
		because("smtpchecker.keepalived.org"),
	{keyword: keyword{name: "host", block: inSMTPHost, alias: "SMTP_CHECK", oldName: true, decode: (*decoder).smtpHost}},
}

// smtpHost decodes the deprecated host block of SMTP_CHECK: a further target, as a checker of its own.
func (d *decoder) smtpHost(n *Node) {
	ck := here[checkerScratch](d)
	at := len(d.checkers) - 1
	for at >= 0 && d.checkers[at].Checker != ck.Checker {
		at--
	}
	d.checkers[at].hosts++
	host := d.checkers[at]
	c := *host.Checker
	c.Range = n.RangeOf(n.Keyword)
	host.Checker, host.node = &c, n
	d.checkers = append(d.checkers, host)
	connectRows.update(d, n, &d.checkers[len(d.checkers)-1])
	d.block = &d.checkers[at] // the list may have moved
}

// settleSMTP fills the name, and leaves out a checker that has hosts: each of them is one in its place.
func (d *decoder) settleSMTP(_ *Node, c *checkerScratch) bool {
	if x := c.Detail.(*SMTPDetail); x.HELO == "" {
		x.HELO = "smtpchecker.keepalived.org"
	}
	return c.hosts == 0
}
