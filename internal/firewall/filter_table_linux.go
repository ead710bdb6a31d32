package firewall

import (
	"cmp"
	"errors"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// filterTable is the table of one family of a Filter:
//
//	map vmac_map { link : parent }, set vmac_set { link }, set vmac_link_local { address . link }
//	set vips { address }, set vips_link_local { address . link }, set neighbor-discovery { NS, NA }
//	chain out, chain in: base chains; chain out_link_local, chain in_link_local
//
// nft(8) shows the parents in vmac_map with their bytes in the other order where the machine is little-endian: the library has
// no way to tell it.
type filterTable struct {
	*nftables.Table
	conn   *nftables.Conn
	family *family
	opts   FilterOptions
	sets   uint32         // the ID of the latest set, within the transaction
	rules  map[string]int // how many, by chain

	parents, links, locals   *nftables.Set // of virtual MAC addresses; the latter two of IPv6
	vips, linkLocal, passing *nftables.Set // of addresses that are denied; the latter two of IPv6
}

// setsOfATable is more sets than a table has: how far apart the IDs of tables begin.
const setsOfATable = 100

// Types of ICMPv6 (RFC 4861 §4, RFC 2710 §3, RFC 3810 §5.2).
const (
	mldReport, mldDone, mld2Report        = 131, 132, 143
	routerSolicitation                    = 133
	neighbourSolicitation, neighbourAdver = 135, 136
)

// metaOutputKind is NFT_META_OIFKIND of linux/netfilter/nf_tables.h.
const metaOutputKind expr.MetaKey = 27

// where an ICMPv6 message is known by: its first byte.
var icmpv6Type = []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1}}

// make queues the sets and the rules.
func (t *filterTable) make(wanted filterShape) error {
	var errs []error
	set := func(s *nftables.Set, elements ...nftables.SetElement) *nftables.Set {
		t.sets++
		s.Table, s.ID = t.Table, t.sets
		errs = append(errs, t.conn.AddSet(s, elements))
		return s
	}
	v6 := t.family == ipv6
	names := t.opts.Sets
	if wanted.vmac {
		t.parents = set(&nftables.Set{Name: cmp.Or(pick(v6, names.VMAC6, names.VMAC4), "vmac_map"), KeyType: nftables.TypeIFIndex,
			KeyByteOrder: binaryutil.NativeEndian, IsMap: true, DataType: nftables.TypeIFIndex})
		if v6 {
			t.links = set(&nftables.Set{Name: "vmac_set", KeyType: nftables.TypeIFIndex, KeyByteOrder: binaryutil.NativeEndian})
			t.locals = set(&nftables.Set{Name: "vmac_link_local", Concatenation: true,
				KeyType: nftables.MustConcatSetType(nftables.TypeIP6Addr, nftables.TypeIFIndex)})
		}
	}
	if wanted.denied {
		t.vips = set(&nftables.Set{Name: cmp.Or(pick(v6, names.Addresses6, names.Addresses4), "vips"), KeyType: t.family.address})
		if v6 {
			t.passing = set(&nftables.Set{Name: cmp.Or(names.Discovery, "neighbor-discovery"), KeyType: nftables.TypeICMP6Type,
				Constant: true}, nftables.SetElement{Key: []byte{neighbourSolicitation}}, nftables.SetElement{Key: []byte{neighbourAdver}})
			t.linkLocal = set(&nftables.Set{Name: cmp.Or(names.LinkLocal, "vips_link_local"), Concatenation: true,
				KeyType: nftables.MustConcatSetType(nftables.TypeIP6Addr, t.linkType())})
		}
	}
	t.chains(wanted)
	return errors.Join(errs...)
}

func pick[T any](second bool, b, a T) T {
	if second {
		return b
	}
	return a
}

func (t *filterTable) linkType() nftables.SetDatatype {
	return pick(t.opts.ByIndex, nftables.TypeIFIndex, nftables.TypeIFName)
}

// chains queues the chains and their rules.
func (t *filterTable) chains(wanted filterShape) {
	output := cmp.Or(t.opts.Output, "out")
	input := cmp.Or(t.opts.Input, "in")
	out := t.base(output, nftables.ChainHookOutput)
	if wanted.vmac {
		t.vmacRules(out)
	}
	if !wanted.denied {
		return
	}
	in := t.base(input, nftables.ChainHookInput)
	if t.family == ipv6 {
		local := func(name string, address uint32, link expr.MetaKey) {
			chain := t.conn.AddChain(&nftables.Chain{Table: t.Table, Name: name})
			t.rule(chain, &expr.Verdict{Kind: expr.VerdictDrop}, t.load(address), []expr.Any{
				&expr.Meta{Key: link, Register: t.family.second}, lookup(t.linkLocal)})
		}
		local(input+"_link_local", t.family.dst, pick(t.opts.ByIndex, expr.MetaKeyIIF, expr.MetaKeyIIFNAME))
		local(output+"_link_local", t.family.src, pick(t.opts.ByIndex, expr.MetaKeyOIF, expr.MetaKeyOIFNAME))
	}
	t.denyRules(out, output+"_link_local", t.family.src)
	t.denyRules(in, input+"_link_local", t.family.dst)
}

func (t *filterTable) base(name string, hook *nftables.ChainHook) *nftables.Chain {
	policy := nftables.ChainPolicyAccept
	return t.conn.AddChain(&nftables.Chain{Table: t.Table, Name: name, Type: nftables.ChainTypeFilter, Hooknum: hook,
		Priority: nftables.ChainPriorityRef(nftables.ChainPriority(t.opts.Priority)), Policy: &policy})
}

// rule queues a rule of its parts and a verdict, before which it counts if it shall.
func (t *filterTable) rule(chain *nftables.Chain, verdict expr.Any, parts ...[]expr.Any) {
	exprs := rule(parts...)
	if t.opts.Counters {
		exprs = append(exprs, &expr.Counter{})
	}
	t.conn.AddRule(&nftables.Rule{Table: t.Table, Chain: chain, Exprs: append(exprs, verdict)})
	t.rules[chain.Name]++
}

// vmacRules keep reports of group memberships, and router solicitations, from leaving with a virtual MAC address.
func (t *filterTable) vmacRules(out *nftables.Chain) {
	drop := &expr.Verdict{Kind: expr.VerdictDrop}
	macvlan := []expr.Any{&expr.Meta{Key: metaOutputKind, Register: 1}, equal(append([]byte("macvlan"), make([]byte, 9)...))}
	fromParent := []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: t.family.dst, Len: t.family.address.Bytes},
		&expr.Meta{Key: expr.MetaKeyOIF, Register: t.family.second},
		&expr.Lookup{SourceRegister: t.family.second, DestRegister: t.family.second, IsDestRegSet: true, SetName: t.parents.Name,
			SetID: t.parents.ID},
		&expr.Dup{RegAddr: 1, RegDev: t.family.second, IsRegDevSet: true},
	}
	if t.family == ipv4 {
		igmp := []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 9, Len: 1},
			equal([]byte{unix.IPPROTO_IGMP})}
		t.rule(out, drop, igmp, macvlan, fromParent)
		return
	}
	for _, kind := range []byte{mldReport, mldDone, mld2Report} {
		t.rule(out, drop, message(kind), macvlan, fromParent)
	}
	t.rule(out, drop, message(routerSolicitation), macvlan, []expr.Any{&expr.Meta{Key: expr.MetaKeyOIF, Register: 1}, lookup(t.links)})
	t.rule(out, drop, message(neighbourAdver), t.load(t.family.src),
		[]expr.Any{&expr.Meta{Key: expr.MetaKeyOIF, Register: t.family.second}, lookup(t.locals)})
}

// denyRules drop what has a denied address as its source or destination, at the offset given.
func (t *filterTable) denyRules(chain *nftables.Chain, local string, address uint32) {
	if t.family == ipv6 {
		t.rule(chain, accept, icmpv6, icmpv6Type, []expr.Any{lookup(t.passing)})
		const fe80 = 10 // bits of fe80::/10
		mask, prefix := make([]byte, 16), make([]byte, 16)
		mask[0], mask[1] = 0xff, 0xff<<(16-fe80)&0xff
		prefix[0], prefix[1] = 0xfe, 0x80
		t.rule(chain, &expr.Verdict{Kind: expr.VerdictGoto, Chain: local}, t.load(address), []expr.Any{
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 16, Mask: mask, Xor: make([]byte, 16)}, equal(prefix)})
	}
	t.rule(chain, &expr.Verdict{Kind: expr.VerdictDrop}, t.load(address), []expr.Any{lookup(t.vips)})
}

var icmpv6 = []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, equal([]byte{unix.IPPROTO_ICMPV6})}

func message(kind byte) []expr.Any { return rule(icmpv6, icmpv6Type, []expr.Any{equal([]byte{kind})}) }

func equal(data []byte) *expr.Cmp { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data} }

func lookup(s *nftables.Set) *expr.Lookup {
	return &expr.Lookup{SourceRegister: 1, SetName: s.Name, SetID: s.ID}
}

// load loads an address of the header.
func (t *filterTable) load(offset uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: t.family.address.Bytes}}
}

// ofVMAC are the elements of a link with a virtual MAC address.
func (t *filterTable) ofVMAC(index int, v filterVMAC) []filterElement {
	if t.parents == nil {
		return nil
	}
	list := []filterElement{{t.parents, nftables.SetElement{Key: indexBytes(index), Val: indexBytes(v.parent)}}}
	if t.family == ipv6 {
		list = append(list, filterElement{t.links, nftables.SetElement{Key: indexBytes(index)}})
		if v.local.IsValid() {
			list = append(list, filterElement{t.locals, nftables.SetElement{Key: append(v.local.AsSlice(), indexBytes(index)...)}})
		}
	}
	return list
}

// ofDenied is the element of a denied address. link is the index of its interface, where indices count.
func (t *filterTable) ofDenied(d Denied, link int) []filterElement {
	if t.vips == nil || d.Addr.Is4() != (t.family == ipv4) {
		return nil
	}
	if d.Link == "" {
		return []filterElement{{t.vips, nftables.SetElement{Key: d.Addr.AsSlice()}}}
	}
	key := append(d.Addr.AsSlice(), indexBytes(link)...)
	if !t.opts.ByIndex {
		name := make([]byte, unix.IFNAMSIZ)
		copy(name, d.Link)
		key = append(d.Addr.AsSlice(), name...)
	}
	return []filterElement{{t.linkLocal, nftables.SetElement{Key: key}}}
}
