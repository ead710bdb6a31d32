package ipvs

import (
	"vigil/confparse"
	"vigil/ipvs/pool"
)

// Event is something that has happened to the pool of a virtual server.
type Event struct {
	VirtualServer confparse.VirtualServerID
	pool.Note
}

// The kinds of events that others than the log are told of. See pool.NoteKind.
const (
	ServerUp     = pool.ServerUp
	ServerDown   = pool.ServerDown
	ServerGone   = pool.ServerGone
	QuorumGained = pool.QuorumGained
	QuorumLost   = pool.QuorumLost
	CheckDone    = pool.CheckDone
	PanicBegan   = pool.PanicBegan
	PanicEnded   = pool.PanicEnded
)
