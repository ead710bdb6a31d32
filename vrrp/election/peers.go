package election

import (
	"net/netip"
	"slices"
	"time"

	"vigil/vrrp/wire"
)

// Peer is what is known of one source of adverts for a virtual router.
type Peer struct {
	Source   netip.Addr
	Priority uint8         // of its latest advert that was not 0
	Interval time.Duration // as advertised
	Heard    Instant       // its latest valid advert; Never when there was none
	Resigned bool          // that one had priority 0
	// Silent: it was the master that this router obeyed, and ceased to speak without having resigned. Whether it is back as a
	// backup, which says nothing, nobody can know.
	Silent     bool
	Configured bool   // it is a unicast_peer
	Rejected   uint64 // packets refused
	Reason     wire.DropReason
}

const (
	// maxPeers is how many sources are told apart beside the configured peers; more than that on one virtual router are forged
	// or a mistake.
	maxPeers = 16
	// peerMemory is how long a silent source keeps its place when another one wants it.
	peerMemory = 5 * time.Minute
	// maxReports is how many Reports about packets of one source there are per reportPeriod.
	maxReports   = 8
	reportPeriod = time.Minute
)

// peer is a Peer with what limits the reports about it.
type peer struct {
	Peer
	seen   Instant // latest packet of any kind
	told   uint64  // kinds of problem reported since the last transition
	period Instant // when the count began
	count  int

	rivalry    rivalry
	mismatches mismatches
}

// peerTable holds the sources of packets for one virtual router. Whatever is sent to it, its size and the number of
// reports have bounds: each configured peer and the first maxPeers of the others have a place each, and the rest share one.
type peerTable struct {
	list     []peer // the configured ones first
	reserved int    // how many those are
	rest     peer
}

// reserve gives each of the configured peers a place that no other source gets. What is known of those that stay is kept.
func (t *peerTable) reserve(sources []netip.Addr) {
	if len(sources) == 0 && t.reserved == 0 {
		return
	}
	var list []peer
	for _, src := range sources {
		if slices.ContainsFunc(list, func(p peer) bool { return p.Source == src }) {
			continue
		}
		one := peer{Peer: Peer{Source: src, Heard: Never}}
		if i := slices.IndexFunc(t.list, func(p peer) bool { return p.Source == src }); i >= 0 {
			one = t.list[i]
		}
		one.Configured = true
		list = append(list, one)
	}
	t.reserved = len(list)
	for _, p := range t.list {
		if !p.Configured && !slices.Contains(sources, p.Source) {
			list = append(list, p)
		}
	}
	t.list = list
}

// find returns the place of src. A new source gets a free one, else that of a source which has long been silent, or,
// having sent a valid advert, that of one which never did.
func (t *peerTable) find(now Instant, src netip.Addr, valid bool) *peer {
	var oldest *peer
	for i := range t.list {
		p := &t.list[i]
		if p.Source == src {
			p.seen = now
			return p
		}
		replaceable := now.Sub(p.seen) > peerMemory || valid && p.Heard == Never
		if replaceable && !p.Configured && (oldest == nil || p.seen < oldest.seen) {
			oldest = p
		}
	}
	switch fresh := (peer{Peer: Peer{Source: src, Heard: Never}, seen: now, period: now}); {
	case len(t.list) < t.reserved+maxPeers:
		t.list = append(t.list, fresh)
		return &t.list[len(t.list)-1]
	case oldest != nil:
		*oldest = fresh
		return oldest
	}
	t.rest.Source = src
	return &t.rest
}

// forgive has every kind of problem reported again, after a transition. Rivals have to show themselves anew.
func (t *peerTable) forgive() {
	t.rest.told = 0
	for i := range t.list {
		t.list[i].told, t.list[i].rivalry = 0, rivalry{}
	}
}

// hear notes a valid advert.
func (p *peer) hear(now Instant, a *wire.Advert) {
	p.Heard, p.Interval, p.Resigned, p.Silent = now, a.Interval, a.Priority == 0, false
	if a.Priority > 0 {
		p.Priority = a.Priority
	}
}

// allow reports whether there may be one more Report about p.
func (p *peer) allow(now Instant) bool {
	if now.Sub(p.period) >= reportPeriod {
		p.period, p.count = now, 0
	}
	p.count++
	return p.count <= maxReports
}

// once reports whether bit is not set yet, and sets it.
func (p *peer) once(bit uint64) bool {
	if p.told&bit != 0 {
		return false
	}
	p.told |= bit
	return true
}

// report emits a Report about p, unless there were too many.
func (m *Machine) report(p *peer, r Report) {
	if p.allow(m.now) {
		r.Source = p.Source
		m.emit(r)
	}
}

// reportOnce emits a Report of a kind of problem that p has not been reported for since the last transition.
func (m *Machine) reportOnce(p *peer, r Report) {
	bit := uint64(1) << min(r.Kind, 31)
	if r.Kind == ReportRejected {
		bit = 1 << (32 + min(r.Rejected, 31))
	}
	if p.once(bit) {
		m.report(p, r)
	}
}

// preparation is the PassOn that the shell was told to prepare for last.
type preparation struct {
	previous netip.Addr
	at       Instant
}

// preparePause is the least time between two preparations: each costs the shell a transaction.
const preparePause = 100 * time.Millisecond

// preparePassOn tells the shell who is likely to be succeeded, unless it was told so a moment ago.
func (m *Machine) preparePassOn(now Instant, from netip.Addr) {
	within, last := m.activeDownInterval(), m.prepared
	again := now.Sub(last.at)
	if last.previous.IsValid() && (again < preparePause || last.previous == from && again < within/2) {
		return
	}
	m.prepared = preparation{from, now}
	m.emit(PreparePassOn{Previous: from, Within: within})
}
