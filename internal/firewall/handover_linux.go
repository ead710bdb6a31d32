// Package firewall programs nftables for what VRRP cannot do with addresses alone. Everything is in tables of our own,
// which are made when they are needed and deleted afterwards; no table of anybody else is ever read or changed.
package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// lingering is how long a table stays after its elements have ceased to act, so that a series of hand-overs shares it.
const lingering = time.Second

// transaction is how many elements are programmed at once: a netlink attribute ends at 64 KiB.
const transaction = 512

// Move is a planned change of master, seen from the new one.
type Move struct {
	Previous  netip.Addr       // address of the router that had the addresses and goes on serving them for a while
	Via       int              // index of the interface on which Previous is
	Addresses []netip.Addr     // that come here; those of another family than Previous are left out
	Servers   []netip.AddrPort // whose answers to clients of Addresses come through this host (NAT); port 0 is left out
	Until     time.Time        // when Previous may cease to serve
}

// Handover gives TCP connections that are under way at a hand-over a second chance. The moment the virtual addresses
// move, segments of connections which the previous master opened arrive at the new one, whose kernel does not know them
// and would reset them. For the time that the previous master goes on serving, the new one passes such segments on to
// it: those to an address that has moved, and the answers of real servers behind address translation.
//
// IPVS comes first: its connections never reach the rules. Of other connections those are known that have begun, with a
// SYN, since the rules were armed. So nothing that begins at the new master is ever passed on, and what is merely
// forwarded is not looked at unless it comes from a real server's port.
//
// A move acts until Move.Until and no longer, even when this process dies. There is one table for each family, whatever
// the number of moves and of previous masters. Methods may be called from any goroutine.
type Handover struct {
	mu     sync.Mutex
	conn   *nftables.Conn // nil while there is no table
	tables []*table
	acting map[endpoint]time.Time // elements that may still be in force, and until when
	sets   uint32                 // ids given so far; left to itself the library counts for all connections without a lock
	until  time.Time              // when the tables are to be deleted
	timer  *time.Timer
	swept  bool
	closed bool
}

// Prepare makes the kernel load what hand-overs need, which can take longer than one may, by programming tables without
// elements and deleting them. Its error is the one that Arm would have for an IPv4 address.
func (h *Handover) Prepare() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.conn != nil {
		return nil
	}
	_, err := h.table(ipv4)
	if err == nil {
		_, _ = h.table(ipv6) // a kernel may be without
	}
	return errors.Join(err, h.drop())
}

// Arm programs the rules for moves from a router of the family of previous, without letting them act: they note what
// begins here, and Begin has next to nothing left to do. They are deleted when no move begins within that time. Called
// again it only puts that off.
func (h *Handover) Arm(previous netip.Addr, within time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || !previous.IsValid() {
		return nil
	}
	if _, err := h.table(familyOf(previous)); err != nil {
		return errors.Join(fmt.Errorf("prepare to pass connections on to %s: %w", previous, err), h.drop())
	}
	h.keep(time.Now().Add(within))
	return nil
}

// Begin makes m happen. The rules act when it returns; an error means only that connections under way will be reset, as they
// are with other directors. The addresses may come when it has returned or ctx is over: rules that are not there by then
// never act, nor do any after m.Until, however long the kernel takes.
func (h *Handover) Begin(ctx context.Context, m Move) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	elements := m.elements()
	if h.closed || len(elements) == 0 {
		return nil
	}
	if err := h.begin(ctx, m, elements); err != nil {
		return fmt.Errorf("pass connections on to %s: %w", m.Previous, err)
	}
	return nil
}

func (h *Handover) begin(ctx context.Context, m Move, elements []endpoint) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := h.table(familyOf(m.Previous)) // there already if Arm has had the time
	if err != nil {
		return errors.Join(err, h.drop())
	}
	h.keep(m.Until)
	h.forget(time.Now())
	elements = slices.DeleteFunc(elements, func(e endpoint) bool { _, acts := h.acting[e]; return acts })
	for some := range slices.Chunk(elements, transaction) {
		left := time.Until(m.Until)
		if err := ctx.Err(); err != nil {
			return err
		}
		if left < time.Millisecond { // the kernel's unit; 0 would be for ever
			return context.DeadlineExceeded
		}
		if err := t.pass(h.conn, some, m, left); err != nil {
			return errors.Join(err, h.drop())
		}
		if time.Now().After(m.Until) { // the kernel counts from when it got round to it
			return errors.Join(context.DeadlineExceeded, h.drop())
		}
		for _, e := range some {
			h.acting[e] = m.Until
		}
	}
	h.keep(m.Until.Add(lingering))
	return nil
}

// Close deletes the rules and ends the Handover.
func (h *Handover) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
	return h.drop()
}

// endpoint is what an element of a move matches: an address that moves (port 0), or the source of answers.
type endpoint = netip.AddrPort

// elements are the endpoints of m, each once: nothing without a router of their family to pass it on to.
func (m Move) elements() []endpoint {
	var all []endpoint
	for _, a := range m.Addresses {
		all = append(all, netip.AddrPortFrom(a.Unmap(), 0))
	}
	if len(all) == 0 || !m.Previous.IsValid() {
		return nil
	}
	for _, s := range m.Servers {
		if s.Port() != 0 {
			all = append(all, netip.AddrPortFrom(s.Addr().Unmap(), s.Port()))
		}
	}
	all = slices.DeleteFunc(all, func(e endpoint) bool { return e.Addr().Is4() != m.Previous.Is4() })
	slices.SortFunc(all, endpoint.Compare)
	return slices.Compact(all)
}

// forget drops the record of elements that the kernel has let time out.
func (h *Handover) forget(now time.Time) {
	for e, until := range h.acting {
		if now.After(until) {
			delete(h.acting, e)
		}
	}
}

// armed returns the table of a family, nil when there is none.
func (h *Handover) armed(f *family) *table {
	for _, t := range h.tables {
		if t.family == f {
			return t
		}
	}
	return nil
}

// table makes the table of a family, unless it is there.
func (h *Handover) table(f *family) (*table, error) {
	if t := h.armed(f); t != nil {
		return t, nil
	}
	if h.conn == nil {
		conn, err := nftables.New(nftables.AsLasting())
		if err != nil {
			return nil, err
		}
		h.conn, h.acting = conn, make(map[endpoint]time.Time)
	}
	if !h.swept {
		h.swept = true
		sweep(h.conn)
	}
	t, err := newTable(h.conn, f, h.nextID)
	if err != nil {
		return nil, err
	}
	h.tables = append(h.tables, t)
	return t, nil
}

func (h *Handover) nextID() uint32 {
	h.sets++
	return h.sets
}

// keep puts the end of the tables off until a moment, at least.
func (h *Handover) keep(end time.Time) {
	if end.After(h.until) {
		h.until = end
	}
	if h.timer == nil {
		h.timer = time.AfterFunc(time.Until(h.until), h.end)
		return
	}
	h.timer.Reset(time.Until(h.until))
}

func (h *Handover) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Now().Before(h.until) {
		return // kept for longer meanwhile
	}
	_ = h.drop() // inert by now; the next start sweeps what cannot be deleted
}

// drop deletes the tables. They may not be there.
func (h *Handover) drop() error {
	if h.conn == nil {
		return nil
	}
	conn, tables := h.conn, h.tables
	h.conn, h.tables, h.acting, h.until = nil, nil, nil, time.Time{}
	var errs []error
	for _, t := range tables {
		conn.DelTable(t.Table)
		if err := conn.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, conn.CloseLasting())...)
}
