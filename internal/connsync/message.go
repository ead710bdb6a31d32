package connsync

import "encoding/binary"

// Messages of version 1 of the kernel's protocol: a head, and up to 255 connections, each at a multiple of four bytes.
const (
	messageVersion = 1
	messageHead    = 8
	entry4         = 36 // of IPv4, without options
	entry6         = 72
	mostEntries    = 255
	typeIPv6       = 1 // in the first byte of an entry

	optionEngineData = 2
	optionEngineName = 3
	engineNameRoom   = 16
	engineDataRoom   = 255
)

// Flags of a connection that a message carries, besides how it is forwarded.
const (
	flagNoOutput     = 0x0080 // answers do not come through the director
	flagInactive     = 0x0100
	flagNoClientPort = 0x0800 // the first packet will tell it
	flagTemplate     = 0x1000
)

// Forwarding is how packets of a connection reach its server, as the kernel numbers it.
type Forwarding uint8

const (
	Masquerading  Forwarding = 0 // NAT
	Tunneling     Forwarding = 2
	DirectRouting Forwarding = 3
)

// Known is what the services of the master's kernel say about a connection.
type Known struct {
	Forwarding Forwarding
	Mark       uint32 // of the service, if it is for a firewall mark
	Persistent uint32 // seconds that the service keeps a template of it without a new connection
}

// packer fills messages with connections, each as full as can be, and passes them on.
type packer struct {
	room int   // bytes of a message
	id   uint8 // syncid
	send func(message []byte) error

	buffer []byte // what is not full yet
}

// add puts a connection into a message. The kernel checks little of what it reads, so everything is in range here.
func (p *packer) add(c *Connection, k Known) error {
	size := entry4
	if c.Client.Addr().Is6() {
		size = entry6
	}
	if c.Engine != "" {
		size += 2 + len(c.Data) + 2 + len(c.Engine)
	}
	start := (len(p.buffer) + 3) &^ 3
	if len(p.buffer) > 0 && (start+size > p.room || p.buffer[4] == mostEntries) {
		if err := p.flush(); err != nil {
			return err
		}
	}
	if len(p.buffer) == 0 {
		p.buffer = append(p.buffer, 0, p.id, 0, 0, 0, messageVersion, 0, 0)
	}
	for len(p.buffer)&3 != 0 {
		p.buffer = append(p.buffer, 0)
	}
	p.buffer[4]++
	p.buffer = appendEntry(p.buffer, c, k, size)
	return nil
}

// flush passes on what has been added so far.
func (p *packer) flush() error {
	if len(p.buffer) == 0 {
		return nil
	}
	binary.BigEndian.PutUint16(p.buffer[2:], uint16(len(p.buffer)))
	err := p.send(p.buffer)
	p.buffer = p.buffer[:0]
	return err
}

// appendEntry appends a connection, as so many bytes.
func appendEntry(b []byte, c *Connection, k Known, size int) []byte {
	flags, timeout := uint32(k.Forwarding), max(c.Expires, 1) // 0 would be taken for the whole time of its state
	if k.Forwarding != Masquerading {
		flags |= flagNoOutput
	}
	switch {
	case c.Template:
		flags |= flagTemplate
		if k.Persistent > 0 {
			timeout = k.Persistent // a new connection of the client keeps it for as long again
		}
	case !c.active():
		flags |= flagInactive
	}
	if c.Client.Port() == 0 && !c.Template {
		flags |= flagNoClientPort
	}
	kind := uint8(0)
	if c.Client.Addr().Is6() {
		kind = typeIPv6
	}
	b = append(b, kind, c.Protocol)
	b = binary.BigEndian.AppendUint16(b, uint16(size)) // and version 0 in its upper bits
	b = binary.BigEndian.AppendUint32(b, flags)
	for _, v := range []uint16{c.State, c.Client.Port(), c.Virtual.Port(), c.Server.Port()} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	b = binary.BigEndian.AppendUint32(b, k.Mark)
	b = binary.BigEndian.AppendUint32(b, timeout)
	b = append(b, c.Client.Addr().AsSlice()...)
	b = append(b, c.Virtual.Addr().AsSlice()...)
	b = append(b, c.Server.Addr().AsSlice()...)
	if c.Engine != "" {
		b = append(b, optionEngineData, uint8(len(c.Data)))
		b = append(b, c.Data...)
		b = append(b, optionEngineName, uint8(len(c.Engine)))
		b = append(b, c.Engine...)
	}
	return b
}
