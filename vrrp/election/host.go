package election

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
