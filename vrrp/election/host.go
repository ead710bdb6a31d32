package election

import (
	"slices"
	"time"
)

// Pace is a garp_group: the least time between two announcements on its interfaces, of what is on them too; 0 = the usual one.
type Pace struct {
	Links   []string
	Shared  bool          // between any two of all its interfaces
	ARP, NA time.Duration // gratuitous ARP; neighbour advertisements
}

// Equal reports whether p and q ask for the same.
func (p Pace) Equal(q Pace) bool {
	return slices.Equal(p.Links, q.Links) && p.Shared == q.Shared && p.ARP == q.ARP && p.NA == q.NA
}

// HostSettings are settings of the host that virtual routers share.
type HostSettings struct {
	Filter FilterSettings
	// NoLocalIGMP is disable_local_igmp.
	NoLocalIGMP bool
}

// FilterSettings is how the tables of nftables look in which no_accept and virtual MAC addresses are.
type FilterSettings struct {
	Table    string
	Priority int32
	Counters bool
	ByIndex  bool      // nftables_ifindex
	Chains   [2]string // vrrp_iptables: of input and output; "" = the usual names
	Sets     [6]string // vrrp_ipsets, in the order of that
}
