package vrrp

import (
	"slices"

	"vigil/confparse"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

const (
	assumedMTU     = 1500 // of an interface that does not exist
	ethernetHeader = 14   // bytes
)

// fitting is s with as many of its addresses advertised as an advert has room for on a link with the given MTU; the
// others are among the excluded ones, before those that are so by themselves. The configuration was divided in the same
// way when it was loaded; an MTU that is made smaller afterwards must not end in adverts that cannot be sent.
func fitting(s election.InstanceSpec, mtu int) election.InstanceSpec {
	if room := capacity(s, mtu); len(s.Addresses) > room {
		s.Addresses, s.Excluded = s.Addresses[:room:room], slices.Concat(s.Addresses[room:], s.Excluded)
	}
	return s
}

// capacity is how many addresses keepalived puts into one advert of s on a link with the given MTU. It subtracts the
// Ethernet header too; so do we, because the peers must divide the list at the same place.
func capacity(s election.InstanceSpec, mtu int) int {
	room, size := mtu-ethernetHeader-wire.HeaderLen, 16
	if s.Family == confparse.IPv6 {
		room -= 40
	} else {
		room -= wire.IPv4HeaderLen
		size = 4
		if s.Version == 2 {
			room -= wire.AuthDataLen
		}
		if s.AuthType == wire.AuthAH {
			room -= wire.AHLen
		}
	}
	if s.HMAC.Signs() {
		room -= wire.TrailerLen
	}
	return max(0, min(wire.MaxAddresses, room/size))
}
