package pool

// rampSteps is in how many steps the weight of a server that comes back grows.
const rampSteps = 10

// ramp is the servers whose weight grows. They all take their steps together, so that ten thousand that come back within
// a second cost the kernel ten changes each and the pool ten steps.
type ramp struct {
	from map[int]Instant // by server: when it came back
	tick Instant         // of the last step
}

func (p *Pool) rampStep() Instant { return max(p.spec.Guards.SlowStart/rampSteps, 1) }

// rise takes note of whether server i was up and is.
func (p *Pool) rise(i int, was, is bool) {
	switch {
	case !is:
		delete(p.ramp.from, i)
	case !was && p.spec.Guards.SlowStart > 0:
		if p.ramp.from == nil {
			p.ramp.from = make(map[int]Instant)
		}
		if len(p.ramp.from) == 0 {
			p.ramp.tick = p.now
		}
		p.ramp.from[i] = p.now
	}
}

// ramped is the part of its weight that server i has by now, at least 1.
func (p *Pool) ramped(i int, weight int32) int32 {
	from, growing := p.ramp.from[i]
	if !growing || weight <= 1 {
		return weight
	}
	steps := min(int64((p.ramp.tick-min(from, p.ramp.tick))/p.rampStep())+1, rampSteps)
	return int32((int64(weight)*steps + rampSteps - 1) / rampSteps)
}

// advanceRamp takes the step that is due, and reports whether there was one.
func (p *Pool) advanceRamp() bool {
	if len(p.ramp.from) == 0 || p.now < p.ramp.tick+p.rampStep() {
		return false
	}
	p.ramp.tick = p.now
	for i, from := range p.ramp.from {
		if from+p.spec.Guards.SlowStart <= p.now {
			delete(p.ramp.from, i)
		}
	}
	return true
}
