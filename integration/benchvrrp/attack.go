package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"vigil/vrrp/wire"
)

// attackFrames is how many frames an attack has, which are sent again and again.
const attackFrames = 10_000

const (
	attackedVRID = 51
	password     = "s3cr3t"
)

var (
	group4         = netip.MustParseAddr("224.0.0.18")
	groupMAC       = []byte{0x01, 0, 0x5e, 0, 0, 18} // RFC 1112 section 6.4
	hostileAddress = netip.MustParsePrefix("10.77.0.66/24")
)

// attack is packets for a pair that must change nothing of what it does.
type attack struct {
	name     string
	pass     bool // the pair has a password, which means version 2 and a second between adverts
	answered bool // the master speaks, and announces its addresses anew
	packet   func(rng *rand.Rand, i int) []byte
}

// Somebody who sends what is right and better than the master becomes master by right where there is no password: none does.
var attacks = []attack{
	{name: "junk", packet: func(rng *rand.Rand, i int) []byte { return junk(rng, i%2 == 0) }},
	{name: "forged", packet: func(rng *rand.Rand, i int) []byte { return forged(rng, i%3) }},
	{name: "password", pass: true, packet: func(rng *rand.Rand, i int) []byte { return wrongPassword(rng, i%3) }},
	{name: "sources", answered: true, packet: func(_ *rand.Rand, i int) []byte { return lower(i) }},
}

// config is that of director d of the pair.
func (a attack) config(d int) string {
	if a.pass {
		return outageRouter(d, attackedVRID, "2", "1", "  authentication {\n    auth_type PASS\n    auth_pass "+password+"\n  }\n", "10.77.0.100/24")
	}
	return outageRouter(d, attackedVRID, "3", fmt.Sprint(quickly.Seconds()), "", "10.77.0.100/24")
}

// interval is the time between two adverts of the pair.
func (a attack) interval() time.Duration {
	if a.pass {
		return time.Second
	}
	return quickly
}

// frames are what is sent from a MAC address. They are the same in every run.
func (a attack) frames(source []byte) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var list [][]byte
	for i := range attackFrames {
		list = append(list, slices.Concat(groupMAC, source, []byte{0x08, 0x00}, a.packet(rng, i)))
	}
	return list
}

// claim is an advert of an owner, and its header, in which nothing is wrong.
func claim() (wire.Advert, wire.IPHeader) {
	return wire.Advert{Version: 3, VRID: attackedVRID, Priority: 255, Interval: quickly, Addresses: []netip.Addr{outageVIP}},
		wire.IPHeader{Source: hostileAddress.Addr(), Destination: group4, TTL: wire.TTL}
}

// junk is random bytes where the VRRP message should be, from none to a thousand. With ours they have the VRID of the pair in its place,
// or the socket's filter would keep most of them out.
func junk(rng *rand.Rand, ours bool) []byte {
	advert, ip := claim()
	packet := advert.AppendIPv4(nil, ip)[:wire.IPv4HeaderLen]
	for range rng.IntN(1001) {
		packet = append(packet, byte(rng.Uint32()))
	}
	if at := wire.IPv4HeaderLen + 1; ours && at < len(packet) {
		packet[at] = attackedVRID
	}
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	sealHeader(packet)
	return packet
}

// sealHeader fills in the checksum of an IPv4 header without options (RFC 791): a kernel drops packets with a wrong one by itself.
func sealHeader(packet []byte) {
	packet[10], packet[11] = 0, 0
	sum := uint32(0)
	for i := 0; i < wire.IPv4HeaderLen; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(packet[10:], ^uint16(sum))
}

// forged is the advert of an owner with one thing wrong: its checksum, its VRID, or its TTL, as if a router had passed it on.
func forged(rng *rand.Rand, kind int) []byte {
	advert, ip := claim()
	switch kind {
	case 0:
		packet := advert.AppendIPv4(nil, ip)
		packet[len(packet)-1] ^= byte(1 + rng.IntN(255)) // of the address
		return packet
	case 1:
		advert.VRID += uint8(1 + rng.IntN(204)) // not 0, which is none
	default:
		ip.TTL = uint8(1 + rng.IntN(wire.TTL-1))
	}
	return advert.AppendIPv4(nil, ip)
}

// wrongPassword is the advert of an owner without a password, with another one, or of a type that there is not.
func wrongPassword(rng *rand.Rand, kind int) []byte {
	advert, ip := claim()
	advert.Version, advert.Interval = 2, time.Second
	switch kind {
	case 0:
		advert.AuthType = wire.AuthNone
	case 1:
		advert.AuthType = wire.AuthPass
		copy(advert.AuthData[:], fmt.Sprintf("p%07d", rng.IntN(1e7)))
	default:
		advert.AuthType = wire.AuthType(3 + rng.IntN(253))
		copy(advert.AuthData[:], password)
	}
	return advert.AppendIPv4(nil, ip)
}

// lower is the advert of router i of ten thousand, in which nothing is wrong: a master answers it, and stays (RFC 9568 section 6.4.3).
func lower(i int) []byte {
	advert, ip := claim()
	advert.Priority = 50
	ip.Source = netip.AddrFrom4([4]byte{10, 66, byte(i / 250), byte(1 + i%250)})
	return advert.AppendIPv4(nil, ip)
}
