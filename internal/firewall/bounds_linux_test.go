package firewall

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A move whose time is over never acts, however long the kernel's tables were busy.
func TestDeadlineIsAbsolute(t *testing.T) {
	for _, tt := range []struct {
		name string
		want error
		d    time.Duration
		late func(cancel func(), h *Handover) // while somebody else holds the tables
	}{
		{"the caller's patience", context.Canceled, time.Minute, func(cancel func(), _ *Handover) { cancel() }},
		{"the previous master's", context.DeadlineExceeded, 20 * time.Millisecond, func(_ func(), _ *Handover) {
			<-time.After(30 * time.Millisecond)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLAN(t, false).directors()
			old := l.open(l.first)
			var h Handover
			defer h.Close()
			l.arm(&h)
			m := l.to(tt.d)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h.mu.Lock()
			done := make(chan error, 1)
			go func() { done <- h.Begin(ctx, m) }()
			tt.late(cancel, &h)
			h.mu.Unlock()
			if err := <-done; !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if n := l.count().elements; n != 0 {
				t.Errorf("%d elements", n)
			}
			l.move()
			l.reset(old, "too late")
		})
	}
}

// size is what the tables on a host amount to.
type size struct{ tables, chains, rules, sets, elements int }

func (l *lan) count() (n size) {
	l.nft(func(conn *nftables.Conn) error {
		tables, err := conn.ListTables()
		n.tables = len(tables)
		chains, chainsErr := conn.ListChains()
		n.chains = len(chains)
		err = errors.Join(err, chainsErr)
		for _, c := range chains {
			rules, rulesErr := conn.GetRules(c.Table, c)
			n.rules += len(rules)
			err = errors.Join(err, rulesErr)
		}
		for _, table := range tables {
			sets, setsErr := conn.GetSets(table)
			n.sets += len(sets)
			err = errors.Join(err, setsErr)
			for _, s := range sets {
				elements, elementsErr := conn.GetSetElements(s)
				n.elements += len(elements)
				err = errors.Join(err, elementsErr)
			}
		}
		return err
	})
	return n
}

// router is the n-th of many addresses.
func router(n int) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0x0a000000+uint32(n))))
}

// Whoever sends adverts, and from however many addresses: the tables stay what they are.
func TestSourcesAddNothing(t *testing.T) {
	l := newLAN(t, false)
	var h Handover
	defer h.Close()
	l.arm(&h)
	want := l.count()
	if want.tables != 1 || want.chains != 2 || want.sets != 2 || want.elements != 0 {
		t.Errorf("armed: %+v", want)
	}
	l.check(l.new.Do(func() error {
		for i := range 10_000 {
			if err := h.Arm(router(i), time.Minute); err != nil {
				return err
			}
		}
		return nil
	}))
	if got := l.count(); got != want {
		t.Errorf("after adverts of 10,000 routers: %+v, before %+v", got, want)
	}
}

// Moves add what they move, once: a server that two of them share, or that is named twice, is one element.
func TestManyMoves(t *testing.T) {
	l := newLAN(t, false)
	var h Handover
	defer h.Close()
	l.arm(&h)
	idle := l.count()
	var servers []netip.AddrPort
	for i := range 2 * transaction {
		servers = append(servers, netip.AddrPortFrom(router(i), 80))
	}
	servers = append(servers, servers[0], netip.AddrPortFrom(router(1), 0), netip.MustParseAddrPort("[fd00::1]:80"))
	const moves = 100
	for i := range moves {
		m := l.to(time.Minute, servers...)
		m.Previous, m.Addresses = router(i), []netip.Addr{router(5000 + i), netip.MustParseAddr("fd00::1")}
		l.check(l.begin(&h, m))
	}
	want := idle
	want.elements = moves + 2*transaction
	if got := l.count(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// together has moves wait for the kernel at once, calls before, and returns how each ended.
func (l *lan) together(h *Handover, moves []Move, before func()) []error {
	l.t.Helper()
	h.mu.Lock()
	ended := make(chan error, len(moves))
	for _, m := range moves {
		go func() { ended <- h.Begin(l.t.Context(), m) }()
	}
	l.until("all to wait", func() error {
		h.orders.mu.Lock()
		defer h.orders.mu.Unlock()
		if n := len(h.orders.orders); n < len(moves) {
			return fmt.Errorf("%d of %d", n, len(moves))
		}
		return nil
	})
	before()
	h.mu.Unlock()
	var errs []error
	for range moves {
		errs = append(errs, <-ended)
	}
	return errs
}

// routers are moves of one address each, whose services share a server.
func (l *lan) routers(n int) (moves []Move) {
	shared := netip.AddrPortFrom(router(0), 80)
	for i := range n {
		m := l.to(time.Minute, shared)
		m.Previous, m.Addresses = router(i), []netip.Addr{router(5000 + i)}
		moves = append(moves, m)
	}
	return moves
}

// Moves that wait for the kernel together are programmed together: the last has not waited for each of the others.
func TestMovesThatWaitAreOneTransaction(t *testing.T) {
	l := newLAN(t, false)
	var h Handover
	defer h.Close()
	l.arm(&h)
	var before uint32
	moves := l.routers(transaction - 1)
	for _, err := range l.together(&h, moves, func() { before = l.generation() }) {
		l.check(err)
	}
	if n := l.generation() - before; n != 1 {
		t.Errorf("%d transactions, want 1", n)
	}
	if n := l.count().elements; n != len(moves)+1 {
		t.Errorf("%d elements, want %d", n, len(moves)+1)
	}
}

// A transaction that fails has failed for each of its moves.
func TestMovesFailTogether(t *testing.T) {
	l := newLAN(t, false)
	var h Handover
	defer h.Close()
	l.arm(&h)
	for i, err := range l.together(&h, l.routers(10), l.flush) {
		if err == nil {
			t.Errorf("move %d: no error without a table", i)
		}
	}
}

// flush deletes all tables of the new director, as an operator may.
func (l *lan) flush() {
	l.nft(func(conn *nftables.Conn) error {
		conn.FlushRuleset()
		return conn.Flush()
	})
}

// generation counts the transactions of the new director's nftables.
func (l *lan) generation() (id uint32) {
	l.t.Helper()
	l.check(l.new.Do(func() error {
		request := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETGEN, 0)
		request.AddRawData([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, 0})
		replies, err := request.Execute(unix.NETLINK_NETFILTER, 0)
		if err != nil {
			return err
		}
		attrs, err := nl.ParseRouteAttr(replies[0][4:])
		for _, a := range attrs {
			if a.Attr.Type == unix.NFTA_GEN_ID {
				id = binary.BigEndian.Uint32(a.Value)
			}
		}
		return err
	}))
	return id
}

// What others do to the tables is an error once, not for ever.
func TestTableDeletedBehindOurBack(t *testing.T) {
	l := newLAN(t, false).directors()
	old := l.open(l.first)
	var h Handover
	defer h.Close()
	l.arm(&h)
	l.flush()
	if err := l.begin(&h, l.to(time.Minute)); err == nil {
		t.Error("no error without a table")
	}
	l.arm(&h)
	l.check(l.begin(&h, l.to(time.Minute)))
	l.move()
	l.answers(old, l.first)
}

func TestArmedRulesAreDeletedWhenNothingFollows(t *testing.T) {
	eachFamily(t, func(l *lan) {
		var h Handover
		defer h.Close()
		l.check(l.new.Do(func() error { return h.Arm(l.previous, 10*time.Millisecond) }))
		l.gone()
	})
}

func TestTablesOfDeadProcessesAreSwept(t *testing.T) {
	l := newLAN(t, false)
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	stale, foreign, alive := tablePrefix+strconv.Itoa(dead.Process.Pid), "somebody_else", tablePrefix+"1"
	l.nft(func(conn *nftables.Conn) error {
		for _, name := range []string{stale, foreign, alive} {
			for _, f := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
				conn.AddTable(&nftables.Table{Family: f, Name: name})
			}
		}
		return conn.Flush()
	})
	var h Handover
	defer h.Close()
	l.arm(&h)
	got := l.tables()
	slices.Sort(got)
	want := []string{foreign, foreign, alive, alive, tablePrefix + strconv.Itoa(os.Getpid())}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("tables %q, want %q", got, want)
	}
}

func TestPrepareLeavesNothing(t *testing.T) {
	l := newLAN(t, false)
	var h Handover
	defer h.Close()
	l.check(l.new.Do(h.Prepare))
	if got := l.tables(); len(got) != 0 {
		t.Errorf("tables: %v", got)
	}
	l.arm(&h)
	l.check(l.begin(&h, l.to(time.Minute)))
	before := l.count()
	l.check(l.new.Do(h.Prepare)) // nothing to do while rules are in force
	if got := l.count(); got != before {
		t.Errorf("%+v, before %+v", got, before)
	}
}

func TestNothingToMove(t *testing.T) {
	l := newLAN(t, false)
	var h Handover
	l.arm(&h)
	idle := l.count()
	for _, m := range []Move{
		{Previous: l.previous},
		{Previous: l.previous, Servers: []netip.AddrPort{netip.AddrPortFrom(l.vip, 80)}},
		{Addresses: []netip.Addr{l.vip}, Previous: netip.MustParseAddr("fe80::1")},
		{Addresses: []netip.Addr{l.vip}},
	} {
		m.Until = time.Now().Add(time.Minute)
		l.check(l.begin(&h, m))
	}
	if got := l.count(); got != idle {
		t.Errorf("%+v, before %+v", got, idle)
	}
	l.check(h.Close())
	l.arm(&h)
	l.check(l.begin(&h, l.to(time.Minute)))
	l.check(l.new.Do(h.Prepare))
	if got := l.tables(); len(got) != 0 {
		t.Errorf("tables after Close: %v", got)
	}
}
