package healthcheck

import "encoding/binary"

// The types of an echo (RFC 792; RFC 4443 §4).
const (
	echoRequestType   = 8
	echoReplyType     = 0
	echoRequestTypeV6 = 128
	echoReplyTypeV6   = 129
)

const (
	ipv4HeaderLength = 20 // at least
	echoHeaderLength = 8
)

// echo is what tells an answer from others.
type echo struct{ id, seq uint16 }

// request is the message of an echo request. The checksum is that of ICMPv4: over IPv6 the kernel makes it, and on sockets
// without privilege it chooses the identifier too.
func (e echo) request(v6 bool, payload string) []byte {
	b := make([]byte, echoHeaderLength, echoHeaderLength+len(payload))
	b[0] = echoRequestType
	if v6 {
		b[0] = echoRequestTypeV6
	}
	binary.BigEndian.PutUint16(b[4:], e.id)
	binary.BigEndian.PutUint16(b[6:], e.seq)
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	return b
}

// echoReply finds the echo reply in what a socket has received: ICMP, with the IP header before it if the socket is a raw
// one of IPv4. The kernel has verified the checksum.
func echoReply(packet []byte, v6, raw bool) (e echo, ok bool) {
	reply := byte(echoReplyType)
	switch {
	case v6:
		reply = echoReplyTypeV6
	case raw:
		if len(packet) < ipv4HeaderLength {
			return e, false
		}
		header := 4 * int(packet[0]&0x0f)
		if header < ipv4HeaderLength || len(packet) < header {
			return e, false
		}
		packet = packet[header:]
	}
	if len(packet) < echoHeaderLength || packet[0] != reply || packet[1] != 0 {
		return e, false
	}
	return echo{binary.BigEndian.Uint16(packet[4:]), binary.BigEndian.Uint16(packet[6:])}, true
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
