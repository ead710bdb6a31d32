package firewall

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

var vip = netip.MustParseAddr("10.9.0.100")

// lan is a client and two directors on one segment; the virtual address is on the first director.
type lan struct {
	t                  *testing.T
	client, first, new *testlan.Host
	newMAC             net.HardwareAddr
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	testlan.RequireNetns(t)
	lab, err := testlan.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.Close() })
	l := &lan{t: t}
	segment, err := lab.Segment("lan")
	l.check(err)
	for i, h := range []**testlan.Host{&l.client, &l.first, &l.new} {
		*h, err = lab.Host([]string{"client", "first", "new"}[i])
		l.check(err)
		cable, err := (*h).Attach(segment, "eth0", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(i + 1)}), 24))
		l.check(err)
		l.newMAC = cable.MAC
	}
	l.check(l.first.AddAddress("eth0", netip.PrefixFrom(vip, 32)))
	return l
}

func (l *lan) check(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// echo answers every line of every connection on h with the host's name.
func (l *lan) echo(h *testlan.Host) {
	var ln net.Listener
	l.check(h.Do(func() (err error) {
		ln, err = net.Listen("tcp4", "0.0.0.0:80")
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

// dial opens a connection from the client to the virtual address.
func (l *lan) dial() net.Conn {
	l.t.Helper()
	var c net.Conn
	l.check(l.client.Do(func() (err error) {
		c, err = net.DialTimeout("tcp4", netip.AddrPortFrom(vip, 80).String(), 5*time.Second)
		return err
	}))
	l.t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a line and returns who answered.
func ask(c net.Conn) (string, error) {
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(c, "who"); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line), err
}

// move gives the virtual address to the new director and tells the client, as a gratuitous ARP does.
func (l *lan) move() {
	l.check(l.new.AddAddress("eth0", netip.PrefixFrom(vip, 32)))
	l.check(l.client.Do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, IP: vip.AsSlice(), HardwareAddr: l.newMAC,
			State: netlink.NUD_PERMANENT})
	}))
}

// begin programs a Move on the new director that lasts for d.
func (l *lan) begin(h *Handover, d time.Duration) {
	l.check(l.new.Do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		i := link.Attrs().Index
		return h.Begin(Move{Addresses: []netip.Addr{vip}, Links: []int{i}, Previous: netip.MustParseAddr("10.9.0.2"), Via: i, For: d})
	}))
}

// arm prepares the Move that begin makes.
func (l *lan) arm(h *Handover, within time.Duration) {
	l.check(l.new.Do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		i := link.Attrs().Index
		return h.Arm(Move{Addresses: []netip.Addr{vip}, Links: []int{i}, Previous: netip.MustParseAddr("10.9.0.2"), Via: i}, within)
	}))
}

// tables are the names of the tables on the new director.
func (l *lan) tables() []string {
	var names []string
	l.check(l.new.Do(func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		tables, err := conn.ListTables()
		for _, t := range tables {
			names = append(names, t.Name)
		}
		return err
	}))
	return names
}

func TestConnectionsUnderWayGoOnAtThePreviousMaster(t *testing.T) {
	l := newLAN(t)
	l.echo(l.first)
	l.echo(l.new)
	old := l.dial()
	if who, err := ask(old); who != "first" || err != nil {
		t.Fatalf("before the move: %q, %v", who, err)
	}
	var h Handover
	defer h.Close()
	l.begin(&h, time.Minute)
	l.move()
	if who, err := ask(old); who != "first" || err != nil {
		t.Errorf("connection under way: %q, %v", who, err)
	}
	fresh := l.dial()
	for range 3 { // its later segments carry no SYN
		if who, err := ask(fresh); who != "new" || err != nil {
			t.Errorf("new connection: %q, %v", who, err)
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if left := l.tables(); len(left) != 0 {
		t.Errorf("tables left: %v", left)
	}
	if who, err := ask(old); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("without the rules: %q, %v; want a reset, or this test shows nothing", who, err)
	}
}

func TestArmedRulesDoNothingYet(t *testing.T) {
	l := newLAN(t)
	l.echo(l.first)
	l.echo(l.new)
	old := l.dial()
	if _, err := ask(old); err != nil {
		t.Fatal(err)
	}
	var h Handover
	defer h.Close()
	l.arm(&h, time.Minute)
	l.arm(&h, time.Minute) // renewed, not doubled
	if n := len(h.armed); n != 1 {
		t.Errorf("%d moves armed", n)
	}
	other := l.dial() // still to the first director
	l.begin(&h, time.Minute)
	l.move()
	for _, c := range []net.Conn{old, other} {
		if who, err := ask(c); who != "first" || err != nil {
			t.Errorf("connection under way: %q, %v", who, err)
		}
	}
	l.check(h.Close())

	var inert Handover
	defer inert.Close()
	l.arm(&inert, time.Minute)
	if who, err := ask(old); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("with rules that are only armed: %q, %v; want a reset", who, err)
	}
}

func TestArmedRulesAreDeletedWhenNothingFollows(t *testing.T) {
	l := newLAN(t)
	var h Handover
	defer h.Close()
	l.arm(&h, 10*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l.check(testlan.Until(ctx, "the table to be deleted", func() error {
		if left := l.tables(); len(left) != 0 {
			return fmt.Errorf("%v", left)
		}
		return nil
	}))
}

func TestRulesCeaseByThemselves(t *testing.T) {
	l := newLAN(t)
	l.echo(l.first)
	old := l.dial()
	if _, err := ask(old); err != nil {
		t.Fatal(err)
	}
	var h Handover
	defer h.Close()
	l.begin(&h, 10*time.Millisecond)
	l.begin(&h, 10*time.Millisecond) // a second move shares the table
	l.move()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := testlan.Until(ctx, "the connection to be reset, the table being there or not", func() error {
		if who, err := ask(old); err == nil {
			return fmt.Errorf("answered by %q", who)
		}
		return nil
	})
	l.check(err)
	l.check(testlan.Until(ctx, "the table to be deleted", func() error {
		if left := l.tables(); len(left) != 0 {
			return fmt.Errorf("%v", left)
		}
		return nil
	}))
}

func TestTablesOfDeadProcessesAreSwept(t *testing.T) {
	l := newLAN(t)
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	stale, foreign := tablePrefix+strconv.Itoa(dead.Process.Pid), "somebody_else"
	l.check(l.new.Do(func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		for _, name := range []string{stale, foreign, tablePrefix + "1"} { // process 1 is alive
			conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: name})
		}
		return conn.Flush()
	}))
	var h Handover
	l.begin(&h, time.Second)
	got := strings.Join(l.tables(), " ")
	for name, want := range map[string]bool{stale: false, foreign: true, tablePrefix + "1": true,
		tablePrefix + strconv.Itoa(os.Getpid()): true} {
		if strings.Contains(got, name) != want {
			t.Errorf("table %s present: %v, want %v (%s)", name, !want, want, got)
		}
	}
	l.check(h.Close())
}

func TestPrepareLeavesNothing(t *testing.T) {
	l := newLAN(t)
	var h Handover
	l.check(l.new.Do(h.Prepare))
	if got := l.tables(); len(got) != 0 {
		t.Errorf("tables: %v", got)
	}
	l.begin(&h, time.Minute)
	before := l.tables()
	l.check(l.new.Do(h.Prepare)) // nothing to do while rules are in force
	if got := l.tables(); len(got) != 1 || got[0] != before[0] {
		t.Errorf("tables: %v, before %v", got, before)
	}
	l.check(h.Close())
}

func TestNothingToMoveMakesNoTable(t *testing.T) {
	l := newLAN(t)
	var h Handover
	for _, m := range []Move{
		{Previous: netip.MustParseAddr("10.9.0.2")},
		{Addresses: []netip.Addr{vip}, Previous: netip.MustParseAddr("fe80::1")},
		{Addresses: []netip.Addr{vip}},
	} {
		l.check(l.new.Do(func() error { return h.Begin(m) }))
	}
	if got := l.tables(); len(got) != 0 {
		t.Errorf("tables: %v", got)
	}
	l.check(h.Close())
	l.check(l.new.Do(func() error {
		return h.Begin(Move{Addresses: []netip.Addr{vip}, Previous: netip.MustParseAddr("10.9.0.2")})
	}))
	if got := l.tables(); len(got) != 0 {
		t.Errorf("tables after Close: %v", got)
	}
}
