package ipvsadm

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"

	"vigil/ipvs"
)

// sorted puts services and their servers in order, unless the kernel's is asked for.
func sorted(services []ipvs.Listed, show Show) []ipvs.Listed {
	if show.NoSort {
		return services
	}
	mergeSort(services, func(a, b ipvs.Listed) int { return compareServices(a.Key, b.Key) })
	for _, s := range services {
		mergeSort(s.Dests, func(a, b ipvs.ListedDest) int {
			return cmp.Or(compareAddresses(a.Key.Addr(), b.Key.Addr()), cmp.Compare(a.Key.Port(), b.Key.Port()))
		})
	}
	return services
}

// compareServices puts those with addresses before those with marks and IPv4 before IPv6.
func compareServices(a, b ipvs.ServiceKey) int {
	return cmp.Or(cmp.Compare(a.Fwmark, b.Fwmark), cmp.Compare(a.Family, b.Family), cmp.Compare(a.Protocol, b.Protocol),
		compareAddresses(a.Addr, b.Addr), cmp.Compare(a.Port, b.Port))
}

// compareAddresses compares addresses as the kernel keeps them: 16 bytes, of which IPv4 has the first four. What counts is the
// difference of the first 32 bits that differ as a signed number, so that 192.0.2.1 comes before 10.0.0.1. That is no order: of
// three addresses each may come before the next. What becomes of them is mergeSort's doing.
func compareAddresses(a, b netip.Addr) int {
	x, y := kernelBytes(a), kernelBytes(b)
	for i := 0; i < len(x); i += 4 {
		if d := int32(binary.BigEndian.Uint32(x[i:]) - binary.BigEndian.Uint32(y[i:])); d != 0 {
			return int(d)
		}
	}
	return 0
}

func kernelBytes(a netip.Addr) (b [16]byte) {
	copy(b[:], a.AsSlice())
	return b
}

// mergeSort sorts as qsort(3) of the GNU C library does, which matters because compare is no order.
func mergeSort[T any](s []T, compare func(a, b T) int) {
	if len(s) < 2 {
		return
	}
	left, right := slices.Clone(s[:len(s)/2]), slices.Clone(s[len(s)/2:])
	mergeSort(left, compare)
	mergeSort(right, compare)
	for i := range s {
		if len(right) == 0 || len(left) > 0 && compare(left[0], right[0]) <= 0 {
			s[i], left = left[0], left[1:]
		} else {
			s[i], right = right[0], right[1:]
		}
	}
}
