package confparse

import (
	"strings"
	"testing"

	"vigil/confparse/confparsetest"
)

// eachRow runs f for the rows of one shape in every block.
func eachRow(t *testing.T, shape string, f func(b confparsetest.Block, r confparsetest.Row, where string)) {
	found := 0
	for _, b := range blocksOfRows(t) {
		for _, r := range b.Rows {
			if r.Shape == shape {
				found++
				f(b, r, b.Path+": "+r.Word)
			}
		}
	}
	if found == 0 {
		t.Error("there is no such row")
	}
}

// TestFlagsIgnoreArguments: a keyword without arguments means the same whatever stands behind it, "off" included.
func TestFlagsIgnoreArguments(t *testing.T) {
	eachRow(t, "flag", func(s confparsetest.Block, r confparsetest.Row, where string) {
		want, codes := outcome(s, r.Word, Env{})
		for _, args := range []string{"off", "no", "1", "two words"} {
			if got, c := outcome(s, r.Word+" "+args, Env{}); got != want || c != codes {
				t.Errorf("%s %s is %q %q, bare it is %q %q", where, args, got, c, want, codes)
			}
		}
	})
}

// TestBooleanWords: on, true and yes mean what the bare keyword means; off, false and no the opposite; the words are
// lower case, and nothing else is a boolean.
func TestBooleanWords(t *testing.T) {
	eachRow(t, "bool", func(s confparsetest.Block, r confparsetest.Row, where string) {
		want, codes := outcome(s, r.Word, Env{})
		off, offCodes := outcome(s, r.Word+" off", Env{})
		if want == off {
			if s.Path != "global_defs" || r.Word != "vrrp_higher_prio_send_advert" && r.Word != "vrrp_lower_prio_no_advert" {
				t.Errorf("%s: on and off are the same: %q", where, want)
			}
		}
		for args, w := range map[string]string{"on": want, "true": want, "yes": want, "off": off, "false": off, "no": off} {
			c := codes
			if w == off {
				c = offCodes
			}
			if got, gotCodes := outcome(s, r.Word+" "+args, Env{}); got != w || gotCodes != c {
				t.Errorf("%s %s is %q %q, want %q %q", where, args, got, gotCodes, w, c)
			}
		}
		for _, args := range []string{"On", "TRUE", "YES", "1", "0", "enabled", `"on "`} {
			if got, c := outcome(s, r.Word+" "+args, Env{}); got != "" || c != "KA2013" {
				t.Errorf("%s %s is %q %q, want nothing and KA2013", where, args, got, c)
			}
		}
	})
}

// plainTry returns the first try of r that is one number and is accepted.
func plainTry(r confparsetest.Row) (confparsetest.Try, bool) {
	for _, x := range r.Tries {
		if x.Args != "" && x.Want != "" && x.Codes == "" && strings.Trim(x.Args, "0123456789.") == "" {
			return x, true
		}
	}
	return confparsetest.Try{}, false
}

// TestLenientNumbers: with junk behind it, the beginning of the number counts, and a warning is given; under -t the
// statement is as good as one without a number.
func TestLenientNumbers(t *testing.T) {
	eachRow(t, "lenient", func(s confparsetest.Block, r confparsetest.Row, where string) {
		x, ok := plainTry(r)
		if !ok {
			return
		}
		if got, c := outcome(s, r.Word+" "+x.Args+"x", Env{}); got != x.Want || c != "KA2011" {
			t.Errorf("%s %sx is %q %q, want %q KA2011", where, x.Args, got, c, x.Want)
		}
		bad, refused := outcome(s, r.Word+" x", Env{})
		if got, c := outcome(s, r.Word+" "+x.Args+"x", Env{ConfigTest: true}); got != bad || c != refused {
			t.Errorf("%s %sx under -t is %q %q, want %q %s", where, x.Args, got, c, bad, refused)
		}
	})
}

// TestStrictNumbers: junk behind the number refuses it, under -t and without.
func TestStrictNumbers(t *testing.T) {
	eachRow(t, "strict", func(s confparsetest.Block, r confparsetest.Row, where string) {
		x, ok := plainTry(r)
		if !ok {
			return
		}
		bad, refused := outcome(s, r.Word+" x", Env{})
		for _, env := range []Env{{}, {ConfigTest: true}} {
			if got, c := outcome(s, r.Word+" "+x.Args+"x", env); got != bad || c != refused {
				t.Errorf("%s %sx is %q %q, want %q %s", where, x.Args, got, c, bad, refused)
			}
		}
	})
}

// TestNumberForms: numbers are of base 10, with an optional plus and blanks in front of it, in both kinds of rows.
func TestNumberForms(t *testing.T) {
	check := func(s confparsetest.Block, r confparsetest.Row, where string) {
		x, ok := plainTry(r)
		if !ok || strings.Contains(x.Args, ".") {
			return
		}
		for _, form := range []string{"+" + x.Args, `" ` + x.Args + `"`, "00" + x.Args} {
			if got, c := outcome(s, r.Word+" "+form, Env{}); got != x.Want || c != "" {
				t.Errorf("%s %s is %q %q, want %q", where, form, got, c, x.Want)
			}
		}
		for _, form := range []string{"0x" + x.Args, "+", "-", "", " ", "++" + x.Args} {
			env := Env{ConfigTest: true}
			if got, c := outcome(s, r.Word+` "`+form+`"`, env); got == x.Want || c == "" {
				t.Errorf("%s %q is %q %q, want a problem", where, form, got, c)
			}
		}
	}
	eachRow(t, "lenient", check)
	eachRow(t, "strict", check)
}
