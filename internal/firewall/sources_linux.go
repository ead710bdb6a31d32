package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// SourceFlow is by what packets are told that IPVS has translated, and what source address they get. Protocol is IANA's number.
type SourceFlow struct {
	Protocol        uint8
	Virtual, Server netip.AddrPort // of one family
	Local           []netip.Addr   // of the same; none: the address of the interface by which they leave
}

func (f SourceFlow) equal(o SourceFlow) bool {
	return f.Protocol == o.Protocol && f.Virtual == o.Virtual && f.Server == o.Server && slices.Equal(f.Local, o.Local)
}

// SourceTable is the tables of nftables, one for each family, that give packets to real servers a source address of this host, so that
// the answers come back here (FNAT). IPVS has to leave its connections to the firewall (net.ipv4.vs.conntrack).
//
//	map flows { protocol . server's address . port : verdict }
//	chain out { type nat hook postrouting priority 99; meta l4proto . daddr . th dport vmap @flows }
//	chain to_N { ct original daddr … ct original proto-dst … goto local_N; … }  a rule for each virtual address
//	chain local_N { snat to jhash saddr mod … map { number : address, … } }
//	chain interface { masquerade }
//
// A client keeps its local address while the addresses stay the same. A change makes other tables, which act from one moment to the next in
// the place of those before; connections that have begun go on as they are. The zero value has made nothing. It is for one goroutine.
type SourceTable struct {
	made       []*nftables.Table
	generation uint32
	wanted     []SourceFlow // by the last Set
	failed     bool         // it is not what is there
	begun      bool         // what others have left is known
}

const (
	// sourcesPrefix is followed by the pid of the process that owns the table, and by a number.
	sourcesPrefix = "vigil_fnat_"
	// beforeNAT is the priority of the chain: rules of the operator's that translate all that leaves come after.
	beforeNAT = 99

	sourcesChain    = "out"
	interfaceChain  = "interface"
	sourceHashSeed  = 0x76696769
	sourceFlowsName = "flows"
)

// Set makes flows what is translated. After an error, what there is is made anew at the next call, of this or of Tend.
func (t *SourceTable) Set(flows []SourceFlow) error {
	if !t.begun && len(flows) == 0 { // without nftables, or the right to it, nobody has left anything
		_ = t.set(nil)
		t.begun = true
		return nil
	}
	if t.begun && !t.failed && slices.EqualFunc(t.wanted, flows, SourceFlow.equal) {
		return nil
	}
	t.wanted, t.failed = slices.Clone(flows), false
	if err := t.set(flows); err != nil {
		t.failed = true
		return fmt.Errorf("table of nftables for FNAT: %w", err)
	}
	return nil
}

func (t *SourceTable) set(flows []SourceFlow) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	if !t.begun {
		if err := t.inherit(conn); err != nil {
			return err
		}
	}
	t.generation++
	name := sourcesPrefix + strconv.Itoa(os.Getpid()) + "_" + strconv.FormatUint(uint64(t.generation), 10)
	var made []*nftables.Table
	undo := func(err error) error {
		_, also := removeTables(conn, func(old *nftables.Table) bool { return old.Name == name })
		return errors.Join(err, also)
	}
	var acts []*sources
	for _, f := range []*family{ipv4, ipv6} {
		own := slices.DeleteFunc(slices.Clone(flows), func(x SourceFlow) bool { return familyOf(x.Server.Addr()) != f })
		if len(own) == 0 {
			continue
		}
		s := &sources{Table: &nftables.Table{Family: f.proto, Name: name}, family: f}
		made = append(made, s.Table)
		if err := s.fill(conn, own); err != nil {
			return undo(err)
		}
		acts = append(acts, s)
	}
	// From here on it acts: the hooks of the new tables, and the end of the old ones, are one transaction. What somebody has deleted of those
	// is there again for it.
	for _, s := range acts {
		s.hook(conn)
	}
	for _, old := range t.made {
		conn.AddTable(old)
		conn.DelTable(old)
	}
	if err := conn.Flush(); err != nil {
		return undo(err)
	}
	t.made = made
	return nil
}

// inherit takes the tables of processes that have died, or have left them to the next, for its own: they act until ours do. One of them may have
// had our number, as in a container that is started anew.
func (t *SourceTable) inherit(conn *nftables.Conn) error {
	tables, err := conn.ListTables()
	if err != nil {
		return fmt.Errorf("list tables of nftables: %w", err)
	}
	for _, old := range tables {
		words := strings.Split(strings.TrimPrefix(old.Name, sourcesPrefix), "_")
		if !strings.HasPrefix(old.Name, sourcesPrefix) || len(words) != 2 {
			continue
		}
		own := words[0] == strconv.Itoa(os.Getpid())
		if _, err := os.Stat("/proc/" + words[0]); !own && !errors.Is(err, os.ErrNotExist) {
			continue
		}
		if n, err := strconv.ParseUint(words[1], 10, 32); own && err == nil {
			t.generation = max(t.generation, uint32(n))
		}
		t.made = append(t.made, old)
	}
	t.begun = true
	return nil
}

// sources is the part of one family.
type sources struct {
	*nftables.Table
	family *family
	flows  *nftables.Set
	queued int      // rules and elements since the last Flush
	chains []string // by Local, in the order of lists
	lists  [][]netip.Addr
}

// serverFlow is one of the flows to a server.
type serverFlow struct {
	virtual netip.AddrPort
	chain   string // of the local addresses
}

// fill makes the table with all but what has it act.
func (s *sources) fill(conn *nftables.Conn, flows []SourceFlow) error {
	conn.AddTable(s.Table)
	conn.AddRule(&nftables.Rule{Table: s.Table, Chain: conn.AddChain(&nftables.Chain{Table: s.Table, Name: interfaceChain}), Exprs: []expr.Any{&expr.Masq{}}})
	type server struct {
		protocol uint8
		at       netip.AddrPort
	}
	var servers []server
	to := make(map[server][]serverFlow)
	for _, f := range flows {
		chain, err := s.chain(conn, f.Local)
		if err != nil {
			return err
		}
		k := server{f.Protocol, f.Server}
		if to[k] == nil {
			servers = append(servers, k)
		}
		to[k] = append(to[k], serverFlow{f.Virtual, chain})
	}
	s.flows = &nftables.Set{Table: s.Table, Name: sourceFlowsName, IsMap: true, Concatenation: true, DataType: nftables.TypeVerdict,
		KeyType: nftables.MustConcatSetType(nftables.TypeInetProto, s.family.address, nftables.TypeInetService)}
	if err := conn.AddSet(s.flows, nil); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	chains := make(map[string]string) // of servers, by their flows: those of one virtual server have the same
	s.queued = 0
	for part := range slices.Chunk(servers, transaction/4) {
		elements := make([]nftables.SetElement, 0, len(part))
		for _, k := range part {
			flows := fmt.Sprint(k.protocol, to[k])
			if chains[flows] == "" {
				chains[flows] = "to_" + strconv.Itoa(len(chains)+1)
				if err := s.match(conn, chains[flows], k.protocol, to[k]); err != nil {
					return err
				}
			}
			key := append([]byte{k.protocol, 0, 0, 0}, k.at.Addr().AsSlice()...) // each part is padded to 32 bits
			key = append(append(key, binaryutil.BigEndian.PutUint16(k.at.Port())...), 0, 0)
			elements = append(elements, nftables.SetElement{Key: key, VerdictData: &expr.Verdict{Kind: expr.VerdictGoto, Chain: chains[flows]}})
		}
		if err := conn.Flush(); err != nil { // the chains that they go to
			return err
		}
		s.queued = 0
		if err := conn.SetAddElements(s.flows, elements); err != nil {
			return err
		}
	}
	return conn.Flush()
}

// match makes the chain of servers that have these flows. What is sent at once has to fit the socket's buffer.
func (s *sources) match(conn *nftables.Conn, name string, protocol uint8, flows []serverFlow) error {
	chain := conn.AddChain(&nftables.Chain{Table: s.Table, Name: name})
	for _, f := range flows {
		if err := s.fits(conn, 4); err != nil {
			return err
		}
		conn.AddRule(&nftables.Rule{Table: s.Table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, // for nft(8), which else cannot tell what a port is
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
			&expr.Ct{Key: expr.CtKeyDST, Register: 1}, // of the original direction, whose number is 0
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: f.virtual.Addr().AsSlice()},
			&expr.Ct{Key: expr.CtKeyPROTODST, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(f.virtual.Port())},
			&expr.Verdict{Kind: expr.VerdictGoto, Chain: f.chain},
		}})
	}
	return nil
}

// fits sends what is queued if so many more would not fit the socket's buffer with it.
func (s *sources) fits(conn *nftables.Conn, more int) error {
	if s.queued += more; s.queued <= transaction {
		return nil
	}
	s.queued = more
	return conn.Flush()
}

// chain is the name of the chain that gives one of these addresses.
func (s *sources) chain(conn *nftables.Conn, local []netip.Addr) (string, error) {
	if len(local) == 0 {
		return interfaceChain, nil
	}
	if i := slices.IndexFunc(s.lists, func(l []netip.Addr) bool { return slices.Equal(l, local) }); i >= 0 {
		return s.chains[i], nil
	}
	name := "local_" + strconv.Itoa(len(s.lists)+1)
	s.lists, s.chains = append(s.lists, local), append(s.chains, name)
	numbered := make([]nftables.SetElement, len(local))
	for i, a := range local {
		numbered[i] = nftables.SetElement{Key: binaryutil.BigEndian.PutUint32(uint32(i)), Val: a.AsSlice()}
	}
	if err := s.fits(conn, len(local)); err != nil {
		return "", err
	}
	// It has no name, for nft(8) would not read back one with a name, whose numbers would have no type.
	addresses := &nftables.Set{Table: s.Table, Anonymous: true, Constant: true, IsMap: true, KeyType: nftables.TypeInteger, DataType: s.family.address}
	if err := conn.AddSet(addresses, numbered); err != nil {
		return "", err
	}
	f := s.family
	conn.AddRule(&nftables.Rule{Table: s.Table, Chain: conn.AddChain(&nftables.Chain{Table: s.Table, Name: name}), Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: f.src, Len: f.address.Bytes},
		&expr.Hash{SourceRegister: 1, DestRegister: 1, Length: f.address.Bytes, Modulus: uint32(len(local)), Seed: sourceHashSeed, Type: expr.HashTypeJenkins},
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4}, // as nft(8) reads and writes numbers
		&expr.Lookup{SourceRegister: 1, DestRegister: 1, IsDestRegSet: true, SetName: addresses.Name, SetID: addresses.ID},
		&expr.NAT{Type: expr.NATTypeSourceNAT, Family: uint32(f.proto), RegAddrMin: 1},
	}})
	return name, nil
}

// hook has the table act. What remains is for the next Flush.
func (s *sources) hook(conn *nftables.Conn) {
	priority := nftables.ChainPriority(beforeNAT)
	accepts := nftables.ChainPolicyAccept
	chain := conn.AddChain(&nftables.Chain{Table: s.Table, Name: sourcesChain, Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookPostrouting,
		Priority: &priority, Policy: &accepts})
	f, words := s.family, s.family.address.Bytes/4
	register := func(word uint32) uint32 { return unix.NFT_REG32_00 + word }
	conn.AddRule(&nftables.Rule{Table: s.Table, Chain: chain, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register(0)},
		&expr.Payload{DestRegister: register(1), Base: expr.PayloadBaseNetworkHeader, Offset: f.dst, Len: f.address.Bytes},
		&expr.Payload{DestRegister: register(1 + words), Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Lookup{SourceRegister: register(0), IsDestRegSet: true, SetName: s.flows.Name},
	}})
}

// Tend makes the tables anew if somebody has deleted them or the rules in them, or if they could not be made, and reports whether it has
// done so. It does not see what is taken out of their maps.
func (t *SourceTable) Tend() (again bool, err error) {
	if len(t.wanted) == 0 && !t.failed {
		return false, nil
	}
	if !t.failed {
		intact, err := t.intact()
		if intact || err != nil {
			return false, err
		}
		t.failed = true
	}
	if err := t.Set(t.wanted); err != nil {
		return false, err
	}
	return true, nil
}

// intact reports whether the rule that has each table act is there.
func (t *SourceTable) intact() (bool, error) {
	conn, err := nftables.New()
	if err != nil {
		return false, err
	}
	for _, table := range t.made {
		rules, err := conn.GetRules(table, &nftables.Chain{Table: table, Name: sourcesChain})
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return false, err
		}
		if len(rules) != 1 {
			return false, nil
		}
	}
	return true, nil
}

// Close deletes the tables.
func (t *SourceTable) Close() error {
	if len(t.made) == 0 && !t.failed {
		return nil
	}
	t.made, t.wanted, t.failed = nil, nil, false
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	own := sourcesPrefix + strconv.Itoa(os.Getpid()) + "_"
	_, err = removeTables(conn, func(old *nftables.Table) bool { return strings.HasPrefix(old.Name, own) })
	return err
}
