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

var dropReasons = [...]string{"accepted", "truncated", "length", "TTL", "version", "invalid authentication type",
	"authentication type mismatch", "authentication failure", "advertisement interval", "packet type", "checksum",
	"address count", "address list", "source is not a peer"}

// String names the check that failed.
func (r DropReason) String() string {
	if int(r) < len(dropReasons) {
		return dropReasons[r]
	}
	return "unknown"
}
