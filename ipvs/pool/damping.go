package pool

import "slices"

// flap is what is remembered of a server that has failed lately.
type flap struct {
	failures []Instant // as long as they count
	until    Instant   // it is kept out until then; 0: it is not
}

// flapped takes note that checks have found server i down, which they had found up.
func (p *Pool) flapped(i int) {
	g := &p.spec.Guards
	if g.FlapFailures == 0 {
		return
	}
	f := p.flaps[i]
	if f == nil {
		f = new(flap)
		if p.flaps == nil {
			p.flaps = make(map[int]*flap)
		}
		p.flaps[i] = f
	}
	f.failures = slices.DeleteFunc(f.failures, func(t Instant) bool { return t+g.FlapWithin <= p.now })
	if f.failures = append(f.failures, p.now); len(f.failures) > int(g.FlapFailures) {
		f.failures = f.failures[1:]
	}
	damped := f.until > p.now
	if len(f.failures) < int(g.FlapFailures) && !damped {
		return
	}
	f.until = p.now + g.FlapWithin
	if !damped {
		p.aside = append(p.aside, p.note(ServerDamped, i))
	}
}

// damped reports whether server i is kept out.
func (p *Pool) damped(i int) bool {
	f := p.flaps[i]
	return f != nil && f.until > p.now
}

// calm ends the damping of servers whose time is over, and reports whether there were any.
func (p *Pool) calm() (any bool) {
	for i := range p.servers {
		if len(p.flaps) == 0 {
			break
		}
		f := p.flaps[i]
		if f == nil || f.until > p.now || f.failures[len(f.failures)-1]+p.spec.Guards.FlapWithin > p.now {
			continue
		}
		delete(p.flaps, i)
		if f.until != 0 {
			p.judge(i)
			any = true
		}
	}
	return any
}
