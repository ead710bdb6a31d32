package confparse

import (
	"slices"
	"strings"

	"vigil/confparse/diag"
)

// DNSDetail is what DNS_CHECK asks.
type DNSDetail struct {
	Type string // upper case, SOA by default
	Name string // "." by default
}

// dnsRows are the rows that DNS_CHECK has beyond a connection.
var dnsRows = blockOf[checkerScratch]{
	dnsRow("type", "SOA", (*decoder).dnsType, func(x *DNSDetail) *string { return &x.Type }).
		printed(func(p *printer, c *checkerScratch) { p.line("type", c.Detail.(*DNSDetail).Type) }),
	dnsRow("name", ".", (*decoder).dnsName, func(x *DNSDetail) *string { return &x.Name }).
		printed(func(p *printer, c *checkerScratch) {
			if x := c.Detail.(*DNSDetail); x.Name != "." {
				p.text("name", x.Name)
			}
		}),
}

func dnsRow(name, def string, set func(*decoder, *Node, string, *DNSDetail), field func(*DNSDetail) *string) row[checkerScratch] {
	r := ownWordRow(name, oneWord, def, func(d *decoder, n *Node, s string, c *checkerScratch) { set(d, n, s, c.Detail.(*DNSDetail)) }, nil)
	r.reset = func(c *checkerScratch) { *field(c.Detail.(*DNSDetail)) = def }
	return r
}

// dnsTypes are the queries DNS_CHECK can make.
var dnsTypes = []string{"A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"}

func (d *decoder) dnsType(n *Node, s string, x *DNSDetail) {
	t := strings.ToUpper(s)
	if !slices.Contains(dnsTypes, t) {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown DNS check type "+s+" - defaulting to SOA",
			nearest(t, dnsTypes))
		return
	}
	x.Type = d.intern(t)
}

func (d *decoder) dnsName(n *Node, s string, x *DNSDetail) {
	switch {
	case x.Name != ".":
		d.about(n, diag.CodeRepeated, "DNS_CHECK name is already specified - ignoring "+s, "")
	case s != "." && slices.Contains(strings.Split(strings.TrimSuffix(s, "."), "."), ""):
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadName, "DNS_CHECK name "+s+" has an empty label - ignoring", "")
	case !encodable(s):
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadName, "DNS_CHECK name "+s+" is too long - ignoring",
			"a label has at most 63 bytes, and a name 253")
	default:
		x.Name = s
	}
}

// encodable reports whether a query can carry the name (RFC 1035 §2.3.4).
func encodable(name string) bool {
	name = strings.TrimSuffix(name, ".")
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 {
			return false
		}
	}
	return len(name) <= 253
}
