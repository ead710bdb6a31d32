package confparse

import (
	"time"

	"vigil/confparse/diag"
)

// trackKeywords are the rows of vrrp_script, vrrp_track_process and track_file, and of the lists that refer to them.
var trackKeywords = []keyword{
	{name: "vrrp_script", in: in(inRoot), block: inScript, pending: true, decode: (*decoder).trackScript},
	{name: "script", in: in(inScript), decode: func(d *decoder, n *Node) {
		if s, ok := d.script(n, false); ok {
			d.ts.Script = s
		}
	}},
	{name: "interval", in: in(inScript), value: decimal(0, 4294_000_000), def: "1",
		dur: func(d *decoder, v time.Duration) { d.ts.Interval = d.oneSecondAtLeast(v) }},
	{name: "timeout", in: in(inScript), value: decimal(0, 4294_000_000), def: "interval",
		dur: func(d *decoder, v time.Duration) { d.ts.Timeout = d.oneSecondAtLeast(v) }},
	{name: "weight", in: in(inScript), def: "0", decode: func(d *decoder, n *Node) {
		d.definitionWeight(n, 253, &d.ts.Weight, &d.ts.Reverse, false)
	}},
	{name: "rise", in: in(inScript), value: whole(1, maxInt32), def: "1",
		num: func(d *decoder, v int64) { d.ts.Rise = int(v) },
		bad: func(d *decoder) { d.ts.Rise = 1 }},
	{name: "fall", in: in(inScript), value: whole(1, maxInt32), def: "1",
		num: func(d *decoder, v int64) { d.ts.Fall = int(v) },
		bad: func(d *decoder) { d.ts.Fall = 1 }},
	{name: "user", in: in(inScript), def: "script_user", decode: func(d *decoder, n *Node) {
		d.blockAccount(n, &d.ts.Script.Account, false)
		d.scriptAccount, d.accountAt = d.ts.Script.Account, n
	}},
	{name: "init_fail", in: in(inScript), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.ts.InitFail = true }},

	{name: "vrrp_track_process", in: in(inRoot), block: inTrackProcess, pending: true, decode: (*decoder).trackProcess},
	{name: "process", in: in(inTrackProcess), decode: (*decoder).processLine},
	{name: "param_match", in: in(inTrackProcess), def: "exact if there are parameters", decode: func(d *decoder, n *Node) {
		switch n.Arg(0) {
		case "":
			d.tp.Match = MatchExact
		case "initial":
			d.tp.Match = MatchInitial
		case "partial":
			d.tp.Match = MatchPartial
		default:
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord, "Unknown param_match option "+n.Arg(0),
				"use initial or partial")
		}
	}},
	{name: "weight", in: in(inTrackProcess), def: "0", decode: func(d *decoder, n *Node) {
		d.definitionWeight(n, 254, &d.tp.Weight, &d.tp.Reverse, true)
	}},
	{name: "quorum", in: in(inTrackProcess), value: whole(1, 65535), def: "1", num: func(d *decoder, v int64) {
		if uint32(v) > d.tp.QuorumMax {
			d.about(d.n, diag.CodeRaised, "quorum cannot be above quorum_max - ignoring", "")
			return
		}
		d.tp.Quorum = uint32(v)
	}},
	{name: "quorum_max", in: in(inTrackProcess), value: whole(0, 65535), def: "unlimited",
		num: func(d *decoder, v int64) {
			switch {
			case v == 0:
				d.tp.Quorum = 0
			case uint32(v) < d.tp.Quorum:
				d.about(d.n, diag.CodeRaised, "quorum_max cannot be below quorum - ignoring", "")
				return
			}
			d.tp.QuorumMax = uint32(v)
		}},
	{name: "delay", in: in(inTrackProcess), value: decimal(1, 3600_000_000), def: "0",
		dur: func(d *decoder, v time.Duration) { d.tp.TerminateDelay, d.tp.ForkDelay = v, v }},
	{name: "terminate_delay", in: in(inTrackProcess), value: decimal(1, 3600_000_000), def: "0",
		dur: func(d *decoder, v time.Duration) { d.tp.TerminateDelay = v }},
	{name: "fork_delay", in: in(inTrackProcess), value: decimal(1, 3600_000_000), def: "0",
		dur: func(d *decoder, v time.Duration) { d.tp.ForkDelay = v }},
	{name: "full_command", in: in(inTrackProcess), value: value{kind: bare}, def: "off",
		on: func(d *decoder) { d.tp.FullCommand = true }},

	{name: "track_file", in: in(inRoot), block: inTrackFile, pending: true, decode: (*decoder).trackFile},
	{name: "vrrp_track_file", in: in(inRoot), block: inTrackFile, alias: "track_file", oldName: true, pending: true,
		decode: (*decoder).trackFile},
	{name: "file", in: in(inTrackFile), decode: func(d *decoder, n *Node) {
		words := d.scriptWords(n)
		if len(words) == 0 {
			d.missing(n, true)
			return
		}
		d.first(&d.tf.Path, d.intern(words[0]))
	}},
	{name: "weight", in: in(inTrackFile), def: "1", decode: func(d *decoder, n *Node) {
		d.definitionWeight(n, 254, &d.tf.Weight, &d.tf.Reverse, true)
	}},
	{name: "init_file", in: in(inTrackFile), def: "0", decode: (*decoder).initFile},

	{name: "track_interface", in: in(inSyncGroup), pending: true, list: &itemGrammar{name: "track_interface",
		decode: func(d *decoder, n *Node) {
			if t, ok := d.trackedInterface(n, d.sg.TrackInterfaces); ok {
				d.sg.TrackInterfaces = append(d.sg.TrackInterfaces, t)
			}
		}}},
	{name: "track_script", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_script", decode: func(d *decoder, n *Node) {
			d.tracked(n, "script", 254, &d.tracking().Scripts)
		}}},
	{name: "track_file", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_file", decode: func(d *decoder, n *Node) {
			d.tracked(n, "file", 254, &d.tracking().Files)
		}}},
	{name: "track_process", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_process", decode: func(d *decoder, n *Node) {
			d.tracked(n, "process", 254, &d.tracking().Processes)
		}}},
	{name: "track_bfd", in: in(inInstance, inSyncGroup), pending: true,
		list: &itemGrammar{name: "track_bfd", decode: func(d *decoder, n *Node) {
			d.tracked(n, "bfd", 253, &d.tracking().BFD)
		}}},
}
