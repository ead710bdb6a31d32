package election

import (
	"net/netip"

	"github.com/google/go-cmp/cmp/cmpopts"

	"vigil/internal/track"
)

// The routers of the tests and what they stand for.
var (
	routerA  = netip.MustParseAddr("10.77.0.1")
	routerB  = netip.MustParseAddr("10.77.0.2")
	routerC  = netip.MustParseAddr("10.77.0.3")
	group4   = netip.MustParseAddr("224.0.0.18")
	link6    = netip.MustParseAddr("fe80::1")
	vip100   = netip.MustParseAddr("10.77.0.100")
	vip101   = netip.MustParseAddr("10.77.0.101")
	password = [8]byte{'s', '3', 'c', 'r', '3', 't'}
	eth1     = track.InterfaceID("eth1")
	eth2     = track.InterfaceID("eth2")
	addrCmp  = cmpopts.EquateComparable(netip.Addr{})
)
