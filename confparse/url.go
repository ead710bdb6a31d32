package confparse

import (
	"fmt"
	"slices"
	"strings"

	"vigil/confparse/diag"
)

// URL is one url block.
type URL struct {
	Range       Range
	Path        string
	Digest      string // 32 lower-case hex digits, or ""
	StatusCodes []StatusRange
	VirtualHost string
	Regex       *Regex
	CloseNotify bool   // tls_compliant
	ServerName  string // settled: the name that TLS asks for (SNI); "" = none
	Request     Request
}

// StatusRange is an inclusive range of HTTP status codes.
type StatusRange struct{ First, Last uint16 }

// urlRow opens a url block in a checker.
func urlRow(id blockID, rows blockOf[URL]) row[checkerScratch] {
	return row[checkerScratch]{
		keyword: keyword{name: "url", block: id, decode: func(d *decoder, at site) { d.url(at.n, rows, here[checkerScratch](at)) }},
		print: func(p *printer, c *checkerScratch) {
			for i := range c.HTTP.URLs {
				p.open("url")
				rows.write(p, &c.HTTP.URLs[i])
				p.close()
			}
		},
	}
}

// urlRows are the rows of a url of HTTP_GET and SSL_GET, and tlsURLRows what one of SSL_GET has besides.
var (
	urlRows = blockOf[URL]{
		replacedWordRow("path", oneWord, func(u *URL) *string { return &u.Path }),
		ownWordRow("digest", oneWord, "", (*decoder).digest, func(p *printer, u *URL) { p.text("digest", u.Digest) }),
		ownRow("status_code", "200-299", (*decoder).statusCodes, func(p *printer, u *URL) {
			words := []any{"status_code"}
			for _, s := range u.StatusCodes {
				words = append(words, fmt.Sprintf("%d-%d", s.First, s.Last))
			}
			p.line(words...)
		}),
		replacedWordRow("virtualhost", optionalWord, func(u *URL) *string { return &u.VirtualHost }).because("the checker's"),
	}
	tlsURLRows = blockOf[URL]{
		toggleRow("tls_compliant", false, func(u *URL) *bool { return &u.CloseNotify }).from("2.3.0"),
	}
)

// The url rows of the two checkers, in the order in which they are printed.
var (
	plainURLs = blockOf[checkerScratch]{urlRow(inHTTPURL, slices.Concat(urlRows, requestRows, regexRows))}
	tlsURLs   = blockOf[checkerScratch]{urlRow(inSSLURL, slices.Concat(urlRows, requestRows, tlsURLRows, regexRows))}
)

// url decodes a url block.
func (d *decoder) url(n *Node, rows blockOf[URL], c *checkerScratch) {
	u := URL{Range: n.RangeOf(n.Keyword)}
	rows.update(d, n, &u)
	if u.Path == "" {
		d.about(n, diag.CodeURLDropped, "HTTP_GET/SSL_GET checker url has no path - ignoring", "")
		return
	}
	d.settleRegex(n, &u)
	if len(u.StatusCodes) == 0 {
		u.StatusCodes = okStatus
	}
	if h := c.HTTP; h.URLs == nil {
		if len(d.urlArena) == 0 {
			d.urlArena = make([]URL, 64)
		}
		h.URLs = d.urlArena[:0:1]
		d.urlArena = d.urlArena[1:]
	}
	c.HTTP.URLs = append(c.HTTP.URLs, u)
}

// okStatus is what counts as success when no status_code is written.
var okStatus = []StatusRange{{200, 299}}

func (d *decoder) digest(n *Node, s string, u *URL) {
	if u.Digest != "" {
		d.about(n, diag.CodeRepeated, fmt.Sprintf("Digest '%s' is a duplicate - ignoring", s), "")
		return
	}
	if len(s) != 32 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadHex, fmt.Sprintf("digest character length %d is invalid or not "+
			"hexadecimal - ignoring", len(s)), "an MD5 sum has 32 hexadecimal digits")
		return
	}
	u.Digest = d.intern(strings.ToLower(s))
}

// statusCodes decodes "CODE|LOW-HIGH …"; the keyword accumulates.
func (d *decoder) statusCodes(n *Node, u *URL) {
	if len(n.Args) == 0 {
		d.about(n, diag.CodeUnknownOption, "status_code names no code", "the default stays: 200-299")
		return
	}
	for _, t := range n.Args {
		lo, hi, isRange := strings.Cut(t.Text, "-")
		first, used, _ := parseDigits(lo)
		ok := used > 0 && used == len(lo)
		last := first
		if isRange {
			last, used, _ = parseDigits(hi)
			ok = ok && used > 0 && used == len(hi)
		}
		if !ok || first < 100 || last > 599 || first > last {
			d.report(n, n.RangeOf(t), diag.CodeBadNumber, fmt.Sprintf("Invalid HTTP_GET status code '%s'", t.Text),
				"use a code or a range LOW-HIGH from 100 to 599")
			continue
		}
		u.StatusCodes = append(u.StatusCodes, StatusRange{uint16(first), uint16(last)})
	}
}
