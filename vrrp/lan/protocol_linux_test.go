package lan_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/vrrp/lan"
	"vigil/vrrp/lan/lantest"
	"vigil/vrrp/wire"
)

// Packets with an authentication header have a socket of their own: they leave as keepalived's do, and only that socket
// hears them.
func TestAHOnTheWire(t *testing.T) {
	lab, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	record := a.Capture(lab)
	segment := func(n *lantest.Node, ah bool) lan.Segment {
		return lan.Segment{Link: n.Link(), Family: confparse.IPv4, Group: group4, AH: ah}
	}
	send, own := a.Listen(segment(a, true), 51)
	_, heard := b.Listen(segment(b, true), 51)
	_, plain := b.Listen(segment(b, false), 51)
	advert := wire.Advert{Version: 2, VRID: 51, Priority: 100, Interval: time.Second, AuthType: wire.AuthAH,
		AuthData: [8]byte([]byte("s3cr3tlo")), Addresses: []netip.Addr{vip100}, Sequence: 1}
	if err := send.Send(advert, wire.IPHeader{Source: nodeA, Destination: group4, TTL: 255, ID: 1}); err != nil {
		t.Fatal(err)
	}
	select {
	case p := <-heard:
		if p.Reason != wire.DropNone || p.Advert.AH == nil || p.Advert.AH.Verify(advert.AuthData, false) != wire.DropNone {
			t.Errorf("received %+v", p)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was received")
	}
	if len(plain)+len(own) > 0 {
		t.Error("another socket has heard it")
	}
	want, err := hex.DecodeString("01005e000012020000000001080045c0004000010000ff33d0690a4d0001e0000012700400000a4d000100000001bff86245a693438b0415899c2133640102016e190a4d00640000000000000000")
	if err != nil {
		t.Fatal(err)
	}
	lantest.Until(t, "the frame of keepalived", func() error {
		for _, f := range record.Frames() {
			if bytes.Equal(f.Data, want) {
				return nil
			}
		}
		return errors.New("not seen")
	})
}

// A trailer goes through the kernel in both families, and the checksum that the kernel makes over IPv6 covers it.
func TestHMACOnTheWire(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	const key = "0123456789abcdef0123456789abcdef"
	for _, tc := range []struct {
		family   confparse.Family
		group    netip.Addr
		vips     []netip.Addr
		checksum wire.Checksum
	}{
		{confparse.IPv4, group4, []netip.Addr{vip100}, wire.ChecksumStandard},
		{confparse.IPv4, group4, []netip.Addr{vip100}, wire.ChecksumAsV2},
		{confparse.IPv6, group6, vips6, wire.ChecksumStandard},
	} {
		a, b := nodes[0], nodes[1]
		source := nodeA
		if tc.family == confparse.IPv6 {
			source = linkLocal(t, a)
		}
		send, _ := a.Listen(lan.Segment{Link: a.Link(), Family: tc.family, Group: tc.group}, 51)
		_, heard := b.Listen(lan.Segment{Link: b.Link(), Family: tc.family, Group: tc.group}, 51)
		advert := wire.Advert{Version: 3, VRID: 51, Priority: 100, Interval: time.Second, Addresses: tc.vips, Checksum: tc.checksum,
			Signature: &wire.Signature{KeyID: 7, Key: key, Stamp: 1 << 40}}
		var got lan.Received
		lantest.Until(t, "advert", func() error { // IPv6 may still be starting
			if err := send.Send(advert, wire.IPHeader{Source: source, Destination: tc.group, TTL: 255, ID: 1}); err != nil {
				return err
			}
			select {
			case got = <-heard:
				return nil
			case <-time.After(100 * time.Millisecond):
				return errors.New("none")
			}
		})
		if got.Reason != wire.DropNone || got.Advert.Trailer == nil || !got.Advert.Trailer.Verify(key) || got.Advert.Checksum != tc.checksum {
			t.Errorf("%v: %+v", tc.family, got)
		}
	}
}

// linkLocal waits for the link-local address of eth0.
func linkLocal(t *testing.T, n *lantest.Node) (addr netip.Addr) {
	t.Helper()
	lantest.Until(t, "link-local address", func() error {
		all, err := n.Kernel.Addresses()
		if err != nil {
			return err
		}
		for _, a := range all {
			if ip := a.Prefix.Addr(); a.Index == n.Link().Index && ip.IsLinkLocalUnicast() && !a.Tentative {
				addr = ip
				return nil
			}
		}
		return errors.New("none")
	})
	return addr
}

// Of routers that are none of ours one packet each is delivered when that is wanted, of any family of noise.
func TestStrangersAreHeardOnce(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 2)
	a, b := nodes[0], nodes[1]
	send, _ := a.Listen(lan.Segment{Link: a.Link(), Family: confparse.IPv4, Group: group4})
	conn, heard := b.Listen(lan.Segment{Link: b.Link(), Family: confparse.IPv4, Group: group4}, 51)
	shout := func(vrids ...uint8) {
		for _, v := range vrids {
			advert := wire.Advert{Version: 3, VRID: v, Priority: 1, Interval: time.Second}
			if err := send.Send(advert, wire.IPHeader{Source: nodeA, Destination: group4, TTL: 255}); err != nil {
				t.Fatal(err)
			}
		}
	}
	hear := func(want ...uint8) {
		t.Helper()
		for i, v := range want {
			select {
			case p := <-heard:
				if p.Advert.VRID != v {
					t.Errorf("packet %d is of VRID %d, want %d", i, p.Advert.VRID, v)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%d packets, want %d", i, len(want))
			}
		}
	}
	shout(7, 51, 7, 51)
	hear(51, 51)
	if err := conn.Admit(lan.Admission{VRIDs: []uint8{51}, Others: true}); err != nil {
		t.Fatal(err)
	}
	shout(7, 51, 7, 8, 51, 8, 255, 51)
	hear(7, 51, 8, 51, 255, 51)
	if err := conn.Admit(lan.Admission{VRIDs: []uint8{51}}); err != nil {
		t.Fatal(err)
	}
	shout(9, 51)
	hear(51)
}

// The receive buffer has the size that is asked for, over the limit of the system, and its first one again.
func TestReceiveBufferOfASocket(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	n := nodes[0]
	others := rawSockets(t)
	conn, _ := n.Listen(lan.Segment{Link: n.Link(), Family: confparse.IPv4, Group: group4}, 51)
	fd := -1
	for s := range rawSockets(t) {
		if !others[s] {
			fd = s
		}
	}
	size := func() int {
		bytes, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	before := size()
	for _, want := range []int{3 << 20, 10_000, 0} {
		if err := conn.Admit(lan.Admission{VRIDs: []uint8{51}, Buffer: want}); err != nil {
			t.Fatal(err)
		}
		expected := 2 * want // the kernel doubles it, for what it needs itself
		if want == 0 {
			expected = before
		}
		if got := size(); got != expected {
			t.Errorf("asked for %d bytes: %d, want %d", want, got, expected)
		}
	}
}

// rawSockets are the descriptors of this process's raw sockets for protocol 112.
func rawSockets(t *testing.T) map[int]bool {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[int]bool)
	for _, e := range list {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if p, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err == nil && p == wire.Protocol {
			found[fd] = true
		}
	}
	return found
}

// Drivers are asked for the state of their link in each way, and one that they do not understand gives way to the next.
func TestCarrier(t *testing.T) {
	_, nodes := lantest.Laboratory(t, 1)
	n := nodes[0]
	for _, connected := range []bool{true, false, true} {
		change := n.Cable.Cut
		if connected {
			change = n.Cable.Mend
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"", "MII", "ETHTOOL", "IOCTL"} {
			lantest.Until(t, "carrier by "+method, func() error {
				up, err := n.Kernel.Carrier("eth0", method)
				if err == nil && up != connected {
					err = errors.New("not yet")
				}
				return err
			})
		}
	}
	for _, name := range []string{"eth9", "a-name-that-is-too-long"} {
		if up, err := n.Kernel.Carrier(name, "ETHTOOL"); err == nil || up {
			t.Errorf("%s: %v, %v", name, up, err)
		}
	}
}
