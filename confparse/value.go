package confparse

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// The decoder's readers of single values. Each reports what is wrong, at the word itself, and returns false.

// wholeNumber reads a base 10 integer: digits after an optional sign. keepalived takes neither 0x nor a leading zero
// as another base.
func (d *decoder) wholeNumber(n *Node, t Token, v value) (int64, bool) {
	s := strings.TrimLeft(t.Text, " \t")
	digits, negative := s, false
	if s != "" && (s[0] == '+' || s[0] == '-') {
		negative = s[0] == '-'
		digits = s[1:]
	}
	if negative && v.min >= 0 {
		d.badValue(n, t, fmt.Sprintf("negative number '%s'", t.Text), v)
		return 0, false
	}
	num, used, overflow := parseDigits(digits)
	if used == 0 {
		d.badValue(n, t, fmt.Sprintf("invalid number '%s'", t.Text), v)
		return 0, false
	}
	if used < len(digits) && !d.junk(n, t, v) {
		return 0, false
	}
	if negative {
		num = -num
	}
	if overflow || num < v.min || num > v.max {
		d.badValue(n, t, fmt.Sprintf("number '%s' outside range [%d, %d]", t.Text, v.min, v.max), v)
		return 0, false
	}
	return num, true
}

// plainNumber reads what a number nearly always is, up to nine digits, and returns it in units of 1/scale. It returns
// false for what needs a closer look.
func plainNumber(s string, v *value, scale int64) (int64, bool) {
	if len(s) == 0 || len(s) > 9 {
		return 0, false
	}
	num := int64(0)
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		num = num*10 + int64(c)
	}
	num *= scale
	return num, num >= v.min && num <= v.max
}

// parseDigits reads leading decimal digits.
func parseDigits(s string) (num int64, used int, overflow bool) {
	for used < len(s) && s[used] >= '0' && s[used] <= '9' {
		if num > (1<<62)/10 {
			overflow = true
		} else {
			num = num*10 + int64(s[used]-'0')
		}
		used++
	}
	return num, used, overflow
}

// junk deals with what follows a number and reports whether the number may be used all the same.
func (d *decoder) junk(n *Node, t Token, v value) bool {
	if v.lenient && !d.env.ConfigTest {
		d.report(n, n.RangeOf(t), diag.CodeTrailingJunk, fmt.Sprintf("number '%s' has trailing characters", t.Text),
			"only the number before them is used")
		return true
	}
	d.badValue(n, t, fmt.Sprintf("invalid number '%s'", t.Text), v)
	return false
}

// badValue reports a word that is no value for n's keyword.
func (d *decoder) badValue(n *Node, t Token, summary string, v value) {
	detail := ""
	switch {
	case n.Row == nil:
	case v.kind == timer && v.unit == "ms":
		detail = fmt.Sprintf("%s takes decimal milliseconds from %s to %s", n.Keyword.Text, scaled(v.min, 1000),
			scaled(v.max, 1000))
	case v.kind == timer:
		detail = fmt.Sprintf("%s takes decimal seconds from %s to %s", n.Keyword.Text, micros(v.min), micros(v.max))
	case v.kind == integer:
		detail = fmt.Sprintf("%s takes a whole number from %d to %d", n.Keyword.Text, v.min, v.max)
	}
	if detail != "" && d.row(n).def != "" {
		detail += "; its default is " + d.row(n).def
	}
	code := diag.CodeBadNumber
	if v.port {
		code = diag.CodeBadPort
	}
	d.report(n, n.RangeOf(t), code, summary, detail)
}

// micros prints microseconds as decimal seconds.
func micros(us int64) string {
	s := fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// seconds reads a decimal number of seconds with at most six decimals; further ones are rounded, with a message.
func (d *decoder) seconds(n *Node, t Token, v value) (time.Duration, bool) {
	us, ok := d.fixedPoint(n, t, v, 6)
	return time.Duration(us) * time.Microsecond, ok
}

// fixedPoint reads a decimal number and returns it in units of 10^-decimals. v's range is in the same unit.
func (d *decoder) fixedPoint(n *Node, t Token, v value, decimals int) (int64, bool) {
	s := t.Text
	s = strings.TrimPrefix(strings.TrimLeft(s, " \t"), "+")
	if strings.HasPrefix(s, "-") {
		d.badValue(n, t, fmt.Sprintf("negative number '%s'", t.Text), v)
		return 0, false
	}
	num, used, overflow := parseDigits(s)
	rest := s[used:]
	digits := used
	scale := int64(1)
	for range decimals {
		scale *= 10
	}
	if num > (1<<62)/scale {
		overflow = true
	} else {
		num *= scale
	}
	if strings.HasPrefix(rest, ".") {
		rest = rest[1:]
		unit := scale
		i := 0
		for ; i < len(rest) && rest[i] >= '0' && rest[i] <= '9'; i++ {
			unit /= 10
			num += unit * int64(rest[i]-'0')
			if unit == 0 && i == decimals && rest[i] >= '5' {
				num++
			}
		}
		if i > decimals {
			d.report(n, n.RangeOf(t), diag.CodeTooManyDecimals,
				fmt.Sprintf("number '%s' has too many decimal places", t.Text),
				fmt.Sprintf("rounded to %d decimals", decimals))
		}
		digits += i
		rest = rest[i:]
	}
	if digits == 0 {
		d.badValue(n, t, fmt.Sprintf("invalid number '%s'", t.Text), v)
		return 0, false
	}
	if rest != "" && !d.junk(n, t, v) {
		return 0, false
	}
	if overflow || num < v.min || num > v.max {
		d.badValue(n, t, fmt.Sprintf("number '%s' outside range [%s, %s]", t.Text, scaled(v.min, scale),
			scaled(v.max, scale)), v)
		return 0, false
	}
	return num, true
}

// scaled prints num/scale.
func scaled(num, scale int64) string {
	s := fmt.Sprintf("%d.%0*d", num/scale, len(fmt.Sprint(scale))-1, num%scale)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// truth reads a boolean word.
func (d *decoder) truth(n *Node, t Token) (value, ok bool) {
	switch t.Text {
	case "on", "true", "yes":
		return true, true
	case "off", "false", "no":
		return false, true
	}
	d.report(n, n.RangeOf(t), diag.CodeBadBool,
		fmt.Sprintf("Invalid value '%s' for %s specified", t.Text, n.Keyword.Text), "use on or off")
	return false, false
}

// parseAddr reads an address as keepalived writes them: no zone, and IPv4 in dotted quads only. ::ffff:192.0.2.1 is the
// IPv4 address that it maps, so that one service or server is not taken for two.
func parseAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

// parsePort reads the port word of a server: zeros stand for "none".
func parsePort(t Token) (uint16, bool) {
	if strings.Trim(t.Text, "0") == "" {
		return 0, true
	}
	num, used, overflow := parseDigits(strings.TrimPrefix(t.Text, "+"))
	ok := used > 0 && used == len(strings.TrimPrefix(t.Text, "+")) && !overflow && num <= 65535
	return uint16(num), ok
}

// atLeastOne turns a count of 0 into 1, as keepalived does.
func (d *decoder) atLeastOne(n *Node, v int64) int {
	if v == 0 {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeRaised, n.Keyword.Text+" cannot be 0, setting to 1", "")
		v = 1
	}
	return int(min(v, math.MaxInt32))
}

// clamp moves a value into its range, with a message.
func (d *decoder) clamp(n *Node, v, lo, hi int64) int {
	c := min(max(v, lo), hi)
	if c != v {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeRaised, fmt.Sprintf("%s must be between %d and %d, setting to %d",
			n.Keyword.Text, lo, hi, c), "")
	}
	return int(c)
}

// optionalNumber reads a number that may be left out: bare is its value then, and bad the value of a bad one.
func (d *decoder) optionalNumber(n *Node, v value, bare, bad int64) int64 {
	if len(n.Args) == 0 {
		return bare
	}
	if num, ok := d.wholeNumber(n, n.Args[0], v); ok {
		return num
	}
	return bad
}

// multicast checks that a is a multicast group of the family f.
func (d *decoder) multicast(n *Node, a netip.Addr, f Family) bool {
	if FamilyOf(a) == f && a.IsMulticast() {
		return true
	}
	d.report(n, n.RangeOf(n.Args[0]), diag.CodeBadAddress, "'"+a.String()+"' is not an "+f.String()+" multicast address", "")
	return false
}
