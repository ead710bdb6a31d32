package confparse

import (
	"fmt"

	"vigil/confparse/diag"
)

// duplicateVRIDs reports instances that would take each other's adverts: same family and VRID, and the same interface
// and group, or with unicast the same source and a peer in common.
func (d *decoder) duplicateVRIDs() {
	type key struct {
		family Family
		vrid   uint8
	}
	seen := map[key][]*instanceScratch{}
	for _, vi := range d.order {
		if vi.VirtualRouterID == 0 {
			continue
		}
		k := key{vi.Family, vi.VirtualRouterID}
		for _, other := range seen[k] {
			if d.collide(vi, other) {
				summary := fmt.Sprintf("%s and %s both use VRID %d with %s on interface %s", other.Name, vi.Name,
					vi.VirtualRouterID, vi.Family, vi.Interface)
				if len(vi.UnicastPeers) > 0 {
					summary = fmt.Sprintf("(%s) duplicate VRID conflict with %s VRID %d", other.Name, vi.Name,
						vi.VirtualRouterID)
				}
				d.about(vi.node, diag.CodeDuplicateVRID, summary, "",
					Place{Range: other.Range, Note: "the other one"})
				break
			}
		}
		seen[k] = append(seen[k], vi)
	}
}

func (d *decoder) collide(a, b *instanceScratch) bool {
	if (len(a.UnicastPeers) > 0) != (len(b.UnicastPeers) > 0) || a.Interface != b.Interface {
		return false
	}
	if len(a.UnicastPeers) == 0 {
		return a.MulticastGroup == b.MulticastGroup
	}
	if a.source() != b.source() {
		return false
	}
	for _, p := range a.UnicastPeers {
		for _, q := range b.UnicastPeers {
			if p.Addr == q.Addr {
				return true
			}
		}
	}
	return false
}
