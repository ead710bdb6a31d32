package firewall

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
)

// spare notes the connections that this host has itself, as if they had begun since the rules are there: those that do are noted
// already.
func (h *Handover) spare(t *table, batch []element) error {
	asked := make(map[*order]bool)
	for _, e := range batch {
		if own := e.order.move.Own; own == nil || asked[e.order] {
			continue
		}
		asked[e.order] = true
		peers, err := e.order.move.Own()
		if err != nil {
			return err
		}
		if len(peers) > capacity/2 {
			return fmt.Errorf("this host has %d connections itself", len(peers))
		}
		if err := t.note(h.conn, peers); err != nil {
			return err
		}
	}
	return nil
}

// note has connections with these other ends taken for some that have begun.
func (t *table) note(conn *nftables.Conn, peers []netip.AddrPort) error {
	set := make([]nftables.SetElement, 0, transaction)
	for i, p := range peers {
		if familyOf(p.Addr()) == t.family {
			key := append(p.Addr().AsSlice(), binaryutil.BigEndian.PutUint16(p.Port())...)
			set = append(set, nftables.SetElement{Key: append(key, 0, 0)}) // padded to 32 bits
		}
		if len(set) == 0 || len(set) < transaction && i < len(peers)-1 {
			continue
		}
		if err := conn.SetAddElements(t.begun, set); err != nil {
			return err
		}
		if err := conn.Flush(); err != nil {
			return err
		}
		set = set[:0]
	}
	return nil
}
