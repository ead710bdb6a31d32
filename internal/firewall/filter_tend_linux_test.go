package firewall

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// nftOnFirst runs nft(8) on the first director.
func (l *filtered) nftOnFirst(command string) {
	l.t.Helper()
	_, err := l.first.Output(l.t.Context(), append([]string{"nft"}, strings.Fields(command)...)...)
	l.check(err)
}

// tend looks once and returns what was lost, in order.
func (l *filtered) tend() (loss FilterLoss) {
	l.t.Helper()
	l.do(func() (err error) {
		loss, err = l.filter.Tend()
		return err
	})
	slices.SortFunc(loss.Denied, func(a, b Denied) int { return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Link, b.Link)) })
	return loss
}

func (l *filtered) tendFinds(what string, rules bool, denied ...Denied) {
	l.t.Helper()
	if loss := l.tend(); loss.Rules != rules || !slices.Equal(loss.Denied, denied) {
		l.t.Errorf("%s: %+v, want %v and %+v", what, loss, rules, denied)
	}
}

// TestFilterThatOthersRemove: whatever is removed is found out; rules, and what virtual MAC addresses need, are put back, and what was
// denied is not any more, until it is denied again.
func TestFilterThatOthersRemove(t *testing.T) {
	four := Denied{Addr: netip.MustParseAddr("192.0.2.77"), Link: "eth0"}
	twin := Denied{Addr: four.Addr, Link: "eth9"} // with the same element
	six := Denied{Addr: vip6, Link: "eth0"}
	local := Denied{Addr: netip.MustParseAddr("fe80::5"), Link: "eth0"}
	all := []Denied{four, twin, six, local}
	for _, byIndex := range []bool{false, true} {
		l := newFiltered(t)
		l.do(func() error { return l.filter.Configure(FilterOptions{Table: "keepalived", ByIndex: byIndex}) })
		denyAll := func() {
			t.Helper()
			for _, d := range all {
				l.do(func() error { return l.filter.Deny(d) })
			}
		}
		l.tendFinds("before anything", false)
		l.do(func() error { return l.filter.SetVMAC(1, 1, netip.MustParseAddr("fe80::1")) })
		denyAll()
		before := l.rules()
		for _, tt := range []struct {
			command string
			rules   bool
			denied  []Denied
		}{
			{"add table ip other", false, nil},
			{"flush ruleset", true, all},
			{"delete table ip keepalived", true, []Denied{four, twin}},
			{"flush table ip6 keepalived", true, []Denied{six, local}},
			{"flush chain ip6 keepalived in_link_local", true, []Denied{six, local}},
			{"flush set ip6 keepalived vips", false, []Denied{six}},
			{"flush set ip6 keepalived vips_link_local", false, []Denied{local}},
			{"delete element ip keepalived vips { 192.0.2.77 }", false, []Denied{four, twin}},
			{"flush map ip keepalived vmac_map", true, nil},
			{"flush set ip6 keepalived vmac_link_local", true, nil},
		} {
			l.nftOnFirst(tt.command)
			l.tendFinds(tt.command, tt.rules, tt.denied...)
			for _, d := range all {
				if lost := slices.Contains(tt.denied, d); l.filter.Denies(d) == lost {
					t.Errorf("%s: %v is denied: %v", tt.command, d, !lost)
				}
			}
			l.tendFinds("after "+tt.command, false)
			denyAll()
			l.nftOnFirst("add table ip other") // as far as it has gone
		}
		l.nftOnFirst("delete table ip other")
		if after := l.rules(); after != before {
			t.Errorf("in the end:\n%s\nwant\n%s", after, before)
		}
	}
}

// TestFilterLooksOnlyAfterChanges: as long as nobody has changed anything one question is all.
func TestFilterLooksOnlyAfterChanges(t *testing.T) {
	l := newFiltered(t)
	l.do(func() error { return l.filter.Deny(Denied{Addr: vip6}) })
	l.tendFinds("at first", false)
	l.filter.tables[1].rules["no such chain"] = 1 // what a look would miss
	l.tendFinds("without a change", false)
	l.nftOnFirst("add table ip other")
	l.tendFinds("after a change", true, Denied{Addr: vip6})
}

// TestPreparedFilterThatOthersRemove: rules without anything denied are put back too.
func TestPreparedFilterThatOthersRemove(t *testing.T) {
	l := newFiltered(t)
	l.do(l.filter.Prepare)
	before := l.rules()
	l.nftOnFirst("flush ruleset")
	l.tendFinds("flush ruleset", true)
	if after := l.rules(); after != before {
		t.Errorf("got\n%s\nwant\n%s", after, before)
	}
}

// TestFilterThatCannotBePutBack is tried again at each look.
func TestFilterThatCannotBePutBack(t *testing.T) {
	l := newFiltered(t)
	l.do(func() error { return l.filter.SetVMAC(1, 1, netip.Addr{}) })
	before := l.rules()
	l.nftOnFirst("flush ruleset")
	for range 2 {
		if err := unprivileged(l.first, func() error { _, err := l.filter.Tend(); return err }); !errors.Is(err, unix.EPERM) {
			t.Errorf("without CAP_NET_ADMIN: %v", err)
		}
	}
	l.tend()
	if after := l.rules(); after != before {
		t.Errorf("got\n%s\nwant\n%s", after, before)
	}
}

func TestAnswersThatAreNoGeneration(t *testing.T) {
	good := []byte{28, 0, 0, 0, isGeneration & 0xff, isGeneration >> 8, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 1, 2}
	if got, err := parseGeneration(good, 7); got != 0x102 || err != nil {
		t.Errorf("%#x, %v", got, err)
	}
	for n := range good {
		if got, err := parseGeneration(good[:n], 7); err == nil {
			t.Errorf("%d bytes: %#x", n, got)
		}
	}
	for i, b := range map[int]byte{4: 0, 8: 6, 20: 3, 22: 2} {
		bad := slices.Clone(good)
		bad[i] = b
		if got, err := parseGeneration(bad, 7); err == nil {
			t.Errorf("byte %d: %#x", i, got)
		}
	}
	refused := []byte{36, 0, 0, 0, unix.NLMSG_ERROR, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}
	if _, err := parseGeneration(refused, 7); err != unix.EPERM {
		t.Errorf("refused: %v", err)
	}
}
