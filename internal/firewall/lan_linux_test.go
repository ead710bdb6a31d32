package firewall

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"

	"vigil/internal/testlan"
)

// patience is for what must happen; nothing is concluded from its length.
const patience = 20 * time.Second

// lan is a client and two directors on one segment; the virtual address is on the first director.
type lan struct {
	t                  *testing.T
	lab                *testlan.Lab
	segment            *testlan.Segment
	client, first, new *testlan.Host
	newMAC, firstMAC   net.HardwareAddr
	vip, previous      netip.Addr // previous: where the first director's adverts come from
}

func newLAN(t *testing.T, v6 bool) *lan {
	t.Helper()
	lab := testlan.ForTest(t)
	l := &lan{t: t, lab: lab, vip: netip.MustParseAddr("10.9.0.100"), previous: netip.MustParseAddr("10.9.0.2")}
	subnet := "10.9.0.%d/24"
	if v6 {
		l.vip, l.previous = netip.MustParseAddr("fd00:9::100"), netip.MustParseAddr("fe80::2")
		subnet = "fd00:9::%d/64"
	}
	var err error
	l.segment, err = lab.Segment("lan")
	l.check(err)
	for i, h := range []**testlan.Host{&l.client, &l.first, &l.new} {
		*h, err = lab.Host([]string{"client", "first", "new"}[i])
		l.check(err)
		cable, err := (*h).Attach(l.segment, "eth0")
		l.check(err)
		l.check((*h).AddAddress("eth0", netip.MustParsePrefix(fmt.Sprintf(subnet, i+1))))
		l.firstMAC, l.newMAC = l.newMAC, cable.MAC
	}
	if v6 {
		l.check(l.first.AddAddress("eth0", netip.PrefixFrom(l.previous, 64)))
		l.check(l.new.AddAddress("eth0", netip.MustParsePrefix("fe80::3/64")))
	}
	l.check(l.first.AddAddress("eth0", netip.PrefixFrom(l.vip, l.vip.BitLen())))
	return l
}

// eachFamily runs a test on a LAN of IPv4 and on one of IPv6.
func eachFamily(t *testing.T, test func(*lan)) {
	for name, v6 := range map[string]bool{"IPv4": false, "IPv6": true} {
		t.Run(name, func(t *testing.T) { test(newLAN(t, v6)) })
	}
}

func (l *lan) check(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// until waits for a condition.
func (l *lan) until(what string, cond func() error) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	l.check(testlan.Until(ctx, what, cond))
}

// echo answers every line of every connection to a port of h with the host's name.
func (l *lan) echo(h *testlan.Host, port uint16) {
	var ln net.Listener
	l.check(h.Do(func() (err error) {
		ln, err = net.Listen("tcp", fmt.Sprintf(":%d", port))
		return err
	}))
	l.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for s := bufio.NewScanner(c); s.Scan(); {
					fmt.Fprintln(c, h.Name)
				}
			}()
		}
	}()
}

// directors is a LAN with an echo service on both directors.
func (l *lan) directors() *lan {
	l.echo(l.first, 80)
	l.echo(l.new, 80)
	return l
}

// dial opens a connection from the client.
func (l *lan) dial(to netip.AddrPort) net.Conn {
	l.t.Helper()
	var c net.Conn
	l.check(l.client.Do(func() (err error) {
		c, err = net.DialTimeout("tcp", to.String(), patience)
		return err
	}))
	l.t.Cleanup(func() { c.Close() })
	return c
}

// open opens a connection to the virtual address that who answers.
func (l *lan) open(who *testlan.Host) net.Conn {
	l.t.Helper()
	c := l.dial(netip.AddrPortFrom(l.vip, 80))
	l.answers(c, who)
	return c
}

// ask sends a line and returns who answered.
func ask(c net.Conn, within time.Duration) (string, error) {
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(c, "who"); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line), err
}

func (l *lan) answers(c net.Conn, who *testlan.Host) {
	l.t.Helper()
	if got, err := ask(c, patience); got != who.Name || err != nil {
		l.t.Errorf("answered by %q (%v), want %s", got, err, who.Name)
	}
}

// reset checks that nobody knows a connection any more.
func (l *lan) reset(c net.Conn, why string) {
	l.t.Helper()
	if who, err := ask(c, patience); err == nil || errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		l.t.Errorf("%s: answered by %q (%v), want a reset", why, who, err)
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// move gives the virtual address to the new director and tells the client, as a gratuitous ARP does.
func (l *lan) move() {
	l.t.Helper()
	l.check(l.new.AddAddress("eth0", netip.PrefixFrom(l.vip, l.vip.BitLen())))
	l.direct(l.newMAC)
}

// direct has the client take the virtual address to be at a MAC address.
func (l *lan) direct(mac net.HardwareAddr) {
	l.t.Helper()
	l.check(l.client.Do(func() error {
		return netlink.NeighSet(&netlink.Neigh{LinkIndex: linkIndex(l.t, "eth0"), IP: l.vip.AsSlice(), HardwareAddr: mac,
			State: netlink.NUD_PERMANENT})
	}))
}

// linkIndex is the index of an interface of the host that the calling thread is on.
func linkIndex(t *testing.T, name string) int {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return link.Attrs().Index
}

// arm has the new director expect a move.
func (l *lan) arm(h *Handover) {
	l.t.Helper()
	l.check(l.new.Do(func() error { return h.Arm(l.previous, time.Minute) }))
}

// to describes the move of the virtual address to the new director.
func (l *lan) to(d time.Duration, servers ...netip.AddrPort) Move {
	m := Move{Previous: l.previous, Addresses: []netip.Addr{l.vip}, Servers: servers, Until: time.Now().Add(d)}
	l.check(l.new.Do(func() error {
		m.Via = linkIndex(l.t, "eth0")
		return nil
	}))
	return m
}

func (l *lan) begin(h *Handover, m Move) error {
	return l.new.Do(func() error { return h.Begin(l.t.Context(), m) })
}

// nft gives f a connection to the nftables of the new director.
func (l *lan) nft(f func(*nftables.Conn) error) {
	l.t.Helper()
	l.check(l.new.Do(func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		return f(conn)
	}))
}

// tables are the names of the tables on the new director.
func (l *lan) tables() []string {
	var names []string
	l.nft(func(conn *nftables.Conn) error {
		tables, err := conn.ListTables()
		for _, t := range tables {
			names = append(names, t.Name)
		}
		return err
	})
	return names
}

// gone waits for the tables to be deleted.
func (l *lan) gone() {
	l.t.Helper()
	l.until("the tables to be deleted", func() error {
		if left := l.tables(); len(left) != 0 {
			return fmt.Errorf("%v", left)
		}
		return nil
	})
}
