package firewall

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/nftables"
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

// What others do to the tables is an error once, not for ever.
func TestTableDeletedBehindOurBack(t *testing.T) {
	l := newLAN(t, false).directors()
	old := l.open(l.first)
	var h Handover
	defer h.Close()
	l.arm(&h)
	l.nft(func(conn *nftables.Conn) error {
		conn.FlushRuleset()
		return conn.Flush()
	})
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
