package firewall

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// quietPrefix is followed by the pid of the process that owns the tables; quietPrefix6 in a family that has both protocols.
const (
	quietPrefix  = "vigil_quiet_"
	quietPrefix6 = "vigil_quiet6_"
)

// Quiet keeps the kernel from telling neighbours that this machine has an address which it is giving away: a neighbour
// that asks just then would keep the old MAC address, until the new master happens to announce itself again. Whoever
// sends to the address is served all the same. Nor do switches hear any more that a virtual MAC address is here (see Cover).
//
// The rules are made once and match addresses in a set, so that at the moment itself an element is all that is added. It
// has a timeout and ends by itself, even when this process dies. Methods may be called from any goroutine, in the network
// namespace that is meant.
type Quiet struct {
	mu     sync.Mutex
	arp    quietTable         // IPv4
	ndp    quietTable         // IPv6
	mac4   quietTable         // IPv4 from virtual MAC addresses
	mac6   quietTable         // IPv6 from them
	links  map[string][6]byte // of Cover
	swept  bool
	closed bool
}

// quietTable is the table of one family with its set of addresses.
type quietTable struct {
	conn    *nftables.Conn // nil while there is no table
	set     *nftables.Set
	until   map[netip.Addr]time.Time // when elements time out
	covered map[string][6]byte       // the links that have their rule
	// uncovered is why others have none. It does not keep these from theirs.
	uncovered error
}

// Prepare makes the rules. Its error is the one that Set would have.
func (q *Quiet) Prepare() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	errs := []error{q.arp.open(q, arpQuiet), q.ndp.open(q, ndpQuiet)}
	if len(q.links) > 0 {
		errs = append(errs, q.mac4.open(q, macQuiet4), q.mac6.open(q, macQuiet6), q.mac4.uncovered, q.mac6.uncovered)
	}
	return errors.Join(errs...)
}

// Set makes the addresses quiet for d, or ends that when d is 0.
func (q *Quiet) Set(addrs []netip.Addr, d time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	var v4, v6 []netip.Addr
	for _, a := range addrs {
		if a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	errs := []error{q.arp.change(q, arpQuiet, v4, d), q.ndp.change(q, ndpQuiet, v6, d)}
	if len(q.links) > 0 || d == 0 {
		errs = append(errs, q.mac4.change(q, macQuiet4, v4, d), q.mac6.change(q, macQuiet6, v6, d), q.mac4.uncovered, q.mac6.uncovered)
	}
	return errors.Join(errs...)
}

// Close deletes the tables.
func (q *Quiet) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	return errors.Join(q.arp.drop(), q.ndp.drop(), q.mac4.drop(), q.mac6.drop())
}

// change makes addresses quiet for d, or ends that.
func (t *quietTable) change(q *Quiet, kind quietKind, addrs []netip.Addr, d time.Duration) error {
	if d == 0 && t.conn == nil {
		return nil
	}
	for some := range slices.Chunk(addrs, transaction) {
		if err := t.changeSome(q, kind, some, d); err != nil {
			return err
		}
	}
	return nil
}

// changeSome does so for as many as fit into one transaction. Tables that somebody else has flushed are made again.
func (t *quietTable) changeSome(q *Quiet, kind quietKind, addrs []netip.Addr, d time.Duration) error {
	for again := false; ; again = true {
		if err := t.open(q, kind); err != nil {
			return err
		}
		t.end(addrs) // adding what is there would not prolong it
		if d == 0 {
			return nil
		}
		elements := make([]nftables.SetElement, len(addrs))
		for i, a := range addrs {
			elements[i] = nftables.SetElement{Key: a.AsSlice(), Timeout: d}
		}
		err := t.flush(t.conn.SetAddElements(t.set, elements))
		if err == nil {
			for _, a := range addrs {
				t.until[a] = time.Now().Add(d)
			}
			return nil
		}
		_ = t.drop()
		if again || !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
}

// end deletes the elements that have not timed out by themselves, all at once or, if one has just done so, one by one.
func (t *quietTable) end(addrs []netip.Addr) {
	var alive []nftables.SetElement
	for _, a := range addrs {
		if time.Now().Before(t.until[a]) {
			alive = append(alive, nftables.SetElement{Key: a.AsSlice()})
		}
		delete(t.until, a)
	}
	if len(alive) == 0 || t.flush(t.conn.SetDeleteElements(t.set, alive)) == nil {
		return
	}
	for i := range alive {
		_ = t.flush(t.conn.SetDeleteElements(t.set, alive[i:i+1]))
	}
}

// flush sends what was queued, unless queueing failed.
func (t *quietTable) flush(err error) error {
	return errors.Join(err, t.conn.Flush())
}

// quietKind is what the table of a family is made of.
type quietKind struct {
	family nftables.TableFamily
	prefix string // of its name
	key    nftables.SetDatatype
	hook   *nftables.ChainHook
	// rules drop what leaves; or rewrite is what is done to what leaves a link that is covered.
	rules   func(quiet *expr.Lookup) [][]expr.Any
	rewrite func(quiet *expr.Lookup, parent [6]byte) []expr.Any
}

// open makes the table, its set and its rules, as far as they are not there.
func (t *quietTable) open(q *Quiet, kind quietKind) error {
	if t.conn == nil {
		if err := t.build(q, kind); err != nil {
			return err
		}
	}
	if kind.rewrite != nil {
		t.uncovered = t.cover(q, kind)
	}
	return nil
}

// build makes the table and all of it that does not depend on links.
func (t *quietTable) build(q *Quiet, kind quietKind) error {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return err
	}
	if !q.swept {
		q.swept = true
		sweep(conn, quietPrefix)
		sweep(conn, quietPrefix6)
	}
	table := conn.AddTable(&nftables.Table{Family: kind.family, Name: kind.prefix + strconv.Itoa(os.Getpid())})
	t.conn, t.until, t.covered = conn, make(map[netip.Addr]time.Time), make(map[string][6]byte)
	t.set = &nftables.Set{Table: table, ID: 1, Name: "quiet", HasTimeout: true, KeyType: kind.key}
	err = conn.AddSet(t.set, nil)
	if kind.rules != nil {
		chain := conn.AddChain(t.chain(kind, "output", ""))
		for _, exprs := range kind.rules(t.lookup()) {
			conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(exprs, &expr.Verdict{Kind: expr.VerdictDrop})})
		}
	}
	if err = errors.Join(err, conn.Flush()); err != nil {
		return errors.Join(err, t.drop())
	}
	return nil
}

// chain is one at the hook of the kind, on one interface or on all.
func (t *quietTable) chain(kind quietKind, name, device string) *nftables.Chain {
	policy := nftables.ChainPolicyAccept
	return &nftables.Chain{Table: t.set.Table, Name: name, Type: nftables.ChainTypeFilter, Hooknum: kind.hook, Device: device,
		Priority: nftables.ChainPriorityFilter, Policy: &policy}
}

// lookup goes on when what is in the first register is quiet.
func (t *quietTable) lookup() *expr.Lookup {
	return &expr.Lookup{SourceRegister: 1, SetName: t.set.Name, SetID: t.set.ID}
}

// drop deletes the table. It may not be there.
func (t *quietTable) drop() error {
	if t.conn == nil {
		return nil
	}
	conn, set := t.conn, t.set
	*t = quietTable{}
	conn.DelTable(set.Table)
	err := conn.Flush()
	if errors.Is(err, unix.ENOENT) {
		err = nil
	}
	return errors.Join(err, conn.CloseLasting())
}

// arpOutput is NF_ARP_OUT of linux/netfilter_arp.h: ARP has hooks of its own.
const arpOutput = 1

// arpQuiet drops what leaves with the address as its sender (RFC 826): replies, and requests too, from which those who
// are asked learn as well.
var arpQuiet = quietKind{
	family: nftables.TableFamilyARP, prefix: quietPrefix, hook: nftables.ChainHookRef(arpOutput), key: nftables.TypeIPAddr,
	rules: func(quiet *expr.Lookup) [][]expr.Any {
		const senderAddress = 14 // offset, with 6 bytes of hardware and 4 of protocol address
		return [][]expr.Any{{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: senderAddress, Len: 4}, quiet,
		}}
	},
}

// ndpQuiet drops neighbour advertisements with the address as their target, and neighbour solicitations from it, which
// carry our link-layer address (RFC 4861 §4.3, §4.4).
var ndpQuiet = quietKind{
	family: nftables.TableFamilyIPv6, prefix: quietPrefix, hook: nftables.ChainHookOutput, key: nftables.TypeIP6Addr,
	rules: func(quiet *expr.Lookup) [][]expr.Any {
		const (
			solicitation, advertisement = 135, 136
			source, target              = 8, 8 // offsets in the IPv6 header and in the message
		)
		message := func(kind byte) []expr.Any {
			return []expr.Any{
				&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_ICMPV6}},
				&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{kind}},
			}
		}
		return [][]expr.Any{
			append(message(advertisement),
				&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: target, Len: 16}, quiet),
			append(message(solicitation),
				&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: source, Len: 16}, quiet),
		}
	},
}
