package wire

// DropReason says why a received packet is not an advert for us; DropNone when it is.
type DropReason uint8

// The reasons, in the order the checks are made.
const (
	DropNone DropReason = iota
	DropTruncated
	DropLength
	DropTTL
	DropVersion
	DropTrailerMissing
	DropTrailerMalformed
	DropStale
	DropKeyUnknown
	DropHMAC
	DropReplay
	DropAuthTypeInvalid
	DropAuthTypeMismatch
	DropAuthFailure
	DropSPI
	DropSequence
	DropInterval
	DropType
	DropChecksum
	DropAddressCount
	DropAddressList
	DropNotPeer
	DropOwner
)

var dropReasons = [...]string{"accepted", "truncated", "length", "TTL", "version",
	"missing authentication trailer", "malformed authentication trailer", "stale authentication trailer", "unknown authentication key",
	"invalid authentication HMAC", "replayed authentication trailer", "invalid authentication type",
	"authentication type mismatch", "authentication failure", "SPI", "sequence number", "advertisement interval", "packet type", "checksum",
	"address count", "address list", "source is not a peer", "owner ignores adverts"}

// String names the check that failed.
func (r DropReason) String() string {
	if int(r) < len(dropReasons) {
		return dropReasons[r]
	}
	return "unknown"
}
