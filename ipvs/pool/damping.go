package pool

import (
	"slices"
	"time"
)

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
	p.calmBy(p.now + g.FlapWithin)
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

// calm ends the damping of servers whose time is over, and reports whether there were any. It looks at all of them at
// most once a second, however many there are.
func (p *Pool) calm() (any bool) {
	if len(p.flaps) == 0 || p.now < p.calmAt {
		return false
	}
	p.calmAt = 0
	for i := range p.servers {
		f := p.flaps[i]
		if f == nil {
			continue
		}
		if over := f.failures[len(f.failures)-1] + p.spec.Guards.FlapWithin; over > p.now {
			p.calmBy(max(over, p.now+time.Second))
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

// calmBy has calm look at the servers at a time.
func (p *Pool) calmBy(at Instant) {
	if p.calmAt == 0 || at < p.calmAt {
		p.calmAt = at
	}
}
