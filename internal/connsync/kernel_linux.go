package connsync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vigil/internal/namespace"
)

// Kernel is the network, and the IPVS, of a network namespace.
type Kernel struct{ ns namespace.Network }

// OpenKernel opens that of a path such as /run/netns/red, or of the calling thread if it is empty.
func OpenKernel(path string) (*Kernel, error) {
	open := namespace.OfThread
	if path != "" {
		open = func() (namespace.Network, error) { return namespace.At(path) }
	}
	ns, err := open()
	return &Kernel{ns}, err
}

// Close releases it. What was opened stays open.
func (k *Kernel) Close() error { return k.ns.Close() }

// Listing opens the kernel's list of connections.
func (k *Kernel) Listing() (list io.ReadCloser, err error) {
	err = k.ns.Do(func() (err error) {
		list, err = os.Open("/proc/thread-self/net/ip_vs_conn")
		return err
	})
	return list, err
}

const (
	// usualMTU is the most that the kernel's master assumes of an interface: a backup's may be less than one's own.
	usualMTU = 1500
	// header4 and header6 are the bytes of a message's headers.
	header4, header6 = 20 + 8, 40 + 8
	// sendLimit is how long a message may take to leave, and noBuffers how often, and how long after each other, one is tried again for
	// which the interface had no room.
	sendLimit                 = 2 * time.Second
	noBuffers, noBuffersPause = 200, time.Millisecond
	signalRoom                = 4 * signalSize
	lastPort                  = 1<<16 - 1
)

// Listen implements Network.
func (k *Kernel) Listen(s Spec, deliver func(Signal)) (Conn, error) {
	if s.Group.Port() == lastPort {
		return nil, fmt.Errorf("there is no port after %d", lastPort)
	}
	var c *groupConn
	err := k.ns.Do(func() error {
		link, err := net.InterfaceByName(s.Interface)
		if err != nil {
			return fmt.Errorf("interface %s: %w", s.Interface, err)
		}
		c, err = listen(s, link)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.kernel, c.spec = k, s
	c.done.Go(func() { c.read(deliver) })
	return c, nil
}

// groupConn is a socket that has joined the group on an interface.
type groupConn struct {
	*net.UDPConn
	kernel  *Kernel
	spec    Spec
	link    *net.Interface
	next    net.Addr // of the signals
	told    net.Addr // of the messages
	receive func([]byte) (n int, to net.IP, link int, err error)
	done    sync.WaitGroup
}

// listen opens the socket, which hears nothing from other interfaces.
func listen(s Spec, link *net.Interface) (*groupConn, error) {
	group, next := s.Group.Addr(), s.Group.Port()+1
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.BindToDevice(int(fd), link.Name))
		})
		return errors.Join(err, failed)
	}}
	network, zone := "udp4", ""
	if group.Is6() {
		network, zone = "udp6", link.Name
	}
	opened, err := config.ListenPacket(context.Background(), network, fmt.Sprintf(":%d", next))
	if err != nil {
		return nil, err
	}
	c := &groupConn{UDPConn: opened.(*net.UDPConn), link: link}
	address := func(port uint16) *net.UDPAddr {
		return &net.UDPAddr{IP: group.AsSlice(), Port: int(port), Zone: zone}
	}
	c.told, c.next = address(s.Group.Port()), address(next)
	if err := c.join(group, link, max(int(s.TTL), 1)); err != nil {
		return nil, errors.Join(fmt.Errorf("join %v on %s: %w", group, link.Name, err), c.UDPConn.Close())
	}
	return c, nil
}

// join joins the group and sets how the socket sends to it: not to itself, and in fragments if it must be.
func (c *groupConn) join(group netip.Addr, link *net.Interface, ttl int) error {
	to := &net.UDPAddr{IP: group.AsSlice()}
	if group.Is6() {
		p := ipv6.NewPacketConn(c.UDPConn)
		c.receive = func(b []byte) (int, net.IP, int, error) {
			n, m, _, err := p.ReadFrom(b)
			if m == nil {
				return n, nil, 0, err
			}
			return n, m.Dst, m.IfIndex, err
		}
		return errors.Join(p.JoinGroup(link, to), p.SetMulticastInterface(link), p.SetMulticastLoopback(false), p.SetMulticastHopLimit(ttl),
			p.SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true))
	}
	p := ipv4.NewPacketConn(c.UDPConn)
	c.receive = func(b []byte) (int, net.IP, int, error) {
		n, m, _, err := p.ReadFrom(b)
		if m == nil {
			return n, nil, 0, err
		}
		return n, m.Dst, m.IfIndex, err
	}
	return errors.Join(p.JoinGroup(link, to), p.SetMulticastInterface(link), p.SetMulticastLoopback(false), p.SetMulticastTTL(ttl),
		p.SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true))
}

// read delivers signals to the group until the socket is closed. What is not a signal, or not to the group, is nobody's business.
func (c *groupConn) read(deliver func(Signal)) {
	b := make([]byte, signalRoom)
	for {
		n, to, link, err := c.receive(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		dst, _ := netip.AddrFromSlice(to)
		if err != nil || dst.Unmap() != c.spec.Group.Addr() || link != c.link.Index {
			continue
		}
		if s, err := parseSignal(b[:n]); err == nil {
			deliver(s)
		}
	}
}

// Tell implements Conn.
func (c *groupConn) Tell(message []byte) error { return c.send(message, c.told) }

// Signal implements Conn.
func (c *groupConn) Signal(s Signal) error { return c.send(s.append(nil), c.next) }

func (c *groupConn) send(b []byte, to net.Addr) error {
	for i := 0; ; i++ {
		if err := c.SetWriteDeadline(time.Now().Add(sendLimit)); err != nil {
			return err
		}
		_, err := c.WriteTo(b, to)
		if !errors.Is(err, unix.ENOBUFS) || i == noBuffers {
			return err
		}
		time.Sleep(noBuffersPause)
	}
}

// Room implements Conn.
func (c *groupConn) Room() int {
	if c.spec.MaxLen > 0 {
		return c.spec.MaxLen
	}
	mtu := min(c.link.MTU, usualMTU)
	if c.spec.Group.Addr().Is6() {
		return mtu - header6
	}
	return mtu - header4
}

// Unread implements Conn.
func (c *groupConn) Unread() (u Unread, err error) {
	name := "/proc/thread-self/net/udp"
	if c.spec.Group.Addr().Is6() {
		name += "6"
	}
	err = c.kernel.ns.Do(func() error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		u, err = parseSockets(f, c.spec.Group)
		return err
	})
	return u, err
}

// Close implements Conn.
func (c *groupConn) Close() error {
	err := c.UDPConn.Close()
	c.done.Wait()
	return err
}
