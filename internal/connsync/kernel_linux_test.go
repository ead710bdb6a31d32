package connsync

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vigil/internal/testlan"
)

// laboratory is two hosts on a segment, each with another link that is not.
func laboratory(t *testing.T) (a, b *testlan.Host) {
	lab := testlan.ForTest(t)
	var hosts []*testlan.Host
	var segments []*testlan.Segment
	for _, name := range []string{"lan", "other"} {
		s, err := lab.Segment(name)
		if err != nil {
			t.Fatal(err)
		}
		segments = append(segments, s)
	}
	for i, name := range []string{"a", "b"} {
		h, err := lab.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		for j, link := range []string{"eth0", "eth1"} {
			if _, err := h.Attach(segments[j], link, netip.MustParsePrefix(fmt.Sprintf("198.51.%d.%d/24", 100+j, i+1))); err != nil {
				t.Fatal(err)
			}
		}
		hosts = append(hosts, h)
	}
	return hosts[0], hosts[1]
}

// joined is a Conn of a host, and what it has heard.
func joined(t *testing.T, h *testlan.Host, s Spec) (Conn, <-chan Signal) {
	t.Helper()
	heard := make(chan Signal, 64)
	var c Conn
	err := h.Do(func() error {
		k, err := OpenKernel("")
		if err != nil {
			return err
		}
		t.Cleanup(func() { k.Close() })
		c, err = k.Listen(s, func(s Signal) { heard <- s })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, heard
}

// TestGroup: a signal reaches the other director on the interface and nobody else, its sender neither; a message reaches who listens at
// the kernel's port, with all its bytes, and what has not been read of it is seen. IPv4 and IPv6.
func TestGroup(t *testing.T) {
	for _, group := range []string{"224.0.0.81:8848", "[ff02::81]:8848"} {
		t.Run(group, func(t *testing.T) {
			a, b := laboratory(t)
			spec := Spec{Interface: "eth0", Group: ports(group), ID: 51, TTL: 1}
			elsewhere := spec
			elsewhere.Interface = "eth1"
			ours, own := joined(t, a, spec)
			_, theirs := joined(t, b, spec)
			_, beside := joined(t, b, elsewhere)
			kernel := listenAsKernel(t, b, spec)
			said := Signal{Kind: Ask, ID: 51, Session: 7}
			until(t, "the signal", func() error { // IPv6 needs an address that is no longer tentative
				if err := ours.Signal(said); err != nil {
					return err
				}
				select {
				case got := <-theirs:
					if got != said {
						t.Errorf("%+v", got)
					}
					return nil
				case <-time.After(50 * time.Millisecond):
					return errors.New("not heard")
				}
			})
			message := make([]byte, ours.Room())
			message[0] = 1
			if err := ours.Tell(message); err != nil {
				t.Fatal(err)
			}
			conn, _ := joined(t, b, spec)
			until(t, "what is not read", func() error {
				u, err := conn.Unread()
				if err == nil && (!u.Known || u.Bytes < uint64(len(message)) || u.Lost != 0) {
					err = fmt.Errorf("%+v", u)
				}
				return err
			})
			got := make([]byte, 2000)
			if n, _, err := kernel.ReadFrom(got); err != nil || n != len(message) || got[0] != 1 {
				t.Errorf("%d bytes, %v", n, err)
			}
			if u, err := conn.Unread(); err != nil || u != (Unread{Known: true}) {
				t.Errorf("%+v, %v", u, err)
			}
			// What was heard before by others would have come by now.
			if len(own) > 0 || len(beside) > 0 {
				t.Errorf("its sender heard %d, another interface %d", len(own), len(beside))
			}
		})
	}
}

// TestOnlyTheGroupIsHeard: what comes to the host itself is not.
func TestOnlyTheGroupIsHeard(t *testing.T) {
	a, b := laboratory(t)
	spec := Spec{Interface: "eth0", Group: ports("224.0.0.81:8848"), ID: 51, TTL: 1}
	ours, _ := joined(t, a, spec)
	_, heard := joined(t, b, spec)
	var direct net.Conn
	if err := a.Do(func() (err error) { direct, err = net.Dial("udp4", "198.51.100.2:8849"); return err }); err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	for session := range uint32(5) {
		if _, err := direct.Write(Signal{Kind: Ask, ID: 51, Session: 1000 + session}.append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ours.Signal(Signal{Kind: Ask, ID: 51, Session: 1}); err != nil {
		t.Fatal(err)
	}
	if s := <-heard; s.Session != 1 {
		t.Errorf("heard %+v", s)
	}
}

// TestGroupsThatCannotBeJoined say why.
func TestGroupsThatCannotBeJoined(t *testing.T) {
	a, _ := laboratory(t)
	for text, s := range map[string]Spec{
		"interface nosuch0": {Interface: "nosuch0", Group: ports("224.0.0.81:8848")},
		"no port after":     {Interface: "eth0", Group: ports("224.0.0.81:65535")},
	} {
		err := a.Do(func() error {
			k, err := OpenKernel("")
			if err != nil {
				return err
			}
			defer k.Close()
			_, err = k.Listen(s, nil)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if _, err := OpenKernel("/nowhere"); err == nil {
		t.Error("a namespace that is not there was opened")
	}
}

// listenAsKernel listens as the kernel's backup daemon does: at the group's own address, on its interface.
func listenAsKernel(t *testing.T, h *testlan.Host, s Spec) net.PacketConn {
	t.Helper()
	var conn net.PacketConn
	err := h.Do(func() error {
		link, err := net.InterfaceByName(s.Interface)
		if err != nil {
			return err
		}
		conn, err = listenOnGroup(s, link)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func until(t *testing.T, what string, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := testlan.Until(ctx, what, f); err != nil {
		t.Fatal(err)
	}
}

// listenOnGroup binds to the address of the group, which the package net does not do.
func listenOnGroup(s Spec, link *net.Interface) (net.PacketConn, error) {
	group := s.Group.Addr()
	domain := unix.AF_INET
	var address unix.Sockaddr = &unix.SockaddrInet4{Port: int(s.Group.Port())}
	if group.Is6() {
		domain, address = unix.AF_INET6, &unix.SockaddrInet6{Port: int(s.Group.Port()), ZoneId: uint32(link.Index), Addr: group.As16()}
	} else {
		address.(*unix.SockaddrInet4).Addr = group.As4()
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "group")
	defer file.Close()
	if err := errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.Bind(fd, address)); err != nil {
		return nil, err
	}
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return nil, err
	}
	to := &net.UDPAddr{IP: group.AsSlice()}
	if group.Is6() {
		return conn, ipv6.NewPacketConn(conn).JoinGroup(link, to)
	}
	return conn, ipv4.NewPacketConn(conn).JoinGroup(link, to)
}
