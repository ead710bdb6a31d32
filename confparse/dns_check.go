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

// dnsTypes are the queries DNS_CHECK can make.
var dnsTypes = []string{"A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"}

func (d *decoder) dnsType(s string) {
	t := strings.ToUpper(s)
	if !slices.Contains(dnsTypes, t) {
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord, "Unknown DNS check type "+s+" - defaulting to SOA",
			nearest(t, dnsTypes))
		return
	}
	d.ck.Detail.(*DNSDetail).Type = d.intern(t)
}

func (d *decoder) dnsName(s string) {
	x := d.ck.Detail.(*DNSDetail)
	switch {
	case x.Name != ".":
		d.about(d.n, diag.CodeRepeated, "DNS_CHECK name is already specified - ignoring "+s, "")
	case s != "." && slices.Contains(strings.Split(strings.TrimSuffix(s, "."), "."), ""):
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeBadName, "DNS_CHECK name "+s+" has an empty label - ignoring", "")
	default:
		x.Name = s
	}
}
