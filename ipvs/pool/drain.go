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

// Leaving returns what becomes of the pool when its virtual server leaves the configuration: a pool of nobody, in which those
// that are in now drain.
func (p *Pool) Leaving() *Pool {
	q := &Pool{spec: &Spec{}, now: p.now}
	g := p.spec.Guards.Drain
	if g == 0 {
		return q
	}
	q.draining = slices.Clone(p.draining)
	for i := range p.servers {
		if _, in := p.own(i); in {
			q.draining = append(q.draining, drain{p.spec.Servers[i], p.now + g})
		}
	}
	if s := p.spec.Sorry; p.Serving() && p.Find(netip.AddrPortFrom(s.Addr, s.Port)) < 0 {
		q.draining = append(q.draining, drain{Server{Addr: s.Addr, Port: s.Port, Forwarding: s.Forwarding, Tunnel: s.Tunnel}, p.now + g})
	}
	return q
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
