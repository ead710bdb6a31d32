// Package firewall programs nftables for what VRRP cannot do with addresses alone. Everything is in tables of our own,
// which are made when they are needed and deleted afterwards; no table of anybody else is ever read or changed.
package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tablePrefix is followed by the pid of the process that owns the table.
const tablePrefix = "vigil_handover_"

// lingering is how long rules stay after they have ceased to act, so that a series of hand-overs shares one table.
const lingering = time.Second

// tcpFlags is the offset of the flags in a TCP header (RFC 9293 §3.1), and the flags that tell a first segment.
const (
	tcpFlags = 13
	flagSYN  = 0x02
	flagACK  = 0x10
)

// Move is a planned change of master, seen from the new one.
type Move struct {
	Addresses []netip.Addr // that have come here; others than IPv4 are left out
	Links     []int        // indices of the interfaces they are on
	Previous  netip.Addr   // address of the router that had them and goes on serving them for a while
	Via       int          // index of the interface on which Previous is
	For       time.Duration
}

// Handover gives TCP connections that are under way at a hand-over a second chance. The moment the virtual addresses
// move, packets of connections which the previous master opened arrive at the new one, whose kernel does not know them
// and would reset them. For the time that the previous master goes on serving, the new one passes such packets on to
// it: every TCP packet whose connection has not begun here, with a SYN seen since the hand-over. Replies of real
// servers behind address translation go the same way.
//
// The rules act for Move.For and no longer, even when this process dies. Methods may be called from any goroutine.
type Handover struct {
	mu     sync.Mutex
	conn   *nftables.Conn // nil while there is no table
	table  *nftables.Table
	begun  *nftables.Set // source addresses and ports of connections opened here
	active *nftables.Set // marks of the moves whose rules act, until they time out
	sets   uint32        // ids given so far; left to itself the library counts for all connections without a lock
	armed  []Move        // whose rules are there; the index is the mark
	until  time.Time     // when the table is to be deleted
	timer  *time.Timer
	swept  bool
	closed bool
}

// Prepare makes the kernel load what hand-overs need, which can take longer than one may, by programming rules that
// match nothing and deleting them. Its error is the one that Arm and Begin would have.
func (h *Handover) Prepare() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.conn != nil {
		return nil
	}
	none := netip.IPv4Unspecified()
	_, err := h.arm(Move{Addresses: []netip.Addr{none}, Previous: none, Links: []int{1}})
	return errors.Join(err, h.drop())
}

// Arm programs the rules of m without letting them act, so that Begin has next to nothing left to do. They are deleted
// when m has not begun within that time.
func (h *Handover) Arm(m Move, within time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || !m.possible() {
		return nil
	}
	if _, err := h.arm(m); err != nil {
		return errors.Join(fmt.Errorf("prepare to pass connections on to %s: %w", m.Previous, err), h.drop())
	}
	h.keep(within)
	return nil
}

// Begin makes m happen. The rules act when it returns; an error leaves none behind and means only that connections
// under way will be reset, as they are with other directors.
func (h *Handover) Begin(m Move) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || !m.possible() {
		return nil
	}
	mark, err := h.arm(m)
	if err == nil {
		err = h.conn.SetAddElements(h.active, []nftables.SetElement{{Key: markKey(mark), Timeout: m.For}})
	}
	if err == nil {
		err = h.conn.Flush()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("pass connections on to %s: %w", m.Previous, err), h.drop())
	}
	h.keep(m.For + lingering)
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

// possible tells whether there is something to move and somebody to pass it on to.
func (m Move) possible() bool {
	return m.Previous.Is4() && slices.ContainsFunc(m.Addresses, netip.Addr.Is4)
}

// same reports whether m and o have the same rules.
func (m Move) same(o Move) bool {
	return m.Previous == o.Previous && m.Via == o.Via && slices.Equal(m.Links, o.Links) && slices.Equal(m.Addresses, o.Addresses)
}

// keep puts the end of the table off until d from now, at least.
func (h *Handover) keep(d time.Duration) {
	if end := time.Now().Add(d); end.After(h.until) {
		h.until = end
	}
	if h.timer == nil {
		h.timer = time.AfterFunc(d, h.end)
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

// arm programs the rules of m, unless they are there, and returns its mark.
func (h *Handover) arm(m Move) (mark int, err error) {
	if i := slices.IndexFunc(h.armed, m.same); i >= 0 {
		return i, nil
	}
	if err := h.open(); err != nil {
		return 0, err
	}
	mark = len(h.armed)
	moved := &nftables.Set{Table: h.table, ID: h.nextID(), Name: "moved" + strconv.Itoa(mark), KeyType: nftables.TypeIPAddr}
	var addrs []nftables.SetElement
	for _, a := range m.Addresses {
		if a.Is4() {
			addrs = append(addrs, nftables.SetElement{Key: a.AsSlice()})
		}
	}
	links := &nftables.Set{Table: h.table, ID: h.nextID(), Name: "links" + strconv.Itoa(mark), KeyType: nftables.TypeIFIndex}
	var indices []nftables.SetElement
	for _, l := range m.Links {
		indices = append(indices, nftables.SetElement{Key: binaryutil.NativeEndian.PutUint32(uint32(l))})
	}
	if err := errors.Join(h.conn.AddSet(moved, addrs), h.conn.AddSet(links, indices)); err != nil {
		return 0, err
	}
	chain := h.conn.AddChain(&nftables.Chain{Table: h.table, Name: "move" + strconv.Itoa(mark),
		Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRaw})
	for _, exprs := range h.rules(mark, moved, links, m) {
		h.conn.AddRule(&nftables.Rule{Table: h.table, Chain: chain, Exprs: exprs})
	}
	if err := h.conn.Flush(); err != nil {
		return 0, err
	}
	h.armed = append(h.armed, Move{Addresses: slices.Clone(m.Addresses), Links: slices.Clone(m.Links), Previous: m.Previous, Via: m.Via})
	return mark, nil
}

func (h *Handover) nextID() uint32 {
	h.sets++
	return h.sets
}

// markKey is a mark as the key of the set of active moves.
func markKey(mark int) []byte { return binaryutil.NativeEndian.PutUint32(uint32(mark)) }

// open makes the table, unless it is there.
func (h *Handover) open() error {
	if h.conn != nil {
		return nil
	}
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return err
	}
	h.conn = conn
	if !h.swept {
		h.swept = true
		h.sweep()
	}
	h.table = conn.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: tablePrefix + strconv.Itoa(os.Getpid())})
	h.begun = &nftables.Set{Table: h.table, ID: h.nextID(), Name: "begun", Dynamic: true, HasTimeout: true, Timeout: time.Minute, Size: 1 << 16,
		Concatenation: true, KeyType: nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeInetService)}
	h.active = &nftables.Set{Table: h.table, ID: h.nextID(), Name: "active", HasTimeout: true, KeyType: nftables.TypeMark}
	if err := conn.AddSet(h.begun, nil); err != nil {
		return err
	}
	return conn.AddSet(h.active, nil)
}

// drop deletes the table. It may not be there.
func (h *Handover) drop() error {
	if h.conn == nil {
		return nil
	}
	conn, table := h.conn, h.table
	h.conn, h.table, h.armed, h.until = nil, nil, nil, time.Time{}
	var err error
	if table != nil {
		conn.DelTable(table)
		if err = conn.Flush(); errors.Is(err, unix.ENOENT) {
			err = nil
		}
	}
	return errors.Join(err, conn.CloseLasting())
}

// sweep deletes the tables of processes that died with one.
func (h *Handover) sweep() {
	tables, err := h.conn.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return
	}
	for _, t := range tables {
		pid, ok := strings.CutPrefix(t.Name, tablePrefix)
		if !ok {
			continue
		}
		if _, err := os.Stat("/proc/" + pid); errors.Is(err, os.ErrNotExist) {
			h.conn.DelTable(t)
			_ = h.conn.Flush() // inert, and tried again at the next start
		}
	}
}

// accept ends the chain for a packet.
var accept = &expr.Verdict{Kind: expr.VerdictAccept}

// rules are those of one move. Registers 1 and 9 are the two 32-bit words of a concatenated key.
func (h *Handover) rules(mark int, moved, links *nftables.Set, m Move) [][]expr.Any {
	source := []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
		&expr.Payload{DestRegister: 9, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 2},
	}
	destination := []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4},
		&expr.Payload{DestRegister: 9, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
	}
	begun := &expr.Lookup{SourceRegister: 1, SetName: h.begun.Name, SetID: h.begun.ID}
	pass := []expr.Any{
		&expr.Immediate{Register: 1, Data: m.Previous.AsSlice()},
		&expr.Immediate{Register: 2, Data: binaryutil.NativeEndian.PutUint32(uint32(m.Via))},
		&expr.Dup{RegAddr: 1, RegDev: 2, IsRegDevSet: true},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}
	return [][]expr.Any{
		{ // not yet, or no longer
			&expr.Immediate{Register: 1, Data: markKey(mark)},
			&expr.Lookup{SourceRegister: 1, SetName: h.active.Name, SetID: h.active.ID, Invert: true},
			accept,
		},
		{ // not where the addresses are
			&expr.Meta{Key: expr.MetaKeyIIF, Register: 1},
			&expr.Lookup{SourceRegister: 1, SetName: links.Name, SetID: links.ID, Invert: true},
			accept,
		},
		{ // not TCP: what has no connections is at home at once
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
			accept,
		},
		append([]expr.Any{ // a connection begins here
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: tcpFlags, Len: 1},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{flagSYN | flagACK}, Xor: []byte{0}},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{flagSYN}},
		}, append(source, &expr.Dynset{SrcRegKey: 1, SetName: h.begun.Name, SetID: h.begun.ID,
			Operation: unix.NFT_DYNSET_OP_UPDATE}, accept)...),
		append(source[:2:2], begun, accept),      // of a connection that began here
		append(destination[:2:2], begun, accept), // a reply to one
		append([]expr.Any{ // to an address that has moved
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 4},
			&expr.Lookup{SourceRegister: 1, SetName: moved.Name, SetID: moved.ID},
		}, pass...),
		append([]expr.Any{ // through this host, as replies of real servers go
			&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_UNICAST)},
		}, pass...),
	}
}
