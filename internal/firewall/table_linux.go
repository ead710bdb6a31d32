package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tablePrefix is followed by the pid of the process that owns the table.
const tablePrefix = "vigil_handover_"

// afterIPVS is the priority of the chains. IPVS has the hooks input and forward at 98 to 100: what it knows it has taken
// away by then, or has given the source address of the virtual server.
const afterIPVS = 110

// capacity bounds the moved endpoints and the connections noted; begunFor is how long those are remembered.
const (
	capacity = 1 << 16
	begunFor = 10 * time.Second
)

// tcpFlags is the offset of the flags in a TCP header (RFC 9293 §3.1), and the flags that tell a first segment.
const (
	tcpFlags = 13
	flagSYN  = 0x02
	flagACK  = 0x10
)

// A segment is passed on with a TTL that none has by nature, for systems begin with 64, 128 or 255. A previous master that
// no longer has the address and forwards sends it back; by then its TTL is between returnedMin and passedTTL, and it is not
// passed on a second time.
const (
	passedTTL   = 202
	returnedMin = 160
)

// family is what differs between IPv4 and IPv6: offsets in the header, and the registers of what an address precedes.
type family struct {
	proto    nftables.TableFamily
	address  nftables.SetDatatype
	src, dst uint32
	ttl      uint32
	second   uint32 // register of the 32-bit word behind an address in register 1
}

var (
	ipv4 = &family{proto: nftables.TableFamilyIPv4, address: nftables.TypeIPAddr, src: 12, dst: 16, ttl: 8, second: unix.NFT_REG32_01}
	ipv6 = &family{proto: nftables.TableFamilyIPv6, address: nftables.TypeIP6Addr, src: 8, dst: 24, ttl: 7, second: unix.NFT_REG32_04}
)

func familyOf(a netip.Addr) *family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// table is the kernel's table of one family:
//
//	set begun { saddr . sport }                connections that have begun here
//	map moved { addr . port : router . link }  port 0: to addr; any other: answers from there; each with a timeout
//	chain input, chain forward                 what IPVS has left over
type table struct {
	*nftables.Table
	family       *family
	begun, moved *nftables.Set
}

// newTable programs the table. It passes nothing on as long as moved is empty.
func newTable(conn *nftables.Conn, f *family, nextID func() uint32) (*table, error) {
	t := &table{family: f, Table: conn.AddTable(&nftables.Table{Family: f.proto, Name: tablePrefix + strconv.Itoa(os.Getpid())})}
	key := nftables.MustConcatSetType(f.address, nftables.TypeInetService)
	t.begun = &nftables.Set{Table: t.Table, ID: nextID(), Name: "begun", KeyType: key, Concatenation: true, Size: capacity,
		Dynamic: true, HasTimeout: true, Timeout: begunFor}
	t.moved = &nftables.Set{Table: t.Table, ID: nextID(), Name: "moved", KeyType: key, Concatenation: true, Size: capacity,
		IsMap: true, DataType: nftables.MustConcatSetType(f.address, nftables.TypeIFIndex), HasTimeout: true}
	if err := errors.Join(conn.AddSet(t.begun, nil), conn.AddSet(t.moved, nil)); err != nil {
		return nil, err
	}
	for _, c := range []struct {
		name  string
		hook  *nftables.ChainHook
		rules [][]expr.Any
	}{
		{"input", nftables.ChainHookInput, t.input()},
		{"forward", nftables.ChainHookForward, t.forward()},
	} {
		chain := conn.AddChain(&nftables.Chain{Table: t.Table, Name: c.name, Type: nftables.ChainTypeFilter, Hooknum: c.hook,
			Priority: nftables.ChainPriorityRef(afterIPVS)})
		for _, r := range c.rules {
			conn.AddRule(&nftables.Rule{Table: t.Table, Chain: chain, Exprs: r})
		}
	}
	if err := conn.Flush(); err != nil {
		return nil, err
	}
	return t, nil
}

// pass lets elements act, each until its order's time is over.
func (t *table) pass(conn *nftables.Conn, elements []element) error {
	if len(elements) == 0 {
		return nil
	}
	set := make([]nftables.SetElement, 0, len(elements))
	for _, e := range elements {
		key := append(e.Addr().AsSlice(), binaryutil.BigEndian.PutUint16(e.Port())...)
		m := &e.order.move
		to := append(m.Previous.AsSlice(), binaryutil.NativeEndian.PutUint32(uint32(m.Via))...)
		set = append(set, nftables.SetElement{Key: append(key, 0, 0), Val: to, // padded to 32 bits
			Timeout: max(time.Millisecond, time.Until(m.Until))})
	}
	if err := conn.SetAddElements(t.moved, set); err != nil {
		return err
	}
	return conn.Flush()
}

// sweep deletes the tables of processes that died with one.
func sweep(conn *nftables.Conn, prefix string) {
	_, _ = removeTables(conn, func(t *nftables.Table) bool { // they are inert, and it is tried again at the next start
		pid, ok := strings.CutPrefix(t.Name, prefix)
		if !ok {
			return false
		}
		_, err := os.Stat("/proc/" + pid)
		return errors.Is(err, os.ErrNotExist)
	})
}

// RemoveTables deletes the tables of IPv4 and IPv6 that have one of the names, and returns the names of those that there were. It
// is to be called in the network namespace that is meant.
func RemoveTables(names []string) (gone []string, err error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	gone, err = removeTables(conn, func(t *nftables.Table) bool {
		return (t.Family == ipv4.proto || t.Family == ipv6.proto) && slices.Contains(names, t.Name)
	})
	slices.Sort(gone)
	return slices.Compact(gone), err
}

// removeTables deletes tables one by one: that one cannot be deleted is no reason to leave the others.
func removeTables(conn *nftables.Conn, which func(*nftables.Table) bool) (gone []string, err error) {
	tables, err := conn.ListTables()
	if err != nil {
		return nil, fmt.Errorf("list tables of nftables: %w", err)
	}
	for _, t := range tables {
		if !which(t) {
			continue
		}
		conn.DelTable(t)
		switch failed := conn.Flush(); {
		case failed == nil:
			gone = append(gone, t.Name)
		case !errors.Is(failed, unix.ENOENT):
			err = errors.Join(err, fmt.Errorf("delete table %s of nftables: %w", t.Name, failed))
		}
	}
	return gone, err
}

// accept ends a chain for a packet.
var accept = &expr.Verdict{Kind: expr.VerdictAccept}

// notTCP lets what has no connections pass: it is at home at once.
var notTCP = []expr.Any{
	&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
	&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
	accept,
}

// firstSegment matches one that opens a connection.
var firstSegment = []expr.Any{
	&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: tcpFlags, Len: 1},
	&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{flagSYN | flagACK}, Xor: []byte{0}},
	&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{flagSYN}},
}

// input deals with what is for an address of this host.
func (t *table) input() [][]expr.Any {
	f := t.family
	return [][]expr.Any{
		notTCP,
		rule(firstSegment, t.source(), []expr.Any{
			&expr.Dynset{SrcRegKey: 1, SetName: t.begun.Name, SetID: t.begun.ID, Operation: unix.NFT_DYNSET_OP_UPDATE}}),
		rule(firstSegment, []expr.Any{accept}), // whether there was room to note it or not
		rule(t.source(), []expr.Any{&expr.Lookup{SourceRegister: 1, SetName: t.begun.Name, SetID: t.begun.ID}, accept}),
		{ // sent back by a router that does not have the address
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: f.ttl, Len: 1},
			&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: []byte{returnedMin}, ToData: []byte{passedTTL}},
			accept,
		},
		rule([]expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: f.dst, Len: f.address.Bytes},
			&expr.Immediate{Register: f.second, Data: make([]byte, 4)},
		}, t.lookup(), []expr.Any{
			&expr.Immediate{Register: ttlRegister, Data: []byte{passedTTL}},
			&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: ttlRegister, Base: expr.PayloadBaseNetworkHeader,
				Offset: f.ttl, Len: 1}, // the copy gets a header checksum of its own
		}, t.divert()),
	}
}

// ttlRegister is out of the way of addresses.
const ttlRegister = unix.NFT_REG_4

// forward deals with what goes through this host, as answers of real servers do.
func (t *table) forward() [][]expr.Any {
	return [][]expr.Any{
		notTCP,
		rule(firstSegment, []expr.Any{accept}),
		rule(t.source(), t.lookup(), t.divert()),
	}
}

// source loads the source address and port as a key.
func (t *table) source() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: t.family.src, Len: t.family.address.Bytes},
		&expr.Payload{DestRegister: t.family.second, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 2},
	}
}

// lookup replaces a key by the router and the link it has moved from.
func (t *table) lookup() []expr.Any {
	return []expr.Any{&expr.Lookup{SourceRegister: 1, DestRegister: 1, IsDestRegSet: true, SetName: t.moved.Name, SetID: t.moved.ID}}
}

// divert sends a copy to the router and the link that lookup has found, and drops the original.
func (t *table) divert() []expr.Any {
	return []expr.Any{
		&expr.Dup{RegAddr: 1, RegDev: t.family.second, IsRegDevSet: true},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}
}

// rule joins expressions into one rule.
func rule(parts ...[]expr.Any) []expr.Any {
	var all []expr.Any
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
