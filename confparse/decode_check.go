package confparse

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vigil/confparse/diag"
)

// checker decodes a checker block.
func (d *decoder) checker(n *Node, kind CheckerKind) {
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
	d.checkers = append(d.checkers, checkerScratch{Checker: c, node: n})
	at := len(d.checkers) - 1
	d.ck = &d.checkers[at]
	c.Detail = newDetail(kind)
	d.body(n.Body)
	if !d.finishChecker(n) {
		d.checkers = slices.Delete(d.checkers, at, at+1)
	}
	d.ck = nil
}

// newDetail returns what a kind of checker has beyond a connection, with its defaults.
func newDetail(kind CheckerKind) any {
	switch kind {
	case SMTPCheck:
		return &SMTPDetail{}
	case DNSCheck:
		return &DNSDetail{Type: "SOA", Name: "."}
	case MiscCheck:
		return &MiscDetail{}
	case UDPCheck:
		return &UDPDetail{MaxLength: 255}
	case FileCheck:
		return &FileDetail{}
	case BFDCheck:
		return &BFDDetail{}
	}
	return nil
}

// finishChecker completes the checker in d.ck. It returns false when the checker cannot work and is left out.
func (d *decoder) finishChecker(n *Node) bool {
	drop := func(format string, args ...any) bool {
		d.atEnd(n, diag.CodeCheckerDropped, fmt.Sprintf(format, args...), "the checker is left out")
		return false
	}
	if h := d.ck.HTTP; h != nil && len(h.URLs) == 0 {
		return drop("%s has no url specified - ignoring", d.ck.Kind)
	}
	switch x := d.ck.Detail.(type) {
	case *SMTPDetail:
		if x.HELO == "" {
			x.HELO = "smtpchecker.keepalived.org"
		}
		return d.ck.hosts == 0 // each host is a checker in its place
	case *MiscDetail:
		x.Script.Account = d.ck.account
		if len(x.Script.Argv) == 0 {
			return drop("No script path has been specified for MISC_CHECKER - skipping")
		}
		return d.usableMisc(n, x)
	case *UDPDetail:
		if x.MinLength > x.MaxLength {
			d.about(n, diag.CodeRaised, fmt.Sprintf("UDP_CHECK min_reply_length %d is above max_reply_length %d", x.MinLength,
				x.MaxLength), "")
		}
	case *FileDetail:
		if x.TrackFile == "" {
			return drop("FILE_CHECK has no track_file specified - ignoring")
		}
		for _, f := range d.cfg.Files {
			if f.Name == x.TrackFile {
				if !d.ck.weightSet {
					x.Weight, x.Reverse = f.Weight, f.Reverse
				}
				return true
			}
		}
		d.about(d.ck.nameAt, diag.CodeCheckerDropped, fmt.Sprintf("track_file %s not found", x.TrackFile),
			"the checker is left out")
		d.echoAtEnd(n, "FILE_CHECK has no track_file specified - ignoring")
		return false
	case *BFDDetail:
		if x.Name == "" {
			return drop("BFD_CHECK has no name specified - ignoring")
		}
		for i := d.rs.firstChecker; i < len(d.checkers)-1; i++ {
			if other, ok := d.checkers[i].Detail.(*BFDDetail); ok && other.Name == x.Name {
				return drop("BFD_CHECK - RS already monitoring %s", x.Name)
			}
		}
		for _, b := range d.cfg.BFD {
			if b.Name == x.Name && b.Checkers {
				return true
			}
		}
		if !d.droppedBFD[x.Name] { // else reported at its definition
			d.about(d.ck.nameAt, diag.CodeCheckerDropped, fmt.Sprintf("BFD_CHECK - BFD %s not configured", x.Name),
				"the checker is left out")
		}
		return false
	}
	return true
}

func (d *decoder) connectIP(a netip.Addr) {
	if b := d.ck.Connect.BindAddr; b.IsValid() && FamilyOf(b) != FamilyOf(a) {
		d.bindFamily(a, b, "connect_ip", "bindto")
		return
	}
	d.ck.Connect.Addr = a
}

func (d *decoder) bindTo(a netip.Addr) {
	target := d.ck.Connect.Addr
	if !target.IsValid() {
		target = d.rs.ID.Addr
	}
	if FamilyOf(target) != FamilyOf(a) {
		d.bindFamily(a, target, "bindto", "connect_ip")
		return
	}
	d.ck.Connect.BindAddr = a
}

func (d *decoder) bindFamily(a, other netip.Addr, word, otherWord string) {
	d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeFamilyMismatch,
		fmt.Sprintf("%s %s is not %s like %s %s - ignoring", word, a, FamilyOf(other), otherWord, other), "")
}

func (d *decoder) httpProtocol(s string) {
	switch s {
	case "1.0":
		d.ck.HTTP.Protocol = HTTP10
	case "1.0C", "1.0c":
		d.ck.HTTP.Protocol = HTTP10C
	case "1.1":
		d.ck.HTTP.Protocol = HTTP11
	default:
		d.report(d.n, d.n.RangeOf(d.n.Args[0]), diag.CodeUnknownWord, fmt.Sprintf("Invalid http_protocol version %s", s),
			"use 1.0, 1.0C or 1.1")
	}
}

// url decodes a url block.
func (d *decoder) url(n *Node) {
	u := URL{Range: n.RangeOf(n.Keyword)}
	d.u = &u
	d.body(n.Body)
	d.u = nil
	if u.Path == "" {
		d.about(n, diag.CodeURLDropped, "HTTP_GET/SSL_GET checker url has no path - ignoring", "")
		return
	}
	if len(u.StatusCodes) == 0 {
		u.StatusCodes = okStatus
	}
	if h := d.ck.HTTP; h.URLs == nil {
		if len(d.urlArena) == 0 {
			d.urlArena = make([]URL, 64)
		}
		h.URLs = d.urlArena[:0:1]
		d.urlArena = d.urlArena[1:]
	}
	d.ck.HTTP.URLs = append(d.ck.HTTP.URLs, u)
}

// okStatus is what counts as success when no status_code is written.
var okStatus = []StatusRange{{200, 299}}

func (d *decoder) digest(s string) {
	n := d.n
	if d.u.Digest != "" {
		d.about(n, diag.CodeRepeated, fmt.Sprintf("Digest '%s' is a duplicate - ignoring", s), "")
		return
	}
	if len(s) != 32 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadHex, fmt.Sprintf("digest character length %d is invalid or not "+
			"hexadecimal - ignoring", len(s)), "an MD5 sum has 32 hexadecimal digits")
		return
	}
	d.u.Digest = d.intern(strings.ToLower(s))
}

// statusCodes decodes "CODE|LOW-HIGH …"; the keyword accumulates.
func (d *decoder) statusCodes(n *Node) {
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
		d.u.StatusCodes = append(d.u.StatusCodes, StatusRange{uint16(first), uint16(last)})
	}
}
