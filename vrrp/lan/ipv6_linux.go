package lan

import (
	"net/netip"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vigil/vrrp/wire"
)

// ipv6Family receives and sends VRRP messages without the IPv6 header, which the kernel keeps to itself (RFC 3542 §3);
// what we need of it comes and goes as ancillary data.
type ipv6Family struct {
	multicast bool
	index     int // of the interface; 0 = as it is routed
	oob       [128]byte
}

func (*ipv6Family) domain() int   { return unix.AF_INET6 }
func (*ipv6Family) protocol() int { return wire.Protocol }

// checksumOffset is where the checksum is in a VRRP message (RFC 9568 §5.1).
const checksumOffset = 6

func (f *ipv6Family) options(on Segment) []option {
	list := []option{
		intOption("IPV6_MULTICAST_ALL", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0),
		intOption("IPV6_RECVHOPLIMIT", unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1),
		intOption("IPV6_RECVPKTINFO", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1),
		intOption("IPV6_CHECKSUM", unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, checksumOffset),
		intOption("IPV6_TCLASS", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, wire.TrafficClass),
	}
	if on.Source.IsValid() {
		return append(list, // the address may come and go
			intOption("IPV6_FREEBIND", unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1),
			option{"bind to " + on.Source.String(), func(fd int) error {
				return unix.Bind(fd, &unix.SockaddrInet6{Addr: on.Source.As16()})
			}})
	}
	if !f.multicast {
		return list
	}
	return append(list,
		intOption("IPV6_MULTICAST_IF", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, on.Link.Index),
		intOption("IPV6_MULTICAST_LOOP", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0),
		intOption("IPV6_MULTICAST_HOPS", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, wire.TTL),
		option{"join " + on.Group.String(), func(fd int) error {
			return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
				&unix.IPv6Mreq{Multiaddr: on.Group.As16(), Interface: uint32(on.Link.Index)})
		}})
}

func (*ipv6Family) filter(vrids []uint8) ([]bpf.RawInstruction, error) { return filterIPv6(vrids) }

func (f *ipv6Family) send(fd int, buf []byte, a wire.Advert, ip wire.IPHeader) ([]byte, error) {
	buf = a.AppendTo(buf, ip)
	cm := ipv6.ControlMessage{Src: ip.Source.AsSlice(), IfIndex: f.index, HopLimit: int(ip.TTL)}
	flags := unix.MSG_DONTWAIT
	if f.multicast {
		flags |= unix.MSG_DONTROUTE
	}
	to := unix.SockaddrInet6{Addr: ip.Destination.As16()}
	if ip.Destination.IsLinkLocalUnicast() || ip.Destination.IsLinkLocalMulticast() {
		to.ZoneId = uint32(f.index)
	}
	_, err := unix.SendmsgN(fd, buf, cm.Marshal(), &to, flags)
	return buf, err
}

func (f *ipv6Family) receive(fd int, buf []byte) (Received, bool, error) {
	n, oobn, _, from, err := unix.Recvmsg(fd, buf, f.oob[:], unix.MSG_DONTWAIT)
	if err != nil {
		return Received{}, false, err
	}
	var cm ipv6.ControlMessage
	source, ok := from.(*unix.SockaddrInet6)
	if !ok || cm.Parse(f.oob[:oobn]) != nil {
		return Received{}, false, nil
	}
	h := wire.IPHeader{Source: netip.AddrFrom16(source.Addr), TTL: uint8(cm.HopLimit)}
	h.Destination, _ = netip.AddrFromSlice(cm.Dst)
	// A unicast socket hears the groups that its own kind joins too, and the other way round.
	if h.Destination.IsMulticast() != f.multicast {
		return Received{}, false, nil
	}
	r := decodeIPv6(buf[:n], h)
	r.Queued = queued(f.oob[:oobn], time.Now())
	return r, true, nil
}

// decodeIPv6 decodes one message. Foreign bytes that break the decoder cost that message only.
func decodeIPv6(b []byte, h wire.IPHeader) (r Received) {
	defer func() {
		if recover() != nil {
			r = Received{Reason: wire.DropTruncated}
		}
	}()
	r = Received{Header: h}
	r.Advert, r.Reason = wire.ParseAdvert(b, h, nil)
	return r
}
