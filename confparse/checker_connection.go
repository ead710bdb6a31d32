package confparse

import (
	"fmt"
	"net/netip"
	"time"

	"vigil/confparse/diag"
)

// socketCheckers are the blocks with the common settings of a connection.
var socketCheckers = in(inTCPCheck, inHTTPGet, inSSLGet, inSMTPCheck, inSMTPHost, inDNSCheck, inUDPCheck, inPingCheck, inGRPCCheck)

// timedCheckers are those with an interval and retries of their own.
var timedCheckers = socketCheckers | in(inMiscCheck)

// checkerAlpha is the setting that all checkers but FILE_CHECK have.
var checkerAlpha = blockOf[checkerScratch]{
	inheritedToggle("alpha", "the real server's", func(c *checkerScratch) *opt[bool] { return &c.alpha }).
		printed(func(p *printer, c *checkerScratch) { p.line("alpha", onOff(c.Alpha)) }),
}

// connectRows are the rows of a connection.
var connectRows = blockOf[checkerScratch]{
	connectAddr("connect_ip", "the real server's address", (*decoder).connectIP,
		func(c *Connect) *netip.Addr { return &c.Addr }),
	connectPort(),
	connectAddr("bindto", "any", (*decoder).bindTo, func(c *Connect) *netip.Addr { return &c.BindAddr }),
	countRow("bind_port", portNumber(), 0, func(c *checkerScratch) *uint16 { return &c.Connect.BindPort }).because("any"),
	ownWordRow("bind_if", oneWord, "any", func(d *decoder, n *Node, s string, c *checkerScratch) {
		if d.linkName(n, s) {
			c.Connect.BindInterface = s
		}
	}, func(p *printer, c *checkerScratch) { p.text("bind_if", c.Connect.BindInterface) }),
	inheritedTime("connect_timeout", decimal(1, maxMicros), "the real server's",
		func(c *checkerScratch) *opt[time.Duration] { return &c.connectTimeout }).
		printed(func(p *printer, c *checkerScratch) { p.line("connect_timeout", c.Connect.Timeout) }),
	countRow("fwmark", whole(0, maxUint32), 0, func(c *checkerScratch) *uint32 { return &c.Connect.Fwmark }),
}

// timedRows are the rows of checkers that run at intervals.
var timedRows = blockOf[checkerScratch]{
	inheritedTime("delay_loop", decimal(1, maxTimer), "the real server's",
		func(c *checkerScratch) *opt[time.Duration] { return &c.delayLoop }).
		printed(func(p *printer, c *checkerScratch) { p.line("delay_loop", c.DelayLoop) }),
	inheritedTime("warmup", decimal(0, maxTimer), "the real server's, else delay_loop",
		func(c *checkerScratch) *opt[time.Duration] { return &c.warmup }).
		printed(func(p *printer, c *checkerScratch) { p.line("warmup", c.Warmup) }),
	inheritedCount("retry", whole(0, maxUint32), "the real server's, else 1; DNS_CHECK 3, MISC_CHECK 0",
		func(c *checkerScratch) *opt[uint32] { return &c.retry }).
		printed(func(p *printer, c *checkerScratch) { p.line("retry", c.Retry) }),
	inheritedCount("rise", whole(1, maxUint32), "the real server's, else 1",
		func(c *checkerScratch) *opt[uint32] { return &c.rise }).from(ours).
		printed(func(p *printer, c *checkerScratch) { p.number("rise", int64(c.Rise), 1) }),
	inheritedTime("delay_before_retry", decimal(0, maxTimer),
		"the real server's, else 1; HTTP_GET and SSL_GET 3, DNS_CHECK delay_loop",
		func(c *checkerScratch) *opt[time.Duration] { return &c.retryDelay }).
		printed(func(p *printer, c *checkerScratch) { p.line("delay_before_retry", c.DelayBeforeRetry) }),
	inheritedToggle("log_all_failures", "checker_log_all_failures", func(c *checkerScratch) *opt[bool] { return &c.logAll }).
		printed(func(p *printer, c *checkerScratch) { p.line("log_all_failures", onOff(c.LogAllFailures)) }),
}

// connectAddr is an address of a connection.
func connectAddr(name, def string, set func(*decoder, *Node, netip.Addr, *checkerScratch), field func(*Connect) *netip.Addr,
) row[checkerScratch] {
	r := addrRow(name, def, func(c *checkerScratch) *netip.Addr { return field(&c.Connect) })
	r.ip = func(d *decoder, at site, a netip.Addr) { set(d, at.n, a, here[checkerScratch](at)) }
	return r
}

func connectPort() row[checkerScratch] {
	r := countRow("connect_port", portNumber(), 0, func(c *checkerScratch) *uint16 { return &c.Connect.Port })
	r.num = func(d *decoder, at site, v int64) {
		c := here[checkerScratch](at)
		c.Connect.Port, c.port = uint16(v), true
	}
	return r.because("the real server's port")
}

func (d *decoder) connectIP(n *Node, a netip.Addr, c *checkerScratch) {
	if b := c.Connect.BindAddr; b.IsValid() && FamilyOf(b) != FamilyOf(a) {
		d.bindFamily(n, a, b, "connect_ip", "bindto")
		return
	}
	c.Connect.Addr = a
}

func (d *decoder) bindTo(n *Node, a netip.Addr, c *checkerScratch) {
	target := c.Connect.Addr
	if !target.IsValid() {
		target = c.rs.ID.Addr
	}
	if target.IsValid() && FamilyOf(target) != FamilyOf(a) { // members have theirs later, see Checker.of
		d.bindFamily(n, a, target, "bindto", "connect_ip")
		return
	}
	c.Connect.BindAddr = a
}

func (d *decoder) bindFamily(n *Node, a, other netip.Addr, word, otherWord string) {
	d.report(n, n.RangeOf(n.Args[0]), diag.CodeFamilyMismatch,
		fmt.Sprintf("%s %s is not %s like %s %s - ignoring", word, a, FamilyOf(other), otherWord, other), "")
}
