package pool

import (
	"net/netip"
	"slices"
)

// drain is a server that has left the configuration and stays with weight 0 while it ends its connections.
type drain struct {
	server Server
	until  Instant
}

// keepGuards takes over from the pool before what the guards remember, and lets servers drain that are gone. number is
// what each server's number has become.
func (p *Pool) keepGuards(old *Pool, number []int) {
	g := &p.spec.Guards
	for was, i := range number {
		switch {
		case i < 0:
			if _, in := old.own(was); in && g.Drain > 0 {
				p.draining = append(p.draining, drain{old.spec.Servers[was], p.now + g.Drain})
			}
			continue
		case g.FlapFailures > 0 && old.flaps[was] != nil:
			if p.flaps == nil {
				p.flaps = make(map[int]*flap)
			}
			p.flaps[i], p.calmAt = old.flaps[was], old.calmAt
		}
		if from, growing := old.ramp.from[was]; growing && g.SlowStart > 0 {
			if p.ramp.from == nil {
				p.ramp = ramp{from: make(map[int]Instant), tick: old.ramp.tick}
			}
			p.ramp.from[i] = from
		}
	}
	for _, d := range old.draining {
		if g.Drain > 0 && p.Find(d.server.Endpoint()) < 0 {
			p.draining = append(p.draining, d)
		}
	}
}

// Draining returns the servers that have left the configuration and are to stay with weight 0.
func (p *Pool) Draining() []Server {
	servers := make([]Server, len(p.draining))
	for i := range p.draining {
		servers[i] = p.draining[i].server
	}
	return servers
}

// Drained takes note that a server that drains has no connections any more, and reports whether there was one.
func (p *Pool) Drained(endpoint netip.AddrPort) bool {
	return p.drained(func(d drain) bool { return d.server.Endpoint() == endpoint })
}

func (p *Pool) drained(over func(drain) bool) bool {
	before := len(p.draining)
	p.draining = slices.DeleteFunc(p.draining, over)
	return len(p.draining) != before
}
