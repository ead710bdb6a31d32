package pool

// panicGuard keeps failed checks from taking out more than a share of the real servers: when so many fail at once, it is
// likelier that the way to them is broken, or the check, and whoever is left could not bear the load anyway. Servers that
// fail after that stay in, in the order in which they failed, until others recover.
type panicGuard struct {
	limit int   // how many servers may be out; -1: all
	out   int   // how many real servers are out
	held  []int // servers that have been held, in the order in which they failed; some may not be any more
	holds int   // how many are held
}

// panicLimit is how many servers may be out.
func (p *Pool) panicLimit() int {
	percent := int(p.spec.Guards.PanicThreshold)
	if percent == 0 {
		return -1
	}
	n := 0
	for i := range p.spec.Servers {
		if !p.spec.Servers[i].Backup {
			n++
		}
	}
	return n * percent / 100
}

// count counts server i as it is.
func (g *panicGuard) count(p *Pool, i int) {
	switch s := &p.servers[i]; {
	case p.spec.Servers[i].Backup:
		s.held = false
	case s.held:
		g.holds++
		g.held = append(g.held, i)
	case !s.health.Up:
		g.out++
	}
}

// Panicking reports whether servers are kept in that have failed.
func (p *Pool) Panicking() bool { return p.panic.holds > 0 }

// guarded is the health that server i gets when its checks, and the guard against flapping, say h.
func (p *Pool) guarded(i int, h Health) Health {
	s, g := &p.servers[i], &p.panic
	if p.spec.Servers[i].Backup {
		return h
	}
	wasOut := !s.health.Up
	switch {
	case h.Up && s.held:
		s.held = false
		g.holds--
	case h.Up && wasOut:
		g.out--
	case h.Up, wasOut: // as before
	case s.held && g.limit >= 0:
		return s.health
	case s.held: // nothing is held any more
		s.held = false
		g.holds--
		g.out++
	case g.limit >= 0 && g.out >= g.limit:
		s.held = true
		g.holds++
		g.held = append(g.held, i)
		return s.health
	default:
		g.out++
	}
	return h
}

// refill takes out servers that were held, while there is room.
func (p *Pool) refill() {
	g := &p.panic
	for g.holds > 0 && g.out < g.limit {
		i := g.held[0]
		g.held = g.held[1:]
		if s := &p.servers[i]; s.held {
			s.held = false
			g.holds--
			g.out++
			p.put(i, s.verdict)
		}
	}
	if g.holds == 0 {
		g.held = nil
	}
}
