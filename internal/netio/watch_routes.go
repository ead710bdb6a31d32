package netio

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A router may have a million routes of others that come and go, so a filter in the kernel passes only what concerns us: the
// removal of routes that carry our number, one route that was put in another's place, and the additions of multicast routes
// that tell of IPv6.

// Where things are in a route message: struct nlmsghdr, then struct rtmsg.
const (
	messageType   = 4
	messageFlags  = 6
	routeProtocol = unix.SizeofNlMsghdr + 5
	routeKind     = unix.SizeofNlMsghdr + 7
)

// routeFilter drops the routes that do not concern us, and nothing else.
func routeFilter() []unix.SockFilter {
	// Numbers are in the machine's byte order, and the filter reads them in the network's.
	network := func(v uint16) uint32 {
		return uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, v)))
	}
	const pass, drop = 0xffffffff, 0
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: messageType},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: network(unix.RTM_DELROUTE), Jt: 5},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: network(unix.RTM_NEWROUTE), Jf: 6},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: messageFlags},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: network(unix.NLM_F_REPLACE), Jt: 4},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: routeKind},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.RTN_MULTICAST, Jt: 2, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: routeProtocol},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: Protocol, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: pass},
		{Code: unix.BPF_RET | unix.BPF_K, K: drop},
	}
}

// followRoutes has a subscription hear of the routes that concern us, if the filter can be had.
func followRoutes(fd int) error {
	filter := routeFilter()
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)}); err != nil {
		return fmt.Errorf("filter routes: %w", err)
	}
	for _, group := range []int{unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return fmt.Errorf("follow routes: %w", err)
		}
	}
	return nil
}

// routeEvents is what a route that was added or removed means.
func routeEvents(m syscall.NetlinkMessage) []Event {
	if m.Header.Type == unix.RTM_NEWROUTE {
		if index := multicastOf(m.Data); index > 0 {
			return []Event{IPv6On{index}}
		}
		if m.Header.Flags&unix.NLM_F_REPLACE == 0 {
			return nil
		}
	}
	if e, ok := parseEntry(m.Data); ok && (m.Header.Type == unix.RTM_NEWROUTE || e.protocol == Protocol) {
		return []Event{RouteGone{e.dest}}
	}
	return nil
}
