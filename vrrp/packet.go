package vrrp

import (
	"net/netip"
	"time"

	"vigil/confparse"
)

// Advert is a decoded VRRP advertisement.
type Advert struct {
	Version   uint8
	VRID      uint8
	Priority  uint8
	Interval  time.Duration // v2: whole seconds; v3: centiseconds
	AuthType  confparse.AuthType
	AuthData  [8]byte // v2 over IPv4
	Addresses []netip.Addr
	TTL       uint8 // of the IP packet; not part of what is sent
}

// DropReason says why a received packet is not an advert for us; DropNone when it is.
type DropReason uint8

// The reasons, in the order the checks are made.
const (
	DropNone DropReason = iota
	DropTruncated
	DropLength
	DropTTL
	DropVersion
	DropAuthTypeInvalid
	DropAuthTypeMismatch
	DropAuthFailure
	DropInterval
	DropType
	DropChecksum
	DropAddressCount
	DropAddressList
	DropNotPeer
)
