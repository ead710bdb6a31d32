package testlan

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

// Frame is one Ethernet frame as it entered the segment.
type Frame struct {
	Time time.Time // the kernel's receive time
	Host string    // who sent it, by the cable it came in on
	Data []byte
}

// Advert is a VRRP advertisement (RFC 3768, RFC 9568, over IPv4) as far as tests need it.
type Advert struct {
	Time     time.Time
	Host     string
	Source   netip.Addr
	ID       uint16 // of the IP header
	Version  uint8
	VRID     uint8
	Priority uint8
	Interval time.Duration
}

// Announcement is a gratuitous ARP: sender and target protocol address are the same.
type Announcement struct {
	Time    time.Time
	Host    string
	Address netip.Addr
	MAC     net.HardwareAddr
}

const (
	etherHeader = 14
	etherIPv4   = 0x0800
	etherARP    = 0x0806
	etherIPv6   = 0x86dd
	protoIGMP   = 2
	protoVRRP   = 112
	protoAH     = 51
)

// Advert decodes the frame; ok is false for anything else.
func (f Frame) Advert() (a Advert, ok bool) {
	if len(f.Data) < etherHeader+20 || binary.BigEndian.Uint16(f.Data[12:]) != etherIPv4 {
		return a, false
	}
	ip := f.Data[etherHeader:]
	header := int(ip[0]&0x0f) * 4
	body := ip[min(header, len(ip)):]
	proto := ip[9]
	if proto == protoAH && len(body) >= 24 {
		proto, body = body[0], body[24:]
	}
	if proto != protoVRRP || len(body) < 8 {
		return a, false
	}
	source, _ := netip.AddrFromSlice(ip[12:16])
	a = Advert{Time: f.Time, Host: f.Host, Source: source, ID: binary.BigEndian.Uint16(ip[4:]),
		Version: body[0] >> 4, VRID: body[1], Priority: body[2]}
	switch a.Version {
	case 2:
		a.Interval = time.Duration(body[5]) * time.Second
	case 3:
		a.Interval = time.Duration(binary.BigEndian.Uint16(body[4:])&0x0fff) * 10 * time.Millisecond
	default:
		return a, false
	}
	return a, body[0]&0x0f == 1
}

// Announcement decodes the frame; ok is false for anything else.
func (f Frame) Announcement() (g Announcement, ok bool) {
	if len(f.Data) < etherHeader+28 || binary.BigEndian.Uint16(f.Data[12:]) != etherARP {
		return g, false
	}
	arp := f.Data[etherHeader:]
	sender, _ := netip.AddrFromSlice(arp[14:18])
	target, _ := netip.AddrFromSlice(arp[24:28])
	if binary.BigEndian.Uint16(arp[2:]) != etherIPv4 || sender != target {
		return g, false
	}
	return Announcement{Time: f.Time, Host: f.Host, Address: sender, MAC: net.HardwareAddr(arp[8:14])}, true
}

// Joins tells whether the frame is an IGMP report (RFC 3376 section 4.2, RFC 2236) by which its sender joins the group.
func (f Frame) Joins(group netip.Addr) bool {
	if len(f.Data) < etherHeader+20 || binary.BigEndian.Uint16(f.Data[12:]) != etherIPv4 || f.Data[etherHeader+9] != protoIGMP {
		return false
	}
	ip := f.Data[etherHeader:]
	igmp := ip[min(int(ip[0]&0x0f)*4, len(ip)):]
	const v2Report, v3Report, isExclude, toExclude = 0x16, 0x22, 2, 4
	switch {
	case len(igmp) >= 8 && igmp[0] == v2Report:
		joined, _ := netip.AddrFromSlice(igmp[4:8])
		return joined == group
	case len(igmp) >= 8 && igmp[0] == v3Report:
		records := igmp[8:]
		for range binary.BigEndian.Uint16(igmp[6:]) {
			if len(records) < 8 {
				return false
			}
			joined, _ := netip.AddrFromSlice(records[4:8])
			if joined == group && (records[0] == isExclude || records[0] == toExclude) {
				return true
			}
			length := 8 + 4*int(binary.BigEndian.Uint16(records[2:])) + 4*int(records[1])
			records = records[min(length, len(records)):]
		}
	}
	return false
}
