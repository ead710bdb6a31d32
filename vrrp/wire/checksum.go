package wire

import "net/netip"

// Checksum is what the checksum of a version 3 advert over IPv4 covers besides the message. Version 2 and IPv6 have one
// form each, which is ChecksumStandard.
type Checksum uint8

// The forms of the checksum.
const (
	ChecksumStandard Checksum = iota // a pseudo header (RFC 9568 §5.2.8)
	ChecksumAsV2                     // nothing, as in version 2: v3_checksum_as_v2
	ChecksumGroup                    // a pseudo header to the multicast group, in a unicast packet: old_unicast_checksum
	ChecksumUnknown                  // of a received unicast packet: perhaps ChecksumGroup
)

// String says what the checksum covers.
func (c Checksum) String() string {
	switch c {
	case ChecksumStandard:
		return "pseudo header"
	case ChecksumAsV2:
		return "no pseudo header"
	case ChecksumGroup:
		return "pseudo header of the multicast group"
	}
	return "unknown"
}

// checksumOf finds out what the checksum of a message covers; false when it is wrong whatever it might cover. With
// ChecksumUnknown it returns the sum of everything but the destination.
func checksumOf(version uint8, ip IPHeader, pdu []byte) (form Checksum, residue uint16, ok bool) {
	message := byteSum(pdu)
	if foldChecksum(message+standardSum(version, ip, ip.Destination, len(pdu))) == 0xffff {
		return ChecksumStandard, 0, true
	}
	switch {
	case version == 2 || !ip.Source.Is4():
		return 0, 0, false
	case foldChecksum(message) == 0xffff:
		return ChecksumAsV2, 0, true
	case ip.Destination.IsMulticast():
		return 0, 0, false
	}
	return ChecksumUnknown, foldChecksum(message + standardSum(version, ip, netip.IPv4Unspecified(), len(pdu))), true
}

// CoversGroup reports whether the checksum of a received advert with ChecksumUnknown is that of a packet to group, which
// is what keepalived before 1.3.7 sends to unicast peers.
func (a *Advert) CoversGroup(group netip.Addr) bool {
	if a.Checksum != ChecksumUnknown || !group.Is4() {
		return false
	}
	g := group.As4()
	return foldChecksum(uint32(a.Residue)+byteSum(g[:])) == 0xffff
}

// pseudoSum is the unfolded sum of what the checksum covers besides the message.
func (a *Advert) pseudoSum(ip IPHeader, length int) uint32 {
	switch {
	case !ip.Source.Is4() || a.Checksum == ChecksumStandard || a.Checksum == ChecksumUnknown:
		return standardSum(a.Version, ip, ip.Destination, length)
	case a.Checksum == ChecksumGroup && !ip.Destination.IsMulticast():
		return standardSum(a.Version, ip, a.Group, length)
	case a.Checksum == ChecksumGroup:
		return standardSum(a.Version, ip, ip.Destination, length)
	}
	return 0
}

// standardSum is the unfolded sum of the pseudo header of a packet to destination: none for v2 over IPv4 (RFC 3768
// §5.3.8), the IPv4 one of RFC 9568 §5.2.8 for v3, and that of RFC 8200 §8.1 for IPv6 in either version.
func standardSum(version uint8, ip IPHeader, destination netip.Addr, length int) uint32 {
	if ip.Source.Is4() {
		if version == 2 || !destination.Is4() {
			return 0
		}
		src, dst := ip.Source.As4(), destination.As4()
		return byteSum(src[:]) + byteSum(dst[:]) + Protocol + uint32(length)
	}
	src, dst := ip.Source.As16(), destination.As16()
	return byteSum(src[:]) + byteSum(dst[:]) + Protocol + uint32(length)
}

// byteSum adds b as big-endian 16-bit words (RFC 1071). Messages are far too short to overflow 32 bits.
func byteSum(b []byte) uint32 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

func foldChecksum(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
