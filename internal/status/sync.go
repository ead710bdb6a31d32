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
