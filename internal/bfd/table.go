package bfd

import "net/netip"

// table says whose a packet is (RFC 5880 §6.8.6, RFC 5881 §3, RFC 5883 §3). It is never changed once others have it.
type table struct {
	byDiscriminator map[uint32]entry
	byPath          map[path]entry
}

// entry is a session as far as it is to be found.
type entry struct {
	handle   handle
	multihop bool
	six      bool
	minTTL   uint8
}

// handle names a session of a Runner. It is never used again for another one.
type handle uint64

func newTable() *table {
	return &table{byDiscriminator: make(map[uint32]entry), byPath: make(map[path]entry)}
}

// add makes a session findable; by its neighbour only if it is not on its way out.
func (t *table) add(h handle, discriminator uint32, s SessionSpec, leaving bool) {
	e := entry{h, s.Multihop, s.Neighbor.Is6(), s.minTTL()}
	t.byDiscriminator[discriminator] = e
	if _, taken := t.byPath[s.path()]; !taken && !leaving {
		t.byPath[s.path()] = e
	}
}

// Datagram is what a socket has received.
type Datagram struct {
	Payload  []byte
	From     netip.AddrPort
	To       netip.Addr // the address that it came for
	TTL      int        // -1: not known
	Multihop bool       // it came to the port of multihop sessions
}

// find returns the session that a datagram is for, or why it is of no use. Who knows the discriminator is believed to be
// the neighbour; who does not is found by the addresses, a session with a source of its own first.
func (t *table) find(d Datagram) (entry, Packet, Drop) {
	p, drop := ParsePacket(d.Payload)
	if drop != DropNone {
		return entry{}, p, drop
	}
	from := d.From.Addr()
	e, found := t.byDiscriminator[p.YourDiscriminator], true
	if p.YourDiscriminator == 0 {
		if e, found = t.byPath[path{from, d.To, d.Multihop}]; !found {
			e, found = t.byPath[path{from, netip.Addr{}, d.Multihop}]
		}
	}
	switch {
	case !found || e.handle == 0 || e.multihop != d.Multihop || e.six != from.Is6():
		return entry{}, p, DropSession
	case d.TTL < int(e.minTTL):
		return e, p, DropTTL
	}
	return e, p, DropNone
}
