package firewall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"

	"vigil/internal/testlan"
)

var vip6 = netip.MustParseAddr("fd09::100")

// dualStack gives the client and the first director IPv6 addresses too.
func dualStack(t *testing.T) *lan {
	l := newLAN(t, false)
	l.check(l.client.AddAddress("eth0", netip.MustParsePrefix("fd09::1/64")))
	l.check(l.first.AddAddress("eth0", netip.MustParsePrefix("fd09::2/64")))
	l.check(l.first.AddAddress("eth0", netip.PrefixFrom(vip6, 128)))
	return l
}

// asks has the client forget who has the address and send something to it, for which it must find out anew.
func (l *lan) asks(addr netip.Addr) {
	l.t.Helper()
	l.check(l.client.Do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		_ = netlink.NeighDel(&netlink.Neigh{LinkIndex: link.Attrs().Index, IP: addr.AsSlice()}) // it may not know
		c, err := net.Dial("udp", netip.AddrPortFrom(addr, 9).String())
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("x"))
		return err
	}))
}

// knows reports whether the client has found out who has the address.
func (l *lan) knows(addr netip.Addr) bool {
	l.t.Helper()
	known := false
	l.check(l.client.Do(func() error {
		list, err := netlink.NeighList(0, 0)
		known = slices.ContainsFunc(list, func(n netlink.Neigh) bool {
			return n.IP.Equal(addr.AsSlice()) && len(n.HardwareAddr) > 0 && n.State&(netlink.NUD_FAILED|netlink.NUD_INCOMPLETE) == 0
		})
		return err
	}))
	return known
}

func (l *lan) learns(addr netip.Addr) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	l.asks(addr)
	l.check(testlan.Until(ctx, fmt.Sprintf("%s is known", addr), func() error {
		if !l.knows(addr) {
			return errors.New("it is not")
		}
		return nil
	}))
}

// noAnswer asks for an address, and then for others of the same host, whose answers would come later.
func (l *lan) noAnswer(addr netip.Addr) {
	l.t.Helper()
	l.asks(addr)
	l.learns(netip.MustParseAddr("10.9.0.2"))
	l.learns(netip.MustParseAddr("fd09::2"))
	if l.knows(addr) {
		l.t.Errorf("%s was answered for", addr)
	}
}

func TestQuietAddressIsNotAnsweredFor(t *testing.T) {
	l := dualStack(t)
	var q Quiet
	do := func(f func() error) {
		t.Helper()
		l.check(l.first.Do(f))
	}
	addrs := []netip.Addr{l.vip, vip6}
	do(q.Prepare)
	do(q.Prepare) // is there already
	for _, a := range addrs {
		l.learns(a)
	}
	do(func() error { return q.Set(addrs, time.Hour) })
	do(func() error { return q.Set(addrs, time.Hour) }) // again
	for _, a := range addrs {
		l.noAnswer(a)
	}
	do(func() error { return q.Set(addrs[:1], 0) })
	l.learns(l.vip)
	l.noAnswer(vip6)
	do(func() error { return q.Set(addrs, 0) }) // one of them is not quiet
	l.learns(vip6)

	// It ends by itself, also when it was to last for longer before.
	do(func() error { return q.Set(addrs, time.Hour) })
	do(func() error { return q.Set(addrs, 50*time.Millisecond) })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, a := range addrs {
		l.check(testlan.Until(ctx, fmt.Sprintf("%s is known", a), func() error {
			l.asks(a)
			if !l.knows(a) {
				return errors.New("it is not")
			}
			return nil
		}))
	}

	// Whatever others do to the tables.
	do(flushRuleset)
	do(func() error { return q.Set(addrs, time.Hour) })
	for _, a := range addrs {
		l.noAnswer(a)
	}
	do(q.Close)
	for _, a := range addrs {
		l.learns(a)
	}
	if tables := quietTables(l, l.first); len(tables) > 0 {
		t.Errorf("left behind: %v", tables)
	}
	do(func() error { return q.Set(addrs, time.Hour) })
	do(q.Prepare)
	if tables := quietTables(l, l.first); len(tables) > 0 {
		t.Errorf("made after the end: %v", tables)
	}
}

// A connection goes on, and its host must not even ask for the client in a way that makes it learn the old address.
func TestQuietAddressServes(t *testing.T) {
	l := dualStack(t)
	l.echo(l.first, 80)
	var q Quiet
	c := l.dial(netip.AddrPortFrom(l.vip, 80))
	l.check(l.first.Do(func() error { return q.Set([]netip.Addr{l.vip}, time.Hour) }))
	t.Cleanup(func() { l.check(l.first.Do(q.Close)) })
	for range 3 {
		if who, err := ask(c, patience); who != "first" || err != nil {
			t.Fatalf("%q, %v", who, err)
		}
	}
}

func TestQuietSweepsWhatDeadProcessesLeft(t *testing.T) {
	l := dualStack(t)
	foreign := []string{quietPrefix + "999999999", quietPrefix + fmt.Sprint(os.Getppid()), "other"}
	l.check(l.first.Do(func() error {
		c, err := nftables.New()
		if err != nil {
			return err
		}
		for _, name := range foreign {
			c.AddTable(&nftables.Table{Family: nftables.TableFamilyARP, Name: name})
		}
		return c.Flush()
	}))
	var q Quiet
	l.check(l.first.Do(q.Prepare))
	if got := quietTables(l, l.first); slices.Contains(got, foreign[0]) || !slices.Contains(got, foreign[1]) {
		t.Errorf("tables %v: that of the dead process should be gone, that of the living not", got)
	}
	l.check(l.first.Do(q.Close))
}

// flushRuleset is what `nft flush ruleset` does.
func flushRuleset() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	c.FlushRuleset()
	return c.Flush()
}

func quietTables(l *lan, h *testlan.Host) (names []string) {
	l.t.Helper()
	l.check(h.Do(func() error {
		c, err := nftables.New()
		if err != nil {
			return err
		}
		tables, err := c.ListTables()
		for _, t := range tables {
			if strings.HasPrefix(t.Name, strings.TrimSuffix(quietPrefix, "_")) {
				names = append(names, t.Name)
			}
		}
		return err
	}))
	return names
}
