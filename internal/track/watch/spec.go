// Package watch watches what the priorities of virtual routers depend on besides interfaces: programs that are run time and
// again, processes, and numbers in files. What it finds out it tells to whom its Options name, and to nobody else.
package watch

import (
	"slices"
	"time"

	"vigil/confparse"
	"vigil/internal/script"
	"vigil/internal/track"
	"vigil/internal/trackfile"
)

// Spec is what is to be watched: what instances and sync groups refer to. The names within a kind are unique, and in order.
type Spec struct {
	Scripts   []Script
	Processes []Process
	Files     []File
	// EventsBuffer is the receive buffer of the socket on which the kernel reports processes; of 0 bytes it is the usual one.
	EventsBuffer confparse.BufferSize
}

// Script is a vrrp_script.
type Script struct {
	Name     string
	Argv     []string
	File     string // that is executed; "" = Argv[0]
	As       script.Identity
	Interval time.Duration // from start to start
	Timeout  time.Duration
	Rise     int // successes in a row after a failure that make it up
	Fall     int // failures in a row after a success that make it down
	InitFail bool
}

// Process is a vrrp_track_process.
type Process struct {
	Name           string
	Process        string // the name, or the path in the command line
	Params         []string
	Match          confparse.ParamMatch
	FullCommand    bool
	Quorum         uint32
	QuorumMax      uint32
	TerminateDelay time.Duration
	ForkDelay      time.Duration
}

// File is a track_file.
type File struct {
	Name string
	File trackfile.File
}

// Equal reports whether s and t are watched in the same way.
func (s Script) Equal(t Script) bool {
	return s.sameProgram(t) && s.Name == t.Name && s.Interval == t.Interval && s.Timeout == t.Timeout && s.Rise == t.Rise &&
		s.Fall == t.Fall && s.InitFail == t.InitFail
}

// sameProgram reports whether the same is run as the same account: what it said before still counts.
func (s Script) sameProgram(t Script) bool {
	return slices.Equal(s.Argv, t.Argv) && s.File == t.File && s.As == t.As
}

// Equal reports whether p and q count the same.
func (p Process) Equal(q Process) bool {
	return p.Name == q.Name && p.Process == q.Process && slices.Equal(p.Params, q.Params) && p.Match == q.Match &&
		p.FullCommand == q.FullCommand && p.Quorum == q.Quorum && p.QuorumMax == q.QuorumMax &&
		p.TerminateDelay == q.TerminateDelay && p.ForkDelay == q.ForkDelay
}

func (s Script) id() track.ID  { return track.ID{Kind: track.Script, Name: s.Name} }
func (p Process) id() track.ID { return track.ID{Kind: track.Process, Name: p.Name} }
func (f File) id() track.ID    { return track.ID{Kind: track.File, Name: f.Name} }

// Unused returns the names of the vrrp_scripts that no instance and no sync group refers to. They are not run.
func Unused(c *confparse.Config) (names []string) {
	used := referenced(c)
	for _, x := range c.Scripts {
		if !used[track.ID{Kind: track.Script, Name: x.Name}] {
			names = append(names, x.Name)
		}
	}
	return names
}

// referenced are the tracked objects that instances and sync groups refer to.
func referenced(c *confparse.Config) map[track.ID]bool {
	used := make(map[track.ID]bool)
	note := func(t *confparse.Tracking) {
		for _, of := range []struct {
			kind track.Kind
			list []confparse.Tracked
		}{{track.Script, t.Scripts}, {track.Process, t.Processes}, {track.File, t.Files}} {
			for _, x := range of.list {
				used[track.ID{Kind: of.kind, Name: x.Name}] = true
			}
		}
	}
	for _, in := range c.Instances {
		note(&in.Tracking)
	}
	for _, g := range c.SyncGroups {
		note(&g.Tracking)
	}
	return used
}

// FromConfig derives what is to be watched from a configuration that is settled.
func FromConfig(c *confparse.Config) Spec {
	used := referenced(c)
	s := Spec{EventsBuffer: c.Global.ProcessBuffer}
	for _, x := range confparse.InForce(c.Scripts) {
		one := scriptFromConfig(x)
		if used[one.id()] {
			s.Scripts = append(s.Scripts, one)
		}
	}
	for _, x := range confparse.InForce(c.Processes) {
		one := Process{Name: x.Name, Process: x.Process, Params: x.Params, Match: x.Match, FullCommand: x.FullCommand,
			Quorum: x.Quorum, QuorumMax: x.QuorumMax, TerminateDelay: x.TerminateDelay, ForkDelay: x.ForkDelay}
		if used[one.id()] {
			s.Processes = append(s.Processes, one)
		}
	}
	for _, x := range confparse.InForce(c.Files) {
		one := File{x.Name, trackfile.File{Path: x.Path, Init: x.Init, InitValue: x.InitValue, Overwrite: x.Overwrite}}
		if used[one.id()] {
			s.Files = append(s.Files, one)
		}
	}
	return s
}

func scriptFromConfig(x *confparse.TrackScript) Script {
	as := x.Script.RunAs
	return Script{Name: x.Name, Argv: x.Script.Argv, File: x.Script.File, As: script.Identity{UID: as.UID, GID: as.GID, Supplementary: as.Supplementary},
		Interval: x.Interval, Timeout: x.Timeout, Rise: x.Rise, Fall: x.Fall, InitFail: x.InitFail}
}
