// Package pool is the core between health checks and the kernel's table: it decides what a virtual server's pool is to
// be. In go verdicts with weights, the weights that others have set, the configuration, and what came of it in the
// kernel; out come the weight of each server and, once the kernel has it, what happened, in order.
//
// It is pure: no clock, no I/O, no goroutine. The rules are keepalived's: a server that is down is out, or in with
// weight 0 where it has inhibit_on_failure; while the live weight does not make the quorum the sorry server serves
// alone, if there is one. What else may come to bear on a pool (a second tier, ha_suspend, drains, a slow start) is one
// more input of Pool and one more case of Weight.
package pool

import "net/netip"

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
	servers []server // parallel to spec.Servers
	quorum  quorum
	initial bool // the quorum was last decided at start or by a reload

	overrides map[int]map[int]int32 // by server or Sorry, then service: the weights that others have set; nil: none

	index map[netip.AddrPort]int // of long lists, once asked for

	// What has been told and what not yet. See Settle.
	pending     []int // servers, each once, in the order in which they changed
	gone        []Note
	toldQuorum  bool
	toldServing bool // the sorry server
}

// server is a real server in its pool.
type server struct {
	health Health
	told   Health
	queued bool // in pending
}

// New returns the pool of a virtual server that has just been configured. health is parallel to s.Servers.
func New(s *Spec, health []Health) *Pool {
	p := &Pool{spec: s, servers: make([]server, len(health))}
	for i, h := range health {
		p.servers[i] = server{health: h, told: h} // how a server starts is no news
	}
	p.recount()
	p.initial = true
	p.quorum.evaluate()
	return p
}

// recount takes over the quorum of the Spec and computes what Change keeps up to date.
func (p *Pool) recount() {
	p.quorum.quorum, p.quorum.hysteresis, p.quorum.sum = int64(p.spec.Quorum), int64(p.spec.Hysteresis), 0
	for i := range p.servers {
		p.quorum.sum += p.servers[i].health.live()
	}
}

// Change takes over the verdict on server i and reports whether it is news. It ends what others have set for that
// server. Evaluate must follow, once for however many changes came together.
func (p *Pool) Change(i int, h Health) bool {
	s := &p.servers[i]
	if s.health == h {
		return false
	}
	p.quorum.sum += h.live() - s.health.live()
	s.health = h
	delete(p.overrides, i)
	p.queue(i)
	return true
}

func (p *Pool) queue(i int) {
	if !p.servers[i].queued {
		p.servers[i].queued = true
		p.pending = append(p.pending, i)
	}
}

// Evaluate lets the quorum, and with it the sorry server, follow the live weight. It reports whether it was gained or
// lost.
func (p *Pool) Evaluate() bool {
	serving := p.Serving()
	if !p.quorum.evaluate() {
		return false
	}
	p.initial = false
	p.swapped(serving)
	return true
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
		spec: s, servers: make([]server, len(health)), initial: true, gone: old.gone,
		toldQuorum: old.toldQuorum, toldServing: old.toldServing && old.spec.Sorry.same(s.Sorry),
	}
	p.quorum.up = old.quorum.up
	kept := make([]bool, len(old.servers))
	from := make(map[int]int) // of servers that somebody has overridden: their number before
	for i, h := range health {
		was := i // configurations change little
		if was >= len(old.servers) || old.spec.Servers[was].Endpoint() != s.Servers[i].Endpoint() {
			was = old.Find(s.Servers[i].Endpoint())
		}
		if was < 0 {
			p.servers[i] = server{health: h, told: h}
			continue
		}
		kept[was] = true
		p.servers[i] = server{health: h, told: old.servers[was].told}
		if p.servers[i].health != p.servers[i].told {
			p.queue(i)
		}
		if services && len(old.overrides) > 0 && old.spec.Servers[was] == s.Servers[i] && old.servers[was].health == h {
			from[was] = i
		}
	}
	for i := range old.servers {
		if !kept[i] {
			p.gone = append(p.gone, old.note(ServerGone, i))
		}
	}
	for was, i := range from {
		for service, w := range old.overrides[was] {
			p.override(service, i, w)
		}
	}
	p.recount()
	p.quorum.evaluate()
	p.swapped(old.Serving())
	return true
}

func (p *Pool) sameHealth(health []Health) bool {
	for i := range p.servers {
		if p.servers[i].health != health[i] {
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

// Live is the weight of the servers that are up.
func (p *Pool) Live() int64 { return p.quorum.sum }

// Health returns the verdict on server i.
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
	if h := p.servers[i].health; h.Up && !serving {
		return h.kernelWeight(), true
	}
	return 0, p.spec.Servers[i].InhibitOnFailure
}

// Override takes note that somebody else has given server i, or the Sorry server, this weight in one of the services.
// It is kept until the configuration or a check changes that server, the sorry server and the pool change places, or
// the server leaves the service; the weight that it would have anyway ends it at once. Nothing comes of it for a server
// that is not in.
func (p *Pool) Override(service, i int, weight int32) {
	if own, in := p.own(i); !in || own == weight {
		p.Left(service, i)
		return
	}
	p.override(service, i, weight)
}

func (p *Pool) override(service, i int, weight int32) {
	if p.overrides == nil {
		p.overrides = make(map[int]map[int]int32)
	}
	if p.overrides[i] == nil {
		p.overrides[i] = make(map[int]int32)
	}
	p.overrides[i][service] = weight
}

// Left takes note that a service has lost server i, or the Sorry server, so that what others had set for it there is
// over.
func (p *Pool) Left(service, i int) {
	if delete(p.overrides[i], service); len(p.overrides[i]) == 0 {
		delete(p.overrides, i)
	}
}

// Overridden is a weight that somebody else has set.
type Overridden struct {
	Service int
	Server  int // or Sorry
	Weight  int32
	Own     int32 // what it would be otherwise
}

// Overrides returns the weights that others have set, in no order.
func (p *Pool) Overrides() []Overridden {
	var out []Overridden
	for i, services := range p.overrides {
		own, _ := p.own(i)
		for service, w := range services {
			out = append(out, Overridden{Service: service, Server: i, Weight: w, Own: own})
		}
	}
	return out
}
