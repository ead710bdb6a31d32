package lan

import (
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"vigil/vrrp/wire"
)

// ipv4Family receives whole packets, so the TTL that is verified is that of the header on the wire, and sends whole
// packets, so the source, TTL and identification are ours.
type ipv4Family struct {
	multicast, ah bool
	oob           [64]byte
}

func (*ipv4Family) domain() int { return unix.AF_INET }

func (f *ipv4Family) protocol() int {
	if f.ah {
		return wire.ProtocolAH
	}
	return wire.Protocol
}

func (f *ipv4Family) options(on Segment) []option {
	list := []option{
		// Off, or the socket would hear every group that anybody in the namespace has joined.
		intOption("IP_MULTICAST_ALL", unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0),
		intOption("IP_HDRINCL", unix.IPPROTO_IP, unix.IP_HDRINCL, 1),
		// The header carries it anyway; this gives the packet its priority in the queue of the interface.
		intOption("IP_TOS", unix.IPPROTO_IP, unix.IP_TOS, wire.TrafficClass),
	}
	if on.Source.IsValid() {
		return append(list, // the address may come and go
			intOption("IP_FREEBIND", unix.IPPROTO_IP, unix.IP_FREEBIND, 1),
			option{"bind to " + on.Source.String(), func(fd int) error {
				return unix.Bind(fd, &unix.SockaddrInet4{Addr: on.Source.As4()})
			}})
	}
	if !f.multicast {
		return list
	}
	group := on.Group.As4()
	return append(list,
		option{"bind to the group", func(fd int) error { // only packets to the group reach the socket
			return unix.Bind(fd, &unix.SockaddrInet4{Addr: group})
		}},
		option{"IP_MULTICAST_IF", func(fd int) error {
			return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(on.Link.Index)})
		}},
		intOption("IP_MULTICAST_LOOP", unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0),
		option{"join " + on.Group.String(), func(fd int) error {
			return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
				&unix.IPMreqn{Multiaddr: group, Ifindex: int32(on.Link.Index)})
		}})
}

func (f *ipv4Family) filter(vrids []uint8) ([]bpf.RawInstruction, error) {
	return filterIPv4(vrids, !f.multicast, f.ah)
}

func (f *ipv4Family) send(fd int, buf []byte, a wire.Advert, ip wire.IPHeader) ([]byte, error) {
	buf = a.AppendIPv4(buf, ip)
	flags := unix.MSG_DONTWAIT
	if f.multicast {
		flags |= unix.MSG_DONTROUTE // the group is on this link, whatever the routing table says
	}
	return buf, unix.Sendto(fd, buf, flags, &unix.SockaddrInet4{Addr: ip.Destination.As4()})
}

func (f *ipv4Family) receive(fd int, buf []byte) (Received, bool, error) {
	n, oobn, _, _, err := unix.Recvmsg(fd, buf, f.oob[:], unix.MSG_DONTWAIT)
	if err != nil {
		return Received{}, false, err
	}
	r := DecodeIPv4(buf[:n])
	r.Queued = queued(f.oob[:oobn], time.Now())
	return r, true, nil
}

// DecodeIPv4 decodes what a raw IPv4 socket received. Foreign bytes that break the decoder cost that packet only.
func DecodeIPv4(b []byte) (r Received) {
	defer func() {
		if recover() != nil {
			r = Received{Reason: wire.DropTruncated}
		}
	}()
	header, pdu, reason := wire.ParseIPv4(b)
	r = Received{Header: header, Reason: reason}
	if reason != wire.DropNone {
		if len(pdu) >= wire.HeaderLen {
			r.Advert.Version, r.Advert.VRID = pdu[0]>>4, pdu[1]
		}
		return r
	}
	r.Advert, r.Reason = wire.ParseAdvert(pdu, header, nil)
	return r
}
