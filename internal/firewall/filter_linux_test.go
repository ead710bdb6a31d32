package firewall

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

// filtered is a network with a Filter on the first director.
type filtered struct {
	*lan
	filter *Filter
}

func newFiltered(t *testing.T) *filtered {
	l := &filtered{dualStack(t), nil}
	l.filter = NewFilter(func(name string) (int, error) { // in the namespace that the methods are in
		i, err := net.InterfaceByName(name)
		if err != nil {
			return 0, err
		}
		return i.Index, nil
	})
	t.Cleanup(func() { l.do(l.filter.Close) })
	return l
}

// do runs f on the first director.
func (l *filtered) do(f func() error) {
	l.t.Helper()
	l.check(l.first.Do(f))
}

// accepts reports whether what the client sends to an address is accepted: there is nobody at the port, which it is told.
func (l *filtered) accepts(addr string) (accepted bool) {
	l.t.Helper()
	l.check(l.client.Do(func() error {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(addr, "9"), 500*time.Millisecond)
		if err == nil {
			return c.Close()
		}
		accepted = errors.Is(err, unix.ECONNREFUSED)
		return nil
	}))
	return accepted
}

// reached is accepts for what must be: on a busy machine an answer may take its time.
func (l *filtered) reached(addr string) bool {
	l.t.Helper()
	for range 20 {
		if l.accepts(addr) {
			return true
		}
	}
	return false
}

func (l *filtered) rules() string {
	l.t.Helper()
	out, err := l.first.Output(context.Background(), "nft", "list", "ruleset")
	l.check(err)
	return out
}

func (l *filtered) has(what string) {
	l.t.Helper()
	if got := l.rules(); !strings.Contains(got, what) {
		l.t.Errorf("no %s in\n%s", what, got)
	}
}

// TestDeniedAddresses are not reached, of both families, and neighbours are answered all the same; others are.
func TestDeniedAddresses(t *testing.T) {
	l := newFiltered(t)
	const another, own6 = "fd09::2", "fe80::5"
	l.check(l.first.AddAddress("eth0", netip.MustParsePrefix("fe80::5/64")))
	vips := []string{vip6.String(), own6 + "%eth0"}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, a := range append(vips, another) {
		l.check(testlan.Until(ctx, a+" is reached before", func() error {
			if !l.reached(a) {
				return errors.New("it is not")
			}
			return nil
		}))
	}
	denied := []Denied{{Addr: vip6, Link: "eth0"}, {Addr: netip.MustParseAddr(own6), Link: "eth0"}}
	for _, d := range denied {
		l.do(func() error { return errors.Join(l.filter.Deny(d), l.filter.Deny(d)) })
	}
	for _, a := range vips {
		if l.accepts(a) {
			t.Errorf("%s is reached", a)
		}
	}
	if !l.reached(another) {
		t.Error("another address is not reached")
	}
	l.learns(vip6)
	l.has(`elements = { fe80::5 . "eth0" }`)
	moved := Denied{Addr: vip6, Link: "eth9"} // it is on another link now
	l.do(func() error { return errors.Join(l.filter.Deny(moved), l.filter.Allow(denied[0])) })
	l.has(vip6.String() + " }")
	l.do(func() error { return l.filter.Allow(moved) })
	if !l.reached(vips[0]) || l.accepts(vips[1]) {
		t.Error("allowing one address")
	}
	l.do(func() error { return errors.Join(l.filter.Allow(denied[1]), l.filter.Allow(denied[1])) })
	if !l.reached(vips[1]) {
		t.Error("allowing the other")
	}
	l.do(l.filter.Close)
	if got := l.rules(); strings.Contains(got, "keepalived") {
		t.Errorf("after Close:\n%s", got)
	}
}

// TestFilterIsMadeAgain when somebody has flushed it, with all that is in it, at the next change.
func TestFilterIsMadeAgain(t *testing.T) {
	l := newFiltered(t)
	l.do(func() error {
		return errors.Join(l.filter.Deny(Denied{Addr: vip6}), l.filter.SetVMAC(1, 1, netip.Addr{}))
	})
	if _, err := l.first.Output(context.Background(), "nft", "flush", "ruleset"); err != nil {
		t.Fatal(err)
	}
	l.do(func() error { return l.filter.Deny(Denied{Addr: netip.MustParseAddr("192.0.2.77")}) })
	for _, element := range []string{"192.0.2.77 }", vip6.String() + " }", `"lo" : `} {
		l.has("elements = { " + element)
	}
	if _, err := l.first.Output(context.Background(), "nft", "delete", "table", "ip", "keepalived"); err != nil {
		t.Fatal(err)
	}
	l.do(func() error { return l.filter.Deny(Denied{Addr: netip.MustParseAddr("192.0.2.78")}) })
	l.has("elements = { 192.0.2.77, 192.0.2.78 }")
}

// TestFilterTakesOverATable that an earlier process, or keepalived, has left: nothing of it stays.
func TestFilterTakesOverATable(t *testing.T) {
	l := newFiltered(t)
	for _, argv := range [][]string{{"table", "ip", "keepalived"}, {"set", "ip", "keepalived", "vips", "{ type ipv4_addr; }"},
		{"element", "ip", "keepalived", "vips", "{ 192.0.2.1 }"}} {
		if _, err := l.first.Output(context.Background(), append([]string{"nft", "add"}, argv...)...); err != nil {
			t.Fatal(err)
		}
	}
	l.do(func() error { return l.filter.Deny(Denied{Addr: netip.MustParseAddr("192.0.2.2")}) })
	l.has("elements = { 192.0.2.2 }")
	if strings.Contains(l.rules(), "192.0.2.1") {
		t.Error("what was left is still there")
	}
}

// TestFilterLooksAsConfigured: names, priority, counters and indices; a change is taken over with all that is in it.
func TestFilterLooksAsConfigured(t *testing.T) {
	l := newFiltered(t)
	local := Denied{Addr: netip.MustParseAddr("fe80::5"), Link: "eth0"}
	l.do(func() error {
		return errors.Join(l.filter.Deny(Denied{Addr: netip.MustParseAddr("192.0.2.2")}), l.filter.Deny(local),
			l.filter.SetVMAC(1, 1, netip.MustParseAddr("fe80::1")))
	})
	o := FilterOptions{Table: "mine", Priority: 5, Counters: true, ByIndex: true, Input: "IN", Output: "OUT",
		Sets: FilterSets{Addresses4: "four", Addresses6: "six", LinkLocal: "near", VMAC4: "mac4", VMAC6: "mac6", Discovery: "nd"}}
	l.do(func() error { return errors.Join(l.filter.Configure(o), l.filter.Configure(o)) })
	for _, w := range []string{"table ip mine", "table ip6 mine", "chain IN {", "chain OUT {", "priority filter + 5", "set four {", "set six {",
		"set near {", "map mac4 {", "map mac6 {", "set nd {", "chain OUT_link_local {", "counter packets", "type ipv6_addr . iface_index",
		`elements = { fe80::5 . "eth0" }`, `elements = { fe80::1 . "lo" }`, "oif map @mac4"} {
		l.has(w)
	}
	if strings.Contains(l.rules(), "keepalived") {
		t.Error("the old tables are still there")
	}
	l.do(func() error { return l.filter.Allow(local) })
	if strings.Contains(l.rules(), "fe80::5") {
		t.Error("what was denied before is not allowed")
	}
}

// TestManyDeniedAddresses of one change fit into transactions that the kernel takes.
func TestManyDeniedAddresses(t *testing.T) {
	l := newFiltered(t)
	a := netip.MustParseAddr("10.0.0.0")
	l.do(func() error {
		var errs []error
		for range 2*transaction + 1 {
			a = a.Next()
			errs = append(errs, l.filter.Deny(Denied{Addr: a}))
		}
		return errors.Join(append(errs, l.filter.Configure(FilterOptions{Table: "other"}))...)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	l.check(testlan.Until(ctx, "all of them", func() error {
		if !strings.Contains(l.rules(), a.String()) {
			return errors.New("not there")
		}
		return nil
	}))
}

// TestFilterThatIsNotNeededAnyMore stays, under its name, as long as something is in it, and no longer.
func TestFilterThatIsNotNeededAnyMore(t *testing.T) {
	l := newFiltered(t)
	denied := []Denied{{Addr: netip.MustParseAddr("192.0.2.2")}, {Addr: vip6}}
	l.do(func() error {
		return errors.Join(l.filter.Deny(denied[0]), l.filter.Deny(denied[1]), l.filter.Configure(FilterOptions{}))
	})
	l.has("table ip keepalived")
	l.do(func() error { return l.filter.Allow(denied[0]) })
	l.has(vip6.String() + " }")
	l.do(func() error { return l.filter.Allow(denied[1]) })
	if got := l.rules(); strings.Contains(got, "table") {
		t.Errorf("when nothing is in it:\n%s", got)
	}
	l.do(func() error {
		return errors.Join(l.filter.Configure(FilterOptions{Table: "other"}), l.filter.Deny(denied[0]))
	})
	l.has("table ip other")
	l.do(func() error { return errors.Join(l.filter.Allow(denied[0]), l.filter.Configure(FilterOptions{})) })
	if got := l.rules(); strings.Contains(got, "table") {
		t.Errorf("when nothing was in it:\n%s", got)
	}
}

// TestFilterThatFails fails again when it is tried again, and what was in it before stays.
func TestFilterThatFails(t *testing.T) {
	l := newFiltered(t)
	l.do(func() error {
		return errors.Join(l.filter.Configure(FilterOptions{Table: "keepalived", ByIndex: true, Sets: FilterSets{VMAC4: strings.Repeat("x", 300)}}),
			l.filter.Deny(Denied{Addr: vip6}))
	})
	for range 2 {
		for what, f := range map[string]func() error{
			"a link that does not exist": func() error { return l.filter.Deny(Denied{Addr: netip.MustParseAddr("fe80::5"), Link: "eth9"}) },
			"a name that is too long":    func() error { return l.filter.SetVMAC(1, 1, netip.Addr{}) },
		} {
			if err := l.first.Do(f); err == nil {
				t.Errorf("%s is no error", what)
			}
			l.has(vip6.String() + " }")
		}
	}
}

// TestPreparedFilter: the rules are there before an address is denied, and go when nobody is to need them.
func TestPreparedFilter(t *testing.T) {
	l := newFiltered(t)
	d := Denied{Addr: vip6}
	l.do(func() error {
		return errors.Join(l.filter.Prepare(), l.filter.SetVMAC(1, 1, netip.Addr{}), l.filter.Prepare())
	})
	l.has("set vips {")
	l.has("ip6 daddr @vips")
	handle := func() string {
		out, err := l.first.Output(context.Background(), "nft", "-a", "list", "table", "ip6", "keepalived")
		l.check(err)
		line, _, _ := strings.Cut(out, "\n")
		return line
	}
	before := handle()
	l.do(func() error { return l.filter.Deny(d) })
	if after := handle(); after != before {
		t.Errorf("the table is another one: %s, was %s", after, before)
	}
	l.has(vip6.String() + " }")
	l.do(func() error {
		return errors.Join(l.filter.Allow(d), l.filter.DropVMAC(1), l.filter.Configure(FilterOptions{}), l.filter.Prepare())
	})
	if got := l.rules(); strings.Contains(got, "table") {
		t.Errorf("afterwards:\n%s", got)
	}
}
