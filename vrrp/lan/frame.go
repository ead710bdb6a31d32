package lan

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ndp"
)

const (
	etherTypeARP  = 0x0806
	etherTypeIPv6 = 0x86dd

	etherHeaderLen = 14
	macLen         = 6
	ipv6HeaderLen  = 40
	protocolICMP6  = 58
	ndpHopLimit    = 255 // RFC 4861 §7.1.2
)

var (
	etherBroadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	etherAllNodes  = net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1} // RFC 2464 §7
	ipv6AllNodes   = netip.MustParseAddr("ff02::1")
)

// gratuitousARP returns the Ethernet frame that tells everybody on the link that mac now has the IPv4 address addr
// (RFC 5227 §3, "ARP announcement"): a request with addr as sender and target. The target hardware address is all ones,
// as keepalived has it. The frame is not padded; the interface does that.
func gratuitousARP(mac net.HardwareAddr, addr netip.Addr) ([]byte, error) {
	packet, err := arp.NewPacket(arp.OperationRequest, mac, addr, etherBroadcast, addr)
	if err != nil {
		return nil, fmt.Errorf("gratuitous ARP for %s: %w", addr, err)
	}
	b, err := packet.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("gratuitous ARP for %s: %w", addr, err)
	}
	return append(etherHeader(etherBroadcast, mac, etherTypeARP), b...), nil
}

// neighbourAdvert returns the Ethernet frame of an unsolicited neighbour advertisement (RFC 4861 §7.2.6) that tells all
// nodes that mac now has the IPv6 address addr. Override is set; router says whether this host forwards IPv6.
func neighbourAdvert(mac net.HardwareAddr, addr netip.Addr, router bool) ([]byte, error) {
	icmp, err := ndp.MarshalMessageChecksum(&ndp.NeighborAdvertisement{
		Router:        router,
		Override:      true,
		TargetAddress: addr,
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: mac}},
	}, addr, ipv6AllNodes)
	if err != nil {
		return nil, fmt.Errorf("neighbour advertisement for %s: %w", addr, err)
	}
	b := etherHeader(etherAllNodes, mac, etherTypeIPv6)
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(icmp)))
	b = append(b, protocolICMP6, ndpHopLimit)
	b = append(b, addr.AsSlice()...)
	b = append(b, ipv6AllNodes.AsSlice()...)
	return append(b, icmp...), nil
}

func etherHeader(to, from net.HardwareAddr, etherType uint16) []byte {
	b := make([]byte, 0, etherHeaderLen+ipv6HeaderLen+32)
	b = append(b, to...)
	b = append(b, from...)
	return binary.BigEndian.AppendUint16(b, etherType)
}
