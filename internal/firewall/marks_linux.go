package firewall

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// MarkedEndpoint is where packets go that get a firewall mark. Protocol is IANA's number: TCP, UDP or SCTP.
type MarkedEndpoint struct {
	netip.AddrPort
	Protocol uint8
}

// MarkTable is the table of nftables that gives packets to virtual addresses their firewall marks, by which IPVS finds the
// one service that all of them are. Its maps have an element for each endpoint:
//
//	map tcp_map, udp_map, sctp_map { daddr . dport : mark }
//	chain in { type filter hook input priority P; meta mark set daddr . dport map @tcp_map counter return … }
//
// nft(8) shows the marks with their bytes in the other order where the machine is little-endian: the library has no way to
// tell it. It is made with the first marks, changed by what differs, so that no packet goes without its mark meanwhile, and
// deleted with the last. Others may delete it too, as whoever loads a firewall anew deletes everything: Tend finds that out. The
// zero value has made nothing. It is for one goroutine.
type MarkTable struct {
	name     string
	priority int32
	marks    map[MarkedEndpoint]uint32
	made     map[*family]*markTable
	sets     uint32

	wanted map[MarkedEndpoint]uint32 // by the last Set
	failed bool                      // it is not what is there
}

// markTable is the part of one family.
type markTable struct {
	*nftables.Table
	family *family
	maps   map[uint8]*nftables.Set // by protocol
}

var markProtocols = []struct {
	number uint8
	name   string
}{{unix.IPPROTO_TCP, "tcp"}, {unix.IPPROTO_UDP, "udp"}, {unix.IPPROTO_SCTP, "sctp"}}

// markChain is the name of the chain with the rules.
const markChain = "in"

// Set makes marks the content of the table of that name, and deletes one of another name or priority. After an error, what
// there is is made anew at the next call, of this or of Tend.
func (t *MarkTable) Set(name string, priority int32, marks map[MarkedEndpoint]uint32) error {
	var errs []error
	if (t.made != nil || t.failed) && (t.name != name || t.priority != priority || len(marks) == 0) {
		errs = append(errs, t.Close())
	}
	if len(marks) == 0 {
		return errors.Join(errs...)
	}
	t.name, t.priority, t.wanted, t.failed = name, priority, maps.Clone(marks), false
	if err := t.set(marks); err != nil {
		t.made, t.marks, t.failed = nil, nil, true
		errs = append(errs, fmt.Errorf("table %s of firewall marks: %w", name, err))
	}
	return errors.Join(errs...)
}

func (t *MarkTable) set(marks map[MarkedEndpoint]uint32) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	if t.made == nil {
		if _, err := removeTables(conn, func(old *nftables.Table) bool { return t.unneeded(old, marks) }); err != nil {
			return err
		}
		t.made, t.marks = make(map[*family]*markTable), make(map[MarkedEndpoint]uint32)
	}
	for e := range marks {
		if f := familyOf(e.Addr()); t.made[f] == nil {
			if err := t.make(conn, f); err != nil {
				return err
			}
		}
	}
	// What has another mark goes and comes in one transaction.
	var gone, come []MarkedEndpoint
	for e, was := range t.marks {
		if now, stays := marks[e]; !stays || now != was {
			gone = append(gone, e)
		}
	}
	for e, now := range marks {
		if was, had := t.marks[e]; !had || was != now {
			come = append(come, e)
		}
	}
	if err := t.change(conn, gone, t.marks, conn.SetDeleteElements); err != nil {
		return err
	}
	if err := t.change(conn, come, marks, conn.SetAddElements); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	t.marks = maps.Clone(marks)
	return nil
}

// unneeded reports whether a table is of our name and of a family that has no marks: of a process that died.
func (t *MarkTable) unneeded(old *nftables.Table, marks map[MarkedEndpoint]uint32) bool {
	if old.Name != t.name || old.Family != ipv4.proto && old.Family != ipv6.proto {
		return false
	}
	for e := range marks {
		if familyOf(e.Addr()).proto == old.Family {
			return false
		}
	}
	return true
}

// make makes the table of a family without elements. One that a process left behind which died is replaced.
func (t *MarkTable) make(conn *nftables.Conn, f *family) error {
	m := &markTable{family: f, Table: &nftables.Table{Family: f.proto, Name: t.name}, maps: make(map[uint8]*nftables.Set)}
	conn.AddTable(m.Table)
	conn.DelTable(m.Table)
	conn.AddTable(m.Table)
	priority := nftables.ChainPriority(t.priority)
	accepts := nftables.ChainPolicyAccept
	chain := conn.AddChain(&nftables.Chain{Table: m.Table, Name: markChain, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: &priority, Policy: &accepts})
	for _, p := range markProtocols {
		t.sets++
		set := &nftables.Set{Table: m.Table, ID: t.sets, Name: p.name + "_map", IsMap: true, Concatenation: true,
			KeyType: nftables.MustConcatSetType(f.address, nftables.TypeInetService), DataType: nftables.TypeMark}
		if err := conn.AddSet(set, nil); err != nil {
			return err
		}
		m.maps[p.number] = set
		conn.AddRule(&nftables.Rule{Table: m.Table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{p.number}},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: f.dst, Len: f.address.Bytes},
			&expr.Payload{DestRegister: f.second, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
			&expr.Lookup{SourceRegister: 1, DestRegister: 1, IsDestRegSet: true, SetName: set.Name, SetID: set.ID},
			&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: 1},
			&expr.Counter{},
			&expr.Verdict{Kind: expr.VerdictReturn},
		}})
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	t.made[f] = m
	return nil
}

// change adds or deletes elements, as many at once as an attribute has room for. What remains is for the next Flush.
func (t *MarkTable) change(conn *nftables.Conn, list []MarkedEndpoint, marks map[MarkedEndpoint]uint32,
	do func(*nftables.Set, []nftables.SetElement) error) error {
	of := make(map[*nftables.Set][]nftables.SetElement)
	for _, e := range list {
		set := t.made[familyOf(e.Addr())].maps[e.Protocol]
		if set == nil {
			return fmt.Errorf("no marks for protocol %d", e.Protocol)
		}
		key := append(e.Addr().AsSlice(), binaryutil.BigEndian.PutUint16(e.Port())...)
		of[set] = append(of[set], nftables.SetElement{Key: append(key, 0, 0), Val: binaryutil.NativeEndian.PutUint32(marks[e])})
	}
	pending := 0
	for set, elements := range of {
		for part := range slices.Chunk(elements, transaction) {
			if err := do(set, part); err != nil {
				return err
			}
			if pending += len(part); pending < 8*transaction { // a message has to fit the socket's buffer
				continue
			}
			pending = 0
			if err := conn.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tend makes the table anew if somebody has deleted or emptied it, or if it could not be made, and reports whether it has
// done so.
func (t *MarkTable) Tend() (again bool, err error) {
	if len(t.wanted) == 0 {
		return false, nil
	}
	if !t.failed {
		intact, err := t.intact()
		if intact || err != nil {
			return false, err
		}
		t.made, t.marks = nil, nil
	}
	if err := t.Set(t.name, t.priority, t.wanted); err != nil {
		return false, err
	}
	return true, nil
}

// intact reports whether the rules are as they were made.
func (t *MarkTable) intact() (bool, error) {
	conn, err := nftables.New()
	if err != nil {
		return false, err
	}
	for _, m := range t.made {
		rules, err := conn.GetRules(m.Table, &nftables.Chain{Table: m.Table, Name: markChain})
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return false, err
		}
		if len(rules) != len(markProtocols) {
			return false, nil
		}
	}
	return true, nil
}

// Close deletes the table.
func (t *MarkTable) Close() error {
	made := t.made
	t.made, t.marks, t.wanted = nil, nil, nil
	if t.failed { // what there is of it
		t.failed, made = false, map[*family]*markTable{}
		for _, f := range []*family{ipv4, ipv6} {
			made[f] = &markTable{Table: &nftables.Table{Family: f.proto, Name: t.name}}
		}
	}
	if len(made) == 0 {
		return nil
	}
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range made { // one by one: that one is not there any more is no reason to leave the other
		conn.DelTable(m.Table)
		if err := conn.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, fmt.Errorf("delete table %s of firewall marks: %w", t.name, err))
		}
	}
	return errors.Join(errs...)
}
