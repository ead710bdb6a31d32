package vrrptest

import (
	"net/netip"
	"slices"
	"time"

	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// Network is how badly a LAN treats packets.
type Network struct {
	Loss      float64       // probability that a receiver misses a packet
	Duplicate float64       // probability that it gets a packet twice
	Delay     time.Duration // longest transit time; each copy takes a random part of it
	InOrder   bool          // no packet overtakes another of the same sender, as on one Ethernet
}

// direction is the way from one router to another.
type direction struct{ from, to *Node }

// Deafen has to hear nothing from from any more, while from goes on hearing to; or mends that.
func (s *Sim) Deafen(from, to *Node, deaf bool) { s.deaf[direction{from, to}] = deaf }

// packet is an advert under way. That of an IPv6 router has no header in front of it.
type packet struct {
	bytes  []byte
	refs   int
	vrid   uint8
	lan    string
	header wire.IPHeader
}

// deliver decodes a packet that has waited for its receiver and hands it to the router that it is for.
func (s *Sim) deliver(n *Node, p *packet, waited time.Duration) {
	if n.process == nil {
		return
	}
	h, pdu, reason := p.header, p.bytes, wire.DropNone
	if h.Source.Is4() {
		h, pdu, reason = wire.ParseIPv4(p.bytes)
	}
	var a wire.Advert
	if reason == wire.DropNone {
		a, reason = wire.ParseAdvert(pdu, h, s.addrs[:0])
		s.addrs = a.Addresses[:0]
	}
	r := n.receiver(p)
	switch {
	case r == nil:
	case reason != wire.DropNone:
		n.act(n.process.Step(n.now(), r.handle, election.AdvertRejected{Reason: reason, Source: h.Source}))
	default:
		n.receive(r, &a, h.Source, waited)
	}
}

// receive hands an advert to the router that it is for.
func (n *Node) receive(r *virtualRouter, a *wire.Advert, source netip.Addr, waited time.Duration) {
	n.hears(r, a)
	n.act(n.process.Step(n.now(), r.handle, election.AdvertReceived{Advert: *a, Source: source, Clock: n.stamp(), Waited: waited}))
	n.meets(r, a, source)
}

// receiver finds the router that a packet is for; nil when there is none or its link is down.
func (n *Node) receiver(p *packet) *virtualRouter {
	for _, r := range n.routers {
		if r.spec.VRID != p.vrid || r.spec.Family == 6 != p.header.Source.Is6() || !n.up(r.spec.Link) {
			continue
		}
		if r.spec.Unicast() {
			if p.header.Destination == n.source(&r.spec) {
				return r
			}
		} else if n.lan(r.spec.Link) == p.lan {
			return r
		}
	}
	return nil
}

// send puts an advert on the LAN.
func (s *Sim) send(n *Node, r *virtualRouter, a election.SendAdvert) {
	if !n.up(r.spec.Link) || !a.Source.IsValid() {
		return
	}
	r.left = s.Now
	if a.Advert.Priority == 0 {
		r.left = -forever / 2 // resigned: nothing to resume
	}
	n.last[r.spec.Key()] = r.left
	if a.Advert.Signature != nil {
		r.stamp = r.stamp.Next(n.stamp(), a.Window)
		signature := *a.Advert.Signature
		signature.Stamp = r.stamp
		a.Advert.Signature = &signature
	}
	for _, to := range a.To {
		s.transmit(n, r, a, to)
	}
}

// transmit has a copy of the advert cross the network to everybody who hears it.
func (s *Sim) transmit(n *Node, r *virtualRouter, a election.SendAdvert, dest netip.Addr) {
	slot := len(s.packets)
	if len(s.free) > 0 {
		slot = s.free[len(s.free)-1]
	}
	receivers := 0
	for i, to := range s.Nodes {
		if to == n || s.deaf[direction{n, to}] || !n.reaches(to, r.spec.Link) || r.spec.Unicast() && !to.has(dest) {
			continue
		}
		for copies := s.copies(); copies > 0; copies-- {
			receivers++
			at := s.Now + s.random(s.Network.Delay)
			if s.Network.InOrder {
				at = max(at, to.heardAt[n])
				to.heardAt[n] = at
			}
			s.push(event{at: at, node: i, packet: slot})
		}
	}
	if receivers == 0 {
		return
	}
	if slot == len(s.packets) {
		s.packets = append(s.packets, packet{})
	} else {
		s.free = s.free[:len(s.free)-1]
	}
	p := &s.packets[slot]
	p.vrid, p.refs, p.lan = a.Advert.VRID, receivers, n.lan(r.spec.Link)
	p.header = wire.IPHeader{Source: a.Source, Destination: dest, TTL: a.TTL, ID: 1}
	if a.Source.Is4() {
		p.bytes = a.Advert.AppendIPv4(p.bytes[:0], p.header)
	} else {
		p.bytes = a.Advert.AppendTo(p.bytes[:0], p.header)
	}
}

// reaches reports whether what n sends on the link arrives at to. What goes to a unicast peer is routed, but takes the same
// way.
func (n *Node) reaches(to *Node, link string) bool {
	return n.Side == to.Side && n.apart[n.lan(link)] == to.apart[n.lan(link)]
}

// has reports whether the host has that address for its own.
func (n *Node) has(a netip.Addr) bool {
	return a == n.Address || slices.ContainsFunc(n.routers, func(r *virtualRouter) bool { return n.source(&r.spec) == a })
}

func (s *Sim) copies() int {
	switch x := s.rng.Float64(); {
	case x < s.Network.Loss:
		return 0
	case x > 1-s.Network.Duplicate:
		return 2
	}
	return 1
}
