package connsync

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// decoded is what a kernel reads of a connection in a message.
type decoded struct {
	Protocol                uint8
	Client, Virtual, Server netip.AddrPort
	flags                   uint32
	state                   uint16
	mark, timeout           uint32
	engine, data            string
}

// decode reads a message as a kernel does, and as strictly as one could. It shares nothing with the packer.
func decode(b []byte) (list []decoded, err error) {
	if len(b) < 8 || b[0] != 0 || b[5] != 1 || b[6] != 0 || b[7] != 0 || int(binary.BigEndian.Uint16(b[2:])) != len(b) {
		return nil, fmt.Errorf("head % x of %d bytes", b[:min(8, len(b))], len(b))
	}
	at := 8
	for range int(b[4]) {
		at = (at + 3) &^ 3
		if at+36 > len(b) {
			return list, errors.New("no room for a connection")
		}
		size := int(binary.BigEndian.Uint16(b[at+2:]))
		if size > 0xfff || at+size > len(b) {
			return list, fmt.Errorf("size %d at %d of %d", size, at, len(b))
		}
		e := b[at : at+size]
		at += size
		length := 4
		switch e[0] {
		case 0:
		case 1:
			length = 16
		default:
			return list, fmt.Errorf("type %d", e[0])
		}
		d := decoded{Protocol: e[1], flags: binary.BigEndian.Uint32(e[4:]), state: binary.BigEndian.Uint16(e[8:]),
			mark: binary.BigEndian.Uint32(e[16:]), timeout: binary.BigEndian.Uint32(e[20:])}
		if len(e) < 24+3*length {
			return list, errors.New("no room for addresses")
		}
		for i, to := range []*netip.AddrPort{&d.Client, &d.Virtual, &d.Server} {
			a, _ := netip.AddrFromSlice(e[24+i*length : 24+(i+1)*length])
			*to = netip.AddrPortFrom(a, binary.BigEndian.Uint16(e[10+2*i:]))
		}
		for options := e[24+3*length:]; len(options) > 0; {
			if len(options) < 2 || int(options[1]) > len(options)-2 || options[1] == 0 {
				return list, errors.New("options")
			}
			value := string(options[2 : 2+int(options[1])])
			switch {
			case options[0] == 2 && d.data == "":
				d.data = value
			case options[0] == 3 && d.engine == "" && len(value) <= 16:
				d.engine = value
			default:
				return list, fmt.Errorf("option %d", options[0])
			}
			options = options[2+int(options[1]):]
		}
		list = append(list, d)
	}
	if at != len(b) {
		return list, fmt.Errorf("%d bytes are left", len(b)-at)
	}
	return list, nil
}

// pack puts connections into messages of at most room bytes.
func pack(t *testing.T, room int, list []Connection, known Known) (messages [][]byte) {
	t.Helper()
	p := &packer{room: room, id: 51, send: func(b []byte) error {
		messages = append(messages, append([]byte(nil), b...))
		return nil
	}}
	for i := range list {
		if err := p.add(&list[i], known); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.flush(); err != nil {
		t.Fatal(err)
	}
	return messages
}

// TestMessage is one that a kernel has sent, byte for byte, but for the seconds that are left.
func TestMessage(t *testing.T) {
	c := *listed["TCP C00002C8 2026 C0000264 0050 C000020B 1F90 ESTABLISHED     893"]
	messages := pack(t, 1472, []Connection{c}, Known{Forwarding: DirectRouting, Mark: 5})
	const want = "00" + "33" + "002c" + "01" + "01" + "0000" + // syncid 51, 44 bytes, 1 connection, version 1
		"00" + "06" + "0024" + "00000083" + "0001" + "2026" + "0050" + "1f90" + "00000005" + "0000037d" + "c00002c8" + "c0000264" + "c000020b"
	if len(messages) != 1 || hex.EncodeToString(messages[0]) != want {
		t.Errorf("%x, want %s", messages, want)
	}
}

// TestFlags: how a connection is forwarded, whether it counts as active, and for how long it is remembered.
func TestFlags(t *testing.T) {
	for _, c := range []struct {
		line           string
		known          Known
		flags, timeout uint32
	}{
		{"TCP C00002C8 2026 C0000264 0050 C000020B 0050 ESTABLISHED 893", Known{}, 0, 893},
		{"TCP C00002C8 2026 C0000264 0050 C000020B 0050 ESTABLISHED 0", Known{}, 0, 1},
		{"TCP C00002C8 2026 C0000264 0050 C000020B 0050 FIN_WAIT 5", Known{}, 0x100, 5},
		{"TCP C00002C8 2026 C0000264 0050 C000020B 0050 ESTABLISHED 5", Known{Forwarding: Tunneling}, 0x82, 5},
		{"TCP C00002C8 2026 C0000264 0050 C000020B 0050 ESTABLISHED 5", Known{Forwarding: DirectRouting, Persistent: 360}, 0x83, 5},
		{"UDP C00002C8 2026 C0000264 0050 C000020B 0050 UDP 5", Known{}, 0x100, 5},
		{"SCTP C00002C8 2026 C0000264 0050 C000020B 0050 ESTABLISHED 5", Known{}, 0, 5},
		{"SCTP C00002C8 2026 C0000264 0050 C000020B 0050 NONE 5", Known{}, 0x100, 5},
		{"TCP C00002C8 0000 C0000264 0050 C000020B 0050 LISTEN 5", Known{}, 0x900, 5},
		{"TCP C00002C8 0000 C0000264 0050 C000020B 0050 NONE 5", Known{Persistent: 360}, 0x1000, 360},
		{"TCP C00002C8 0000 C0000264 0050 C000020B 0050 ASSURED 5", Known{Forwarding: DirectRouting}, 0x1083, 5},
	} {
		connection, err := parseConnection(c.line)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(pack(t, 1472, []Connection{connection}, c.known)[0])
		if err != nil || got[0].flags != c.flags || got[0].timeout != c.timeout {
			t.Errorf("%s, %+v: flags %#x, timeout %d, want %#x, %d; %v", c.line, c.known, got[0].flags, got[0].timeout, c.flags, c.timeout, err)
		}
	}
}

// TestMessagesAreFull: connections of both families and any options fill messages, none is lost, and a message has at most its room
// and 255 of them; one that alone has more goes alone, as the kernel's does.
func TestMessagesAreFull(t *testing.T) {
	var list []Connection
	for i := range 1000 {
		c := *listed["TCP C00002C8 2026 C0000264 0050 C000020B 1F90 ESTABLISHED     893"]
		if i%3 == 0 {
			c = *listed["TCP 2001:0db8:0000:0000:0000:0000:0000:0001 2026 2001:0db8:0000:0000:0000:0000:0000:0002 0050 2001:0db8:0000:0000:0000:0000:0000:0003 0050 SYN_RECV         57"]
		}
		if i%5 == 0 {
			c.Engine, c.Data = "sip", []byte(strings.Repeat("x", 1+i%255))
		}
		c.Client = netip.AddrPortFrom(c.Client.Addr(), uint16(i+1))
		list = append(list, c)
	}
	for _, room := range []int{0, 64, 548, 1472, 8972, 65507} {
		next := 0
		messages := pack(t, room, list, Known{})
		for i, m := range messages {
			got, err := decode(m)
			if err != nil {
				t.Fatalf("room %d: %v", room, err)
			}
			if len(m) > room && len(got) != 1 {
				t.Errorf("room %d: %d bytes with %d connections", room, len(m), len(got))
			}
			if i < len(messages)-1 && len(got) < 255 && len(m)+72+2+255+2+3+3 < room {
				t.Errorf("room %d: message %d has %d bytes", room, i, len(m))
			}
			for _, d := range got {
				c := list[next]
				if d.Client != c.Client || d.Virtual != c.Virtual || d.Server != c.Server || d.state != c.State || d.engine != c.Engine || d.data != string(c.Data) {
					t.Fatalf("room %d: %+v, want %+v", room, d, c)
				}
				next++
			}
		}
		if next != len(list) {
			t.Errorf("room %d: %d of %d connections", room, next, len(list))
		}
	}
}

// TestServicesTell: what a connection belongs to, however its service is written.
func TestServicesTell(t *testing.T) {
	const dr, nat, tun = DirectRouting, Masquerading, Tunneling
	s := NewServices([]Server{
		{Protocol: 6, Virtual: ports("192.0.2.100:80"), Address: ports("192.0.2.11:8080"), Forwarding: nat, Persistent: 50},
		{Protocol: 6, Virtual: ports("192.0.2.100:0"), Address: ports("192.0.2.11:0"), Forwarding: dr},
		{Protocol: 17, Virtual: ports("192.0.2.100:80"), Address: ports("192.0.2.11:80"), Forwarding: tun},
		{Mark: 5, Address: ports("192.0.2.21:0"), Forwarding: dr, Persistent: 60},
		{Mark: 6, Address: ports("192.0.2.21:8080"), Forwarding: nat},
		{Protocol: 6, Virtual: ports("[2001:db8::1]:80"), Address: ports("[2001:db8::2]:80"), Forwarding: tun},
		{Protocol: 6, Virtual: ports("192.0.2.121:21"), Address: ports("192.0.2.31:21"), Forwarding: dr, Persistent: 70},
		{Protocol: 6, Virtual: ports("192.0.2.122:80"), Address: ports("192.0.2.32:80"), Forwarding: tun},
		{Protocol: 6, Virtual: ports("192.0.2.122:80"), Address: ports("192.0.2.2:80"), Forwarding: 1}, // the director itself
	})
	for _, c := range []struct {
		Connection
		want Known
		none bool
	}{
		{Connection: Connection{Protocol: 6, Virtual: ports("192.0.2.100:80"), Server: ports("192.0.2.11:8080")}, want: Known{nat, 0, 50}},
		{Connection: Connection{Protocol: 6, Virtual: ports("192.0.2.100:80"), Server: ports("192.0.2.99:8080")}, want: Known{nat, 0, 50}}, // has left
		{Connection: Connection{Protocol: 6, Virtual: ports("192.0.2.100:81"), Server: ports("192.0.2.11:81")}, want: Known{dr, 0, 0}},
		{Connection: Connection{Protocol: 17, Virtual: ports("192.0.2.100:80"), Server: ports("192.0.2.11:80")}, want: Known{tun, 0, 0}},
		{Connection: Connection{Protocol: 17, Virtual: ports("192.0.2.100:81"), Server: ports("192.0.2.11:81")}, none: true},
		{Connection: Connection{Protocol: 6, Virtual: ports("198.51.100.1:443"), Server: ports("192.0.2.21:443")}, want: Known{dr, 5, 60}},
		{Connection: Connection{Protocol: 17, Virtual: ports("198.51.100.1:443"), Server: ports("192.0.2.22:443")}, none: true},
		{Connection: Connection{Template: true, Virtual: ports("0.0.0.6:0"), Server: ports("192.0.2.21:0")}, want: Known{nat, 6, 0}},
		{Connection: Connection{Template: true, Virtual: ports("0.0.0.5:0"), Server: ports("192.0.2.21:0")}, want: Known{dr, 5, 60}},
		{Connection: Connection{Template: true, Virtual: ports("0.0.0.5:0"), Server: ports("192.0.2.29:0")}, want: Known{dr, 5, 60}},
		{Connection: Connection{Template: true, Virtual: ports("0.0.0.7:0"), Server: ports("192.0.2.21:0")}, none: true},
		{Connection: Connection{Protocol: 6, Virtual: ports("[2001:db8::1]:80"), Server: ports("[2001:db8::2]:80")}, want: Known{tun, 0, 0}},
		// Of FTP: the template, and data connections of both kinds; of any other port there is no service.
		{Connection: Connection{Protocol: 6, Template: true, Virtual: ports("192.0.2.121:0"), Server: ports("192.0.2.31:0")}, want: Known{dr, 0, 70}},
		{Connection: Connection{Protocol: 6, Virtual: ports("192.0.2.121:20"), Server: ports("192.0.2.31:20")}, want: Known{dr, 0, 70}},
		{Connection: Connection{Protocol: 6, Virtual: ports("192.0.2.121:40000"), Server: ports("192.0.2.31:40000")}, want: Known{dr, 0, 70}},
		{Connection: Connection{Protocol: 6, Virtual: ports("192.0.2.121:80"), Server: ports("192.0.2.31:80")}, none: true},
		// A server that has left is not taken for the director itself.
		{Connection: Connection{Protocol: 6, Virtual: ports("192.0.2.122:80"), Server: ports("192.0.2.39:80")}, want: Known{tun, 0, 0}},
	} {
		got, ok := s.find(&c.Connection)
		if ok == c.none || got != c.want {
			t.Errorf("%+v: %+v, %v; want %+v", c.Connection, got, ok, c.want)
		}
	}
}
