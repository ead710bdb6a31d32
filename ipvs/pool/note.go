package pool

import (
	"net/netip"
	"slices"
)

// NoteKind is the kind of a Note.
type NoteKind uint8

// The kinds.
const (
	ServerUp      NoteKind = iota + 1 // a real server is in the pool, or would be if the sorry server did not serve
	ServerDown                        // a real server is out, or in with weight 0
	WeightChanged                     // of a real server
	ServerGone                        // a real server has left the configuration
	ServerDamped                      // a real server has failed so often that it stays out for a time
	PanicBegan                        // so many servers have failed that no more are taken out
	PanicEnded
	FailedOver // the backup servers serve beside the real servers
	FailedBack // they do not any more
	QuorumGained
	QuorumLost // or was never had, when Initial is set
	CheckDone  // a check of a real server has come to another verdict, and the server has not changed by it
)

// Note is something that has happened to a pool and that the kernel knows of by now. It has all that telling it takes.
type Note struct {
	Kind    NoteKind
	Notify  Notify         // of the server, or of the quorum, also of the kinds about a panic
	Server  netip.AddrPort // of the kinds about a server
	Inhibit bool           // inhibit_on_failure of it
	Up      bool           // whether it is up; of ServerGone, whether it was by what has been told; of the kinds about a panic, whether there is the quorum
	From    int32          // of WeightChanged
	To      int32
	// Alert is what the check came to that CheckDone is about, or that the server changed by; "": it changed otherwise.
	Alert string

	// Of the quorum's kinds, and Live of those about a tier.
	Quorum     int64
	Hysteresis int64
	Live       int64 // the weight that decided
	Swap       bool  // the sorry server and the pool have changed places
	Sorry      SorryServer

	Initial bool // it was so from the start, or is by a reload
	Final   bool // the virtual server is no more
	Stops   bool // and neither is the daemon
}

// note is a Note about server i.
func (p *Pool) note(k NoteKind, i int) Note {
	s := &p.spec.Servers[i]
	return Note{Kind: k, Server: s.Endpoint(), Inhibit: s.InhibitOnFailure, Up: p.servers[i].health.Up, Notify: s.Notify}
}

// goneNote is the Note that server i has left the configuration. What has become of it and was not told yet never is.
func (p *Pool) goneNote(i int) Note {
	n := p.note(ServerGone, i)
	n.Up = p.servers[i].told.Up
	return n
}

// Outcome takes what has come of the pool in the kernel and returns what can be told now: first of the real servers, in
// the order in which they changed, then of the quorum. in says whether the kernel has a server, or the Sorry server, as
// Weight says; what it has not yet, or refuses, is told when it has. What has changed back meanwhile is never told.
func (p *Pool) Outcome(in func(server int) bool) []Note {
	notes := p.gone
	p.gone = nil
	late := p.pending[:0]
	for _, i := range p.pending {
		s := &p.servers[i]
		if s.health != s.told && !in(i) {
			late = append(late, i)
			continue
		}
		alerts := p.takeAlerts(i)
		if s.health.Up != s.told.Up {
			kind := ServerDown
			if s.health.Up {
				kind = ServerUp
			}
			n := p.note(kind, i)
			n.Initial = s.announced
			n.Alert, alerts = cause(alerts, s.health.Up)
			notes = append(notes, n)
		}
		if from, to := s.told.kernelWeight(), s.health.kernelWeight(); from != to {
			n := p.note(WeightChanged, i)
			n.From, n.To = from, to
			notes = append(notes, n)
		}
		for _, a := range alerts {
			n := p.note(CheckDone, i)
			n.Alert = a.Text
			notes = append(notes, n)
		}
		s.told, s.queued, s.announced = s.health, false, false
	}
	if p.pending = late; len(late) == 0 {
		p.pending = nil
	}
	return p.settleQuorum(p.settleTiers(notes), in)
}

// cause takes from alerts the one by which the server is up, which is the last that passed, or down, the first that failed.
func cause(alerts []Alert, up bool) (text string, others []Alert) {
	which := slices.IndexFunc(alerts, func(a Alert) bool { return !a.Passed })
	if up {
		for which = len(alerts) - 1; which >= 0 && !alerts[which].Passed; which-- {
		}
	}
	if which < 0 {
		return "", alerts
	}
	text = alerts[which].Text
	return text, slices.Delete(alerts, which, which+1)
}

// settleTiers tells of the guards, and which tiers serve.
func (p *Pool) settleTiers(notes []Note) []Note {
	notes = append(notes, p.aside...)
	p.aside = nil
	if p.Panicking() != p.toldPanic {
		p.toldPanic = !p.toldPanic
		kind := PanicEnded
		if p.toldPanic {
			kind = PanicBegan
		}
		notes = append(notes, Note{Kind: kind, Live: int64(p.panic.out), Up: p.quorum.up, Notify: p.spec.Notify})
	}
	if p.failedOver != p.toldFailover {
		p.toldFailover = !p.toldFailover
		kind := FailedBack
		if p.toldFailover {
			kind = FailedOver
		}
		notes = append(notes, Note{Kind: kind, Live: p.live})
	}
	return notes
}

func (p *Pool) settleQuorum(notes []Note, in func(server int) bool) []Note {
	serving := p.Serving()
	if p.quorum.up == p.toldQuorum && serving == p.toldServing {
		return notes
	}
	if p.spec.Sorry.Exists() && !in(Sorry) {
		return notes
	}
	swap := serving != p.toldServing
	p.toldQuorum, p.toldServing = p.quorum.up, serving
	n := p.quorumNote()
	n.Initial, n.Swap = p.initial, swap
	return append(notes, n)
}

func (p *Pool) quorumNote() Note {
	kind := QuorumLost
	if p.quorum.up {
		kind = QuorumGained
	}
	return Note{Kind: kind, Notify: p.spec.Notify, Quorum: p.quorum.quorum, Hysteresis: p.quorum.hysteresis,
		Live: p.quorum.sum, Sorry: p.spec.Sorry}
}

// Announce has servers that are up since they are known told as if they had come up.
func (p *Pool) Announce() {
	for i := range p.servers {
		if s := &p.servers[i]; s.fresh && s.health.Up {
			s.told.Up, s.announced = false, true
			p.queue(i)
		}
	}
}

// End returns what is to be told when the virtual server is no more, by a reload or because the daemon stops: its servers are gone,
// and so is its quorum.
func (p *Pool) End(stops bool) []Note {
	notes := p.gone
	for i := range p.servers {
		n := p.goneNote(i)
		n.Final, n.Stops = true, stops
		notes = append(notes, n)
	}
	if p.toldQuorum {
		n := p.quorumNote()
		if n.Kind, n.Final, n.Stops = QuorumLost, true, stops; !stops {
			n.Live = 0 // they have gone one after the other
		}
		notes = append(notes, n)
	}
	return notes
}
