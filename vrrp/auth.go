package vrrp

import (
	"crypto/subtle"

	"vigil/confparse"
)

// authenticate verifies a received v2 advert against the instance's authentication (RFC 2338 §5.3.6). Version 3 has
// none. IPv6 packets carry no authentication data, so only the type is compared there.
func authenticate(spec *InstanceSpec, a *Advert) DropReason {
	switch {
	case a.Version != 2:
		return DropNone
	case a.AuthType > confparse.AuthAH:
		return DropAuthTypeInvalid
	case a.AuthType != spec.AuthType:
		return DropAuthTypeMismatch
	case a.AuthType == confparse.AuthPass && spec.Family == confparse.IPv4 &&
		subtle.ConstantTimeCompare(a.AuthData[:], spec.AuthData[:]) == 0:
		return DropAuthFailure
	}
	return DropNone
}

// authHeaderLen is the length of the AH header of auth_type AH: 12 bytes and a 96-bit check value (RFC 2402 §2).
const authHeaderLen = 24
