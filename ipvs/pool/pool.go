// Package pool is the core between health checks and the kernel's table: it decides what a virtual server's pool is to
// be. In go verdicts with weights, the weights that others have set, the configuration, and what came of it in the
// kernel; out come the weight of each server and, once the kernel has it, what happened, in order.
//
// It is pure: no clock, no I/O, no goroutine. The rules are keepalived's: a server that is down is out, or in with
// weight 0 where it has inhibit_on_failure; while the live weight does not make the quorum the sorry server serves
// alone, if there is one. Before that the backup servers, if there are any, serve beside the real servers that are left.
// Guards (panic.go, damping.go, slowstart.go, drain.go) stand between the checks and the pool where they are asked for.
package pool

import (
	"net/netip"
	"slices"
	"time"
)

// Instant is monotonic time since an epoch of whoever drives the pool. The pool is told it by Advance.
type Instant = time.Duration

// Sorry stands for the sorry server in the place of the number of a real server.
const Sorry = -1

// Health is the verdict of the checks on one real server.
type Health struct {
	Up     bool
	Weight int32 // while up; below 0 counts as 0
}

// kernelWeight is the weight as IPVS takes it.
func (h Health) kernelWeight() int32 { return max(h.Weight, 0) }

// live is what the server adds to the quorum.
func (h Health) live() int64 {
	if !h.Up {
		return 0
	}
	return int64(h.kernelWeight())
}

// Pool is the pool of one virtual server while it runs. A virtual server may stand for several services in the kernel,
// numbered from 0; they share their pool.
type Pool struct {
	spec    *Spec
	now     Instant
	servers []server // parallel to spec.Servers
	quorum  quorum
	initial bool // the quorum was last decided at start or by a reload

	live       int64 // the weight of the real servers that are up
	backup     int64 // of the backup servers
	failedOver bool  // the backup servers serve
	drains     bool  // a server is Drained

	overrides map[int]map[int]int32 // by server or Sorry, then service: the weights that others have set; nil: none

	panic    panicGuard
	flaps    map[int]*flap // by server, of those that have failed lately
	calmAt   Instant       // when it is looked whose damping is over; 0: no server has failed lately
	ramp     ramp
	draining []drain

	index map[netip.AddrPort]int // of long lists, once asked for

	// What has been told and what not yet. See Outcome.
	pending      []int           // servers, each once, in the order in which they changed
	alerts       map[int][]Alert // by server, of those that are pending; nil: none
	gone         []Note
	aside        []Note
	toldQuorum   bool
	toldServing  bool // the sorry server
	toldPanic    bool
	toldFailover bool
}

// server is a real server in its pool.
type server struct {
	verdict   Health // of the checks
	health    Health // the same, but for what the guards make of it
	told      Health
	queued    bool // in pending
	fresh     bool // it was not there before the last Spec
	unheard   bool // it is down since it is there, and no check has said so
	announced bool // what is to be told of it is how it is from the start
	held      bool // in although checks say that it is down
}

// known returns a server that there was not before. How it starts is no news.
func known(h Health) server {
	return server{verdict: h, health: h, told: h, fresh: true, unheard: !h.Up}
}

// New returns the pool of a virtual server that has just been configured. health is parallel to s.Servers.
func New(s *Spec, health []Health) *Pool {
	p := &Pool{spec: s, servers: make([]server, len(health))}
	for i, h := range health {
		p.servers[i] = known(h)
	}
	p.recount()
	p.initial = true
	p.decide()
	return p
}

// recount computes from the servers' health what put keeps up to date, and takes over the quorum of the Spec.
func (p *Pool) recount() {
	p.quorum.quorum, p.quorum.hysteresis = int64(p.spec.Quorum), int64(p.spec.Hysteresis)
	p.live, p.backup = 0, 0
	p.panic = panicGuard{limit: p.panicLimit()}
	p.drains = slices.ContainsFunc(p.spec.Servers, func(s Server) bool { return s.Drained })
	for i := range p.servers {
		*p.tier(i) += p.servers[i].health.live()
		p.panic.count(p, i)
	}
}

// tier is the live weight that server i adds to.
func (p *Pool) tier(i int) *int64 {
	if p.spec.Servers[i].Backup {
		return &p.backup
	}
	return &p.live
}

// Change takes over the verdict on server i and reports whether it is news. It ends what others have set for that
// server. Evaluate must follow, once for however many changes came together.
func (p *Pool) Change(i int, h Health) bool {
	s := &p.servers[i]
	if s.unheard && !h.Up { // a check has found what was only assumed
		s.unheard, s.told.Up, s.announced = false, true, true
		s.verdict = h
		p.put(i, h)
		p.queue(i)
		return true
	}
	if s.verdict == h {
		return false
	}
	failed := s.verdict.Up && !h.Up
	s.verdict = h
	if failed {
		p.flapped(i)
	}
	p.judge(i)
	return true
}

// judge gives server i the health that the guards make of its verdict.
func (p *Pool) judge(i int) {
	h := p.servers[i].verdict
	if h.Up && p.damped(i) {
		h.Up = false
	}
	p.put(i, p.guarded(i, h))
	p.refill()
}

// put gives server i a health.
func (p *Pool) put(i int, h Health) {
	s := &p.servers[i]
	if s.health == h {
		return
	}
	p.rise(i, s.health.Up, h.Up)
	*p.tier(i) += h.live() - s.health.live()
	s.health = h
	s.unheard = s.unheard && !h.Up
	delete(p.overrides, i)
	p.queue(i)
}

func (p *Pool) queue(i int) {
	if !p.servers[i].queued {
		p.servers[i].queued = true
		p.pending = append(p.pending, i)
	}
}

// Evaluate lets the backup servers, the quorum, and with it the sorry server, follow the live weight. It reports whether
// the quorum was gained or lost.
func (p *Pool) Evaluate() bool {
	serving := p.Serving()
	if !p.decide() {
		return false
	}
	p.initial = false
	p.swapped(serving)
	return true
}

// decide is Evaluate but for what follows from it.
func (p *Pool) decide() bool {
	live, backup := p.live, p.backup
	if p.drains { // who is drained takes nobody, and somebody else has to
		for i := range p.servers {
			switch s := &p.spec.Servers[i]; {
			case s.Drained && s.Backup:
				backup -= p.servers[i].health.live()
			case s.Drained:
				live -= p.servers[i].health.live()
			}
		}
	}
	over := backup > 0 && live < int64(p.spec.FailoverThreshold)
	if p.failedOver != over {
		p.failedOver = over
		for i := range p.overrides {
			if i != Sorry && p.spec.Servers[i].Backup {
				delete(p.overrides, i)
			}
		}
	}
	p.quorum.sum = p.live
	if over {
		p.quorum.sum += p.backup
	}
	return p.quorum.evaluate()
}

// Advance tells the pool what time it is and reports whether what it is to be has changed by that. Time does not run
// backwards.
func (p *Pool) Advance(now Instant) bool {
	p.now = max(p.now, now)
	changed := p.advanceRamp()
	if p.calm() {
		changed = true
		p.Evaluate()
	}
	return p.drained(func(d drain) bool { return d.until <= p.now }) || changed
}

// Deadline is when time alone changes the pool next; false: never.
func (p *Pool) Deadline() (at Instant, any bool) {
	see := func(t Instant) {
		if !any || t < at {
			at, any = t, true
		}
	}
	if len(p.ramp.from) > 0 {
		see(p.ramp.tick + p.rampStep())
	}
	if len(p.flaps) > 0 {
		see(p.calmAt)
	}
	for _, d := range p.draining {
		see(d.until)
	}
	return at, any
}

// swapped ends what others have set if the sorry server and the real servers have changed places: every server gets
// another weight then, and one that somebody had drained must not go on refusing clients as the only one that serves.
func (p *Pool) swapped(served bool) {
	if p.Serving() != served {
		p.overrides = nil
	}
}

// Reload makes the pool that of another Spec, with the health of its servers, and reports whether anything about it has
// changed. Servers are the same if they have the same address and port. What others have set stays for a server that the
// configuration leaves as it is, unless services is false: the services are others than before.
func (p *Pool) Reload(s *Spec, health []Health, services bool) bool {
	if p.spec.Equal(s) && p.sameHealth(health) {
		p.spec = s
		if !services {
			p.overrides = nil
		}
		return false
	}
	old := *p
	*p = Pool{
		spec: s, now: old.now, servers: make([]server, len(health)), initial: true, gone: old.gone, aside: old.aside,
		toldQuorum: old.toldQuorum, toldServing: old.toldServing && old.spec.Sorry.same(s.Sorry),
		toldPanic: old.toldPanic, toldFailover: old.toldFailover, failedOver: old.failedOver,
	}
	p.quorum.up = old.quorum.up
	number := p.take(&old, health)
	p.recount()
	p.keepGuards(&old, number)
	for i := range p.servers {
		p.judge(i)
	}
	for was, i := range number {
		if i >= 0 && services && old.spec.Servers[was] == s.Servers[i] && old.servers[was].health == p.servers[i].health {
			for service, w := range old.overrides[was] {
				p.override(service, i, w)
			}
		}
	}
	p.decide()
	p.swapped(old.Serving())
	return true
}

// take takes over the servers of the pool before, with their health of then, and returns the number that each has now,
// or -1.
func (p *Pool) take(old *Pool, health []Health) (number []int) {
	number = make([]int, len(old.servers))
	for i := range number {
		number[i] = -1
	}
	for i, h := range health {
		endpoint := p.spec.Servers[i].Endpoint()
		was := i // configurations change little
		if was >= len(old.servers) || old.spec.Servers[was].Endpoint() != endpoint {
			was = old.Find(endpoint)
		}
		if was < 0 {
			p.servers[i] = known(h)
			continue
		}
		number[was] = i
		before := &old.servers[was]
		p.servers[i] = server{verdict: h, health: before.health, told: before.told, held: before.held,
			unheard: before.unheard && !h.Up, announced: before.announced}
		if before.health != before.told {
			p.queue(i)
		}
		p.Alert(i, old.alerts[was])
	}
	for was, i := range number {
		if i < 0 {
			p.gone = append(p.gone, old.goneNote(was))
		}
	}
	return number
}

func (p *Pool) sameHealth(health []Health) bool {
	for i := range p.servers {
		if p.servers[i].verdict != health[i] {
			return false
		}
	}
	return true
}

// same reports whether both are one server.
func (s SorryServer) same(o SorryServer) bool { return s.Addr == o.Addr && s.Port == o.Port }

// few is up to how many servers a look at each is faster than a map.
const few = 16

// Find returns the number of the server with this address and port, or -1.
func (p *Pool) Find(endpoint netip.AddrPort) int {
	if len(p.servers) <= few {
		for i := range p.spec.Servers {
			if p.spec.Servers[i].Endpoint() == endpoint {
				return i
			}
		}
		return -1
	}
	if p.index == nil {
		p.index = make(map[netip.AddrPort]int, len(p.servers))
		for i := range p.spec.Servers {
			p.index[p.spec.Servers[i].Endpoint()] = i
		}
	}
	if i, ok := p.index[endpoint]; ok {
		return i
	}
	return -1
}

// Serving reports whether the sorry server serves in the place of the real servers.
func (p *Pool) Serving() bool { return p.spec.Sorry.Exists() && !p.quorum.up }

// QuorumUp reports whether the virtual server has its quorum.
func (p *Pool) QuorumUp() bool { return p.quorum.up }

// Live is the weight of the servers that are up and may serve.
func (p *Pool) Live() int64 { return p.quorum.sum }

// FailedOver reports whether the backup servers serve.
func (p *Pool) FailedOver() bool { return p.failedOver }

// Health returns the health of server i: the verdict of its checks, but for what guards make of it.
func (p *Pool) Health(i int) Health { return p.servers[i].health }

// Weight returns the weight that server i, or the Sorry server, is to have in a service, and whether it is to be in it
// at all.
func (p *Pool) Weight(service, i int) (weight int32, in bool) {
	weight, in = p.own(i)
	if in && len(p.overrides) > 0 {
		if w, ok := p.overrides[i][service]; ok {
			return w, true
		}
	}
	return weight, in
}

// own is Weight but for what others have set.
func (p *Pool) own(i int) (weight int32, in bool) {
	serving := p.Serving()
	if i == Sorry {
		if serving {
			return 1, true
		}
		return 0, p.spec.Sorry.Exists() && p.spec.Sorry.Inhibit
	}
	if h := p.servers[i].health; h.Up && !serving && (p.failedOver || !p.spec.Servers[i].Backup) {
		if p.spec.Servers[i].Drained {
			return 0, true
		}
		return p.ramped(i, h.kernelWeight()), true
	}
	return 0, p.spec.Servers[i].InhibitOnFailure
}
