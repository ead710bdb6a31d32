package vrrp

import (
	"net/netip"
)

// The routers of the tests and what they stand for.
var (
	routerA  = netip.MustParseAddr("10.77.0.1")
	routerB  = netip.MustParseAddr("10.77.0.2")
	routerC  = netip.MustParseAddr("10.77.0.3")
	group4   = netip.MustParseAddr("224.0.0.18")
	group6   = netip.MustParseAddr("ff02::12")
	vip100   = netip.MustParseAddr("10.77.0.100")
	vip101   = netip.MustParseAddr("10.77.0.101")
	vips6    = []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("fd77::100")}
	password = [8]byte{'s', '3', 'c', 'r', '3', 't'}
)
