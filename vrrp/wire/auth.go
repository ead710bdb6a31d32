package wire

import "crypto/subtle"

// AuthType is how the adverts of a version 2 router are authenticated, numbered as on the wire (RFC 3768 §5.3.6).
type AuthType uint8

// The types of RFC 2338 §5.3.6.
const (
	AuthNone AuthType = 0
	AuthPass AuthType = 1 // a password in plain text
	AuthAH   AuthType = 2 // an authentication header in front of the message; IPv4 only
)

// Authenticate verifies a received advert for a router of type want (RFC 2338 §5.3.6). Version 3 has no authentication.
// A nil password compares the type only: packets over IPv6 carry no authentication data. The authentication header of
// AuthAH must be there; verifying it is AH.Verify.
func (a *Advert) Authenticate(want AuthType, password []byte) DropReason {
	switch {
	case a.Version != 2:
		return DropNone
	case a.AuthType > AuthAH:
		return DropAuthTypeInvalid
	case a.AuthType != want:
		return DropAuthTypeMismatch
	case want == AuthAH && a.AH == nil:
		return DropAuthTypeMismatch
	case want == AuthPass && password != nil && subtle.ConstantTimeCompare(a.AuthData[:], password) == 0:
		return DropAuthFailure
	}
	return DropNone
}
