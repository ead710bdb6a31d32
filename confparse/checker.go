package confparse

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vigil/confparse/diag"
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
	GRPCCheck // not of keepalived
)

var checkerNames = [...]string{"", "TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "MISC_CHECK",
	"BFD_CHECK", "UDP_CHECK", "PING_CHECK", "FILE_CHECK", "GRPC_CHECK"}

// String returns the keyword of the block, such as TCP_CHECK.
func (k CheckerKind) String() string {
	if int(k) < len(checkerNames) {
		return checkerNames[k]
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
	Rise             uint32 // successes in a row that bring a failed server back
	DelayBeforeRetry time.Duration
	LogAllFailures   bool
	Connect          Connect
	HTTP             *HTTPCheck // HTTPGet and SSLGet

	Detail any // *SMTPDetail, *DNSDetail, *MiscDetail, *UDPDetail, *FileDetail, *BFDDetail or *GRPCDetail, by Kind; else nil
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
	rs     *realScratch // whose checker it is
	alpha  opt[bool]
	logAll opt[bool]
	port   bool // connect_port was given

	account   Account // MISC_CHECK
	accountAt *Node
	weightSet bool             // FILE_CHECK
	nameAt    *Node            // FILE_CHECK, BFD_CHECK: what is followed
	hosts     []checkerScratch // SMTP_CHECK: its further targets
	maxReply  bool             // UDP_CHECK: max_reply_length was given
}

// checkerForm is what a kind of checker is made of.
type checkerForm struct {
	detail func() any                                  // nil: it has only a connection
	rows   blockOf[checkerScratch]                     // in the order in which they are printed
	settle func(*decoder, *Node, *checkerScratch) bool // false when the checker cannot work and is left out; nil: it can
	resets []func(*checkerScratch)
}

// checkerForms are the checkers by kind.
var checkerForms = [...]checkerForm{
	TCPCheck:  form(nil, nil, checkerAlpha, connectRows, timedRows),
	HTTPGet:   form(nil, (*decoder).settleHTTP, checkerAlpha, connectRows, timedRows, httpRows, plainURLs),
	SSLGet:    form(nil, (*decoder).settleHTTP, checkerAlpha, connectRows, timedRows, httpRows, tlsCheckRows, tlsURLs),
	SMTPCheck: form(func() any { return &SMTPDetail{} }, (*decoder).settleSMTP, checkerAlpha, connectRows, timedRows, smtpRows),
	DNSCheck:  form(func() any { return &DNSDetail{} }, nil, checkerAlpha, connectRows, timedRows, dnsRows),
	MiscCheck: form(func() any { return &MiscDetail{} }, (*decoder).settleMisc, checkerAlpha, timedRows, miscRows),
	BFDCheck:  form(func() any { return &BFDDetail{} }, (*decoder).settleBFDCheck, checkerAlpha, bfdCheckRows),
	UDPCheck:  form(func() any { return &UDPDetail{} }, (*decoder).settleUDP, checkerAlpha, connectRows, timedRows, udpRows),
	PingCheck: form(nil, nil, checkerAlpha, connectRows, timedRows),
	GRPCCheck: form(func() any { return &GRPCDetail{} }, (*decoder).settleGRPC, checkerAlpha, connectRows, timedRows, grpcRows),
	FileCheck: form(func() any { return &FileDetail{} }, (*decoder).settleFile, fileCheckRows),
}

func form(detail func() any, settle func(*decoder, *Node, *checkerScratch) bool, rows ...blockOf[checkerScratch]) checkerForm {
	all := slices.Concat(rows...)
	return checkerForm{detail: detail, rows: all, settle: settle, resets: all.resets()}
}

// checkerRow opens a checker in a real_server.
func checkerRow(kind CheckerKind, id blockID) row[realScratch] {
	return row[realScratch]{keyword: keyword{name: kind.String(), block: id,
		decode: func(d *decoder, at site) { d.checker(at.n, kind, here[realScratch](at)) }}}
}

// checkerRows are the checkers that a real_server may have.
var checkerRows = blockOf[realScratch]{
	checkerRow(TCPCheck, inTCPCheck),
	checkerRow(HTTPGet, inHTTPGet),
	checkerRow(SSLGet, inSSLGet),
	checkerRow(SMTPCheck, inSMTPCheck),
	checkerRow(DNSCheck, inDNSCheck),
	checkerRow(MiscCheck, inMiscCheck).referring(),
	checkerRow(UDPCheck, inUDPCheck),
	checkerRow(PingCheck, inPingCheck),
	checkerRow(FileCheck, inFileCheck).referring(),
	checkerRow(GRPCCheck, inGRPCCheck).from(ours),
	checkerRow(BFDCheck, inBFDCheck).referring(),
}

// checker decodes a checker block.
func (d *decoder) checker(n *Node, kind CheckerKind, rs *realScratch) {
	if len(d.checkerArena) == 0 {
		d.checkerArena = make([]Checker, 128)
	}
	c := &d.checkerArena[0]
	d.checkerArena = d.checkerArena[1:]
	c.Range, c.Kind = n.RangeOf(n.Keyword), kind
	if kind == HTTPGet || kind == SSLGet {
		if len(d.httpArena) == 0 {
			d.httpArena = make([]HTTPCheck, 64)
		}
		c.HTTP = &d.httpArena[0]
		d.httpArena = d.httpArena[1:]
	}
	form := &checkerForms[kind]
	if form.detail != nil {
		c.Detail = form.detail()
	}
	d.checkers = append(d.checkers, checkerScratch{Checker: c, node: n, rs: rs})
	at := len(d.checkers) - 1
	for _, reset := range form.resets {
		reset(&d.checkers[at])
	}
	s := &d.checkers[at]
	form.rows.update(d, n, s)
	hosts := s.hosts
	if form.settle != nil && !form.settle(d, n, s) {
		d.checkers = d.checkers[:at]
	}
	d.checkers = append(d.checkers, hosts...)
}

// dropChecker reports a checker that cannot work.
func (d *decoder) dropChecker(n *Node, format string, args ...any) bool {
	d.atEnd(n, diag.CodeCheckerDropped, fmt.Sprintf(format, args...), "the checker is left out")
	return false
}

func (p *printer) checker(c *Checker) {
	p.open(c.Kind)
	checkerForms[c.Kind].rows.write(p, &checkerScratch{Checker: c})
	p.close()
}
