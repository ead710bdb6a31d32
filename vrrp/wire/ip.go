package wire

import (
	"encoding/binary"
	"net/netip"
)

const (
	// Protocol is VRRP's number in the IP header (RFC 9568 §5.1.1.4).
	Protocol = 112
	// ProtocolAH is the number of the authentication header (RFC 2402 §2), in front of a message with AuthAH.
	ProtocolAH = 51
	// TTL is what a multicast packet is sent with, and must arrive with: no router has passed it on (RFC 9568 §5.1.1.3).
	TTL = 255
	// TrafficClass is the TOS of our packets: Internet Control.
	TrafficClass = 0xc0
	// IPv4HeaderLen is the length in bytes of an IPv4 header without options.
	IPv4HeaderLen = 20

	minEthernetIP = 46 // shorter IP packets are padded up to this on Ethernet
)

// IPHeader holds the fields of an IP header that matter to VRRP.
type IPHeader struct {
	Source      netip.Addr
	Destination netip.Addr // the multicast group, or the unicast peer
	TTL         uint8      // hop limit for IPv6
	ID          uint16     // IPv4 identification; not checked on receipt
	AH          *AH        // of a received IPv4 packet that has one
}

// ParseIPv4 splits a packet from a raw IPv4 socket into its header, with the authentication header if there is one, and
// the VRRP message it carries. The message shares b. Bytes after the length that the header states are taken for Ethernet padding when they can be that.
func ParseIPv4(b []byte) (IPHeader, []byte, DropReason) {
	if len(b) < IPv4HeaderLen || b[0]>>4 != 4 {
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
	case hlen < IPv4HeaderLen || len(b) < hlen+HeaderLen || total > len(b) || total < hlen+HeaderLen:
		return h, nil, DropTruncated
	case b[9] == ProtocolAH:
		return parseAH(b, h, hlen, total)
	case b[9] != Protocol:
		return h, nil, DropType
	case total < len(b) && !padded(len(b), total):
		return h, b[hlen:], DropLength
	}
	return h, b[hlen:total], DropNone
}

// padded reports whether got bytes can be an IPv4 packet of want bytes with Ethernet padding behind it. keepalived
// asks for the remainder because every VRRP packet is a multiple of four bytes long and the padded one is not.
func padded(got, want int) bool { return want < minEthernetIP && got > want && (got-want)%4 == 2 }

// AppendIPv4 appends the advert as a whole IPv4 packet to b, for a socket with IP_HDRINCL: traffic class 0xc0 (Internet
// Control), no options, fragmentation not forbidden, header checksum filled in; with AuthAH the authentication header too.
func (a Advert) AppendIPv4(b []byte, ip IPHeader) []byte {
	start := len(b)
	protocol := uint8(Protocol)
	if a.authenticated() {
		protocol = ProtocolAH
	}
	b = append(b, 0x45, TrafficClass, 0, 0)
	b = binary.BigEndian.AppendUint16(b, ip.ID)
	b = append(b, 0, 0, ip.TTL, protocol, 0, 0)
	src, dst := ip.Source.As4(), ip.Destination.As4()
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	if protocol == ProtocolAH {
		b = appendAH(b, src, a.Sequence)
	}
	b = a.AppendTo(b, ip)
	packet := b[start:]
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	if protocol == ProtocolAH {
		sealAH(packet, a.AuthData, !ip.Destination.IsMulticast())
	}
	binary.BigEndian.PutUint16(packet[10:], ^foldChecksum(byteSum(packet[:IPv4HeaderLen])))
	return b
}
