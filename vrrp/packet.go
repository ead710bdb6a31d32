package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Advert is a decoded VRRP advertisement.
type Advert struct {
	Version   uint8
	VRID      uint8
	Priority  uint8
	Interval  time.Duration // v2: whole seconds; v3: centiseconds
	AuthType  AuthType
	AuthData  [8]byte // v2 over IPv4
	Addresses []netip.Addr
	TTL       uint8 // of the IP packet; not part of what is sent
}

// IPHeader holds the fields of an IP header that matter to VRRP.
type IPHeader struct {
	Source      netip.Addr
	Destination netip.Addr // the multicast group, or the unicast peer
	TTL         uint8      // hop limit for IPv6
	ID          uint16     // IPv4 identification; not checked on receipt
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

const (
	protocolVRRP  = 112 // RFC 9568 §5.1.1.4
	tosVRRP       = 0xc0
	vrrpHeaderLen = 8
	authDataLen   = 8 // RFC 3768 §5.3.10; present in every v2 packet over IPv4
	typeAdvert    = 1 // RFC 9568 §5.2.2
	ipv4HeaderLen = 20
	minEthernetIP = 46 // shorter IP packets are padded up to this on Ethernet
	maxInterval12 = 0xfff
	centisecond   = 10 * time.Millisecond
	requiredTTL   = 255 // RFC 9568 §5.1.1.3
	maxAddresses  = 255 // the count is one byte
)

// ParseIPv4 splits a packet from a raw IPv4 socket into its header and the VRRP message it carries. The message
// shares b. Bytes after the length that the header states are taken for Ethernet padding when they can be that.
func ParseIPv4(b []byte) (IPHeader, []byte, DropReason) {
	if len(b) < ipv4HeaderLen || b[0]>>4 != 4 {
		return IPHeader{}, nil, DropTruncated
	}
	hlen := int(b[0]&0xf) * 4
	h := IPHeader{
		Source:      netip.AddrFrom4([4]byte(b[12:16])),
		Destination: netip.AddrFrom4([4]byte(b[16:20])),
		TTL:         b[8],
		ID:          binary.BigEndian.Uint16(b[4:6]),
	}
	total := int(binary.BigEndian.Uint16(b[2:4]))
	switch {
	case hlen < ipv4HeaderLen || len(b) < hlen+vrrpHeaderLen || total > len(b) || total < hlen+vrrpHeaderLen:
		return h, nil, DropTruncated
	case b[9] != protocolVRRP:
		return h, nil, DropType
	case total < len(b) && !padded(len(b), total):
		return h, b[hlen:], DropLength
	}
	return h, b[hlen:total], DropNone
}

// padded reports whether got bytes can be an IPv4 packet of want bytes with Ethernet padding behind it. keepalived
// asks for the remainder because every VRRP packet is a multiple of four bytes long and the padded one is not.
func padded(got, want int) bool { return want < minEthernetIP && got > want && (got-want)%4 == 2 }

// ParseAdvert decodes the VRRP message pdu of the packet with header ip (RFC 3768 §5, RFC 9568 §5) and verifies what
// needs no knowledge of the virtual router: length, TTL 255 of a multicast packet, version 2 or 3, type, checksum.
// IPv6 checksums are verified too, so that a socket need not have the kernel do it.
//
// The addresses are appended to buf, which may be nil; nothing else is allocated and pdu is not kept. With a reason
// other than DropNone, VRID and Version are set when the message is long enough to have them, and nothing else is.
func ParseAdvert(pdu []byte, ip IPHeader, buf []netip.Addr) (Advert, DropReason) {
	if len(pdu) < vrrpHeaderLen {
		return Advert{}, DropTruncated
	}
	rejected := Advert{Version: pdu[0] >> 4, VRID: pdu[1]}
	v4 := ip.Source.Is4()
	size, count := 16, int(pdu[3])
	if v4 {
		size = 4
	}
	want := vrrpHeaderLen + count*size
	if rejected.Version == 2 && v4 {
		want += authDataLen
	}
	switch {
	case len(pdu) != want && !(v4 && padded(ipv4HeaderLen+len(pdu), ipv4HeaderLen+want)):
		return rejected, DropLength
	case ip.Destination.IsMulticast() && ip.TTL != requiredTTL:
		return rejected, DropTTL
	case rejected.Version != 2 && rejected.Version != 3:
		return rejected, DropVersion
	case pdu[0]&0xf != typeAdvert:
		return rejected, DropType
	}
	pdu = pdu[:want]
	if foldChecksum(pseudoSum(rejected.Version, ip, want)+byteSum(pdu)) != 0xffff {
		return rejected, DropChecksum
	}
	a := rejected
	a.Priority, a.TTL = pdu[2], ip.TTL
	if a.Version == 2 {
		a.AuthType = AuthType(pdu[4])
		a.Interval = time.Duration(pdu[5]) * time.Second
		if v4 {
			a.AuthData = [authDataLen]byte(pdu[want-authDataLen:])
		}
	} else {
		// The upper four bits are reserved and ignored on receipt (RFC 9568 §5.2.6).
		a.Interval = time.Duration(binary.BigEndian.Uint16(pdu[4:6])&maxInterval12) * centisecond
	}
	for i := range count {
		at := pdu[vrrpHeaderLen+i*size:]
		if v4 {
			buf = append(buf, netip.AddrFrom4([4]byte(at)))
		} else {
			buf = append(buf, netip.AddrFrom16([16]byte(at)))
		}
	}
	a.Addresses = buf
	return a, DropNone
}

// AppendTo appends the advert as a VRRP message in a packet with header ip to b: header, addresses in order and, for
// version 2 over IPv4, the authentication data. The checksum is filled in for both families, so an IPv6 socket that
// computes it in the kernel arrives at the same value.
func (a Advert) AppendTo(b []byte, ip IPHeader) []byte {
	start := len(b)
	b = append(b, a.Version<<4|typeAdvert, a.VRID, a.Priority, uint8(len(a.Addresses)))
	if a.Version == 2 {
		b = append(b, uint8(a.AuthType), uint8(a.Interval/time.Second))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(a.Interval/centisecond)&maxInterval12)
	}
	b = append(b, 0, 0)
	for _, addr := range a.Addresses {
		b = append(b, addr.AsSlice()...)
	}
	if a.Version == 2 && ip.Source.Is4() {
		b = append(b, a.AuthData[:]...)
	}
	pdu := b[start:]
	sum := ^foldChecksum(pseudoSum(a.Version, ip, len(pdu)) + byteSum(pdu))
	binary.BigEndian.PutUint16(pdu[6:], sum)
	return b
}

// AppendIPv4 appends the advert as a whole IPv4 packet to b, for a socket with IP_HDRINCL: traffic class 0xc0 (Internet
// Control), no options, fragmentation not forbidden, header checksum filled in.
func (a Advert) AppendIPv4(b []byte, ip IPHeader) []byte {
	start := len(b)
	b = append(b, 0x45, tosVRRP, 0, 0)
	b = binary.BigEndian.AppendUint16(b, ip.ID)
	b = append(b, 0, 0, ip.TTL, protocolVRRP, 0, 0)
	src, dst := ip.Source.As4(), ip.Destination.As4()
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	b = a.AppendTo(b, ip)
	packet := b[start:]
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	binary.BigEndian.PutUint16(packet[10:], ^foldChecksum(byteSum(packet[:ipv4HeaderLen])))
	return b
}

// pseudoSum is the unfolded sum of the pseudo header: none for v2 over IPv4 (RFC 3768 §5.3.8), the IPv4 one of
// RFC 9568 §5.2.8 for v3, and that of RFC 8200 §8.1 for IPv6 in either version.
func pseudoSum(version uint8, ip IPHeader, length int) uint32 {
	if ip.Source.Is4() {
		if version == 2 || !ip.Destination.Is4() {
			return 0
		}
		src, dst := ip.Source.As4(), ip.Destination.As4()
		return byteSum(src[:]) + byteSum(dst[:]) + protocolVRRP + uint32(length)
	}
	src, dst := ip.Source.As16(), ip.Destination.As16()
	return byteSum(src[:]) + byteSum(dst[:]) + protocolVRRP + uint32(length)
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
