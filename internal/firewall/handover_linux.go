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

// Move is a planned change of master, seen from the new one, or the end of a time in which there were two, seen from the one that
// stays.
type Move struct {
	Previous  netip.Addr       // address of the router that had the addresses and goes on serving them for a while
	Via       int              // index of the interface on which Previous is
	Addresses []netip.Addr     // that come here; those of another family than Previous are left out
	Servers   []netip.AddrPort // whose answers to clients of Addresses come through this host (NAT); port 0 is left out
	Until     time.Time        // when Previous may cease to serve
	// Own lists the other ends of TCP connections that this host has to Addresses itself, which are left alone; nil: the
	// addresses only come. It is called by Begin, when what begins is noted.
	Own func() ([]netip.AddrPort, error)
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
	orders queue // not under mu
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
	o := &order{ctx: ctx, move: m, elements: m.elements()}
	if len(o.elements) == 0 {
		return nil
	}
	h.orders.add(o)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !o.done {
		h.begin(h.orders.take())
	}
	if o.err != nil {
		return fmt.Errorf("pass connections on to %s: %w", m.Previous, o.err)
	}
	return nil
}

// begin carries out orders, with as few transactions as there can be.
func (h *Handover) begin(orders []*order) {
	h.forget(time.Now())
	for _, f := range []*family{ipv4, ipv6} {
		var begun []*order
		var batch []element
		for _, o := range orders {
			if o.done = true; familyOf(o.move.Previous) == f && !h.closed && o.inTime() {
				begun, batch = append(begun, o), append(batch, h.idle(o)...)
			}
		}
		if len(batch) == 0 {
			continue
		}
		if err := h.program(f, batch); err != nil {
			err = errors.Join(err, h.drop())
			for _, o := range begun {
				o.err = err
			}
		}
	}
}

// idle returns what does not act yet of an order.
func (h *Handover) idle(o *order) (all []element) {
	for _, e := range o.elements {
		if until, acts := h.acting[e]; !acts || until.Before(time.Now()) {
			all = append(all, element{e, o})
		}
	}
	return all
}

// program lets the elements of a batch act.
func (h *Handover) program(f *family, batch []element) error {
	t, err := h.table(f) // there already if Arm has had the time
	if err != nil {
		return err
	}
	if err := h.spare(t, batch); err != nil {
		return err
	}
	slices.SortStableFunc(batch, func(a, b element) int { return a.Compare(b.endpoint) })
	batch = slices.CompactFunc(batch, func(a, b element) bool { return a.endpoint == b.endpoint })
	for some := range slices.Chunk(batch, transaction) {
		some = slices.DeleteFunc(some, func(e element) bool { return !e.order.inTime() })
		if err := t.pass(h.conn, some); err != nil {
			return err
		}
		for _, e := range some {
			if time.Now().After(e.order.move.Until) { // the kernel counts from when it got round to it
				return context.DeadlineExceeded
			}
			h.acting[e.endpoint] = e.order.move.Until
			h.keep(e.order.move.Until.Add(lingering))
		}
	}
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
		sweep(h.conn, tablePrefix)
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
