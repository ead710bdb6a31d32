package confparse

import (
	"fmt"
	"slices"
	"strings"

	"vigil/confparse/diag"
)

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

// hexWords decodes words of hexadecimal digits, joined. With wildcards, x stands for a nibble that may be anything.
func (d *decoder) hexWords(n *Node, wildcards bool) (data, mask []byte, ok bool) {
	nibbles := 0
	for _, t := range n.Args {
		for i := 0; i < len(t.Text); i++ {
			v, m := hexDigit(t.Text[i]), byte(0xf)
			if wildcards && (t.Text[i] == 'x' || t.Text[i] == 'X') {
				v, m = 0, 0
			}
			if v < 0 {
				d.report(n, n.RangeOf(t), diag.CodeBadHex, fmt.Sprintf("%s: '%s' is not hexadecimal", n.Keyword.Text, t.Text), "")
				return nil, nil, false
			}
			if nibbles%2 == 0 {
				data, mask = append(data, byte(v)<<4), append(mask, m<<4)
			} else {
				data[len(data)-1] |= byte(v)
				mask[len(mask)-1] |= m
			}
			nibbles++
		}
	}
	if nibbles%2 != 0 {
		d.about(n, diag.CodeBadHex, n.Keyword.Text+" has an odd number of hexadecimal digits", "")
		return nil, nil, false
	}
	return data, mask, true
}

func (d *decoder) fileWeight(n *Node) {
	if len(n.Args) == 0 {
		d.missing(n, true)
		return
	}
	v, ok := d.wholeNumber(n, n.Args[0], whole(-maxInt32, maxInt32))
	if !ok {
		return
	}
	x := d.ck.Detail.(*FileDetail)
	switch n.Arg(1) {
	case "", "noreverse":
	case "reverse":
		x.Reverse = true
	default:
		d.report(n, n.RangeOf(n.Args[1]), diag.CodeUnknownWord, "unknown FILE_CHECK weight option "+n.Arg(1),
			"use reverse or noreverse")
		return
	}
	x.Weight, d.ck.weightSet = int(v), true
}

// usableMisc checks the program of a MISC_CHECK as far as the System can tell.
func (d *decoder) usableMisc(n *Node, x *MiscDetail) bool {
	sys := d.env.System
	if sys.Account == nil {
		return true
	}
	shown := "'" + strings.Join(x.Script.Argv, "' '") + "'"
	uid, gid, ok := d.miscAccount(n, x, shown)
	if !ok || sys.Program == nil {
		return ok
	}
	switch d.program(&x.Script, uid, gid) {
	case programNone:
		return true
	case ProgramMissing:
		d.about(n, diag.CodeNotifyMissing, "Disabling misc script "+shown+" since not found/accessible", "")
		return false
	case ProgramNotExecutable:
		d.about(n, diag.CodeNotifyMissing, fmt.Sprintf("WARNING - script '%s' is not executable for uid:gid %d:%d - "+
			"disabling.", x.Script.Argv[0], uid, gid), "")
		return false
	case ProgramInsecure:
		d.insecure = true
	}
	d.scripts = append(d.scripts, n)
	return true
}

func (d *decoder) miscAccount(n *Node, x *MiscDetail, shown string) (uid, gid uint32, ok bool) {
	if a := x.Script.Account; a.User != "" {
		uid, gid, err := d.env.System.Account(a.User, a.Group)
		if err != nil {
			d.about(d.ck.accountAt, diag.CodeNoAccount, "Failed to set uid/gid for misc checker script "+shown+" - removing", err.Error())
		}
		return uid, gid, err == nil
	}
	if d.noAccount {
		d.atEnd(n, diag.CodeNoAccount, "Unable to set default user for misc script "+shown+" - removing", "")
		return 0, 0, false
	}
	uid, gid, err := d.accountIDs(&x.Script)
	if err != nil {
		d.atEnd(n, diag.CodeNoAccount, "Unable to set default user for misc script "+shown+" - removing", err.Error())
	}
	return uid, gid, err == nil
}

// regexOf returns the expression of the url being decoded.
func (d *decoder) regexOf() *Regex {
	if d.u.Regex == nil {
		d.u.Regex = &Regex{Range: d.n.Range(), MaxOffset: -1}
	}
	return d.u.Regex
}

// regex decodes exactly one word, quoted and escaped like an argument of a program.
func (d *decoder) regex(n *Node) {
	argv, ok := splitCommand(n.Text())
	if !ok || len(argv) != 2 {
		d.about(n, diag.CodeArgumentExpected, "regex must have exactly one word - ignoring", "quote a pattern with blanks")
		return
	}
	r := d.regexOf()
	r.Pattern = d.once(r.Pattern, d.intern(argv[1]))
	r.Range = n.Range()
}

// regexOptions decodes names of PCRE2 options. keepalived passes over unknown ones in silence.
func (d *decoder) regexOptions(n *Node) {
	known := []string{"allow_empty_class", "alt_bsux", "auto_callout", "caseless", "dollar_endonly", "dotall", "dupnames",
		"extended", "firstline", "match_unset_backref", "multiline", "never_ucp", "never_utf", "no_auto_capture",
		"no_auto_possess", "no_dotstar_anchor", "no_start_optimize", "ucp", "ungreedy", "utf", "never_backslash_c",
		"alt_circumflex", "alt_verbnames", "use_offset_limit"}
	for _, t := range n.Args {
		if !slices.Contains(known, t.Text) {
			d.report(n, n.RangeOf(t), diag.CodeUnknownOption, fmt.Sprintf("regex option %s is not known", t.Text),
				nearest(t.Text, known))
			continue
		}
		d.regexOf().Options = append(d.regexOf().Options, d.intern(t.Text))
	}
}

// regexNumber reads the i-th word of a regex_ statement. keepalived only logs one that is no number, and takes it as 0.
func (d *decoder) regexNumber(n *Node, i int) int {
	num, used, overflow := parseDigits(n.Arg(i))
	if used == 0 || used < len(n.Arg(i)) || overflow || num > maxInt32 {
		d.about(n, diag.CodeUnknownOption, fmt.Sprintf("%s: '%s' is not a number", n.Keyword.Text, n.Arg(i)), "0 is used")
		return 0
	}
	return int(num)
}

func (d *decoder) regexStack(n *Node) {
	start, limit := d.regexNumber(n, 0), d.regexNumber(n, 1)
	if start == 0 || start > limit {
		d.about(n, diag.CodeUnknownOption, "regex_stack takes a start and a maximum that is not below it - ignoring", "")
		return
	}
	d.regexOf().StackStart, d.regexOf().StackMax = start, limit
}
