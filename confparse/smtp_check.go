package confparse

// SMTPDetail is what SMTP_CHECK has beyond a connection.
type SMTPDetail struct {
	HELO string // helo_name
}

// smtpHost decodes the deprecated host block of SMTP_CHECK: a further target, as a checker of its own.
func (d *decoder) smtpHost(n *Node) {
	at := len(d.checkers) - 1
	for at >= 0 && d.checkers[at].Checker != d.ck.Checker {
		at--
	}
	d.checkers[at].hosts++
	host := d.checkers[at]
	c := *host.Checker
	c.Range = n.RangeOf(n.Keyword)
	host.Checker, host.node = &c, n
	d.checkers = append(d.checkers, host)
	d.ck = &d.checkers[len(d.checkers)-1]
	d.body(n.Body)
	d.ck = &d.checkers[at]
}
