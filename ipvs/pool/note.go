package pool

import "net/netip"

// NoteKind is the kind of a Note.
type NoteKind uint8

// The kinds.
const (
	ServerUp      NoteKind = iota + 1 // a real server is in the pool, or would be if the sorry server did not serve
	ServerDown                        // a real server is out, or in with weight 0
	WeightChanged                     // of a real server
	ServerGone                        // a real server has left the configuration
	QuorumGained
	QuorumLost // or was never had, when Initial is set
)

// Note is something that has happened to a pool and that the kernel knows of by now. It has all that telling it takes.
type Note struct {
	Kind    NoteKind
	Server  netip.AddrPort // of the first four kinds
	Inhibit bool           // inhibit_on_failure of it
	Up      bool           // whether it is up; of ServerGone, whether it was
	From    int32          // of WeightChanged
	To      int32

	// Of the quorum's kinds.
	Quorum     int64
	Hysteresis int64
	Live       int64 // the weight that decided
	Initial    bool  // decided at start or by a reload
	Swap       bool  // the sorry server and the pool have changed places
	Sorry      SorryServer
}

// note is a Note about server i.
func (p *Pool) note(k NoteKind, i int) Note {
	s := &p.spec.Servers[i]
	return Note{Kind: k, Server: s.Endpoint(), Inhibit: s.InhibitOnFailure, Up: p.servers[i].health.Up}
}

// Settle takes what has come of the pool in the kernel and returns what can be told now: first of the real servers, in
// the order in which they changed, then of the quorum. in says whether the kernel has a server, or the Sorry server, as
// Weight says; what it has not yet, or refuses, is told when it has. What has changed back meanwhile is never told.
func (p *Pool) Settle(in func(server int) bool) []Note {
	notes := p.gone
	p.gone = nil
	late := p.pending[:0]
	for _, i := range p.pending {
		s := &p.servers[i]
		if s.health != s.told && !in(i) {
			late = append(late, i)
			continue
		}
		if s.health.Up != s.told.Up {
			kind := ServerDown
			if s.health.Up {
				kind = ServerUp
			}
			notes = append(notes, p.note(kind, i))
		}
		if from, to := s.told.kernelWeight(), s.health.kernelWeight(); from != to {
			n := p.note(WeightChanged, i)
			n.From, n.To = from, to
			notes = append(notes, n)
		}
		s.told, s.queued = s.health, false
	}
	if p.pending = late; len(late) == 0 {
		p.pending = nil
	}
	return p.settleQuorum(notes, in)
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
	kind := QuorumLost
	if p.quorum.up {
		kind = QuorumGained
	}
	return append(notes, Note{
		Kind: kind, Quorum: p.quorum.quorum, Hysteresis: p.quorum.hysteresis, Live: p.quorum.sum,
		Initial: p.initial, Swap: swap, Sorry: p.spec.Sorry,
	})
}
