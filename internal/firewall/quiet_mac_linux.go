package firewall

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Cover says that a link has a virtual MAC address, which is given away together with the addresses on it: the frames that
// come from quiet ones leave it with the MAC address of its parent instead. Else each answer would tell the switches that
// the virtual one is here still, and nobody would reach the new master. It acts from the next Prepare or Set on. A link that
// was made anew is to be covered anew.
func (q *Quiet) Cover(link string, parent [6]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.links == nil {
		q.links = make(map[string][6]byte)
	}
	q.links[link] = parent
	q.forget(link)
}

// Uncover undoes Cover. The kernel removes the rule with the link.
func (q *Quiet) Uncover(link string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.links, link)
	q.forget(link)
}

func (q *Quiet) forget(link string) {
	delete(q.mac4.covered, link)
	delete(q.mac6.covered, link)
}

// cover makes the rules of links that have none. A link that is gone does not keep the others from theirs.
func (t *quietTable) cover(q *Quiet, kind quietKind) error {
	var errs []error
	for _, link := range slices.Sorted(maps.Keys(q.links)) {
		parent := q.links[link]
		if t.covered[link] == parent {
			continue
		}
		chain := t.conn.AddChain(t.chain(kind, link, link))
		t.conn.FlushChain(chain) // it may be there with another address
		t.conn.AddRule(&nftables.Rule{Table: chain.Table, Chain: chain, Exprs: kind.rewrite(t.lookup(), parent)})
		if err := t.conn.Flush(); err != nil {
			errs = append(errs, fmt.Errorf("frames of %s: %w", link, err))
			continue
		}
		t.covered[link] = parent
	}
	return errors.Join(errs...)
}

// macQuiet4 and macQuiet6 act on frames that are ready to leave one link.
var (
	macQuiet4 = macQuiet(quietPrefix, nftables.TypeIPAddr, unix.ETH_P_IP, 12, 4)
	macQuiet6 = macQuiet(quietPrefix6, nftables.TypeIP6Addr, unix.ETH_P_IPV6, 8, 16)
)

// macQuiet is that of a protocol whose header has the source address at an offset.
func macQuiet(prefix string, key nftables.SetDatatype, protocol uint16, offset, length uint32) quietKind {
	return quietKind{
		family: nftables.TableFamilyNetdev, prefix: prefix, key: key, hook: nftables.ChainHookEgress,
		rewrite: func(quiet *expr.Lookup, parent [6]byte) []expr.Any {
			return []expr.Any{
				&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(protocol >> 8), byte(protocol)}},
				&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length},
				quiet,
				&expr.Immediate{Register: 1, Data: parent[:]},
				&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseLLHeader, Offset: 6, Len: 6},
			}
		},
	}
}
