package netio

import (
	"encoding/binary"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The kernel has no notification that IPv6 was switched on for an interface (disable_ipv6), but the first thing it does
// then is to add the route of ff00::/8 for it.

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
