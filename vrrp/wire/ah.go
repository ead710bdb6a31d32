package wire

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
)

const (
	// AHLen is the length in bytes of the authentication header: 12 and a 96-bit check value (RFC 2402 §2).
	AHLen = 24
	// MaxSequence is the last sequence number that is sent: they must not cycle (RFC 2402 §2.5), and keepalived stops here.
	MaxSequence = 0xfffffffd

	ahPayloadLen = AHLen/4 - 2 // as the header states it
	ahICV        = 12          // where the check value begins
	icvLen       = 12
)

// AH is the authentication header of a received packet (RFC 2402 §2).
type AH struct {
	SPI      uint32
	Sequence uint32

	source  netip.Addr
	icv     [icvLen]byte
	covered []byte // the packet with everything zero that the check value does not cover, but for the TTL
}

// Equal reports whether g and h are the same.
func (h *AH) Equal(g *AH) bool {
	if h == nil || g == nil {
		return h == g
	}
	return h.SPI == g.SPI && h.Sequence == g.Sequence && h.icv == g.icv
}

// Verify checks the integrity check value (RFC 2402 §3.3.3) and the SPI, which is the source address. As keepalived has
// it, the TTL is covered, as received, in multicast packets only.
func (h *AH) Verify(key [AuthDataLen]byte, unicast bool) DropReason {
	ttl := h.covered[8]
	if unicast {
		h.covered[8] = 0
	}
	icv := integrity(key, h.covered)
	h.covered[8] = ttl
	src := h.source.As4()
	switch {
	case subtle.ConstantTimeCompare(icv[:], h.icv[:]) == 0:
		return DropAuthFailure
	case h.SPI != binary.BigEndian.Uint32(src[:]):
		return DropSPI
	}
	return DropNone
}

// integrity is HMAC-MD5-96 (RFC 2403).
func integrity(key [AuthDataLen]byte, covered []byte) (icv [icvLen]byte) {
	mac := hmac.New(md5.New, key[:])
	_, _ = mac.Write(covered)
	copy(icv[:], mac.Sum(nil))
	return icv
}

// parseAH is ParseIPv4 for a packet with an authentication header.
func parseAH(b []byte, h IPHeader, hlen, total int) (IPHeader, []byte, DropReason) {
	message := hlen + AHLen
	if total < message+HeaderLen {
		return h, nil, DropTruncated
	}
	if total < len(b) { // too long for padding
		return h, b[message:], DropLength
	}
	ah := b[hlen:message]
	if ah[0] != Protocol || ah[1] != ahPayloadLen {
		return h, nil, DropType
	}
	covered := append(make([]byte, 0, total), b[:total]...)
	h.AH = &AH{SPI: binary.BigEndian.Uint32(ah[4:]), Sequence: binary.BigEndian.Uint32(ah[8:]), source: h.Source,
		icv: [icvLen]byte(ah[ahICV:]), covered: covered}
	clearMutable(covered, hlen)
	return h, b[message:total], DropNone
}

// clearMutable makes zero what changes on the way, TOS, fragmentation and checksum (RFC 2402 §3.3.3.1.1), and the check
// value itself.
func clearMutable(packet []byte, hlen int) {
	packet[1] = 0
	clear(packet[6:8])
	clear(packet[10:12])
	clear(packet[hlen+ahICV : hlen+ahICV+icvLen])
}

// authenticated reports whether the advert is sent with an authentication header.
func (a *Advert) authenticated() bool { return a.Version == 2 && a.AuthType == AuthAH }

// appendAH appends the header without its check value.
func appendAH(b []byte, src [4]byte, sequence uint32) []byte {
	b = append(b, Protocol, ahPayloadLen, 0, 0)
	b = append(b, src[:]...)
	b = binary.BigEndian.AppendUint32(b, sequence)
	return append(b, make([]byte, icvLen)...)
}

// sealAH fills in the check value of a packet whose IP header has no checksum yet.
func sealAH(packet []byte, key [AuthDataLen]byte, unicast bool) {
	tos, ttl := packet[1], packet[8]
	if packet[1] = 0; unicast {
		packet[8] = 0
	}
	icv := integrity(key, packet)
	packet[1], packet[8] = tos, ttl
	copy(packet[IPv4HeaderLen+ahICV:], icv[:])
}

// MarshalText returns the header, with what it authenticates, so that it can be verified again. It cannot fail.
func (h *AH) MarshalText() ([]byte, error) {
	src := h.source.As4()
	b := binary.BigEndian.AppendUint32(nil, h.SPI)
	b = append(binary.BigEndian.AppendUint32(b, h.Sequence), src[:]...)
	b = append(b, h.icv[:]...)
	return hex.AppendEncode(nil, append(b, h.covered...)), nil
}

// UnmarshalText accepts what MarshalText returns.
func (h *AH) UnmarshalText(text []byte) error {
	b, err := hex.AppendDecode(nil, text)
	if err != nil || len(b) < 12+icvLen+IPv4HeaderLen {
		return errors.New("this is no authentication header with its packet")
	}
	*h = AH{SPI: binary.BigEndian.Uint32(b), Sequence: binary.BigEndian.Uint32(b[4:]), source: netip.AddrFrom4([4]byte(b[8:])),
		icv: [icvLen]byte(b[12:]), covered: b[12+icvLen:]}
	return nil
}
