package netio

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The kernel has no notification that IPv6 was switched on for an interface (disable_ipv6), but the first thing it does
// then is to add the route of ff00::/8 for it. A router may have a million other routes that come and go, so a filter in
// the kernel passes only additions of multicast routes.

// Where things are in a route message: struct nlmsghdr, then struct rtmsg.
const (
	messageType = 4
	routeKind   = unix.SizeofNlMsghdr + 7
)

// routeFilter drops all routes but new multicast ones, and nothing else.
func routeFilter() []unix.SockFilter {
	// The type is in the machine's byte order, and the filter reads it in the network's.
	network := func(v uint16) uint32 {
		return uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, v)))
	}
	const pass, drop = 0xffffffff, 0
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: messageType},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: network(unix.RTM_DELROUTE), Jt: 4},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: network(unix.RTM_NEWROUTE), Jf: 2},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: routeKind},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.RTN_MULTICAST, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: pass},
		{Code: unix.BPF_RET | unix.BPF_K, K: drop},
	}
}

// followIPv6 has a subscription hear of multicast routes too, if the filter can be had.
func followIPv6(fd int) error {
	filter := routeFilter()
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)}); err != nil {
		return fmt.Errorf("filter routes: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.RTNLGRP_IPV6_ROUTE); err != nil {
		return fmt.Errorf("follow routes: %w", err)
	}
	return nil
}

// multicastOf returns the index of the interface whose route of all IPv6 multicast has been added; 0 if it is another.
func multicastOf(b []byte) int {
	if len(b) < unix.SizeofRtMsg || b[0] != unix.AF_INET6 || b[7] != unix.RTN_MULTICAST || b[1] != 8 {
		return 0
	}
	padding := make([]byte, -len(b)&3) // the library's parser runs past a last attribute that lacks it
	attrs, err := nl.ParseRouteAttr(append(append([]byte(nil), b[unix.SizeofRtMsg:]...), padding...))
	if err != nil {
		return 0
	}
	index, all := 0, false
	for _, a := range attrs {
		switch a.Attr.Type {
		case unix.RTA_OIF:
			if len(a.Value) >= 4 {
				index = int(int32(binary.NativeEndian.Uint32(a.Value)))
			}
		case unix.RTA_DST:
			all = len(a.Value) == 16 && a.Value[0] == 0xff
		}
	}
	if !all {
		return 0
	}
	return index
}
