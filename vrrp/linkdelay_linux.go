package vrrp

import (
	"time"

	"vigil/internal/netio"
	"vigil/vrrp/election"
)

// linkJudge decides when a change of a link counts: after its interface_up_down_delays, unless it is as before by then.
type linkJudge struct {
	actual map[string]netio.Link // as reported last
	held   map[string]heldLink   // whose change does not count yet
}

// heldLink is when a change counts.
type heldLink struct {
	up bool // what the link became
	at election.Instant
}

func newLinkJudge() linkJudge {
	return linkJudge{actual: make(map[string]netio.Link), held: make(map[string]heldLink)}
}

// next is when a change that is held back counts.
func (j *linkJudge) next() election.Instant {
	at := election.Never
	for _, h := range j.held {
		at = min(at, h.at)
	}
	return at
}

// linkReported takes what is reported of a link.
func (r *Runner) linkReported(l netio.Link) {
	r.links.actual[l.Name] = l
	r.judgeLink(l.Name)
}

// judgeLink has the state of a link count, now or when its delay is over.
func (r *Runner) judgeLink(name string) {
	l, ok := r.links.actual[name]
	if !ok {
		return
	}
	if up, asked := r.linkbeat.up[name]; asked && !up {
		l.Up = false
	}
	shown, known := r.view.link(name)
	switch held, waits := r.links.held[name]; {
	case !known || shown.Index != l.Index || shown.Up == l.Up:
		if delete(r.links.held, name); waits && l.Up { // it is as it was before; what it lost meanwhile comes back
			for _, in := range r.view.dependents[name] {
				in.suspectAddresses(func(a election.Address) bool { return a.Link == name })
			}
			r.suspectRoutes(name, func(election.Route) bool { return true })
		}
	case waits && held.up == l.Up:
		if r.now() < held.at {
			l.Up = shown.Up
		} else {
			delete(r.links.held, name)
		}
	default:
		if d := r.linkDelay(name, l.Up); d > 0 {
			r.links.held[name] = heldLink{l.Up, r.now().Add(d)}
			l.Up = shown.Up
		}
	}
	r.linkChanged(l)
}

// judgeLinks has the changes count whose delay is over.
func (r *Runner) judgeLinks(now election.Instant) {
	for name, h := range r.links.held {
		if h.at <= now {
			r.judgeLink(name)
		}
	}
}

// linkDown reports whether a link is down, even if that does not count yet.
func (r *Runner) linkDown(name string) bool {
	l, ok := r.links.actual[name]
	up, asked := r.linkbeat.up[name]
	return !ok || !l.Up || asked && !up
}

// linkDelay is how long a change of a link is held back: less than it takes the others to miss a router on it.
func (r *Runner) linkDelay(name string, up bool) time.Duration {
	delay, of := time.Duration(0), name
	if k := r.virtual.kept[name]; k != nil { // a virtual one has those of the interface that it is on
		of = k.want.Parent
	}
	for _, d := range r.spec.LinkDelays {
		if d.Link == of {
			if delay = d.Down; up {
				delay = d.Up
			}
		}
	}
	for _, in := range r.view.dependents[name] {
		if delay == 0 {
			break
		}
		interval := in.spec.AdvertInterval
		if s, ok := r.engine.StatusOf(in.handle); ok && s.MasterInterval > 0 {
			interval = min(interval, s.MasterInterval)
		}
		delay = min(delay, max(0, time.Duration(in.spec.DownTimerAdverts-1)*interval-interval/256))
	}
	return delay
}
