package lan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vigil/vrrp/wire"
)

// conn6 is a raw IPv6 socket for protocol 112 on one interface. It receives and sends VRRP messages without the IPv6
// header; hop limit, source and destination travel as control messages. The kernel computes and verifies the checksum.
type conn6 struct {
	pc    *ipv6.PacketConn
	sys   syscall.RawConn
	index int
	group netip.Addr // invalid for unicast
	out   []byte
	quit  chan struct{} // closed by Close
	done  chan struct{} // closed when the reader has ended
}

// listen6 opens the socket; it must run in the network namespace it is meant for.
func listen6(on Segment, deliver func(Received)) (*conn6, error) {
	lc := net.ListenConfig{Control: func(_, _ string, sys syscall.RawConn) error {
		return control(sys, func(fd int) error {
			if err := unix.BindToDevice(fd, on.Link.Name); err != nil {
				return os.NewSyscallError("bind to device", err)
			}
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0); err != nil {
				return os.NewSyscallError("setsockopt IPV6_MULTICAST_ALL", err)
			}
			return nil
		})
	}}
	pc, err := lc.ListenPacket(context.Background(), "ip6:112", "::")
	if err != nil {
		return nil, err
	}
	c := &conn6{pc: ipv6.NewPacketConn(pc), index: on.Link.Index, group: on.Group,
		quit: make(chan struct{}), done: make(chan struct{})}
	if err := c.configure(pc.(*net.IPConn), on); err != nil {
		_ = pc.Close()
		return nil, err
	}
	go c.receive(deliver)
	return c, nil
}

func (c *conn6) configure(pc *net.IPConn, on Segment) (err error) {
	if c.sys, err = pc.SyscallConn(); err != nil {
		return err
	}
	if err := c.Accept(nil); err != nil {
		return err
	}
	if err := c.pc.SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagDst, true); err != nil {
		return fmt.Errorf("request hop limit and destination: %w", err)
	}
	if err := c.pc.SetChecksum(true, checksumOffset); err != nil {
		return fmt.Errorf("set checksum offset: %w", err)
	}
	if err := c.pc.SetTrafficClass(wire.TrafficClass); err != nil {
		return fmt.Errorf("set traffic class: %w", err)
	}
	if !c.group.IsValid() {
		return nil
	}
	ifi := &net.Interface{Index: on.Link.Index, Name: on.Link.Name}
	if err := c.pc.SetMulticastInterface(ifi); err != nil {
		return fmt.Errorf("set multicast interface: %w", err)
	}
	if err := c.pc.SetMulticastLoopback(false); err != nil {
		return fmt.Errorf("set multicast loopback: %w", err)
	}
	if err := c.pc.SetMulticastHopLimit(wire.TTL); err != nil {
		return fmt.Errorf("set hop limit: %w", err)
	}
	if err := c.pc.JoinGroup(ifi, &net.IPAddr{IP: c.group.AsSlice()}); err != nil {
		return fmt.Errorf("join %s: %w", c.group, err)
	}
	return nil
}

// checksumOffset is where the checksum is in a VRRP message (RFC 9568 §5.1).
const checksumOffset = 6

func (c *conn6) Accept(vrids []uint8) error {
	filter, err := filterIPv6(vrids)
	if err != nil {
		return err
	}
	if err := c.pc.SetBPF(filter); err != nil {
		return fmt.Errorf("attach socket filter: %w", err)
	}
	return nil
}

func (c *conn6) Send(a wire.Advert, ip wire.IPHeader) error {
	c.out = a.AppendTo(c.out[:0], ip)
	cm := ipv6.ControlMessage{Src: ip.Source.AsSlice(), IfIndex: c.index, HopLimit: int(ip.TTL)}
	flags := unix.MSG_DONTWAIT
	if c.group.IsValid() {
		flags |= unix.MSG_DONTROUTE
	}
	to := unix.SockaddrInet6{Addr: ip.Destination.As16()}
	if ip.Destination.IsLinkLocalUnicast() || ip.Destination.IsLinkLocalMulticast() {
		to.ZoneId = uint32(c.index)
	}
	return control(c.sys, func(fd int) error {
		_, err := unix.SendmsgN(fd, c.out, cm.Marshal(), &to, flags)
		return os.NewSyscallError("sendmsg", err)
	})
}

func (c *conn6) Close() error {
	close(c.quit)
	err := c.pc.Close()
	<-c.done
	return err
}

func (c *conn6) receive(deliver func(Received)) {
	defer close(c.done)
	b := make([]byte, receiveBuffer)
	for {
		n, cm, from, err := c.pc.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			pause(c.quit)
			continue
		}
		source, ok := from.(*net.IPAddr)
		if !ok || cm == nil {
			continue
		}
		var h wire.IPHeader
		h.Source, _ = netip.AddrFromSlice(source.IP)
		h.Destination, _ = netip.AddrFromSlice(cm.Dst)
		h.TTL = uint8(cm.HopLimit)
		// A unicast socket hears the groups that its own kind joins too, and the other way round.
		if !h.Source.Is6() || h.Destination.IsMulticast() != c.group.IsValid() {
			continue
		}
		deliver(decodeIPv6(b[:n], h))
	}
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
