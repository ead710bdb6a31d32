package vrrp

import (
	"slices"

	"vigil/confparse"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
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

// capacity is how many addresses an advert of s has room for on a link with the given MTU.
func capacity(s election.InstanceSpec, mtu int) int {
	form := confparse.AdvertForm{Family: s.Family, Version: s.Version, AH: s.AuthType == wire.AuthAH, Signed: s.HMAC.Signs()}
	return form.Capacity(mtu)
}
