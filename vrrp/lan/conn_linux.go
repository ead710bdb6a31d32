package lan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"vigil/vrrp/wire"
)

const (
	receiveBatch  = 8                      // packets per system call
	receiveBuffer = 4608                   // bytes per packet; the longest advert has 255 IPv6 addresses
	receivePause  = 100 * time.Millisecond // after a read error, which the kernel might repeat at once
)

// conn4 is a raw IPv4 socket for protocol 112 on one interface. It receives whole packets, so the TTL that is verified
// is that of the header on the wire, and sends whole packets, so the source, TTL and identification are ours.
type conn4 struct {
	raw     *ipv4.RawConn
	sys     syscall.RawConn
	unicast bool
	out     []byte        // the packet being sent
	quit    chan struct{} // closed by Close
	done    chan struct{} // closed when the reader has ended
}

// listen4 opens the socket; it must run in the network namespace it is meant for.
func listen4(on Segment, deliver func(Received)) (*conn4, error) {
	local := netip.IPv4Unspecified()
	if on.Group.IsValid() {
		local = on.Group // only packets to the group reach the socket
	}
	lc := net.ListenConfig{Control: func(_, _ string, sys syscall.RawConn) error {
		return control(sys, func(fd int) error {
			if err := unix.BindToDevice(fd, on.Link.Name); err != nil {
				return os.NewSyscallError("bind to device", err)
			}
			// Off, or the socket would hear every group that anybody in the namespace has joined.
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0); err != nil {
				return os.NewSyscallError("setsockopt IP_MULTICAST_ALL", err)
			}
			return nil
		})
	}}
	pc, err := lc.ListenPacket(context.Background(), "ip4:112", local.String())
	if err != nil {
		return nil, err
	}
	c := &conn4{unicast: !on.Group.IsValid(), quit: make(chan struct{}), done: make(chan struct{})}
	if err := c.configure(pc.(*net.IPConn), on); err != nil {
		_ = pc.Close()
		return nil, err
	}
	go c.receive(deliver)
	return c, nil
}

func (c *conn4) configure(pc *net.IPConn, on Segment) (err error) {
	if c.sys, err = pc.SyscallConn(); err != nil {
		return err
	}
	if c.raw, err = ipv4.NewRawConn(pc); err != nil { // sets IP_HDRINCL
		return fmt.Errorf("include headers: %w", err)
	}
	if err := c.Accept(nil); err != nil {
		return err
	}
	// The header carries it anyway; this gives the packet its priority in the queue of the interface.
	if err := c.raw.SetTOS(wire.TrafficClass); err != nil {
		return fmt.Errorf("set TOS: %w", err)
	}
	if c.unicast {
		return nil
	}
	ifi := &net.Interface{Index: on.Link.Index, Name: on.Link.Name}
	if err := c.raw.SetMulticastInterface(ifi); err != nil {
		return fmt.Errorf("set multicast interface: %w", err)
	}
	if err := c.raw.SetMulticastLoopback(false); err != nil {
		return fmt.Errorf("set multicast loopback: %w", err)
	}
	if err := c.raw.JoinGroup(ifi, &net.IPAddr{IP: on.Group.AsSlice()}); err != nil {
		return fmt.Errorf("join %s: %w", on.Group, err)
	}
	return nil
}

func (c *conn4) Accept(vrids []uint8) error {
	filter, err := filterIPv4(vrids, c.unicast)
	if err != nil {
		return err
	}
	if err := c.raw.SetBPF(filter); err != nil {
		return fmt.Errorf("attach socket filter: %w", err)
	}
	return nil
}

func (c *conn4) Send(a wire.Advert, ip wire.IPHeader) error {
	c.out = a.AppendIPv4(c.out[:0], ip)
	flags := unix.MSG_DONTWAIT
	if !c.unicast {
		flags |= unix.MSG_DONTROUTE // the group is on this link, whatever the routing table says
	}
	to := unix.SockaddrInet4{Addr: ip.Destination.As4()}
	return control(c.sys, func(fd int) error {
		return os.NewSyscallError("sendto", unix.Sendto(fd, c.out, flags, &to))
	})
}

func (c *conn4) Close() error {
	close(c.quit)
	err := c.raw.Close()
	<-c.done
	return err
}

func (c *conn4) receive(deliver func(Received)) {
	defer close(c.done)
	batch := make([]ipv4.Message, receiveBatch)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, receiveBuffer)}
	}
	for {
		n, err := c.raw.ReadBatch(batch, 0)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			pause(c.quit)
			continue
		}
		for i := range batch[:n] {
			deliver(DecodeIPv4(batch[i].Buffers[0][:batch[i].N]))
		}
	}
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

// pause waits after a read error, or until quit is closed.
func pause(quit <-chan struct{}) {
	t := time.NewTimer(receivePause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-quit:
	}
}

// control runs f on the descriptor, at once and without waiting for it to become ready.
func control(sys syscall.RawConn, f func(fd int) error) error {
	var err error
	if ctl := sys.Control(func(fd uintptr) { err = f(int(fd)) }); ctl != nil {
		return ctl
	}
	return err
}
