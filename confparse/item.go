package confparse

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"vigil/confparse/diag"
)

// words walks over the words of an item.
type words struct {
	d    *decoder
	n    *Node
	list []Token
	i    int
	bad  bool // a value was missing or wrong: the item is dropped
	code Code
}

func (d *decoder) itemWords(n *Node, code Code) *words {
	return &words{d: d, n: n, list: append([]Token{n.Keyword}, n.Args...), code: code}
}

func (w *words) more() bool { return w.i < len(w.list) && !w.bad }

func (w *words) next() Token {
	t := w.list[w.i]
	w.i++
	return t
}

// peek returns the text of the next word, or "".
func (w *words) peek() string {
	if w.i < len(w.list) {
		return w.list[w.i].Text
	}
	return ""
}

// value returns the word behind an option.
func (w *words) value(option Token) (Token, bool) {
	if w.i >= len(w.list) {
		w.bad = true
		w.d.report(w.n, w.n.RangeOf(option), diag.CodeMissingArgument, fmt.Sprintf("*** Configuration line starting `%s` is missing "+
			"a parameter after keyword `%s` at word position %d", w.n.Keyword.Text, option.Text, w.i+1), "the entry is dropped")
		return Token{}, false
	}
	return w.next(), true
}

func (w *words) fail(t Token, summary string) {
	w.d.report(w.n, w.n.RangeOf(t), w.code, summary, "the entry is dropped")
	w.bad = true
}

// number reads the value of an option.
func (w *words) number(option Token, lo, hi int64) int64 {
	t, ok := w.value(option)
	if !ok {
		return 0
	}
	v, ok := w.d.wholeNumber(w.n, t, wholeStrict(lo, hi))
	if !ok {
		w.bad = true
	}
	return v
}

// named reads a value that is a name of a table or a number.
func (w *words) named(option Token, names nameTable, limit int64) uint32 {
	t, ok := w.value(option)
	if !ok {
		return 0
	}
	if v, ok := w.d.nameOf(names, t.Text); ok && int64(v) <= limit {
		return v
	}
	v, err := strconv.ParseUint(t.Text, 0, 32)
	if err != nil || int64(v) > limit {
		w.fail(t, fmt.Sprintf("Invalid %s '%s'", option.Text, t.Text))
		return 0
	}
	return uint32(v)
}

// address reads the value of an option that is an address.
func (w *words) address(option Token) netip.Addr {
	t, ok := w.value(option)
	if !ok {
		return netip.Addr{}
	}
	a, ok := parseAddr(t.Text)
	if !ok {
		w.fail(t, fmt.Sprintf("Invalid %s address %s", option.Text, t.Text))
	}
	return a
}

// addressOf is address for an option that takes one family only.
func (w *words) addressOf(option Token, ipv6 bool) netip.Addr {
	a := w.address(option)
	if a.IsValid() && a.Is6() != ipv6 {
		w.fail(option, fmt.Sprintf("Invalid %s address %s", option.Text, a))
	}
	return a
}

// family takes the word inet or inet6, which must not contradict what is known already.
func (w *words) family(t Token, f *Family) {
	want := IPv4
	if t.Text == "inet6" {
		want = IPv6
	}
	if *f != FamilyUnknown && *f != want {
		w.fail(t, t.Text+": mixed IPv4/IPv6 options")
		return
	}
	*f = want
}

func (w *words) device(option Token) string {
	t, ok := w.value(option)
	if !ok {
		return ""
	}
	if !w.d.interfaceName(w.n, t.Text) {
		w.bad = true
		return ""
	}
	return w.d.intern(t.Text)
}

// parsePrefix reads ADDRESS[/LENGTH], with the host bits kept.
func parsePrefix(s string) (netip.Prefix, bool) {
	text, length, found := strings.Cut(s, "/")
	a, ok := parseAddr(text)
	if !ok {
		return netip.Prefix{}, false
	}
	bits := a.BitLen()
	if found {
		n, used, _ := parseDigits(length)
		if used == 0 || used < len(length) || n > int64(bits) {
			return netip.Prefix{}, false
		}
		bits = int(n)
	}
	return netip.PrefixFrom(a, bits), true
}

// realms reads [SOURCE/]DESTINATION.
func (w *words) realms(option Token) uint32 {
	t, ok := w.value(option)
	if !ok {
		return 0
	}
	var v uint32
	for _, part := range strings.SplitN(t.Text, "/", 2) {
		id, ok := w.d.nameOf(routeRealms, part)
		if !ok {
			n, err := strconv.ParseUint(part, 0, 8)
			if err != nil {
				w.fail(t, "invalid realms "+t.Text)
				return 0
			}
			id = uint32(n)
		}
		v = v<<16 | id
	}
	return v
}

// wordList collects the words of an item.
type wordList []string

func (l *wordList) add(on bool, words ...any) {
	if !on {
		return
	}
	for _, w := range words {
		*l = append(*l, fmt.Sprint(w))
	}
}

// nameOf returns the word for a number, or the number.
func nameOf[V comparable](names map[string]V, v V) string {
	best := ""
	for n, x := range names {
		if x == v && (best == "" || n < best) {
			best = n
		}
	}
	if best == "" {
		return fmt.Sprint(v)
	}
	return best
}
