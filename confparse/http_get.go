package confparse

import (
	"cmp"
	"fmt"

	"vigil/confparse/diag"
)

// HTTPCheck is what HTTP_GET and SSL_GET have beyond a connection.
type HTTPCheck struct {
	VirtualHost  string // the Host header of urls without their own: checker, real server, virtual server; "" = IP:PORT
	Protocol     HTTPProtocol
	FastRecovery bool
	SNI          bool   // enable_sni
	SNIName      string // sni_name
	CloseNotify  bool   // tls_compliant
	VerifyPeer   bool   // verify_peer: the certificate must be good
	VerifyName   string // verify_name: and be for this name
	URLs         []URL
}

// HTTPProtocol is http_protocol.
type HTTPProtocol uint8

// The request forms: 1.0, 1.0 with "Connection: close", 1.1 with "Connection: close".
const (
	HTTP10  HTTPProtocol = iota // default
	HTTP10C                     // 1.0C
	HTTP11                      // 1.1
)

// httpRows are the rows that HTTP_GET and SSL_GET have beyond a connection.
var httpRows = blockOf[checkerScratch]{
	deprecatedRetry(),
	replacedWordRow("virtualhost", optionalWord, func(c *checkerScratch) *string { return &c.HTTP.VirtualHost }).
		because("the real server's"),
	ownWordRow("http_protocol", optionalWord, "1.0", (*decoder).httpProtocol,
		func(p *printer, c *checkerScratch) {
			p.line("http_protocol", [...]string{"1.0", "1.0C", "1.1"}[c.HTTP.Protocol])
		}),
	toggleRow("fast_recovery", false, func(c *checkerScratch) *bool { return &c.HTTP.FastRecovery }),
	ownRow("sni_name", "", func(d *decoder, n *Node, c *checkerScratch) {
		c.HTTP.SNI = true
		c.HTTP.SNIName = d.once(n, c.HTTP.SNIName, d.intern(n.Arg(0)))
	}, func(p *printer, c *checkerScratch) { p.text("sni_name", c.HTTP.SNIName) }).from("2.4.3+"),
	toggleRow("enable_sni", false, func(c *checkerScratch) *bool { return &c.HTTP.SNI }),
}

// tlsCheckRows are the rows that SSL_GET has besides.
var tlsCheckRows = blockOf[checkerScratch]{
	toggleRow("tls_compliant", false, func(c *checkerScratch) *bool { return &c.HTTP.CloseNotify }).from("2.3.0"),
	optionRow("verify_peer", func(c *checkerScratch) *bool { return &c.HTTP.VerifyPeer }).from(ours),
	ownWordRow("verify_name", oneWord, "", func(_ *decoder, _ *Node, s string, c *checkerScratch) {
		c.HTTP.VerifyPeer, c.HTTP.VerifyName = true, s
	}, func(p *printer, c *checkerScratch) { p.text("verify_name", c.HTTP.VerifyName) }).from(ours),
}

func deprecatedRetry() row[checkerScratch] {
	r := inheritedCount("nb_get_retry", whole(0, maxUint32), "1", func(c *checkerScratch) *opt[uint32] { return &c.retry })
	r.alias, r.deprecated = "retry", "retry"
	return r
}

func (d *decoder) httpProtocol(n *Node, s string, c *checkerScratch) {
	switch s {
	case "1.0":
		c.HTTP.Protocol = HTTP10
	case "1.0C", "1.0c":
		c.HTTP.Protocol = HTTP10C
	case "1.1":
		c.HTTP.Protocol = HTTP11
	default:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, fmt.Sprintf("Invalid http_protocol version %s", s),
			"use 1.0, 1.0C or 1.1")
	}
}

// settleHTTP looks whether there is anything to ask for.
func (d *decoder) settleHTTP(n *Node, c *checkerScratch) bool {
	return len(c.HTTP.URLs) > 0 || d.dropChecker(n, "%s has no url specified - ignoring", c.Kind)
}

// settleNames decides who is asked for. Without virtual hosts of their own, urls have that of the real server, which is
// not taken for the name that TLS asks for: that is the virtual server's then.
func (h *HTTPCheck) settleNames(realServer, virtualServer string) {
	for i := range h.URLs {
		if u := &h.URLs[i]; h.SNI {
			u.ServerName = cmp.Or(h.SNIName, u.VirtualHost, h.VirtualHost, virtualServer)
		}
	}
	if h.VirtualHost == "" {
		h.VirtualHost = realServer
	}
}
