package wire

// pseudoSum is the unfolded sum of the pseudo header: none for v2 over IPv4 (RFC 3768 §5.3.8), the IPv4 one of
// RFC 9568 §5.2.8 for v3, and that of RFC 8200 §8.1 for IPv6 in either version.
func pseudoSum(version uint8, ip IPHeader, length int) uint32 {
	if ip.Source.Is4() {
		if version == 2 || !ip.Destination.Is4() {
			return 0
		}
		src, dst := ip.Source.As4(), ip.Destination.As4()
		return byteSum(src[:]) + byteSum(dst[:]) + Protocol + uint32(length)
	}
	src, dst := ip.Source.As16(), ip.Destination.As16()
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
