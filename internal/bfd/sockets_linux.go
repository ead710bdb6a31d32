package bfd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Source ports are from firstSourcePort on (RFC 5881 §4).
const (
	firstSourcePort = 49152
	sourcePorts     = 1<<16 - firstSourcePort
	// portAttempts is how many are tried: most are free.
	portAttempts = 32
	// trafficClass is that of network control, as routing protocols have it.
	trafficClass = 0xc0
)

// kernel is the network of the process.
type kernel struct{}

// OpenNetwork returns the kernel's network.
func OpenNetwork() Network { return kernel{} }

// options sets integers on a socket before it is bound.
func options(list ...[3]int) func(string, string, syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			for _, o := range list {
				if err := unix.SetsockoptInt(int(fd), o[0], o[1], o[2]); err != nil && failed == nil {
					failed = os.NewSyscallError("setsockopt", err)
				}
			}
		})
		return errors.Join(err, failed)
	}
}

// Listen implements Network.
func (kernel) Listen(p Port, deliver func(Datagram)) (Listener, error) {
	set := options([3]int{unix.IPPROTO_IP, unix.IP_RECVTTL, 1}, [3]int{unix.IPPROTO_IP, unix.IP_PKTINFO, 1})
	if p.Six {
		set = options([3]int{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1}, [3]int{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1})
	}
	config := net.ListenConfig{Control: set}
	conn, err := config.ListenPacket(context.Background(), p.network(), fmt.Sprintf(":%d", p.number()))
	if err != nil {
		return nil, err
	}
	l := &listener{conn: conn.(*net.UDPConn), port: p}
	raw, err := l.conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, l.conn.Close())
	}
	l.done.Go(func() { l.read(raw, deliver) })
	return l, nil
}

// listener is an open port with the goroutine that reads it.
type listener struct {
	conn *net.UDPConn
	port Port
	busy atomic.Bool // a datagram is on its way to deliver
	done sync.WaitGroup
}

// datagramRoom is more than any control packet: what is longer is cut, and is read all the same.
const datagramRoom = 512

func (l *listener) read(raw syscall.RawConn, deliver func(Datagram)) {
	payload, control := make([]byte, datagramRoom), make([]byte, 256)
	for {
		var n, c int
		var from unix.Sockaddr
		var failed error
		closed := raw.Read(func(fd uintptr) bool {
			l.busy.Store(true) // before it leaves the socket
			n, c, _, from, failed = unix.Recvmsg(int(fd), payload, control, unix.MSG_DONTWAIT)
			if errors.Is(failed, unix.EAGAIN) {
				l.busy.Store(false)
				return false
			}
			return true
		})
		if closed != nil {
			return
		}
		if failed == nil { // and not an error that a neighbour's host has sent us
			d := Datagram{Payload: payload[:n], From: sender(from), Multihop: l.port.Multihop}
			d.To, d.TTL = parseControl(control[:c])
			deliver(d)
		}
		l.busy.Store(false)
	}
}

// sender is an address without its zone: sessions have theirs so.
func sender(from unix.Sockaddr) netip.AddrPort {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// parseControl returns the address that a datagram came for, and its TTL or -1.
func parseControl(b []byte) (to netip.Addr, ttl int) {
	ttl = -1
	messages, err := unix.ParseSocketControlMessage(b)
	if err != nil {
		return to, ttl
	}
	for _, m := range messages {
		switch kind := [2]int{int(m.Header.Level), int(m.Header.Type)}; {
		case kind == [2]int{unix.IPPROTO_IP, unix.IP_TTL} && len(m.Data) >= 4,
			kind == [2]int{unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT} && len(m.Data) >= 4:
			ttl = int(binary.NativeEndian.Uint32(m.Data))
		case kind == [2]int{unix.IPPROTO_IP, unix.IP_PKTINFO} && len(m.Data) >= unix.SizeofInet4Pktinfo:
			to = netip.AddrFrom4([4]byte(m.Data[8:12])) // ipi_addr, ip(7)
		case kind == [2]int{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO} && len(m.Data) >= unix.SizeofInet6Pktinfo:
			to = netip.AddrFrom16([16]byte(m.Data[:16]))
		}
	}
	return to, ttl
}

// Pending implements Listener.
func (l *listener) Pending() bool {
	raw, err := l.conn.SyscallConn()
	if err != nil {
		return false
	}
	ready := false
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		ready = err == nil && n > 0
	})
	return err == nil && ready || l.busy.Load()
}

// Close implements Listener.
func (l *listener) Close() error {
	err := l.conn.Close()
	l.done.Wait()
	return err
}

// conn sends for one session.
type conn struct {
	socket *net.UDPConn
	port   uint16
}

// Dial implements Network.
func (kernel) Dial(s SessionSpec) (Conn, error) {
	ttl := int(s.TTL)
	set := options([3]int{unix.IPPROTO_IP, unix.IP_TTL, ttl}, [3]int{unix.IPPROTO_IP, unix.IP_TOS, trafficClass})
	if s.Neighbor.Is6() {
		set = options([3]int{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, ttl},
			[3]int{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, trafficClass})
	}
	source := s.Source
	if !source.IsValid() {
		source = netip.IPv4Unspecified()
		if s.Neighbor.Is6() {
			source = netip.IPv6Unspecified()
		}
	}
	config := net.ListenConfig{Control: set}
	first := rand.IntN(sourcePorts)
	var err error
	for i := range portAttempts {
		port := uint16(firstSourcePort + (first+i)%sourcePorts)
		var c net.PacketConn
		c, err = config.ListenPacket(context.Background(), s.port().network(), netip.AddrPortFrom(source, port).String())
		if err == nil {
			return &conn{c.(*net.UDPConn), s.port().number()}, nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			break
		}
	}
	return nil, err
}

// Send implements Conn.
func (c *conn) Send(payload []byte, to netip.Addr) error {
	var address unix.Sockaddr = &unix.SockaddrInet6{Port: int(c.port), Addr: to.As16()}
	if to.Is4() {
		address = &unix.SockaddrInet4{Port: int(c.port), Addr: to.As4()}
	}
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Sendto(int(fd), payload, unix.MSG_DONTWAIT, address) }); err != nil {
		return err
	}
	return os.NewSyscallError("sendto", failed)
}

// Close implements Conn.
func (c *conn) Close() error { return c.socket.Close() }
