package vrrp

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigil/vrrp/election"
)

func TestAddressesOfOtherInterfacesAreAnnouncedFirst(t *testing.T) {
	address := func(last byte, link string) election.Address {
		return election.Address{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, last}), 32), Link: link}
	}
	in := &virtualRouter{spec: election.InstanceSpec{Link: "eth0",
		Addresses: []election.Address{address(1, "eth0"), address(2, "eth1"), address(3, "eth0")},
		Excluded:  []election.Address{address(4, "eth2"), address(5, "eth0")}}}
	var got []byte
	for _, a := range in.announcementOrder() {
		got = append(got, a.Prefix.Addr().As4()[3])
	}
	if diff := cmp.Diff([]byte{2, 4, 1, 3, 5}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if !slices.Equal(in.spec.Addresses, []election.Address{address(1, "eth0"), address(2, "eth1"), address(3, "eth0")}) {
		t.Error("the spec was changed")
	}
}
