package status

import (
	"net/netip"
	"time"
)

// Sync is what becomes of lvs_sync_daemon.
type Sync struct {
	Instance string        `json:"instance,omitempty"` // whose state decides which daemon runs; "" = both do
	Daemons  []SyncDaemon  `json:"daemons"`            // those that run
	Failing  []SyncFailure `json:"failing,omitempty"`  // why they are not as they are configured
	Resync   *Resync       `json:"resync,omitempty"`
}

// Resync is what has come of asking the other directors for their connections, and of their asking, since the start.
type Resync struct {
	Asking       bool    `json:"asking"`
	Telling      bool    `json:"telling"`
	Failing      string  `json:"failing,omitempty"` // why nobody can be asked
	Answered     uint64  `json:"answered"`          // own questions
	Unanswered   uint64  `json:"unanswered"`        // in time, or not to the end
	Learned      uint64  `json:"learned"`           // connections
	LostMessages uint64  `json:"lost_messages"`     // that the own kernel could not take meanwhile
	LastSeconds  Seconds `json:"last_seconds"`      // of the last whole answer
	Answers      uint64  `json:"answers"`           // to others
	Told         uint64  `json:"told"`              // connections, in those
	Untold       uint64  `json:"untold"`            // connections that no virtual service has
}

// SyncDaemon is one of the kernel's threads that share connections, as the kernel tells of it.
type SyncDaemon struct {
	Role      string     `json:"role"` // master (it sends) or backup (it receives)
	Interface string     `json:"interface"`
	ID        uint32     `json:"id"`
	MaxLen    uint16     `json:"max_len"` // of a message, bytes
	Group     netip.Addr `json:"group"`
	Port      uint16     `json:"port"`
	TTL       uint8      `json:"ttl"`
}

// SyncFailure is why the daemons are not as they are configured.
type SyncFailure struct {
	Error    string    `json:"error"`
	Attempts int       `json:"attempts"`
	Since    time.Time `json:"since"`
	Retry    time.Time `json:"retry,omitzero"` // of the next attempt
}
