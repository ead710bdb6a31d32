package confparse

import (
	"fmt"
	"slices"
	"strings"

	"vigil/confparse/diag"
	"vigil/internal/pcre"
)

// Regex is what a url's body must match.
type Regex struct {
	Range      Range
	Pattern    string
	Invert     bool     // regex_no_match
	Options    []string // regex_options
	MinOffset  int
	MaxOffset  int // -1 = none
	StackStart int
	StackMax   int
}

// regexRows are the rows of a url about its expression.
var regexRows = blockOf[URL]{
	ownRow("regex", "", (*decoder).regex, regexPrint(func(p *printer, r *Regex) {
		if r.Pattern != "" {
			p.line("regex", command([]string{r.Pattern}))
		}
	})),
	{
		keyword: keyword{name: "regex_no_match", value: value{kind: bare}, def: "off",
			on: func(d *decoder, at site) { d.regexOf(at.n, here[URL](at)).Invert = true }},
		print: regexPrint(func(p *printer, r *Regex) { p.flag(r.Invert, "regex_no_match") }),
	},
	ownRow("regex_options", "", (*decoder).regexOptions, regexPrint(func(p *printer, r *Regex) {
		if len(r.Options) > 0 {
			p.line("regex_options", strings.Join(r.Options, " "))
		}
	})),
	ownRow("regex_min_offset", "0", func(d *decoder, n *Node, u *URL) { d.regexOf(n, u).MinOffset = d.regexNumber(n, 0) },
		regexPrint(func(p *printer, r *Regex) { p.number("regex_min_offset", int64(r.MinOffset), 0) })),
	ownRow("regex_max_offset", "none", func(d *decoder, n *Node, u *URL) { d.regexOf(n, u).MaxOffset = d.regexNumber(n, 0) },
		regexPrint(func(p *printer, r *Regex) { p.number("regex_max_offset", int64(r.MaxOffset), -1) })),
	ownRow("regex_stack", "the library's", (*decoder).regexStack, regexPrint(func(p *printer, r *Regex) {
		if r.StackMax > 0 {
			p.line("regex_stack", r.StackStart, r.StackMax)
		}
	})),
}

// regexPrint prints a part of an expression, if there is one.
func regexPrint(print func(*printer, *Regex)) func(*printer, *URL) {
	return func(p *printer, u *URL) {
		if u.Regex != nil {
			print(p, u.Regex)
		}
	}
}

// regexOf returns the expression of a url.
func (d *decoder) regexOf(n *Node, u *URL) *Regex {
	if u.Regex == nil {
		u.Regex = &Regex{Range: n.Range(), MaxOffset: -1}
	}
	return u.Regex
}

// regex decodes exactly one word, quoted and escaped like an argument of a program.
func (d *decoder) regex(n *Node, u *URL) {
	argv, ok := splitCommand(n.Text())
	if !ok || len(argv) != 2 {
		d.about(n, diag.CodeArgumentExpected, "regex must have exactly one word - ignoring", "quote a pattern with blanks")
		return
	}
	r := d.regexOf(n, u)
	r.Pattern = d.once(n, r.Pattern, d.intern(argv[1]))
	r.Range = n.Range()
}

// regexOptions decodes names of PCRE2 options. keepalived passes over unknown ones in silence.
func (d *decoder) regexOptions(n *Node, u *URL) {
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
		d.regexOf(n, u).Options = append(d.regexOf(n, u).Options, d.intern(t.Text))
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

func (d *decoder) regexStack(n *Node, u *URL) {
	start, limit := d.regexNumber(n, 0), d.regexNumber(n, 1)
	if start == 0 || start > limit {
		d.about(n, diag.CodeUnknownOption, "regex_stack takes a start and a maximum that is not below it - ignoring", "")
		return
	}
	d.regexOf(n, u).StackStart, d.regexOf(n, u).StackMax = start, limit
}

// settleRegex looks whether there is an expression, and whether it can be had. keepalived goes on without one that it
// cannot compile.
func (d *decoder) settleRegex(n *Node, u *URL) {
	r := u.Regex
	if r == nil || r.Pattern == "" {
		return
	}
	if _, err := pcre.Compile(r.Spec()); err != nil {
		d.report(n, r.Range, diag.CodeBadRegex, fmt.Sprintf("regex %s cannot be used - ignoring", r.Pattern), err.Error())
		r.Pattern = ""
	}
}

// Spec is the expression as it is compiled.
func (r *Regex) Spec() pcre.Spec {
	return pcre.Spec{Pattern: r.Pattern, Options: strings.Join(r.Options, " "), Min: r.MinOffset, Max: r.MaxOffset,
		Stack: r.StackMax}
}
