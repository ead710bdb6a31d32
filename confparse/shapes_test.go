package confparse

import (
	"strings"
	"testing"
)

// eachRow runs f for the rows of one kind in every block.
func eachRow(kind rowKind, f func(s scope, r row, where string)) func(*testing.T) {
	return func(t *testing.T) {
		found := 0
		for path, rows := range rowsByBlock() {
			s := scopeOf(t, path)
			for _, r := range rows {
				if r.kind == kind {
					found++
					f(s, r, path+": "+r.keyword)
				}
			}
		}
		if found == 0 {
			t.Error("there is no such row")
		}
	}
}

// TestFlagsIgnoreArguments: a keyword without arguments means the same whatever stands behind it, "off" included.
func TestFlagsIgnoreArguments(t *testing.T) {
	eachRow(flagRow, func(s scope, r row, where string) {
		want, codes := outcome(s, r.keyword, Env{})
		for _, args := range []string{"off", "no", "1", "two words"} {
			if got, c := outcome(s, r.keyword+" "+args, Env{}); got != want || c != codes {
				t.Errorf("%s %s is %q %q, bare it is %q %q", where, args, got, c, want, codes)
			}
		}
	})(t)
}

// TestBooleanWords: on, true and yes mean what the bare keyword means; off, false and no the opposite; the words are
// lower case, and nothing else is a boolean.
func TestBooleanWords(t *testing.T) {
	eachRow(boolRow, func(s scope, r row, where string) {
		want, codes := outcome(s, r.keyword, Env{})
		off, offCodes := outcome(s, r.keyword+" off", Env{})
		if want == off {
			if s.path != "global_defs" || r.keyword != "vrrp_higher_prio_send_advert" && r.keyword != "vrrp_lower_prio_no_advert" {
				t.Errorf("%s: on and off are the same: %q", where, want)
			}
		}
		for args, w := range map[string]string{"on": want, "true": want, "yes": want, "off": off, "false": off, "no": off} {
			c := codes
			if w == off {
				c = offCodes
			}
			if got, gotCodes := outcome(s, r.keyword+" "+args, Env{}); got != w || gotCodes != c {
				t.Errorf("%s %s is %q %q, want %q %q", where, args, got, gotCodes, w, c)
			}
		}
		for _, args := range []string{"On", "TRUE", "YES", "1", "0", "enabled", `"on "`} {
			if got, c := outcome(s, r.keyword+" "+args, Env{}); got != "" || c != "KA2013" {
				t.Errorf("%s %s is %q %q, want nothing and KA2013", where, args, got, c)
			}
		}
	})(t)
}

// plainTry returns the first try of r that is one number and is accepted.
func plainTry(r row) (try, bool) {
	for _, x := range r.tries {
		if x.args != "" && x.want != "" && x.codes == "" && strings.Trim(x.args, "0123456789.") == "" {
			return x, true
		}
	}
	return try{}, false
}

// TestLenientNumbers: with junk behind it, the beginning of the number counts, and a warning is given; under -t the
// statement is as good as one without a number.
func TestLenientNumbers(t *testing.T) {
	eachRow(lenientRow, func(s scope, r row, where string) {
		x, ok := plainTry(r)
		if !ok {
			return
		}
		if got, c := outcome(s, r.keyword+" "+x.args+"x", Env{}); got != x.want || c != "KA2011" {
			t.Errorf("%s %sx is %q %q, want %q KA2011", where, x.args, got, c, x.want)
		}
		bad, refused := outcome(s, r.keyword+" x", Env{})
		if got, c := outcome(s, r.keyword+" "+x.args+"x", Env{ConfigTest: true}); got != bad || c != refused {
			t.Errorf("%s %sx under -t is %q %q, want %q %s", where, x.args, got, c, bad, refused)
		}
	})(t)
}

// TestStrictNumbers: junk behind the number refuses it, under -t and without.
func TestStrictNumbers(t *testing.T) {
	eachRow(strictRow, func(s scope, r row, where string) {
		x, ok := plainTry(r)
		if !ok {
			return
		}
		bad, refused := outcome(s, r.keyword+" x", Env{})
		for _, env := range []Env{{}, {ConfigTest: true}} {
			if got, c := outcome(s, r.keyword+" "+x.args+"x", env); got != bad || c != refused {
				t.Errorf("%s %sx is %q %q, want %q %s", where, x.args, got, c, bad, refused)
			}
		}
	})(t)
}

// TestNumberForms: numbers are of base 10, with an optional plus and blanks in front of it, in both kinds of rows.
func TestNumberForms(t *testing.T) {
	check := func(s scope, r row, where string) {
		x, ok := plainTry(r)
		if !ok || strings.Contains(x.args, ".") {
			return
		}
		for _, form := range []string{"+" + x.args, `" ` + x.args + `"`, "00" + x.args} {
			if got, c := outcome(s, r.keyword+" "+form, Env{}); got != x.want || c != "" {
				t.Errorf("%s %s is %q %q, want %q", where, form, got, c, x.want)
			}
		}
		for _, form := range []string{"0x" + x.args, "+", "-", "", " ", "++" + x.args} {
			env := Env{ConfigTest: true}
			if got, c := outcome(s, r.keyword+` "`+form+`"`, env); got == x.want || c == "" {
				t.Errorf("%s %q is %q %q, want a problem", where, form, got, c)
			}
		}
	}
	eachRow(lenientRow, check)(t)
	eachRow(strictRow, check)(t)
}
