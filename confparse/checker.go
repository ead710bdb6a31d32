package confparse

import (
	"net/netip"
	"time"
)

// CheckerKind is the kind of a health checker.
type CheckerKind uint8

// The checker kinds.
const (
	TCPCheck CheckerKind = iota + 1
	HTTPGet
	SSLGet
	SMTPCheck
	DNSCheck
	MiscCheck
	BFDCheck
	UDPCheck
	PingCheck
	FileCheck
)

var checkerKeywords = [...]string{"", "TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "MISC_CHECK",

	"BFD_CHECK", "UDP_CHECK", "PING_CHECK", "FILE_CHECK"}

// String returns the keyword of the block, such as TCP_CHECK.
func (k CheckerKind) String() string {
	if int(k) < len(checkerKeywords) {
		return checkerKeywords[k]
	}
	return ""
}

// Checker is one checker block of a real server, inheritance from real and virtual server already applied.
type Checker struct {
	Range Range
	Kind  CheckerKind

	Alpha            bool
	DelayLoop        time.Duration
	Warmup           time.Duration
	Retry            uint32 // further attempts after the first failure
	DelayBeforeRetry time.Duration
	LogAllFailures   bool
	Connect          Connect
	HTTP             *HTTPCheck // HTTPGet and SSLGet

	Detail any // *SMTPDetail, *DNSDetail, *MiscDetail, *UDPDetail, *FileDetail or *BFDDetail, by Kind; else nil
}

// Connect is how a socket checker reaches its target.
type Connect struct {
	Addr          netip.Addr // connect_ip, else the real server's address
	Port          uint16     // connect_port, else the real server's port as written
	Timeout       time.Duration
	BindAddr      netip.Addr // bindto
	BindPort      uint16     // bind_port
	BindInterface string     // bind_if
	Fwmark        uint32     // SO_MARK; 0 = none
}

// checkerScratch is a checker in the making.
type checkerScratch struct {
	*Checker
	timing
	node   *Node
	alpha  opt[bool]
	logAll opt[bool]
	port   bool // connect_port was given

	account   Account // MISC_CHECK
	accountAt *Node
	weightSet bool  // FILE_CHECK
	nameAt    *Node // FILE_CHECK, BFD_CHECK: what is followed
	hosts     int   // SMTP_CHECK
}

// socketCheckers are the blocks with the common settings of a connection.
var socketCheckers = in(inTCPCheck, inHTTPGet, inSSLGet, inSMTPCheck, inSMTPHost, inDNSCheck, inUDPCheck, inPingCheck)

// timedCheckers are those with an interval and retries of their own.
var timedCheckers = socketCheckers | in(inMiscCheck)

// checkKeywords are the rows of the health checkers.
var checkKeywords = []keyword{
	{name: "TCP_CHECK", in: in(inRealServer), block: inTCPCheck,
		decode: func(d *decoder, n *Node) { d.checker(n, TCPCheck) }},
	{name: "HTTP_GET", in: in(inRealServer), block: inHTTPGet,
		decode: func(d *decoder, n *Node) { d.checker(n, HTTPGet) }},
	{name: "SSL_GET", in: in(inRealServer), block: inSSLGet,
		decode: func(d *decoder, n *Node) { d.checker(n, SSLGet) }},
	{name: "SMTP_CHECK", in: in(inRealServer), block: inSMTPCheck, pending: true,
		decode: func(d *decoder, n *Node) { d.checker(n, SMTPCheck) }},
	{name: "DNS_CHECK", in: in(inRealServer), block: inDNSCheck, pending: true,
		decode: func(d *decoder, n *Node) { d.checker(n, DNSCheck) }},
	{name: "MISC_CHECK", refers: true, in: in(inRealServer), block: inMiscCheck, pending: true,
		decode: func(d *decoder, n *Node) { d.checker(n, MiscCheck) }},
	{name: "UDP_CHECK", in: in(inRealServer), block: inUDPCheck, pending: true,
		decode: func(d *decoder, n *Node) { d.checker(n, UDPCheck) }},
	{name: "PING_CHECK", in: in(inRealServer), block: inPingCheck, pending: true,
		decode: func(d *decoder, n *Node) { d.checker(n, PingCheck) }},
	{name: "FILE_CHECK", refers: true, in: in(inRealServer), block: inFileCheck, pending: true,
		decode: func(d *decoder, n *Node) { d.checker(n, FileCheck) }},
	{name: "BFD_CHECK", refers: true, in: in(inRealServer), block: inBFDCheck, pending: true,
		decode: func(d *decoder, n *Node) { d.checker(n, BFDCheck) }},

	{name: "connect_ip", in: socketCheckers, value: value{kind: address}, def: "the real server's address",
		ip: func(d *decoder, a netip.Addr) { d.connectIP(a) }},
	{name: "connect_port", in: socketCheckers, value: portNumber(), def: "the real server's port",
		num: func(d *decoder, v int64) { d.ck.Connect.Port, d.ck.port = uint16(v), true }},
	{name: "bindto", in: socketCheckers, value: value{kind: address}, def: "any",
		ip: func(d *decoder, a netip.Addr) { d.bindTo(a) }},
	{name: "bind_port", in: socketCheckers, value: portNumber(), def: "any",
		num: func(d *decoder, v int64) { d.ck.Connect.BindPort = uint16(v) }},
	{name: "bind_if", in: socketCheckers, value: value{kind: word}, def: "any", str: func(d *decoder, s string) {
		if d.linkName(s) {
			d.ck.Connect.BindInterface = s
		}
	}},
	{name: "connect_timeout", in: socketCheckers, value: decimal(1, maxMicros), def: "the real server's",
		dur: func(d *decoder, v time.Duration) { d.ck.connectTimeout.put(v) }},
	{name: "fwmark", in: socketCheckers, value: whole(0, maxUint32), def: "0",
		num: func(d *decoder, v int64) { d.ck.Connect.Fwmark = uint32(v) }},
	{name: "retry", in: timedCheckers, value: whole(0, maxUint32), def: "the real server's, else 1; DNS_CHECK 3, MISC_CHECK 0",
		num: func(d *decoder, v int64) { d.ck.retry.put(uint32(v)) }},
	{name: "delay_before_retry", in: timedCheckers, value: decimal(0, maxTimer),
		def: "the real server's, else 1; HTTP_GET and SSL_GET 3, DNS_CHECK delay_loop",
		dur: func(d *decoder, v time.Duration) { d.ck.retryDelay.put(v) }},
	{name: "warmup", in: timedCheckers, value: decimal(0, maxTimer), def: "the real server's, else delay_loop",
		dur: func(d *decoder, v time.Duration) { d.ck.warmup.put(v) }},
	{name: "delay_loop", in: timedCheckers, value: decimal(1, maxTimer), def: "the real server's",
		dur: func(d *decoder, v time.Duration) { d.ck.delayLoop.put(v) }},
	{name: "alpha", in: timedCheckers | in(inBFDCheck), value: value{kind: boolean}, def: "the real server's",
		yes: func(d *decoder, v bool) { d.ck.alpha.put(v) }},
	{name: "log_all_failures", in: timedCheckers, value: value{kind: boolean}, def: "checker_log_all_failures",
		yes: func(d *decoder, v bool) { d.ck.logAll.put(v) }},

	{name: "nb_get_retry", in: in(inHTTPGet, inSSLGet), value: whole(0, maxUint32), def: "1", alias: "retry",
		deprecated: "retry", num: func(d *decoder, v int64) { d.ck.retry.put(uint32(v)) }},
	{name: "virtualhost", in: in(inHTTPGet, inSSLGet), value: value{kind: word, optional: true},
		def: "the real server's", str: func(d *decoder, s string) {
			d.ck.HTTP.VirtualHost = d.once(d.ck.HTTP.VirtualHost, s)
		}},
	{name: "http_protocol", in: in(inHTTPGet, inSSLGet), value: value{kind: word, optional: true}, def: "1.0",
		str: func(d *decoder, s string) { d.httpProtocol(s) }},
	{name: "fast_recovery", in: in(inHTTPGet, inSSLGet), value: value{kind: boolean}, def: "off",
		yes: func(d *decoder, v bool) { d.ck.HTTP.FastRecovery = v }},
	{name: "enable_sni", in: in(inHTTPGet, inSSLGet), value: value{kind: boolean}, def: "off", pending: true,
		yes: func(d *decoder, v bool) { d.ck.HTTP.SNI = v }},
	{name: "sni_name", in: in(inHTTPGet, inSSLGet), since: "2.4.3+", pending: true, decode: func(d *decoder, n *Node) {
		d.ck.HTTP.SNI = true
		d.ck.HTTP.SNIName = d.once(d.ck.HTTP.SNIName, d.intern(n.Arg(0)))
	}},
	{name: "tls_compliant", in: in(inSSLGet), value: value{kind: boolean}, def: "off", since: "2.3.0", pending: true,
		yes: func(d *decoder, v bool) { d.ck.HTTP.CloseNotify = v }},
	{name: "url", in: in(inHTTPGet), block: inHTTPURL, decode: (*decoder).url},
	{name: "url", in: in(inSSLGet), block: inSSLURL, decode: (*decoder).url},
	{name: "path", in: in(inHTTPURL, inSSLURL), value: value{kind: word},
		str: func(d *decoder, s string) { d.u.Path = d.once(d.u.Path, s) }},
	{name: "digest", in: in(inHTTPURL, inSSLURL), value: value{kind: word},
		str: func(d *decoder, s string) { d.digest(s) }},
	{name: "status_code", in: in(inHTTPURL, inSSLURL), def: "200-299", decode: (*decoder).statusCodes},
	{name: "virtualhost", in: in(inHTTPURL, inSSLURL), value: value{kind: word, optional: true},
		def: "the checker's", str: func(d *decoder, s string) { d.u.VirtualHost = d.once(d.u.VirtualHost, s) }},
	{name: "tls_compliant", in: in(inSSLURL), value: value{kind: boolean}, def: "off", since: "2.3.0", pending: true,
		yes: func(d *decoder, v bool) { d.u.CloseNotify = v }},
	{name: "regex", in: in(inHTTPURL, inSSLURL), pending: true, decode: (*decoder).regex},
	{name: "regex_no_match", in: in(inHTTPURL, inSSLURL), value: value{kind: bare}, def: "off", pending: true,
		on: func(d *decoder) { d.regexOf().Invert = true }},
	{name: "regex_options", in: in(inHTTPURL, inSSLURL), pending: true, decode: (*decoder).regexOptions},
	{name: "regex_min_offset", in: in(inHTTPURL, inSSLURL), def: "0", pending: true,
		decode: func(d *decoder, n *Node) { d.regexOf().MinOffset = d.regexNumber(n, 0) }},
	{name: "regex_max_offset", in: in(inHTTPURL, inSSLURL), def: "none", pending: true,
		decode: func(d *decoder, n *Node) { d.regexOf().MaxOffset = d.regexNumber(n, 0) }},
	{name: "regex_stack", in: in(inHTTPURL, inSSLURL), def: "the library's", pending: true,
		decode: (*decoder).regexStack},

	{name: "helo_name", in: in(inSMTPCheck), value: value{kind: word, optional: true},
		def: "smtpchecker.keepalived.org", str: func(d *decoder, s string) {
			x := d.ck.Detail.(*SMTPDetail)
			x.HELO = d.once(x.HELO, s)
		}},
	{name: "host", in: in(inSMTPCheck), block: inSMTPHost, alias: "SMTP_CHECK", oldName: true,
		decode: (*decoder).smtpHost},

	{name: "type", in: in(inDNSCheck), value: value{kind: word}, def: "SOA",
		str: func(d *decoder, s string) { d.dnsType(s) }},
	{name: "name", in: in(inDNSCheck), value: value{kind: word}, def: ".",
		str: func(d *decoder, s string) { d.dnsName(s) }},

	{name: "misc_path", in: in(inMiscCheck), decode: func(d *decoder, n *Node) {
		if s, ok := d.script(n, false); ok {
			d.ck.Detail.(*MiscDetail).Script = s
		}
	}},
	{name: "misc_timeout", in: in(inMiscCheck), value: secs(0, maxBurstSeconds), def: "the virtual server's delay_loop",
		num: func(d *decoder, v int64) { d.ck.Detail.(*MiscDetail).Timeout = time.Duration(v) * time.Second }},
	{name: "misc_dynamic", in: in(inMiscCheck), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.ck.Detail.(*MiscDetail).Dynamic = true }},
	{name: "user", in: in(inMiscCheck), def: "script_user", decode: func(d *decoder, n *Node) {
		d.blockAccount(n, &d.ck.account, true)
		d.ck.accountAt = n
	}},

	{name: "payload", in: in(inUDPCheck), def: "random", decode: func(d *decoder, n *Node) {
		if len(n.Args) == 0 {
			d.missing(n, true)
			return
		}
		if b, _, ok := d.hexWords(n, false); ok {
			d.ck.Detail.(*UDPDetail).Payload = b
		}
	}},
	{name: "require_reply", in: in(inUDPCheck), def: "off", decode: func(d *decoder, n *Node) {
		x := d.ck.Detail.(*UDPDetail)
		x.RequireReply = true
		if b, mask, ok := d.hexWords(n, true); ok && len(b) > 0 {
			x.Reply, x.Mask = b, mask
		}
	}},
	{name: "min_reply_length", in: in(inUDPCheck), value: wholeStrict(0, 65535), def: "0",
		num: func(d *decoder, v int64) { d.ck.Detail.(*UDPDetail).MinLength = uint16(v) }},
	{name: "max_reply_length", in: in(inUDPCheck), value: wholeStrict(0, 65535), def: "255",
		num: func(d *decoder, v int64) { d.ck.Detail.(*UDPDetail).MaxLength = uint16(v) }},

	{name: "track_file", in: in(inFileCheck), value: value{kind: word},
		str: func(d *decoder, s string) { d.ck.Detail.(*FileDetail).TrackFile, d.ck.nameAt = s, d.n }},
	{name: "weight", in: in(inFileCheck), def: "the track_file's", decode: (*decoder).fileWeight},

	{name: "name", in: in(inBFDCheck), value: value{kind: word, optional: true},
		str: func(d *decoder, s string) {
			d.first(&d.ck.Detail.(*BFDDetail).Name, s)
			d.ck.nameAt = d.n
		}},
}

func (p *printer) checker(c *Checker) {
	p.open(c.Kind)
	defer p.close()
	if c.Kind != FileCheck {
		p.line("alpha", onOff(c.Alpha))
	}
	if socketKind(c.Kind) {
		p.connect(&c.Connect)
	}
	if socketKind(c.Kind) || c.Kind == MiscCheck {
		p.line("delay_loop", c.DelayLoop)
		p.line("warmup", c.Warmup)
		p.line("retry", c.Retry)
		p.line("delay_before_retry", c.DelayBeforeRetry)
		p.line("log_all_failures", onOff(c.LogAllFailures))
	}
	if c.HTTP != nil {
		p.http(c)
	}
	switch x := c.Detail.(type) {
	case *SMTPDetail:
		p.text("helo_name", x.HELO)
	case *DNSDetail:
		p.line("type", x.Type)
		if x.Name != "." {
			p.text("name", x.Name)
		}
	case *MiscDetail:
		p.line("misc_path", command(x.Script.Argv))
		if w := accountWords(x.Script.Account); w != "" {
			p.line("user" + w)
		}
		if x.Timeout%time.Second == 0 {
			p.seconds("misc_timeout", x.Timeout)
		}
		p.flag(x.Dynamic, "misc_dynamic")
	case *UDPDetail:
		p.udp(x)
	case *FileDetail:
		p.line("track_file", quoted(x.TrackFile))
		if x.Reverse {
			p.line("weight", x.Weight, "reverse")
		} else {
			p.line("weight", x.Weight)
		}
	case *BFDDetail:
		p.line("name", quoted(x.Name))
	}
}

func (p *printer) connect(c *Connect) {
	p.addr("connect_ip", c.Addr)
	p.number("connect_port", int64(c.Port), 0)
	p.addr("bindto", c.BindAddr)
	p.number("bind_port", int64(c.BindPort), 0)
	p.text("bind_if", c.BindInterface)
	p.line("connect_timeout", c.Timeout)
	p.number("fwmark", int64(c.Fwmark), 0)
}
