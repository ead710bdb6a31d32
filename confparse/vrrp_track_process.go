package confparse

import (
	"fmt"
	"time"

	"vigil/confparse/diag"
)

// ParamMatch is how vrrp_track_process compares parameters.
type ParamMatch uint8

// The ways to compare parameters.
const (
	MatchNone    ParamMatch = iota // by name only
	MatchExact                     // all parameters, no more
	MatchInitial                   // the first parameters, of the last of which it is the beginning
	MatchPartial                   // the first parameters
)

// TrackProcess is a vrrp_track_process block.
type TrackProcess struct {
	Range          Range
	Name           string
	Process        string
	Params         []string
	Match          ParamMatch
	FullCommand    bool
	Weight         int // -254..254
	Reverse        bool
	Quorum         uint32 // 1
	QuorumMax      uint32 // 4294967295 = none
	TerminateDelay time.Duration
	ForkDelay      time.Duration
}

// noQuorumMax is QuorumMax of a process of which any number may run.
const noQuorumMax = 1<<32 - 1

var processesRow = blocksRow("vrrp_track_process", inTrackProcess, (*decoder).trackProcess,
	func(c *Config) []*TrackProcess { return c.Processes },
	func(p *printer, t *TrackProcess) {
		processBlock.print(p, "vrrp_track_process", t.Name, &processScratch{TrackProcess: t})
	})

// processScratch is a vrrp_track_process in the making.
type processScratch struct {
	*TrackProcess
	weighted bool // a weight is written
}

// processBlock is the rows of vrrp_track_process.
var processBlock = blockOf[processScratch]{
	ownRow("process", "", (*decoder).processLine, func(p *printer, t *processScratch) {
		words := []any{"process", quoted(t.Process)}
		for _, x := range t.Params {
			words = append(words, quoted(x))
		}
		p.line(words...)
	}),
	ownRow("param_match", "exact if there are parameters", (*decoder).paramMatch, func(p *printer, t *processScratch) {
		if t.Match != MatchNone {
			p.line([...]string{MatchExact: "param_match", MatchInitial: "param_match initial", MatchPartial: "param_match partial"}[t.Match])
		}
	}),
	weightRow(254, 0, func(t *processScratch) *int { return &t.Weight }, func(t *processScratch) *bool { return &t.Reverse },
		func(t *processScratch) *bool { return &t.weighted }),
	quorumMax(), quorum(),
	durationRow("terminate_delay", decimal(1, 3600_000_000), func(t *processScratch) *time.Duration { return &t.TerminateDelay }),
	durationRow("fork_delay", decimal(1, 3600_000_000), func(t *processScratch) *time.Duration { return &t.ForkDelay }),
	{keyword: keyword{name: "delay", value: decimal(1, 3600_000_000), def: "0", dur: func(d *decoder, at site, v time.Duration) {
		t := here[processScratch](at)
		t.TerminateDelay, t.ForkDelay = v, v
	}}},
	flagRow("full_command", func(t *processScratch) *bool { return &t.FullCommand }),
}

// quorum is how many processes must run, at most quorum_max.
func quorum() row[processScratch] {
	r := numberRow("quorum", whole(1, 65535), 1, func(t *processScratch) *uint32 { return &t.Quorum })
	r.num = func(d *decoder, at site, v int64) {
		t := here[processScratch](at)
		if uint32(v) > t.QuorumMax {
			d.about(at.n, diag.CodeRaised, "quorum cannot be above quorum_max - ignoring", "")
			return
		}
		t.Quorum = uint32(v)
	}
	r.print = func(p *printer, t *processScratch) { p.number("quorum", int64(t.Quorum), 0) }
	return r
}

// quorumMax is how many processes may run; 0 is the only way to a quorum of 0.
func quorumMax() row[processScratch] {
	r := numberRow("quorum_max", whole(0, 65535), noQuorumMax, func(t *processScratch) *uint32 { return &t.QuorumMax }).because("unlimited")
	r.num = func(d *decoder, at site, v int64) {
		t := here[processScratch](at)
		switch {
		case v == 0:
			t.Quorum = 0
		case uint32(v) < t.Quorum:
			d.about(at.n, diag.CodeRaised, "quorum_max cannot be below quorum - ignoring", "")
			return
		}
		t.QuorumMax = uint32(v)
	}
	r.print = func(p *printer, t *processScratch) {
		p.flag(t.Quorum == 0, "quorum_max 0")
		if t.QuorumMax != 0 && t.QuorumMax != noQuorumMax {
			p.line("quorum_max", t.QuorumMax)
		}
	}
	return r
}

// trackProcess decodes a vrrp_track_process block and settles it.
func (d *decoder) trackProcess(n *Node) {
	if !d.needName(n) {
		return
	}
	tp := &processScratch{TrackProcess: &TrackProcess{Range: n.RangeOf(n.Args[0]), Name: d.intern(n.Arg(0))}}
	processBlock.decode(d, n, tp)
	if tp.Process == "" {
		d.atEnd(n, diag.CodeTrackerDropped, fmt.Sprintf("No process set for vrrp_track_process %s - removing", tp.Name), "")
		return
	}
	if len(tp.Params) > 0 {
		tp.FullCommand = true
		if tp.Match == MatchNone {
			tp.Match = MatchExact
		}
	}
	d.cfg.Processes = append(d.cfg.Processes, tp.TrackProcess)
}

// processLine decodes "process COMMAND [PARAMETER…]".
func (d *decoder) processLine(n *Node, t *processScratch) {
	words := d.scriptWords(n)
	switch {
	case len(words) == 0:
		d.missing(n, false)
		return
	case t.Process != "":
		d.about(n, diag.CodeRepeated, "process already set - ignoring "+words[0], "")
		return
	}
	t.Process = d.intern(words[0])
	for _, w := range words[1:] {
		t.Params = append(t.Params, d.intern(w))
	}
}

// paramMatch decodes "param_match [initial|partial]".
func (d *decoder) paramMatch(n *Node, t *processScratch) {
	switch n.Arg(0) {
	case "":
		t.Match = MatchExact
	case "initial":
		t.Match = MatchInitial
	case "partial":
		t.Match = MatchPartial
	default:
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown param_match option "+n.Arg(0),
			"use initial or partial")
	}
}
