package vrrptest

import (
	"net/netip"
	"slices"
	"time"

	"vigil/internal/track"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// The invariants, with the letters of docs/sim.md. In the chaos:
//
//	a  who hears a better MASTER is none any more; members of a sync group go together (group.go)
//	b  who hears nobody and is sound becomes MASTER within a master-down time, and who is sound is not in FAULT
//	c  nor does it wait longer for those whom it may preempt
//	d  a MASTER's adverts are its interval apart, neither more nor less, whatever is reloaded
//	e  who is no MASTER holds and answers for nothing (judge.go)
//	f  a MASTER that hears a lesser one announces its addresses anew
//	g  what is told follows from what was told before
//	h  a reload takes no address away from a MASTER that keeps it
//
// and when the network is sound again there is settled.go.

// changed notes that something happened to r for which it may begin to wait anew.
func (n *Node) changed(r *virtualRouter) { r.calmSince, r.rivalAt = n.sim.Now, 0 }

// patience is the longest time that a router may wait for adverts, as its own clock and scheduler go: the
// Active_Down_Interval (RFC 9568 §6.1) of the slowest MASTER that it has heard.
func (n *Node) patience(r *virtualRouter) time.Duration {
	count, skew := r.spec.DownTimerAdverts, r.pace
	if count < 1 {
		count = election.DefaultDownTimerAdverts
	}
	if r.spec.Version == 2 {
		skew = time.Second
	}
	d := time.Duration(count)*r.pace + time.Duration(256-int(r.rank))*skew/256
	return d + d/100 + 2*n.Lateness + time.Millisecond
}

// listens is when the process has begun to listen to others, and last could.
func (n *Node) listens() time.Duration {
	return max(n.stalledUntil, n.begun+n.spec.StartupDelay+n.spec.StartupDelay/100)
}

// watch judges the invariants that a router breaks by doing nothing: b, c, d and f.
func (n *Node) watch(r *virtualRouter) {
	s := n.sim
	since := max(r.calmSince, n.listens())
	switch r.state {
	case election.Master:
		limit := r.spec.AdvertInterval + r.spec.AdvertInterval/50 + 2*n.Lateness + time.Millisecond
		if s.Now-max(r.sentAt, n.stalledUntil) > limit && !n.Keepalived {
			s.fail("d: host %d is MASTER of %s and silent since %v", n.number(), r.spec.Name, r.sentAt)
		}
		n.reassures(r)
	case election.Backup:
		switch patience := n.patience(r); {
		case s.Now-max(r.bowedAt, since) <= patience, n.heldBack(r, patience):
		case s.Now-r.heardAt > patience:
			s.fail("b: host %d is BACKUP of %s, hears nobody since %v and waits since %v", n.number(), r.spec.Name, r.heardAt, since)
		default:
			s.fail("c: host %d (priority %d) is BACKUP of %s, and hears only lower ones since %v", n.number(), r.rank, r.spec.Name, max(r.bowedAt, since))
		}
	case election.Fault:
		if s.Now > since+2*n.Lateness+time.Millisecond && !n.refused && n.well(r) {
			s.fail("b: host %d is in FAULT of %s, and well since %v", n.number(), r.spec.Name, since)
		}
	case election.Init:
		if s.Now > since+2*n.Lateness+time.Millisecond && r.releaseBy == forever && n.wants(r) {
			s.fail("b: host %d does not begin with %s since %v", n.number(), r.spec.Name, since)
		}
	}
}

// wants reports whether r is to take part in the election: it is configured, and the process goes on.
func (n *Node) wants(r *virtualRouter) bool {
	return !n.stopping && slices.ContainsFunc(n.spec.Instances, func(s election.InstanceSpec) bool { return s.Name == r.spec.Name })
}

// well reports whether nothing keeps r, or its sync group, out of the election.
func (n *Node) well(r *virtualRouter) bool {
	for _, m := range n.routers {
		if m != r && !n.mates(r, m) {
			continue
		}
		if !n.up(m.spec.Link) && m.spec.TrackLink || slices.ContainsFunc(m.spec.Trackers, func(t election.TrackSpec) bool {
			v, known := n.taught[t.ID]
			return known && vetoes(t, v)
		}) {
			return false
		}
	}
	return true
}

// onTime judges d: an advert of a MASTER is due, or answers something.
func (n *Node) onTime(r *virtualRouter, a *wire.Advert) {
	now := n.sim.Now
	slack := n.Lateness + r.spec.AdvertInterval/100 + 2*time.Millisecond
	switch {
	case r.state != election.Master || a.Priority == 0 || n.Keepalived:
	case r.excusedAt == now:
		r.excusedAt = -1
	case n.stalledUntil+2*n.Lateness+time.Millisecond >= r.sentAt: // which was late; the schedule is as before
	case now-r.sentAt < r.spec.AdvertInterval-slack:
		n.sim.fail("d: host %d is MASTER of %s and sends %v after its last advert", n.number(), r.spec.Name, now-r.sentAt)
	}
	r.sentAt = now
}

// hears notes an advert before the process knows of it.
func (n *Node) hears(r *virtualRouter, a *wire.Advert) {
	now := n.sim.Now
	r.heardAt, r.excusedAt, r.pace = now, now, max(r.pace, a.Interval)
	if a.Priority == 0 || a.Priority >= r.rank || r.spec.NoPreempt || r.spec.PreemptDelay > 0 ||
		r.spec.PreemptWhen != (track.ID{}) {
		r.bowedAt = now
	}
}

// meets judges what has come of an advert that reached r: who hears a better MASTER is none (a), who hears a lesser one owes
// announcements (f). What may have been refused, because clocks were set or a sequence is shared, says nothing.
func (n *Node) meets(r *virtualRouter, a *wire.Advert, source netip.Addr) {
	if r.state != election.Master || a.Priority == 0 || n.Keepalived || n.sim.Now <= n.listens()+time.Millisecond ||
		r.spec.HMAC.Mode != election.HMACOff || r.spec.AuthType == wire.AuthAH {
		return
	}
	rank := int(a.Priority) - int(r.rank)
	if rank == 0 {
		rank = source.Compare(n.source(&r.spec))
	}
	switch {
	case rank > 0:
		n.sim.fail("a: host %d (priority %d) is MASTER of %s, and hears %v of priority %d", n.number(), r.rank, r.spec.Name, source, a.Priority)
	case rank < 0 && r.rivalAt == 0 && r.spec.GARP.LowerPrioRepeat > 0:
		r.rivalAt = n.sim.Now
	}
}

// reassures judges f: what a lesser MASTER may have made neighbours believe is put right, once per interval at the least.
func (n *Node) reassures(r *virtualRouter) {
	limit := r.spec.AdvertInterval + r.spec.AdvertInterval/50 + 2*n.Lateness + n.Latency +
		time.Duration(len(r.addrs)+1)*n.Pace + 2*time.Millisecond
	if r.rivalAt == 0 || n.sim.Now-max(r.rivalAt, n.stalledUntil) <= limit {
		return
	}
	for a := range r.mine {
		if n.held[a] && r.saidAt[a] < r.rivalAt {
			n.sim.fail("f: host %d is MASTER of %s, has met a lesser one at %v and announced %v last at %v",
				n.number(), r.spec.Name, r.rivalAt, a.Prefix, r.saidAt[a])
		}
	}
	r.rivalAt = 0
}

// mayOwn judges the invariant h.
func (n *Node) mayOwn(r *virtualRouter, o election.Own) {
	for _, a := range addressesOf(o.Remove) {
		if r.state == election.Master && slices.Contains(r.spec.All(), a) {
			n.sim.fail("h: host %d is MASTER of %s and removes %v, which it keeps", n.number(), r.spec.Name, a.Prefix)
		}
	}
}

// notified judges that what is told follows from what was told before (g).
func (n *Node) notified(r *virtualRouter, a election.Notify) {
	if a.Kind != election.NotifyTransition {
		return
	}
	last, name := r.told, string(r.spec.Name)
	if a.Group != "" {
		name = string(a.Group)
		last, n.groups[name] = n.groups[name], a.To
	} else {
		r.told = a.To
	}
	if a.From != last || a.From == a.To {
		n.sim.fail("g: host %d tells that %s is %v after %v, when the last word was %v", n.number(), name, a.To, a.From, last)
	}
}
