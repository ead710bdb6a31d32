package wire

import (
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	// HeaderLen is the length in bytes of a message without addresses and authentication data (RFC 9568 §5.1).
	HeaderLen = 8
	// AuthDataLen is the length in bytes of the authentication data (RFC 3768 §5.3.10), present in every version 2 message
	// over IPv4.
	AuthDataLen = 8
	// TypeAdvert is the only type of message there is (RFC 9568 §5.2.2).
	TypeAdvert = 1
	// MaxAddresses is how many addresses a message can have: their number is one byte.
	MaxAddresses = 255
	// Centisecond is the unit of the interval in version 3 (RFC 9568 §5.2.7).
	Centisecond = 10 * time.Millisecond

	maxInterval12 = 0xfff
)

// Advert is a decoded VRRP advertisement.
type Advert struct {
	Version   uint8
	VRID      uint8
	Priority  uint8
	Interval  time.Duration // v2: whole seconds; v3: centiseconds
	AuthType  AuthType
	AuthData  [AuthDataLen]byte // v2 over IPv4; with AuthAH the key, which is not sent
	Addresses []netip.Addr
	TTL       uint8 // of the IP packet; not part of what is sent

	// Checksum is what the checksum covers. Group is for ChecksumGroup, of an advert to be sent; Residue comes with
	// ChecksumUnknown, see CoversGroup.
	Checksum Checksum
	Group    netip.Addr
	Residue  uint16

	Sequence  uint32     // of an advert to be sent with AuthAH
	Signature *Signature // of an advert to be sent; nil without auth_hmac
	AH        *AH        // received
	Trailer   *Trailer   // received
}

// ParseAdvert decodes the VRRP message pdu of the packet with header ip (RFC 3768 §5, RFC 9568 §5) and verifies what
// needs no knowledge of the virtual router: length, TTL 255 of a multicast packet, version 2 or 3, type, checksum.
// IPv6 checksums are verified too, so that a socket need not have the kernel do it. Which forms of a version 3 checksum
// over IPv4 count the virtual router knows: Checksum says what was found.
//
// The addresses are appended to buf, which may be nil; nothing else is allocated but what AH and Trailer need, and pdu is
// not kept. With a reason
// other than DropNone, VRID and Version are set when the message is long enough to have them, and nothing else is.
func ParseAdvert(pdu []byte, ip IPHeader, buf []netip.Addr) (Advert, DropReason) {
	if len(pdu) < HeaderLen {
		return Advert{}, DropTruncated
	}
	rejected := Advert{Version: pdu[0] >> 4, VRID: pdu[1]}
	v4 := ip.Source.Is4()
	size, count := 16, int(pdu[3])
	if v4 {
		size = 4
	}
	want := HeaderLen + count*size
	if rejected.Version == 2 && v4 {
		want += AuthDataLen
	}
	signed := len(pdu) == want+TrailerLen
	switch {
	case len(pdu) != want && !signed && !(v4 && padded(IPv4HeaderLen+len(pdu), IPv4HeaderLen+want)):
		return rejected, DropLength
	case ip.Destination.IsMulticast() && ip.TTL != TTL:
		return rejected, DropTTL
	case rejected.Version != 2 && rejected.Version != 3:
		return rejected, DropVersion
	case pdu[0]&0xf != TypeAdvert:
		return rejected, DropType
	}
	whole := pdu
	pdu = pdu[:want]
	a, ok := rejected, true
	if v4 || !signed {
		whole = pdu
	}
	if a.Checksum, a.Residue, ok = checksumOf(a.Version, ip, whole); !ok {
		return rejected, DropChecksum
	}
	if a.AH = ip.AH; signed {
		a.Trailer = parseTrailer(ip.Source, pdu, pdu[want:want+TrailerLen])
	}
	a.Priority, a.TTL = pdu[2], ip.TTL
	if a.Version == 2 {
		a.AuthType = AuthType(pdu[4])
		a.Interval = time.Duration(pdu[5]) * time.Second
		if v4 && a.AuthType != AuthAH {
			a.AuthData = [AuthDataLen]byte(pdu[want-AuthDataLen:])
		}
	} else {
		// The upper four bits are reserved and ignored on receipt (RFC 9568 §5.2.6).
		a.Interval = time.Duration(binary.BigEndian.Uint16(pdu[4:6])&maxInterval12) * Centisecond
	}
	for i := range count {
		at := pdu[HeaderLen+i*size:]
		if v4 {
			buf = append(buf, netip.AddrFrom4([4]byte(at)))
		} else {
			buf = append(buf, netip.AddrFrom16([16]byte(at)))
		}
	}
	a.Addresses = buf
	return a, DropNone
}

// AppendTo appends the advert as a VRRP message in a packet with header ip to b: header, addresses in order, for
// version 2 over IPv4 the authentication data, and the trailer if it has a Signature. The checksum is filled in for both
// families, so an IPv6 socket that computes it in the kernel arrives at the same value.
func (a Advert) AppendTo(b []byte, ip IPHeader) []byte {
	start := len(b)
	b = append(b, a.Version<<4|TypeAdvert, a.VRID, a.Priority, uint8(len(a.Addresses)))
	if a.Version == 2 {
		b = append(b, uint8(a.AuthType), uint8(a.Interval/time.Second))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(a.Interval/Centisecond)&maxInterval12)
	}
	b = append(b, 0, 0)
	for _, addr := range a.Addresses {
		b = append(b, addr.AsSlice()...)
	}
	if a.Version == 2 && ip.Source.Is4() {
		if a.AuthType == AuthAH {
			b = append(b, make([]byte, AuthDataLen)...)
		} else {
			b = append(b, a.AuthData[:]...)
		}
	}
	end := len(b)
	if a.Signature != nil {
		b = a.Signature.append(b, ip.Source, b[start:])
	}
	pdu := b[start:]
	if ip.Source.Is4() {
		pdu = b[start:end] // the trailer is no part of the message, as to the checksum
	}
	binary.BigEndian.PutUint16(pdu[6:], ^foldChecksum(a.pseudoSum(ip, len(pdu))+byteSum(pdu)))
	return b
}
